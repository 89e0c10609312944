"""People of a document as people of the engine, with the holidays of their calendars."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from app.engine.intervals import Interval, merged
from app.engine.roster.model import Person
from app.engine.walltime import FOREVER, HOUR, MINUTE, ZoneClock
from app.errors import FieldError
from app.products.endpoint import AFTER_SIGNING
from app.products.holiday_calendars import holiday_intervals
from app.products.roster.fields import PersonDocument

FREE_CALENDARS = 5
"""So many calendars of holidays are read before anybody pays: each loads a country's rules."""
SHARES = 10
"""In so many parts of the time is the share counted that somebody is there, from ``joins`` on."""


def minutes_ms(hours: float) -> int:
    """Return hours in milliseconds, rounded to the minute."""
    return round(hours * HOUR / MINUTE) * MINUTE


def engine_person(
    person: PersonDocument,
    window: tuple[int, int],
    holidays: str | None,
    days: range,
    clock: ZoneClock,
) -> Person:
    """Return a person of the engine.

    ``window`` is from the first slot to the last, on local ``days``; ``holidays`` is the calendar
    of those who have none of their own.
    """
    code = person.holidays or holidays
    away: list[Interval] = [(each.start, each.end) for each in person.unavailable or ()]
    if person.joins is not None:
        away.append((-FOREVER, person.joins))
    if person.leaves is not None:
        away.append((person.leaves, FOREVER))
    return Person(
        str(person.name),
        frozenset(map(str, person.skills or ())),
        weight_of(person.weight) * _share(person, window),
        tuple(merged(sorted(away))),
        holiday_intervals(code, days, clock) if code else (),
    )


def weight_of(weight: float | None) -> Fraction:
    """Return a weight exactly as written: 0.1 is a tenth."""
    return Fraction(1) if weight is None else Fraction(str(weight))


def _share(person: PersonDocument, window: tuple[int, int]) -> Fraction:
    """Return the share of the time that somebody is there, in tenths, one tenth at least."""
    start, end = window
    if person.joins is None and person.leaves is None:
        return Fraction(1)
    first = max(start, start if person.joins is None else person.joins)
    last = min(end, end if person.leaves is None else person.leaves)
    there = Fraction(max(0, last - first), end - start)
    return max(Fraction(1, SHARES), Fraction(round(there * SHARES), SHARES))


def calendars_in(people: Sequence[PersonDocument], holidays: str | None) -> Sequence[str]:
    """Return the calendars of holidays that are used, each once."""
    return list(dict.fromkeys(code for who in people if (code := who.holidays or holidays)))


def calendars_later(people: Sequence[PersonDocument], holidays: str | None) -> Iterator[FieldError]:
    """Yield what is told before payment of holidays that are too many to be read for nothing."""
    count = len(calendars_in(people, holidays))
    if count > FREE_CALENDARS:
        yield FieldError(
            "/people", f"have {count} calendars of holidays, which are read {AFTER_SIGNING}"
        )


def engine_points(points: Mapping[str, float] | None) -> Mapping[str, Fraction]:
    """Return what slots are worth by kind."""
    return {kind: Fraction(str(worth)) for kind, worth in (points or {}).items()}
