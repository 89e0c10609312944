"""Why nobody has a place: the fewest facts that together keep everybody out of it.

Strategy: each person is kept out by facts of their own (an absence, another slot at that time) and
by ones that are the same for many (a rule, a skill). A set of facts explains a gap if it has one of
each person's. The smallest takes some shared facts, and an own one of everybody they leave over; so
sets of shared facts are tried, the small ones first. Everything else is taken as it is assigned.

Invariant: with the facts of ``because`` alone nobody could take the place, and without any one of
them somebody could.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

from app.engine.roster.able import has_skill, is_away
from app.engine.roster.ledger import Ledger, ledger_of
from app.engine.roster.model import Assignment, Rest, Roster, Rule, Together
from app.engine.roster.pairs import shared_slots

MOST_SHARED = 12
"""Of so many shared facts every set is tried; of more, those that keep out the most people."""


class Reason(NamedTuple):
    """A fact that keeps people out of a place.

    ``away``: a person's absence; ``busy``: their slots at that time; ``most``: the most time they
    can have; ``skill``: what the place asks for; ``rule``: a rule.
    """

    what: Literal["away", "busy", "most", "skill", "rule"]
    person: int | None = None
    skill: str | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Why nobody has a place: the smallest set of facts, and by person all that keep them out."""

    because: tuple[Reason, ...]
    by_person: Mapping[int, tuple[Reason, ...]]


def gaps_of(assignment: Assignment) -> Sequence[tuple[int, int]]:
    """Return the slot and the place of each gap."""
    return [
        (slot, place)
        for slot, people in enumerate(assignment)
        for place, person in enumerate(people)
        if person is None
    ]


def why_gaps(roster: Roster, assignment: Assignment) -> Mapping[tuple[int, int], Why]:
    """Return for each gap, by slot and place, why nobody has it.

    A gap that somebody could take has no reason.
    """
    ledger = ledger_of(roster, assignment)
    together = [rule for rule in roster.rules if isinstance(rule, Together)]
    shared = {rule: frozenset(shared_slots(roster, rule.one, rule.other)) for rule in together}
    return {
        (slot, place): _why(ledger, assignment, slot, place, shared)
        for slot, place in gaps_of(assignment)
    }


def _why(
    ledger: Ledger,
    assignment: Assignment,
    slot: int,
    place: int,
    shared: Mapping[Together, frozenset[int]],
) -> Why:
    by_person = {}
    for person in range(len(ledger.roster.people)):
        found = [*_own_reasons(ledger, slot, place, person)]
        found += [
            Reason("rule", rule=rule)
            for rule, slots in shared.items()
            if slot in slots
            and person in (rule.one, rule.other)
            and not {rule.one, rule.other} & {*assignment[slot]}
        ]
        by_person[person] = tuple(dict.fromkeys(found))
    if not all(by_person.values()):
        return Why((), by_person)
    return Why(_smallest(list(by_person.values())), by_person)


def _own_reasons(ledger: Ledger, slot: int, place: int, person: int) -> Iterator[Reason]:
    roster = ledger.roster
    who, given = roster.people[person], roster.slots[slot]
    if is_away(who, given):
        yield Reason("away", person)
    if not has_skill(who, given.needs[place]):
        yield Reason("skill", skill=given.needs[place])
    if slot in ledger.held[person]:
        yield Reason("busy", person)
    else:
        yield from _limiting_reasons(ledger, slot, person)


def _limiting_reasons(ledger: Ledger, slot: int, person: int) -> Iterator[Reason]:
    if ledger.is_over_most(person, slot):
        yield Reason("most", person)
    for rule, _ in ledger.blockers(person, slot):
        if rule is None:
            yield Reason("busy", person)
        elif not isinstance(rule, Rest) or _has_short_rest(ledger, rule, person, slot):
            yield Reason("rule", rule=rule)
    for apart, _ in ledger.others_in_the_way(person, slot):
        yield Reason("rule", rule=apart)


def _has_short_rest(ledger: Ledger, rule: Rest, person: int, slot: int) -> bool:
    """Tell whether it is rest that is missing: the limits of rest keep overlaps out as well."""
    slots = ledger.roster.slots
    pairs = [pair for other in ledger.held[person] for pair in ((slot, other), (other, slot))]
    return any(
        0 <= slots[later].start_at - slots[earlier].end_at < rule.ms
        and slots[earlier].is_of(rule.after)
        and slots[later].is_of(rule.before)
        for earlier, later in pairs
    )


def _smallest(reasons: Sequence[tuple[Reason, ...]]) -> tuple[Reason, ...]:
    """Return the smallest set with a reason of each person."""
    kept_out: dict[Reason, int] = {}
    for own in reasons:
        for reason in own:
            kept_out[reason] = kept_out.get(reason, 0) + 1
    shared = [reason for reason in kept_out if reason.person is None]
    order = sorted(shared, key=lambda reason: -kept_out[reason])[:MOST_SHARED]
    found: tuple[Reason, ...] | None = None
    for size in range(len(order) + 1):
        for chosen in combinations(order, size):
            whole = _completed(chosen, reasons)
            if found is None or len(whole) < len(found):
                found = whole
    return _needed(found or (), reasons)


def _completed(
    chosen: tuple[Reason, ...], reasons: Sequence[tuple[Reason, ...]]
) -> tuple[Reason, ...]:
    """Return a set with a reason of each person, own ones where no chosen one keeps them out."""
    found = dict.fromkeys(chosen)
    for own in reasons:
        if not any(reason in found for reason in own):
            found[min(own, key=lambda reason: reason.person is None)] = None
    return tuple(found)


def _needed(found: tuple[Reason, ...], reasons: Sequence[tuple[Reason, ...]]) -> tuple[Reason, ...]:
    """Return a set without what is not needed to keep everybody out."""
    kept = list(found)
    for reason in found:
        others = [other for other in kept if other != reason]
        if all(any(own in others for own in mine) for mine in reasons):
            kept = others
    return tuple(kept)
