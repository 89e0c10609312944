"""Public holidays by country and subdivision, from the ``holidays`` package.

The package loads all its countries when it is first asked for one, or which there are. That takes
a fifth of a second, so a service does it before it answers anybody: its examples name one.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import holidays

from app.engine.intervals import Interval, merged
from app.engine.walltime import DAY, ZoneClock
from app.similar import most_similar

EPOCH = date(1970, 1, 1)
MAX_NAMED = 60
"""The most subdivisions that an unknown one is answered with."""
KEPT_CALENDARS = 256


class Holiday(NamedTuple):
    """A local day, counted from 1970-01-01, and what is celebrated."""

    day: int
    name: str

    @property
    def date(self) -> str:
        """The day as ``2026-12-25``."""
        return (EPOCH + timedelta(days=self.day)).isoformat()


def calendar_error(code: str) -> str | None:
    """Return why a text names no calendar of holidays; ``None`` if it does: ``DE``, ``DE-BY``."""
    known = holidays.list_supported_countries(include_aliases=False)
    country, _, part = code.partition("-")
    if country not in known:
        meant = _meant(code, known)
        return f"is no country of ISO 3166, such as DE or DE-BY{meant}"
    parts = known[country]
    if part and part not in parts:
        if not parts:
            return f"has no subdivisions: write {country}"
        named = ", ".join(f"{country}-{each}" for each in parts[:MAX_NAMED])
        return f"is no subdivision with holidays of its own: there are {named}, or {country} alone"
    return None if part or code == country else f"is not complete: write {country}, or a part of it"


def _meant(code: str, known: dict[str, list[str]]) -> str:
    """Return a hint at the country that is meant by another case, or by its three letters."""
    upper = code.upper()
    country, _, part = upper.partition("-")
    if country in known and (not part or part in known[country]):
        return f": write {upper}"
    nearest = most_similar(upper, known, at_least=0.75)
    return f"; did you mean {nearest!r}?" if nearest else ""


@lru_cache(KEPT_CALENDARS)
def holidays_of(code: str, days: range) -> Sequence[Holiday]:
    """Return the holidays of a calendar on local ``days``, counted from 1970-01-01, in order.

    ``calendar_error`` must find nothing wrong with ``code``.
    """
    country, _, part = code.partition("-")
    first, last = EPOCH + timedelta(days=days.start), EPOCH + timedelta(days=days.stop - 1)
    years = range(first.year, last.year + 1)
    calendar = holidays.country_holidays(
        country, subdiv=part or None, years=years, expand=False, language="en_US"
    )
    counted = ((day.toordinal() - EPOCH.toordinal(), name) for day, name in calendar.items())
    return tuple(sorted(Holiday(day, name) for day, name in counted if day in days))


def local_days(clock: ZoneClock, start_at: int, end_at: int) -> range:
    """Return the local days that ``[start_at, end_at)`` meets, counted from 1970-01-01."""
    return range(clock.wall(start_at) // DAY, clock.wall(end_at - 1) // DAY + 1)


@lru_cache(KEPT_CALENDARS)
def holiday_intervals(code: str, days: range, clock: ZoneClock) -> tuple[Interval, ...]:
    """Return the holidays of a calendar on local ``days`` as intervals, from midnight on."""
    starts = [holiday.day for holiday in holidays_of(code, days)]
    return tuple(
        merged([(clock.first_at(day * DAY), clock.first_at((day + 1) * DAY)) for day in starts])
    )
