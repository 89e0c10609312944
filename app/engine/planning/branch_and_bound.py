"""Branch and bound over all assignments of a small rotation under constraints.

Strategy: repair (``repair.py``) finds good assignments but proves nothing; this does. Shift by
shift, depth first, it tries every choice of people that the constraints allow: choices that fill
more role slots first, and less loaded people first. A branch ends when it has more vacancies than
the best assignment, or as many and a load range that cannot become smaller: the largest load never
falls, and the smallest stays within what can still be added to it.
"""

from collections.abc import Iterator
from itertools import combinations

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget
from app.engine.planning.constraints import Constraints
from app.engine.planning.problem import bits

MOST_SHIFTS = 40
"""The longest rotation that is tried; longer ones would never end."""


class BranchAndBound:
    """A search of all assignments for the best in vacancies and then in load range.

    ``best`` is the best found so far, and ``best_value`` its vacancies and load range.
    """

    def __init__(
        self, assignment: Assignment, constraints: Constraints, budget: SearchBudget
    ) -> None:
        self.best, self.constraints, self.budget = assignment, constraints, budget
        self.problem = assignment.problem
        self.best_value = (self._vacancies(assignment), assignment.load_range)

    def run(self) -> bool:
        """Search, and tell whether it came to its end: then no other is better than ``best``."""
        if len(self.problem.lengths) > MOST_SHIFTS:
            return False
        try:
            self._explore(Assignment(self.problem, self.problem.fixed_shifts), 0, 0)
        except BudgetExhausted:
            return False
        return True

    def _vacancies(self, assignment: Assignment) -> int:
        """Count the empty role slots that somebody could take."""
        return sum(self.problem.demand) - sum(held.bit_count() for held in assignment.held)

    def _explore(self, assignment: Assignment, shift: int, vacancies: int) -> None:
        """Try all choices for ``shift`` and later; there are ``vacancies`` before it."""
        self.budget.spend(len(assignment.held) * (len(self.problem.lengths) - shift + 1))
        if (vacancies, self._load_range_bound(assignment, shift)) >= self.best_value:
            return
        if shift == len(self.problem.lengths):
            self.best, self.best_value = assignment.copy(), (vacancies, assignment.load_range)
            return
        for people, empty in self._choices(assignment, shift):
            taken = [
                person for person in people if self._assign_if_allowed(assignment, person, shift)
            ]
            if len(taken) == len(people):
                self._explore(assignment, shift + 1, vacancies + empty)
            for person in taken:
                assignment.unassign(shift, person)

    def _assign_if_allowed(self, assignment: Assignment, person: int, shift: int) -> bool:
        allowed = self.constraints.allows(assignment, person, shift)
        if allowed:
            assignment.assign(shift, person)
        return allowed

    def _choices(self, assignment: Assignment, shift: int) -> Iterator[tuple[tuple[int, ...], int]]:
        """Yield people for the free role slots, and how many slots they leave empty."""
        held = assignment.holders[shift]
        eligible = sorted(
            bits(self.problem.eligible_people[shift] & ~held), key=assignment.loads.__getitem__
        )
        slots = self.problem.demand[shift] - held.bit_count()
        for count in range(slots, -1, -1):
            yield from ((people, slots - count) for people in combinations(eligible, count))

    def _load_range_bound(self, assignment: Assignment, shift: int) -> int:
        """Compute a lower bound of the load range once ``shift`` and later ones are given out."""
        problem = self.problem
        later = -1 << shift
        reach = min(
            load
            + load_per_ms * sum(problem.lengths[other] for other in bits(eligible & later & ~held))
            for load, load_per_ms, eligible, held in zip(
                assignment.loads,
                problem.load_per_ms,
                problem.eligible_shifts,
                assignment.held,
                strict=True,
            )
        )
        return max(0, max(assignment.loads) - reach)
