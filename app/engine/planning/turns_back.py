"""The reason why a shift is not with the person whose turn it is.

Strategy: the shift is thought to go back alone: the person in turn takes it from one who is not,
and nothing else changes. What forbids that, or what it makes worse, is the reason. A shift without
a reason is given back.

Invariants: giving back breaks no constraint and makes neither the range nor the sum of squares of
loads, holiday, weekend or night hours larger, nor more shifts follow one of the same person. So
afterwards every shift that is not as the cycle has it has a reason.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto

from app.engine.planning.assignment import Assignment, load_range
from app.engine.planning.constraints import Constraints
from app.engine.planning.objective import (
    changed_shifts,
    holiday_loads,
    night_loads,
    weekend_loads,
)
from app.engine.planning.problem import bits


class Reason(Enum):
    """What keeps a shift from going back to the person in turn."""

    FIXED = auto()
    AWAY = auto()
    CONSTRAINT = auto()
    IN_A_ROW = auto()
    HOURS = auto()
    HOLIDAYS = auto()
    WEEKENDS = auto()
    NIGHTS = auto()


class TurnsBack:
    """The shifts of an assignment that are not as the cycle has them."""

    def __init__(self, assignment: Assignment, constraints: Constraints) -> None:
        self.assignment, self.constraints = assignment, constraints
        problem = assignment.problem
        self.measures = (
            (Reason.HOURS, problem.lengths, list(assignment.loads)),
            (Reason.HOLIDAYS, problem.holidays, holiday_loads(assignment)),
            (Reason.WEEKENDS, problem.weekends, weekend_loads(assignment)),
            (Reason.NIGHTS, problem.nights, night_loads(assignment)),
        )

    def give_back(self) -> None:
        """Give shifts back until each that is left has a reason."""
        moved = True
        while moved:
            moved = False
            for shift in bits(changed_shifts(self.assignment)):
                moved |= self._give_back(shift)

    def _give_back(self, shift: int) -> bool:
        """Give ``shift`` to a person in turn from one who is not, and tell whether that can be."""
        for person, other in self._displacements(shift):
            if self.reason(shift, person, other) is None:
                self.assignment.move(shift, person, other)
                for _, hours, loads in self.measures:
                    self._move_hours(loads, hours[shift], person, other)
                return True
        return False

    def _displacements(self, shift: int) -> Iterator[tuple[int, int]]:
        """Yield each person who has ``shift`` out of turn with each in turn who has not."""
        people = list(enumerate(self.assignment.problem.cycle_shifts))
        holders = self.assignment.holders[shift]
        in_turn = [other for other, turns in people if turns >> shift & 1]
        for person in bits(holders):
            if person not in in_turn:
                yield from ((person, other) for other in in_turn if not holders >> other & 1)

    def reason(self, shift: int, person: int, other: int) -> Reason | None:
        """Find why ``person`` has ``shift`` in place of ``other``, whose turn it is.

        That ``other`` has the shift after is named last: often it is the second half of a swap,
        and the first is not to be explained by it. ``None`` says that ``other`` could have it
        at no cost.
        """
        problem = self.assignment.problem
        if problem.fixed_shifts[person] >> shift & 1:
            return Reason.FIXED
        if not problem.eligible_shifts[other] >> shift & 1:
            return Reason.AWAY
        if not self.constraints.allows(self.assignment, other, shift, replacing=person):
            return Reason.CONSTRAINT
        in_a_row = self._more_in_a_row(shift, person, other)
        if in_a_row and self.assignment.held[other] & 1 << shift >> 1:
            return Reason.IN_A_ROW
        for reason, hours, loads in self.measures:
            if self._less_even(loads, hours[shift], person, other):
                return reason
        return Reason.IN_A_ROW if in_a_row else None

    def _more_in_a_row(self, shift: int, person: int, other: int) -> bool:
        """Tell whether more shifts followed one of the same person if ``other`` had ``shift``."""
        held = self.assignment.held
        beside = 5 << shift >> 1  # the shifts before and after
        return (held[other] & beside).bit_count() > (held[person] & beside).bit_count()

    def _less_even(self, loads: list[int], hours: int, person: int, other: int) -> bool:
        """Tell whether ``loads`` were less even if ``other`` had these ``hours``."""
        before = load_range(loads), loads[person] ** 2 + loads[other] ** 2
        self._move_hours(loads, hours, person, other)
        after = load_range(loads), loads[person] ** 2 + loads[other] ** 2
        self._move_hours(loads, hours, other, person)
        return after[0] > before[0] or after[1] > before[1]

    def _move_hours(self, loads: list[int], hours: int, giver: int, taker: int) -> None:
        load_per_ms: Sequence[int] = self.assignment.problem.load_per_ms
        loads[giver] -= load_per_ms[giver] * hours
        loads[taker] += load_per_ms[taker] * hours


def settle(assignment: Assignment, constraints: Constraints) -> None:
    """Give shifts back in place, and fill role slots that somebody can take now."""
    TurnsBack(assignment, constraints).give_back()
    while _fill(assignment, constraints):
        TurnsBack(assignment, constraints).give_back()


def _fill(assignment: Assignment, constraints: Constraints) -> bool:
    """Give each empty role slot to the first person who may take it; tell whether one may."""
    problem, filled = assignment.problem, False
    for shift, demand in enumerate(problem.demand):
        for person in bits(problem.eligible_people[shift] & ~assignment.holders[shift]):
            lacking = assignment.holders[shift].bit_count() < demand
            if lacking and constraints.allows(assignment, person, shift):
                assignment.assign(shift, person)
                filled = True
    return filled
