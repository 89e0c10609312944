"""Recurrence rules, laid out within a window of wall times (RFC 5545, 3.3.10, and RFC 7529).

Strategy: a rule is a sequence of periods (years, months, weeks, days; for shorter ones the days in
which they lie). Each period has a set of days, each day a set of times, and BYSETPOS picks from
what is in one period. Without COUNT the first period is found by division, so a series that began
in 1601 costs no more than one of this year.

Invariants: starts ascend and none is yielded twice. The series' own start is always the first and
counts as one, also if the rule does not hold there. Work is bounded by the window and by COUNT:
a rule that never holds ends with the window.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice, product
from typing import Any

from app.engine.walltime import DAY, HOUR, MINUTE, SECOND
from app.formats.calendars.components import Property
from app.formats.calendars.values import EPOCH_DAY, When, when

LAST_YEAR = 9999
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
UNITS = {"HOURLY": HOUR, "MINUTELY": MINUTE, "SECONDLY": SECOND}
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", *UNITS)
SKIPS = ("OMIT", "BACKWARD", "FORWARD")
WHOLE = re.compile(r"[+-]?\d{1,9}", re.ASCII)
BY_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
MAX_SHOWN = 80

LISTS = {
    "BYSECOND": ("by_second", 0, 60),
    "BYMINUTE": ("by_minute", 0, 59),
    "BYHOUR": ("by_hour", 0, 23),
    "BYMONTHDAY": ("by_month_day", -31, 31),
    "BYYEARDAY": ("by_year_day", -366, 366),
    "BYWEEKNO": ("by_week", -53, 53),
    "BYMONTH": ("by_month", 1, 12),
    "BYSETPOS": ("by_position", -366, 366),
}
"""The parts that are lists of numbers: the field, the smallest number and the largest."""


@dataclass(frozen=True)
class Rule:
    """A recurrence rule. Weekdays count from 0, Monday; ``by_day`` has 0 where all are meant."""

    frequency: str
    interval: int = 1
    count: int = 0
    until: When | None = None
    by_second: Sequence[int] = ()
    by_minute: Sequence[int] = ()
    by_hour: Sequence[int] = ()
    by_day: Sequence[tuple[int, int]] = ()
    by_month_day: Sequence[int] = ()
    by_year_day: Sequence[int] = ()
    by_week: Sequence[int] = ()
    by_month: Sequence[int] = ()
    by_position: Sequence[int] = ()
    week_start: int = 0
    skip: str = "OMIT"
    scale: str = "GREGORIAN"


# --- reading ----------------------------------------------------------------------------------


def rule_of(value: str) -> Rule:
    """Return the rule that ``value`` writes. Raises ``ValueError`` with the rule."""
    try:
        return _checked(Rule(**_parts(value)))
    except (ValueError, TypeError):
        shown = value.strip()[:MAX_SHOWN].encode(errors="replace").decode()
        raise ValueError(f"a recurrence rule is not valid: {shown}") from None


def _parts(value: str) -> dict[str, Any]:
    """Return the fields of the rule. Parts that begin with X- say nothing."""
    fields: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in value.upper().split(";"))):
        name, equals, written = part.partition("=")
        if not equals:
            raise ValueError
        if name in LISTS:
            field, least, most = LISTS[name]
            fields[field] = _numbers(written, least, most)
        elif name in SINGLE:
            field, read = SINGLE[name]
            fields[field] = read(written)
        elif not name.startswith("X-"):
            raise ValueError
    return fields


def _numbers(written: str, least: int, most: int) -> Sequence[int]:
    """Return the numbers of a list, in order and each once. 0 is none where some are negative."""
    numbers = {_whole(item) for item in written.split(",")}
    if min(numbers) < least or max(numbers) > most or (least < 0 and 0 in numbers):
        raise ValueError
    return sorted(numbers)


def _whole(written: str) -> int:
    if not WHOLE.fullmatch(written.strip()):
        raise ValueError
    return int(written)


def _positive(written: str) -> int:
    number = _whole(written)
    if number < 1:
        raise ValueError
    return number


def _days(written: str) -> Sequence[tuple[int, int]]:
    found = [BY_DAY.fullmatch(item.strip()) for item in written.split(",")]
    days = {(int(item[1] or 0), WEEKDAYS.index(item[2])) for item in found if item}
    if not all(found) or any(item and item[1] and not int(item[1]) for item in found):
        raise ValueError
    return sorted(days)


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    def read(written: str) -> str:
        return names[names.index(written)]

    return read


SINGLE: dict[str, tuple[str, Callable[[str], object]]] = {
    "FREQ": ("frequency", _one_of(FREQUENCIES)),
    "INTERVAL": ("interval", _positive),
    "COUNT": ("count", _positive),
    "UNTIL": ("until", lambda written: when(Property("", written))),
    "BYDAY": ("by_day", _days),
    "WKST": ("week_start", WEEKDAYS.index),
    "SKIP": ("skip", _one_of(SKIPS)),
    "RSCALE": ("scale", _one_of(("GREGORIAN",))),
}
"""The other parts: the field, and what reads it. The one scale of months is the usual one."""


def _checked(rule: Rule) -> Rule:
    """Return ``rule``. Raises ``ValueError`` for parts that RFC 5545 forbids together."""
    numbered = any(nth for nth, _ in rule.by_day)
    if (
        (rule.by_week and rule.frequency != "YEARLY")
        or (rule.by_year_day and rule.frequency in ("MONTHLY", "WEEKLY", "DAILY"))
        or (rule.by_month_day and rule.frequency == "WEEKLY")
        or (numbered and (rule.frequency not in ("YEARLY", "MONTHLY") or rule.by_week))
    ):
        raise ValueError
    return rule


# --- laying out -------------------------------------------------------------------------------


def starts_within(rule: Rule, start: int, from_wall: int, to_wall: int) -> Iterator[int]:
    """Yield the starts in ``[from_wall, to_wall)`` of a series that begins at ``start``.

    All are wall times. ``until`` is up to the caller, who knows the zone.
    """
    starts = _after_start(rule, start, start if rule.count else max(start, from_wall), to_wall)
    if rule.count:
        starts = islice(starts, rule.count - 1)
    for wall in chain((start,), starts):
        if from_wall <= wall < to_wall:
            yield wall


def _after_start(rule: Rule, start: int, from_wall: int, to_wall: int) -> Iterator[int]:
    """Yield what the rule generates after ``start`` and before ``to_wall``."""
    for wall in _generated(rule, start, from_wall, to_wall):
        if wall >= to_wall:
            return
        if wall > start:
            yield wall


def _generated(rule: Rule, start: int, from_wall: int, to_wall: int) -> Iterator[int]:
    """Yield what the rule generates in the periods that touch the window, in order."""
    start_day, from_day, last_day = start // DAY, from_wall // DAY, (to_wall - 1) // DAY
    if rule.frequency in UNITS:
        yield from _within_days(rule, start, from_day, last_day)
        return
    times = _times(rule, start % DAY)
    for days in PERIODS[rule.frequency](rule, start_day, from_day, last_day):
        walls = [day * DAY + time for day in days for time in times]
        yield from _picked(walls, rule.by_position) if rule.by_position else walls


def _times(rule: Rule, time: int) -> Sequence[int]:
    """Return the times of a day, in milliseconds: those of the rule, or ``time``."""
    hours = rule.by_hour or (time // HOUR,)
    minutes = rule.by_minute or (time % HOUR // MINUTE,)
    seconds = _seconds(rule, time)
    return [
        hour * HOUR + minute * MINUTE + second * SECOND
        for hour, minute, second in product(hours, minutes, seconds)
    ]


def _seconds(rule: Rule, time: int) -> Sequence[int]:
    if not rule.by_second:
        return (time % MINUTE // SECOND,)
    return sorted({min(second, 59) for second in rule.by_second})  # a leap second is the one before


def _picked(walls: Sequence[int], positions: Sequence[int]) -> Sequence[int]:
    """Return what is at ``positions`` in ``walls``, counted from 1, or from the end by -1."""
    places = {at - 1 if at > 0 else len(walls) + at for at in positions}
    return [walls[at] for at in sorted(places) if 0 <= at < len(walls)]


def _within_days(rule: Rule, start: int, from_day: int, last_day: int) -> Iterator[int]:
    """Yield the starts of a rule by hours, minutes or seconds, day by day."""
    unit = UNITS[rule.frequency]
    units = DAY // unit
    for day in range(from_day, last_day + 1):
        if _is_in(rule, day):
            first = day * units
            for number in range((start // unit - first) % rule.interval, units, rule.interval):
                walls = [day * DAY + time for time in _times_in(rule, start, number * unit, unit)]
                yield from _picked(walls, rule.by_position) if rule.by_position else walls


def _times_in(rule: Rule, start: int, time: int, unit: int) -> Sequence[int]:
    """Return the times of the rule in the hour, minute or second that begins at ``time``."""
    if rule.by_hour and time // HOUR not in rule.by_hour:
        return ()
    if unit == HOUR:
        minutes = rule.by_minute or (start % HOUR // MINUTE,)
        seconds = _seconds(rule, start)
        return [
            time + minute * MINUTE + second * SECOND for minute in minutes for second in seconds
        ]
    if rule.by_minute and time % HOUR // MINUTE not in rule.by_minute:
        return ()
    if unit == MINUTE:
        return [time + second * SECOND for second in _seconds(rule, start)]
    return (time,) if not rule.by_second or time % MINUTE // SECOND in rule.by_second else ()


# --- the days of a period ---------------------------------------------------------------------


def _days_of_days(
    rule: Rule, start_day: int, from_day: int, last_day: int
) -> Iterator[Sequence[int]]:
    for day in range(_aligned(start_day, from_day, rule.interval), last_day + 1, rule.interval):
        if _is_in(rule, day):
            yield (day,)


def _days_of_weeks(
    rule: Rule, start_day: int, from_day: int, last_day: int
) -> Iterator[Sequence[int]]:
    weekdays = [weekday for _, weekday in rule.by_day] or [_weekday(start_day)]
    offsets = sorted((weekday - rule.week_start) % 7 for weekday in weekdays)
    first = start_day - (_weekday(start_day) - rule.week_start) % 7
    for week in range(
        _aligned(first, from_day - 6, 7 * rule.interval), last_day + 1, 7 * rule.interval
    ):
        days = [week + offset for offset in offsets]
        if rule.by_month:
            days = [day for day in days if _date(day).month in rule.by_month]
        yield days


def _days_of_months(
    rule: Rule, start_day: int, from_day: int, last_day: int
) -> Iterator[Sequence[int]]:
    start = _date(start_day)
    month = _aligned(_month(start_day), _month(from_day), rule.interval)
    while month <= min(_month(last_day), LAST_YEAR * 12 + 11):
        if not rule.by_month or month % 12 + 1 in rule.by_month:
            yield _days_of_month(rule, start.day, month // 12, month % 12 + 1)
        month += rule.interval


def _days_of_years(
    rule: Rule, start_day: int, from_day: int, last_day: int
) -> Iterator[Sequence[int]]:
    start = _date(start_day)
    first, last = _date(from_day).year, _date(last_day).year
    for year in range(_aligned(start.year, first, rule.interval), last + 1, rule.interval):
        yield _days_of_year(rule, start, year)


PERIODS = {
    "DAILY": _days_of_days,
    "WEEKLY": _days_of_weeks,
    "MONTHLY": _days_of_months,
    "YEARLY": _days_of_years,
}


def _aligned(start: int, wanted: int, step: int) -> int:
    """Return the first of ``start``, ``start + step``, … that is not before ``wanted``."""
    return start + max(0, -(-(wanted - start) // step)) * step


def _days_of_month(rule: Rule, start_day: int, year: int, month: int) -> Sequence[int]:
    """Return the days of one month: those of BYMONTHDAY and BYDAY, or the ``start_day``-th."""
    first, length = _first_day(year, month), monthrange(year, month)[1]
    if not rule.by_month_day:
        if rule.by_day:
            return _by_day(rule.by_day, first, length)
        numbers: Sequence[int] = (start_day,)
    else:
        numbers = rule.by_month_day
    days = _numbered(rule, numbers, first, length)
    return sorted(days & set(_by_day(rule.by_day, first, length)) if rule.by_day else days)


def _numbered(rule: Rule, numbers: Sequence[int], first: int, length: int) -> set[int]:
    """Return the days of a month by their numbers. SKIP says what becomes of a 30 February."""
    if rule.skip == "BACKWARD":
        numbers = [min(number, length) for number in numbers]
    elif rule.skip == "FORWARD":
        numbers = [min(number, length + 1) for number in numbers]
    most = length + (rule.skip == "FORWARD")
    places = (number - 1 if number > 0 else length + number for number in numbers)
    return {first + place for place in places if 0 <= place < most}


def _days_of_year(rule: Rule, start: date, year: int) -> Sequence[int]:
    if rule.by_year_day or rule.by_week:
        return _days_by_number(rule, start, year)
    if rule.by_month or rule.by_month_day or not rule.by_day:
        months = rule.by_month or (range(1, 13) if rule.by_month_day else (start.month,))
        days = {day for month in months for day in _days_of_month(rule, start.day, year, month)}
        return sorted(days)
    return _by_day(rule.by_day, _first_day(year, 1), 365 + isleap(year))


def _days_by_number(rule: Rule, start: date, year: int) -> Sequence[int]:
    """Return the days of a year by BYYEARDAY and BYWEEKNO, within what else is given."""
    first, length = _first_day(year, 1), 365 + isleap(year)
    days = set(range(first, first + length))
    if rule.by_year_day:
        days &= {
            first + (number - 1 if number > 0 else length + number) for number in rule.by_year_day
        }
    if rule.by_week:
        days = {day for day in days if _is_in_week(rule, day)}
        if not (rule.by_day or rule.by_month_day or rule.by_year_day):
            days = {day for day in days if _weekday(day) == start.weekday()}
    if rule.by_day:
        days &= set(_by_day(rule.by_day, first, length))
    limits = (rule.by_month, rule.by_month_day)
    return sorted(day for day in days if _is_in_month(_date(day), *limits))


def _by_day(by_day: Sequence[tuple[int, int]], first: int, length: int) -> Sequence[int]:
    """Return the weekdays within ``length`` days from ``first``: all of them, or the nth."""
    days: set[int] = set()
    for nth, weekday in by_day:
        all_ = range(first + (weekday - _weekday(first)) % 7, first + length, 7)
        if nth == 0:
            days.update(all_)
        elif abs(nth) <= len(all_):
            days.add(all_[nth - 1 if nth > 0 else nth])
    return sorted(days)


def _is_in(rule: Rule, day: int) -> bool:
    """Whether a rule by days or less allows ``day``."""
    if rule.by_day and (0, _weekday(day)) not in rule.by_day:
        return False
    if not (rule.by_month or rule.by_month_day or rule.by_year_day):
        return True
    at = _date(day)
    if rule.by_year_day:
        number, length = at.timetuple().tm_yday, 365 + isleap(at.year)
        if number not in rule.by_year_day and number - length - 1 not in rule.by_year_day:
            return False
    return _is_in_month(at, rule.by_month, rule.by_month_day)


def _is_in_month(at: date, months: Sequence[int], days: Sequence[int]) -> bool:
    if months and at.month not in months:
        return False
    length = monthrange(at.year, at.month)[1]
    return not days or at.day in days or at.day - length - 1 in days


def _is_in_week(rule: Rule, day: int) -> bool:
    """Whether ``day`` is in a week of BYWEEKNO. The first week has four days of its year."""
    middle = day - (_weekday(day) - rule.week_start) % 7 + 3
    year = _date(middle).year
    number = (middle - _first_day(year, 1)) // 7 + 1
    weeks = (_first_day(year, 1) + 364 + isleap(year) - middle) // 7 + number
    return number in rule.by_week or number - weeks - 1 in rule.by_week


def _weekday(day: int) -> int:
    return (day + 3) % 7  # 1970-01-01 was a Thursday


def _date(day: int) -> date:
    return date.fromordinal(min(max(day + EPOCH_DAY, 1), date.max.toordinal()))


def _month(day: int) -> int:
    at = _date(day)
    return at.year * 12 + at.month - 1


def _first_day(year: int, month: int) -> int:
    return date(year, month, 1).toordinal() - EPOCH_DAY
