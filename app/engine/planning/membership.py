"""People who join the team or leave it while a rotation lasts.

Strategy: a person takes only shifts that lie wholly within the time in which they belong to the
team. What the others do without them is not owed back: it counts as if they had done their share
of it. So each person's load begins with the load that a shift is for those who are there (its
length by the sum of their weights), added up over the shifts outside of that time. Fairness is then
the evenness of loads as ever, and exact wherever it was.

Invariants: for those who are there all the time nothing is added; the sum of loads by weight is
that of the loads of all shifts, whoever is there.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import lcm

from app.engine.intervals import Interval
from app.engine.planning.request import PlanningRequest

FINER = 1 << 32
"""The parts of a millisecond in which shares are added up, before they are rounded once."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Who belongs to the team when.

    ``spans`` are the shifts ``[first, last)`` of each person, ``members`` the mask of the people of
    each shift, ``in_the_end`` of those who are there when the last shift ends.
    """

    spans: Sequence[Interval]
    members: Sequence[int]
    in_the_end: int

    def missed(
        self, hours: Sequence[int], places: Sequence[int], weights: Sequence[Fraction]
    ) -> Sequence[int]:
        """Compute the load that each person misses outside of their span, in milliseconds.

        ``hours`` are the milliseconds of each shift that count, of which members have ``places``.
        """
        units = lcm(*(weight.denominator for weight in weights))
        whole = [int(weight * units) for weight in weights]
        shares = map(_share, hours, places, self._sums(whole))
        before = list(accumulate((share * units for share in shares), initial=0))
        return [
            round(Fraction(before[first] + before[-1] - before[last], FINER))
            for first, last in self.spans
        ]

    def _sums(self, weights: Sequence[int]) -> Iterator[int]:
        """Yield the sum of the ``weights`` of the members of each shift."""
        changes = [0] * (len(self.members) + 1)
        for (first, last), weight in zip(self.spans, weights, strict=True):
            changes[first] += weight
            changes[last] -= weight
        return accumulate(changes[:-1])


def membership_of(request: PlanningRequest, people: Sequence[str]) -> Membership | None:
    """Return who of ``people`` belongs to the team when; ``None`` if all do all the time."""
    if not request.joins and not request.leaves:
        return None
    boundaries = request.boundaries
    spans = [member_shifts(boundaries, request.joins.get(name), request.leaves.get(name))
             for name in people]  # fmt: skip
    changes = [0] * len(boundaries)
    for person, (first, last) in enumerate(spans):
        changes[first] ^= 1 << person
        changes[last] ^= 1 << person
    in_the_end = sum(
        1 << person
        for person, name in enumerate(people)
        if request.joins.get(name, boundaries[-1]) <= boundaries[-1]
        and boundaries[-1] < request.leaves.get(name, boundaries[-1] + 1)
    )
    return Membership(spans, list(accumulate(changes[:-1], int.__xor__)), in_the_end)


def member_shifts(
    boundaries: Sequence[int], joins_at: int | None, leaves_at: int | None
) -> Interval:
    """Find the shifts ``[first, last)`` that lie within ``[joins_at, leaves_at)``."""
    first = 0 if joins_at is None else bisect_left(boundaries, joins_at)
    last = len(boundaries) if leaves_at is None else bisect_right(boundaries, leaves_at)
    first = min(first, len(boundaries) - 1)
    return first, max(first, last - 1)


def carried_over(
    request: PlanningRequest,
    given: Mapping[str, int],
    people: Sequence[str],
    weights: Sequence[Fraction],
) -> Sequence[int]:
    """Return the load that each person has carried over, in milliseconds, as far as it is given.

    A person who joins and has nothing carried over has not done less than the others: they begin
    with what these have on average, by weight.
    """
    new = [name in request.joins and name not in given for name in people]
    if not given or not any(new):
        return [given.get(name, 0) for name in people]
    known = [
        (weight, given.get(name, 0))
        for name, weight, is_new in zip(people, weights, new, strict=True)
        if not is_new
    ]
    total = sum((weight for weight, _ in known), Fraction(0))
    average = round(sum(weight * load for weight, load in known) / total)
    return [
        average if is_new else given.get(name, 0) for name, is_new in zip(people, new, strict=True)
    ]


def _share(hours: int, places: int, weight: int) -> int:
    """Return what a shift is for each unit of weight of those who are there."""
    return hours * places * FINER // weight if weight else 0
