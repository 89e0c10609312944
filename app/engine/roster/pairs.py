"""Which slots two people are kept apart in, and which they have to share."""

from collections.abc import Iterator, Sequence

from app.engine.roster.able import able_places
from app.engine.roster.model import Roster, Slot


def apart_pairs(slots: Sequence[Slot]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of slots that overlap, in both orders, and each slot with itself."""
    order = sorted(range(len(slots)), key=lambda index: slots[index].start_at)
    open_now: list[int] = []
    for index in order:
        at = slots[index].start_at
        open_now = [other for other in open_now if slots[other].end_at > at]
        yield index, index
        for other in open_now:
            yield index, other
            yield other, index
        open_now.append(index)


def shared_slots(roster: Roster, one: int, other: int) -> Iterator[int]:
    """Yield the slots that both people can have at once, and neither is fixed to."""
    for index, slot in enumerate(roster.slots):
        fixed = (index, one) in roster.fixed or (index, other) in roster.fixed
        if len(slot.needs) > 1 and not fixed and can_share(roster, index, one, other):
            yield index


def can_share(roster: Roster, slot: int, one: int, other: int) -> bool:
    """Tell whether two people can have different places of a slot."""
    first, second = able_places(roster, slot, one), able_places(roster, slot, other)
    return any(a != b for a in first for b in second)
