"""Assignments under constraints on rest, runs and pairs, by a bounded repair search.

Strategy: such constraints make the problem hard, so nothing here is exact by itself. Shifts are
assigned in order of time, by the cycle or to the least loaded. Then a shift that nobody may take is
made room for, along chains of at most ``CHAIN_LENGTH`` people, and loads are balanced by handing
shifts over, also by way of a third person. Lower bounds come from the problem without constraints
(``min_spread.py``) and from the stretches in which the constraints leave too few people.

Invariants: no constraint is broken that fixed shifts do not break; every step fills a role slot, or
makes the more loaded of two people less loaded.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget
from app.engine.planning.constraints import Constraints
from app.engine.planning.problem import AssignmentProblem, bits

CHAIN_LENGTH = 3
"""The most people who hand on a shift to make room for another."""


def repaired_assignment(
    problem: AssignmentProblem, constraints: Constraints, budget: SearchBudget, *, in_turn: bool
) -> Assignment:
    """Build an assignment that keeps the constraints, as full and even as the budget allows.

    Shifts first go to the people in turn if ``in_turn``, else to the least loaded.
    """
    assignment = Assignment(problem, problem.fixed_shifts)
    for shift, demand in enumerate(problem.demand):
        lacking = demand - assignment.holders[shift].bit_count()
        turns = problem.in_turn(shift) if in_turn else ()
        for person in _candidates(assignment, shift, turns):
            if lacking and constraints.allows(assignment, person, shift):
                assignment.assign(shift, person)
                lacking -= 1
    with suppress(BudgetExhausted):
        _Repair(assignment, constraints, budget).run()
    return assignment


def _candidates(assignment: Assignment, shift: int, turns: Sequence[int] = ()) -> Iterator[int]:
    """Yield the people who could take ``shift``: those in ``turns``, then the least loaded."""
    eligible = [
        person
        for person in bits(assignment.problem.eligible_people[shift])
        if not assignment.held[person] >> shift & 1
    ]
    yield from (person for person in turns if person in eligible)
    for person in sorted(eligible, key=lambda person: (assignment.loads[person], person)):
        if person not in turns:
            yield person


class _Repair:
    """The search that makes an assignment fuller and more even."""

    def __init__(
        self, assignment: Assignment, constraints: Constraints, budget: SearchBudget
    ) -> None:
        self.assignment, self.constraints, self.budget = assignment, constraints, budget

    def run(self) -> None:
        """Search to the end. Raises ``BudgetExhausted``; what was done until then is kept.

        It breaks no constraint at any time.
        """
        problem = self.assignment.problem
        for shift, demand in enumerate(problem.demand):
            for _ in range(demand - self.assignment.holders[shift].bit_count()):
                self._fill(shift, CHAIN_LENGTH, frozenset())
        while self._balance():
            pass

    def _fill(self, shift: int, chain: int, tried: frozenset[int]) -> bool:
        """Give ``shift`` to somebody, if need be by handing on one of their shifts.

        At most ``chain`` more people are asked, none of ``tried``. Tells whether it was given.
        """
        assignment, constraints = self.assignment, self.constraints
        for person in _candidates(assignment, shift):
            self.budget.spend(1)
            if constraints.allows(assignment, person, shift):
                assignment.assign(shift, person)
                return True
        return chain > 0 and any(
            self._make_room(person, shift, chain, tried)
            for person in list(_candidates(assignment, shift))
            if person not in tried
        )

    def _make_room(self, person: int, shift: int, chain: int, tried: frozenset[int]) -> bool:
        """Give ``shift`` to ``person`` in exchange for one that somebody else then takes."""
        assignment = self.assignment
        for blocking in self._blocking(person, shift):
            self.budget.spend(1)
            if self.constraints.allows(assignment, person, shift, releasing=blocking):
                assignment.unassign(blocking, person)
                assignment.assign(shift, person)
                if self._refill(blocking, chain - 1, tried | {person}):
                    return True
                assignment.unassign(shift, person)
                assignment.assign(blocking, person)
        return False

    def _blocking(self, person: int, shift: int) -> Iterator[int]:
        """Yield the shifts of ``person`` that may keep them from taking ``shift``."""
        most = self.assignment.problem.max_consecutive
        first = max(0, shift - most)
        run = (1 << shift + most + 1) - (1 << first) if most else 0
        held = self.assignment.held[person] & ~self.assignment.locked[person]
        if self.assignment.problem.limits:
            return bits(held)
        return bits(held & (self.constraints.rest_conflicts[shift] | run))

    def _refill(self, shift: int, chain: int, tried: frozenset[int]) -> bool:
        """Fill as ``_fill`` does; the end of the budget counts as a failure."""
        try:
            return self._fill(shift, chain, tried)
        except BudgetExhausted:
            return False

    def _balance(self) -> bool:
        """Make one step towards equal loads, and tell whether there was one."""
        loads = self.assignment.loads
        order = sorted(range(len(loads)), key=lambda person: -loads[person])
        return any(
            self._hand_over(giver, taker) or self._hand_over_via_third(giver, taker)
            for giver in order
            for taker in reversed(order)
            if loads[taker] < loads[giver]
        )

    def _hand_over(self, giver: int, taker: int) -> bool:
        """Hand one shift over directly, if that balances the two."""
        for shift in bits(self.assignment.movable(giver, taker)):
            self.budget.spend(1)
            if self._balances(giver, shift, taker, shift) and self.constraints.allows(
                self.assignment, taker, shift, replacing=giver
            ):
                self.assignment.move(shift, giver, taker)
                return True
        return False

    def _balances(self, giver: int, given: int, taker: int, taken: int) -> bool:
        """Tell whether both end up between where they began, the giver lower than before."""
        problem, loads = self.assignment.problem, self.assignment.loads
        less = loads[giver] - problem.load_per_ms[giver] * problem.lengths[given]
        more = loads[taker] + problem.load_per_ms[taker] * problem.lengths[taken]
        return less >= loads[taker] and more < loads[giver]

    def _hand_over_via_third(self, giver: int, taker: int) -> bool:
        """Hand a shift to a third person, who hands one of the same length to ``taker``."""
        assignment = self.assignment
        for third in range(len(assignment.held)):
            if third not in (giver, taker):
                for shift in bits(assignment.movable(giver, third)):
                    self.budget.spend(1)
                    if self._balances(giver, shift, taker, shift) and self._pass_on(
                        giver, shift, third, taker
                    ):
                        return True
        return False

    def _pass_on(self, giver: int, shift: int, third: int, taker: int) -> bool:
        """Move ``shift`` to ``third`` and one of the same length from there to ``taker``."""
        assignment, constraints, lengths = (
            self.assignment,
            self.constraints,
            self.assignment.problem.lengths,
        )
        for other in bits(assignment.movable(third, taker)):
            self.budget.spend(1)
            if (
                lengths[other] == lengths[shift]
                and constraints.allows(assignment, taker, other, replacing=third)
                and constraints.allows(assignment, third, shift, releasing=other, replacing=giver)
            ):
                assignment.move(other, third, taker)
                assignment.move(shift, giver, third)
                return True
        return False
