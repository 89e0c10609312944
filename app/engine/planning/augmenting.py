"""Counts of shifts brought into ranges, person by person.

Strategy: who holds too few is given shifts along augmenting paths by who holds more than enough,
and who holds too many hands some on; where there is no path, it cannot be (``deal.py``). Nobody who
was served falls back, so the people who can be served together form a matroid: served in the order
of what it is worth to serve them, those who are left out are worth the least (the greedy theorem).
"""

from collections.abc import Sequence

from app.engine.planning.assignment import Deal, Pace, path_of

Bounds = Sequence[int]
"""By person, a number of shifts."""


def raised(deal: Deal, least: Bounds, pace: Pace, order: Sequence[int] = ()) -> int:
    """Hand shifts to whoever holds fewer than ``least``, from who holds more; how many lack."""
    counts, lacking = deal.counts(), 0
    for taker in order or range(len(counts)):
        while counts[taker] < least[taker]:
            links = deal.givers_to(taker, pace)
            giver = next((other for other in links if counts[other] > least[other]), None)
            if giver is None:
                lacking += least[taker] - counts[taker]
                break
            deal.pass_along(path_of(giver, links))
            counts[giver] -= 1
            counts[taker] += 1
    return lacking


def lowered(deal: Deal, most: Bounds, pace: Pace, order: Sequence[int] = ()) -> int:
    """Hand on shifts of whoever holds more than ``most``, to who holds fewer; how many are left."""
    counts, left = deal.counts(), 0
    for giver in order or range(len(counts)):
        while counts[giver] > most[giver]:
            links = deal.takers_from(giver, pace)
            taker = next((other for other in links if counts[other] < most[other]), None)
            if taker is None:
                left += counts[giver] - most[giver]
                break
            deal.pass_along(path_of(taker, links)[::-1])
            counts[giver] -= 1
            counts[taker] += 1
    return left


def least_lacking(
    deal: Deal, floors: Sequence[int], hull: tuple[Bounds, Bounds], usual: int, pace: Pace
) -> int:
    """How many milliseconds people at least lack in sum to reach ``floors``, with shifts of the
    ``usual`` length and counts within ``hull``, where those of ``deal`` are."""
    probe, people = deal.copy(), range(len(floors))
    wanted = [-(-floor // usual) for floor in floors]
    raised(probe, _within(hull, [count - 1 for count in wanted]), pace)
    order = sorted(people, key=lambda person: usual * (wanted[person] - 1) - floors[person])
    raised(probe, _within(hull, wanted), pace, order)
    return sum(
        max(0, floor - usual * count) for floor, count in zip(floors, probe.counts(), strict=True)
    )


def least_excess(
    deal: Deal, ceilings: Sequence[int], hull: tuple[Bounds, Bounds], usual: int, pace: Pace
) -> int:
    """As ``least_lacking``, for what is beyond ``ceilings``."""
    probe, people = deal.copy(), range(len(ceilings))
    wanted = [ceiling // usual for ceiling in ceilings]
    lowered(probe, _within(hull, [count + 1 for count in wanted]), pace)
    order = sorted(people, key=lambda person: ceilings[person] - usual * (wanted[person] + 1))
    lowered(probe, _within(hull, wanted), pace, order)
    return sum(
        max(0, usual * count - ceiling)
        for ceiling, count in zip(ceilings, probe.counts(), strict=True)
    )


def _within(hull: tuple[Bounds, Bounds], counts: Bounds) -> Bounds:
    return [max(few, min(many, count)) for few, many, count in zip(*hull, counts, strict=True)]
