"""The objectives that can be asked for by name.

=============== ====================================================================================
``coverage``    places that nobody has
``load``        hours: the range by weight, and what those who have a target differ from it
``kinds``       slots by kind: the range by weight of each, times its points; slots that touch a
                holiday likewise. Where no kind is named, hours on holidays, on weekends and in
                nights
``rules``       how much the soft rules are broken, times their weights
``preferences`` slots that somebody avoids, less those that somebody prefers
``stability``   slots that somebody has who did not have them before
=============== ====================================================================================

What is evened out is evened out among those who can have some of it: nobody is to make up for
somebody who is away all the time, or lacks the skill of every slot of a kind.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from app.engine.roster.able import able_places
from app.engine.roster.loads import HOLIDAY, Measures, Points, measures_of, touches_holiday
from app.engine.roster.model import (
    Balance,
    Broken,
    Costs,
    Counter,
    Deviation,
    Gaps,
    Level,
    Roster,
    Rule,
    Term,
)
from app.engine.walltime import HOUR

SLOT = 100
"""What a slot counts in counters of slots: hundredths, so that parts of one can be carried over."""

NAMES = ("coverage", "load", "kinds", "rules", "preferences", "stability")
"""All names, in the usual order."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the objectives are about, beside the roster itself.

    ``targets`` are milliseconds by person. ``costs`` are by person and slot: 1 for one that is
    avoided, -1 for one that is preferred. ``soft`` are rules with their weights. ``before`` has the
    pairs of person and slot of an earlier assignment.
    """

    points: Points = field(default_factory=dict)
    targets: Mapping[int, int] = field(default_factory=dict)
    costs: Mapping[tuple[int, int], int] = field(default_factory=dict)
    soft: Sequence[tuple[Rule, int]] = ()
    before: frozenset[tuple[int, int]] = frozenset()


def levels_named(roster: Roster, wishes: Wishes, names: Sequence[str]) -> tuple[Level, ...]:
    """Return the objectives of these names, in this order, for the slots and people of a roster."""
    measures, able = measures_of(roster), able_slots(roster)
    terms: Mapping[str, Callable[[], Iterable[Term]]] = {
        "coverage": lambda: [Gaps()],
        "load": lambda: _load(wishes, measures, able),
        "kinds": lambda: _kinds(roster, wishes, measures, able),
        "rules": lambda: [Broken(rule, weight) for rule, weight in wishes.soft],
        "preferences": lambda: [Costs(wishes.costs)],
        "stability": lambda: [Costs(_changes(roster, wishes))],
    }
    return tuple(Level(name, tuple(terms[name]())) for name in names)


def able_slots(roster: Roster) -> Sequence[Sequence[int]]:
    """List for each person the slots of which they can take a place."""
    return [
        [slot for slot in range(len(roster.slots)) if able_places(roster, slot, person)]
        for person in range(len(roster.people))
    ]


def _load(wishes: Wishes, measures: Measures, able: Sequence[Sequence[int]]) -> Iterator[Term]:
    """Yield the terms for hours. A value of one is an hour."""
    hour = Fraction(1, HOUR)
    others = tuple(n for n, slots in enumerate(able) if slots and n not in wishes.targets)
    if others:
        yield Balance(measures.hours, hour, others)
    if wishes.targets:
        yield Deviation(measures.hours, wishes.targets, hour)


def _kinds(
    roster: Roster, wishes: Wishes, measures: Measures, able: Sequence[Sequence[int]]
) -> Iterator[Term]:
    kinds = sorted({slot.kind for slot in roster.slots if slot.kind})
    has_holidays = any(who.holidays for who in roster.people)
    if has_holidays and kinds:  # among all: whose holiday it is not may take it
        yield Balance(holiday_slots(roster), Fraction(wishes.points.get(HOLIDAY, 1)) / SLOT)
    if len(kinds) > 1:
        for kind in kinds:
            weight = Fraction(wishes.points.get(kind, 1)) / SLOT
            yield _balance(slots_of_kind(roster, kind), weight, able)
    elif not kinds:
        if has_holidays:
            yield Balance(measures.holidays, Fraction(1, HOUR))
        yield _balance(measures.weekends, Fraction(1, HOUR), able)
        yield _balance(measures.nights, Fraction(1, HOUR), able)


def _balance(counter: Counter, weight: Fraction | int, able: Sequence[Sequence[int]]) -> Balance:
    """Return the balance of a counter among those who can have some of it."""
    among = tuple(
        person
        for person, slots in enumerate(able)
        if any(counter.of(person)[slot] for slot in slots)
    )
    return Balance(counter, weight, None if len(among) == len(able) else among)


def slots_of_kind(roster: Roster, kind: str) -> Counter:
    """Count the slots of a kind, in hundredths."""
    return Counter(f"kind {kind}", tuple(SLOT * (slot.kind == kind) for slot in roster.slots))


def holiday_slots(roster: Roster) -> Counter:
    """Count the slots that touch a holiday of each person, in hundredths."""
    by_calendar = {
        who.holidays: tuple(SLOT * touches_holiday(who, slot) for slot in roster.slots)
        for who in roster.people
    }
    usual = by_calendar[roster.people[0].holidays]
    own = {n: by_calendar[who.holidays] for n, who in enumerate(roster.people)}
    return Counter("holiday slots", usual, {n: mine for n, mine in own.items() if mine != usual})


def _changes(roster: Roster, wishes: Wishes) -> Mapping[tuple[int, int], int]:
    """Cost one for each person and slot that did not go together before, of slots that had one."""
    known = {slot for _, slot in wishes.before}
    return {
        (person, slot): 1
        for slot in known
        for person in range(len(roster.people))
        if (person, slot) not in wishes.before
    }
