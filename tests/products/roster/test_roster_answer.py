"""Answers with rosters: what is told beside the assignments."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from app.http.validation import validated
from app.products.endpoint import CALENDAR, CSV, SVG
from app.products.roster.endpoint import roster_endpoint
from app.products.roster.request import RosterRequest
from app.products.roster.solving import solution_of
from app.products.roster.timeline import roster_timeline
from tests.support.formats import drawn, events

ENDPOINT = roster_endpoint()


def night(day: int, **fields: Any) -> dict[str, Any]:
    start, end = (
        f"2026-12-{each:02}T{hour}" for each, hour in ((day, "17:00"), (day + 1, "09:00"))
    )
    return {"start": start, "end": end, **fields}


VALID: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "people": [{"name": "ana"}, {"name": "ben"}],
    "slots": [night(1), night(2), night(3), night(4)],
}
BEFORE = [{"slot": 1, "person": "ben"}, {"slot": 2, "person": "ben"}, {"slot": 4, "person": "ana"}]


def answer(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(ENDPOINT.answer_to({**VALID, **fields}))
    return found


def people_in(found: dict[str, Any]) -> list[list[str]]:
    return [[place["person"] for place in slot["people"]] for slot in found["assignments"]]


def test_gaps_say_why_with_the_rule_the_absence_and_the_skill() -> None:
    away = [{"start": "2026-12-02", "end": "2026-12-02"}]
    found = answer(
        people=[{"name": "ana", "skills": ["senior"]}, {"name": "ben", "unavailable": away}],
        slots=[night(1), night(2, kind="x", skills=["senior", None]), night(2, kind="y")],
        rules={"minRestHours": 11},
        fixed=[{"person": "ana", "slot": 1}],
    )
    first, *_ = found["gaps"]
    assert (first["slot"], first["kind"], first["skill"]) == (2, "x", "senior")
    assert {"text": "the rule minRestHours 11", "rule": "/rules/minRestHours"} in first["why"]
    assert {"text": "ben is away", "person": "ben"} in first["why"]
    assert len(first["why"]) == 2
    assert first["reasons"] == {
        "ana": ["the rule minRestHours 11"],
        "ben": ["ben is away", "the skill senior"],
    }
    assert len(found["gaps"]) == 3
    assert "3 places stay empty" in found["interpretation"]


def test_somebody_busy_is_a_reason() -> None:
    found = answer(people=[{"name": "ana"}], slots=[night(1), night(1)])
    assert found["gaps"][0]["why"] == [{"text": "ana has another slot then", "person": "ana"}]
    assert "1 place stays empty" in found["interpretation"]


def test_a_gap_for_the_better_has_no_reason() -> None:
    found = answer(objectives=["load", "coverage"], slots=[night(1), night(2), night(3)])
    assert [gap["why"] for gap in found["gaps"]] == [[]]
    document = {**VALID, "objectives": ["load", "coverage"], "slots": [night(1)]}
    [event] = events(ENDPOINT.answer_to(document, CALENDAR))
    assert event.description == "Left empty."


def test_a_roster_that_is_not_proven_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.products.roster.translation.SMALL_SECONDS", 0.0)
    slots = [night(day) for day in range(1, 28)]
    people = [{"name": name} for name in ("ana", "ben", "eva", "dan", "kim")]
    rules = {"minRestHours": 24, "maxSlots": [{"count": 2, "days": 6}]}
    found = answer(slots=slots, people=people, rules=rules)
    unproven = [each["objective"] for each in found["fairness"] if not each["optimal"]]
    assert unproven
    assert f"not proven for {', '.join(unproven)}." in found["interpretation"]


def test_wishes_not_met_and_soft_rules_broken_are_explained() -> None:
    found = answer(
        people=[{"name": "ana", "avoid": [{"days": ["tue", "wed", "thu", "fri"]}]}],
        rules={
            "soft": [{"rule": {"minRestHours": 24}, "weight": 2}, {"rule": {"maxConsecutive": 9}}]
        },
    )
    assert found["explanations"] == [
        "slot 1 (2026-12-01 17:00): ana would rather not",
        "slot 2 (2026-12-02 17:00): ana would rather not",
        "slot 3 (2026-12-03 17:00): ana would rather not",
        "slot 4 (2026-12-04 17:00): ana would rather not",
        "/rules/soft/0/rule/minRestHours (minRestHours 24) is broken 3 time(s)",
    ]


def test_must_keeps_all_that_is_still_possible() -> None:
    away = [{"start": "2026-12-04", "end": "2026-12-04"}]
    found = answer(
        people=[{"name": "ana", "unavailable": away}, {"name": "ben"}, {"name": "eva"}],
        previous={"assignments": BEFORE, "keep": "must"},
    )
    assert people_in(found)[:2] == [["ben"], ["ben"]]
    assert [each["slot"] for each in found["changes"]] == [4]
    assert found["changes"][0]["before"] == ["ana"]
    assert found["understood"]["kept"] == 2


def test_must_lets_go_of_what_breaks_a_rule_the_latest_first() -> None:
    found = answer(
        rules={"minRestHours": 24, "maxSlots": [{"count": 3}]},
        previous={"assignments": [*BEFORE, {"slot": 3, "person": "ben"}], "keep": "must"},
    )
    assert people_in(found)[0] == ["ben"]
    assert found["understood"]["kept"] == 3


def test_must_keeps_no_more_than_there_are_places_beside_what_is_fixed() -> None:
    found = answer(
        fixed=[{"slot": 1, "person": "ana"}, {"slot": 2, "person": "ana"}],
        rules={"minRestHours": 24},
        previous={"assignments": BEFORE, "keep": "must"},
    )
    assert people_in(found)[:2] == [["ana"], ["ana"]]
    assert found["understood"]["kept"] == 1


def test_prefer_changes_as_little_as_what_is_better_allows() -> None:
    before = {"assignments": BEFORE, "keep": "prefer"}
    found = answer(previous=before)
    assert [each["objective"] for each in found["fairness"]][-1] == "stability"
    assert found["changes"] == []
    assert people_in(found) == [["ben"], ["ben"], ["ana"], ["ana"]]
    first = answer(previous=before, objectives=["coverage", "stability", "load"])
    assert first["changes"] == []


@pytest.mark.parametrize("keep", ["must", "prefer"])
def test_a_slot_that_nobody_had_and_somebody_has_now_is_a_change(keep: str) -> None:
    empty = {"slot": 1, "people": []}
    found = answer(
        people=[{"name": "ana"}], slots=[night(1)], previous={"assignments": [empty], "keep": keep}
    )
    assert [(each["slot"], each["before"], each["after"]) for each in found["changes"]] == [
        (1, [], ["ana"])
    ]


def test_what_is_carried_over_makes_up_for_what_was() -> None:
    first = answer(slots=[night(1), night(2), night(3)])
    carried = first["carryOver"]
    assert sorted(own["hours"] for own in carried.values()) == [0, 16]
    second = answer(slots=[night(8)], previous={"carryOver": carried})
    [[person]] = people_in(second)
    assert carried[person]["hours"] == 0
    assert all(own["hours"] == 0 for own in second["carryOver"].values())
    assert "changes" not in second


def test_kinds_are_carried_over_by_weight() -> None:
    people = [{"name": "ana", "weight": 0.5}, {"name": "ben"}]
    found = answer(
        people=people, slots=[night(1, kind="a"), night(2, kind="b"), night(3, kind="a")]
    )
    carried = found["carryOver"]
    again = answer(people=people, slots=[night(8, kind="a")], previous={"carryOver": carried})[
        "carryOver"
    ]
    assert {kind for own in again.values() for kind in own["kinds"]} == {"a", "b"}


def test_holidays_go_by_person() -> None:
    people = [{"name": "ana", "holidays": "DE"}, {"name": "ben", "holidays": "GB"}]
    slots = [
        {"start": "2026-10-03", "end": "2026-10-03"},
        {"start": "2026-12-28", "end": "2026-12-28"},
    ]
    found = answer(people=people, slots=slots)
    assert people_in(found) == [["ben"], ["ana"]]
    assert [load["holidays"] for load in found["loads"].values()] == [0, 0]


def test_as_csv() -> None:
    document = {
        **VALID,
        "people": [{"name": "=ana"}],
        "slots": [night(1, kind="n", skills=[None, "rn"]), night(1)],
    }
    table = list(csv.DictReader(io.StringIO(ENDPOINT.answer_to(document, CSV).decode())))
    assert [(row["slot"], row["kind"], row["skill"], row["person"]) for row in table] == [
        ("1", "n", "", "'=ana"),
        ("1", "n", "rn", ""),
        ("2", "", "", ""),
    ]
    assert table[0]["startLocal"] == "2026-12-01T17:00:00.000+01:00"


def test_as_calendar_an_event_a_place_which_stays_the_same_event() -> None:
    document = {**VALID, "slots": [night(1, kind="n", skills=[None, "rn"])]}
    shown = events(ENDPOINT.answer_to(document, CALENDAR))
    assert sorted(event.summary for event in shown) == [
        "Nobody on call (n, rn)",
        "On call (n): ana",
    ]
    assert {event.description for event in shown} == {
        "Slot 1.",
        "Nobody can take it, because of the skill rn.",
    }
    more = {**document, "slots": [night(0 + 1), *document["slots"]], "people": [{"name": "eva"}]}
    later = events(ENDPOINT.answer_to(more, CALENDAR))
    assert {event.uid for event in shown} <= {event.uid for event in later}


def test_as_a_picture_with_a_lane_for_each() -> None:
    document = {**VALID, "slots": [night(1), night(1), night(3)]}
    bars = drawn(ENDPOINT.answer_to(document, SVG))
    assert sorted({str(bar.person) for bar in bars}) == ["ana", "ben"]
    assert b"Dotted: handoffs." not in ENDPOINT.answer_to(document, SVG)


@pytest.mark.parametrize(
    ("slots", "hands_over"),
    [
        ([night(1), night(2)], False),
        ([night(1), {"start": "2026-12-02T09:00", "end": "2026-12-02T17:00"}], True),
    ],
)
def test_only_what_follows_is_handed_over(slots: list[dict[str, Any]], *, hands_over: bool) -> None:
    request = validated({**VALID, "slots": slots}, RosterRequest)
    timeline = roster_timeline(request.translated, solution_of(request))
    assert timeline.hands_over is hands_over
