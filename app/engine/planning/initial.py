"""First deals, by simple rules: where a search begins, and what a fair rotation is held against.

Each covers all the seats that can be covered (``Board.demand``), rules aside.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from app.engine.planning.assignment import Deal
from app.engine.planning.problem import Board, bits, turns_at


def in_turn(board: Board) -> Deal:
    """Whoever's turn it is; whose turn it cannot be is replaced by the least loaded."""
    return _dealt(board, lambda shift: turns_at(board.cycle, board.seats, shift))


def least_loaded(board: Board) -> Deal:
    """Shift by shift, the least loaded of those who can take it; the first of equals."""
    return _dealt(board, lambda _: ())


def _dealt(board: Board, wanted: Callable[[int], Sequence[int]]) -> Deal:
    deal = Deal(board, board.pinned)
    for shift, demand in enumerate(board.demand):
        able = board.able[shift]
        chosen = [person for person in wanted(shift) if able >> person & 1]
        lacking = demand - deal.holders[shift].bit_count()
        for person in chain(chosen, _least_loaded(deal, able)):
            if not lacking:
                break
            if not deal.holders[shift] >> person & 1:
                deal.take(shift, person)
                lacking -= 1
    return deal


def _least_loaded(deal: Deal, people: int) -> Iterator[int]:
    yield from sorted(bits(people), key=deal.loads.__getitem__)
