"""Turns of several and of nobody, layers that end, closed days and absences, as they are sold."""

from typing import Any

import msgspec
import pytest

from app.errors import InvalidFields, TooMuchWork
from app.http.validation import validated
from app.products.endpoint import CALENDAR, CSV, JSON, SVG, Endpoint
from app.products.registry import paid_endpoints

SCHEDULE, NOW = (
    next(each for each in paid_endpoints() if each.slug == slug)
    for slug in ("sched-oncall-schedule", "sched-oncall-now")
)
LAYER = {
    "name": "x",
    "rotation_type": "daily",
    "participants": ["ana", ["ben", "cy"], None],
    "start_at": "2026-06-01T09:00:00Z",
}
CLOSED = {
    "user_id": None,
    "start_at": "2026-06-01T20:00:00Z",
    "end_at": "2026-06-02T00:00:00Z",
    "reason": "holiday",
}
LEAVE = {"person": "ana", "start": "2026-06-01", "end": "2026-06-01", "reason": "leave"}
WINDOW = {"from": "2026-06-01T09:00:00Z", "to": "2026-06-04T09:00:00Z"}


def document(layer: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {"timezone": "UTC", "layers": [{**LAYER, **(layer or {})}], **changes}


def written(endpoint: Endpoint, value: dict[str, Any], media_type: str = JSON) -> str:
    request = validated(value, endpoint.request, now=0)
    return endpoint.formats[media_type].write(endpoint.compute(request)).decode()


def window(layer: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    value = document(layer, **{**WINDOW, **changes})
    answer: dict[str, Any] = msgspec.json.decode(written(SCHEDULE, value))
    return answer


def now(at: str, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(written(NOW, document(at=at, **changes)))
    return answer


def rows(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (part["start"][8:13], part["end"][8:13], " ".join(part.get("user_ids", [part["user_id"]])))
        for part in answer["final_schedule"]
    ]


def faults(value: dict[str, Any], endpoint: Endpoint = SCHEDULE) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        validated(value, endpoint.request, now=0)
    return {error.pointer: error.detail for error in caught.value.errors}


def test_a_group_is_on_call_together_and_nobody_has_a_turn() -> None:
    answer = window()
    assert rows(answer) == [("01T09", "02T09", "ana"), ("02T09", "03T09", "ben cy")]
    assert answer["final_schedule"][1]["user_id"] == "ben"
    assert "user_ids" not in answer["final_schedule"][0]
    assert answer["gaps"] == [
        {"start": "2026-06-03T09:00:00.000Z", "end": "2026-06-04T09:00:00.000Z"}
    ]
    assert [(each["user_id"], each["hours"]) for each in answer["tally"]] == [
        ("ana", 24), ("ben", 24), ("cy", 24),
    ]  # fmt: skip
    assert answer["interpretation"].startswith("2 shift(s) of 3 people and 1 gap")


def test_who_is_on_call_together_now() -> None:
    answer = now("2026-06-02T10:00:00Z")
    assert (answer["user_id"], answer["user_ids"]) == ("ben", ["ben", "cy"])
    assert answer["interpretation"].startswith("ben and cy are on call at")
    before = now("2026-06-01T10:00:00Z")
    assert before["next"]["user_ids"] == ["ben", "cy"]
    assert "; ben and cy are next, from" in before["interpretation"]
    assert "user_ids" not in before


def test_a_layer_ends() -> None:
    below = {**LAYER, "name": "below", "participants": ["dee"]}
    ending = {**LAYER, "participants": ["ana"], "end_at": "2026-06-02"}
    answer = window(layers=[ending, below])
    assert rows(answer) == [("01T09", "03T00", "ana"), ("03T00", "04T09", "dee")]
    rotation = {name: item for name, item in ending.items() if name != "name"}
    value = {"timezone": "UTC", **rotation, **WINDOW}
    assert rows(msgspec.json.decode(written(SCHEDULE, value))) == [("01T09", "03T00", "ana")]
    before = document({"end_at": "2026-06-01T09:00:00Z"}, **WINDOW)
    assert faults(before) == {"/layers/0/end_at": "is not after start_at: write a later end_at"}


def test_nobody_is_on_call_for_a_reason() -> None:
    answer = window(overrides=[CLOSED])
    given = {**CLOSED, "start_at": "2026-06-01T20:00:00.000Z", "end_at": "2026-06-02T00:00:00.000Z"}
    assert answer["gaps"][0] == {
        "start": "2026-06-01T20:00:00.000Z",
        "end": "2026-06-02T00:00:00.000Z",
        "override": given,
    }
    found = now("2026-06-01T21:00:00Z", overrides=[CLOSED])
    assert (found["user_id"], found["source"], found["override"]) == (None, "override", given)
    assert found["interpretation"].startswith(
        "Nobody is on call at 2026-06-01T21:00:00.000Z by an override (holiday), until"
    )
    named = {name: item for name, item in CLOSED.items() if name != "user_id"}
    assert set(faults(document(overrides=[named], **WINDOW))) == {"/overrides/0/user_id"}


def test_who_is_away_is_passed_over() -> None:
    answer = window({"participants": ["ana", "ben"]}, unavailable=[LEAVE])
    assert rows(answer) == [
        ("01T09", "02T00", "ben"), ("02T00", "02T09", "ana"), ("02T09", "03T09", "ben"),
        ("03T09", "04T09", "ana"),
    ]  # fmt: skip
    assert answer["final_schedule"][0]["passed_over"] == [
        {
            "user_id": "ana", "reason": "leave",
            "start": "2026-06-01T09:00:00.000Z", "end": "2026-06-02T00:00:00.000Z",
        }
    ]  # fmt: skip
    found = now("2026-06-01T10:00:00Z", unavailable=[LEAVE])
    assert found["passed_over"] == [{"user_id": "ana", "reason": "leave"}]
    assert " by layer x, in place of ana (leave), until" in found["interpretation"]
    gap = window({"participants": ["ana", "ben"]}, unavailable=[LEAVE], when_away="gap")
    assert rows(gap)[0] == ("02T00", "02T09", "ana")


def test_the_two_days_of_whoever_takes_over_are_one_segment() -> None:
    away = [{"person": "ana", "start": "2026-06-01", "end": "2026-06-15"}]
    answer = window({"participants": ["ana", "ben", "cy"]}, unavailable=away)
    assert rows(answer) == [("01T09", "03T09", "ben"), ("03T09", "04T09", "cy")]


def test_many_who_were_passed_over_are_counted() -> None:
    people = [f"u{number}" for number in range(8)]
    away = [{"person": name, "start": "2026-06-01", "end": "2026-06-09"} for name in people[:7]]
    value = document({"participants": people}, unavailable=away, at="2026-06-01T10:00:00Z")
    answer = msgspec.json.decode(written(NOW, value))
    assert "in place of u0, u1, u2, u3, u4, 2 more, until" in answer["interpretation"]


def test_as_csv() -> None:
    value = document(overrides=[CLOSED], unavailable=[LEAVE], **WINDOW)
    assert written(SCHEDULE, value, CSV).splitlines() == [
        (
            "start,end,user_id,source,layer,override_start_at,override_end_at,override_reason,"
            "starts_before,ends_after,user_ids,passed_over"
        ),
        (
            "2026-06-01T09:00:00.000Z,2026-06-01T20:00:00.000Z,ben,layer,x,,,,false,false,"
            '"ben, cy",ana (leave)'
        ),
        (
            "2026-06-01T20:00:00.000Z,2026-06-02T00:00:00.000Z,,override,,2026-06-01T20:00:00.000Z,"
            "2026-06-02T00:00:00.000Z,holiday,,,,"
        ),
        "2026-06-02T00:00:00.000Z,2026-06-02T09:00:00.000Z,ana,layer,x,,,,false,false,,",
        '2026-06-02T09:00:00.000Z,2026-06-03T09:00:00.000Z,ben,layer,x,,,,false,false,"ben, cy",',
        "2026-06-03T09:00:00.000Z,2026-06-04T09:00:00.000Z,,,,,,,,,,",
    ]
    row = written(NOW, document(at="2026-06-02T10:00:00Z"), CSV).splitlines()
    assert row[0].endswith(",next_user_id,next_at,user_ids")
    assert row[1].endswith(',"ben, cy"')


def test_as_a_calendar_and_as_a_picture() -> None:
    value = document(overrides=[CLOSED], unavailable=[LEAVE], **WINDOW)
    calendar = written(SCHEDULE, value, CALENDAR).replace("\r\n ", "")
    assert "SUMMARY:On call: ben\\, cy\r\n" in calendar
    assert "DESCRIPTION:By layer x\\, in place of ana (leave).\r\n" in calendar
    assert "DESCRIPTION:Nobody is on call by an override (holiday).\r\n" in calendar
    picture = written(SCHEDULE, value, SVG)
    assert picture.count("<title>ben, cy: ") == 4  # two bars, in the lane of each
    assert "Fields of dots: away." in picture
    here = written(NOW, document(at="2026-06-02T10:00:00Z"), SVG)
    assert here.count("<title>ben, cy: ") == 2


@pytest.mark.parametrize(
    ("value", "pointer", "detail"),
    [
        ({"participants": [[]]}, "/layers/0/participants/0", "has 0 names: write 1 to 20"),
        ({"participants": ["a", ["b", "b "]]}, "/layers/0/participants/1", "names somebody twice"),
        (
            {"participants": [["a", None]]},
            "/layers/0/participants/0",
            "Expected a string, got null",
        ),
        ({"participants": [[["a"]]]}, "/layers/0/participants/0", "Expected a string, got an arr"),
        ({"participants": [1]}, "/layers/0/participants/0", "Expected a string, got a number"),
        ({"participants": [{}]}, "/layers/0/participants/0", "Expected a string, got an object"),
        (
            {"participants": [[str(n) for n in range(21)]]},
            "/layers/0/participants/0",
            "has 21 names",
        ),
    ],
)
def test_a_turn_that_is_none(value: dict[str, Any], pointer: str, detail: str) -> None:
    found = faults(document(value, **WINDOW))
    assert list(found) == [pointer]
    assert found[pointer].startswith(detail)


def test_a_list_of_one_is_that_one() -> None:
    assert window({"participants": [["ana"], "ben"]}) == window({"participants": ["ana", "ben"]})


def test_who_takes_no_turns_is_not_away() -> None:
    absent = [{**LEAVE, "person": name} for name in ("annna", "ana", *"z" * 30)]
    found = faults(document({"participants": ["anna", "ana"]}, unavailable=absent, **WINDOW))
    assert found["/unavailable/0/person"] == ("takes no turns of any layer; did you mean 'anna'?")
    assert len(found) == 20
    assert found["/unavailable/2/person"] == "takes no turns of any layer"


def test_absences_are_work() -> None:
    names = [f"u{number}" for number in range(200)]
    layer = {"participants": names, "rotation_type": "custom"}
    hourly = {**layer, "interval": {"count": 1, "unit": "hours"}}
    away = [{"person": name, "start": "2026-06-01", "end": "2028-06-01"} for name in names]
    value = document(hourly, unavailable=away, **{**WINDOW, "to": "2028-06-01T09:00:00Z"})
    with pytest.raises(TooMuchWork):
        validated(value, SCHEDULE.request, now=0)


def test_other_words_for_absences() -> None:
    value = document(absences=[LEAVE], **WINDOW)
    assert "did you mean 'unavailable'?" in faults(value)["/absences"]
