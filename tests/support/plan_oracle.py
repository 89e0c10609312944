"""Brute force over every assignment of a small rotation, to compare planned ones with.

Written from the words of the issue, with nothing of the engine's but its request and its answer:
people, role slots and constraints are looked at one by one, in fractions of milliseconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise
from random import Random

from app.engine.planning.request import Absence, FixedShift, PersonLimits, Plan, PlanningRequest

HOUR = 3_600_000
START = 1_780_531_200_000
"""2026-06-04T00:00:00.000Z, a Thursday."""

Staffing = Sequence[frozenset[str]]
"""The people on call in each shift."""


def least_objective(request: PlanningRequest) -> tuple[int, Fraction]:
    """Find the fewest vacancies, and the smallest load range with so few, in milliseconds."""
    best: tuple[int, Fraction] | None = None
    for staffing in _staffings(request, []):
        found = (vacancies(request, staffing), load_range(request, staffing))
        best = min(best, found) if best else found
    assert best is not None
    return best


def all_staffings(request: PlanningRequest) -> Iterator[Staffing]:
    """Yield every assignment that keeps the constraints."""
    return _staffings(request, [])


def vacancies(request: PlanningRequest, staffing: Staffing) -> int:
    """Count the empty role slots."""
    return max(1, len(request.roles)) * len(staffing) - sum(map(len, staffing))


def load_range(request: PlanningRequest, staffing: Staffing) -> Fraction:
    """Compute the largest load minus the smallest, in milliseconds.

    A load is time carried over, plus time on call divided by weight.
    """
    loads = []
    for name in dict.fromkeys(request.cycle):
        weight = weight_of(request, name)
        held = sum(
            end - start
            for (start, end), people in zip(pairwise(request.boundaries), staffing, strict=True)
            if name in people
        )
        loads.append(carried(request, name) + not_owed(request, name, "hours") + held / weight)
    return max(loads) - min(loads)


def weight_of(request: PlanningRequest, name: str) -> Fraction:
    """Return the weight of a person, who may take several turns."""
    return request.weights.get(name, Fraction(1)) * list(request.cycle).count(name)


def is_there(request: PlanningRequest, name: str, shift: int) -> bool:
    """Tell whether a person belongs to the team from the beginning of a shift to its end."""
    start, end = request.boundaries[shift : shift + 2]
    joins, leaves = request.joins.get(name, start), request.leaves.get(name, end)
    return joins <= start and end <= leaves


def carried(request: PlanningRequest, name: str, kind: str = "hours") -> int:
    """Return what a person carries over: who joins and says nothing has the others' average."""
    given = {"hours": request.carry_over, "holidays": request.carried_holidays}.get(kind, {})
    if name in given or name not in request.joins or not given:
        return given.get(name, 0)
    known = [
        other
        for other in dict.fromkeys(request.cycle)
        if other in given or other not in request.joins
    ]
    weights = [weight_of(request, other) for other in known]
    loads = [given.get(other, 0) for other in known]
    weighted = (weight * load for weight, load in zip(weights, loads, strict=True))
    return round(sum(weighted, Fraction(0)) / sum(weights))


def not_owed(request: PlanningRequest, name: str, kind: str) -> int:
    """Add up what each shift without a person is for those who are there, in milliseconds."""
    missed = Fraction(0)
    for shift in range(len(request.boundaries) - 1):
        there = [other for other in dict.fromkeys(request.cycle) if is_there(request, other, shift)]
        if name in there or not there:
            continue
        fixed = {item.person for item in request.fixed if item.shift == shift}
        able = {
            other
            for other in dict.fromkeys(request.cycle)
            if other in fixed or not is_away(request, other, shift)
        }
        slots = max(1, len(request.roles))
        if len(fixed) == slots:
            able = fixed
        places = min(slots, len(able)) - len(fixed - set(there))
        hours = HOUR * hours_in(request, shift, kind)
        missed += places * hours / sum(weight_of(request, other) for other in there)
    return round(missed)


def is_away(request: PlanningRequest, name: str, shift: int) -> bool:
    """Tell whether a person cannot be on call in a shift, whatever else they have."""
    start, end = request.boundaries[shift : shift + 2]
    return not is_there(request, name, shift) or any(
        absence.person == name and absence.start_at < end and start < absence.end_at
        for absence in request.absences
    )


def staffing_of(plan: Plan) -> Staffing:
    """Read the people on call in each shift from ``plan``, without their roles."""
    return [frozenset(person for person in people if person) for people in plan.slots]


def breaks_a_constraint(request: PlanningRequest, staffing: Staffing) -> bool:
    """Tell whether somebody is on call while away, too soon, too often in a row, or with a person
    they must not be with."""
    return any(
        not _allowed(request, staffing[:shift], people) for shift, people in enumerate(staffing)
    )


def _staffings(request: PlanningRequest, before: list[frozenset[str]]) -> Iterator[Staffing]:
    if len(before) == len(request.boundaries) - 1:
        yield before
        return
    names = list(dict.fromkeys(request.cycle))
    for count in range(max(1, len(request.roles)) + 1):
        for people in map(frozenset, combinations(names, count)):
            if _allowed(request, before, people):
                yield from _staffings(request, [*before, people])


def _allowed(request: PlanningRequest, before: Staffing, people: frozenset[str]) -> bool:
    shift = len(before)
    fixed = {item.person for item in request.fixed if item.shift == shift}
    if not fixed <= people:
        return False
    if any(set(pair) <= people for pair in request.avoid_pairs):
        return False
    return all(name in fixed or _free(request, before, name) for name in people)


def _free(request: PlanningRequest, before: Staffing, name: str) -> bool:
    shift = len(before)
    start = request.boundaries[shift]
    if is_away(request, name, shift):
        return False
    for other, people in enumerate(before):
        rest = start - request.boundaries[other + 1]
        if name in people and rest < request.min_rest_ms:
            return False
    if exceeds_limits(request, [*before, frozenset([name])], name):
        return False
    most = request.max_consecutive
    return not (most and shift >= most and all(name in people for people in before[-most:]))


def exceeds_limits(request: PlanningRequest, staffing: Staffing, name: str) -> bool:
    """Tell whether a person has more shifts, hours or weekends than their limits."""
    limits = request.limits.get(name, PersonLimits())
    held = [shift for shift, people in enumerate(staffing) if name in people]
    stretches = [request.boundaries[shift : shift + 2] for shift in held]
    weekends = {
        (hour // 24 + 3) // 7
        for start, end in stretches
        for hour in range(start // HOUR, end // HOUR)
        if hours_of_kind(hour * HOUR, (hour + 1) * HOUR, "weekends")
    }
    figures = (len(held), sum(end - start for start, end in stretches), len(weekends))
    return any(
        most is not None and figure > most for figure, most in zip(figures, limits, strict=True)
    )


def limited_team(
    seed: int, *, constrained: bool = False, weekends: bool = False
) -> PlanningRequest:
    """Make a small team some of whom have limits."""
    request = joining_team(seed, constrained=constrained)
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    if random.random() < 0.6:
        request = replace(request, joins={}, leaves={})
    limits = {
        name: PersonLimits(
            random.choice([None, 0, 1, 2, 3]),
            random.choice([None, None, 25, 48, 73]),
            random.choice([None, 0, 1]) if weekends else None,
        )
        for name in dict.fromkeys(request.cycle)
        if random.random() < 0.7
    }
    in_ms = {
        name: each._replace(total_ms=each.total_ms and each.total_ms * HOUR)
        for name, each in limits.items()
    }
    return replace(request, limits=in_ms)


def small_team(seed: int, *, constrained: bool = False) -> PlanningRequest:
    """Make a random rotation so small that every assignment can be tried."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    names = [f"p{number}" for number in range(random.randint(1, 3 if constrained else 4))]
    lengths = [24] * random.randint(1, 8 - len(names))
    for _ in range(random.choice([0, 0, 1, 2, 3])):
        lengths[random.randrange(len(lengths))] = random.choice([23, 25, 49])
    boundaries = [START]
    for length in lengths:
        boundaries.append(boundaries[-1] + length * HOUR)
    return PlanningRequest(
        cycle=[*names, *random.choices(names, k=random.choice([0, 0, 1]))],
        boundaries=boundaries,
        absences=[_absence(random, names, boundaries) for _ in range(random.choice([0, 1, 3]))],
        weights={name: Fraction(random.choice([10, 5, 3]), 10) for name in names},
        carry_over={name: random.choice([0, 0, 5, 24]) * HOUR for name in names},
        min_rest_ms=random.choice([0, 1, 24, 48]) * HOUR if constrained else 0,
        max_consecutive=random.choice([0, 1, 2]) if constrained else 0,
        roles=random.choice([(), (), ("first", "second")]),
        avoid_pairs=[(names[0], names[1])] if constrained and len(names) > 1 else (),
        fixed=[] if constrained or random.random() < 0.7 else [FixedShift(0, random.choice(names))],
        strategy="fair",
    )


def _absence(random: Random, names: Sequence[str], boundaries: Sequence[int]) -> Absence:
    start = random.randint(boundaries[0] - 24 * HOUR, boundaries[-1])
    return Absence(random.choice(names), start, start + random.randint(1, 72 * HOUR))


def joining_team(seed: int, *, constrained: bool = False) -> PlanningRequest:
    """Make a small team in which people join and leave, some of them far outside of it."""
    request = small_team(seed, constrained=constrained)
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    first, last = request.boundaries[0] // HOUR, request.boundaries[-1] // HOUR
    joins, leaves = {}, {}
    for name in dict.fromkeys(request.cycle):
        if random.random() < 0.5:
            joins[name] = random.randint(first - 24, last + 24) * HOUR
        if random.random() < 0.3:
            leaves[name] = (
                random.randint(joins.get(name, first * HOUR) // HOUR + 1, last + 48) * HOUR
            )
    carry_over = {name: ms for name, ms in request.carry_over.items() if random.random() < 0.6}
    return replace(request, joins=joins, leaves=leaves, carry_over=carry_over)


def turns_of(request: PlanningRequest, shift: int) -> Sequence[str]:
    """List the people to whom the cycle gives ``shift``: slot by slot, one after the other.

    Those who do not belong to the team are passed over.
    """
    slots, cycle, place = max(1, len(request.roles)), list(request.cycle), 0
    for before in range(shift + 1):
        order = [*range(place, len(cycle)), *range(place)]
        places = [each for each in order if is_there(request, cycle[each], before)]
        if places:
            place = places[(slots - 1) % len(places)] + 1
    return list(dict.fromkeys(cycle[each] for each in places))[:slots]


def in_a_row(staffing: Staffing) -> int:
    """Count the shifts that follow one of the same person."""
    return sum(len(people & after) for people, after in pairwise(staffing))


def cannot_have(request: PlanningRequest, staffing: Staffing, person: str, shift: int) -> bool:
    """Tell whether ``person`` is away in ``shift`` or, with their others, it is against a rule."""
    start, end = request.boundaries[shift : shift + 2]
    away = is_away(request, person, shift)
    held = [other for other, people in enumerate(staffing) if person in people and other != shift]
    too_near = any(
        start - request.boundaries[other + 1] < request.min_rest_ms
        if other < shift
        else request.boundaries[other] - end < request.min_rest_ms
        for other in held
    )
    most = request.max_consecutive
    too_many = most > 0 and any(
        set(range(first, first + most + 1)) <= {*held, shift}
        for first in range(shift - most, shift + 1)
    )
    with_them = staffing[shift] | {person}
    return (
        away
        or exceeds_limits(
            request,
            [
                people | {person} if other == shift else people
                for other, people in enumerate(staffing)
            ],
            person,
        )
        or too_near
        or too_many
        or any(person in pair and set(pair) <= with_them for pair in request.avoid_pairs)
    )


def evenness(request: PlanningRequest, staffing: Staffing, kind: str) -> tuple[Fraction, Fraction]:
    """Compute the range and the sum of squares of one kind of hours by weight; less is more even.

    ``kind`` is ``hours``, ``holidays``, ``weekends`` or ``nights``, the latter two by UTC; shifts
    are of whole hours.
    """
    loads = [
        Fraction(carried(request, name, kind), HOUR)
        + Fraction(not_owed(request, name, kind), HOUR)
        + sum(
            hours_in(request, shift, kind)
            for shift, people in enumerate(staffing)
            if name in people
        )
        / weight_of(request, name)
        for name in dict.fromkeys(request.cycle)
    ]
    return max(loads) - min(loads), sum((load * load for load in loads), Fraction(0))


def hours_in(request: PlanningRequest, shift: int, kind: str) -> int:
    """Count the whole hours of a shift that are of one kind."""
    start, end = request.boundaries[shift : shift + 2]
    if kind != "holidays":
        return hours_of_kind(start, end, kind)
    return sum(
        any(first <= hour * HOUR < last for first, last in request.holidays)
        for hour in range(start // HOUR, end // HOUR)
    )


def hours_of_kind(start: int, end: int, kind: str) -> int:
    """Count the whole hours of a shift that are of one kind, one after the other."""
    found = 0
    for hour in range(start // HOUR, end // HOUR):
        weekday = (hour // 24 + 3) % 7  # 1 January 1970 was a Thursday
        found += {
            "hours": True,
            "weekends": weekday >= 5,
            "nights": hour % 24 >= 22 or hour % 24 < 6,
        }[kind]
    return found
