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

from app.rota.aims import night_loads, weekend_loads
from app.rota.board import Board, bits
from app.rota.deal import Deal, OutOfTime, Pace
from app.rota.rules import Rules

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


class _Hours:
    """Weekends and nights evened out."""

    def __init__(self, deal: Deal, rules: Rules, kinds: Mapping[Kind, int], pace: Pace) -> None:
        self.deal, self.rules, self.kinds, self.pace = deal, rules, kinds, pace
        self.low, self.high = min(deal.loads), max(deal.loads)
        self.unsocial = (weekend_loads(deal), night_loads(deal))

    def even_out(self) -> None:
        people = range(len(self.deal.held))
        moved = len(self.kinds) > 1
        while moved:
            moved = False
            for giver in people:
                for taker in people:
                    self.pace.spend(1)
                    while giver != taker and self._bettered(giver, taker):
                        moved = True

    def _bettered(self, giver: int, taker: int) -> bool:
        """One swap or hand-over between two people, if one helps."""
        deal, kinds = self.deal, self.kinds
        weekends, nights = self.unsocial
        if weekends[giver] <= weekends[taker] and nights[giver] <= nights[taker]:
            return False
        given = [kind for kind in kinds if deal.movable(giver, taker) & kinds[kind]]
        taken = [kind for kind in kinds if deal.movable(taker, giver) & kinds[kind]]
        self.pace.spend(len(given) * (len(taken) + 1))
        return any(
            self._helps(giver, taker, kind, other) and self._done(giver, taker, kind, other)
            for kind in given
            for other in (*taken, None)
        )

    def _helps(self, giver: int, taker: int, kind: Kind, other: Kind | None) -> bool:
        """Whether it evens things out that ``giver`` has ``other`` instead of ``kind``."""
        price, loads = self.deal.board.price, self.deal.loads
        length, *hours = (
            mine - yours for mine, yours in zip(kind, other or (0, 0, 0), strict=True)
        )
        if length and not (
            self.low <= loads[giver] - price[giver] * length <= self.high
            and self.low <= loads[taker] + price[taker] * length <= self.high
        ):
            return False
        change = 0
        for held, hour in zip(self.unsocial, hours, strict=True):
            less, more = held[giver] - price[giver] * hour, held[taker] + price[taker] * hour
            change += less**2 + more**2 - held[giver] ** 2 - held[taker] ** 2
        if change >= 0:
            return False
        return self._spreads(giver, taker, hours) <= self._spreads(giver, taker, (0, 0))

    def _spreads(self, giver: int, taker: int, hours: Sequence[int]) -> int:
        price, total = self.deal.board.price, 0
        for held, hour in zip(self.unsocial, hours, strict=True):
            loads = held.copy()
            loads[giver] -= price[giver] * hour
            loads[taker] += price[taker] * hour
            total += max(loads) - min(loads)
        return total

    def _done(self, giver: int, taker: int, kind: Kind, other: Kind | None) -> bool:
        """Make the exchange with the first shifts that the rules allow."""
        deal = self.deal
        for shift in _rather(deal, giver, taker, self.kinds[kind]):
            for back in _rather(deal, taker, giver, self.kinds[other]) if other else (None,):
                self.pace.spend(1)
                if _allowed(deal, self.rules, giver, shift, taker, back):
                    _exchange(deal, giver, shift, taker, back)
                    self._count(giver, taker, kind, -1)
                    self._count(giver, taker, other or (0, 0, 0), 1)
                    return True
        return False

    def _count(self, giver: int, taker: int, kind: Kind, sign: int) -> None:
        price = self.deal.board.price
        for held, hour in zip(self.unsocial, kind[1:], strict=True):
            held[giver] += sign * price[giver] * hour
            held[taker] -= sign * price[taker] * hour


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
