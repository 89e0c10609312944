"""The objectives that can be asked for by name.

=============== ====================================================================================
``coverage``    places that nobody has
``load``        hours: the range by weight, and what those who have a target differ from it
``kinds``       slots by kind: the range by weight of each, times its points; holidays likewise.
                Where no kind is named, hours on weekends and in nights
``rules``       how much the soft rules are broken, times their weights
``preferences`` slots that somebody avoids, less those that somebody prefers
``stability``   slots that somebody has who did not have them before
=============== ====================================================================================
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

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
    measures = measures_of(roster)
    terms: Mapping[str, Callable[[], Iterable[Term]]] = {
        "coverage": lambda: [Gaps()],
        "load": lambda: _load(roster, wishes, measures),
        "kinds": lambda: _kinds(roster, wishes, measures),
        "rules": lambda: [Broken(rule, weight) for rule, weight in wishes.soft],
        "preferences": lambda: [Costs(wishes.costs)],
        "stability": lambda: [Costs(_changes(roster, wishes))],
    }
    return tuple(Level(name, tuple(terms[name]())) for name in names)


def _load(roster: Roster, wishes: Wishes, measures: Measures) -> Iterator[Term]:
    """Yield the terms for hours. A value of one is an hour."""
    hour = Fraction(1, HOUR)
    others = tuple(n for n in range(len(roster.people)) if n not in wishes.targets)
    if others:
        yield Balance(measures.hours, hour, others)
    if wishes.targets:
        yield Deviation(measures.hours, wishes.targets, hour)


def _kinds(roster: Roster, wishes: Wishes, measures: Measures) -> Iterator[Term]:
    kinds = sorted({slot.kind for slot in roster.slots if slot.kind})
    if any(who.holidays for who in roster.people):
        yield Balance(holiday_slots(roster), wishes.points.get(HOLIDAY, 1))
    if len(kinds) > 1:
        for kind in kinds:
            yield Balance(slots_of_kind(roster, kind), wishes.points.get(kind, 1))
    elif not kinds:
        yield Balance(measures.weekends, Fraction(1, HOUR))
        yield Balance(measures.nights, Fraction(1, HOUR))


def slots_of_kind(roster: Roster, kind: str) -> Counter:
    """Count the slots of a kind."""
    return Counter(f"kind {kind}", tuple(int(slot.kind == kind) for slot in roster.slots))


def holiday_slots(roster: Roster) -> Counter:
    """Count the slots that touch a holiday, for each person by their own calendar."""
    by_calendar = {
        who.holidays: tuple(int(touches_holiday(who, slot)) for slot in roster.slots)
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
