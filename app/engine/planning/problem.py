"""The assignment problem of a fair rotation, in numbers and bit masks.

Strategy: people and shifts are indices. A set of shifts is a whole number whose bit ``i`` stands
for shift ``i``, so "which of one person's shifts could another take" is one ``&`` over a thousand
shifts. Loads are exact: they are *scaled* by ``scale``, the least common multiple of the weights'
numerators, so that a millisecond is ``load_per_ms[p]`` of load for person ``p``, a whole number.

Invariants: ``load = carried_load[p] + load_per_ms[p] × milliseconds held``; holiday, weekend and
night loads likewise (``carried_holidays``, ``carried_weekends``, ``carried_nights``). What is
carried holds what is not owed for the time outside of the team (``membership.py``). Of shift ``i``
exactly ``demand[i]`` role slots can be filled, whatever else is decided: so without constraints on
who follows whom, the number of vacancies is known before anything is assigned.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import accumulate, chain, groupby, pairwise
from math import gcd, lcm
from operator import add, or_, xor

from app.engine.intervals import Interval, merged, split
from app.engine.layered.model import Restriction
from app.engine.layered.restrictions import recurring_windows, windows_between
from app.engine.layered.tally import NIGHT, WEEKEND
from app.engine.planning.boundaries import shifts_within
from app.engine.planning.limits import Limits, limits_of
from app.engine.planning.membership import Membership, carried_over, membership_of
from app.engine.planning.obstacles import Obstacles, obstacles_at
from app.engine.planning.request import PlanningRequest
from app.engine.walltime import clock_of


@dataclass(frozen=True, slots=True)
class AssignmentProblem:
    """An assignment problem.

    By person: ``eligible_shifts`` (mask of the shifts they can take, fixed ones included),
    ``fixed_shifts`` (mask), ``cycle_shifts`` (mask of the shifts that the cycle gives them),
    ``load_per_ms`` and ``carried_…`` (scaled), ``not_owed`` (milliseconds of load, part of what is
    carried), ``avoided`` (mask of people). By shift: ``starts`` and ``ends`` (instants in
    milliseconds), ``lengths``, ``holidays``, ``weekends`` and ``nights`` (elapsed milliseconds),
    ``eligible_people`` (mask), ``demand`` (role slots that can be filled). ``turns`` are the people
    in turn of each shift, and begin anew after the last; ``next_place`` is the place in the cycle
    after them. ``obstacles`` are shifts that cannot be as the cycle has them. ``membership`` is
    ``None`` if everybody is there all the time, ``limits`` if nobody has any.
    """

    people: Sequence[str]
    cycle: Sequence[int]
    turns: Sequence[Sequence[int]]
    next_place: int
    slots_per_shift: int
    starts: Sequence[int]
    ends: Sequence[int]
    lengths: Sequence[int]
    holidays: Sequence[int]
    weekends: Sequence[int]
    nights: Sequence[int]
    eligible_shifts: Sequence[int]
    fixed_shifts: Sequence[int]
    cycle_shifts: Sequence[int]
    load_per_ms: Sequence[int]
    carried_load: Sequence[int]
    carried_holidays: Sequence[int]
    carried_weekends: Sequence[int]
    carried_nights: Sequence[int]
    not_owed: Sequence[int]
    avoided: Sequence[int]
    eligible_people: Sequence[int]
    demand: Sequence[int]
    scale: int
    min_rest_ms: int
    max_consecutive: int
    obstacles: Obstacles
    membership: Membership | None
    limits: Limits | None

    @property
    def constrained(self) -> bool:
        """Whether the shifts that a person holds decide what else that person can take."""
        return self.limits is not None or self.depends_on_order

    @property
    def depends_on_order(self) -> bool:
        """Whether it matters which shifts a person holds, and not only how many and how long."""
        of_weekends = self.limits is not None and self.limits.of_weekends
        return bool(self.min_rest_ms or self.max_consecutive or of_weekends or any(self.avoided))

    def in_turn(self, shift: int) -> Sequence[int]:
        """List the people whose turn it is in ``shift``: one for each role slot, if there are."""
        return self.turns[shift % len(self.turns)]

    def person_at(self, place: int) -> int:
        """Return the person at a place in the cycle, or the next who is there in the end."""
        there = self.membership.in_the_end if self.membership else -1
        after = (*self.cycle[place:], *self.cycle[:place])
        return next((person for person in after if there >> person & 1), after[0])


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
    membership = membership_of(request, list(index))
    away = _away(request, index, membership)
    fixed = _fixed_shifts(request, index)
    full = _fully_fixed(fixed, slots_per_shift)
    everything = (1 << count) - 1
    eligible_shifts = [
        everything & ~(_mask(runs) | full) | held for runs, held in zip(away, fixed, strict=True)
    ]
    eligible_people = _eligible_people(away, fixed, full, count)
    demand = [min(slots_per_shift, people.bit_count()) for people in eligible_people]
    hours = [end - start for start, end in pairwise(request.boundaries)]
    windows = request.holidays, _windows(request, WEEKEND), _windows(request, NIGHT)
    kinds = [_ms_within(request.boundaries, each) for each in windows]
    weights = _weights(request, index)
    scale = lcm(*(weight.numerator for weight in weights))
    places = _members_places(membership, fixed, demand)
    not_owed, *carried_kinds = (
        membership.missed(each, places, weights) if membership else [0] * len(index)
        for each in (hours, *kinds)
    )
    carried, on_holidays = (
        carried_over(request, given, list(index), weights)
        for given in (request.carry_over, request.carried_holidays)
    )
    carried_kinds[0] = list(map(add, carried_kinds[0], on_holidays))
    holidays, weekends, nights = kinds
    carried_holidays, carried_weekends, carried_nights = (
        [scale * ms for ms in each] for each in carried_kinds
    )
    turns, next_place = _turns(cycle, slots_per_shift, count, membership)
    cycle_shifts = _cycle_shifts(turns, count, len(index))
    avoided = _avoided(request, index)
    obstacles = chain(
        _impossible_turns(cycle_shifts, eligible_shifts, fixed, avoided),
        _turns_too_near(request, cycle_shifts),
    )
    return AssignmentProblem(
        people=tuple(index),
        cycle=cycle,
        turns=turns,
        next_place=next_place,
        slots_per_shift=slots_per_shift,
        starts=request.boundaries[:-1],
        ends=request.boundaries[1:],
        lengths=hours,
        holidays=holidays,
        weekends=weekends,
        nights=nights,
        eligible_shifts=eligible_shifts,
        fixed_shifts=fixed,
        cycle_shifts=cycle_shifts,
        load_per_ms=[scale // weight.numerator * weight.denominator for weight in weights],
        carried_load=[
            scale * (mine + missed) for mine, missed in zip(carried, not_owed, strict=True)
        ],
        carried_holidays=carried_holidays,
        carried_weekends=carried_weekends,
        carried_nights=carried_nights,
        not_owed=not_owed,
        avoided=avoided,
        eligible_people=eligible_people,
        demand=demand,
        scale=scale,
        min_rest_ms=request.min_rest_ms,
        max_consecutive=request.max_consecutive,
        obstacles=obstacles_at(bits(reduce(or_, obstacles, 0)), count),
        membership=membership,
        limits=limits_of(request, list(index)),
    )


def _turns(
    cycle: Sequence[int], slots_per_shift: int, count: int, membership: Membership | None
) -> tuple[Sequence[Sequence[int]], int]:
    """Return the people in turn of each shift until that begins anew, and the place after all.

    Turns pass slot by slot, so nobody has two shifts in a row if there are people enough.
    """
    if membership:
        return _turns_of_members(cycle, slots_per_shift, membership.members)
    period = len(cycle) // gcd(len(cycle), slots_per_shift)
    turns = [
        _different([*cycle[first:], *cycle[:first]], slots_per_shift)
        for first in (shift * slots_per_shift % len(cycle) for shift in range(min(period, count)))
    ]
    return turns, count * slots_per_shift % len(cycle)


def _turns_of_members(
    cycle: Sequence[int], slots_per_shift: int, members: Sequence[int]
) -> tuple[Sequence[Sequence[int]], int]:
    """Return the people in turn of each shift among its ``members``, and the place after all."""
    turns: list[Sequence[int]] = []
    place = 0
    for there, shifts in groupby(members):
        places = [each for each, person in enumerate(cycle) if there >> person & 1]
        for _ in shifts:
            first = bisect_left(places, place)
            order = [*places[first:], *places[:first]]
            turns.append(_different((cycle[each] for each in order), slots_per_shift))
            place = order[(slots_per_shift - 1) % len(order)] + 1 if order else place
    return turns, place % len(cycle)


def _different(people: Iterable[int], most: int) -> Sequence[int]:
    """List the first ``most`` different ones of ``people``."""
    return list(dict.fromkeys(people))[:most]


def _cycle_shifts(turns: Sequence[Sequence[int]], count: int, people: int) -> Sequence[int]:
    """Return for each person the mask of the shifts that the cycle gives them."""
    masks = [0] * people
    for shift, in_turn in enumerate(turns):
        every = sum(1 << later for later in range(shift, count, len(turns)))
        for person in in_turn:
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


def _away(
    request: PlanningRequest, index: Mapping[str, int], membership: Membership | None
) -> Sequence[Sequence[Interval]]:
    """Return for each person the runs of shifts that their absences touch, or before or after."""
    found: list[list[Interval]] = [[] for _ in index]
    for person, (first, last) in enumerate(membership.spans if membership else ()):
        found[person] += (0, first), (last, len(request.boundaries) - 1)
    for name, start_at, end_at, _ in request.absences:
        found[index[name]].append(shifts_within(request.boundaries, start_at, end_at))
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


def _weights(request: PlanningRequest, index: Mapping[str, int]) -> Sequence[Fraction]:
    """Return each person's weight; who takes two turns has twice as much."""
    turns = Counter(request.cycle)
    return [turns[name] * request.weights.get(name, Fraction(1)) for name in index]


def _members_places(
    membership: Membership | None, fixed: Sequence[int], demand: Sequence[int]
) -> Sequence[int]:
    """Return how many role slots of each shift its members fill, if there is a membership.

    Others have those that are fixed to them.
    """
    places = list(demand)
    for held, (first, last) in zip(fixed, membership.spans if membership else (), strict=False):
        for shift in bits(held & ~((1 << last) - (1 << first))):
            places[shift] -= 1
    return places


def _avoided(request: PlanningRequest, index: Mapping[str, int]) -> Sequence[int]:
    """Return for each person the mask of the people who must not share a shift with them."""
    masks = [0] * len(index)
    for one, other in request.avoid_pairs:
        masks[index[one]] |= 1 << index[other]
        masks[index[other]] |= 1 << index[one]
    return masks


def _windows(request: PlanningRequest, restriction: Restriction) -> Sequence[Interval]:
    """Return the windows of ``restriction`` within the rotation."""
    pattern, clock = recurring_windows([restriction]), clock_of(request.timezone)
    return windows_between(pattern, clock, request.boundaries[0], request.boundaries[-1])


def _ms_within(boundaries: Sequence[int], windows: Sequence[Interval]) -> Sequence[int]:
    """Compute for each shift how many milliseconds lie in the ``windows``, which are in order."""
    found = [0] * (len(boundaries) - 1)
    shift = 0
    for start, end in split(list(pairwise(boundaries)), windows)[0]:
        while boundaries[shift + 1] <= start:
            shift += 1
        found[shift] += end - start
    return found
