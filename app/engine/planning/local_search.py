"""A deal bettered in what comes after the spread, which stays as it is.

Strategy: local search in two passes. First weekends and nights: two people swap shifts of one
length, or one hands a shift on, wherever that lowers the sum of squares of weekend and night loads
and raises neither spread. Then the order of turns: shifts of one *kind* (length, weekend and night
hours) are swapped, which leaves all hours as they are, wherever fewer shifts then follow one of the
same person, or as few do and more are where the cycle has them.

Invariants: loads stay between the smallest and the largest at the beginning; no rule is broken that
was not; every step lowers a number that cannot fall for ever.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import NamedTuple

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget
from app.engine.planning.constraints import Constraints
from app.engine.planning.objective import load_range, night_loads, weekend_loads
from app.engine.planning.problem import AssignmentProblem, bits

ShiftKind = tuple[int, int, int]
"""Length, weekend hours and night hours of a shift, in milliseconds."""

MOST_TRIED = 8
"""So many shifts of a kind are looked at for one that may be taken."""


def local_search(
    assignment: Assignment, constraints: Constraints, budget: SearchBudget
) -> Assignment:
    """``deal``, bettered in place until nothing does, or until the pace ends it."""
    with suppress(BudgetExhausted):
        kinds = _kinds(assignment.problem)
        _UnsocialHours(assignment, constraints, kinds, budget).balance()
        _TurnOrder(assignment, constraints, kinds, budget).improve()
    return assignment


def _kinds(problem: AssignmentProblem) -> Mapping[ShiftKind, int]:
    """The shifts of each kind, as masks."""
    found: dict[ShiftKind, int] = {}
    for shift, kind in enumerate(
        zip(problem.lengths, problem.weekends, problem.nights, strict=True)
    ):
        found[kind] = found.get(kind, 0) | 1 << shift
    return found


class _Exchange(NamedTuple):
    """A shift of one kind given for one of another, or for nothing; what the giver loses by it."""

    kind: int
    other: int
    length: int
    weekend: int
    night: int


def _exchanges(kinds: Mapping[ShiftKind, int]) -> Sequence[_Exchange]:
    """Every step by which somebody loses weekend or night hours; kinds are masks."""
    nothing = {(0, 0, 0): 0}
    exchanges = (
        _Exchange(
            mask, other_mask, *(mine - yours for mine, yours in zip(kind, other, strict=True))
        )
        for kind, mask in kinds.items()
        for other, other_mask in (*kinds.items(), *nothing.items())
    )
    return [exchange for exchange in exchanges if exchange.weekend > 0 or exchange.night > 0]


class _UnsocialHours:
    """Weekends and nights evened out."""

    def __init__(
        self,
        assignment: Assignment,
        constraints: Constraints,
        kinds: Mapping[ShiftKind, int],
        budget: SearchBudget,
    ) -> None:
        self.assignment, self.constraints, self.budget = assignment, constraints, budget
        self.exchanges = _exchanges(kinds) if len(kinds) > 1 else ()
        self.low, self.high = min(assignment.loads), max(assignment.loads)
        self.weekends, self.nights = weekend_loads(assignment), night_loads(assignment)

    def balance(self) -> None:
        """Look at every two people, and again at whoever something was changed for."""
        people = range(len(self.assignment.held))
        changed = set(people) if self.exchanges else set()
        while changed:
            before, changed = changed, set()
            for giver in people:
                for taker in people if giver in before else sorted(before):
                    while giver != taker and self._improve_pair(giver, taker):
                        changed |= {giver, taker}

    def _improve_pair(self, giver: int, taker: int) -> bool:
        """One step between two people, if one helps: the first that lowers the sum of squares."""
        assignment, load_per_ms = self.assignment, self.assignment.problem.load_per_ms
        mine, yours = load_per_ms[giver], load_per_ms[taker]
        weekend = 2 * (mine * self.weekends[giver] - yours * self.weekends[taker])
        night = 2 * (mine * self.nights[giver] - yours * self.nights[taker])
        if weekend <= 0 and night <= 0:
            return False
        self.budget.spend(1 + len(self.exchanges) // 8)
        given, taken = assignment.movable(giver, taker), assignment.movable(taker, giver)
        both = mine * mine + yours * yours
        return any(
            given & exchange.kind
            and (taken & exchange.other or not exchange.other)
            and self._keeps_ranges(giver, taker, exchange)
            and self._make(giver, taker, exchange)
            for exchange in self.exchanges
            if exchange.weekend * (both * exchange.weekend - weekend)
            + exchange.night * (both * exchange.night - night)
            < 0
        )

    def _keeps_ranges(self, giver: int, taker: int, exchange: _Exchange) -> bool:
        """Whether loads stay where they may be, and no spread of hours becomes larger."""
        load_per_ms, loads = self.assignment.problem.load_per_ms, self.assignment.loads
        if exchange.length and not (
            self.low <= loads[giver] - load_per_ms[giver] * exchange.length <= self.high
            and self.low <= loads[taker] + load_per_ms[taker] * exchange.length <= self.high
        ):
            return False
        now = load_range(self.weekends) + load_range(self.nights)
        self._add_hours(giver, taker, exchange, 1)
        then = load_range(self.weekends) + load_range(self.nights)
        self._add_hours(giver, taker, exchange, -1)
        return then <= now

    def _add_hours(self, giver: int, taker: int, exchange: _Exchange, sign: int) -> None:
        load_per_ms = self.assignment.problem.load_per_ms
        for held, hours in ((self.weekends, exchange.weekend), (self.nights, exchange.night)):
            held[giver] -= sign * load_per_ms[giver] * hours
            held[taker] += sign * load_per_ms[taker] * hours

    def _make(self, giver: int, taker: int, exchange: _Exchange) -> bool:
        """Make the exchange with the first shifts that the rules allow."""
        assignment = self.assignment
        for shift in _preferred_shifts(assignment, giver, taker, exchange.kind):
            for back in (
                _preferred_shifts(assignment, taker, giver, exchange.other)
                if exchange.other
                else (None,)
            ):
                self.budget.spend(1)
                if _allowed(assignment, self.constraints, giver, shift, taker, back):
                    _swap_shifts(assignment, giver, shift, taker, back)
                    self._add_hours(giver, taker, exchange, 1)
                    return True
        return False


class _TurnOrder:
    """Turns put in order, hours left as they are."""

    def __init__(
        self,
        assignment: Assignment,
        constraints: Constraints,
        kinds: Mapping[ShiftKind, int],
        budget: SearchBudget,
    ) -> None:
        self.assignment, self.constraints, self.budget = assignment, constraints, budget
        self.alike = {shift: mask for mask in kinds.values() for shift in bits(mask)}

    def improve(self) -> None:
        moved = True
        while moved:
            moved = False
            for person in range(len(self.assignment.held)):
                for shift in bits(self._out_of_order(person)):
                    if self._out_of_order(person) >> shift & 1:
                        moved |= self._improve_shift(person, shift)

    def _out_of_order(self, person: int) -> int:
        """The shifts that follow or precede one of the same person, or are another's turn."""
        held = self.assignment.held[person]
        wrong = held & (held << 1 | held >> 1 | ~self.assignment.problem.cycle_shifts[person])
        return wrong & ~self.assignment.locked[person]

    def _improve_shift(self, person: int, shift: int) -> bool:
        """Swap ``shift`` for one of the same kind, if that helps."""
        assignment, alike = self.assignment, self.alike[shift]
        for other in self._others(person, shift):
            self.budget.spend(4)
            if not assignment.movable(person, other) >> shift & 1:
                continue
            for back in _preferred_shifts(assignment, other, person, alike):
                self.budget.spend(4)
                if self._is_better(person, shift, other, back) and _allowed(
                    assignment, self.constraints, person, shift, other, back
                ):
                    _swap_shifts(assignment, person, shift, other, back)
                    return True
        return False

    def _others(self, person: int, shift: int) -> Iterator[int]:
        """Who could have the shift instead: those whose turn it is; all, if it is one in a row."""
        held, turn = self.assignment.held[person], self.assignment.problem.cycle_shifts
        alone = not (held << 1 | held >> 1) >> shift & 1
        for other, turns in enumerate(turn):
            if other != person and (turns >> shift & 1 or not alone):
                yield other

    def _is_better(self, person: int, shift: int, other: int, back: int) -> bool:
        held, turn = self.assignment.held, self.assignment.problem.cycle_shifts
        swap = 1 << shift | 1 << back
        mine, theirs = held[person], held[other]
        now = _consecutive(mine) + _consecutive(theirs)
        then = _consecutive(mine ^ swap) + _consecutive(theirs ^ swap)
        if then != now:
            return then < now
        moved = (turn[person] >> back & 1) + (turn[other] >> shift & 1)
        return moved > (turn[person] >> shift & 1) + (turn[other] >> back & 1)


def _consecutive(held: int) -> int:
    return (held & held >> 1).bit_count()


def _preferred_shifts(assignment: Assignment, giver: int, taker: int, among: int) -> Iterator[int]:
    """Some of the shifts that may be handed on; first what is the taker's turn."""
    mask, turn = assignment.movable(giver, taker) & among, assignment.problem.cycle_shifts
    theirs = mask & turn[taker]
    nobodys = mask & ~theirs & ~turn[giver]
    return islice(chain(bits(theirs), bits(nobodys), bits(mask & ~theirs & ~nobodys)), MOST_TRIED)


def _allowed(
    assignment: Assignment,
    constraints: Constraints,
    giver: int,
    shift: int,
    taker: int,
    back: int | None,
) -> bool:
    """Whether two people may exchange ``shift`` and ``back``, which is nothing if ``None``."""
    if back is None:
        return constraints.allows(assignment, taker, shift, replacing=giver)
    return constraints.allows(
        assignment, taker, shift, releasing=back, replacing=giver
    ) and constraints.allows(assignment, giver, back, releasing=shift, replacing=taker)


def _swap_shifts(
    assignment: Assignment, giver: int, shift: int, taker: int, back: int | None
) -> None:
    assignment.move(shift, giver, taker)
    if back is not None:
        assignment.move(back, taker, giver)
