"""Who holds which shifts, and shifts moved along shortest paths: the flow of the fair rotation.

Strategy: shifts × people is a transportation problem. Its residual graph is kept as people only:
there is an edge from ``p`` to ``q`` if ``p`` holds a shift that ``q`` can take, which is one ``&``
of two masks. An augmenting path hands one shift from each person on it to the next, so the first
holds one fewer and the last one more. A path that does not exist is a proof (max-flow min-cut):
the people who were reached hold as few, or as many, as they can.

Invariants: every shift keeps as many holders as it had, nobody holds a shift twice, nobody holds
what he cannot take, and what is locked (pinned, or decided by a search) does not move. Paths are
shortest, so no shift is handed on twice along one.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from app.engine.planning.problem import Board, bits


class OutOfTime(Exception):
    """The time, or the number of steps, for a search is over."""


class Pace:
    """How much may still be done: ``steps`` looks at a pair of people, until ``deadline``.

    Steps make the end of a search the same for equal input; the deadline is for slow machines.
    """

    def __init__(self, timer: Callable[[], float], deadline: float, steps: int) -> None:
        self.timer = timer
        self.deadline = deadline
        self.steps = steps

    def spend(self, steps: int) -> None:
        """Count ``steps``. Raises ``OutOfTime`` once they are too many or it is too late."""
        self.steps -= steps
        if self.steps < 0 or self.timer() > self.deadline:
            raise OutOfTime

    def of(self, steps: int) -> "Pace":
        """A search with steps of its own and the same deadline."""
        return Pace(self.timer, self.deadline, steps)


class Deal:
    """Who holds which shifts: ``held`` and ``locked`` are masks by person, ``holders`` are masks by
    shift, ``loads`` are scaled."""

    __slots__ = ("board", "held", "holders", "loads", "locked")

    def __init__(self, board: Board, held: Sequence[int]) -> None:
        self.board = board
        self.held = [0] * len(held)
        self.holders = [0] * len(board.lengths)
        self.locked = list(board.pinned)
        self.loads = list(board.carry)
        for person, mask in enumerate(held):
            for shift in bits(mask):
                self.take(shift, person)

    def copy(self) -> "Deal":
        other = Deal.__new__(Deal)
        other.board = self.board
        other.held, other.locked = self.held.copy(), self.locked.copy()
        other.loads, other.holders = self.loads.copy(), self.holders.copy()
        return other

    @property
    def spread(self) -> int:
        return max(self.loads) - min(self.loads)

    def movable(self, giver: int, taker: int) -> int:
        """The shifts that ``giver`` can hand to ``taker``."""
        held = self.held
        return held[giver] & ~self.locked[giver] & self.board.can[taker] & ~held[taker]

    def take(self, shift: int, taker: int) -> None:
        """Give ``taker`` a seat that nobody has."""
        self.held[taker] ^= 1 << shift
        self.holders[shift] ^= 1 << taker
        self.loads[taker] += self.board.price[taker] * self.board.lengths[shift]

    def drop(self, shift: int, giver: int) -> None:
        """Take a seat from ``giver``, so that nobody has it."""
        self.held[giver] ^= 1 << shift
        self.holders[shift] ^= 1 << giver
        self.loads[giver] -= self.board.price[giver] * self.board.lengths[shift]

    def move(self, shift: int, giver: int, taker: int) -> None:
        self.drop(shift, giver)
        self.take(shift, taker)

    def hand(self, giver: int, taker: int, among: int = -1) -> None:
        """Hand on one shift: rather what the cycle gives the taker, and not the giver."""
        mask = self.movable(giver, taker) & among
        turn = self.board.turn
        mask = mask & turn[taker] or mask & ~turn[giver] or mask
        self.move((mask & -mask).bit_length() - 1, giver, taker)

    def counts(self) -> list[int]:
        return [mask.bit_count() for mask in self.held]

    def takers_from(self, giver: int, pace: Pace, among: int = -1) -> dict[int, int]:
        """Everybody whom a shift can reach from ``giver``, nearest first, and who hands it on."""
        wants = [can & ~has & among for can, has in zip(self.board.can, self.held, strict=True)]
        found = {giver: giver}
        waiting = [person for person in range(len(wants)) if person != giver]
        for person in (order := [giver]):
            pace.spend(len(waiting))
            offers = self.held[person] & ~self.locked[person]
            near = [other for other in waiting if offers & wants[other]]
            if near:
                found.update(dict.fromkeys(near, person))
                order += near
                waiting = [other for other in waiting if other not in found]
        return found

    def givers_to(self, taker: int, pace: Pace, among: int = -1) -> dict[int, int]:
        """Everybody from whom a shift can reach ``taker``, nearest first, and whom they hand it."""
        offers = [has & ~lock & among for has, lock in zip(self.held, self.locked, strict=True)]
        found = {taker: taker}
        waiting = [person for person in range(len(offers)) if person != taker]
        for person in (order := [taker]):
            pace.spend(len(waiting))
            wants = self.board.can[person] & ~self.held[person]
            near = [other for other in waiting if wants & offers[other]]
            if near:
                found.update(dict.fromkeys(near, person))
                order += near
                waiting = [other for other in waiting if other not in found]
        return found

    def pass_along(self, path: Sequence[int], among: int = -1) -> None:
        """Hand one shift from each person on the path to the next."""
        for giver, taker in pairwise(path):
            self.hand(giver, taker, among)


def path_of(person: int, links: Mapping[int, int]) -> list[int]:
    """From ``person``, link by link, to where the search began."""
    path = [person]
    while links[person] != person:
        person = links[person]
        path.append(person)
    return path
