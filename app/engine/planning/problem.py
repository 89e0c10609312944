"""The assignment problem of a fair rotation, in numbers and bit masks.

Strategy: people and shifts are indices. A set of shifts is a whole number whose bit ``i`` stands
for shift ``i``, so "which of one person's shifts could another take" is one ``&`` over a thousand
shifts. Loads are exact: they are *scaled* by ``scale``, the least common multiple of the weights'
numerators, so that a millisecond is ``load_per_ms[p]`` of load for person ``p``, a whole number.

Invariants: ``load = carried_load[p] + load_per_ms[p] × milliseconds held``. Of shift ``i`` exactly
``demand[i]`` role slots can be filled, whatever else is decided: so without constraints on who
follows whom, the number of vacancies is known before anything is assigned.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import accumulate, chain, pairwise
from math import gcd, lcm
from operator import or_, xor

from app.engine.intervals import Interval, merged, split
from app.engine.layered.model import Restriction
from app.engine.layered.restrictions import recurring_windows, windows_between
from app.engine.layered.tally import NIGHT, WEEKEND
from app.engine.planning.obstacles import Obstacles, obstacles_at
from app.engine.planning.request import PlanningRequest
from app.engine.walltime import clock_of


@dataclass(frozen=True, slots=True)
class AssignmentProblem:
    """An assignment problem.

    By person: ``eligible_shifts`` (mask of the shifts they can take, fixed ones included),
    ``fixed_shifts`` (mask), ``cycle_shifts`` (mask of the shifts that the cycle gives them),
    ``load_per_ms`` and ``carried_load`` (scaled), ``avoided`` (mask of people). By shift:
    ``starts`` and ``ends`` (instants in milliseconds), ``lengths``, ``weekends`` and ``nights``
    (elapsed milliseconds), ``eligible_people`` (mask), ``demand`` (role slots that can be filled).
    ``obstacles`` are shifts that cannot be as the cycle has them.
    """

    people: Sequence[str]
    cycle: Sequence[int]
    slots_per_shift: int
    starts: Sequence[int]
    ends: Sequence[int]
    lengths: Sequence[int]
    weekends: Sequence[int]
    nights: Sequence[int]
    eligible_shifts: Sequence[int]
    fixed_shifts: Sequence[int]
    cycle_shifts: Sequence[int]
    load_per_ms: Sequence[int]
    carried_load: Sequence[int]
    avoided: Sequence[int]
    eligible_people: Sequence[int]
    demand: Sequence[int]
    scale: int
    min_rest_ms: int
    max_consecutive: int
    obstacles: Obstacles

    @property
    def constrained(self) -> bool:
        """Whether the shifts that a person holds decide what else that person can take."""
        return bool(self.min_rest_ms or self.max_consecutive or any(self.avoided))


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def assignment_problem(request: PlanningRequest) -> AssignmentProblem:
    """Translate ``request`` into numbers."""
    index = {name: number for number, name in enumerate(dict.fromkeys(request.cycle))}
    cycle = [index[name] for name in request.cycle]
    count, slots_per_shift = len(request.boundaries) - 1, max(1, len(request.roles))
    away = _away(request, index)
    fixed = _fixed_shifts(request, index)
    full = _fully_fixed(fixed, slots_per_shift)
    everything = (1 << count) - 1
    eligible_shifts = [
        everything & ~(_mask(runs) | full) | held for runs, held in zip(away, fixed, strict=True)
    ]
    eligible_people = _eligible_people(away, fixed, full, count)
    load_per_ms, carried_load, scale = _load_units(request, index)
    cycle_shifts = _cycle_shifts(cycle, slots_per_shift, count, len(index))
    avoided = _avoided(request, index)
    obstacles = chain(
        _impossible_turns(cycle_shifts, eligible_shifts, fixed, avoided),
        _turns_too_near(request, cycle_shifts),
    )
    return AssignmentProblem(
        people=tuple(index),
        cycle=cycle,
        slots_per_shift=slots_per_shift,
        starts=request.boundaries[:-1],
        ends=request.boundaries[1:],
        lengths=[end - start for start, end in pairwise(request.boundaries)],
        weekends=_ms_within(request, WEEKEND),
        nights=_ms_within(request, NIGHT),
        eligible_shifts=eligible_shifts,
        fixed_shifts=fixed,
        cycle_shifts=cycle_shifts,
        load_per_ms=load_per_ms,
        carried_load=carried_load,
        avoided=avoided,
        eligible_people=eligible_people,
        demand=[min(slots_per_shift, people.bit_count()) for people in eligible_people],
        scale=scale,
        min_rest_ms=request.min_rest_ms,
        max_consecutive=request.max_consecutive,
        obstacles=obstacles_at(bits(reduce(or_, obstacles, 0)), count),
    )


def shifts_within(boundaries: Sequence[int], start_at: int, end_at: int) -> Interval:
    """Find the shifts ``[first, last)`` that overlap ``[start_at, end_at)``."""
    first = max(bisect_right(boundaries, start_at) - 1, 0)
    last = min(bisect_left(boundaries, end_at), len(boundaries) - 1)
    return first, max(first, last)


def people_in_turn(cycle: Sequence[int], slots_per_shift: int, shift: int) -> Sequence[int]:
    """List the people whose turn it is in ``shift``: one for each role slot, or all if too few.

    Turns pass slot by slot, so nobody has two shifts in a row if there are people enough.
    """
    first = shift * slots_per_shift % len(cycle)
    return list(dict.fromkeys([*cycle[first:], *cycle[:first]]))[:slots_per_shift]


def _cycle_shifts(
    cycle: Sequence[int], slots_per_shift: int, count: int, people: int
) -> Sequence[int]:
    """Return for each person the mask of the shifts that the cycle gives them."""
    period = len(cycle) // gcd(len(cycle), slots_per_shift)  # shifts until the cycle begins anew
    masks = [0] * people
    for shift in range(min(period, count)):
        every = sum(1 << later for later in range(shift, count, period))
        for person in people_in_turn(cycle, slots_per_shift, shift):
            masks[person] |= every
    return masks


def _impossible_turns(
    cycle_shifts: Sequence[int],
    eligible_shifts: Sequence[int],
    fixed_shifts: Sequence[int],
    avoided: Sequence[int],
) -> Iterator[int]:
    """Yield masks of the shifts that the cycle gives to people who cannot take them.

    They are away, or others are fixed, or they must not be together.
    """
    for person, turns in enumerate(cycle_shifts):
        yield turns & ~eligible_shifts[person]
        yield fixed_shifts[person] & ~turns
        yield from (turns & cycle_shifts[other] for other in bits(avoided[person]))


def _turns_too_near(request: PlanningRequest, cycle_shifts: Sequence[int]) -> Iterator[int]:
    """Yield masks of the shifts that follow others of the same person too soon, or too many."""
    boundaries, most = request.boundaries, request.max_consecutive
    for turns in cycle_shifts if request.min_rest_ms else ():
        for last, shift in pairwise(bits(turns)):
            if boundaries[shift] - boundaries[last + 1] < request.min_rest_ms:
                yield 1 << shift
    for turns in cycle_shifts if most else ():
        too_many, before = turns, 0
        while too_many and before < most:
            before += 1
            too_many &= turns << before
        yield too_many


def _away(request: PlanningRequest, index: Mapping[str, int]) -> Sequence[Sequence[Interval]]:
    """Return for each person the runs of shifts that their absences touch."""
    found: list[list[Interval]] = [[] for _ in index]
    for person, start_at, end_at, _ in request.absences:
        found[index[person]].append(shifts_within(request.boundaries, start_at, end_at))
    return [merged(sorted(run for run in runs if run[0] < run[1])) for runs in found]


def _fixed_shifts(request: PlanningRequest, index: Mapping[str, int]) -> Sequence[int]:
    """Return for each person the mask of their fixed shifts."""
    held = [0] * len(index)
    for fixed in request.fixed:
        held[index[fixed.person]] |= 1 << fixed.shift
    return held


def _fully_fixed(fixed: Sequence[int], slots_per_shift: int) -> int:
    """Return the mask of the shifts whose role slots are all fixed."""
    held = Counter(shift for mask in fixed for shift in bits(mask))
    return sum(1 << shift for shift, count in held.items() if count == slots_per_shift)


def _mask(runs: Sequence[Interval]) -> int:
    """Return the mask of the shifts in ``runs``."""
    mask = 0
    for first, last in runs:
        mask |= (1 << last) - (1 << first)
    return mask


def _eligible_people(
    away: Sequence[Sequence[Interval]], fixed: Sequence[int], full: int, count: int
) -> Sequence[int]:
    """Return for each shift the mask of the people who can take it.

    It is one sweep over the ends of absences; ``count`` is the number of shifts.
    """
    changes = [0] * count
    for person, runs in enumerate(away):
        for first, last in runs:
            changes[first] ^= 1 << person
            if last < count:
                changes[last] ^= 1 << person
    everybody = (1 << len(away)) - 1
    eligible_people = [everybody & ~gone for gone in accumulate(changes, xor)]
    for shift in bits(full):
        eligible_people[shift] = 0
    for person, held in enumerate(fixed):
        for shift in bits(held):
            eligible_people[shift] |= 1 << person
    return eligible_people


def _load_units(
    request: PlanningRequest, index: Mapping[str, int]
) -> tuple[Sequence[int], Sequence[int], int]:
    """Return each person's load per millisecond and carried load, both scaled, and the scale."""
    turns = Counter(request.cycle)
    weights = [turns[name] * request.weights.get(name, Fraction(1)) for name in index]
    scale = lcm(*(weight.numerator for weight in weights))
    load_per_ms = [scale // weight.numerator * weight.denominator for weight in weights]
    return load_per_ms, [scale * request.carry_over.get(name, 0) for name in index], scale


def _avoided(request: PlanningRequest, index: Mapping[str, int]) -> Sequence[int]:
    """Return for each person the mask of the people who must not share a shift with them."""
    masks = [0] * len(index)
    for one, other in request.avoid_pairs:
        masks[index[one]] |= 1 << index[other]
        masks[index[other]] |= 1 << index[one]
    return masks


def _ms_within(request: PlanningRequest, restriction: Restriction) -> Sequence[int]:
    """Compute for each shift how many milliseconds lie in the windows of ``restriction``."""
    boundaries = request.boundaries
    pattern, clock = recurring_windows([restriction]), clock_of(request.timezone)
    windows = windows_between(pattern, clock, boundaries[0], boundaries[-1])
    found = [0] * (len(boundaries) - 1)
    shift = 0
    for start, end in split(list(pairwise(boundaries)), windows)[0]:
        while boundaries[shift + 1] <= start:
            shift += 1
        found[shift] += end - start
    return found
