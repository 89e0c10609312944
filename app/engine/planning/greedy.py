"""A deal made more even, step by step: quick, and without looking back.

Strategy: as long as somebody can end up below where somebody else began, one shift of the usual
length is handed along a path between them. With equal weights and lengths no other assignment is
then more even, whatever the measure (the counts that flows allow are an M-convex set, where local
optima are global). Otherwise it is where ``spread.py`` begins.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from app.engine.planning.assignment import Deal, Pace, path_of
from app.engine.planning.problem import Board


def masks_by_length(board: Board) -> Mapping[int, int]:
    """The shifts of each length that somebody can take, as masks; the most frequent length
    first."""
    masks: Counter[int] = Counter()
    for shift, length in enumerate(board.lengths):
        if board.demand[shift]:
            masks[length] |= 1 << shift
    order = sorted(masks, key=lambda length: (-masks[length].bit_count(), length))
    return {length: masks[length] for length in order}


def level(deal: Deal, pace: Pace) -> None:
    """Make ``deal`` more even until no path does. Raises ``OutOfTime``."""
    by_length = masks_by_length(deal.board)
    moved = bool(by_length)
    while moved:
        moved = _handed(deal, by_length, pace) | _swapped(deal, by_length, pace)


def _handed(deal: Deal, by_length: Mapping[int, int], pace: Pace) -> bool:
    length, usual = next(iter(by_length.items()))
    moved = False
    for giver in sorted(range(len(deal.held)), key=lambda person: -deal.loads[person]):
        while path := _evening_path(deal, giver, length, usual, pace):
            deal.pass_along(path, usual)
            moved = True
    return moved


def _evening_path(
    deal: Deal, giver: int, length: int, usual: int, pace: Pace
) -> Sequence[int] | None:
    """From ``giver`` to the least loaded of those who end up below where ``giver`` began."""
    price, loads = deal.board.price, deal.loads
    most, kept = loads[giver], loads[giver] - price[giver] * length
    reached = deal.takers_from(giver, pace, usual)
    able = [
        person
        for person in reached
        if loads[person] + price[person] * length < most and loads[person] <= kept
    ]
    if not able:
        return None
    return path_of(min(able, key=lambda person: loads[person]), reached)[::-1]


def _swapped(deal: Deal, by_length: Mapping[int, int], pace: Pace) -> bool:
    """Swap shifts of different lengths between two people, to even them out."""
    if len(by_length) == 1:
        return False
    moved = False
    order = sorted(range(len(deal.held)), key=lambda person: -deal.loads[person])
    for more in order:
        for less in reversed(order):
            pace.spend(len(by_length) ** 2)
            if deal.loads[less] < deal.loads[more]:
                moved |= _swap(deal, more, less, by_length)
    return moved


def _swap(deal: Deal, more: int, less: int, by_length: Mapping[int, int]) -> bool:
    price, loads = deal.board.price, deal.loads
    given, taken = deal.movable(more, less), deal.movable(less, more)
    for length, mask in by_length.items():
        for shorter, other in by_length.items():
            gain = length - shorter
            if (
                gain > 0
                and given & mask
                and taken & other
                and loads[less] + price[less] * gain < loads[more]
                and loads[more] - price[more] * gain >= loads[less]
            ):
                deal.hand(more, less, mask)
                deal.hand(less, more, other)
                return True
    return False
