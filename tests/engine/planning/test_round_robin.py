"""Round robin among people who can be away: who has which shift, and what is said of it."""

from typing import Any

import pytest

from app.engine.planning.planner import plan_of
from app.engine.planning.request import Absence, Fixed, Plan, Wishes

DAY = 86_400_000
START = 1_780_531_200_000


def away(person: str, first: int, last: int, reason: str | None = None) -> Absence:
    """Away in the shifts ``[first, last)``."""
    return Absence(person, START + first * DAY, START + last * DAY, reason)


def turns(people: str, shifts: int, **changes: Any) -> Plan:
    boundaries = range(START, START + shifts * DAY + 1, DAY)
    return plan_of(Wishes(list(people), boundaries, **changes), lambda: 0.0)


def who(found: Plan) -> str:
    return "".join(people[0] or "-" for people in found.seats)


@pytest.mark.parametrize(
    ("people", "changes", "expected"),
    [
        pytest.param("abc", {}, "abcabcabc", id="nobody-is-away"),
        pytest.param("aab", {}, "aabaabaab", id="a-name-twice"),
        pytest.param("abc", {"absences": [away("b", 1, 2)]}, "acbabcabc", id="owed-back-at-once"),
        pytest.param(
            "abc", {"absences": [away("b", 0, 5)]}, "acacabbcb", id="two-owed-not-in-a-row"
        ),
        pytest.param(
            "ab", {"absences": [away("a", 0, 2), away("b", 0, 2)]}, "--abababa", id="nobody-can"
        ),
        pytest.param(
            "ab", {"absences": [away("b", 0, 7)]}, "aaaaaaabb", id="owed-and-then-his-own"
        ),
        pytest.param("ab", {"fixed": [Fixed(0, "b")]}, "baabababa", id="fixed-is-a-turn"),
        pytest.param("abc", {"fixed": [Fixed(1, "c")]}, "acbabcabc", id="fixed-later-is-a-turn"),
        pytest.param(
            "ab",
            {"fixed": [Fixed(0, "b")], "min_rest_ms": DAY // 24},
            "babababab",
            id="fixed-was-a-turn-but-nobody-else-can",
        ),
        pytest.param(
            "ab",
            {"fixed": [Fixed(1, "a"), Fixed(3, "b")], "max_consecutive": 2},
            "aabbababa",
            id="both-had-a-turn",
        ),
        pytest.param("abcd", {"min_rest_ms": 3 * DAY}, "abcdabcda", id="rest-that-the-cycle-has"),
        pytest.param("abc", {"min_rest_ms": 3 * DAY}, "abc-abc-a", id="rest-that-leaves-gaps"),
        pytest.param(
            "ab", {"absences": [away("a", 0, 9)], "max_consecutive": 2}, "bb-bb-bb-", id="runs"
        ),
        pytest.param(
            "ab",
            {"max_consecutive": 1, "absences": [away("b", 1, 2)]},
            "a-bababab",
            id="one-by-one",
        ),
    ],
)
def test_who_has_which_shift(people: str, changes: dict[str, Any], expected: str) -> None:
    assert who(turns(people, 9, **changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="plain-turns-need-no-words"),
        pytest.param(
            {"absences": [away("b", 1, 2, "dentist")]},
            [
                "Shift 2: c instead of b, who is away (dentist); the turn is owed back.",
                "Shift 3: b, who is owed a turn.",
            ],
            id="away-and-back",
        ),
        pytest.param({"fixed": [Fixed(1, "b")]}, ["Shift 2: b, as fixed."], id="fixed"),
    ],
)
def test_what_is_said(changes: dict[str, Any], expected: list[str]) -> None:
    assert turns("abc", 3, **changes).explanations == expected


def test_of_many_passed_over_three_are_named() -> None:
    found = turns("abcdef", 2, absences=[away(person, 0, 2) for person in "bcdef"])
    told = "Shift 2: a instead of b, who is away and c, who is away and d, who is away and 2 more"
    assert found.explanations == [f"{told}; the turns are owed back."]


def test_overlapping_absences_are_told_once_each() -> None:
    absences = [away("a", 0, 2, "first"), away("a", 1, 3, "second"), away("a", 0, 1, "within")]
    found = turns("ab", 3, absences=absences)
    assert ["first" in line for line in found.explanations] == [True, True, False]
    assert "second" in found.explanations[2]


def test_two_roles_take_turns_seat_by_seat_and_change_places() -> None:
    found = turns("abcd", 4, roles=("x", "y"))
    assert found.seats == [("a", "b"), ("c", "d"), ("b", "a"), ("d", "c")]


def test_the_next_person_is_after_those_who_had_a_turn() -> None:
    assert turns("abc", 4).next_person == "b"
    assert turns("abc", 2, absences=[away("b", 1, 2)]).next_person == "a"


def test_a_rotation_too_large_to_compare_has_no_bound() -> None:
    found = turns("ab", 1_001, absences=[away("a", 0, 1)])
    assert (found.lower_bound_ms, found.optimal) == (0, False)
