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

from app.engine.planning.assignment import Deal, OutOfTime, Pace
from app.engine.planning.constraints import Rules
from app.engine.planning.objective import night_loads, spread_of, weekend_loads
from app.engine.planning.problem import Board, bits

Kind = tuple[int, int, int]
"""Length, weekend hours and night hours of a shift, in milliseconds."""

TRIED = 8
"""So many shifts of a kind are looked at for one that may be taken."""


def polished(deal: Deal, rules: Rules, pace: Pace) -> Deal:
    """``deal``, bettered in place until nothing does, or until the pace ends it."""
    with suppress(OutOfTime):
        kinds = _kinds(deal.board)
        _Hours(deal, rules, kinds, pace).even_out()
        _Order(deal, rules, kinds, pace).straighten()
    return deal


def _kinds(board: Board) -> Mapping[Kind, int]:
    """The shifts of each kind, as masks."""
    found: dict[Kind, int] = {}
    for shift, kind in enumerate(zip(board.lengths, board.weekends, board.nights, strict=True)):
        found[kind] = found.get(kind, 0) | 1 << shift
    return found


class _Step(NamedTuple):
    """A shift of one kind given for one of another, or for nothing; what the giver loses by it."""

    kind: int
    other: int
    length: int
    weekend: int
    night: int


def _steps(kinds: Mapping[Kind, int]) -> Sequence[_Step]:
    """Every step by which somebody loses weekend or night hours; kinds are masks."""
    nothing = {(0, 0, 0): 0}
    steps = (
        _Step(mask, other_mask, *(mine - yours for mine, yours in zip(kind, other, strict=True)))
        for kind, mask in kinds.items()
        for other, other_mask in (*kinds.items(), *nothing.items())
    )
    return [step for step in steps if step.weekend > 0 or step.night > 0]


class _Hours:
    """Weekends and nights evened out."""

    def __init__(self, deal: Deal, rules: Rules, kinds: Mapping[Kind, int], pace: Pace) -> None:
        self.deal, self.rules, self.pace = deal, rules, pace
        self.steps = _steps(kinds) if len(kinds) > 1 else ()
        self.low, self.high = min(deal.loads), max(deal.loads)
        self.weekends, self.nights = weekend_loads(deal), night_loads(deal)

    def even_out(self) -> None:
        """Look at every two people, and again at whoever something was changed for."""
        people = range(len(self.deal.held))
        changed = set(people) if self.steps else set()
        while changed:
            before, changed = changed, set()
            for giver in people:
                for taker in people if giver in before else sorted(before):
                    while giver != taker and self._bettered(giver, taker):
                        changed |= {giver, taker}

    def _bettered(self, giver: int, taker: int) -> bool:
        """One step between two people, if one helps: the first that lowers the sum of squares."""
        deal, price = self.deal, self.deal.board.price
        mine, yours = price[giver], price[taker]
        weekend = 2 * (mine * self.weekends[giver] - yours * self.weekends[taker])
        night = 2 * (mine * self.nights[giver] - yours * self.nights[taker])
        if weekend <= 0 and night <= 0:
            return False
        self.pace.spend(1 + len(self.steps) // 8)
        given, taken = deal.movable(giver, taker), deal.movable(taker, giver)
        both = mine * mine + yours * yours
        return any(
            given & step.kind
            and (taken & step.other or not step.other)
            and self._keeps(giver, taker, step)
            and self._done(giver, taker, step)
            for step in self.steps
            if step.weekend * (both * step.weekend - weekend)
            + step.night * (both * step.night - night)
            < 0
        )

    def _keeps(self, giver: int, taker: int, step: _Step) -> bool:
        """Whether loads stay where they may be, and no spread of hours becomes larger."""
        price, loads = self.deal.board.price, self.deal.loads
        if step.length and not (
            self.low <= loads[giver] - price[giver] * step.length <= self.high
            and self.low <= loads[taker] + price[taker] * step.length <= self.high
        ):
            return False
        now = spread_of(self.weekends) + spread_of(self.nights)
        self._count(giver, taker, step, 1)
        then = spread_of(self.weekends) + spread_of(self.nights)
        self._count(giver, taker, step, -1)
        return then <= now

    def _count(self, giver: int, taker: int, step: _Step, sign: int) -> None:
        price = self.deal.board.price
        for held, hours in ((self.weekends, step.weekend), (self.nights, step.night)):
            held[giver] -= sign * price[giver] * hours
            held[taker] += sign * price[taker] * hours

    def _done(self, giver: int, taker: int, step: _Step) -> bool:
        """Make the exchange with the first shifts that the rules allow."""
        deal = self.deal
        for shift in _rather(deal, giver, taker, step.kind):
            for back in _rather(deal, taker, giver, step.other) if step.other else (None,):
                self.pace.spend(1)
                if _allowed(deal, self.rules, giver, shift, taker, back):
                    _exchange(deal, giver, shift, taker, back)
                    self._count(giver, taker, step, 1)
                    return True
        return False


class _Order:
    """Turns put in order, hours left as they are."""

    def __init__(self, deal: Deal, rules: Rules, kinds: Mapping[Kind, int], pace: Pace) -> None:
        self.deal, self.rules, self.pace = deal, rules, pace
        self.alike = {shift: mask for mask in kinds.values() for shift in bits(mask)}

    def straighten(self) -> None:
        moved = True
        while moved:
            moved = False
            for person in range(len(self.deal.held)):
                for shift in bits(self._out_of_order(person)):
                    if self._out_of_order(person) >> shift & 1:
                        moved |= self._bettered(person, shift)

    def _out_of_order(self, person: int) -> int:
        """The shifts that follow or precede one of the same person, or are another's turn."""
        held = self.deal.held[person]
        wrong = held & (held << 1 | held >> 1 | ~self.deal.board.turn[person])
        return wrong & ~self.deal.locked[person]

    def _bettered(self, person: int, shift: int) -> bool:
        """Swap ``shift`` for one of the same kind, if that helps."""
        deal, alike = self.deal, self.alike[shift]
        for other in self._others(person, shift):
            self.pace.spend(4)
            if not deal.movable(person, other) >> shift & 1:
                continue
            for back in _rather(deal, other, person, alike):
                self.pace.spend(4)
                if self._better(person, shift, other, back) and _allowed(
                    deal, self.rules, person, shift, other, back
                ):
                    _exchange(deal, person, shift, other, back)
                    return True
        return False

    def _others(self, person: int, shift: int) -> Iterator[int]:
        """Who could have the shift instead: those whose turn it is; all, if it is one in a row."""
        held, turn = self.deal.held[person], self.deal.board.turn
        alone = not (held << 1 | held >> 1) >> shift & 1
        for other, turns in enumerate(turn):
            if other != person and (turns >> shift & 1 or not alone):
                yield other

    def _better(self, person: int, shift: int, other: int, back: int) -> bool:
        held, turn = self.deal.held, self.deal.board.turn
        swap = 1 << shift | 1 << back
        mine, theirs = held[person], held[other]
        now = _in_a_row(mine) + _in_a_row(theirs)
        then = _in_a_row(mine ^ swap) + _in_a_row(theirs ^ swap)
        if then != now:
            return then < now
        moved = (turn[person] >> back & 1) + (turn[other] >> shift & 1)
        return moved > (turn[person] >> shift & 1) + (turn[other] >> back & 1)


def _in_a_row(held: int) -> int:
    return (held & held >> 1).bit_count()


def _rather(deal: Deal, giver: int, taker: int, among: int) -> Iterator[int]:
    """Some of the shifts that may be handed on; first what is the taker's turn."""
    mask, turn = deal.movable(giver, taker) & among, deal.board.turn
    theirs = mask & turn[taker]
    nobodys = mask & ~theirs & ~turn[giver]
    return islice(chain(bits(theirs), bits(nobodys), bits(mask & ~theirs & ~nobodys)), TRIED)


def _allowed(
    deal: Deal, rules: Rules, giver: int, shift: int, taker: int, back: int | None
) -> bool:
    """Whether two people may exchange ``shift`` and ``back``, which is nothing if ``None``."""
    if back is None:
        return rules.allows(deal, taker, shift, but=giver)
    return rules.allows(deal, taker, shift, without=back, but=giver) and rules.allows(
        deal, giver, back, without=shift, but=taker
    )


def _exchange(deal: Deal, giver: int, shift: int, taker: int, back: int | None) -> None:
    deal.move(shift, giver, taker)
    if back is not None:
        deal.move(back, taker, giver)
