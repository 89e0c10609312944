"""What people carry from one roster to the next: what they have above the least burdened.

For every counter that is balanced, a load is what somebody carries plus what they have, divided by
their weight. The smallest load is taken off everybody's, so that numbers do not grow for ever.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from app.engine.roster.loads import measures_of
from app.engine.roster.model import Assignment, Counter, Roster
from app.engine.roster.objectives import sums_of
from app.engine.roster.standard import holiday_slots, slots_of_kind


def carried_counters(roster: Roster) -> Sequence[Counter]:
    """Return the counters that are carried over: lengths, holiday slots, and slots by kind."""
    measures = measures_of(roster)
    kinds = sorted({slot.kind for slot in roster.slots if slot.kind})
    return [
        *(measures.hours, measures.nights, measures.weekends, measures.holidays),
        holiday_slots(roster),
        *(slots_of_kind(roster, kind) for kind in kinds),
    ]


def carry_over(roster: Roster, assignment: Assignment) -> Sequence[Mapping[str, Fraction]]:
    """Return for each person what they carry on, by the name of a counter.

    What was carried of counters that no slot of this roster has is carried on as it is.
    """
    people = roster.people
    found: list[dict[str, Fraction]] = [
        {name: Fraction(amount) for name, amount in who.carried.items()} for who in people
    ]
    for counter in carried_counters(roster):
        sums = sums_of(roster, counter, assignment)
        least = min(amount / who.weight for amount, who in zip(sums, people, strict=True))
        for own, amount, who in zip(found, sums, people, strict=True):
            own[counter.name] = amount - who.weight * least
    return found
