"""A fair rotation as numbers and bit masks: what the searches work on.

Strategy: people and shifts are indices. A set of shifts is a whole number whose bit ``i`` stands
for shift ``i``, so "which of his shifts could she take" is one ``&`` over a thousand shifts. Loads
are exact: with ``scale`` the least common multiple of the weights' numerators, a millisecond of
person ``p`` is ``price[p]`` of load, a whole number.

Invariants: ``load = carry[p] + price[p] × milliseconds held``; ``demand[i]`` seats of shift ``i``
can be taken and no more can, whatever else is decided: so without rules on who follows whom, the
number of vacancies is known before anything is dealt out.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from math import gcd, lcm
from operator import xor

from app.engine.intervals import Span, merged, parted
from app.engine.layered.model import Restriction
from app.engine.layered.restrictions import pattern_of, windows_between
from app.engine.layered.tally import NIGHT, WEEKEND
from app.engine.planning.request import Wishes
from app.engine.walltime import clock_of


@dataclass(frozen=True, slots=True)
class Board:
    """The problem.

    By person: ``can`` (shifts that can be taken, pinned ones included), ``pinned`` (shifts that
    are fixed), ``turn`` (shifts that the cycle gives), ``price``, ``carry``, ``avoided`` (people
    as a mask). By shift: ``starts``, ``ends``, ``lengths``, ``weekends``, ``nights`` (elapsed
    milliseconds), ``able`` (people as a mask), ``demand``.
    """

    people: Sequence[str]
    cycle: Sequence[int]
    seats: int
    starts: Sequence[int]
    ends: Sequence[int]
    lengths: Sequence[int]
    weekends: Sequence[int]
    nights: Sequence[int]
    can: Sequence[int]
    pinned: Sequence[int]
    turn: Sequence[int]
    price: Sequence[int]
    carry: Sequence[int]
    avoided: Sequence[int]
    able: Sequence[int]
    demand: Sequence[int]
    scale: int
    min_rest_ms: int
    max_consecutive: int

    @property
    def ruled(self) -> bool:
        """Whether what a person holds decides what else that person can take."""
        return bool(self.min_rest_ms or self.max_consecutive or any(self.avoided))


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def board_of(wishes: Wishes) -> Board:
    """``wishes`` as numbers."""
    index = {name: number for number, name in enumerate(dict.fromkeys(wishes.cycle))}
    cycle = [index[name] for name in wishes.cycle]
    count, seats = len(wishes.boundaries) - 1, max(1, len(wishes.roles))
    away = _away(wishes, index)
    pinned = _pinned(wishes, index)
    full = _full(pinned, seats)
    everything = (1 << count) - 1
    can = [
        everything & ~(_mask(runs) | full) | held for runs, held in zip(away, pinned, strict=True)
    ]
    able = _able(away, pinned, full, count)
    price, carry, scale = _prices(wishes, index)
    return Board(
        people=tuple(index),
        cycle=cycle,
        seats=seats,
        starts=wishes.boundaries[:-1],
        ends=wishes.boundaries[1:],
        lengths=[end - start for start, end in pairwise(wishes.boundaries)],
        weekends=_inside(wishes, WEEKEND),
        nights=_inside(wishes, NIGHT),
        can=can,
        pinned=pinned,
        turn=_turns(cycle, seats, count, len(index)),
        price=price,
        carry=carry,
        avoided=_avoided(wishes, index),
        able=able,
        demand=[min(seats, people.bit_count()) for people in able],
        scale=scale,
        min_rest_ms=wishes.min_rest_ms,
        max_consecutive=wishes.max_consecutive,
    )


def shifts_within(boundaries: Sequence[int], start_at: int, end_at: int) -> Span:
    """The numbers ``[first, last)`` of the shifts that ``[start_at, end_at)`` meets."""
    first = max(bisect_right(boundaries, start_at) - 1, 0)
    last = min(bisect_left(boundaries, end_at), len(boundaries) - 1)
    return first, max(first, last)


def turns_at(cycle: Sequence[int], seats: int, shift: int) -> Sequence[int]:
    """Whose turn the cycle says it is in ``shift``: one person a seat, while there are so many.

    Turns pass seat by seat, so nobody has two shifts in a row where there are people enough.
    """
    first = shift * seats % len(cycle)
    return list(dict.fromkeys([*cycle[first:], *cycle[:first]]))[:seats]


def _turns(cycle: Sequence[int], seats: int, count: int, people: int) -> Sequence[int]:
    """By person, the shifts that the cycle gives."""
    period = len(cycle) // gcd(len(cycle), seats)  # shifts until the cycle begins anew
    masks = [0] * people
    for shift in range(min(period, count)):
        every = sum(1 << later for later in range(shift, count, period))
        for person in turns_at(cycle, seats, shift):
            masks[person] |= every
    return masks


def _away(wishes: Wishes, index: Mapping[str, int]) -> Sequence[Sequence[Span]]:
    """By person, the runs of shifts that an absence touches."""
    found: list[list[Span]] = [[] for _ in index]
    for person, start_at, end_at, _ in wishes.absences:
        found[index[person]].append(shifts_within(wishes.boundaries, start_at, end_at))
    return [merged(sorted(run for run in runs if run[0] < run[1])) for runs in found]


def _pinned(wishes: Wishes, index: Mapping[str, int]) -> Sequence[int]:
    held = [0] * len(index)
    for fixed in wishes.fixed:
        held[index[fixed.person]] |= 1 << fixed.shift
    return held


def _full(pinned: Sequence[int], seats: int) -> int:
    """The shifts whose every seat is fixed."""
    held = Counter(shift for mask in pinned for shift in bits(mask))
    return sum(1 << shift for shift, count in held.items() if count == seats)


def _mask(runs: Sequence[Span]) -> int:
    mask = 0
    for first, last in runs:
        mask |= (1 << last) - (1 << first)
    return mask


def _able(
    away: Sequence[Sequence[Span]], pinned: Sequence[int], full: int, count: int
) -> Sequence[int]:
    """By shift, who can take it: a sweep over the ends of absences."""
    changes = [0] * count
    for person, runs in enumerate(away):
        for first, last in runs:
            changes[first] ^= 1 << person
            if last < count:
                changes[last] ^= 1 << person
    everybody = (1 << len(away)) - 1
    able = [everybody & ~gone for gone in accumulate(changes, xor)]
    for shift in bits(full):
        able[shift] = 0
    for person, held in enumerate(pinned):
        for shift in bits(held):
            able[shift] |= 1 << person
    return able


def _prices(wishes: Wishes, index: Mapping[str, int]) -> tuple[Sequence[int], Sequence[int], int]:
    """By person, the load of a millisecond and the load carried over, both × the scale."""
    turns = Counter(wishes.cycle)
    weights = [turns[name] * wishes.weights.get(name, Fraction(1)) for name in index]
    scale = lcm(*(weight.numerator for weight in weights))
    price = [scale // weight.numerator * weight.denominator for weight in weights]
    return price, [scale * wishes.carry_over.get(name, 0) for name in index], scale


def _avoided(wishes: Wishes, index: Mapping[str, int]) -> Sequence[int]:
    masks = [0] * len(index)
    for one, other in wishes.avoid_pairs:
        masks[index[one]] |= 1 << index[other]
        masks[index[other]] |= 1 << index[one]
    return masks


def _inside(wishes: Wishes, restriction: Restriction) -> Sequence[int]:
    """By shift, how much of it is in the windows of ``restriction``."""
    boundaries = wishes.boundaries
    pattern, clock = pattern_of([restriction]), clock_of(wishes.timezone)
    windows = windows_between(pattern, clock, boundaries[0], boundaries[-1])
    found = [0] * (len(boundaries) - 1)
    shift = 0
    for start, end in parted(list(pairwise(boundaries)), windows)[0]:
        while boundaries[shift + 1] <= start:
            shift += 1
        found[shift] += end - start
    return found
