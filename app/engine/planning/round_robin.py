"""Round robin among people who can be away: a turn passes to the next person, and is owed back.

Strategy: one walk through the shifts, with a place in the cycle and a list of turns owed. A shift
goes to the first person who is owed a turn, can take it and did not have the shift before. If there
is none, it goes to the next person in the cycle who can take it, and the people passed over on the
way are owed a turn; if there is none either, to anybody who is owed one. Those who do not belong to
the team, or have as much as their limits allow, are passed over and owed nothing. A person with a
fixed shift outside of the cycle has had a turn, so the cycle passes over their next turn without
owing it, unless nobody else can take the shift.

Invariants: the place in the cycle moves only past people who got a turn, are owed one or had one;
without absences, constraints and fixed shifts, shift ``i`` is the cycle's ``i``-th turn; a role
slot stays empty only if nobody can take it.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from app.engine.planning.assignment import Assignment
from app.engine.planning.constraints import Constraints, rest_range
from app.engine.planning.limits import Limits
from app.engine.planning.problem import AssignmentProblem, bits

MOST_NAMED = 3
"""The most people passed over who are named."""
MOST_OWED_ASKED = 100
"""The most people owed a turn who are tried, from the one who has waited longest."""


class AssignedTurn(NamedTuple):
    """A turn in ``shift`` that ``person`` got: owed from before, or after others were passed over.

    ``passed_over`` are the first ``MOST_NAMED`` of those, ``more`` is how many there are beyond,
    and ``owing`` how many of all are owed a turn.
    """

    shift: int
    person: int
    owed: bool
    passed_over: Sequence[int] = ()
    more: int = 0
    owing: int = 0


class RoundRobin(NamedTuple):
    """An assignment by turns, the turns that were not plainly the next, and the next person."""

    assignment: Assignment
    changed_turns: Sequence[AssignedTurn]
    next_person: int


def round_robin(problem: AssignmentProblem, constraints: Constraints) -> RoundRobin:
    """Assign all shifts by turns that pass to the next person and are owed back."""
    walk = _Walk(problem, constraints)
    for shift, demand in enumerate(problem.demand):
        walk.assign_shift(shift, demand)
    return RoundRobin(walk.assignment, walk.changed_turns, problem.person_at(walk.place))


class _Walk:
    """The walk through the shifts, with all that it remembers."""

    def __init__(self, problem: AssignmentProblem, constraints: Constraints) -> None:
        self.problem, self.constraints = problem, constraints
        self.assignment = Assignment(problem, problem.fixed_shifts)
        self.place = 0
        self.owed: Counter[int] = Counter()
        self.had: Counter[int] = Counter()
        self.changed_turns: list[AssignedTurn] = []
        self.resting = _RestingPeople(problem, self.assignment)
        self.candidates = 0
        """The people who can take the shift at hand, as far as can be told without asking each."""
        self.members = -1
        """The people who belong to the team in the shift at hand."""
        self.filled = 0
        """The people who have as many shifts or hours as their limits allow."""
        self.weekends = _WeekendPeople(problem.limits) if problem.limits else None
        for person, held in enumerate(self.assignment.held):
            self._note_limits(person, held)

    def assign_shift(self, shift: int, demand: int) -> None:
        """Fill the role slots of ``shift`` that are not fixed, while somebody can take them."""
        fixed = list(bits(self.assignment.holders[shift]))
        self.had.update(fixed)
        if self.problem.membership:
            self.members = self.problem.membership.members[shift]
        self.candidates = self.problem.eligible_people[shift] & ~self.assignment.holders[shift]
        self.candidates &= ~(self.resting.beside(shift) | self.filled)
        if self.weekends:
            self.candidates &= ~self.weekends.without_room(shift)
        for _ in range(demand - len(fixed)):
            turn = self._owed_turn(shift, rested=True) or self._next_turn(shift)
            turn = (
                turn or self._owed_turn(shift, rested=False) or self._next_turn(shift, again=True)
            )
            if turn:
                self.assignment.assign(shift, turn.person)
                self.resting.add(turn.person)
                self._note_limits(turn.person, 1 << shift)
                self.candidates &= ~(1 << turn.person)
            if turn and (turn.owed or turn.passed_over):
                self.changed_turns.append(turn)

    def _note_limits(self, person: int, shifts: int) -> None:
        """Remember if ``person`` can have nothing more after the ``shifts`` of a mask."""
        if self.weekends:
            self.weekends.add(person, shifts)
        if self.constraints.have_all(self.assignment, person):
            self.filled |= 1 << person

    def _holds(self, person: int, shift: int) -> int:
        return self.assignment.held[person] >> shift & 1

    def _may_take(self, person: int, shift: int) -> bool:
        is_candidate = bool(self.candidates >> person & 1)
        return is_candidate and self.constraints.allows(self.assignment, person, shift)

    def _owed_turn(self, shift: int, *, rested: bool) -> AssignedTurn | None:
        """Find the first person who is owed a turn and can take ``shift``, and pay the turn back.

        If ``rested``, people who have the shift before are passed by. ``None`` if nobody can.
        """
        for person in islice(self.owed, MOST_OWED_ASKED if self.candidates else 0):
            if rested and shift and self._holds(person, shift - 1):
                continue
            if self._may_take(person, shift):
                self.owed[person] -= 1
                if not self.owed[person]:
                    del self.owed[person]
                return AssignedTurn(shift, person, owed=True)
        return None

    def _next_turn(self, shift: int, *, again: bool = False) -> AssignedTurn | None:
        """Find the next person of the cycle who can take ``shift``, and move the place past them.

        ``None`` if nobody can, and then nobody is passed over. If ``again``, people who have had
        their turn by a fixed shift are asked as well, and still have had one.
        """
        if not self.candidates or (again and not self.had.total()):
            return None
        cycle, had = self.problem.cycle, self.had.copy()
        passed_over: list[int] = []
        for step in range(len(cycle)):
            person = cycle[(self.place + step) % len(cycle)]
            if not self.members >> person & 1:
                continue
            if had.get(person) and not (again and self._may_take(person, shift)):
                had[person] -= 1
            elif self._may_take(person, shift):
                self.place = (self.place + step + 1) % len(cycle)
                self.had = had
                owed = [other for other in passed_over if not self.filled >> other & 1]
                self.owed.update(owed)
                return AssignedTurn(
                    shift,
                    person,
                    owed=False,
                    passed_over=passed_over[:MOST_NAMED],
                    more=max(0, len(passed_over) - MOST_NAMED),
                    owing=len(owed),
                )
            else:
                passed_over.append(person)
        return None


class _RestingPeople:
    """The people who hold a shift that leaves too little rest beside the one of the walk.

    It moves forward with the walk, because asking every person for every shift would take seconds.
    """

    def __init__(self, problem: AssignmentProblem, assignment: Assignment) -> None:
        self.problem, self.assignment = problem, assignment
        self.first = self.last = 0
        self.shifts_near: Counter[int] = Counter()
        self.mask = 0

    def beside(self, shift: int) -> int:
        """Return the mask of the people who hold a shift too near to ``shift``, or that one."""
        if not self.problem.min_rest_ms:
            return 0
        first, last = rest_range(self.problem, shift)
        holders = self.assignment.holders
        for each in range(self.last, last):
            for person in bits(holders[each]):
                self.add(person)
        for each in range(self.first, first):
            for person in bits(holders[each]):
                self._remove(person)
        self.first, self.last = first, last
        return self.mask

    def add(self, person: int) -> None:
        """Count a shift that ``person`` has got."""
        self.shifts_near[person] += 1
        self.mask |= 1 << person

    def _remove(self, person: int) -> None:
        self.shifts_near[person] -= 1
        if not self.shifts_near[person]:
            self.mask &= ~(1 << person)


class _WeekendPeople:
    """The people of each weekend, and who has as many weekends as they may.

    It is kept up with the walk, as above.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counts: Counter[int] = Counter()
        self.people = [0] * len(limits.weekend_shifts)
        self.full = sum(1 << person for person, most in enumerate(limits.weekends) if not most)

    def add(self, person: int, shifts: int) -> None:
        """Count the weekends of the mask ``shifts`` for ``person``."""
        for shift in bits(shifts):
            for weekend in self.limits.weekends_of[shift]:
                self.counts[person] += not self.people[weekend] >> person & 1
                self.people[weekend] |= 1 << person
        if self.counts[person] >= self.limits.weekends[person]:
            self.full |= 1 << person

    def without_room(self, shift: int) -> int:
        """Return the mask of the people for whom a weekend of ``shift`` would be one too many."""
        without = 0
        for weekend in self.limits.weekends_of[shift]:
            without |= self.full & ~self.people[weekend]
        return without
