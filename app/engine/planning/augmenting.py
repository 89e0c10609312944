"""Counts of shifts brought into ranges, person by person.

Strategy: who holds too few is given shifts along augmenting paths by who holds more than enough,
and who holds too many hands some on; where there is no path, it cannot be (``deal.py``). Nobody who
was served falls back, so the people who can be served together form a matroid: served in the order
of what it is worth to serve them, those who are left out are worth the least (the greedy theorem).
"""

from collections.abc import Sequence

from app.engine.planning.assignment import Assignment, SearchBudget, path_of

ShiftCounts = Sequence[int]
"""By person, a number of shifts."""


def raise_counts(
    assignment: Assignment, least: ShiftCounts, budget: SearchBudget, order: Sequence[int] = ()
) -> int:
    """Hand shifts to whoever holds fewer than ``least``, from who holds more; how many lack."""
    counts, shortfall = assignment.counts(), 0
    for taker in order or range(len(counts)):
        while counts[taker] < least[taker]:
            links = assignment.givers_to(taker, budget)
            giver = next((other for other in links if counts[other] > least[other]), None)
            if giver is None:
                shortfall += least[taker] - counts[taker]
                break
            assignment.augment_along(path_of(giver, links))
            counts[giver] -= 1
            counts[taker] += 1
    return shortfall


def lower_counts(
    assignment: Assignment, most: ShiftCounts, budget: SearchBudget, order: Sequence[int] = ()
) -> int:
    """Hand on shifts of whoever holds more than ``most``, to who holds fewer; how many are left."""
    counts, excess = assignment.counts(), 0
    for giver in order or range(len(counts)):
        while counts[giver] > most[giver]:
            links = assignment.takers_from(giver, budget)
            taker = next((other for other in links if counts[other] < most[other]), None)
            if taker is None:
                excess += counts[giver] - most[giver]
                break
            assignment.augment_along(path_of(taker, links)[::-1])
            counts[giver] -= 1
            counts[taker] += 1
    return excess


def minimum_shortfall(
    assignment: Assignment,
    floors: Sequence[int],
    limits: tuple[ShiftCounts, ShiftCounts],
    usual: int,
    budget: SearchBudget,
) -> int:
    """How many milliseconds people at least lack in sum to reach ``floors``, with shifts of the
    ``usual`` length and counts within ``hull``, where those of ``deal`` are."""
    probe, people = assignment.copy(), range(len(floors))
    wanted = [-(-floor // usual) for floor in floors]
    raise_counts(probe, _clamped(limits, [count - 1 for count in wanted]), budget)
    order = sorted(people, key=lambda person: usual * (wanted[person] - 1) - floors[person])
    raise_counts(probe, _clamped(limits, wanted), budget, order)
    return sum(
        max(0, floor - usual * count) for floor, count in zip(floors, probe.counts(), strict=True)
    )


def minimum_excess(
    assignment: Assignment,
    ceilings: Sequence[int],
    limits: tuple[ShiftCounts, ShiftCounts],
    usual: int,
    budget: SearchBudget,
) -> int:
    """As ``least_lacking``, for what is beyond ``ceilings``."""
    probe, people = assignment.copy(), range(len(ceilings))
    wanted = [ceiling // usual for ceiling in ceilings]
    lower_counts(probe, _clamped(limits, [count + 1 for count in wanted]), budget)
    order = sorted(people, key=lambda person: ceilings[person] - usual * (wanted[person] + 1))
    lower_counts(probe, _clamped(limits, wanted), budget, order)
    return sum(
        max(0, usual * count - ceiling)
        for ceiling, count in zip(ceilings, probe.counts(), strict=True)
    )


def _clamped(limits: tuple[ShiftCounts, ShiftCounts], counts: ShiftCounts) -> ShiftCounts:
    return [max(few, min(many, count)) for few, many, count in zip(*limits, counts, strict=True)]
