"""Candidates for a cover, beside a plain statement of who is able and who has what."""

from collections import Counter
from fractions import Fraction
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.engine.cover import Candidate, ranked_candidates
from app.engine.roster.checker import violations
from app.engine.roster.model import (
    Apart,
    Assignment,
    MaxHours,
    Person,
    Rest,
    Roster,
    Rule,
    Together,
)
from tests.support import roster_oracle as oracle
from tests.support.rosters import HOUR, at, random_roster, slot

SEEDS = st.integers(0, 2**32)


def legal_assignment(roster: Roster, random: Random) -> Assignment:
    """Fill places at random, as far as no rule is broken."""
    assignment: Assignment = tuple((None,) * len(one.needs) for one in roster.slots)
    for number, one in enumerate(roster.slots):
        for place in range(len(one.needs)):
            person = random.randrange(len(roster.people))
            tried = changed(assignment, number, place, person)
            if oracle.is_legal(roster, tried):
                assignment = tried
    return assignment


def changed(assignment: Assignment, number: int, place: int, person: int | None) -> Assignment:
    rows = [list(people) for people in assignment]
    rows[number][place] = person
    return tuple(map(tuple, rows))


def plain(roster: Roster) -> Roster:
    return Roster(roster.slots, roster.people, (), roster.rules, timezone=roster.timezone)


def share(roster: Roster, assignment: Assignment, person: int) -> tuple[int, int, int, int]:
    """Count what somebody has, by a look at every quarter of an hour."""
    who = roster.people[person]
    found = [who.carried.get(name, 0) for name in ("hours", "nights", "weekends", "holidays")]
    for number in oracle.slots_of(assignment, person):
        one = roster.slots[number]
        for instant in range(one.start_at, one.end_at, HOUR // 4):
            wall = oracle.local(roster, instant)
            found[0] += HOUR // 4
            found[1] += HOUR // 4 * (wall.hour >= 22 or wall.hour < 6)
            found[2] += HOUR // 4 * (wall.weekday() >= 5)
            found[3] += HOUR // 4 * any(start <= instant < end for start, end in who.holidays)
    return found[0], found[1], found[2], found[3]


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_candidates_are_those_of_a_plain_statement(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    roster = plain(random_roster(seed, places=7, people=5))
    before = legal_assignment(roster, random)
    number = random.randrange(len(roster.slots))
    place = random.randrange(len(roster.slots[number].needs))
    giver = before[number][place]
    found = ranked_candidates(roster, before, [(number, place)])

    everybody = set(range(len(roster.people)))
    assert sorted(each.person for each in found) == sorted(everybody - {giver})
    keys = []
    for each in found:
        after = changed(before, number, place, each.person)
        assert each.is_able == oracle.is_legal(roster, after)
        assert set(each.breaks) == set(violations(roster, after))  # nothing was broken before
        assert each.before == share(roster, changed(before, number, place, None), each.person)
        assert each.after == share(roster, after, each.person)
        weight = roster.people[each.person].weight
        loads = [Fraction(part) / weight for part in each.after]
        cannot = [one for one in each.breaks if isinstance(one.rule, str)]
        keys.append((len(cannot), len(each.breaks) - len(cannot), loads, each.person))
    assert keys == sorted(keys)


@settings(max_examples=100, deadline=None)
@given(SEEDS)
@example(4919)  # it has one rule twice
def test_only_what_is_new_counts_as_broken(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    roster = plain(random_roster(seed, places=7, people=4))
    people: list[int | None] = [None, *range(len(roster.people))]
    before: Assignment = tuple(
        tuple(random.choice(people) for _ in one.needs) for one in roster.slots
    )
    number = random.randrange(len(roster.slots))
    was = violations(roster, before)
    for each in ranked_candidates(roster, before, [(number, 0)]):
        after = violations(roster, changed(before, number, 0, each.person))
        new = (Counter(after) - Counter(was)).elements()
        told = [one for one in new if each.person in one.people or isinstance(one.rule, Together)]
        assert Counter(each.breaks) == Counter(told)


def able(found: list[Candidate]) -> list[int]:
    return [each.person for each in found if each.is_able]


def crew(*names: str) -> list[Person]:
    return [Person(name) for name in names]


def test_the_smallest_load_by_weight_comes_first() -> None:
    people = [Person("ana"), Person("ben"), Person("cy", weight=Fraction(1, 2)), Person("dee")]
    slots = [slot(0, 24), slot(24, 12), slot(48, 6), slot(72, 12)]
    roster = Roster(slots, people, ())
    found = ranked_candidates(roster, ((0,), (1,), (2,), (3,)), [(0, 0)])
    # 36 h each, cy's 30 h count twice: ben and dee are equal but for ben's night
    assert able(found) == [3, 1, 2]
    assert [each.after.total_ms // HOUR for each in found] == [36, 36, 30]


def test_several_slots_are_given_away_together() -> None:
    slots = [slot(0, 12), slot(24, 12), slot(36, 8)]
    roster = Roster(slots, crew("ana", "ben", "cy"), (), [Rest(4 * HOUR)])
    [cy, ben] = ranked_candidates(roster, ((0,), (0,), (1,)), [(0, 0), (1, 0)])
    assert (cy.person, cy.after.total_ms, cy.is_able) == (2, 24 * HOUR, True)
    [short] = ben.breaks
    assert (short.rule, short.slots, short.amount) == (Rest(4 * HOUR), (1, 2), 0)


def test_who_cannot_comes_after_who_would_break_rules() -> None:
    slots = [slot(0, 24), slot(30, 12)]
    rules: list[Rule] = [Rest(11 * HOUR), MaxHours(20 * HOUR)]
    people = [Person("ana"), Person("away", away=((at(2), at(3)),)), Person("ben"), Person("cy")]
    found = ranked_candidates(Roster(slots, people, (), rules), ((0,), (2,)), [(0, 0)])
    assert [each.person for each in found] == [3, 2, 1]
    assert [[one.rule for one in each.breaks] for each in found] == [
        [rules[1]],
        rules,
        ["away", rules[1]],
    ]


def test_who_gives_something_away_breaks_a_rule_less_which_is_no_break() -> None:
    slots = [slot(0, 12), slot(24, 12), slot(48, 12)]
    roster = Roster(slots, crew("ana", "ben"), (), [MaxHours(20 * HOUR)])
    [ben] = ranked_candidates(roster, ((0,), (0,), (0,)), [(0, 0)])
    assert ben.is_able


def test_pairs_are_told_by_the_whole_rosters_people() -> None:
    shared = slot(0, 8, "", None, None)
    roster = Roster([shared], crew("u", "ana", "ben", "v", "cy"), (), [Apart(2, 3), Together(1, 3)])
    found = ranked_candidates(roster, ((0, 3),), [(0, 0)])
    broken = {each.person: [(one.rule, one.people) for one in each.breaks] for each in found}
    together = (Together(1, 3), (1, 3))
    assert broken[2] == [(Apart(2, 3), (2, 3))]  # that ana is missing was broken before
    assert broken[1] == []
    assert broken[4] == []
    alone = ranked_candidates(roster, ((1, 3),), [(0, 0)])
    assert [each.breaks[0].people for each in alone if each.person == 4] == [together[1]]


def test_a_gap_has_candidates_too() -> None:
    roster = Roster([slot(0, 8)], crew("ana", "ben"), ())
    assert able(ranked_candidates(roster, ((None,),), [(0, 0)])) == [0, 1]
