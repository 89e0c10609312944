"""Every assignment of a small rotation, tried: what the planned ones are held against.

Written from the words of the issue, with nothing of the engine's but its request and its answer:
people, seats and rules are looked at one by one, in fractions of hours.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from random import Random

from app.engine.planning.request import Absence, Fixed, Plan, Wishes

HOUR = 3_600_000
START = 1_780_531_200_000
"""2026-06-04T00:00:00.000Z, a Thursday."""

Seating = Sequence[frozenset[str]]
"""Who is on call, shift by shift."""


def least(wishes: Wishes) -> tuple[int, Fraction]:
    """The fewest vacancies there can be, and the smallest spread of loads with so few, in ms."""
    best: tuple[int, Fraction] | None = None
    for seating in _seatings(wishes, []):
        found = (vacancies(wishes, seating), spread(wishes, seating))
        best = min(best, found) if best else found
    assert best is not None
    return best


def vacancies(wishes: Wishes, seating: Seating) -> int:
    return max(1, len(wishes.roles)) * len(seating) - sum(map(len, seating))


def spread(wishes: Wishes, seating: Seating) -> Fraction:
    """The largest load minus the smallest: hours carried over, plus hours by weight."""
    loads = []
    for name in dict.fromkeys(wishes.cycle):
        weight = wishes.weights.get(name, Fraction(1)) * list(wishes.cycle).count(name)
        held = sum(
            end - start
            for (start, end), people in zip(pairwise(wishes.boundaries), seating, strict=True)
            if name in people
        )
        loads.append(wishes.carry_over.get(name, 0) + held / weight)
    return max(loads) - min(loads)


def seating_of(plan: Plan) -> Seating:
    return [frozenset(person for person in people if person) for people in plan.seats]


def breaks_a_rule(wishes: Wishes, seating: Seating) -> bool:
    """Whether somebody is away, rests too little, has too many in a row, or is with whom he should
    not be."""
    return any(
        not _allowed(wishes, seating[:shift], people) for shift, people in enumerate(seating)
    )


def _seatings(wishes: Wishes, before: list[frozenset[str]]) -> Iterator[Seating]:
    if len(before) == len(wishes.boundaries) - 1:
        yield before
        return
    names = list(dict.fromkeys(wishes.cycle))
    for count in range(max(1, len(wishes.roles)) + 1):
        for people in map(frozenset, combinations(names, count)):
            if _allowed(wishes, before, people):
                yield from _seatings(wishes, [*before, people])


def _allowed(wishes: Wishes, before: Seating, people: frozenset[str]) -> bool:
    shift = len(before)
    fixed = {item.person for item in wishes.fixed if item.shift == shift}
    if not fixed <= people:
        return False
    if any(set(pair) <= people for pair in wishes.avoid_pairs):
        return False
    return all(name in fixed or _free(wishes, before, name) for name in people)


def _free(wishes: Wishes, before: Seating, name: str) -> bool:
    shift = len(before)
    start, end = wishes.boundaries[shift : shift + 2]
    if any(
        absence.person == name and absence.start_at < end and start < absence.end_at
        for absence in wishes.absences
    ):
        return False
    for other, people in enumerate(before):
        rest = start - wishes.boundaries[other + 1]
        if name in people and rest < wishes.min_rest_ms:
            return False
    most = wishes.max_consecutive
    return not (most and shift >= most and all(name in people for people in before[-most:]))


def small_team(seed: int, *, ruled: bool = False) -> Wishes:
    """A rotation so small that every assignment can be tried."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    names = [f"p{number}" for number in range(random.randint(1, 3 if ruled else 4))]
    lengths = [24] * random.randint(1, 8 - len(names))
    for _ in range(random.choice([0, 0, 1, 2, 3])):
        lengths[random.randrange(len(lengths))] = random.choice([23, 25, 49])
    boundaries = [START]
    for length in lengths:
        boundaries.append(boundaries[-1] + length * HOUR)
    return Wishes(
        cycle=[*names, *random.choices(names, k=random.choice([0, 0, 1]))],
        boundaries=boundaries,
        absences=[_absence(random, names, boundaries) for _ in range(random.choice([0, 1, 3]))],
        weights={name: Fraction(random.choice([10, 5, 3]), 10) for name in names},
        carry_over={name: random.choice([0, 0, 5, 24]) * HOUR for name in names},
        min_rest_ms=random.choice([0, 1, 24, 48]) * HOUR if ruled else 0,
        max_consecutive=random.choice([0, 1, 2]) if ruled else 0,
        roles=random.choice([(), (), ("first", "second")]),
        avoid_pairs=[(names[0], names[1])] if ruled and len(names) > 1 else (),
        fixed=[] if ruled or random.random() < 0.7 else [Fixed(0, random.choice(names))],
        strategy="fair",
    )


def _absence(random: Random, names: Sequence[str], boundaries: Sequence[int]) -> Absence:
    start = random.randint(boundaries[0] - 24 * HOUR, boundaries[-1])
    return Absence(random.choice(names), start, start + random.randint(1, 72 * HOUR))
