"""A first assignment: slot by slot, to those for whom the objectives grow the least.

It breaks no rule, and it is an answer where nothing better is found in time. Slots are gone through
in order of their start, those of few able people first among equals; the places that fewest people
can have are filled first. Who has to share a slot is asked together with the other.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

from app.engine.roster.able import placed
from app.engine.roster.ledger import Ledger, partners
from app.engine.roster.model import (
    Assignment,
    Balance,
    Costs,
    Counter,
    Deviation,
    PairBalance,
    Roster,
)

Growth = Callable[[int, int], float]
"""How much worse an objective becomes when a person takes a slot, to be compared among people."""


def greedy_assignment(roster: Roster) -> Assignment:
    """Return an assignment that breaks no rule."""
    return _Greedy(roster).assignment()


class _Greedy:
    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._ledger = Ledger(roster)
        self._partners = partners(roster)
        self._sums: dict[str, list[int]] = {}
        self._counters: list[Counter] = []
        self._growths = list(self._growth_of_levels())
        self._last_end = [-1] * len(roster.people)
        self._open = [set(range(len(slot.needs))) for slot in roster.slots]
        self._taken: list[list[int | None]] = [[None] * len(slot.needs) for slot in roster.slots]

    def assignment(self) -> Assignment:
        for slot in range(len(self._roster.slots)):
            self._place_fixed(slot)
        able = [sum(bool(places) for places in row) for row in self._ledger.places]
        slots = self._roster.slots
        for slot in sorted(range(len(slots)), key=lambda slot: (slots[slot].start_at, able[slot])):
            self._fill(slot)
        return tuple(tuple(places) for places in self._taken)

    def _place_fixed(self, slot: int) -> None:
        fixed = sorted(person for place, person in self._roster.fixed if place == slot)
        found = placed(self._roster, slot, fixed)
        for person, place in (found or dict(zip(fixed, range(len(fixed)), strict=True))).items():
            self._give(slot, place, person)

    def _fill(self, slot: int) -> None:
        places = self._ledger.places[slot]
        people = [person for person, can in enumerate(places) if can]
        by_place = {
            place: [person for person in people if place in places[person]]
            for place in self._open[slot]
        }
        for place in sorted(by_place, key=lambda place: (len(by_place[place]), place)):
            if place in self._open[slot]:
                for person in sorted(by_place[place], key=lambda person: self._rank(person, slot)):
                    if self._take_together(slot, place, person):
                        break

    def _rank(self, person: int, slot: int) -> tuple[float, ...]:
        growth = tuple(growth(person, slot) for growth in self._growths)
        return (*growth, self._last_end[person], person)

    def _take_together(self, slot: int, place: int, person: int) -> bool:
        """Give a place to a person, and others to all who have to share the slot, or none."""
        if not self._ledger.can_take(person, slot):
            return False
        others = self._partners.get((slot, person), ())
        if not others:
            self._give(slot, place, person)
            return True
        return self._give_group(slot, place, person)

    def _give_group(self, slot: int, place: int, person: int) -> bool:
        group = [person]
        for one in group:
            group += [other for other in self._partners[slot, one] if other not in group]
        if any(self._ledger.are_apart(one, other) for one, other in combinations(group, 2)):
            return False
        free = sorted(self._open[slot] - {place})
        seats = {person: place}
        for one in group[1:]:
            able = [number for number in free if number in self._ledger.places[slot][one]]
            if not able or not self._ledger.can_take(one, slot):
                return False
            seats[one] = able[0]
            free.remove(able[0])
        for one, seat in seats.items():
            self._give(slot, seat, one)
        return True

    def _give(self, slot: int, place: int, person: int) -> None:
        self._taken[slot][place] = person
        self._open[slot].discard(place)
        self._ledger.take(person, slot)
        self._last_end[person] = max(self._last_end[person], self._roster.slots[slot].end_at)
        for counter in self._counters:
            self._sums[counter.name][person] += counter.of(person)[slot]

    def _growth_of_levels(self) -> Iterator[Growth]:
        for level in self._roster.levels:
            for term in level.terms:
                match term:
                    case Balance(counter) | PairBalance(counter):
                        yield self._share_after(counter)
                    case Deviation(counter, targets):
                        yield self._nearer(counter, targets)
                    case Costs(costs):
                        yield _cost_in(costs)

    def _count(self, counter: Counter) -> list[int]:
        if counter.name not in self._sums:
            self._counters.append(counter)
            self._sums[counter.name] = [
                person.carried.get(counter.name, 0) for person in self._roster.people
            ]
        return self._sums[counter.name]

    def _share_after(self, counter: Counter) -> Growth:
        sums = self._count(counter)
        weights = [float(person.weight) for person in self._roster.people]

        def growth(person: int, slot: int) -> float:
            amount = counter.of(person)[slot]
            return (sums[person] + amount) / weights[person] if amount else 0.0

        return growth

    def _nearer(self, counter: Counter, targets: Mapping[int, int]) -> Growth:
        sums = self._count(counter)

        def growth(person: int, slot: int) -> float:
            if person not in targets:
                return 0.0
            missing = targets[person] - sums[person]
            return abs(missing - counter.of(person)[slot]) - abs(missing)

        return growth


def _cost_in(costs: Mapping[tuple[int, int], int]) -> Growth:
    return lambda person, slot: costs.get((person, slot), 0)
