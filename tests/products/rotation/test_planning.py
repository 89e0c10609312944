"""The fields of a planned rotation: their errors, and their conversion to the engine."""

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from app.engine.planning.request import Absence, FixedShift
from app.errors import FieldError, InvalidRequest
from app.http.validation import parsed_json, validated
from app.products.rotation.planning import planning_request
from app.products.rotation.request import PLANNING, RotationRequest
from tests.support.services import service

HOUR, DAY = 3_600_000, 86_400_000
JUNE_4 = 1_780_531_200_000
SEED = {"start": "2026-06-04T00:00:00Z", "people": ["alice", "bob"], "shifts": 3}


def request(**changes: Any) -> RotationRequest:
    return validated(parsed_json(json.dumps({**SEED, **changes}).encode()), RotationRequest)


def errors(**changes: Any) -> Sequence[FieldError]:
    with pytest.raises(InvalidRequest) as refused:
        request(**changes)
    return refused.value.errors


def absence(person: str = "bob", start: str = "2026-06-05", end: str = "2026-06-06") -> Any:
    return {"person": person, "start": start, "end": end}


# --- errors ---------------------------------------------------------------------------------

NO_OFFSET = (
    "'2026-06-05T10:00:00' has no offset: end it with Z or its offset from UTC, "
    "or give timezone. Wanted: an instant, a local time or a date, as `start` of the rotation."
)
ERRORS = [
    ({"unavailable": [absence("bop")]}, "/unavailable/0/person",
     "is not one of people; did you mean 'bob'?"),
    ({"weights": {"zoe": 1}}, "/weights/zoe", "is not one of people"),
    ({"weights": {"a/~": 1}}, "/weights/a~1~0", "is not one of people"),
    ({"carryOver": {"zoe": 1}}, "/carryOver/zoe", "is not one of people"),
    ({"unavailableIcs": {"zoe": ""}}, "/unavailableIcs/zoe", "is not one of people"),
    ({"fixed": [{"shift": 1, "person": "zoe"}]}, "/fixed/0/person", "is not one of people"),
    ({"avoidPairs": [["alice", "zoe"]], "roles": ["a", "b"]}, "/avoidPairs/0/1",
     "is not one of people"),
    ({"unavailable": [absence(end="2026-06-04")]}, "/unavailable/0/end",
     "is not after start: write a later end"),
    ({"unavailable": [absence(start="2026-06-05T10:00:00")]}, "/unavailable/0/start",
     NO_OFFSET),
    ({"weights": {"bob": 0}}, "/weights/bob", "is not a number from 0.01 to 100"),
    ({"weights": {"bob": 101}}, "/weights/bob", "is not a number from 0.01 to 100"),
    ({"weights": {"bob": True}}, "/weights/bob", "is not a number from 0.01 to 100"),
    ({"weights": {"bob": "1"}}, "/weights/bob", "is not a number from 0.01 to 100"),
    ({"weights": {"bob": 0.333}}, "/weights/bob", "is finer than 0.01"),
    ({"carryOver": {"bob": -1}}, "/carryOver/bob", "is not a number of hours from 0 to 1,000,000"),
    ({"carryOver": {"bob": None}}, "/carryOver/bob",
     "is not a number of hours from 0 to 1,000,000"),
    ({"roles": ["a", "a"]}, "/roles/1", "is a role already"),
    ({"roleOrder": "staggered"}, "/roleOrder", '"staggered" has no effect without two roles'),
    ({"roleOrder": "staggered", "roles": ["a", "b"], "minRestHours": 1}, "/minRestHours",
     'rules out two shifts in a row, which roleOrder "staggered" is about'),
    ({"roleOrder": "staggered", "roles": ["a", "b"], "maxConsecutive": 1}, "/maxConsecutive",
     'is less than the 2 shifts in a row that "staggered" roles take'),
    ({"roleOrder": "staggered", "roles": ["a", "b"], "shifts": 1001}, "/shifts",
     'roleOrder "staggered" takes at most 1,000 shifts'),
    ({"roleOrder": "staggered", "roles": ["a", "b"],
      "people": [*map(str, range(101))]}, "/people",
     'roleOrder "staggered" takes at most 100 people'),
    ({"avoidPairs": [["alice", "bob"]]}, "/avoidPairs",
     "has no effect without two roles: nobody is on call together"),
    ({"avoidPairs": [["bob", "bob"]], "roles": ["a", "b"]}, "/avoidPairs/0/1",
     "is the same person"),
    ({"fixed": [{"shift": 4, "person": "bob"}]}, "/fixed/0/shift", "is after the last shift, 3"),
    ({"fixed": [{"shift": 1, "person": "bob", "role": "x"}]}, "/fixed/0/role",
     "is not one of roles"),
    ({"fixed": [{"shift": 1, "person": "bob"}, {"shift": 1, "person": "alice"}]}, "/fixed/1",
     "gives a shift away that an earlier one gives to somebody"),
    ({"roles": ["a", "b"], "fixed": [{"shift": 1, "person": "bob"},
                                     {"shift": 1, "person": "bob", "role": "b"}]},
     "/fixed/1/person", "has another role in that shift already"),
    ({"unavailableIcs": {"bob": 1}}, "/unavailableIcs/bob",
     "is not a string: an iCalendar text begins with BEGIN:VCALENDAR"),
    ({"unavailableIcs": {"bob": "é" * 1_048_577}}, "/unavailableIcs/bob",
     "has 2,097,154 bytes, 2 more than the 2,097,152 of a calendar"),
    ({"calendarEvents": "some"}, "/calendarEvents", None),
    ({"minAbsenceHours": -1}, "/minAbsenceHours", None),
    ({"email": {"zoe": "z@x"}}, "/email/zoe", "is not one of people"),
    ({"email": {"bob": 7}}, "/email/bob", "is not an address such as ana@example.org"),
    ({"email": {"bob": "bob"}}, "/email/bob", "is not an address such as ana@example.org"),
    ({"email": 7}, "/email",
     "is not an address such as ana@example.org, nor an object with one by person"),
    ({"email": "b@x.org", "unavailableIcs": {"bob": "", "alice": ""}}, "/email",
     'is of one person: write an object, {"person": "address"}'),
    ({"timezone": "UTC", "shifts": 10_000, "shiftLengthHours": 24 * 365}, "/shifts", None),
    ({"strategy": "round-robin", "shifts": 101, "shiftLengthHours": 8_760}, "/shifts",
     "a rotation that is planned spans at most 100 years"),
    ({"timezone": "UTC", "start": "9999-12-01"}, "/shifts",
     "with timezone, the last handoff must be before December 9999"),
    ({"roles": ["a", "b"], "shifts": 5_001}, "/roles", "shifts times roles is more than 10,000"),
    ({"strategy": "fair", "shifts": 1_001}, "/shifts",
     'strategy "fair" takes at most 1,000 shifts'),
    ({"strategy": "fair", "people": [f"p{i}" for i in range(101)]}, "/people",
     'strategy "fair" takes at most 100 people'),
    ({"timezone": "Mars/Olympus"}, "/timezone", None),
    ({"strategy": "best"}, "/strategy", None),
    ({"minRestHours": -1}, "/minRestHours", None),
    ({"maxConsecutive": 0}, "/maxConsecutive", None),
    ({"maxConsecutive": 1.5}, "/maxConsecutive", None),
    ({"roles": []}, "/roles", None),
    ({"roles": [" "]}, "/roles/0", None),
    ({"avoidPairs": [["alice"]], "roles": ["a", "b"]}, "/avoidPairs/0", None),
    ({"unavailable": [{}]}, "/unavailable/0/person", None),
    ({"unavailable": [absence()] * 10_001}, "/unavailable", None),
    ({"unavailable": {}}, "/unavailable", None),
    ({"weights": []}, "/weights", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    ERRORS,
    ids=[f"{pointer} {detail or ''}"[:60] for _, pointer, detail in ERRORS],
)
def test_an_error_is_named(changes: dict[str, Any], pointer: str, detail: str | None) -> None:
    found = [error for error in errors(**changes) if error.pointer == pointer]
    assert found
    assert detail is None or detail in [error.detail for error in found]


def test_every_error_is_named_at_once() -> None:
    found = errors(
        shifts=0, unavailable=[absence("x"), absence("y")], weights={"bob": 9e9}, roles=["a", "a"]
    )
    assert [error.pointer for error in found] == [
        *("/shifts", "/unavailable/0/person", "/unavailable/1/person", "/weights/bob", "/roles/1"),
    ]


def test_an_item_that_is_wrong_hides_nothing_of_the_others() -> None:
    found = errors(
        roles=["a", "b"],
        unavailable=[{"person": "bob"}, absence("zed", end="2026-06-03"), 7],
        fixed=[{"shift": "x", "person": "bob"}, {"shift": 9, "person": "bob"}],
        avoidPairs=[["alice"], ["bob", "bob"]],
    )
    assert [error.pointer for error in found] == [
        "/unavailable/0/start",
        "/unavailable/0/end",
        "/unavailable/2",
        "/avoidPairs/0",
        "/fixed/0/shift",
        "/unavailable/1/end",
        "/unavailable/1/person",
        "/avoidPairs/1/1",
        "/fixed/1/shift",
    ]


def test_people_who_are_wrong_make_no_other_name_wrong() -> None:
    assert [error.pointer for error in errors(people=[], weights={"zoe": 1})] == ["/people"]


def test_of_many_errors_of_a_kind_the_first_are_named() -> None:
    *named, more = errors(unavailable=[absence("x")] * 21)
    assert [error.pointer for error in named] == [
        f"/unavailable/{index}/person" for index in range(20)
    ]
    assert (more.pointer, more.detail) == (
        "",
        "has more errors: of one kind the first 20 are named",
    )
    assert len(errors(unavailable=[absence("x")] * 20)) == 20


def test_a_local_start_wants_a_zone() -> None:
    [error] = errors(start="2026-06-04T09:00:00")
    assert error.pointer == "/start"
    assert error.detail.startswith("'2026-06-04T09:00:00' has no offset: end it with Z")


def test_a_zone_that_is_wrong_does_not_make_a_local_start_wrong() -> None:
    [error] = errors(start="2026-06-04T09:00:00", timezone="Mars", unavailable=[absence()])
    assert error.pointer == "/timezone"


def test_local_and_other_instants_are_ordered_only_once_they_are_known() -> None:
    mixed = absence(start="2026-06-05T10:00:00+02:00", end="2026-06-05")
    assert request(timezone="Asia/Tokyo", unavailable=[mixed])


# --- what becomes of them -------------------------------------------------------------------


def test_a_request_without_them_is_plain() -> None:
    assert not request().is_heavy
    assert not request(**dict.fromkeys(PLANNING.values())).is_heavy  # null is absent


BY_PERSON = (
    *("weights", "carryOver", "carryOverHolidays", "unavailableIcs", "email", "joins", "leaves"),
    "limits",
)


@pytest.mark.parametrize("field", PLANNING.values())
def test_each_of_them_makes_it_heavy(field: str) -> None:
    values: dict[str, Any] = {
        "timezone": "UTC",
        "strategy": "fair",
        "roles": ["a"],
        "roleOrder": "even",
        "minRestHours": 0,
        "maxConsecutive": 1,
        "handoffTimes": ["09:00"],
        "holidays": "DE",
        "calendarEvents": "busy",
        "minAbsenceHours": 2,
        **{name: {} for name in BY_PERSON},
    }
    assert request(**{field: values.get(field, [])}).is_heavy


def test_the_planning_request() -> None:
    planning, _ = planning_request(
        request(
            start="2026-06-04T09:00:00",
            timezone="Europe/Berlin",
            unavailable=[{**absence(), "reason": "away"}],
            weights={"bob": 0.1},
            carryOver={"alice": 0.5},
            minRestHours=12,
            maxConsecutive=2,
            roles=["a", "b"],
            avoidPairs=[["alice", "bob"]],
            fixed=[{"shift": 2, "person": "bob", "role": "b"}, {"shift": 3, "person": "alice"}],
            strategy="fair",
        )
    )
    assert list(planning.boundaries) == [JUNE_4 + 7 * HOUR + day * DAY for day in range(4)]
    assert planning.absences == [
        Absence("bob", JUNE_4 + DAY - 2 * HOUR, JUNE_4 + 3 * DAY - 2 * HOUR, "away")
    ]
    assert planning.weights == {"bob": Fraction(1, 10)}
    assert planning.carry_over == {"alice": HOUR // 2}
    assert (planning.min_rest_ms, planning.max_consecutive) == (12 * HOUR, 2)
    assert planning.fixed == [FixedShift(1, "bob", 1), FixedShift(2, "alice", 0)]
    assert (planning.roles, planning.avoid_pairs) == (("a", "b"), [("alice", "bob")])
    assert (planning.timezone, planning.strategy) == ("Europe/Berlin", "fair")


def test_the_planning_request_of_one_field() -> None:
    planning, _ = planning_request(request(strategy="round-robin", start="2026-06-04"))
    assert planning.boundaries == range(JUNE_4, JUNE_4 + 3 * DAY + 1, DAY)
    assert (planning.timezone, planning.absences, planning.roles) == ("UTC", [], ())


@pytest.mark.parametrize(
    ("start", "hours"),
    [
        pytest.param("2026-06-04", -2, id="a-date-is-local-midnight"),
        pytest.param("2026-06-04T09:00:00", 7, id="without-an-offset-is-local"),
        pytest.param("2026-06-04T09:00:00Z", 9, id="an-instant-stays"),
    ],
)
def test_starts_with_a_zone(start: str, hours: int) -> None:
    planning, _ = planning_request(request(start=start, timezone="Europe/Berlin"))
    assert planning.boundaries[0] == JUNE_4 + hours * HOUR


CALENDAR = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nSUMMARY:Dentist\n"
    "ATTENDEE;PARTSTAT=DECLINED:mailto:Bob@example.org\n"
    "DTSTART:20260604T090000Z\nDURATION:PT3H\nEND:VEVENT\nEND:VCALENDAR\n"
)


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        pytest.param({}, False, id="shorter-than-four-hours"),
        pytest.param({"minAbsenceHours": 3}, True, id="as-long-as-asked"),
        pytest.param({"minAbsenceHours": 3.5}, False, id="shorter-than-asked"),
        pytest.param({"calendarEvents": "busy"}, True, id="everything-that-is-busy"),
        pytest.param(
            {"calendarEvents": "busy", "email": {"bob": " BOB@example.org"}}, False, id="declined"
        ),
        pytest.param(
            {"calendarEvents": "busy", "email": "bob@example.org"}, False, id="declined-by-the-one"
        ),
        pytest.param(
            {"calendarEvents": "busy", "email": {"alice": "bob@example.org"}}, True, id="of-another"
        ),
    ],
)
def test_what_counts_is_asked_for(fields: dict[str, Any], counts: bool) -> None:
    planning, [told] = planning_request(request(unavailableIcs={"bob": CALENDAR}, **fields))
    start = JUNE_4 + 9 * HOUR
    assert planning.absences == [Absence("bob", start, start + 3 * HOUR, "Dentist")] * counts
    assert (told.absences_in_all, told.not_counted_in_all) == (counts, not counts)


@pytest.mark.anyio
async def test_a_calendar_that_cannot_be_read_is_told_before_anything_is_paid() -> None:
    asked = await service().ask({**SEED, "unavailableIcs": {"bob": "BEGIN:VCALENDAR"}})
    assert asked.status_code == 400
    assert [error["pointer"] for error in asked.json()["errors"]] == ["/unavailableIcs/bob"]


@pytest.mark.anyio
async def test_terms_are_told_for_what_can_be_planned() -> None:
    assert (await service().ask({**SEED, "unavailable": [absence()]})).status_code == 402
