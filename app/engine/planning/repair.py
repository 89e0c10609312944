"""A deal under rules on rest, runs and pairs: a bounded search.

Strategy: such rules make the problem hard, so nothing here is exact by itself. Shifts are dealt out
in order of time, once by turns and once to the least loaded; a shift that nobody may take then is
made room for, along chains of at most ``CHAIN`` people; loads are evened out by hand-overs and by
chains over a third person. What the relaxed problem (``spread.py``) and the windows in which rules
leave too few people prove is the bound.

Invariants: no rule is broken that pinned shifts do not break; every step fills a seat, or makes the
more loaded of two people less loaded.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress

from app.engine.planning.assignment import Deal, OutOfTime, Pace
from app.engine.planning.constraints import Rules
from app.engine.planning.problem import Board, bits, turns_at

CHAIN = 3


def dealt_by_rules(board: Board, rules: Rules, pace: Pace, *, by_turns: bool) -> Deal:
    """A deal that keeps the rules, as full and as even as the search can make it."""
    deal = Deal(board, board.pinned)
    for shift, demand in enumerate(board.demand):
        lacking = demand - deal.holders[shift].bit_count()
        turns = turns_at(board.cycle, board.seats, shift) if by_turns else ()
        for person in _in_order(deal, shift, turns):
            if lacking and rules.allows(deal, person, shift):
                deal.take(shift, person)
                lacking -= 1
    with suppress(OutOfTime):
        _Repair(deal, rules, pace).run()
    return deal


def least_vacancies(board: Board) -> int:
    """How many seats of those that somebody can take stay empty whatever is decided: a bound.

    Stretches in which people are too few, given how many shifts each may have in it, are added up
    where they do not overlap.
    """
    count = len(board.lengths)
    best = [0] * (count + 1)
    for first in range(count):
        best[first + 1] = max(best[first + 1], best[first])
        for last, most in _stretches(board, first):
            lacking = best[first] + _lacking(board, first, last, most)
            best[last] = max(best[last], lacking)
    return best[count]


def _stretches(board: Board, first: int) -> Iterator[tuple[int, int]]:
    """Stretches ``[first, last)`` in which nobody may have more than so many shifts."""
    if board.min_rest_ms:
        yield bisect_left(board.starts, board.ends[first] + board.min_rest_ms), 1
    if board.max_consecutive and first + board.max_consecutive < len(board.lengths):
        yield first + board.max_consecutive + 1, board.max_consecutive


def _lacking(board: Board, first: int, last: int, most: int) -> int:
    mask = (1 << last) - (1 << first)
    available = sum(
        max(min((can & mask).bit_count(), most), (pinned & mask).bit_count())
        for can, pinned in zip(board.can, board.pinned, strict=True)
    )
    return max(0, sum(board.demand[first:last]) - available)


def _in_order(deal: Deal, shift: int, turns: Sequence[int] = ()) -> Iterator[int]:
    """Who can take ``shift`` and does not: those whose turn it is, then the least loaded."""
    able = [person for person in bits(deal.board.able[shift]) if not deal.held[person] >> shift & 1]
    yield from (person for person in turns if person in able)
    for person in sorted(able, key=lambda person: (deal.loads[person], person)):
        if person not in turns:
            yield person


class _Repair:
    """A deal made fuller and more even."""

    def __init__(self, deal: Deal, rules: Rules, pace: Pace) -> None:
        self.deal, self.rules, self.pace = deal, rules, pace

    def run(self) -> None:
        """Raises ``OutOfTime``; what was done until then is kept, and breaks no rule."""
        board = self.deal.board
        for shift, demand in enumerate(board.demand):
            for _ in range(demand - self.deal.holders[shift].bit_count()):
                self._filled(shift, CHAIN, frozenset())
        while self._evened():
            pass

    def _filled(self, shift: int, chain: int, tried: frozenset[int]) -> bool:
        """Find somebody for ``shift``, if need be by handing on one of his."""
        deal, rules = self.deal, self.rules
        for person in _in_order(deal, shift):
            self.pace.spend(1)
            if rules.allows(deal, person, shift):
                deal.take(shift, person)
                return True
        return chain > 0 and any(
            self._made_room(person, shift, chain, tried)
            for person in list(_in_order(deal, shift))
            if person not in tried
        )

    def _made_room(self, person: int, shift: int, chain: int, tried: frozenset[int]) -> bool:
        deal = self.deal
        for blocking in self._blocking(person, shift):
            self.pace.spend(1)
            if self.rules.allows(deal, person, shift, without=blocking):
                deal.drop(blocking, person)
                deal.take(shift, person)
                if self._filled_elsewhere(blocking, chain - 1, tried | {person}):
                    return True
                deal.drop(shift, person)
                deal.take(blocking, person)
        return False

    def _blocking(self, person: int, shift: int) -> Iterator[int]:
        """The shifts of ``person`` that may be why he cannot take ``shift``."""
        most = self.deal.board.max_consecutive
        first = max(0, shift - most)
        run = (1 << shift + most + 1) - (1 << first) if most else 0
        held = self.deal.held[person] & ~self.deal.locked[person]
        return bits(held & (self.rules.near[shift] | run))

    def _filled_elsewhere(self, shift: int, chain: int, tried: frozenset[int]) -> bool:
        """As ``_filled``; when time is over, as if it could not be."""
        try:
            return self._filled(shift, chain, tried)
        except OutOfTime:
            return False

    def _evened(self) -> bool:
        """One step towards equal loads, if there is one."""
        loads = self.deal.loads
        order = sorted(range(len(loads)), key=lambda person: -loads[person])
        return any(
            self._handed(giver, taker) or self._handed_over_a_third(giver, taker)
            for giver in order
            for taker in reversed(order)
            if loads[taker] < loads[giver]
        )

    def _handed(self, giver: int, taker: int) -> bool:
        for shift in bits(self.deal.movable(giver, taker)):
            self.pace.spend(1)
            if self._evens(giver, shift, taker, shift) and self.rules.allows(
                self.deal, taker, shift, but=giver
            ):
                self.deal.move(shift, giver, taker)
                return True
        return False

    def _evens(self, giver: int, given: int, taker: int, taken: int) -> bool:
        """Whether both end up between where they began, the giver lower than before."""
        board, loads = self.deal.board, self.deal.loads
        less = loads[giver] - board.price[giver] * board.lengths[given]
        more = loads[taker] + board.price[taker] * board.lengths[taken]
        return less >= loads[taker] and more < loads[giver]

    def _handed_over_a_third(self, giver: int, taker: int) -> bool:
        """``giver`` hands a shift to a third person, who hands one as long to ``taker``."""
        deal = self.deal
        for third in range(len(deal.held)):
            if third not in (giver, taker):
                for shift in bits(deal.movable(giver, third)):
                    self.pace.spend(1)
                    if self._evens(giver, shift, taker, shift) and self._passed_on(
                        giver, shift, third, taker
                    ):
                        return True
        return False

    def _passed_on(self, giver: int, shift: int, third: int, taker: int) -> bool:
        deal, rules, lengths = self.deal, self.rules, self.deal.board.lengths
        for other in bits(deal.movable(third, taker)):
            self.pace.spend(1)
            if (
                lengths[other] == lengths[shift]
                and rules.allows(deal, taker, other, but=third)
                and rules.allows(deal, third, shift, without=other, but=giver)
            ):
                deal.move(other, third, taker)
                deal.move(shift, giver, third)
                return True
        return False
