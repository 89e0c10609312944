"""Shift boundaries on a wall clock.

Strategy: if a zone is given and a shift is a whole number of days, boundaries are equally far apart
on the wall clock. Handoffs then keep their time of day, and a shift that holds a clock change is an
hour shorter or longer. All other shifts are elapsed time.

Invariants: boundaries ascend strictly. A wall time that is skipped stands for the first instant
after the gap, one that is repeated for its first pass (rule 2 of ``schedules.md``); a day that a
zone skipped altogether has no shift. A start that is skipped itself moves no later boundary: these
keep the time of day that was asked for.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, groupby, islice

from app.engine.intervals import Interval
from app.engine.layered.handoff_grid import monthly_from
from app.engine.walltime import DAY, ZoneClock, clock_of


@dataclass(frozen=True, slots=True)
class ShiftRhythm:
    """When shifts begin, without an end: every ``length_ms``, every ``months``, or at ``times``.

    One of the three is given. ``times`` are times of day in milliseconds, ascending; the first
    shift then begins at the first of them that is not before ``start_at``. Months and times are on
    ``clock``, or in UTC without one. ``wall_start`` is the local time that was asked for as the
    start, if the clock skips it.
    """

    clock: ZoneClock | None
    start_at: int
    length_ms: int = 0
    months: int = 0
    times: Sequence[int] = ()
    wall_start: int | None = None

    def boundaries(self, shifts: int) -> Sequence[int]:
        """Compute the start of each of ``shifts`` shifts and the end of the last."""
        if self.length_ms:
            return boundaries_of(self.clock, self.start_at, shifts, self.length_ms, self.wall_start)
        return list(islice(self._starts(), shifts + 1))

    def boundaries_until(self, until_at: int, most: int) -> Sequence[int]:
        """Compute the boundaries of the shifts that begin before ``until_at``, at most ``most``.

        The last of these shifts is not cut.
        """
        found: list[int] = []
        for at in islice(self._starts(), most + 1):
            found.append(at)
            if at >= until_at:
                break
        return found

    def _starts(self) -> Iterator[int]:
        """Return the starts of all shifts, which ascend strictly."""
        ascending = groupby(accumulate(self._handoffs(), max))
        return (at for at, _ in ascending if at >= self.start_at)

    def _handoffs(self) -> Iterator[int]:
        clock = self.clock or clock_of("UTC")
        wall = clock.wall(self.start_at) if self.wall_start is None else self.wall_start
        if self.months:
            yield self.start_at  # as given: it may be the second pass of a repeated time
            grid = monthly_from(clock, wall, self.months)
            yield from (grid.handoff_at(index) for index in count(1))
        elif self.times:
            midnight = clock.wall(self.start_at) // DAY * DAY
            days = count(midnight, DAY)
            yield from (clock.first_at(day + time) for day in days for time in self.times)
        elif self.clock is None or self.length_ms % DAY:
            yield from count(self.start_at, self.length_ms)
        else:
            yield self.start_at  # as above
            yield from (clock.first_at(at) for at in count(wall + self.length_ms, self.length_ms))


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


def shifts_within(boundaries: Sequence[int], start_at: int, end_at: int) -> Interval:
    """Find the shifts ``[first, last)`` that overlap ``[start_at, end_at)``."""
    first = max(bisect_right(boundaries, start_at) - 1, 0)
    last = min(bisect_left(boundaries, end_at), len(boundaries) - 1)
    return first, max(first, last)
