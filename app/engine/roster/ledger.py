"""What each person has while an assignment grows: sums against limits, and what they count.

Strategy: every limit knows its sum for each person, so that asking whether somebody can take a slot
costs the limits that have this slot, not the roster.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from app.engine.roster.able import able_places
from app.engine.roster.limits import Limit, limits_of, overlap_limits
from app.engine.roster.model import Apart, Assignment, Roster, Rule, Together, held_slots
from app.engine.roster.pairs import apart_pairs, shared_slots
from app.engine.walltime import clock_of


class Blocker(NamedTuple):
    """A limit that a person would break; ``rule`` is ``None`` for slots that overlap."""

    rule: Rule | None
    limit: Limit


class Ledger:
    """The slots that each person has, and what they may still take."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        people = range(len(roster.people))
        self.held: list[set[int]] = [set() for _ in people]
        self.places = [
            [able_places(roster, slot, person) for person in people]
            for slot in range(len(roster.slots))
        ]
        self._limits: list[Blocker] = [*_all_limits(roster)]
        self._of_slot: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for number, (_, limit) in enumerate(self._limits):
            for group, (slots, amount) in enumerate(limit.groups):
                for slot in slots:
                    self._of_slot[slot].append((number, group, amount))
        self._sums = [[0] * len(self._limits) for _ in people]
        self._counts: list[dict[tuple[int, int], int]] = [defaultdict(int) for _ in people]
        self._hours = [0] * len(people)
        self._apart = _apart_people(roster)
        self._overlapping: dict[int, list[int]] = defaultdict(list)
        if self._apart:
            for slot, other in apart_pairs(roster.slots):
                self._overlapping[slot].append(other)

    def blockers(self, person: int, slot: int) -> Iterator[Blocker]:
        """Yield the limits of a person alone that would be broken by one slot more."""
        added: dict[int, int] = defaultdict(int)
        for number, group, amount in self._of_slot[slot]:
            if not self._counts[person][number, group]:
                added[number] += amount
        for number, amount in added.items():
            if self._sums[person][number] + amount > self._limits[number].limit.most:
                yield self._limits[number]

    def others_in_the_way(self, person: int, slot: int) -> Iterator[tuple[Apart, int]]:
        """Yield the rules, and the slots of others, that keep a person out of a slot."""
        for rule in self._apart.get(person, ()):
            other = rule.other if person == rule.one else rule.one
            for taken in self._overlapping[slot]:
                if taken in self.held[other]:
                    yield rule, taken

    def are_apart(self, one: int, other: int) -> bool:
        """Tell whether two people must not share a slot."""
        return any(other in (rule.one, rule.other) for rule in self._apart.get(one, ()))

    def is_over_most(self, person: int, slot: int) -> bool:
        """Tell whether a slot is more than the person can have in all."""
        most = self.roster.people[person].most_ms
        return most is not None and self._hours[person] + self.roster.slots[slot].length > most

    def can_take(self, person: int, slot: int) -> bool:
        """Tell whether a person can take one slot more, if a place is free that they can have."""
        return (
            slot not in self.held[person]
            and not self.is_over_most(person, slot)
            and next(self.blockers(person, slot), None) is None
            and next(self.others_in_the_way(person, slot), None) is None
        )

    def take(self, person: int, slot: int) -> None:
        """Give a slot to a person."""
        self.held[person].add(slot)
        self._hours[person] += self.roster.slots[slot].length
        counts, sums = self._counts[person], self._sums[person]
        for number, group, amount in self._of_slot[slot]:
            counts[number, group] += 1
            if counts[number, group] == 1:
                sums[number] += amount


def ledger_of(roster: Roster, assignment: Assignment) -> Ledger:
    """Return the ledger of a whole assignment."""
    ledger = Ledger(roster)
    for person, slots in enumerate(held_slots(roster, assignment)):
        for slot in slots:
            ledger.take(person, slot)
    return ledger


def _all_limits(roster: Roster) -> Iterator[Blocker]:
    clock = clock_of(roster.timezone)
    yield from (Blocker(None, limit) for limit in overlap_limits(roster.slots))
    for rule in roster.rules:
        if not isinstance(rule, Apart | Together):
            yield from (Blocker(rule, limit) for limit in limits_of(rule, roster.slots, clock))


def _apart_people(roster: Roster) -> dict[int, list[Apart]]:
    found: dict[int, list[Apart]] = defaultdict(list)
    for rule in roster.rules:
        if isinstance(rule, Apart):
            found[rule.one].append(rule)
            found[rule.other].append(rule)
    return found


def partners(roster: Roster) -> dict[tuple[int, int], list[int]]:
    """Return whom each person has to share which slots with, by slot and person."""
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for rule in roster.rules:
        if isinstance(rule, Together):
            for slot in shared_slots(roster, rule.one, rule.other):
                found[slot, rule.one].append(rule.other)
                found[slot, rule.other].append(rule.one)
    return found
