"""Who can take which place: by skill, by absence, and by what is fixed."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import itemgetter

from app.engine.roster.model import Person, Roster, Slot


def is_away(person: Person, slot: Slot) -> bool:
    """Tell whether an absence of a person touches a slot."""
    first = bisect_right(person.away, slot.start_at, key=itemgetter(1))
    return first < len(person.away) and person.away[first][0] < slot.end_at


def has_skill(person: Person, skill: str | None) -> bool:
    """Tell whether a person has what a place asks for."""
    return skill is None or skill in person.skills


def able_places(roster: Roster, slot: int, person: int) -> Sequence[int]:
    """Return the places of a slot that a person can take.

    Whoever is fixed can take those of their skills, or any if the fixed people of the slot do not
    all find one.
    """
    needs, who = roster.slots[slot].needs, roster.people[person]
    skilled = [place for place, skill in enumerate(needs) if has_skill(who, skill)]
    if (slot, person) in roster.fixed:
        fixed = [other for other in range(len(roster.people)) if (slot, other) in roster.fixed]
        return skilled if placed(roster, slot, fixed) else range(len(needs))
    return [] if is_away(who, roster.slots[slot]) else skilled


def placed(roster: Roster, slot: int, people: Sequence[int]) -> Mapping[int, int] | None:
    """Return a place of a slot for each of ``people`` by skill; ``None`` if there is none."""
    needs = roster.slots[slot].needs
    holder: dict[int, int] = {}

    def place(person: int, tried: set[int]) -> bool:
        for number, skill in enumerate(needs):
            if number not in tried and has_skill(roster.people[person], skill):
                tried.add(number)
                if number not in holder or place(holder[number], tried):
                    holder[number] = person
                    return True
        return False

    if not all(place(person, set()) for person in people):
        return None
    return {person: number for number, person in holder.items()}


def choice_count(roster: Roster) -> int:
    """Count the pairs of a place and a person who can take it: the size of the problem.

    Places of one slot that ask for the same skill are one to whoever can take them.
    """
    return sum(
        len({given.needs[place] for place in able_places(roster, slot, person)})
        for slot, given in enumerate(roster.slots)
        for person in range(len(roster.people))
    )
