"""Why nobody has a place: by hand, and by leaving out each fact in turn."""

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.engine.roster.checker import violations
from app.engine.roster.greedy import greedy_assignment
from app.engine.roster.model import Apart, Assignment, MaxSlots, Person, Rest, Roster, Together
from app.engine.roster.reasons import Reason, _smallest, gaps_of, why_gaps
from app.engine.walltime import HOUR
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


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_with_the_facts_nobody_can_and_without_any_somebody_can(seed: int) -> None:
    roster = replace(random_roster(seed, places=8, people=4), fixed=frozenset())
    roster = replace(roster, rules=[one for one in roster.rules if not isinstance(one, Together)])
    assignment = greedy_assignment(roster)
    assume(gaps_of(assignment))
    for (number, place), why in why_gaps(roster, assignment).items():
        assert why.because  # a greedy assignment leaves nothing that somebody could take
        assert not anybody_can(roster, assignment, number, place, why.because)
        for left_out in why.because:
            others = tuple(reason for reason in why.because if reason != left_out)
            assert anybody_can(roster, assignment, number, place, others)


def anybody_can(
    roster: Roster, assignment: Assignment, number: int, place: int, facts: tuple[Reason, ...]
) -> bool:
    """Tell whether somebody could take a place if nothing but these facts held."""
    return any(
        not keeps_out(roster, assignment, number, place, person, facts)
        for person in range(len(roster.people))
    )


def keeps_out(
    roster: Roster,
    assignment: Assignment,
    number: int,
    place: int,
    person: int,
    facts: tuple[Reason, ...],
) -> bool:
    places = list(assignment[number])
    if person in places:
        skill = roster.slots[number].needs[place]
        lacks = skill is not None and skill not in roster.people[person].skills
        away = any(
            start < roster.slots[number].end_at and roster.slots[number].start_at < end
            for start, end in roster.people[person].away
        )
        own = [Reason("busy", person)]
        own += [Reason("skill", skill=skill)] if lacks else []
        own += [Reason("away", person)] if away else []
        return any(reason in facts for reason in own)
    places[place] = person
    after = (*assignment[:number], tuple(places), *assignment[number + 1 :])
    known = {
        "away": Reason("away", person),
        "overlap": Reason("busy", person),
        "most": Reason("most", person),
        "skill": Reason("skill", skill=roster.slots[number].needs[place]),
    }
    return any(
        (known[found.rule] if isinstance(found.rule, str) else Reason("rule", rule=found.rule))
        in facts
        for found in violations(roster, after)
        if number in found.slots and person in found.people
    )
