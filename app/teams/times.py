"""Instants and local dates as the stored APIs write and read them."""

from datetime import date

from app.engine.layered.limits import DAY_MS
from app.engine.walltime import MINUTE, clock_of
from app.formats.instants import iso

FIRST_YEAR, LAST_YEAR = 2, 9998
_EPOCH = date(1970, 1, 1)


def utc_text(at: int) -> str:
    """Return ``2026-04-24T19:00:00Z`` for an instant, with decimals only if it has any."""
    return iso(at).replace(".000Z", "Z")


def local_text(at: int, timezone: str) -> str:
    """Return ``2026-03-08T18:00:00+01:00`` for an instant, by the clock of ``timezone``.

    It is in UTC where the zone's offset has seconds.
    """
    offset = clock_of(timezone).wall(at) - at
    if offset % MINUTE:
        return utc_text(at)
    minutes = abs(offset) // MINUTE
    sign = "-" if offset < 0 else "+"
    return f"{utc_text(at + offset)[:-1]}{sign}{minutes // 60:02}:{minutes % 60:02}"


def day_in_range(day: date) -> bool:
    """Return whether all of a local day can be asked about."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def local_days(first: date, last: date, timezone: str) -> tuple[int, int]:
    """Return the instants ``[from, to)`` of whole local days, ``first`` and ``last`` included."""
    clock = clock_of(timezone)
    start, end = ((day - _EPOCH).days * DAY_MS for day in (first, last))
    return clock.first_at(start), clock.first_at(end + DAY_MS)
