"""Bounds of how even one kind of hours can become, while shifts are assigned in order of time.

Strategy: hours that are left are thought to be given to those who have least, as water fills a
vessel: so the smallest load rises to a level at most, and no person's above what they can still
take. If all hours must be given out, the largest load is at least the level of all together. All
loads are multiples of a *step*, so levels are rounded to it.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import gcd, lcm

from app.engine.planning.problem import AssignmentProblem, bits


class HourLevels:
    """The loads of one kind of hours, and the bounds of their range."""

    def __init__(
        self,
        problem: AssignmentProblem,
        hours: Sequence[int],
        carried: Sequence[int],
        *,
        complete: bool,
    ) -> None:
        """Begin with the fixed shifts and ``carried`` loads.

        ``hours`` are by shift. If ``complete``, all role slots that can be filled will be.
        """
        units = problem.load_per_ms
        scale = lcm(*units)
        self.hours, self.units, self.loads = hours, units, list(carried)
        self.scale, self.ms_per_load = scale, [scale // unit for unit in units]
        self.step = gcd(*carried, *(unit * each for unit in {*units} for each in {*hours})) or 1
        for person, held in enumerate(problem.fixed_shifts):
            for shift in bits(held):
                self.add(person, shift)
        self.left = _hours_left(problem, hours)
        self.reachable = [
            sums_from(
                unit * each * ((eligible & ~fixed) >> shift & 1) for shift, each in enumerate(hours)
            )
            for unit, eligible, fixed in zip(
                units, problem.eligible_shifts, problem.fixed_shifts, strict=True
            )
        ]
        self.high = self._common_level() if complete else 0

    def add(self, person: int, shift: int) -> None:
        """Count ``shift`` for ``person``."""
        self.loads[person] += self.units[person] * self.hours[shift]

    def remove(self, person: int, shift: int) -> None:
        """Count ``shift`` for ``person`` no more."""
        self.loads[person] -= self.units[person] * self.hours[shift]

    def least_range(self, shift: int) -> int:
        """Compute a lower bound of the range once ``shift`` and later ones are assigned."""
        level = self._low_level(self.left[shift])
        low = min(
            load + reachable[shift]
            for load, reachable in zip(self.loads, self.reachable, strict=True)
        )
        return max(0, max(*self.loads, self.high) - min(low, level - level % self.step))

    def _low_level(self, left: int) -> int:
        """Compute how high the smallest load can become if ``left`` milliseconds are given out."""
        total, ms_per_load = left * self.scale, 0
        for load, each in sorted(zip(self.loads, self.ms_per_load, strict=True)):
            if ms_per_load and total <= load * ms_per_load:
                break
            total += load * each
            ms_per_load += each
        return total // ms_per_load

    def _common_level(self) -> int:
        """Compute the load of everybody if all hours could be levelled out, rounded up."""
        given = sum(load * each for load, each in zip(self.loads, self.ms_per_load, strict=True))
        level = -(-(given + self.left[0] * self.scale) // sum(self.ms_per_load))
        return level + -level % self.step


def _hours_left(problem: AssignmentProblem, hours: Sequence[int]) -> Sequence[int]:
    """Add up the hours of ``hours`` that are to be given out from each shift on."""
    fixed = [0] * len(hours)
    for held in problem.fixed_shifts:
        for shift in bits(held):
            fixed[shift] += 1
    return sums_from(
        each * (demand - held)
        for each, demand, held in zip(hours, problem.demand, fixed, strict=True)
    )


def sums_from(amounts: Iterable[int]) -> Sequence[int]:
    """Return for each place the sum of ``amounts`` from there on; the last is 0."""
    return list(accumulate(reversed(list(amounts)), initial=0))[::-1]
