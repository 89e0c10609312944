"""Who carries how much of a final schedule: shifts, hours, nights, weekends.

Strategy: nights and weekends are windows on the wall like any restriction (rule 7), laid out once
for the whole schedule; each person's segments, which are in order, are intersected with them.

Invariants: every participant of a layer is counted, with zeros if never on call; hours of all
people and hours of all gaps add up to the window. A shift is a segment as the window shows it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.engine.intervals import Span, parted
from app.engine.layered.model import FinalSchedule, Restriction, Schedule
from app.engine.layered.restrictions import pattern_of, windows_between
from app.engine.walltime import DAY, HOUR, clock_of

NIGHT = Restriction(22 * HOUR, 6 * HOUR)
"""22:00 to 06:00 local."""
WEEKEND = Restriction(0, DAY, (5, 6))
"""Saturday and Sunday, local."""


class Tally(NamedTuple):
    """One person's part of a window; the lengths are whole milliseconds of elapsed time."""

    user_id: str
    shifts: int
    total_ms: int
    night_ms: int
    weekend_ms: int

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
    """One tally a person: the participants of the layers in first-seen order, then whoever covers.

    ``final`` is an answer of ``final_schedule`` for ``schedule``.
    """
    spans: dict[str, list[Span]] = {
        user_id: [] for layer in schedule.layers for user_id in layer.participants
    }
    for segment in final.segments:
        spans.setdefault(segment.user_id, []).append(segment[:2])
    nights = _windows(schedule, final, NIGHT)
    weekends = _windows(schedule, final, WEEKEND)
    return tuple(
        Tally(user_id, len(held), _length(held), _inside(held, nights), _inside(held, weekends))
        for user_id, held in spans.items()
    )


def balanced(tally: Sequence[Tally]) -> bool:
    """Whether the largest and the smallest number of shifts differ by at most one."""
    shifts = [person.shifts for person in tally]
    return not shifts or max(shifts) - min(shifts) <= 1


def _windows(schedule: Schedule, final: FinalSchedule, restriction: Restriction) -> list[Span]:
    clock = clock_of(schedule.timezone)
    return windows_between(pattern_of([restriction]), clock, final.from_at, final.to_at)


def _length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def _inside(spans: Sequence[Span], windows: Sequence[Span]) -> int:
    return _length(parted(spans, windows)[0])
