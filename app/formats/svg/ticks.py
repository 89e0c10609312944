"""The ticks of a time axis, at round local times.

Strategy: the first of ``STEPS`` that gives few enough ticks is chosen, and its multiples in local
time are converted to instants. A local time that a clock change skips has no tick; one that a clock
change repeats has a tick at its first occurrence. So ticks around a clock change are unevenly
spaced, as local time is.
"""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from app.engine.walltime import DAY, HOUR, MINUTE, SECOND, WALL_MONDAY, WEEK, ZoneClock
from app.formats.instants import iso_texts

MONTH, YEAR = 30 * DAY, 365 * DAY
"""Approximate lengths. Ticks of months and years follow the calendar."""

STEPS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(step * SECOND for step in (1, 2, 5, 15, 30)),
    *(step * MINUTE for step in (1, 2, 5, 15, 30)),
    *(step * HOUR for step in (1, 2, 3, 6, 12)),
    *(DAY, 2 * DAY, WEEK, 2 * WEEK, MONTH, 2 * MONTH, 3 * MONTH, 6 * MONTH),
    *(step * YEAR for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)),
)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
EPOCH = date(1970, 1, 1).toordinal()


class Tick(NamedTuple):
    """An instant with a short label, and the label of the longer period that it is in."""

    at: int
    label: str
    period: str


def ticks(from_at: int, to_at: int, clock: ZoneClock, most: int) -> list[Tick]:
    """Return at most ``most`` + 1 ticks in ``[from_at, to_at]``, in order."""
    step = next(step for step in STEPS if (to_at - from_at) / step <= most)
    found = []
    walls = sorted((clock.wall(from_at), clock.wall(to_at)))
    for wall in _walls(walls[0], walls[1], step):
        at = clock.first_at(wall)
        if from_at <= at <= to_at and clock.wall(at) == wall:
            found.append(Tick(at, *_labels(wall, step)))
    return found


def _walls(start: int, end: int, step: int) -> Iterator[int]:
    """Yield the multiples of ``step`` in the local time ``[start, end]``, or starts of months."""
    if step < MONTH:
        offset = WALL_MONDAY if step >= WEEK else 0
        return iter(range(start + (offset - start) % step, end + 1, step))
    months = 12 * (step // YEAR) or step // MONTH
    first, last = _month(start), _month(end)
    return map(_first_of, range(first + -first % months, last + 1, months))


def _month(wall: int) -> int:
    """Return the months since the year 0."""
    day = _date(wall)
    return day.year * 12 + day.month - 1


def _first_of(month: int) -> int:
    year, number = divmod(month, 12)
    return (date(year, number + 1, 1).toordinal() - EPOCH) * DAY


def _labels(wall: int, step: int) -> tuple[str, str]:
    day = _date(wall)
    [text] = iso_texts((wall,))
    month = MONTHS[day.month - 1]
    if step < SECOND:
        return text[17:23], text[11:16]
    if step < DAY:
        return text[11:19] if step < MINUTE else text[11:16], local_day(wall)
    if step < WEEK:
        return f"{_weekday(day)} {day.day}", f"{month} {day.year}"
    if step < MONTH:
        return f"{day.day} {month}", str(day.year)
    return (month, str(day.year)) if step < YEAR else (str(day.year), "")


def local_day(wall: int) -> str:
    """Return the day of a local time, such as "Mon 1 Jun"."""
    day = _date(wall)
    return f"{_weekday(day)} {day.day} {MONTHS[day.month - 1]}"


def _weekday(day: date) -> str:
    return WEEKDAYS[day.weekday()]


def _date(wall: int) -> date:
    return date.fromordinal(EPOCH + wall // DAY)
