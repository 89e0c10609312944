"""Patterns of slots that recur by the wall clock, unfolded into slots.

A pattern says on which days of the week a slot starts, and when it starts and ends on the local
clock. Both are the same on the days of a clock change: a night from 17:00 to 09:00 lasts 15 or 17
hours then. A time that the clock shows twice means the first of the two, and one that it skips the
first instant after the gap; so slots that touch on the clock touch in time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.engine.roster.model import Slot
from app.engine.walltime import DAY, WALL_MONDAY, ZoneClock


@dataclass(frozen=True, slots=True)
class Pattern:
    """Slots that start at the same local time on some days of the week, Monday being 0.

    ``start`` and ``end`` are milliseconds after midnight. A slot ends on the first ``end_day`` (a
    day of the week) on which its end is after its start; on any day without one.
    """

    days: frozenset[int]
    start: int
    end: int
    end_day: int | None = None
    kind: str = ""
    needs: tuple[str | None, ...] = (None,)
    tags: frozenset[str] = frozenset()


def unfolded(patterns: Sequence[Pattern], clock: ZoneClock, days: range) -> Sequence[Slot]:
    """Return the slots that start on ``days`` (since 1970-01-01), in order of start.

    One that is skipped whole by a clock change is left out.
    """
    slots = [slot for pattern in patterns for slot in _slots(pattern, clock, days)]
    return sorted(slots, key=lambda slot: (slot.start_at, slot.end_at))


def slot_count(patterns: Sequence[Pattern], days: range) -> int:
    """Return how many slots there are at most, without unfolding them."""
    counts = [0] * 7
    for weekday in range(7):
        first = (weekday - weekday_of(days.start)) % 7
        counts[weekday] = len(range(days.start + first, days.stop, 7))
    return sum(counts[weekday] for pattern in patterns for weekday in pattern.days)


def weekday_of(day: int) -> int:
    """Return the day of the week of a day since 1970-01-01, Monday being 0."""
    return (day - WALL_MONDAY // DAY) % 7


def _slots(pattern: Pattern, clock: ZoneClock, days: range) -> Iterator[Slot]:
    for day in days:
        if weekday_of(day) in pattern.days:
            start_at = clock.first_at(day * DAY + pattern.start)
            end_at = clock.first_at((day + _days_later(pattern, day)) * DAY + pattern.end)
            if start_at < end_at:
                yield Slot(start_at, end_at, pattern.kind, pattern.needs, pattern.tags)


def _days_later(pattern: Pattern, day: int) -> int:
    """Return how many days after its start a slot ends."""
    passes_midnight = pattern.end <= pattern.start
    if pattern.end_day is None:
        return int(passes_midnight)
    later = (pattern.end_day - weekday_of(day)) % 7
    return 7 if later == 0 and passes_midnight else later
