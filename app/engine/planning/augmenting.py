"""Bring the number of shifts that each person holds into a range.

Strategy: a person with too few shifts is given some along augmenting paths (``assignment.py``) from
people with more than enough, and a person with too many hands some on; where there is no path, it
is impossible. Nobody who has reached the range falls out of it again, so the sets of people who can
reach it together form a matroid: if people are served in the order of what it is worth to serve
them, those who are left out are worth the least (the greedy theorem).
"""

from collections.abc import Sequence

from app.engine.planning.assignment import Assignment, SearchBudget, path_of

ShiftCounts = Sequence[int]
"""A number of shifts for each person."""


def raise_counts(
    assignment: Assignment, least: ShiftCounts, budget: SearchBudget, order: Sequence[int] = ()
) -> int:
    """Give shifts to people who hold fewer than ``least``, from people who hold more.

    People are served in ``order``, if any. Returns the number of shifts that are still lacking.
    Raises ``BudgetExhausted``.
    """
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
    """Take shifts from people who hold more than ``most``, and give them to people who hold fewer.

    People are served in ``order``, if any. Returns the number of shifts that are still too many.
    Raises ``BudgetExhausted``.
    """
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
    """Compute a lower bound of what people lack to reach ``floors``, in milliseconds added up.

    Shifts have the ``usual`` length; counts stay within ``limits`` (least and most by person), as
    those of ``assignment`` are. Raises ``BudgetExhausted``.
    """
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
    """Compute a lower bound of what is beyond ``ceilings``, as ``minimum_shortfall`` does."""
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
    """Move each of ``counts`` to the nearest number within ``limits``."""
    return [max(few, min(many, count)) for few, many, count in zip(*limits, counts, strict=True)]
