"""Search of all assignments of a small rotation for the best by the whole objective.

Strategy: local search (``local_search.py``) exchanges two shifts at a time and can miss a better
assignment. Here shifts are assigned in order of time, depth first, people in turn first. A branch
ends when its lower bounds are no better than the best assignment found: vacancies, shifts in a row
and changes only grow, by at least as many as absences force later on; and the range of a kind of
hours is at least what the hours that are left cannot level out (``levels.py``).

Invariant: another assignment replaces the best one only if it is better by the objective, and the
sum of squares of its loads no larger. Without the latter, fewer changes would be bought with less
even loads of those who have neither the largest nor the smallest.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from typing import NamedTuple

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget
from app.engine.planning.constraints import Constraints
from app.engine.planning.levels import HourLevels, sums_from
from app.engine.planning.objective import Objective, objective_of
from app.engine.planning.problem import bits

SMALL_SHIFTS, SMALL_STEPS = 16, 20_000
"""The rotations that are searched whatever they are like, and the steps that end the search."""
MOST_SHIFTS, MOST_MOVED, MOST_STEPS = 60, 4, 3_000
"""The longest rotation that is searched at all; it is hopeless if more shifts than ``MOST_MOVED``
are out of turn without having to be."""


class _Counts(NamedTuple):
    """What the shifts assigned so far add to the objective."""

    vacancies: int = 0
    consecutive: int = 0
    deviations: int = 0
    early: int = 0
    distance: int = 0


def small_search(
    best: Assignment, constraints: Constraints, bound: int, budget: SearchBudget
) -> Assignment:
    """Find a better assignment than ``best`` if the rotation is small, else return ``best``.

    None with as few vacancies has a smaller load range than ``bound``.
    """
    count = len(best.problem.lengths)
    if count > MOST_SHIFTS:
        return best
    steps = SMALL_STEPS if count <= SMALL_SHIFTS else MOST_STEPS
    search = _Search(best, constraints, bound, budget.with_steps(steps))
    moved = search.best_value.deviations - search.out_of_turn[0]
    if count <= SMALL_SHIFTS or moved <= MOST_MOVED:
        search.run()
    return search.best


class _Search:
    """A search for assignments that are better than ``best``, which they replace."""

    def __init__(
        self, best: Assignment, constraints: Constraints, bound: int, budget: SearchBudget
    ) -> None:
        self.best, self.constraints, self.bound, self.budget = best, constraints, bound, budget
        self.best_value, self.most_uneven = objective_of(best), _unevenness(best)
        self.problem = problem = best.problem
        self.turns = [frozenset(problem.in_turn(shift)) for shift in range(len(problem.lengths))]
        self.empty = sums_from(problem.slots_per_shift - demand for demand in problem.demand)
        self.complete = self.best_value.vacancies == self.empty[0]
        """Whether all role slots that can be filled must be, to be as good as the best."""
        self.out_of_turn = sums_from(map(self._fewest_out_of_turn, range(len(problem.lengths))))

    def run(self) -> None:
        """Search to the end, after which no other is better than ``best``, or of the budget."""
        problem = self.problem
        self.assignment = Assignment(problem, problem.fixed_shifts)
        self.levels = [
            HourLevels(problem, hours, carried, complete=self.complete)
            for hours, carried in (
                (problem.lengths, problem.carried_load),
                (problem.holidays, problem.carried_holidays),
                (problem.weekends, problem.carried_weekends),
                (problem.nights, problem.carried_nights),
            )
        ]
        with suppress(BudgetExhausted):
            self._explore(0, _Counts())

    def _explore(self, shift: int, counts: _Counts) -> None:
        """Try all choices for ``shift`` and later; ``counts`` is of those before it."""
        self.budget.spend(len(self.problem.people))
        value = self._bound(shift, counts)
        if value >= self.best_value or _unevenness(self.assignment) > self.most_uneven:
            return
        if shift == len(self.problem.lengths):
            self.best, self.best_value = self.assignment.copy(), value
            return
        for people in self._choices(shift):
            taken = [person for person in people if self._assign_if_allowed(person, shift)]
            if len(taken) == len(people):
                self._explore(shift + 1, self._counted(shift, counts))
            for person in taken:
                self._unassign(person, shift)

    def _bound(self, shift: int, counts: _Counts) -> Objective:
        """Compute a lower bound of the objective; after the last shift it is the objective."""
        hours, holidays, weekends, nights = (levels.least_range(shift) for levels in self.levels)
        return Objective(
            counts.vacancies + self.empty[shift],
            max(self.bound, hours),
            holidays,
            weekends + nights,
            counts.consecutive,
            counts.deviations + self.out_of_turn[shift],
            counts.early,
            counts.distance,
        )

    def _counted(self, shift: int, counts: _Counts) -> _Counts:
        """Add what ``shift`` adds to the objective."""
        problem, held, turn = self.problem, self.assignment.held, self.turns[shift]
        people = frozenset(bits(self.assignment.holders[shift]))
        changed = people != turn
        before = 1 << shift >> 1
        return _Counts(
            counts.vacancies + problem.slots_per_shift - len(people),
            counts.consecutive + sum(bool(held[person] & before) for person in people),
            counts.deviations + len(people - turn),
            counts.early + problem.obstacles.earliness(changed << shift),
            counts.distance + changed * problem.obstacles.distances[shift],
        )

    def _assign_if_allowed(self, person: int, shift: int) -> bool:
        allowed = self.constraints.allows(self.assignment, person, shift)
        if allowed:
            self.assignment.assign(shift, person)
            for levels in self.levels:
                levels.add(person, shift)
        return allowed

    def _unassign(self, person: int, shift: int) -> None:
        self.assignment.unassign(shift, person)
        for levels in self.levels:
            levels.remove(person, shift)

    def _choices(self, shift: int) -> Iterator[Sequence[int]]:
        """Yield people for the free role slots: more of them first, and those in turn first."""
        held = self.assignment.holders[shift]
        turn, loads = self.turns[shift], self.assignment.loads
        eligible = sorted(
            bits(self.problem.eligible_people[shift] & ~held),
            key=lambda person: (person not in turn, loads[person]),
        )
        slots = self.problem.demand[shift] - held.bit_count()
        for count in range(slots, slots - 1 if self.complete else -1, -1):
            yield from combinations(eligible, count)

    def _fewest_out_of_turn(self, shift: int) -> int:
        """Count the people whom absences and fixed shifts bring into ``shift`` out of turn."""
        problem, turn = self.problem, self.turns[shift]
        fixed = sum(
            held >> shift & 1
            for person, held in enumerate(problem.fixed_shifts)
            if person not in turn
        )
        able = sum(problem.eligible_people[shift] >> person & 1 for person in turn)
        return max(fixed, problem.demand[shift] - able) if self.complete else fixed


def _unevenness(assignment: Assignment) -> int:
    """Compute the sum of squares of loads."""
    return sum(load * load for load in assignment.loads)
