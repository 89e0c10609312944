"""One set of covers, beside all sets that there are."""

from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.cover import Candidate, ranked_candidates, with_places
from app.engine.cover_set import cover_set
from app.engine.roster.checker import violations
from app.engine.roster.model import Assignment, Person, Rest, Roster, Rule
from tests.support.rosters import HOUR, at, slot

REST: list[Rule] = [Rest(11 * HOUR)]
ANA = Person("ana")


def crew(*names: str) -> list[Person]:
    return [Person(name) for name in names]


def is_able(candidate: Candidate) -> bool:
    return candidate.is_able


def chosen(
    roster: Roster, assignment: Assignment, *slots: int, spare: int = 50
) -> list[int | None]:
    found = cover_set(roster, assignment, [(number, 0) for number in slots], is_able, spare)
    return [found.assignment[number][0] for number in slots]


def test_a_cover_is_not_in_the_way_of_another() -> None:
    people = [*crew("ana", "ben"), Person("cy", away=((at(20), at(60)),))]
    slots = [slot(0, 12), slot(24, 12), slot(16, 6)]
    roster = Roster(slots, people, (), [Rest(3 * HOUR)])
    # ben comes first for each: cy can have the first alone, so ben has the second
    assert chosen(roster, ((0,), (0,), (None,)), 0, 1) == [2, 1]


def test_a_choice_is_taken_back_where_nobody_is_left() -> None:
    people = [*crew("ana", "ben", "cy", "dee")]
    people[2] = Person("cy", away=((at(24), at(60)),))
    people[3] = Person("dee", away=((at(0), at(12)), (at(48), at(60))))
    slots = [slot(0, 12), slot(24, 12), slot(48, 12)]
    roster = Roster(slots, people, (), [Rest(24 * HOUR)])
    held: Assignment = ((0,), (0,), (0,))
    assert chosen(roster, held, 0, 1, 2) == [2, 3, 1]


def test_what_nobody_can_take_stays_empty_and_the_rest_is_covered() -> None:
    people = [ANA, Person("ben", away=((at(24), at(36)),))]
    roster = Roster([slot(0, 12), slot(24, 12)], people, (), REST)
    assert chosen(roster, ((0,), (0,)), 0, 1) == [1, None]


def test_without_spare_rankings_the_first_set_stands() -> None:
    roster = Roster([slot(12, 12), slot(0, 10), slot(26, 10)], crew("ana", "ben"), (), REST)
    held: Assignment = ((0,), (0,), (0,))
    assert chosen(roster, held, 0, 1, 2, spare=0) == [1, None, None]
    assert chosen(roster, held, 0, 1, 2) == [None, 1, 1]


def test_candidates_are_ranked_as_if_others_places_were_nobodys() -> None:
    roster = Roster([slot(0, 12), slot(14, 12)], crew("ana", "ben", "cy"), (), REST)
    found = cover_set(roster, ((0,), (1,)), [(0, 0), (1, 0)], is_able, 50)
    alone = ranked_candidates(roster, ((0,), (None,)), [(0, 0)])
    assert found.candidates[0] == alone


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_as_many_are_covered_as_can_be(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    away = [(at(start), at(start + 12)) for start in random.choices(range(0, 72, 6), k=3)]
    people = [ANA, *(Person(name, away=(gone,)) for name, gone in zip("bcd", away, strict=True))]
    slots = [slot(12 * random.randrange(6), 12) for _ in range(3)]
    roster = Roster(slots, people, (), REST)
    nobody: Assignment = ((None,), (None,), (None,))
    held: Assignment = ((0,), (0,), (0,))
    found = chosen(roster, held, 0, 1, 2, spare=1_000)
    best = 0
    for people_of in product([None, 1, 2, 3], repeat=3):
        tried = nobody
        for number, person in enumerate(people_of):
            tried = with_places(tried, [(number, 0)], person)
        if not violations(roster, tried):
            best = max(best, sum(person is not None for person in people_of))
    assert sum(person is not None for person in found) == best
