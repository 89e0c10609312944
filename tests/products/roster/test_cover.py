"""Covers: who is asked first, what is proposed, and what is refused."""

from typing import Any

import msgspec
import pytest

from app.engine.cover import ranked_candidates
from app.errors import InvalidFields
from app.http.validation import validated
from app.products.endpoint import CALENDAR, CSV, SVG
from app.products.roster.cover_endpoint import cover_endpoint
from app.products.roster.cover_request import CoverRequest
from tests.support.formats import events, rows
from tests.support.timing import least_seconds

ENDPOINT = cover_endpoint()


def held(person: str, start: str, end: str, **fields: Any) -> dict[str, Any]:
    return {"person": person, "start": f"2026-{start}", "end": f"2026-{end}", **fields}


SHIFTS = [
    held("ana", "12-01T17:00", "12-02T09:00", kind="night"),
    held("ben", "12-02T17:00", "12-03T09:00", kind="night"),
    held("chloe", "12-05T17:00", "12-07T09:00", kind="weekend"),
]
AWAY = {"unavailable": [held("ana", "12-01", "12-02")]}
LAYER = {
    "name": "all",
    "rotation_type": "daily",
    "participants": ["ana", "ben", "cy"],
    "start_at": "2026-12-01T00:00",
}
WEEK = {"assignments": None, "from": "2026-12-01", "to": "2026-12-06"}


def request(**fields: Any) -> dict[str, Any]:
    return {"timezone": "Europe/Berlin", "assignments": SHIFTS, **fields}


def cover(**fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(ENDPOINT.answer_to(request(**fields)))
    return answer


def errors(**fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFields) as caught:
        _ = validated(request(**fields), CoverRequest).covering
    return [(error.pointer, error.detail) for error in caught.value.errors]


def names(stretch: Any) -> list[str]:
    return [candidate["person"] for candidate in stretch["candidates"]]


def test_candidates_stand_in_order_with_reasons() -> None:
    answer = cover(**AWAY, rules={"minRestHours": 11})
    [stretch] = answer["stretches"]
    assert (stretch["assignment"], stretch["person"], stretch["kind"]) == (
        "/assignments/0",
        "ana",
        "night",
    )
    [chloe, ben] = stretch["candidates"]
    assert (chloe["person"], chloe["able"], chloe["breaks"]) == ("chloe", True, [])
    assert chloe["reason"] == (
        "chloe: breaks nothing, and has the least then: 56 h (24 in nights, 31 on weekends)"
    )
    assert (ben["able"], ben["reason"]) == (False, "ben: breaks minRestHours 11 (8 of 11 hours)")
    [broken] = ben["breaks"]
    assert (broken["rule"], broken["assignments"], broken["over"]) == (
        "/rules/minRestHours",
        ["/assignments/1"],
        3,
    )
    assert (stretch["cover"], stretch["able"], answer["uncovered"]) == ("chloe", 1, [])
    assert answer["overrides"] == [
        {"user_id": "chloe", "start_at": stretch["start"], "end_at": stretch["end"]}
    ]
    assert answer["loads"]["chloe"]["hours"] == 56
    assert answer["interpretation"] == "1 stretch to cover: somebody is proposed for it."


def test_the_order_among_those_who_can_is_told() -> None:
    shifts = [
        held("ana", "12-01T12:00", "12-01T18:00"),
        held("ben", "12-02T22:00", "12-03T04:00"),
        held("cy", "12-02T10:00", "12-02T16:00"),
        held("dee", "12-03T10:00", "12-03T16:00"),
        held("eve", "12-04T10:00", "12-04T17:00"),
    ]
    [stretch] = cover(assignments=shifts, **AWAY)["stretches"]
    assert [candidate["reason"] for candidate in stretch["candidates"]] == [
        "cy: breaks nothing, and has the least then: 12 h",
        "dee: breaks nothing, and has the same then as cy, named before",
        "ben: breaks nothing, and has 6 h in nights then: dee has 0",
        "eve: breaks nothing, and has 13 h in all then: ben has 12",
    ]
    [short] = cover(assignments=shifts, **AWAY, limit=2)["stretches"]
    assert names(short) == ["cy", "dee"]
    assert short["able"] == 4


def test_the_ranking_is_that_of_kept_schedules() -> None:
    document = validated(request(**AWAY, rules={"minRestHours": 11}), CoverRequest)
    checked = document.covering.checked
    found = ranked_candidates(checked.roster, checked.assignment, document.covering.given)
    shown = cover(**AWAY, rules={"minRestHours": 11})["stretches"][0]
    assert names(shown) == [checked.roster.people[each.person].name for each in found]


def test_a_shift_is_cut_where_an_absence_begins_and_ends() -> None:
    answer = cover(unavailable=[held("chloe", "12-06", "12-06")])
    [stretch] = answer["stretches"]
    assert stretch["startLocal"].startswith("2026-12-06T00:00")
    assert stretch["endLocal"].startswith("2026-12-07T00:00")
    assert answer["loads"]["chloe"]["hours"] == 7 + 9
    assert answer["understood"]["shifts"] == 3


def test_one_set_for_all_stretches() -> None:
    """What ben could take first he leaves to chloe, who can take nothing else."""
    answer = cover(
        assignments=[
            held("ana", "12-01T08:00", "12-01T20:00"),
            held("ana", "12-02T08:00", "12-02T20:00"),
            held("ben", "12-09T08:00", "12-09T09:00"),
            held("chloe", "12-09T08:00", "12-09T20:00"),
        ],
        unavailable=[held("ana", "12-01", "12-02"), held("chloe", "12-02", "12-02")],
        rules={"minRestHours": 24},
    )
    assert [stretch["cover"] for stretch in answer["stretches"]] == ["chloe", "ben"]
    assert [names(stretch)[0] for stretch in answer["stretches"]] == ["ben", "ben"]


def test_who_is_left_by_nobody_is_told() -> None:
    answer = cover(assignments=SHIFTS[:1], **AWAY)
    assert (answer["uncovered"], answer["overrides"]) == ([1], [])
    assert "cover" not in answer["stretches"][0]
    assert answer["interpretation"] == (
        "1 stretch to cover: somebody is proposed for 0, nobody is left for 1."
    )
    away = [held("ana", "12-01", "12-02"), held("chloe", "12-01", "12-07")]
    both = cover(unavailable=away)["interpretation"]
    assert both == "2 stretches to cover: somebody is proposed for each."


def test_soft_rules_are_told_and_keep_nobody_from_it() -> None:
    soft = {"soft": [{"rule": {"minRestHours": 11}, "weight": 3}]}
    [stretch] = cover(**AWAY, rules={**soft, "maxHours": [{"hours": 50}]})["stretches"]
    assert [(each["person"], each["able"]) for each in stretch["candidates"]] == [
        ("ben", True),
        ("chloe", False),
    ]
    assert stretch["candidates"][0]["breaks"][0]["weight"] == 3
    assert stretch["cover"] == "ben"


def test_skills_and_weights_count() -> None:
    people = [
        {"name": "ana", "skills": ["rn"]},
        {"name": "ben"},
        {"name": "cy", "skills": ["rn"]},
        {"name": "dee", "skills": ["rn"], "weight": 0.5},
    ]
    shift = {
        "start": "2026-12-01T08:00",
        "end": "2026-12-01T20:00",
        "people": [{"person": "ana", "skill": "rn"}],
    }
    [stretch] = cover(assignments=[shift], people=people, **AWAY)["stretches"]
    assert names(stretch) == ["cy", "dee", "ben"]
    assert stretch["skill"] == "rn"
    assert stretch["candidates"][2]["reason"] == "ben: lacks the skill that this asks for"


def test_people_who_leave_are_covered() -> None:
    people = [{"name": "ana", "leaves": "2026-11-30"}, {"name": "ben"}, {"name": "chloe"}]
    assert [each["person"] for each in cover(people=people)["stretches"]] == ["ana"]


def test_a_layered_schedule_gets_overrides_that_carry_it_out() -> None:
    away = [held("ben", "12-02", "12-05")]
    answer = cover(**WEEK, schedule={"layers": [LAYER]}, unavailable=away)
    assert [each["cover"] for each in answer["stretches"]] == ["ana", "cy"]
    after = {"layers": [LAYER], "overrides": answer["overrides"]}
    assert errors(**WEEK, schedule=after, unavailable=away) == [
        ("/unavailable", "meets nothing that they have: there is nothing to cover")
    ]


def test_who_shares_a_turn_gets_no_override() -> None:
    layer = {**LAYER, "participants": [["ana", "ben"], "cy"]}
    answer = cover(
        **WEEK, schedule={"layers": [layer]}, unavailable=[held("ana", "12-01", "12-01")]
    )
    assert answer["overrides"] == []
    assert answer["stretches"][0]["cover"] == "cy"
    assert answer["warnings"] == [
        (
            "ana shares the turn from 2026-11-30T23:00:00.000Z: an override would take the others "
            "off as well, so none is written."
        )
    ]


def test_two_at_once_stand_beside_each_other() -> None:
    shifts = [
        {**SHIFTS[0], "role": "primary"},
        {**SHIFTS[0], "person": "ben", "role": "secondary"},
        held("cy", "12-06T08:00", "12-06T09:00"),
        held("dee", "12-06T08:00", "12-06T10:00"),
        held("cy", "12-07T08:00", "12-07T09:00"),
        held("dee", "12-07T08:00", "12-07T09:00"),
    ]
    given = [held("ana", "12-01", "12-02"), held("ben", "12-01", "12-02")]
    document = request(assignments=shifts, giveAway=given)
    first, second = events(ENDPOINT.answer_to(document, CALENDAR))
    assert (first.start, first.end) == (second.start, second.end)
    assert "cy" in first.summary
    assert "dee" in second.summary
    assert first.uid != second.uid


def test_table_and_picture() -> None:
    [row] = rows(ENDPOINT.answer_to(request(**AWAY), CSV))
    assert (row["person"], row["cover"], row["able"]) == ("ana", "ben", "2")
    alone = request(assignments=SHIFTS[:1], **AWAY)
    [row] = rows(ENDPOINT.answer_to(alone, CSV))
    assert (row["cover"], row["able"]) == ("", "0")
    assert b"ben: 1 stretch" in ENDPOINT.answer_to(request(**AWAY), SVG)
    twice = [SHIFTS[0], held("ana", "12-02T10:00", "12-02T16:00"), SHIFTS[2]]
    assert b"chloe: 2 stretches" in ENDPOINT.answer_to(request(assignments=twice, **AWAY), SVG)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ("/unavailable", "is required, or giveAway: nothing is to be covered")),
        (
            {"giveAway": [held("bem", "12-01", "12-02")]},
            ("/giveAway/0/person", "is not one of people; did you mean 'ben'?"),
        ),
        (
            {"giveAway": [held("ben", "12-01", "12-01")]},
            ("/giveAway/0", "is of nothing: ben has nothing then"),
        ),
        (
            {"giveAway": [held("ben", "12-02", "12-01")]},
            ("/giveAway/0/end", "is not after start: write a later end"),
        ),
        (
            {"unavailable": [held("ben", "12-20", "12-21")]},
            ("/unavailable", "meets nothing that they have: there is nothing to cover"),
        ),
        (
            {
                "assignments": [
                    held(
                        "ana",
                        f"12-0{n // 20 + 1}T{n % 20:02}:00",
                        f"12-0{n // 20 + 1}T{n % 20:02}:30",
                    )
                    for n in range(101)
                ],
                "unavailable": [held("ana", "12-01", "12-20")],
            },
            ("", "has 101 stretches to cover: at most 100 are covered at once"),
        ),
    ],
)
def test_a_fault_is_named(fields: dict[str, Any], found: tuple[str, str]) -> None:
    assert found in errors(**fields)


def test_errors_are_found_before_payment() -> None:
    assert ENDPOINT.examine(validated(request(**AWAY), CoverRequest)) == ()
    none = validated(request(unavailable=[held("ben", "12-20", "12-21")]), CoverRequest)
    with pytest.raises(InvalidFields):
        ENDPOINT.examine(none)


def test_a_list_that_is_none_keeps_its_own_error() -> None:
    for name in ("people", "assignments", "unavailable", "giveAway"):
        assert [pointer for pointer, _ in errors(**{**AWAY, name: 7})] == [f"/{name}"]
    assert [pointer for pointer, _ in errors(**AWAY, limit=0)] == ["/limit"]


def test_more_than_can_be_ranked_is_refused() -> None:
    shifts = [
        held(
            f"p{n % 4}",
            f"{n // 600 + 10}-{n // 24 % 25 + 1:02}T{n % 24:02}:00",
            f"{n // 600 + 10}-{n // 24 % 25 + 1:02}T{n % 24:02}:30",
        )
        for n in range(1_400)
    ]
    [(pointer, detail)] = errors(assignments=shifts, unavailable=[held("p0", "10-01", "10-16")])
    assert pointer == ""
    assert detail.startswith("is too much to rank: ")


def test_what_is_too_much_is_refused_before_it_is_cut() -> None:
    """A hundred stretches that two hundred absences cut took a second, and nobody had paid."""
    away = [
        held("ana", f"12-{day:02}T{hour:02}:00", f"12-{day:02}T{hour:02}:30")
        for day in range(1, 11)
        for hour in range(20)
    ]
    shifts = [held("ana", "11-01T00:00", "12-31T00:00")] * 100
    document = request(assignments=shifts, unavailable=away)
    read = validated(document, CoverRequest)
    assert read.checked.held.work

    def refused() -> None:
        with pytest.raises(InvalidFields, match="has 20,000 stretches to cover: at most 100"):
            _ = read.covering

    assert least_seconds(refused) < 0.02
