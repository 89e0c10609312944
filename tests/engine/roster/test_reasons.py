"""Why nobody has a place: by hand, and by leaving out each fact in turn."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.engine.roster.greedy import greedy_assignment
from app.engine.roster.model import Apart, Assignment, MaxSlots, Person, Rest, Roster, Together
from app.engine.roster.reasons import Reason, _smallest, gaps_of, why_gaps
from app.engine.walltime import HOUR
from tests.support import roster_oracle as oracle
from tests.support.rosters import at, random_roster, slot


def test_a_rule_that_keeps_two_out_is_told_once() -> None:
    rest = Rest(12 * HOUR)
    people = [Person("ana"), Person("ben"), Person("eva", away=((at(8), at(9)),))]
    slots = [slot(0, 8, "", None, None), slot(8, 8)]
    roster = Roster(slots, people, (), [rest])
    why = why_gaps(roster, ((0, 1), (None,)))[1, 0]
    assert why.because == (Reason("rule", rule=rest), Reason("away", 2))
    assert why.by_person == {
        0: (Reason("rule", rule=rest),),
        1: (Reason("rule", rule=rest),),
        2: (Reason("away", 2),),
    }


def test_every_kind_of_reason() -> None:
    people = [
        Person("ana", frozenset({"senior"})),
        Person("ben"),
        Person("eva", frozenset({"senior"}), most_ms=8 * HOUR),
        Person("ida", frozenset({"senior"})),
    ]
    slots = [slot(0, 8), slot(4, 8, "", "senior", None), slot(20, 8)]
    roster = Roster(slots, people, (), [Apart(3, 1)])
    why = why_gaps(roster, ((0,), (None, 1), (2,)))[1, 0]
    assert why.by_person == {
        0: (Reason("busy", 0),),
        1: (Reason("skill", skill="senior"), Reason("busy", 1)),
        2: (Reason("most", 2),),
        3: (Reason("rule", rule=Apart(3, 1)),),
    }
    assert set(why.because) >= {Reason("busy", 0), Reason("most", 2)}
    assert len(why.because) == 4


def test_one_who_has_to_be_together_with_another_is_kept_out_by_that() -> None:
    together = Together(0, 1)
    roster = Roster([slot(0, 8, "", None, None)], [Person("ana"), Person("ben")], (), [together])
    assert why_gaps(roster, ((None, None),))[0, 0].because == (Reason("rule", rule=together),)


def test_a_gap_that_somebody_could_take_has_no_reason() -> None:
    roster = Roster([slot(0, 8)], [Person("ana"), Person("ben", away=((at(0), at(1)),))], ())
    why = why_gaps(roster, ((None,),))[0, 0]
    assert why.because == ()
    assert why.by_person == {0: (), 1: (Reason("away", 1),)}


def test_of_many_rules_the_fewest_are_told() -> None:
    """Fourteen rules keep out one each; one keeps out all."""
    people = [Person(f"p{number}") for number in range(14)]
    one_each = [Apart(number, 14) for number in range(14)]
    rules = [*one_each, MaxSlots(0)]
    slots = [slot(0, 8, "", None, None)]
    roster = Roster(slots, [*people, Person("held")], (), rules, frozenset({(0, 14)}))
    why = why_gaps(roster, ((14, None),))[0, 1]
    assert why.because == (Reason("rule", rule=MaxSlots(0)), Reason("busy", 14))


def test_what_is_explained_by_a_later_fact_is_not_told() -> None:
    """Of thirteen shared facts only twelve are tried; the last is needed for somebody alone."""
    rules = [Reason("rule", rule=MaxSlots(number)) for number in range(13)]
    away, last = Reason("away", 2), rules[12]
    found = _smallest([tuple(rules[:12]), tuple(rules[:12]), (away, last), (last,)])
    assert found == (rules[0], last)


def assert_needed(roster: Roster, assignment: Assignment) -> None:
    """Assert that with the facts of each gap nobody can take it, and without any somebody can."""
    for (number, place), why in why_gaps(roster, assignment).items():
        gap = roster, assignment, number, place
        assert bool(why.because) == (not anybody_can(*gap, None))
        if why.because:
            assert not anybody_can(*gap, why.because)
        for left_out in why.because:
            assert anybody_can(*gap, [reason for reason in why.because if reason != left_out])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_with_the_facts_nobody_can_and_without_any_somebody_can(seed: int) -> None:
    roster = random_roster(seed, places=8, people=4)
    assignment = greedy_assignment(roster)
    assume(gaps_of(assignment))
    assert_needed(roster, assignment)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=[*HealthCheck])
@given(st.integers(0, 2**32))
def test_of_many_gaps_each_fact_is_needed(seed: int) -> None:
    roster = random_roster(seed, places=10, people=5)
    assignment = greedy_assignment(roster)
    assume(gaps_of(assignment))
    assert_needed(roster, assignment)


Facts = Sequence[Reason] | None
"""Those that hold; ``None``: all."""


def anybody_can(
    roster: Roster, assignment: Assignment, number: int, place: int, facts: Facts
) -> bool:
    """Tell whether somebody could take a place if nothing but these facts held."""
    return any(
        not any(facts is None or reason in facts for reason in kept_out_by)
        for person in range(len(roster.people))
        for kept_out_by in [list(reasons_by_words(roster, assignment, number, place, person))]
    )


def reasons_by_words(
    roster: Roster, assignment: Assignment, number: int, place: int, person: int
) -> Iterator[Reason]:
    """Yield all that keeps a person out of a place, by the words of the model alone."""
    slot, who = roster.slots[number], roster.people[person]
    held = oracle.slots_of(assignment, person)
    skill = slot.needs[place]
    if skill is not None and skill not in who.skills:
        yield Reason("skill", skill=skill)
    if any(start < slot.end_at and slot.start_at < end for start, end in who.away):
        yield Reason("away", person)
    if any(oracle.overlapping(slot, roster.slots[other]) for other in held):
        yield Reason("busy", person)
    if number not in held:
        yield from limits_by_words(roster, with_place(assignment, number, place, person), person)


def limits_by_words(roster: Roster, after: Assignment, person: int) -> Iterator[Reason]:
    """Yield what a person breaks who has been given a slot beside those that they had."""
    mine = oracle.slots_of(after, person)
    fixed = [other for other in mine if (other, person) in roster.fixed]
    total, given = (sum(roster.slots[n].length for n in some) for some in (mine, fixed))
    most = roster.people[person].most_ms
    if most is not None and total > max(most, given):
        yield Reason("most", person)
    for rule in roster.rules:
        if isinstance(rule, Apart | Together):
            concerned = person in (rule.one, rule.other)
            if concerned and not oracle.is_legal_for_pair(roster, after, rule):
                yield Reason("rule", rule=rule)
        elif any(
            has > max(allowed, fact)
            for (has, allowed), (fact, _) in zip(
                oracle.windows(roster, rule, mine),
                oracle.windows(roster, rule, fixed),
                strict=True,
            )
        ):
            yield Reason("rule", rule=rule)


def with_place(assignment: Assignment, number: int, place: int, person: int) -> Assignment:
    places = list(assignment[number])
    places[place] = person
    return (*assignment[:number], tuple(places), *assignment[number + 1 :])
