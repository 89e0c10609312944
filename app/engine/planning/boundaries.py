"""Shift boundaries on a wall clock.

Strategy: where a zone is given and a shift is a whole number of days, boundaries are equally far
apart on the wall, so handoffs keep their time of day and a shift that holds a clock change is an
hour shorter or longer. All other shifts are elapsed time.

Invariants: boundaries ascend strictly. A wall time that is skipped stands for the first instant
after the gap, one that is repeated for its first pass (rule 2 of ``schedules.md``); a day that a
zone skipped altogether has no shift.
"""

from collections.abc import Sequence

from app.engine.walltime import DAY, Clock


def boundaries_of(clock: Clock | None, start_at: int, shifts: int, length_ms: int) -> Sequence[int]:
    """The first instants of ``shifts`` shifts and the end of the last, by ``clock`` if any."""
    if clock is None or length_ms % DAY:
        return range(start_at, start_at + shifts * length_ms + 1, length_ms)
    found, wall = [start_at], clock.wall(start_at)
    while len(found) <= shifts:
        wall += length_ms
        at = clock.first_at(wall)
        if at > found[-1]:
            found.append(at)
    return found
