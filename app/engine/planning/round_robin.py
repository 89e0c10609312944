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

from app.engine.planning.assignment import Deal
from app.engine.planning.constraints import Rules
from app.engine.planning.problem import Board, bits

TOLD = 3
LOOKED_AT = 100
"""So many of those who are owed a turn are asked, from the one who has waited longest."""


class Turn(NamedTuple):
    """``person`` has a seat in ``shift``: owed from before, or after others were passed over.

    ``passed`` are the first ``TOLD`` of those, ``more`` is how many there are beyond.
    """

    shift: int
    person: int
    owed: bool
    passed: Sequence[int] = ()
    more: int = 0


class Rotation(NamedTuple):
    """A deal by turns, with what was not plainly the next turn, and whose turn is next."""

    deal: Deal
    turns: Sequence[Turn]
    next_person: int


def by_turns(board: Board, rules: Rules) -> Rotation:
    """The rotation in which turns pass and are owed back."""
    walk = _Walk(board, rules)
    for shift, demand in enumerate(board.demand):
        walk.deal_out(shift, demand)
    return Rotation(walk.deal, walk.turns, board.cycle[walk.place])


class _Walk:
    def __init__(self, board: Board, rules: Rules) -> None:
        self.board, self.rules = board, rules
        self.deal = Deal(board, board.pinned)
        self.place = 0
        self.owed: Counter[int] = Counter()
        self.had: Counter[int] = Counter()
        self.turns: list[Turn] = []

    def deal_out(self, shift: int, demand: int) -> None:
        fixed = list(bits(self.deal.holders[shift]))
        self.had.update(fixed)
        for _ in range(demand - len(fixed)):
            turn = self._paid_back(shift, rested=True) or self._next(shift)
            turn = turn or self._paid_back(shift, rested=False) or self._next(shift, again=True)
            if turn:
                self.deal.take(shift, turn.person)
            if turn and (turn.owed or turn.passed):
                self.turns.append(turn)

    def _has(self, person: int, shift: int) -> int:
        return self.deal.held[person] >> shift & 1

    def _can(self, person: int, shift: int) -> bool:
        free = self.board.can[person] & ~self.deal.held[person]
        return bool(free >> shift & 1) and self.rules.allows(self.deal, person, shift)

    def _paid_back(self, shift: int, *, rested: bool) -> Turn | None:
        """The first who is owed a turn and can take it now."""
        for person in islice(self.owed, LOOKED_AT):
            if rested and shift and self._has(person, shift - 1):
                continue
            if self._can(person, shift):
                self.owed[person] -= 1
                if not self.owed[person]:
                    del self.owed[person]
                return Turn(shift, person, owed=True)
        return None

    def _next(self, shift: int, *, again: bool = False) -> Turn | None:
        """The next of the cycle who can; nobody is passed over if nobody can.

        ``again``: those who have had that turn are asked as well, and still have had one.
        """
        if again and not self.had.total():
            return None
        cycle, had = self.board.cycle, self.had.copy()
        passed: list[int] = []
        for step in range(len(cycle)):
            person = cycle[(self.place + step) % len(cycle)]
            if had[person] and not (again and self._can(person, shift)):
                had[person] -= 1
            elif self._can(person, shift):
                self.place = (self.place + step + 1) % len(cycle)
                self.had = had
                self.owed.update(passed)
                return Turn(
                    shift, person, owed=False, passed=passed[:TOLD], more=max(0, len(passed) - TOLD)
                )
            else:
                passed.append(person)
        return None
