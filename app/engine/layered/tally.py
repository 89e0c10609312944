"""Shifts, hours, nights and weekends of each person in a final schedule.

Strategy: nights and weekends are windows on the wall like those of restrictions (rule 7 of
``schedules.md``), laid out once for the whole schedule; each person's segments, which are in order,
are intersected with them.

Invariants: every participant of a layer is counted, with zeros if never on call; hours of all
people and hours of all gaps add up to the window, unless several are on call at once: each of them
has all of these hours. A shift is a segment as the window shows it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from app.engine.intervals import Interval, split
from app.engine.layered.model import FinalSchedule, Restriction, Schedule
from app.engine.layered.restrictions import recurring_windows, windows_between
from app.engine.layered.roles import schedule_of_role
from app.engine.walltime import DAY, HOUR, clock_of

NIGHT = Restriction(22 * HOUR, 6 * HOUR)
"""22:00 to 06:00, local time."""
WEEKEND = Restriction(0, DAY, (5, 6))
"""Saturday and Sunday, local time."""


class Tally(NamedTuple):
    """The share of one person in a window; lengths are whole milliseconds of elapsed time."""

    user_id: str
    shifts: int
    total_ms: int
    night_ms: int
    weekend_ms: int
    role: str | None = None

    @property
    def hours(self) -> float:
        return self.total_ms / HOUR

    @property
    def night_hours(self) -> float:
        return self.night_ms / HOUR

    @property
    def weekend_hours(self) -> float:
        return self.weekend_ms / HOUR


def tallies(schedule: Schedule, final: FinalSchedule) -> tuple[Tally, ...]:
    """Return one tally for each person.

    The participants of the layers come first, in first-seen order, then the other people of
    overrides and entries. ``final`` is an answer of ``final_schedule`` for ``schedule``.
    """
    intervals: dict[str, list[Interval]] = {
        user_id: [] for layer in schedule.layers for user_id in layer.people
    }
    for segment in final.segments:
        for user_id in segment.user_ids:
            intervals.setdefault(user_id, []).append(segment[:2])
    nights = _windows(schedule, final, NIGHT)
    weekends = _windows(schedule, final, WEEKEND)
    return tuple(
        Tally(user_id, len(held), _length(held), _inside(held, nights), _inside(held, weekends))
        for user_id, held in intervals.items()
    )


def tallies_by_role(schedule: Schedule, final: FinalSchedule) -> tuple[Tally, ...]:
    """Return one tally for each person of each role, role by role; without roles as ``tallies``."""
    return tuple(
        tally._replace(role=part.role)
        for part in final.parts
        for tally in tallies(schedule_of_role(schedule, part.role), part)
    )


def balanced(tally: Sequence[Tally]) -> bool:
    """Return whether, in each role, the most and the fewest shifts differ by at most one."""
    shifts: Mapping[str | None, list[int]] = defaultdict(list)
    for person in tally:
        shifts[person.role].append(person.shifts)
    return all(max(each) - min(each) <= 1 for each in shifts.values())


def _windows(schedule: Schedule, final: FinalSchedule, restriction: Restriction) -> list[Interval]:
    clock = clock_of(schedule.timezone)
    return windows_between(recurring_windows([restriction]), clock, final.from_at, final.to_at)


def _length(intervals: Iterable[Interval]) -> int:
    return sum(end - start for start, end in intervals)


def _inside(intervals: Sequence[Interval], windows: Sequence[Interval]) -> int:
    return _length(split(intervals, windows)[0])
