"""Documents that cannot be read: every fault with its pointer, and bounds."""

from collections.abc import Iterable
from typing import Any

import pytest

from app.errors import (
    InvalidFields,
    InvalidRequest,
    TooManyLayers,
    TooManyOverrides,
    TooManyParticipants,
    TooManyRestrictions,
    TooMuchWork,
)
from app.formats.instants import iso
from app.moving.comparing import compared
from app.moving.tools import convert, schedule_names, tool_of
from tests.moving.documents import (
    goalert,
    grafana_oncall,
    icalendar,
    opsgenie,
    pagerduty,
    pagerduty_shifts,
    splunk_oncall,
)

READ_MS = 1_767_614_400_000
"""2026-01-05T12:00:00Z"""
LONG_AGO = "0003-01-01T00:00:00Z"


def faults(document: object, **how: str) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        convert(document, READ_MS, **how)
    return {error.pointer: error.detail for error in caught.value.errors}


def lost(document: object) -> dict[str, str]:
    return {each.pointer: each.instead for each in convert(document, READ_MS)[1].lost}


LAYER = pagerduty.layer("ana ben", "2026-01-01T08:00:00Z")
ROTATION = opsgenie.rotation("ana ben", "2026-01-01T08:00:00Z")
RECURRING = grafana_oncall.rolling("ana ben", "2026-01-05T09:00:00", 8, "daily")
SHIFT = splunk_oncall.shift("ana ben", "2026-01-01T14:00:00Z")
TURNS = goalert.rotation("r", "ana ben", "2025-12-01T15:00:00Z")
EVENT = pagerduty_shifts.WEEKLY
INSTANTS = "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"


def pagerduty_of(**more: Any) -> dict[str, Any]:
    return pagerduty.schedule("UTC", {**LAYER, **more})


def opsgenie_of(**more: Any) -> dict[str, Any]:
    return opsgenie.schedule("UTC", {**ROTATION, **more})


def grafana_of(**more: Any) -> dict[str, Any]:
    return grafana_oncall.schedule({**RECURRING, **more})


def splunk_of(**more: Any) -> dict[str, Any]:
    return splunk_oncall.group({**SHIFT, **more})


def goalert_of(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = goalert.schedule(goalert.target("r", *rules))
    return goalert.document(given, {**TURNS, **more})


def shifts_of(**more: Any) -> dict[str, Any]:
    return pagerduty_shifts.schedule({**EVENT, **more})


LAYER_AT = "/schedule/schedule_layers/0"
EVENT_AT = "/schedule/rotations/0/events/0"
TURNS_AT = "/data/rotations/nodes/0"
WRONG = [
    pytest.param(pagerduty_of(start=5), {f"{LAYER_AT}/start"}, id="no text"),
    pytest.param(pagerduty_of(start="soon"), {f"{LAYER_AT}/start"}, id="no instant"),
    pytest.param(pagerduty_of(start="2026-01-01T08:00:00"), {f"{LAYER_AT}/start"}, id="no offset"),
    pytest.param(pagerduty_of(start=None), {f"{LAYER_AT}/start"}, id="no start"),
    pytest.param(pagerduty_of(start=LONG_AGO), {f"{LAYER_AT}/start"}, id="long ago"),
    pytest.param(
        pagerduty_of(rotation_turn_length_seconds=0, users={}, restrictions=[7]),
        {
            f"{LAYER_AT}/rotation_turn_length_seconds",
            f"{LAYER_AT}/users",
            f"{LAYER_AT}/restrictions/0",
        },
        id="several at once",
    ),
    pytest.param(
        pagerduty_of(users=[{"user": {"id": ""}}, {"user": 7}, {"user": {"id": "x" * 201}}]),
        {
            f"{LAYER_AT}/users/0/user/id",
            f"{LAYER_AT}/users/1/user",
            f"{LAYER_AT}/users/1/user/id",
            f"{LAYER_AT}/users/2/user/id",
        },
        id="people",
    ),
    pytest.param(
        pagerduty_of(
            restrictions=[
                {**pagerduty.daily("9", 1), "type": "monthly"},
                {**pagerduty.daily("", 1), "start_time_of_day": None},
            ]
        ),
        {
            f"{LAYER_AT}/restrictions/0/type",
            f"{LAYER_AT}/restrictions/0/start_time_of_day",
            f"{LAYER_AT}/restrictions/1/start_time_of_day",
        },
        id="restrictions",
    ),
    pytest.param(
        {
            **pagerduty_of(),
            "overrides": [
                dict(zip(("start", "end"), INSTANTS, strict=True)) | pagerduty.user("eve")
            ],
        },
        {"/overrides/0/end"},
        id="an override that is empty",
    ),
    pytest.param(pagerduty.schedule("Mars/Base", LAYER), {"/schedule/time_zone"}, id="a zone"),
    pytest.param(
        pagerduty_of() | {"overrides": [{"start": "x", "end": "y", **pagerduty.user("eve")}]},
        {"/overrides/0/start", "/overrides/0/end"},
        id="an override without instants",
    ),
    pytest.param(
        pagerduty.schedule(
            "UTC",
            LAYER,
            final_schedule={
                "rendered_schedule_entries": [
                    dict(zip(("start", "end"), INSTANTS, strict=True)) | pagerduty.user("eve")
                ]
            },
        ),
        {"/schedule/final_schedule/rendered_schedule_entries/0/end"},
        id="what is shown",
    ),
    pytest.param(
        {
            "schedule": opsgenie_of(),
            "timeline": {
                "finalTimeline": {
                    "rotations": [
                        {
                            "periods": [
                                dict(zip(("startDate", "endDate"), INSTANTS, strict=True))
                                | {"recipient": opsgenie.person("eve")}
                            ]
                        }
                    ]
                }
            },
        },
        {"/timeline/finalTimeline/rotations/0/periods/0/endDate"},
        id="opsgenie's timeline",
    ),
    pytest.param(
        grafana_oncall.schedule(
            RECURRING,
            final_shifts=[
                dict(zip(("shift_start", "shift_end"), INSTANTS, strict=True)) | {"user_pk": "ana"}
            ],
        ),
        {"/final_shifts/0/shift_end"},
        id="grafana's final shifts",
    ),
    pytest.param(opsgenie_of(startDate="x"), {"/rotations/0/startDate"}, id="opsgenie's start"),
    pytest.param(opsgenie_of(startDate=LONG_AGO), {"/rotations/0/startDate"}, id="opsgenie's year"),
    pytest.param(opsgenie_of(enabled="yes"), {"/rotations/0/enabled"}, id="no truth"),
    pytest.param(opsgenie_of(type="yearly"), {"/rotations/0/type"}, id="opsgenie's type"),
    pytest.param(
        {"schedule": opsgenie_of(), "overrides": [opsgenie.override("eve", *INSTANTS)]},
        {"/overrides/0/endDate"},
        id="opsgenie's override",
    ),
    pytest.param(grafana_of(start="x"), {"/shifts/0/start"}, id="grafana's start"),
    pytest.param(
        grafana_of(start="2026-13-05T09:00:00"), {"/shifts/0/start"}, id="grafana's month"
    ),
    pytest.param(grafana_of(start="0003-01-01T00:00:00"), {"/shifts/0/start"}, id="grafana's year"),
    pytest.param(
        grafana_of(by_day=["XX"], week_start="XX", rolling_users=[[5]]),
        {"/shifts/0/by_day/0", "/shifts/0/week_start", "/shifts/0/rolling_users/0"},
        id="grafana's words",
    ),
    pytest.param(splunk_of(start=LONG_AGO), {"/shifts/0/start"}, id="splunk's year"),
    pytest.param(splunk_of(start=None), {"/shifts/0/start"}, id="splunk's start"),
    pytest.param(
        splunk_of(periods=[splunk_oncall.now("ana", *INSTANTS)]),
        {"/shifts/0/periods/0/end"},
        id="splunk's periods",
    ),
    pytest.param(
        {
            "rotations": [splunk_of()],
            "overrides": [splunk_oncall.taken("ana", "ben", *INSTANTS)],
        },
        {"/overrides/0/end"},
        id="splunk's override",
    ),
    pytest.param(goalert_of(start=None), {f"{TURNS_AT}/start"}, id="goalert's start"),
    pytest.param(goalert_of(start=LONG_AGO), {f"{TURNS_AT}/start"}, id="goalert's year"),
    pytest.param(goalert_of(activeUserIndex=2), {f"{TURNS_AT}/activeUserIndex"}, id="whose turn"),
    pytest.param(goalert_of(userIDs=[5]), {f"{TURNS_AT}/userIDs"}, id="goalert's ids"),
    pytest.param(
        goalert_of({**goalert.rule(), "weekdayFilter": [1]}),
        {"/data/schedule/targets/0/rules/0/weekdayFilter"},
        id="goalert's days",
    ),
    pytest.param(
        goalert.document(goalert.schedule(goalert.target("r"))),
        {"/data/schedule/targets/0/target/id"},
        id="a rotation that is not there",
    ),
    pytest.param(
        goalert.document(
            goalert.schedule(
                goalert.target("eve", kind="user"),
                temporarySchedules=[
                    dict(zip(("start", "end"), INSTANTS, strict=True))
                    | {"shifts": [goalert.shift("eve", *INSTANTS)]}
                ],
            ),
            userOverrides={"nodes": [goalert.override(*INSTANTS, "ana", "eve")]},
        ),
        {
            "/data/userOverrides/nodes/0/end",
            "/data/schedule/temporarySchedules/0/end",
            "/data/schedule/temporarySchedules/0/shifts/0/end",
        },
        id="goalert's stretches",
    ),
    pytest.param(
        shifts_of(end_time=EVENT["start_time"]), {f"{EVENT_AT}/end_time"}, id="an empty event"
    ),
    pytest.param(shifts_of(recurrence=[]), {f"{EVENT_AT}/recurrence"}, id="no rule"),
    pytest.param(
        shifts_of(recurrence=["RRULE:FREQ=NEVER", "HELLO", 7]),
        {f"{EVENT_AT}/recurrence/{index}" for index in range(3)} | {f"{EVENT_AT}/recurrence"},
        id="rules",
    ),
    pytest.param(
        {
            **pagerduty_shifts.schedule(EVENT),
            "custom_shifts": [
                {
                    **dict(zip(("start_time", "end_time"), INSTANTS, strict=True)),
                    "assignments": [{"member": pagerduty_shifts.members("eve")[0]}],
                }
            ],
            "overrides": [
                {
                    **dict(zip(("start_time", "end_time"), INSTANTS, strict=True)),
                    "rotation_id": "R0",
                    "overridden_member": pagerduty_shifts.members("ana")[0],
                    "overriding_member": pagerduty_shifts.members("eve")[0],
                }
            ],
        },
        {"/custom_shifts/0/end_time", "/overrides/0/end_time"},
        id="stretches of shifts",
    ),
    pytest.param(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n", {""}, id="a calendar"
    ),
]


@pytest.mark.parametrize(("document", "pointers"), WRONG)
def test_faults_are_told_by_pointer(document: object, pointers: Iterable[str]) -> None:
    assert faults(document).keys() == set(pointers)


@pytest.mark.parametrize("wrong", [[], {}, [[]], ["a"], 7])
def test_the_id_of_a_target_is_a_text(wrong: object) -> None:
    given = {"name": "s", "timeZone": "UTC", "targets": [{"target": {"type": "user", "id": wrong}}]}
    where = "/data/schedule/targets/0/target/id"
    assert faults({"data": {"schedule": given}})[where] == "is not a string"


@pytest.mark.parametrize("document", [{}, {"schedule": 5}, "hello", {"rotations": []}, {"data": 1}])
def test_a_document_of_no_known_form_is_told_what_was_expected(document: object) -> None:
    [(pointer, text)] = faults(document, pointer="/document").items()
    assert pointer == "/document"
    for word in ("PagerDuty", "Opsgenie", "Grafana OnCall", "GoAlert", "Splunk", "VCALENDAR"):
        assert word in text


@pytest.mark.parametrize(("tool", "document"), [("icalendar", {}), ("opsgenie", "x")])
def test_a_document_of_another_kind_is_refused(tool: str, document: object) -> None:
    assert faults(document, tool=tool)[""].startswith("is not a")


@pytest.mark.parametrize("tool", ["pagerduty", "opsgenie", "goalert", "splunk-oncall"])
def test_a_named_tool_is_taken_at_its_word(tool: str) -> None:
    """An empty schedule is read as what it is said to be."""
    zone = {"time_zone": "UTC", "timeZone": "UTC"}
    assert convert(zone, READ_MS, tool=tool)[0] == tool


def test_at_most_200_errors_are_told() -> None:
    assert len(faults(pagerduty_of(users=[7] * 500))) == 200


def test_at_most_200_unknown_fields_are_told() -> None:
    document = pagerduty_of() | {f"x{index}": 1 for index in range(500)}
    told = lost(document)
    assert len(told) == 201
    assert told[""] == "they were not used"
    assert len(lost({**opsgenie_of(), "x": [{"y": 1}]})) == 1


BOUNDS = [
    (pagerduty.schedule("UTC", *[LAYER] * 51), TooManyLayers),
    (pagerduty_of(users=[pagerduty.user("ana")] * 501), TooManyParticipants),
    (
        pagerduty_of(
            restrictions=[
                pagerduty.daily(f"{at // 60:02}:{at % 60:02}:00", 1 / 60)
                for at in range(0, 1_200, 5)
            ]
        ),
        TooManyRestrictions,
    ),
    (
        {
            "rotations": [splunk_oncall.group({**SHIFT, "duration": 1})],
            "overrides": [
                splunk_oncall.taken("ana", "eve", "2026-02-01T00:00:00Z", "2027-02-01T00:00:00Z")
            ]
            * 60,
        },
        TooManyOverrides,
    ),
]


@pytest.mark.parametrize(
    ("document", "error"), BOUNDS, ids=lambda case: getattr(case, "__name__", "")
)
def test_bounds_are_those_of_schedules(document: object, error: type[InvalidFields]) -> None:
    with pytest.raises(error):
        convert(document, READ_MS)


def test_more_people_at_once_than_a_layer_has_are_not_compared() -> None:
    final = {
        "rendered_schedule_entries": [
            {
                "start": "2026-02-01T00:00:00Z",
                "end": "2026-02-02T00:00:00Z",
                **pagerduty.user(f"x{index}"),
            }
            for index in range(501)
        ]
    }
    _, conversion = convert(pagerduty.schedule("UTC", LAYER, final_schedule=final), READ_MS)
    with pytest.raises(TooMuchWork):
        compared(conversion)


# --- several schedules ----------------------------------------------------------------------

TWO = {"data": [opsgenie_of(), {**opsgenie_of(), "name": "Other", "id": "s-2"}]}


def test_one_of_several_is_named() -> None:
    assert schedule_names(TWO, "opsgenie") == ["Support", "Other"]
    assert convert(TWO, READ_MS, schedule="Other")[1].name == "Other"
    assert convert(TWO, READ_MS, schedule="s-1")[1].name == "Support"
    groups = {"rotations": [splunk_of(), {**splunk_of(), "label": "Two"}], "overrides": []}
    assert convert(groups, READ_MS, schedule="Two")[1].name == "Two"
    both = {"schedules": [pagerduty_of()["schedule"], {**pagerduty_of()["schedule"], "name": "B"}]}
    assert tool_of(both) == "pagerduty"
    assert convert(both, READ_MS, schedule="B")[1].name == "B"


def test_which_of_several_is_asked() -> None:
    assert faults(TWO) == {"/schedule": "is required: the document has Support, Other"}
    assert faults(TWO, schedule="Othr") == {
        "/schedule": "is not the name of one schedule in the document; did you mean 'Other'?"
    }
    assert faults(TWO, schedule="?") == {
        "/schedule": "is not the name of one schedule in the document"
    }
    many = {"data": [{**opsgenie_of(), "name": f"n{index}"} for index in range(25)]}
    assert faults(many)["/schedule"].endswith("n19 and 5 more")
    assert faults({"data": []}, tool="opsgenie") == {"/data": "has no schedule"}
    assert faults({"data": [7]}, tool="opsgenie").keys() == {"/data/0", "/data"} - {"/data"}


# --- people ---------------------------------------------------------------------------------


def test_ids_are_such_as_are_stored() -> None:
    text = icalendar.calendar(
        *(
            icalendar.event(name, f"202601{day:02}T090000Z", f"202601{day + 1:02}T090000Z", *more)
            for day, (name, more) in enumerate(
                [
                    ("Ana López", ("ATTENDEE;CN=Ana:mailto:ana@example.com",)),
                    ("ana@example.com", ()),
                    ("ana l-pez", ()),
                    ("ana-l-pez", ()),
                    ("???", ()),
                    ("On Call - Ben - Ops", ()),
                    ("", ("ATTENDEE:mailto:cy@example.com",)),
                ],
                10,
            )
        )
    )
    people = convert(text, READ_MS)[1].people
    assert [(person.id, person.name, person.email) for person in people] == [
        ("ana-l-pez-2", "Ana López", "ana@example.com"),
        ("ana", "ana@example.com", ""),
        ("ana-l-pez-3", "ana l-pez", ""),
        ("ana-l-pez", "ana-l-pez", ""),
        ("person", "???", ""),
        ("Ben", "Ben", ""),
        ("cy", "cy@example.com", "cy@example.com"),
    ]


# --- ends -----------------------------------------------------------------------------------


def ends(document: object) -> list[str | None]:
    layers = convert(document, READ_MS)[1].layers
    return [layer.end_at and iso(layer.end_at) for layer in layers]


@pytest.mark.parametrize("end", ["COUNT=999999999", "UNTIL=99991231T235959Z", "UNTIL=99991231"])
def test_an_end_after_all_years_is_the_end_of_these(end: str) -> None:
    event = pagerduty_shifts.event(
        pagerduty_shifts.rotating("ana"),
        *("2026-01-05T14:00:00Z", "2026-01-05T22:00:00Z", f"FREQ=DAILY;{end}"),
    )
    assert ends(pagerduty_shifts.schedule(event)) == ["9998-12-25T05:00:00.000Z"]


@pytest.mark.parametrize("end", ["UNTIL=00010101", "UNTIL=20250101T000000Z"])
def test_a_rule_that_ends_before_its_first_shift_is_left_out(end: str) -> None:
    event = pagerduty_shifts.event(
        pagerduty_shifts.rotating("ana"),
        *("2026-02-05T14:00:00Z", "2026-02-05T22:00:00Z", f"FREQ=DAILY;{end}"),
    )
    assert lost(pagerduty_shifts.schedule(event)) == {EVENT_AT: "it was left out"}


def test_an_end_is_in_utc_whatever_the_clock_of_its_shift() -> None:
    """The last shift that begins by 09:00 UTC is that of the day before, 09:00 in New York."""
    berlin = [
        grafana_oncall.rolling("ana", f"2026-01-05T{hour}:00:00", 1, "daily") for hour in (10, 11)
    ]
    shift = grafana_oncall.rolling(
        *("cy", "2026-01-05T09:00:00", 1, "daily"),
        time_zone="America/New_York",
        level=1,
        until="2026-05-05T09:00:00",
    )
    document = grafana_oncall.schedule(*berlin, shift)
    assert ends(document) == ["2026-05-04T14:00:00.000Z", None, None]
    shift["until"] = "0001-01-01T00:00:00"
    assert lost(document)["/shifts/2/until"] == "it was left out"


def test_a_shift_that_has_begun_by_the_end_and_is_not_over_stays() -> None:
    document = grafana_of(duration=86_400, start="2026-01-01T09:00:00", until="2026-01-05T10:00:00")
    assert ends(document) == ["2026-01-06T08:00:00.000Z"]
    assert lost(document) == {}
