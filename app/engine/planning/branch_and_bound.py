"""Every deal of a small rotation under rules: the proof that a search cannot give.

Strategy: shift by shift, depth first, every choice of people that the rules allow; fuller choices
and less loaded people first. A branch ends when it has more vacancies than the best deal, or as
many and a spread that cannot become smaller: the largest load never falls, and the smallest stays
within what can still be added to it.
"""

from collections.abc import Iterator
from itertools import combinations

from app.engine.planning.assignment import Deal, OutOfTime, Pace
from app.engine.planning.constraints import Rules
from app.engine.planning.problem import bits

MOST_SHIFTS = 40
"""Longer rotations are not tried: there would be no end."""


class Exhaustive:
    """All deals, looked through; ``best`` is then the best in vacancies and spread."""

    def __init__(self, deal: Deal, rules: Rules, pace: Pace) -> None:
        self.best, self.rules, self.pace = deal, rules, pace
        self.board = deal.board
        self.least = (self._vacancies(deal), deal.spread)

    def run(self) -> bool:
        """Whether all deals were looked at, so that none is better than ``best``."""
        if len(self.board.lengths) > MOST_SHIFTS:
            return False
        try:
            self._look(Deal(self.board, self.board.pinned), 0, 0)
        except OutOfTime:
            return False
        return True

    def _vacancies(self, deal: Deal) -> int:
        return sum(self.board.demand) - sum(held.bit_count() for held in deal.held)

    def _look(self, deal: Deal, shift: int, vacancies: int) -> None:
        self.pace.spend(len(deal.held) * (len(self.board.lengths) - shift + 1))
        if (vacancies, self._least_spread(deal, shift)) >= self.least:
            return
        if shift == len(self.board.lengths):
            self.best, self.least = deal.copy(), (vacancies, deal.spread)
            return
        for people, empty in self._choices(deal, shift):
            taken = [person for person in people if self._took(deal, person, shift)]
            if len(taken) == len(people):
                self._look(deal, shift + 1, vacancies + empty)
            for person in taken:
                deal.drop(shift, person)

    def _took(self, deal: Deal, person: int, shift: int) -> bool:
        allowed = self.rules.allows(deal, person, shift)
        if allowed:
            deal.take(shift, person)
        return allowed

    def _choices(self, deal: Deal, shift: int) -> Iterator[tuple[tuple[int, ...], int]]:
        """Who takes the seats that are not fixed, and how many then stay empty."""
        held = deal.holders[shift]
        able = sorted(bits(self.board.able[shift] & ~held), key=deal.loads.__getitem__)
        seats = self.board.demand[shift] - held.bit_count()
        for count in range(seats, -1, -1):
            yield from ((people, seats - count) for people in combinations(able, count))

    def _least_spread(self, deal: Deal, shift: int) -> int:
        board = self.board
        later = -1 << shift
        reach = min(
            load + price * sum(board.lengths[other] for other in bits(can & later & ~held))
            for load, price, can, held in zip(
                deal.loads, board.price, board.can, deal.held, strict=True
            )
        )
        return max(0, max(deal.loads) - reach)
