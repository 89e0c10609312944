"""Round robin among people who can be away: a turn passes to the next, and is owed back.

Strategy: one walk through the shifts with a place in the cycle and a list of turns owed. A shift
goes to the first who is owed a turn, can take it and did not have the shift before; else to the
next in the cycle who can take it, and whoever is passed over on the way is owed a turn; else to
anybody who is owed one. Who has a shift fixed outside of the cycle has had a turn, so the next one
in the cycle is passed over without being owed, unless nobody else can take the shift.

Invariants: the place in the cycle moves only past people who got a turn, are owed one or had one;
without absences, rules and fixed shifts, shift ``i`` is the cycle's ``i``-th turn; a seat stays
empty only if nobody can take it.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from app.engine.planning.assignment import Assignment
from app.engine.planning.constraints import Constraints
from app.engine.planning.problem import AssignmentProblem, bits

MOST_NAMED = 3
MOST_OWED_ASKED = 100
"""So many of those who are owed a turn are asked, from the one who has waited longest."""


class AssignedTurn(NamedTuple):
    """``person`` has a seat in ``shift``: owed from before, or after others were passed over.

    ``passed`` are the first ``TOLD`` of those, ``more`` is how many there are beyond.
    """

    shift: int
    person: int
    owed: bool
    passed_over: Sequence[int] = ()
    more: int = 0


class RoundRobin(NamedTuple):
    """A deal by turns, with what was not plainly the next turn, and whose turn is next."""

    assignment: Assignment
    changed_turns: Sequence[AssignedTurn]
    next_person: int


def round_robin(problem: AssignmentProblem, constraints: Constraints) -> RoundRobin:
    """The rotation in which turns pass and are owed back."""
    walk = _Walk(problem, constraints)
    for shift, demand in enumerate(problem.demand):
        walk.assign_shift(shift, demand)
    return RoundRobin(walk.assignment, walk.changed_turns, problem.cycle[walk.place])


class _Walk:
    def __init__(self, problem: AssignmentProblem, constraints: Constraints) -> None:
        self.problem, self.constraints = problem, constraints
        self.assignment = Assignment(problem, problem.fixed_shifts)
        self.place = 0
        self.owed: Counter[int] = Counter()
        self.had: Counter[int] = Counter()
        self.changed_turns: list[AssignedTurn] = []

    def assign_shift(self, shift: int, demand: int) -> None:
        fixed = list(bits(self.assignment.holders[shift]))
        self.had.update(fixed)
        for _ in range(demand - len(fixed)):
            turn = self._owed_turn(shift, rested=True) or self._next_turn(shift)
            turn = (
                turn or self._owed_turn(shift, rested=False) or self._next_turn(shift, again=True)
            )
            if turn:
                self.assignment.assign(shift, turn.person)
            if turn and (turn.owed or turn.passed_over):
                self.changed_turns.append(turn)

    def _holds(self, person: int, shift: int) -> int:
        return self.assignment.held[person] >> shift & 1

    def _may_take(self, person: int, shift: int) -> bool:
        free = self.problem.eligible_shifts[person] & ~self.assignment.held[person]
        return bool(free >> shift & 1) and self.constraints.allows(self.assignment, person, shift)

    def _owed_turn(self, shift: int, *, rested: bool) -> AssignedTurn | None:
        """The first who is owed a turn and can take it now."""
        for person in islice(self.owed, MOST_OWED_ASKED):
            if rested and shift and self._holds(person, shift - 1):
                continue
            if self._may_take(person, shift):
                self.owed[person] -= 1
                if not self.owed[person]:
                    del self.owed[person]
                return AssignedTurn(shift, person, owed=True)
        return None

    def _next_turn(self, shift: int, *, again: bool = False) -> AssignedTurn | None:
        """The next of the cycle who can; nobody is passed over if nobody can.

        ``again``: those who have had that turn are asked as well, and still have had one.
        """
        if again and not self.had.total():
            return None
        cycle, had = self.problem.cycle, self.had.copy()
        passed_over: list[int] = []
        for step in range(len(cycle)):
            person = cycle[(self.place + step) % len(cycle)]
            if had[person] and not (again and self._may_take(person, shift)):
                had[person] -= 1
            elif self._may_take(person, shift):
                self.place = (self.place + step + 1) % len(cycle)
                self.had = had
                self.owed.update(passed_over)
                return AssignedTurn(
                    shift,
                    person,
                    owed=False,
                    passed_over=passed_over[:MOST_NAMED],
                    more=max(0, len(passed_over) - MOST_NAMED),
                )
            else:
                passed_over.append(person)
        return None
