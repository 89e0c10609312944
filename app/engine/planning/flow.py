"""The fewest vacancies and the smallest load range where only numbers and lengths of shifts matter.

Strategy: without limits absences alone decide the number of vacancies, and the load range is
minimised by flow (``min_spread.py``). Limits of shifts and hours are capacities of that flow. If
people cannot get within them, somebody's shifts stay empty. With shifts of one length that is exact
as well: by max-flow min-cut the people who are then at their limit are so in every assignment with
as few vacancies, and share their shifts with nobody else, so the others are balanced as before.

Invariant: the assignment of a solution exceeds no limit; constraints on order are not looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget
from app.engine.planning.augmenting import ShiftCounts, lower_counts
from app.engine.planning.capacities import Capacities, capacities_of
from app.engine.planning.greedy import masks_by_length
from app.engine.planning.initial import cycle_assignment
from app.engine.planning.load_window import LoadWindowSearch
from app.engine.planning.min_spread import minimise_load_range
from app.engine.planning.problem import AssignmentProblem


@dataclass(frozen=True, slots=True)
class Solution:
    """An assignment with what is known about better ones.

    None with as few vacancies has a smaller load range than ``bound``, which is scaled; ``full``
    says that none has fewer vacancies.
    """

    assignment: Assignment
    bound: int
    full: bool

    @property
    def proven(self) -> bool:
        """Whether no assignment has fewer vacancies, or as few and a smaller load range."""
        return self.full and self.assignment.load_range == self.bound


def flow_solution(problem: AssignmentProblem, budget: SearchBudget) -> Solution | None:
    """Find the smallest load range with the fewest vacancies, by the limits of shifts and hours.

    ``None`` if limits are not known to leave as few vacancies as absences do, and shifts have
    several lengths or the budget ends first.
    """
    start: Assignment | None = cycle_assignment(problem)
    if problem.limits:
        start = _within_limits(problem, budget)
    if start is None:
        return None
    found = minimise_load_range(start, budget)
    return Solution(found.assignment, found.lower_bound, full=True)


def _within_limits(problem: AssignmentProblem, budget: SearchBudget) -> Assignment | None:
    """Find an assignment within the limits of shifts and hours with the fewest vacancies.

    ``None`` if that is not known of any.
    """
    assignment, lengths = cycle_assignment(problem), list(masks_by_length(problem))
    capacities = capacities_of(problem)
    most = _most_shifts(problem, capacities, lengths)
    try:
        if lower_counts(assignment, most, budget):
            return _with_fewer(assignment, most) if len(lengths) == 1 else None
        if capacities.loads and len(lengths) > 1:
            search = LoadWindowSearch(assignment, budget)
            found = search.find_within(0, search.unreachable_load, exact=True)
            return found and Assignment(problem, found.held)  # without what the search has locked
    except BudgetExhausted:
        return None
    return assignment


def _most_shifts(
    problem: AssignmentProblem, capacities: Capacities, lengths: Sequence[int]
) -> ShiftCounts:
    """Return how many shifts each person may have; by hours as well, if all have one length."""
    shifts = capacities.shifts or ()
    if capacities.loads is None or len(lengths) != 1:
        return shifts
    return [
        min(most, (load - carried) // (load_per_ms * lengths[0]))
        for most, load, carried, load_per_ms in zip(
            shifts, capacities.loads, problem.carried_load, problem.load_per_ms, strict=True
        )
    ]


def _with_fewer(assignment: Assignment, most: ShiftCounts) -> Assignment:
    """Take the last shifts from people who have more than ``most``, and return the assignment."""
    for person, count in enumerate(most):
        free = assignment.held[person] & ~assignment.locked[person]
        for _ in range(assignment.held[person].bit_count() - count):
            shift = free.bit_length() - 1
            assignment.unassign(shift, person)
            free ^= 1 << shift
    return assignment
