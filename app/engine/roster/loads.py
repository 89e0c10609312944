"""What people have: hours, points, nights, weekends and holidays, and slots by kind.

Hours are elapsed time in milliseconds. A night is 22:00 to 06:00 and a weekend is Saturday and
Sunday, both local. A slot is worth the points of its kind, or those of a holiday if that is more
and the slot touches a holiday of the person; a kind without points is worth one.
"""

from bisect import bisect_right
from collections import Counter as Counts
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from app.engine.intervals import Interval, split
from app.engine.layered.model import Restriction
from app.engine.layered.restrictions import recurring_windows, windows_between
from app.engine.layered.tally import NIGHT, WEEKEND
from app.engine.roster.model import Assignment, Counter, Person, Roster, Slot, held_slots
from app.engine.walltime import clock_of

HOLIDAY = "holiday"
"""The kind by which points of slots that touch a holiday are given."""

Points = Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Load:
    """What one person has. Lengths are milliseconds; ``by_kind`` counts slots."""

    slots: int
    total_ms: int
    points: Fraction
    night_ms: int
    weekend_ms: int
    holiday_ms: int
    by_kind: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Measures:
    """What the slots of a roster count: lengths in milliseconds, by slot."""

    hours: Counter
    nights: Counter
    weekends: Counter
    holidays: Counter


def measures_of(roster: Roster) -> Measures:
    """Measure the slots of a roster, and their holidays for each person."""
    slots, people = roster.slots, roster.people
    clock = clock_of(roster.timezone)
    first = min((slot.start_at for slot in slots), default=0)
    last = max((slot.end_at for slot in slots), default=0)

    def within(name: str, restriction: Restriction) -> Counter:
        windows = windows_between(recurring_windows([restriction]), clock, first, last)
        return Counter(name, lengths_within(slots, windows))

    by_calendar = {who.holidays: lengths_within(slots, who.holidays) for who in people}
    usual = by_calendar[people[0].holidays] if people else (0,) * len(slots)
    own = {n: by_calendar[who.holidays] for n, who in enumerate(people)}
    return Measures(
        Counter("hours", tuple(slot.length for slot in slots)),
        within("nights", NIGHT),
        within("weekends", WEEKEND),
        Counter("holidays", usual, {n: mine for n, mine in own.items() if mine != usual}),
    )


def lengths_within(slots: Sequence[Slot], windows: Sequence[Interval]) -> tuple[int, ...]:
    """Return how much of each slot lies in windows, which are in order and do not touch."""
    ends = [end for _, end in windows]
    found = []
    for slot in slots:
        near = windows[bisect_right(ends, slot.start_at) : bisect_right(ends, slot.end_at) + 1]
        inside, _ = split([(slot.start_at, slot.end_at)], near)
        found.append(sum(end - start for start, end in inside))
    return tuple(found)


def loads_of(roster: Roster, assignment: Assignment, points: Points) -> Sequence[Load]:
    """Return the load of each person."""
    measures = measures_of(roster)
    return [
        _load(roster, measures, person, held, points)
        for person, held in enumerate(held_slots(roster, assignment))
    ]


def _load(
    roster: Roster, measures: Measures, person: int, held: Sequence[int], points: Points
) -> Load:
    def total(counter: Counter) -> int:
        return sum(counter.of(person)[slot] for slot in held)

    who = roster.people[person]
    return Load(
        slots=len(held),
        total_ms=total(measures.hours),
        points=sum((points_of(who, roster.slots[slot], points) for slot in held), Fraction(0)),
        night_ms=total(measures.nights),
        weekend_ms=total(measures.weekends),
        holiday_ms=total(measures.holidays),
        by_kind=dict(Counts(roster.slots[slot].kind for slot in held)),
    )


def points_of(person: Person, slot: Slot, points: Points) -> Fraction:
    """Return what a slot is worth for a person."""
    worth = points.get(slot.kind, Fraction(1))
    return max(worth, points.get(HOLIDAY, worth)) if touches_holiday(person, slot) else worth


def touches_holiday(person: Person, slot: Slot) -> bool:
    """Tell whether a slot has a part in a holiday of a person."""
    return any(start < slot.end_at and slot.start_at < end for start, end in person.holidays)
