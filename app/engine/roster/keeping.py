"""What of an earlier assignment can stay as it is."""

from collections.abc import Iterable

from app.engine.roster.able import able_places, placed
from app.engine.roster.checker import violations
from app.engine.roster.model import Assignment, Roster

Pair = tuple[int, int]
"""A slot and a person."""


def still_possible(roster: Roster, before: Iterable[Pair]) -> frozenset[Pair]:
    """Return the pairs of ``before`` that can stay, beside what is fixed.

    A pair goes if the person cannot take the slot, or the slot has no place left for them. Of what
    breaks a rule together, the latest slot that is not fixed goes, until nothing is broken.
    """
    kept: dict[int, list[int]] = {}
    for slot, person in sorted(roster.fixed):
        kept.setdefault(slot, []).append(person)
    for slot, person in sorted({*before} - roster.fixed):
        others = kept.setdefault(slot, [])
        has_room = placed(roster, slot, [*others, person]) is not None
        if has_room and able_places(roster, slot, person):
            others.append(person)
    pairs = {(slot, person) for slot, people in kept.items() for person in people}
    while gone := _broken(roster, pairs):
        pairs -= gone
    return frozenset(pairs - roster.fixed)


def _broken(roster: Roster, pairs: set[Pair]) -> set[Pair]:
    """Return the pairs that go, none of which is fixed: one of each violation that they leave."""
    gone: set[Pair] = set()
    found_in_order = sorted(
        violations(roster, _assigned(roster, pairs)), key=lambda found: found.start_at
    )
    for found in found_in_order:
        concerned = {(slot, person) for slot in found.slots for person in found.people}
        loose = (concerned & pairs) - roster.fixed
        if loose and not concerned & gone:
            latest = max(loose, key=lambda pair: (roster.slots[pair[0]].start_at, pair))
            gone.add(latest)
    return gone


def _assigned(roster: Roster, pairs: set[Pair]) -> Assignment:
    places: list[list[int | None]] = [[None] * len(slot.needs) for slot in roster.slots]
    for slot in range(len(roster.slots)):
        people = sorted(person for number, person in pairs if number == slot)
        found = placed(roster, slot, people) or {who: n for n, who in enumerate(people)}
        for person, place in found.items():
            places[slot][place] = person
    return tuple(tuple(held) for held in places)
