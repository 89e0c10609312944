"""Slots that are alike, taken together.

Slots of the same time and kind that nothing tells apart are one *block* with the places of all.
Who has a block has one of its slots, and nobody has two, because they overlap. So solutions that
only exchange such slots are one solution to the solver.
"""

from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.engine.roster.model import (
    Assignment,
    Balance,
    Broken,
    Costs,
    Counter,
    Deviation,
    Level,
    PairBalance,
    Roster,
    Together,
)


@dataclass(frozen=True, slots=True)
class Block:
    """Slots that are alike, how many places they have of each skill, and what they count."""

    slots: tuple[int, ...]
    places: Mapping[str | None, int]
    amounts: tuple[Hashable, ...]


def blocks_of(roster: Roster) -> Sequence[Block]:
    """Return the blocks of a roster, in order of their first slots."""
    alone = _told_apart(roster)
    counters = counters_of(roster.levels)
    found: dict[Hashable, list[int]] = defaultdict(list)
    amounts: list[tuple[Hashable, ...]] = []
    for index, slot in enumerate(roster.slots):
        amounts.append(tuple(_amounts(counter, index) for counter in counters))
        key = (slot.start_at, slot.end_at, slot.kind, slot.tags, amounts[index])
        found[(index,) if index in alone else key].append(index)
    return [
        Block(
            tuple(slots),
            Counts(skill for slot in slots for skill in roster.slots[slot].needs),
            amounts[slots[0]],
        )
        for slots in found.values()
    ]


def kinds_of(blocks: Sequence[Block]) -> Sequence[Sequence[int]]:
    """Return the blocks that count the same, as numbers of blocks."""
    found: dict[Hashable, list[int]] = defaultdict(list)
    for number, block in enumerate(blocks):
        found[block.amounts].append(number)
    return list(found.values())


def counters_of(levels: Sequence[Level]) -> Sequence[Counter]:
    """Return what objectives count."""
    return [
        term.counter
        for level in levels
        for term in level.terms
        if isinstance(term, Balance | PairBalance | Deviation)
    ]


def _amounts(counter: Counter, slot: int) -> Hashable:
    return counter.amounts[slot], *(own[slot] for own in counter.own.values())


def _told_apart(roster: Roster) -> set[int]:
    """Return the slots that something is said of by themselves."""
    terms = [term for level in roster.levels for term in level.terms]
    rules = [*roster.rules, *(term.rule for term in terms if isinstance(term, Broken))]
    if any(isinstance(rule, Together) for rule in rules):
        return set(range(len(roster.slots)))
    costs = {slot for term in terms if isinstance(term, Costs) for _, slot in term.costs}
    return costs | {slot for slot, _ in roster.fixed}


def assigned(
    roster: Roster, blocks: Sequence[Block], people: Sequence[Mapping[str | None, Sequence[int]]]
) -> Assignment:
    """Return the assignment in which the people of each block, by skill, fill its places."""
    places: list[list[int | None]] = [[None] * len(slot.needs) for slot in roster.slots]
    for block, by_skill in zip(blocks, people, strict=True):
        queues = {skill: list(held) for skill, held in by_skill.items()}
        for slot, place in _places(roster, block):
            queue = queues.get(roster.slots[slot].needs[place])
            if queue:
                places[slot][place] = queue.pop(0)
    return tuple(tuple(held) for held in places)


def _places(roster: Roster, block: Block) -> Iterator[tuple[int, int]]:
    for slot in block.slots:
        for place in range(len(roster.slots[slot].needs)):
            yield slot, place
