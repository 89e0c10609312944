"""The limits of shifts and hours as capacities of the flow; what is fixed is within them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.planning.assignment import Assignment
from app.engine.planning.problem import AssignmentProblem, bits


@dataclass(frozen=True, slots=True)
class Capacities:
    """The most shifts, and the largest load, of each person; ``None`` if nobody has such a limit.

    Loads are scaled (``problem.py``).
    """

    shifts: Sequence[int] | None = None
    loads: Sequence[int] | None = None

    def have_room(self, assignment: Assignment, person: int, length: int) -> bool:
        """Tell whether ``person`` may have a shift of ``length`` more."""
        if self.shifts and assignment.held[person].bit_count() >= self.shifts[person]:
            return False
        return self.have_hours(assignment, person, length)

    def have_hours(self, assignment: Assignment, person: int, length: int) -> bool:
        """Tell whether ``person`` may have ``length`` more."""
        more = assignment.problem.load_per_ms[person] * length
        return self.loads is None or assignment.loads[person] + more <= self.loads[person]

    def hold(self, assignment: Assignment) -> bool:
        """Tell whether nobody has more than they may, of hours."""
        everybody = range(len(assignment.held))
        return all(self.have_hours(assignment, person, 0) for person in everybody)


def capacities_of(problem: AssignmentProblem) -> Capacities:
    """Return the capacities that follow from the limits of ``problem``."""
    limits = problem.limits
    if limits is None:
        return Capacities()
    count = len(problem.lengths)
    shifts = [
        max(min(limit, count), fixed.bit_count())
        for limit, fixed in zip(limits.shifts, problem.fixed_shifts, strict=True)
    ]
    return Capacities(shifts, _most_loads(problem, limits.total_ms) if limits.of_hours else None)


def _most_loads(problem: AssignmentProblem, limits: Sequence[int]) -> Sequence[int]:
    everything = sum(problem.lengths)
    fixed = (sum(problem.lengths[shift] for shift in bits(held)) for held in problem.fixed_shifts)
    return [
        carried + load_per_ms * max(min(limit, everything), held)
        for carried, load_per_ms, limit, held in zip(
            problem.carried_load, problem.load_per_ms, limits, fixed, strict=True
        )
    ]
