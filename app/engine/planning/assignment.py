"""An assignment of shifts to people, and the search for paths along which shifts can move.

Strategy: shifts × people is a transportation problem. Its residual graph is kept between people
only: there is an edge from ``p`` to ``q`` if ``p`` holds a shift that ``q`` can take, which is one
``&`` of two masks. An augmenting path hands one shift from each person on it to the next, so the
first person holds one shift fewer and the last one more. If there is no path, that is a proof
(max-flow min-cut): the people who were reached hold as few shifts, or as many, as they can.

Invariants: every shift keeps its number of holders; nobody holds a shift twice or a shift that they
cannot take; locked shifts (fixed by the request, or decided by a search) do not move. Paths are
shortest, so no shift is handed on twice along one path.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from app.engine.planning.problem import AssignmentProblem, bits


class BudgetExhausted(Exception):
    """A search has used up its time or its number of steps."""


class SearchBudget:
    """The work that a search may still do: a number of steps, until a deadline.

    A step is about one look at a pair of people; ``deadline`` is in seconds of ``timer``. Steps end
    a search at the same place for equal input; the deadline is for slow machines.
    """

    def __init__(self, timer: Callable[[], float], deadline: float, steps: int) -> None:
        self.timer = timer
        self.deadline = deadline
        self.steps = steps

    def spend(self, steps: int) -> None:
        """Count ``steps``. Raises ``BudgetExhausted`` if none are left or the deadline is over."""
        self.steps -= steps
        if self.steps < 0 or self.timer() > self.deadline:
            raise BudgetExhausted

    def with_steps(self, steps: int) -> "SearchBudget":
        """Return a budget of ``steps`` with the same deadline."""
        return SearchBudget(self.timer, self.deadline, steps)

    def extended(self, seconds: float) -> "SearchBudget":
        """Return a budget of as many steps with a later deadline."""
        return SearchBudget(self.timer, self.deadline + seconds, self.steps)


class Assignment:
    """The shifts that each person holds, and the loads that follow from them.

    ``held`` and ``locked`` are masks of shifts by person, ``holders`` are masks of people by shift,
    ``loads`` are by person and scaled (``problem.py``).
    """

    __slots__ = ("held", "holders", "loads", "locked", "problem")

    def __init__(self, problem: AssignmentProblem, held: Sequence[int]) -> None:
        self.problem = problem
        self.held = [0] * len(held)
        self.holders = [0] * len(problem.lengths)
        self.locked = list(problem.fixed_shifts)
        self.loads = list(problem.carried_load)
        for person, mask in enumerate(held):
            for shift in bits(mask):
                self.assign(shift, person)

    def copy(self) -> "Assignment":
        """Copy what can change; the problem is shared."""
        other = Assignment.__new__(Assignment)
        other.problem = self.problem
        other.held, other.locked = self.held.copy(), self.locked.copy()
        other.loads, other.holders = self.loads.copy(), self.holders.copy()
        return other

    @property
    def load_range(self) -> int:
        """The largest load minus the smallest, scaled."""
        return load_range(self.loads)

    def movable(self, giver: int, taker: int) -> int:
        """Return the mask of the shifts that ``giver`` can hand to ``taker``."""
        held = self.held
        return (
            held[giver] & ~self.locked[giver] & self.problem.eligible_shifts[taker] & ~held[taker]
        )

    def assign(self, shift: int, taker: int) -> None:
        """Give ``taker`` a role slot of ``shift`` that is empty."""
        self.held[taker] ^= 1 << shift
        self.holders[shift] ^= 1 << taker
        self.loads[taker] += self.problem.load_per_ms[taker] * self.problem.lengths[shift]

    def unassign(self, shift: int, giver: int) -> None:
        """Take ``shift`` from ``giver``, which leaves a role slot empty."""
        self.held[giver] ^= 1 << shift
        self.holders[shift] ^= 1 << giver
        self.loads[giver] -= self.problem.load_per_ms[giver] * self.problem.lengths[shift]

    def move(self, shift: int, giver: int, taker: int) -> None:
        """Hand ``shift`` from ``giver`` to ``taker``."""
        self.unassign(shift, giver)
        self.assign(shift, taker)

    def hand_over(self, giver: int, taker: int, among: int = -1) -> None:
        """Hand one shift of the mask ``among`` from ``giver`` to ``taker``.

        A shift that the cycle gives the taker is preferred, then one that it does not give the
        giver; of several, the nearest to its reason (``obstacles.py``).
        """
        mask = self.movable(giver, taker) & among
        turn = self.problem.cycle_shifts
        mask = mask & turn[taker] or mask & ~turn[giver] or mask
        self.move(self.problem.obstacles.nearest(mask), giver, taker)

    def counts(self) -> list[int]:
        """Count the shifts that each person holds."""
        return [mask.bit_count() for mask in self.held]

    def total_ms(self, person: int) -> int:
        """Return how long the shifts of ``person`` are together, in milliseconds."""
        problem = self.problem
        load = self.loads[person] - problem.carried_load[person]
        return load // problem.load_per_ms[person]

    def takers_from(self, giver: int, budget: SearchBudget, among: int = -1) -> dict[int, int]:
        """Find the people whom a shift can reach from ``giver``, nearest first.

        The value of each is the person who hands it to them; that of ``giver`` is ``giver``. Raises
        ``BudgetExhausted``.
        """
        wants = [
            eligible & ~has & among
            for eligible, has in zip(self.problem.eligible_shifts, self.held, strict=True)
        ]
        found = {giver: giver}
        waiting = [person for person in range(len(wants)) if person != giver]
        for person in (order := [giver]):
            budget.spend(len(waiting))
            offers = self.held[person] & ~self.locked[person]
            near = [other for other in waiting if offers & wants[other]]
            if near:
                found.update(dict.fromkeys(near, person))
                order += near
                waiting = [other for other in waiting if other not in found]
        return found

    def givers_to(self, taker: int, budget: SearchBudget, among: int = -1) -> dict[int, int]:
        """Find the people from whom a shift can reach ``taker``, nearest first.

        The value of each is the person to whom they hand it; that of ``taker`` is ``taker``. Raises
        ``BudgetExhausted``.
        """
        offers = [has & ~lock & among for has, lock in zip(self.held, self.locked, strict=True)]
        found = {taker: taker}
        waiting = [person for person in range(len(offers)) if person != taker]
        for person in (order := [taker]):
            budget.spend(len(waiting))
            wants = self.problem.eligible_shifts[person] & ~self.held[person]
            near = [other for other in waiting if wants & offers[other]]
            if near:
                found.update(dict.fromkeys(near, person))
                order += near
                waiting = [other for other in waiting if other not in found]
        return found

    def augment_along(self, path: Sequence[int], among: int = -1) -> None:
        """Hand one shift of the mask ``among`` from each person on ``path`` to the next."""
        for giver, taker in pairwise(path):
            self.hand_over(giver, taker, among)


def load_range(loads: Sequence[int]) -> int:
    """Return the largest of ``loads`` minus the smallest."""
    return max(loads) - min(loads)


def path_of(person: int, links: Mapping[int, int]) -> list[int]:
    """Follow ``links`` from ``person`` to the person with whom the search began."""
    path = [person]
    while links[person] != person:
        person = links[person]
        path.append(person)
    return path
