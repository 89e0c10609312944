"""Checks of rosters that exist: what is found, and what is refused."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from app.errors import InvalidFields
from app.http.validation import validated
from app.products.registry import paid_endpoints
from app.products.roster.check_endpoint import check_endpoint
from app.products.roster.check_request import CheckRequest
from app.products.roster.endpoint import roster_endpoint
from tests.support.roster_answers import random_request

ENDPOINT = check_endpoint()


def held(person: str, start: str, end: str, **fields: Any) -> dict[str, Any]:
    return {"person": person, "start": f"2026-{start}", "end": f"2026-{end}", **fields}


NIGHTS = [
    held("ana", "12-01T17:00", "12-02T09:00", kind="night"),
    held("ana", "12-02T17:00", "12-03T09:00", kind="night"),
    held("ben", "12-03T17:00", "12-04T09:00", kind="night"),
]


def check(**fields: Any) -> dict[str, Any]:
    document = {"timezone": "Europe/Berlin", "assignments": NIGHTS, **fields}
    answer: dict[str, Any] = msgspec.json.decode(ENDPOINT.answer_to(document))
    return answer


def errors(**fields: Any) -> list[tuple[str, str]]:
    document = {"timezone": "Europe/Berlin", "assignments": NIGHTS, **fields}
    with pytest.raises(InvalidFields) as caught:
        _ = validated(document, CheckRequest).checked
    return [(error.pointer, error.detail) for error in caught.value.errors]


def test_people_are_those_of_a_roster() -> None:
    people = [{"name": "ana", "prefer": ["night"], "avoid": [{"days": ["sat"]}]}, {"name": "ben"}]
    assert check(people=people)["loads"] == check()["loads"]


def test_what_spans_more_than_two_years_is_refused() -> None:
    far = [*NIGHTS, {"person": "ben", "start": "2029-01-01", "end": "2029-01-01"}]
    why = "span more than two years: ask for less at once"
    assert errors(assignments=far) == [("/assignments", why)]


def test_the_shifts_of_a_rotation_are_taken_as_they_are() -> None:
    asked = {"timezone": "Europe/Berlin", "start": "2026-12-01", "people": ["ana", "ben"]}
    [rotation] = [each for each in paid_endpoints() if each.slug == "sched-oncall-rotation"]
    bought = msgspec.json.decode(rotation.answer_to({**asked, "shifts": 4}))
    answer = check(assignments=bought["rotation"], rules={"minRestHours": 24})
    assert answer["violations"] == []
    assert {name: load["hours"] for name, load in answer["loads"].items()} == {"ana": 48, "ben": 48}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"rules": {"minRestHours": 11}},
            ("/rules/minRestHours", ["ana"], [0, 1], "hours", 8, 11, 3),
        ),
        (
            {"rules": {"maxHours": [{"hours": 30, "days": 3}]}},
            ("/rules/maxHours/0", ["ana"], [0, 1], "hours", 32, 30, 2),
        ),
        (
            {"rules": {"maxSlots": [{"count": 1, "kind": "night"}]}},
            ("/rules/maxSlots/0", ["ana"], [0, 1], "slots", 2, 1, 1),
        ),
        (
            {"rules": {"maxConsecutive": 1}},
            ("/rules/maxConsecutive", ["ana"], [0, 1], "days", 2, 1, 1),
        ),
        (
            {"rules": {"minDaysOff": [{"count": 1, "days": 3}]}},
            ("/rules/minDaysOff/0", ["ana"], [0, 1], "days", 0, 1, 1),
        ),
        (
            {"unavailable": [{"person": "ben", "start": "2026-12-04", "end": "2026-12-04"}]},
            ("away", ["ben"], [2], "times", 1, 0, 1),
        ),
        (
            {
                "people": [
                    {"name": "ana"},
                    {
                        "name": "ben",
                        "unavailable": [{"start": "2026-12-03", "end": "2026-12-03"}],
                    },
                ]
            },
            ("away", ["ben"], [2], "times", 1, 0, 1),
        ),
        (
            {"assignments": [NIGHTS[0], NIGHTS[0]]},
            ("overlap", ["ana"], [0, 1], "times", 2, 1, 1),
        ),
        (
            {
                "assignments": [
                    {**NIGHTS[0], "person": None, "people": [{"person": "ana", "skill": "rn"}]}
                ],
                "people": [{"name": "ana"}],
            },
            ("skill", ["ana"], [0], "times", 1, 0, 1),
        ),
        (
            {
                "assignments": [NIGHTS[0], held("ben", "12-01T12:00", "12-01T18:00")],
                "rules": {"apart": [["ana", "ben"]]},
            },
            ("/rules/apart/0", ["ana", "ben"], [1, 0], "times", 2, 1, 1),
        ),
        (
            {
                "assignments": [NIGHTS[0], {**NIGHTS[0], "person": "eva"}],
                "people": [{"name": "ana"}, {"name": "eva"}, {"name": "ben"}],
                "rules": {"together": [["ana", "ben"]]},
            },
            ("/rules/together/0", ["ana", "ben"], [0], "times", 1, 2, 1),
        ),
    ],
)
def test_a_violation_says_whom_when_and_how_much(fields: dict[str, Any], told: Any) -> None:
    answer = check(**fields)
    [found] = answer["violations"]
    concerned = [f"/assignments/{number}" for number in told[2]]
    names = ("rule", "people", "assignments", "unit", "amount", "allowed", "over")
    expected = (told[0], told[1], concerned, *told[3:])
    assert tuple(found[name] for name in names) == expected
    assert not answer["valid"]


def test_a_violation_in_words_and_in_local_time() -> None:
    [found] = check(rules={"minRestHours": 11})["violations"]
    assert found["text"] == "ana: breaks minRestHours 11 (8 of 11 hours)"
    assert found["start"] == "2026-12-01T16:00:00.000Z"
    assert found["endLocal"] == "2026-12-03T09:00:00.000+01:00"


def test_soft_rules_are_told_with_their_weight_and_break_nothing() -> None:
    answer = check(rules={"soft": [{"rule": {"minRestHours": 11}, "weight": 3}]})
    assert [found["weight"] for found in answer["violations"]] == [3]
    assert answer["valid"]
    assert answer["interpretation"] == (
        "3 shift(s) of 2 people. Nothing that holds is broken, 1 of soft rules; 2 gap(s)."
    )


def test_gaps_are_when_nobody_has_anything_within_the_window() -> None:
    answer = check(**{"from": "2026-12-01T17:00", "to": "2026-12-04T12:00"})
    assert [(gap["startLocal"][:16], gap["endLocal"][:16]) for gap in answer["gaps"]] == [
        ("2026-12-02T09:00", "2026-12-02T17:00"),
        ("2026-12-03T09:00", "2026-12-03T17:00"),
        ("2026-12-04T09:00", "2026-12-04T12:00"),
    ]


def test_overlaps_are_of_one_role() -> None:
    work = [
        held("ana", "12-01T08:00", "12-01T12:00", role="primary"),
        held("ben", "12-01T10:00", "12-01T14:00", role="primary"),
        held("eva", "12-01T10:00", "12-01T14:00", role="backup"),
        held("dan", "12-01T10:00", "12-01T11:00"),
        held("eva", "12-01T10:30", "12-01T11:00"),
    ]
    found = check(assignments=work)["overlaps"]
    assert [(each.get("role"), each["startLocal"][11:16], each["people"]) for each in found] == [
        ("primary", "10:00", ["ana", "ben"]),
        (None, "10:30", ["dan", "eva"]),
    ]
    assert found[0]["endLocal"][11:16] == "12:00"


def test_loads_and_how_even_they_are() -> None:
    work = [*NIGHTS, held("eva", "12-24T17:00", "12-25T09:00", kind="day")]
    people = [{"name": "ana", "weight": 2}, {"name": "ben"}, {"name": "eva", "holidays": "DE"}]
    answer = check(assignments=work, people=people, points={"night": 2, "holiday": 3})
    assert answer["loads"]["eva"] == {
        "slots": 1,
        "hours": 16,
        "points": 3,
        "nights": 8,
        "weekends": 0,
        "holidays": 9,
        "holidaySlots": 1,
        "kinds": {"day": 1},
    }
    assert answer["fairness"] == [
        {"of": "hours", "spread": 0, "least": "ana", "most": "ana"},
        {"of": "nights", "spread": 0, "least": "ana", "most": "ana"},
        {"of": "weekends", "spread": 0, "least": "ana", "most": "ana"},
        {"of": "holidays", "spread": 9, "least": "ana", "most": "eva"},
        {"of": "holidaySlots", "spread": 1, "least": "ana", "most": "eva"},
        {"of": "day", "spread": 1, "least": "ana", "most": "eva"},
        {"of": "night", "spread": 1, "least": "eva", "most": "ana"},
    ]
    assert [each["date"] for each in answer["understood"]["holidays"]] == ["2026-12-25"]


@pytest.mark.parametrize("seed", range(8))
def test_what_oncall_roster_answers_is_valid(seed: int) -> None:
    request = random_request(seed)
    roster = roster_endpoint()
    solved = msgspec.json.decode(roster.answer_to(request))
    work = [slot for slot in solved["assignments"] if slot["people"]]
    people = [
        {name: item for name, item in person.items() if name not in ("avoid", "prefer")}
        for person in request["people"]
    ]
    answer = check(assignments=work, people=people, rules=request["rules"])
    assert answer["violations"] == []
    assert answer["loads"] == solved["loads"]


def test_a_layered_schedule_is_checked() -> None:
    layer = {
        "name": "all",
        "rotation_type": "daily",
        "participants": ["ana", "ben", "eva"],
        "start_at": "2026-12-01T09:00",
    }
    window = {"from": "2026-12-01T09:00", "to": "2026-12-02"}
    answer = check(
        **{"assignments": None, "schedule": {"layers": [layer]}, **window},
        rules={"maxHours": [{"hours": 20}]},
        unavailable=[{"person": "eva", "start": "2026-12-02", "end": "2026-12-02"}],
    )
    assert [found["people"] for found in answer["violations"]] == [["ana"]]
    assert answer["violations"][0]["assignments"] == ["/schedule"]
    assert answer["loads"]["eva"]["slots"] == 0


@pytest.mark.parametrize(
    ("fields", "pointer", "detail"),
    [
        (
            {"unavailable": [{"person": "bem", "start": "2026-12-01", "end": "2026-12-01"}]},
            "/unavailable/0/person",
            "did you mean 'ben'?",
        ),
        (
            {"unavailable": [{"person": "ben", "start": "2026-12-02", "end": "2026-12-01"}]},
            "/unavailable/0/end",
            "is not after start",
        ),
        ({"rules": {"apart": [["ana", "zoe"]]}}, "/rules/apart/0/1", "is not one of people"),
        (
            {"rules": {"maxHours": [{"hours": 8, "kind": "day"}]}},
            "/rules/maxHours/0/kind",
            "is not the kind of any assignment",
        ),
        ({"points": {"day": 1}}, "/points/day", "is not the kind of any assignment"),
        ({"points": {"night": -1}}, "/points/night", "is not a number from 0"),
        ({"assignments": []}, "/assignments", "who has what"),
        ({"pattern": []}, "/pattern", "is not a known field"),
        ({"assignments": [held("ana", "12-01", "11-30")]}, "/assignments/0/end", "is not after"),
        ({"assignments": "x", "people": [{"name": "ana"}]}, "/assignments", "an array"),
    ],
)
def test_a_fault_is_named_where_it_is(fields: dict[str, Any], pointer: str, detail: str) -> None:
    found = errors(**fields)
    assert any(where == pointer and detail in text for where, text in found), found


def test_people_of_a_schedule_are_known() -> None:
    layer = {"name": "all", "rotation_type": "daily", "participants": ["ana"]}
    window: Mapping[str, Any] = {"from": "2026-12-01", "to": "2026-12-02", "assignments": None}
    found = errors(**window, schedule={"layers": [layer]}, rules={"apart": [["ana", "bo"]]})
    assert found == [("/rules/apart/0/1", "is not one of people")]


def test_it_is_examined_before_payment() -> None:
    request = validated({"timezone": "Europe/Berlin", "assignments": NIGHTS}, CheckRequest)
    assert ENDPOINT.examine(request) == ()
    assert request.understood.people == 2


def test_a_roster_of_nobody_is_all_gaps() -> None:
    nobody = {"start": "2026-12-01", "end": "2026-12-02", "people": []}
    answer = check(assignments=[nobody])
    assert (answer["loads"], answer["fairness"]) == ({}, [])


def test_assignments_of_nobody_are_gaps() -> None:
    nobody = [
        {"start": "2026-12-01T17:00", "end": "2026-12-02T09:00", "people": [], "kind": "night"},
        {"start": "2026-12-03T17:00", "end": "2026-12-04T09:00", "people": []},
    ]
    answer = check(assignments=nobody)
    told = [
        (gap["startLocal"][:16], gap.get("kind"), gap.get("assignment")) for gap in answer["gaps"]
    ]
    assert told == [
        ("2026-12-01T17:00", "night", "/assignments/0"),
        ("2026-12-02T09:00", None, None),
        ("2026-12-03T17:00", None, "/assignments/1"),
    ]
    assert answer["interpretation"].endswith("; 3 gap(s).")
    within = check(assignments=[*nobody, NIGHTS[0]], **{"from": "2026-12-01T20:00"})
    assert [gap["startLocal"][11:16] for gap in within["gaps"]] == ["20:00", "09:00", "17:00"]
    assert within["gaps"][0]["assignment"] == "/assignments/0"
