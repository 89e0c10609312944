"""Whether an assignment exists with every load in a window.

Strategy: with equal lengths a window of loads is a range of counts for each person. Who is below is
given shifts, then who is above hands some on, along augmenting paths; where there is no path there
is no assignment (``deal.py``). *Odd* shifts, of another than the usual length, are decided person
by person, depth first. A person's range of counts is then taken as if all that is undecided went
his way, and that prunes a branch; so does that loads would lack, or exceed, more than the undecided
seats are longer, or shorter (``counting.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul

from app.engine.planning.assignment import Deal, OutOfTime, Pace
from app.engine.planning.augmenting import Bounds, least_excess, least_lacking, lowered, raised
from app.engine.planning.greedy import masks_by_length
from app.engine.planning.problem import Board, bits

MOST_ODD = 64
"""So many odd seats are decided one by one; their extra lengths add up to ``MOST_SUMS`` values."""
MOST_SUMS = 500

BRANCH_STEPS = 8
"""What a branch costs beside its flow, in steps for each person."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """A deal in which the first ``depth`` odd seats are decided; ``extra`` is what each person has
    of them beyond the usual length."""

    deal: Deal
    extra: Sequence[int]
    depth: int
    last: int = -1


class Windows:
    """Looks for assignments in windows, from the one found last; ``best`` is the best of them."""

    def __init__(self, deal: Deal, pace: Pace) -> None:
        board = deal.board
        self.best = deal
        self.beyond = max(board.carry) + max(board.price) * sum(board.lengths) + 1
        self._board, self._pace = board, pace
        self._usual = next(iter(masks_by_length(board)), 1)
        self._odd = _odd_seats(board, self._usual)
        self._pinned = [_extra(board, mask, self._usual) for mask in board.pinned]
        self._sums = _sums([extra for _, extra in self._odd])
        self._total = sum(map(mul, board.lengths, board.demand), 0)
        self._units = [price * self._usual for price in board.price]

    def fit(self, low: int, high: int, *, exact: bool) -> Deal | None:
        """A deal with every load in ``[low, high]``; ``None`` is a proof that there is none.

        If not ``exact``, odd shifts may be what puts some loads outside. Raises ``OutOfTime``.
        """
        if exact and len(self._odd) > MOST_ODD:
            raise OutOfTime
        branch = _Branch(self.best.copy(), self._pinned, 0)
        return self._found(branch, low, high, exact=exact)

    def above(self, load: int) -> int:
        """The smallest load above ``load`` that anybody could have."""
        return min(
            base + unit * max((load - base) // unit + 1, 0) for base, unit in self._ladders()
        )

    def below(self, load: int) -> int:
        """The largest load below ``load`` that anybody could have; -1 if there is none."""
        steps = ((base, unit, -((base - load) // unit) - 1) for base, unit in self._ladders())
        return max((base + unit * count for base, unit, count in steps if count >= 0), default=-1)

    def _ladders(self) -> Iterator[tuple[int, int]]:
        """Loads are a base plus a multiple of a unit."""
        board = self._board
        self._pace.spend(len(self._units) * len(self._sums[0]))
        for carry, price, pinned, unit in zip(
            board.carry, board.price, self._pinned, self._units, strict=True
        ):
            for extra in self._sums[0]:
                yield carry + price * (pinned + extra), unit

    def _found(self, branch: _Branch, low: int, high: int, *, exact: bool) -> Deal | None:
        deal, left = branch.deal, self._odd[branch.depth :]
        if left and not self._adds_up(branch, low, high):
            return None
        shorter = sum(-extra for _, extra in left if extra < 0)
        longer = sum(extra for _, extra in left if extra > 0)
        most, least = self._most(branch, high, shorter), self._least(branch, low, longer)
        if any(few > many for few, many in zip(least, most, strict=True)):
            return None
        if raised(deal, least, self._pace) or lowered(deal, most, self._pace):
            return None
        if deal.spread < self.best.spread:
            self.best = Deal(deal.board, deal.held)
        if left and not self._made_up_for(branch, low, high, (least, most)):
            return None
        if not left or not exact:
            return deal
        branches = self._branches(branch, low, high)
        found = (self._found(each, low, high, exact=True) for each in branches)
        return next(filter(None, found), None)

    def _adds_up(self, branch: _Branch, low: int, high: int) -> bool:
        """Whether loads in the window, each by itself possible, can be all there is to hold."""
        board, usual = self._board, self._usual
        sums = self._sums[branch.depth]
        self._pace.spend(len(branch.extra) * (len(sums) + BRANCH_STEPS))
        least = most = 0
        for carry, price, held in zip(board.carry, board.price, branch.extra, strict=True):
            floor, ceiling = max(0, -((carry - low) // price)), (high - carry) // price
            ends = [
                (first, last)
                for extra in sums
                if (first := floor + (held + extra - floor) % usual)
                <= (last := ceiling - (ceiling - held - extra) % usual)
            ]
            if not ends:
                return False
            least += min(first for first, _ in ends)
            most += max(last for _, last in ends)
        return bool(least <= self._total <= most)

    def _most(self, branch: _Branch, high: int, shorter: int) -> Bounds:
        board = self._board
        return [
            (high - carry - price * (extra - shorter)) // unit
            for carry, price, extra, unit in zip(
                board.carry, board.price, branch.extra, self._units, strict=True
            )
        ]

    def _least(self, branch: _Branch, low: int, longer: int) -> Bounds:
        board = self._board
        return [
            max(0, -((carry + price * (extra + longer) - low) // unit))
            for carry, price, extra, unit in zip(
                board.carry, board.price, branch.extra, self._units, strict=True
            )
        ]

    def _made_up_for(
        self, branch: _Branch, low: int, high: int, hull: tuple[Bounds, Bounds]
    ) -> bool:
        """Whether the undecided seats are long and short enough for what loads lack and exceed."""
        board, left = self._board, self._odd[branch.depth :]
        people = list(zip(board.carry, board.price, branch.extra, strict=True))
        floors = [-((carry - low) // price) - extra for carry, price, extra in people]
        ceilings = [(high - carry) // price - extra for carry, price, extra in people]
        longer = sum(extra for _, extra in left if extra > 0)
        shorter = sum(-extra for _, extra in left if extra < 0)
        usual, pace = self._usual, self._pace
        return (
            least_lacking(branch.deal, floors, hull, usual, pace) <= longer
            and least_excess(branch.deal, ceilings, hull, usual, pace) <= shorter
        )

    def _branches(self, branch: _Branch, low: int, high: int) -> Iterator[_Branch]:
        """The next odd seat given to each person who can take it, those whom it suits first."""
        shift, extra = self._odd[branch.depth]
        again = branch.depth > 0 and self._odd[branch.depth - 1][0] == shift
        able = [
            person
            for person, can in enumerate(self._board.can)
            if can & ~branch.deal.locked[person] & 1 << shift
            and not (again and person < branch.last)
        ]
        counts = branch.deal.counts()
        strain = {
            person: self._strain(branch, person, counts[person], extra, low, high)
            for person in able
        }
        for person in sorted(able, key=strain.__getitem__):
            yield self._decided(branch, person)

    def _strain(
        self, branch: _Branch, person: int, count: int, extra: int, low: int, high: int
    ) -> int:
        """By how much the load of ``person`` is farther outside of the window with ``extra``."""
        board = self._board
        price, held = board.price[person], branch.extra[person]
        load = board.carry[person] + price * (self._usual * count + held)
        more = load + price * extra
        return max(low - more, more - high, 0) - max(low - load, load - high, 0)

    def _decided(self, branch: _Branch, person: int) -> _Branch:
        shift, extra = self._odd[branch.depth]
        deal, bit = branch.deal.copy(), 1 << shift
        if not deal.held[person] & bit:
            holders = bits(deal.holders[shift])
            deal.move(shift, next(one for one in holders if not deal.locked[one] & bit), person)
        deal.locked[person] |= bit
        extras = list(branch.extra)
        extras[person] += extra
        return _Branch(deal, extras, branch.depth + 1, person)


def _odd_seats(board: Board, usual: int) -> Sequence[tuple[int, int]]:
    """The seats to be given away whose shift has another length, and by how much it is longer.

    The longest first, and then those with the fewest people: they leave the least to try.
    """
    seats = []
    for shift, length in enumerate(board.lengths):
        if length != usual:
            pinned = sum(held >> shift & 1 for held in board.pinned)
            seats += [(shift, length - usual)] * (board.demand[shift] - pinned)
    return sorted(seats, key=lambda seat: (-seat[1], board.able[seat[0]].bit_count(), seat[0]))


def _extra(board: Board, mask: int, usual: int) -> int:
    return sum(board.lengths[shift] - usual for shift in bits(mask))


def _sums(extras: Sequence[int]) -> Sequence[Sequence[int]]:
    """By place in ``extras``, what any of those from there on can add up to."""
    found = [[0]]
    for extra in reversed(extras):
        found.append(sorted({*found[-1], *(extra + other for other in found[-1])}))
        if len(found[-1]) > MOST_SUMS:
            raise OutOfTime
    return found[::-1]
