"""Shift boundaries on a wall clock.

Strategy: if a zone is given and a shift is a whole number of days, boundaries are equally far apart
on the wall clock. Handoffs then keep their time of day, and a shift that holds a clock change is an
hour shorter or longer. All other shifts are elapsed time.

Invariants: boundaries ascend strictly. A wall time that is skipped stands for the first instant
after the gap, one that is repeated for its first pass (rule 2 of ``schedules.md``); a day that a
zone skipped altogether has no shift. A start that is skipped itself moves no later boundary: these
keep the time of day that was asked for.
"""

from collections.abc import Sequence

from app.engine.walltime import DAY, ZoneClock


def boundaries_of(
    clock: ZoneClock | None,
    start_at: int,
    shifts: int,
    length_ms: int,
    wall_start: int | None = None,
) -> Sequence[int]:
    """Compute the start of each shift and the end of the last, in milliseconds.

    There are ``shifts`` shifts of ``length_ms`` from ``start_at``, on ``clock`` if there is one.
    ``wall_start`` is the local time that was asked for, which the clock may skip.
    """
    if clock is None or length_ms % DAY:
        return range(start_at, start_at + shifts * length_ms + 1, length_ms)
    found, wall = [start_at], clock.wall(start_at) if wall_start is None else wall_start
    while len(found) <= shifts:
        wall += length_ms
        at = clock.first_at(wall)
        if at > found[-1]:
            found.append(at)
    return found
