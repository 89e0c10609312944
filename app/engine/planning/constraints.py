"""Who may take a shift in view of what he holds already: rest, runs, and pairs kept apart.

Strategy: what lies too near to a shift is a mask, made once; a run is counted outwards from it.
Invariant: a deal that was made by asking ``allows`` before each shift breaks no rule, except where
pinned shifts break one among themselves.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from app.engine.planning.assignment import Deal
from app.engine.planning.problem import Board


class Rules:
    """The rules of a board; without any, everything is allowed."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.near = _near(board)

    def allows(
        self, deal: Deal, person: int, shift: int, *, without: int = -1, but: int = -1
    ) -> bool:
        """Whether ``person`` may take ``shift``, having given up shift ``without``, where person
        ``but`` gives up ``shift``."""
        board = self.board
        if not board.ruled:
            return True
        held = deal.held[person]
        if without >= 0:
            held &= ~(1 << without)
        if held & self.near[shift]:
            return False
        if board.max_consecutive and _run(held, shift) > board.max_consecutive:
            return False
        together = deal.holders[shift] & board.avoided[person]
        return not (together & ~(1 << but) if but >= 0 else together)


def _near(board: Board) -> Sequence[int]:
    """By shift, the others that leave too little rest before or after it."""
    if not board.min_rest_ms:
        return [0] * len(board.starts)
    near = []
    for shift, (start, end) in enumerate(zip(board.starts, board.ends, strict=True)):
        first = bisect_right(board.ends, start - board.min_rest_ms)
        last = bisect_left(board.starts, end + board.min_rest_ms)
        near.append((1 << last) - (1 << first) & ~(1 << shift))
    return near


def _run(held: int, shift: int) -> int:
    """How long the run of shifts is that ``shift`` makes with those beside it."""
    first = last = shift
    while first and held >> first - 1 & 1:
        first -= 1
    while held >> last + 1 & 1:
        last += 1
    return last - first + 1
