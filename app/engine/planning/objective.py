"""What is aimed at, in order: the measure by which one deal is better than another.

Shifts that nobody has; the spread of loads; the spreads of weekend and of night hours by weight,
added; shifts that follow one of the same person; shifts that are not the holder's by the cycle.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.engine.planning.assignment import Deal
from app.engine.planning.problem import bits


class Aims(NamedTuple):
    """Smaller is better, the first that differs decides. Spreads are scaled."""

    vacancies: int
    spread: int
    unsocial: int
    consecutive: int
    deviations: int


def aims_of(deal: Deal) -> Aims:
    """How good ``deal`` is."""
    board = deal.board
    seats = board.seats * len(board.lengths)
    return Aims(
        seats - sum(held.bit_count() for held in deal.held),
        deal.spread,
        spread_of(weekend_loads(deal)) + spread_of(night_loads(deal)),
        sum((held & held >> 1).bit_count() for held in deal.held),
        sum((held & ~turn).bit_count() for held, turn in zip(deal.held, board.turn, strict=True)),
    )


def weekend_loads(deal: Deal) -> list[int]:
    """By person, weekend hours by weight, scaled."""
    return _loads(deal, deal.board.weekends)


def night_loads(deal: Deal) -> list[int]:
    """By person, night hours by weight, scaled."""
    return _loads(deal, deal.board.nights)


def spread_of(loads: list[int]) -> int:
    return max(loads) - min(loads)


def _loads(deal: Deal, hours: Sequence[int]) -> list[int]:
    return [
        price * sum(hours[shift] for shift in bits(held))
        for price, held in zip(deal.board.price, deal.held, strict=True)
    ]
