"""Who could take over what somebody gives away, in order of who should be asked first.

Strategy: a roster and its assignment are the whole question, so that a kept schedule and a roster
in a request are ranked alike. Each person is tried in the places that are given away; the checker
says what is broken then and was not before. Only the people and slots that this may concern are
looked at, so a try costs what one person has and not the roster.

The order: whom nothing keeps from it, then those who would break the fewest rules, and last those
who cannot, because they are away, have something else then or lack the skill. Among equals whoever
has the smallest load afterwards comes first, then the fewest nights, weekends and holidays, each by
weight; and then the order of the people.
"""

from collections import Counter as Counts
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from app.engine.roster.checker import Violation, violations
from app.engine.roster.loads import Measures, measures_of
from app.engine.roster.model import Apart, Assignment, Counter, Roster, Rule, Together, held_slots

Places = Sequence[tuple[int, int]]
"""Slots with a place of each, as ``reasons.gaps_of`` names them; no slot twice."""


class Share(NamedTuple):
    """What somebody has, with what they carry: milliseconds of elapsed time."""

    total_ms: int
    night_ms: int
    weekend_ms: int
    holiday_ms: int

    def by(self, weight: Fraction) -> tuple[Fraction, ...]:
        """Return the share in proportion to a weight."""
        return tuple(each / weight for each in self)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could take over what is given away.

    ``person`` is their index. ``breaks`` is what would be broken and is not broken now.
    """

    person: int
    breaks: tuple[Violation, ...]
    before: Share
    after: Share

    @property
    def is_able(self) -> bool:
        """Whether nothing would be broken."""
        return not self.breaks


def ranked_candidates(roster: Roster, assignment: Assignment, given: Places) -> list[Candidate]:
    """Rank everybody but those who give the places ``given`` away, for all of these together.

    The roster's objectives are not looked at.
    """
    holders = {assignment[slot][place] for slot, place in given}
    givers = {person for person in holders if person is not None}
    left = with_places(assignment, given, None)
    measures = measures_of(roster)
    held = held_slots(roster, left)
    taken = {slot for slot, _ in given}
    found = []
    for person, own in enumerate(held):
        if person not in givers:
            after = with_places(assignment, given, person)
            breaks = _broken(roster, assignment, after, person, {person, *givers})
            shares = (
                _share(roster, measures, person, slots) for slots in (set(own), taken.union(own))
            )
            found.append(Candidate(person, breaks, *shares))
    return sorted(found, key=lambda each: _order(roster, each))


def with_places(assignment: Assignment, places: Places, person: int | None) -> Assignment:
    """Return an assignment with somebody, or nobody, in these places."""
    chosen = dict(places)
    return tuple(
        (*people[: chosen[slot]], person, *people[chosen[slot] + 1 :]) if slot in chosen else people
        for slot, people in enumerate(assignment)
    )


def _order(roster: Roster, candidate: Candidate) -> tuple[object, ...]:
    always = sum(isinstance(each.rule, str) for each in candidate.breaks)
    share = candidate.after.by(roster.people[candidate.person].weight)
    return always, len(candidate.breaks) - always, share, candidate.person


def _share(roster: Roster, measures: Measures, person: int, held: Iterable[int]) -> Share:
    carried = roster.people[person].carried

    def total(counter: Counter) -> int:
        amounts = counter.of(person)
        return carried.get(counter.name, 0) + sum(amounts[slot] for slot in held)

    return Share(
        total(measures.hours),
        total(measures.nights),
        total(measures.weekends),
        total(measures.holidays),
    )


def _broken(
    roster: Roster, before: Assignment, after: Assignment, taker: int, people: set[int]
) -> tuple[Violation, ...]:
    """Return what is broken after a change of what ``people`` have, and was not before.

    Who gives something away breaks less of a rule for themselves, if any, which is no news.
    """
    part = _Part(roster, _with_partners(roster.rules, people))
    was = Counts(part.violations(before, after, before))
    found = (Counts(part.violations(before, after, after)) - was).elements()
    return tuple(each for each in found if taker in each.people or isinstance(each.rule, Together))


def _with_partners(rules: Iterable[Rule], people: set[int]) -> set[int]:
    """Return people, and everybody whom a rule binds to one of them."""
    pairs = [{rule.one, rule.other} for rule in rules if isinstance(rule, Apart | Together)]
    return people.union(*(pair for pair in pairs if pair & people))


class _Part:
    """The part of a roster that concerns a few people, who keep their order in it."""

    def __init__(self, roster: Roster, people: set[int]) -> None:
        self._roster = roster
        self._people = sorted(people)
        self._place: dict[int | None, int] = {
            person: place for place, person in enumerate(self._people)
        }
        rules = [rule for rule in roster.rules if self._concerns(rule)]
        self._rules = tuple(map(self._within, rules))
        self._whole = dict(zip(self._rules, rules, strict=True))

    def violations(
        self, before: Assignment, after: Assignment, assignment: Assignment
    ) -> Iterable[Violation]:
        """Yield what ``assignment`` breaks for these people, in the whole roster's indexes.

        Both are looked at for the slots that matter, so that they are the same each time.
        """
        slots = [
            slot
            for slot, both in enumerate(zip(before, after, strict=True))
            if any(person in self._place for people in both for person in people)
        ]
        part = replace(
            self._roster,
            slots=[self._roster.slots[slot] for slot in slots],
            people=[self._roster.people[person] for person in self._people],
            levels=(),
            rules=self._rules,
            fixed=frozenset(),
        )
        own = tuple(
            tuple(
                None if person is None else self._place.get(person) for person in assignment[slot]
            )
            for slot in slots
        )
        for each in violations(part, own):
            yield replace(
                each,
                rule=each.rule if isinstance(each.rule, str) else self._whole[each.rule],
                people=tuple(self._people[person] for person in each.people),
                slots=tuple(slots[slot] for slot in each.slots),
            )

    def _concerns(self, rule: Rule) -> bool:
        if isinstance(rule, Apart | Together):
            return rule.one in self._place and rule.other in self._place
        return True

    def _within(self, rule: Rule) -> Rule:
        """Return a rule with the people's places in the part."""
        if isinstance(rule, Apart | Together):
            return replace(rule, one=self._place[rule.one], other=self._place[rule.other])
        return rule
