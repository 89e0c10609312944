"""Local search for a better assignment of the same load range.

Strategy: two passes improve what comes after the load range in the objective. First holidays, then
weekends and nights: two people swap shifts, or one hands a shift on, wherever that lowers the sum
of squares of holiday loads or, where that stays, of weekend and night loads, and makes the ranges
no larger. Then the order of turns: shifts of one *kind* (length, holiday, weekend and night hours)
are swapped, which leaves all hours as they are, wherever
fewer shifts then follow one of the same person, or as few do and more are where the cycle has them.
``bring_near`` also swaps them where as many are, and the others come nearer to their reason
(``obstacles.py``).

Invariants: loads stay between the smallest and the largest at the beginning; no constraint is
broken that was not broken before; every exchange lowers a number that cannot fall for ever.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import NamedTuple

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget, load_range
from app.engine.planning.constraints import Constraints
from app.engine.planning.objective import holiday_loads, night_loads, weekend_loads
from app.engine.planning.problem import AssignmentProblem, bits

ShiftKind = tuple[int, int, int, int]
"""Length, holiday, weekend and night hours of a shift, in milliseconds."""

MOST_TRIED = 8
"""The most shifts of a kind that are tried for one that may be handed over."""


def local_search(
    assignment: Assignment, constraints: Constraints, budget: SearchBudget
) -> Assignment:
    """Improve ``assignment`` in place until no exchange does or the budget ends, and return it."""
    with suppress(BudgetExhausted):
        kinds = _kinds(assignment.problem)
        _UnsocialHours(assignment, constraints, kinds, budget).balance()
        _TurnOrder(assignment, constraints, kinds, budget).improve()
    return assignment


def bring_near(assignment: Assignment, constraints: Constraints, budget: SearchBudget) -> None:
    """Swap changes in place for others nearer to their reason, until none is or the budget ends."""
    with suppress(BudgetExhausted):
        _Nearness(assignment, constraints, _kinds(assignment.problem), budget).improve()


def _kinds(problem: AssignmentProblem) -> Mapping[ShiftKind, int]:
    """Return the mask of the shifts of each kind."""
    found: dict[ShiftKind, int] = {}
    for shift, kind in enumerate(
        zip(problem.lengths, problem.holidays, problem.weekends, problem.nights, strict=True)
    ):
        found[kind] = found.get(kind, 0) | 1 << shift
    return found


class _Exchange(NamedTuple):
    """A shift of one kind given for one of another, or for nothing.

    ``given`` and ``returned`` are masks of shifts by kind, ``returned`` is 0 for nothing; the rest
    is what the giver loses by it, in milliseconds.
    """

    given: int
    returned: int
    length: int
    holiday: int
    weekend: int
    night: int


def _exchanges(kinds: Mapping[ShiftKind, int]) -> Sequence[_Exchange]:
    """List the exchanges by which the giver loses holiday, weekend or night hours."""
    nothing = {(0, 0, 0, 0): 0}
    exchanges = (
        _Exchange(
            mask, other_mask, *(mine - yours for mine, yours in zip(kind, other, strict=True))
        )
        for kind, mask in kinds.items()
        for other, other_mask in (*kinds.items(), *nothing.items())
    )
    return [
        exchange
        for exchange in exchanges
        if exchange.holiday > 0 or exchange.weekend > 0 or exchange.night > 0
    ]


class _UnsocialHours:
    """The pass that balances holidays, then weekends and nights."""

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
        self.holidays = holiday_loads(assignment)
        self.weekends, self.nights = weekend_loads(assignment), night_loads(assignment)

    def balance(self) -> None:
        """Make exchanges between every two people, and again for those whom one has changed."""
        people = range(len(self.assignment.held))
        changed = set(people) if self.exchanges else set()
        while changed:
            before, changed = changed, set()
            for giver in people:
                for taker in people if giver in before else sorted(before):
                    while giver != taker and self._improve_pair(giver, taker):
                        changed |= {giver, taker}

    def _improve_pair(self, giver: int, taker: int) -> bool:
        """Make the first exchange that lowers the sums of squares, and tell whether one did."""
        assignment, load_per_ms = self.assignment, self.assignment.problem.load_per_ms
        mine, yours = load_per_ms[giver], load_per_ms[taker]
        holiday = 2 * (mine * self.holidays[giver] - yours * self.holidays[taker])
        weekend = 2 * (mine * self.weekends[giver] - yours * self.weekends[taker])
        night = 2 * (mine * self.nights[giver] - yours * self.nights[taker])
        if holiday <= 0 and weekend <= 0 and night <= 0:
            return False
        self.budget.spend(1 + len(self.exchanges) // 8)
        given, taken = assignment.movable(giver, taker), assignment.movable(taker, giver)
        both = mine * mine + yours * yours
        return any(
            given & exchange.given
            and (taken & exchange.returned or not exchange.returned)
            and self._keeps_ranges(giver, taker, exchange)
            and self._make(giver, taker, exchange)
            for exchange in self.exchanges
            if (
                exchange.holiday * (both * exchange.holiday - holiday),
                exchange.weekend * (both * exchange.weekend - weekend)
                + exchange.night * (both * exchange.night - night),
            )
            < (0, 0)
        )

    def _keeps_ranges(self, giver: int, taker: int, exchange: _Exchange) -> bool:
        """Tell whether loads stay within their window, and the ranges of hours grow no larger."""
        load_per_ms, loads = self.assignment.problem.load_per_ms, self.assignment.loads
        if exchange.length and not (
            self.low <= loads[giver] - load_per_ms[giver] * exchange.length <= self.high
            and self.low <= loads[taker] + load_per_ms[taker] * exchange.length <= self.high
        ):
            return False
        now = self._ranges()
        self._add_hours(giver, taker, exchange, 1)
        then = self._ranges()
        self._add_hours(giver, taker, exchange, -1)
        return then <= now

    def _ranges(self) -> tuple[int, int]:
        """Return the range of holidays, and those of weekends and nights, added up."""
        unsocial = load_range(self.weekends) + load_range(self.nights)
        return load_range(self.holidays), unsocial

    def _add_hours(self, giver: int, taker: int, exchange: _Exchange, sign: int) -> None:
        """Count ``exchange`` in the loads of its kinds, or take it back if ``sign`` is -1."""
        load_per_ms = self.assignment.problem.load_per_ms
        for held, hours in (
            (self.holidays, exchange.holiday),
            (self.weekends, exchange.weekend),
            (self.nights, exchange.night),
        ):
            held[giver] -= sign * load_per_ms[giver] * hours
            held[taker] += sign * load_per_ms[taker] * hours

    def _make(self, giver: int, taker: int, exchange: _Exchange) -> bool:
        """Make ``exchange`` with the first shifts that the constraints allow, if there are any."""
        assignment = self.assignment
        for shift in _preferred_shifts(assignment, giver, taker, exchange.given):
            for back in (
                _preferred_shifts(assignment, taker, giver, exchange.returned)
                if exchange.returned
                else (None,)
            ):
                self.budget.spend(1)
                if _allowed(assignment, self.constraints, giver, shift, taker, back):
                    _swap_shifts(assignment, giver, shift, taker, back)
                    self._add_hours(giver, taker, exchange, 1)
                    return True
        return False


class _TurnOrder:
    """The pass that puts turns in order and leaves all hours as they are."""

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
        """Swap shifts that are out of order until no swap helps."""
        moved = True
        while moved:
            moved = False
            for person in range(len(self.assignment.held)):
                for shift in bits(self._out_of_order(person)):
                    if self._out_of_order(person) >> shift & 1:
                        moved |= self._improve_shift(person, shift)

    def _out_of_order(self, person: int) -> int:
        """Return the mask of shifts that are beside one of the same person, or another's turn."""
        held = self.assignment.held[person]
        wrong = held & (held << 1 | held >> 1 | ~self.assignment.problem.cycle_shifts[person])
        return wrong & ~self.assignment.locked[person]

    def _improve_shift(self, person: int, shift: int) -> bool:
        """Swap ``shift`` for one of the same kind, and tell whether one helped."""
        assignment, alike = self.assignment, self._exchangeable(shift)
        for other in self._others(person, shift):
            self.budget.spend(4)
            if not assignment.movable(person, other) >> shift & 1:
                continue
            for back in self._returns(other, person, alike):
                self.budget.spend(4)
                if self._is_better(person, shift, other, back) and _allowed(
                    assignment, self.constraints, person, shift, other, back
                ):
                    _swap_shifts(assignment, person, shift, other, back)
                    return True
        return False

    def _exchangeable(self, shift: int) -> int:
        """Return the mask of the shifts that ``shift`` may be swapped for."""
        return self.alike[shift]

    def _returns(self, giver: int, taker: int, among: int) -> Iterator[int]:
        """Yield some shifts of ``among`` that ``giver`` may give back."""
        return _preferred_shifts(self.assignment, giver, taker, among)

    def _others(self, person: int, shift: int) -> Iterator[int]:
        """Yield the people who could have ``shift``: those in turn; all, if it follows another."""
        held, turn = self.assignment.held[person], self.assignment.problem.cycle_shifts
        alone = not (held << 1 | held >> 1) >> shift & 1
        for other, turns in enumerate(turn):
            if other != person and (turns >> shift & 1 or not alone):
                yield other

    def _is_better(self, person: int, shift: int, other: int, back: int) -> bool:
        """Tell whether swapping ``shift`` for ``back`` lowers what this pass improves."""
        return self._gain(person, shift, other, back) > 0

    def _gain(self, person: int, shift: int, other: int, back: int) -> int:
        """Count by how many fewer shifts follow one of the same person if the two are swapped.

        If it is as many, count by how many more are where the cycle has them.
        """
        held, turn = self.assignment.held, self.assignment.problem.cycle_shifts
        swap = 1 << shift | 1 << back
        mine, theirs = held[person], held[other]
        now = _consecutive(mine) + _consecutive(theirs)
        then = _consecutive(mine ^ swap) + _consecutive(theirs ^ swap)
        if then != now:
            return now - then
        moved = (turn[person] >> back & 1) + (turn[other] >> shift & 1)
        return moved - (turn[person] >> shift & 1) - (turn[other] >> back & 1)


class _Nearness(_TurnOrder):
    """The pass that brings changes near to their reason (``obstacles.py``)."""

    def __init__(
        self,
        assignment: Assignment,
        constraints: Constraints,
        kinds: Mapping[ShiftKind, int],
        budget: SearchBudget,
    ) -> None:
        super().__init__(assignment, constraints, kinds, budget)
        problem = assignment.problem
        self.turn_holders = [0] * len(assignment.holders)
        for person, turns in enumerate(problem.cycle_shifts):
            for shift in bits(turns):
                self.turn_holders[shift] |= 1 << person

    def _out_of_order(self, person: int) -> int:
        """Return the mask of shifts that are another's turn and no obstacle."""
        problem, assignment = self.assignment.problem, self.assignment
        wrong = assignment.held[person] & ~problem.cycle_shifts[person]
        return wrong & ~(assignment.locked[person] | problem.obstacles.mask)

    def _exchangeable(self, shift: int) -> int:
        """Return the mask of the shifts that may be changed rather than ``shift``."""
        return self.alike[shift] & -1 << min(shift, self.assignment.problem.obstacles.first)

    def _returns(self, giver: int, taker: int, among: int) -> Iterator[int]:
        """Yield some shifts of ``among`` that ``giver`` may give back, the nearest first."""
        nearest_first = self.assignment.problem.obstacles.by_nearness
        return _preferred_shifts(self.assignment, giver, taker, among, nearest_first)

    def _is_better(self, person: int, shift: int, other: int, back: int) -> bool:
        """Tell whether swapping ``shift`` for ``back`` improves the order, or nearness if not."""
        gain = self._gain(person, shift, other, back)
        return gain > 0 or (gain == 0 and self._is_nearer(person, shift, other, back))

    def _is_nearer(self, person: int, shift: int, other: int, back: int) -> bool:
        """Tell whether swapping ``shift`` for ``back`` brings changes nearer to their reason."""
        holders, turn = self.assignment.holders, self.turn_holders
        swap = 1 << person | 1 << other
        first, second = sorted((shift, back))
        one, two = holders[first], holders[second]
        now = (one != turn[first], two != turn[second])
        then = (one ^ swap != turn[first], two ^ swap != turn[second])
        return self._farness(first, second, then) < self._farness(first, second, now)

    def _farness(
        self, first: int, second: int, changed: tuple[bool, bool]
    ) -> tuple[bool, bool, int]:
        """Measure how far two shifts are from their reason, as far as they are ``changed``."""
        obstacles = self.assignment.problem.obstacles
        return (
            changed[0] and first < obstacles.first,
            changed[1] and second < obstacles.first,
            changed[0] * obstacles.distances[first] + changed[1] * obstacles.distances[second],
        )


def _consecutive(held: int) -> int:
    """Count the shifts that follow one of the same person."""
    return (held & held >> 1).bit_count()


def _preferred_shifts(
    assignment: Assignment,
    giver: int,
    taker: int,
    among: int,
    in_order: Callable[[int], Iterator[int]] = bits,
) -> Iterator[int]:
    """Yield some of the shifts that may be handed over, the taker's turns first.

    ``in_order`` yields the shifts of a mask.
    """
    mask, turn = assignment.movable(giver, taker) & among, assignment.problem.cycle_shifts
    theirs = mask & turn[taker]
    nobodys = mask & ~theirs & ~turn[giver]
    return islice(
        chain(in_order(theirs), in_order(nobodys), in_order(mask & ~theirs & ~nobodys)), MOST_TRIED
    )


def _allowed(
    assignment: Assignment,
    constraints: Constraints,
    giver: int,
    shift: int,
    taker: int,
    back: int | None,
) -> bool:
    """Tell whether two people may exchange ``shift`` for ``back``; ``None`` stands for nothing."""
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
