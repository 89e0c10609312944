"""Requests with a schedule: every error with its pointer and words, bounds, and conversion."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.engine.layered.model import Entry, Layer, Override, Restriction
from app.errors import (
    EmptyWindow,
    InstantOutOfRange,
    InvalidFields,
    InvalidRequest,
    TooManyLayers,
    TooManyOverrides,
    TooManyParticipants,
    TooManyRestrictions,
    TooManySwaps,
    TooMuchWork,
    WindowTooLong,
)
from app.http.validation import validated
from app.products.examples import V1_SCHEDULE
from app.products.layered.request import ROTATION, OncallNowRequest, OncallScheduleRequest

HOUR = 3_600_000
T = 1_777_057_200_000  # 2026-04-24T19:00:00Z
LAYER: dict[str, Any] = {"name": "Primary", "rotation_type": "daily", "participants": ["a", "b"]}
COVER = {"user_id": "x", "start_at": "2026-04-24T19:00:00Z", "end_at": "2026-04-24T20:00:00Z"}
ENTRY = {"user_id": "x", "start": "2026-04-24T19:00:00Z", "end": "2026-04-24T20:00:00Z"}
SWAP = {"start": ENTRY["start"], "end": ENTRY["end"], "swap_with_user_id": "b"}
WINDOW = {"from": "2026-04-24T00:00:00Z", "to": "2026-04-25T00:00:00Z"}
POINT = (
    "Wanted: an RFC 3339 instant with Z or an offset, or 2026-04-24T19:00 by the clock of "
    "`timezone`; a date is its midnight; years 2 to 9998."
)
NO_TIME = "'2026-04-25T25:00' does not exist: hour must be in 0..23. " + POINT.replace(
    "its midnight", "the last day"
)


def document(**changes: Any) -> dict[str, Any]:
    return {"timezone": "UTC", "layers": [LAYER], **WINDOW, **changes}


def layered(**changes: Any) -> dict[str, Any]:
    return document(layers=[{**LAYER, **changes}])


def restricted(**changes: Any) -> dict[str, Any]:
    return layered(restrictions=[{"start": "09:00", "end": "17:00", **changes}])


def refusal(value: object) -> InvalidFields:
    with pytest.raises(InvalidFields) as caught:
        validated(value, OncallScheduleRequest)
    return caught.value


def layer_of(**changes: Any) -> Layer:
    return validated(layered(**changes), OncallScheduleRequest).schedule().layers[0]


# --- what is right --------------------------------------------------------------------------


def test_the_v1_pages_schedule() -> None:
    value = {**V1_SCHEDULE, "at": "2026-04-24T19:00:00Z"}
    request = validated(value, OncallNowRequest)
    schedule = request.schedule()
    assert (schedule.timezone, request.at) == ("America/Los_Angeles", T)
    assert schedule.layers == (
        Layer(
            "Weekday business hours",
            ("usr_alice", "usr_bob", "usr_carol"),
            "weeks",
            1,
            1_767_718_800_000,
            9 * HOUR,
            0,
            (Restriction(9 * HOUR, 17 * HOUR, (0, 1, 2, 3, 4)),),
        ),
        Layer("After-hours", ("usr_dave", "usr_eve")),
    )


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        pytest.param({"participants": []}, "participants", (), id="nobody"),
        pytest.param({"participants": [" a ", "a"]}, "participants", ("a", "a"), id="trimmed"),
        pytest.param({"start_at": None}, "start_at", None, id="null-is-absent"),
        pytest.param({"start_at": "1965-04-25T00:00:00Z"}, "start_at", -147_916_800_000, id="1965"),
        pytest.param(
            {"start_at": "2100-03-14T00:00:00Z"}, "start_at", 4_108_665_600_000, id="2100"
        ),
        pytest.param({"handoff_time": "09:30"}, "handoff_time", 9 * HOUR + HOUR // 2, id="time"),
        pytest.param(
            {"rotation_type": "weekly", "handoff_time": "sun 09:00"}, "handoff_day", 6, id="day"
        ),
        pytest.param(
            {"rotation_type": "custom", "interval": {"count": 12.0, "unit": "hours"}},
            "count",
            12,
            id="12.0-is-12",
        ),
        pytest.param(
            {"rotation_type": "custom", "interval": {"count": 2, "unit": "months"}},
            "unit",
            "months",
            id="months",
        ),
        pytest.param({"turns_on": "active"}, "turns_on", "active", id="active"),
        pytest.param({"turns_on": None}, "turns_on", "all", id="null-turns-on"),
        pytest.param({"restrictions": None}, "restrictions", (), id="null-restrictions"),
        pytest.param(
            {"restrictions": [{"start": "22:00", "end": "24:00", "days": ["Fri", "mon", "mon"]}]},
            "restrictions",
            (Restriction(22 * HOUR, 24 * HOUR, (0, 4)),),
            id="days-once-and-in-order",
        ),
        pytest.param(
            {"restrictions": [{"start": "22:00", "end": "06:00", "days": None}]},
            "restrictions",
            (Restriction(22 * HOUR, 6 * HOUR),),
            id="over-midnight-every-day",
        ),
    ],
)
def test_a_layer(changes: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(layer_of(**changes), field) == expected


def rotation(**changes: Any) -> dict[str, Any]:
    """A schedule of one rotation, as v2 shows one."""
    return {"timezone": "UTC", "rotation_type": "daily", **WINDOW, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="of nobody"),
        pytest.param({"participants": ["a", "b"], "handoff_time": "09:00"}, id="of days"),
        pytest.param(
            {
                "rotation_type": "custom",
                "interval": {"count": 2, "unit": "weeks"},
                "participants": ["a"],
                "start_at": "2026-01-05T00:00:00Z",
                "overrides_left_out": 0,
                "layered": False,
                "version": 7,
            },
            id="of an interval, with all that v2 shows",
        ),
    ],
)
def test_one_rotation_is_a_layer(changes: dict[str, Any]) -> None:
    found = validated(rotation(**changes), OncallScheduleRequest)
    fields = {name: item for name, item in changes.items() if name in ROTATION}
    layer = {"participants": [], "rotation_type": "daily", **fields, "name": "rotation"}
    expected = validated(document(layers=[layer]), OncallScheduleRequest)
    assert found.schedule() == expected.schedule()
    assert found.is_heavy == expected.is_heavy


def test_an_override_ends_when_it_was_cancelled() -> None:
    end = {**COVER, "cancelled_at": "2026-04-24T19:30:00Z"}
    never = {**COVER, "cancelled_at": COVER["start_at"]}
    late = {**COVER, "cancelled_at": "2026-04-24T23:00:00Z"}
    found = validated(document(overrides=[end, never, late]), OncallScheduleRequest).schedule()
    assert found.overrides == (
        Override("x", T, T + HOUR // 2, None),
        Override("x", T, T + HOUR, None),
    )


def test_covers() -> None:
    value = document(
        layers=[], overrides=[{**COVER, "reason": "PTO"}, COVER], entries=[ENTRY], swaps=None
    )
    schedule = validated(value, OncallScheduleRequest).schedule()
    assert schedule.overrides == (Override("x", T, T + HOUR, "PTO"), Override("x", T, T + HOUR))
    assert schedule.entries == (Entry("x", T, T + HOUR),)


# --- errors ---------------------------------------------------------------------------------

ERRORS: list[tuple[str, Mapping[str, Any], str, str]] = [
    (
        "neither-layers-nor-a-rotation",
        {"timezone": "UTC", **WINDOW},
        "/layers",
        "is required, or rotation_type and participants",
    ),
    (
        "a-rotation-without-its-type",
        {"timezone": "UTC", "participants": ["a"], **WINDOW},
        "/rotation_type",
        "is required beside participants",
    ),
    (
        "a-rotation-beside-layers",
        document(rotation_type="daily"),
        "/rotation_type",
        "belongs into a layer: leave it out, or leave layers out",
    ),
    (
        "a-rotation-with-a-fault",
        {"timezone": "UTC", "rotation_type": "daily", "handoff_time": "Mon 09:00", **WINDOW},
        "/handoff_time",
        'handoff_time "Mon 09:00": write "09:00"',
    ),
    (
        "overrides-left-out",
        document(overrides_left_out=2),
        "/overrides_left_out",
        "overrides were left out: send all that /api/v1/schedules/{id}/overrides lists",
    ),
    (
        "more-layers-than-v2-shows",
        document(layered=True),
        "/layered",
        "it has more than this layer: send what /api/v1/schedules/{id} answers",
    ),
    (
        "handoff-time-of-a-week",
        layered(rotation_type="weekly", handoff_time="Mon 9:00"),
        "/layers/0/handoff_time",
        'handoff_time "Mon 9:00": write "Mon 09:00"',
    ),
    (
        "handoff-time-of-a-day",
        layered(handoff_time="Mon 09:00"),
        "/layers/0/handoff_time",
        'handoff_time "Mon 09:00": write "09:00"',
    ),
    (
        "handoff-time-empty",
        layered(handoff_time=""),
        "/layers/0/handoff_time",
        'handoff_time "": write "09:00"',
    ),
    (
        "handoff-time-of-custom-weeks",
        layered(
            rotation_type="custom", interval={"count": 2, "unit": "weeks"}, handoff_time="9:00"
        ),
        "/layers/0/handoff_time",
        'handoff_time "9:00": write "Mon 09:00"',
    ),
    (
        "timezone",
        document(timezone="America/Los_Angelos"),
        "/timezone",
        (
            'timezone "America/Los_Angelos" is unknown: did you mean "America/Los_Angeles"? '
            "Wanted: an IANA time zone, or a city or a zone of Windows that is one, in which the "
            "times of day are."
        ),
    ),
    (
        "rotation-type",
        layered(rotation_type="fortnightly"),
        "/layers/0/rotation_type",
        (
            'Invalid enum value \'fortnightly\'. Wanted: "daily", "weekly", or "custom" with an '
            "interval."
        ),
    ),
    (
        "custom-without-interval",
        layered(rotation_type="custom"),
        "/layers/0/interval",
        'interval: write {"count": 2, "unit": "weeks"} or the like',
    ),
    (
        "interval-without-custom",
        layered(interval={"count": 2, "unit": "weeks"}),
        "/layers/0/interval",
        'interval: leave it out, or write rotation_type "custom"',
    ),
    (
        "interval-too-long",
        layered(rotation_type="custom", interval={"count": 521, "unit": "weeks"}),
        "/layers/0/interval/count",
        "count 521: write a whole number of weeks from 1 to 520",
    ),
    (
        "interval-unit",
        layered(rotation_type="custom", interval={"count": 2, "unit": "fortnights"}),
        "/layers/0/interval/unit",
        (
            'Invalid enum value \'fortnights\'. Wanted: "hours" (elapsed time), "days", "weeks" or '
            '"months" (wall clock).'
        ),
    ),
    (
        "half-an-interval",
        layered(rotation_type="custom", interval={"count": 1.5, "unit": "weeks"}),
        "/layers/0/interval/count",
        (
            "Expected a number that's a multiple of 1. Wanted: a whole number of units, ten "
            "years at most: 87,600 hours, 3,650 days, 520 weeks or 120 months."
        ),
    ),
    (
        "restriction-start",
        restricted(start="9:00"),
        "/layers/0/restrictions/0/start",
        'start "9:00": write "09:00". Wanted: a time of day such as "09:00", 00:00 to 23:59.',
    ),
    (
        "restriction-end",
        restricted(end="24:30"),
        "/layers/0/restrictions/0/end",
        (
            'end "24:30": write "09:00". Wanted: a time of day such as "17:00", 00:00 to 24:00; '
            "not after start: on the next day."
        ),
    ),
    (
        "restriction-day",
        restricted(days=["mon", "Tuesday"]),
        "/layers/0/restrictions/0/days/1",
        'day "Tuesday": write "tue". Wanted: mon, tue, wed, thu, fri, sat or sun.',
    ),
    (
        "participant",
        layered(participants=["a", ""]),
        "/layers/0/participants/1",
        (
            "has 0 characters after trimming. Wanted: a user id of 1 to 200 characters after "
            "trimming, a list of up to 20 who are on call together, or null for nobody."
        ),
    ),
    (
        "turns-on",
        layered(turns_on="some"),
        "/layers/0/turns_on",
        (
            "Invalid enum value 'some'. Wanted: \"active\": turns pass only in stretches that the "
            'restrictions leave active; "all", the default: always.'
        ),
    ),
    (
        "start-as-a-number",
        layered(start_at=3),
        "/layers/0/start_at",
        f"Expected a string, got a number. {POINT}",
    ),
    (
        "override-ends-before-it-starts",
        document(overrides=[COVER, {**COVER, "end_at": COVER["start_at"]}]),
        "/overrides/1/end_at",
        "is not after start_at: write a later end_at or an earlier start_at",
    ),
    (
        "override-reason",
        document(overrides=[{**COVER, "reason": "x" * 1_001}]),
        "/overrides/0/reason",
        "Expected a string of length <= 1000. Wanted: at most 1,000 characters; given back.",
    ),
    (
        "override-of-nobody-without-a-reason",
        document(overrides=[{**COVER, "user_id": None, "reason": None}]),
        "/overrides/0/reason",
        "is required where user_id is null: say why nobody is on call",
    ),
    (
        "entry-ends-before-it-starts",
        document(entries=[{**ENTRY, "end": "2026-04-24T18:00:00Z"}]),
        "/entries/0/end",
        "is not after start: write a later end or an earlier start",
    ),
    (
        "swap-without-a-partner",
        document(swaps=[{**SWAP, "swap_with_user_id": 3}]),
        "/swaps/0/swap_with_user_id",
        "Expected a string, got a number. Wanted: a user id of 1 to 200 characters after trimming.",
    ),
    ("from-missing", document(**{"from": None}), "/from", "is required"),
    ("a-time-that-is-none", document(to="2026-04-25T25:00"), "/to", NO_TIME),
]


@pytest.mark.parametrize(
    ("value", "pointer", "detail"),
    [pytest.param(value, pointer, detail, id=name) for name, value, pointer, detail in ERRORS],
)
def test_one_error(value: object, pointer: str, detail: str) -> None:
    error = refusal(value)
    assert type(error) is InvalidRequest
    assert [(found.pointer, found.detail) for found in error.errors] == [(pointer, detail)]


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        pytest.param(
            {},
            ["/timezone", "/to", "/from", "/layers"],
            id="nothing-given",
        ),
        pytest.param(
            {
                "timezone": "Mars",
                "layers": [
                    {"rotation_type": "weekly", "handoff_time": "Mon 9:00", "participants": "a"},
                    {
                        **LAYER,
                        "rotation_type": "x",
                        "handoff_time": "Mon 9:00",
                        "restrictions": [{"start": "9", "end": "5", "days": ["x"]}],
                    },
                    {**LAYER, "interval": {"count": 0, "unit": "eons"}, "handoff_time": "9"},
                ],
                "overrides": [{**COVER, "end_at": "2020-01-01T00:00:00Z"}],
                "entries": [{**ENTRY, "end": "2020-01-01T00:00:00Z"}],
                "swaps": [{**SWAP, "end": "2020-01-01T00:00:00Z"}],
                "from": "2026-01-02T00:00:00Z",
                "to": "2026-01-01T00:00:00Z",
            },
            [
                "/timezone",
                "/layers/0/name",
                "/layers/0/participants",
                "/layers/0/handoff_time",
                "/layers/1/rotation_type",
                "/layers/1/restrictions/0/start",
                "/layers/1/restrictions/0/end",
                "/layers/1/restrictions/0/days/0",
                "/layers/1/handoff_time",
                "/layers/2/interval/count",
                "/layers/2/interval/unit",
                "/layers/2/handoff_time",
                "/overrides/0/end_at",
                "/entries/0/end",
                "/swaps/0/end",
                "/to",
            ],
            id="everything-wrong",
        ),
        pytest.param(
            layered(
                rotation_type="custom",
                interval={"count": 999_999, "unit": "days"},
                handoff_time="9:00",
            ),
            ["/layers/0/interval/count", "/layers/0/handoff_time"],
            id="handoff-time-beside-a-wrong-interval",
        ),
    ],
)
def test_every_error_at_once(value: object, pointers: list[str]) -> None:
    assert [error.pointer for error in refusal(value).errors] == pointers


# --- bounds ---------------------------------------------------------------------------------

TIMES = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(0, 60, 10)]
DENSE = [{"start": time, "end": f"{time[:4]}5"} for time in TIMES[:100]]
TWO_YEARS = {"from": "2026-01-01T00:00:00Z", "to": "2028-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("value", "error", "pointer", "detail"),
    [
        pytest.param(
            document(layers=[LAYER] * 51),
            TooManyLayers,
            "/layers",
            "has 51 items. A schedule has at most 50 layers.",
            id="layers",
        ),
        pytest.param(
            layered(participants=["a"] * 501),
            TooManyParticipants,
            "/layers/0/participants",
            "has 501 items. A layer has at most 500 participants.",
            id="participants",
        ),
        pytest.param(
            layered(restrictions=[*DENSE, DENSE[0]]),
            TooManyRestrictions,
            "/layers/0/restrictions",
            "has 101 items. A layer has at most 100 restrictions.",
            id="restrictions",
        ),
        pytest.param(
            document(overrides=[COVER] * 10_001),
            TooManyOverrides,
            "/overrides",
            "has 10001 items. A request has at most 10,000 overrides, entries and swaps.",
            id="overrides",
        ),
        pytest.param(
            document(overrides=[COVER] * 9_999, entries=[ENTRY] * 2),
            TooManyOverrides,
            "/overrides",
            "A request has at most 10,000 overrides, entries and swaps.",
            id="overrides-and-entries",
        ),
        pytest.param(
            document(swaps=[SWAP] * 101),
            TooManySwaps,
            "/swaps",
            "has 101 items. A request has at most 100 swaps.",
            id="swaps",
        ),
        pytest.param(
            document(to=WINDOW["from"]), EmptyWindow, "/to", EmptyWindow.title, id="empty-window"
        ),
        pytest.param(
            document(to="2028-04-25T00:00:00.001Z", **{"from": "2026-04-25T00:00:00Z"}),
            WindowTooLong,
            "/to",
            WindowTooLong.title,
            id="window",
        ),
        pytest.param(
            document(swaps=[{**SWAP, "end": SWAP["start"]}]),
            EmptyWindow,
            "/swaps/0/end",
            EmptyWindow.title,
            id="empty-swap",
        ),
        pytest.param(
            document(**{"from": "0001-01-01T00:00:00Z"}),
            InstantOutOfRange,
            "/from",
            f"0001-01-01T00:00:00Z is outside the years 2 to 9998. {POINT}",
            id="instant",
        ),
        pytest.param(
            document(layers=[{**LAYER, "restrictions": DENSE}] * 50, **TWO_YEARS),
            TooMuchWork,
            "",
            "takes about 3,723,000 steps, at most 1,000,000: ask for a shorter window or give "
            "fewer restrictions, overrides or swaps",
            id="work",
        ),
    ],
)
def test_bounds(value: object, error: type[InvalidFields], pointer: str, detail: str) -> None:
    refused = refusal(value)
    assert type(refused) is error
    assert [(error.pointer, error.detail) for error in refused.errors] == [(pointer, detail)]


def test_the_largest_document() -> None:
    weekdays = [{**window, "days": ["mon"]} for window in DENSE]
    value = document(
        layers=[{**LAYER, "participants": ["a"] * 500, "restrictions": weekdays}] * 50,
        overrides=[COVER] * 10_000,
        **TWO_YEARS,
    )
    assert validated(value, OncallScheduleRequest).schedule().overrides


def test_the_longest_window() -> None:
    value = document(to="2028-04-25T00:00:00Z", **{"from": "2026-04-25T00:00:00Z"})
    assert validated(value, OncallScheduleRequest)


# --- swaps ----------------------------------------------------------------------------------


def swapped(*swaps: dict[str, str]) -> tuple[Override, ...]:
    value = layered(start_at="2026-04-24T00:00:00Z")  # a on the 24th, b on the 25th
    return validated({**value, "swaps": swaps}, OncallScheduleRequest).schedule().overrides


DAY_SWAP = {
    "start": "2026-04-24T00:00:00Z",
    "end": "2026-04-25T00:00:00Z",
    "swap_with_user_id": "b",
}


def test_a_swap_gives_back_the_next_shift() -> None:
    midnight = T - 19 * HOUR
    assert swapped(DAY_SWAP) == (
        Override("b", midnight, midnight + 24 * HOUR, "swap"),
        Override("a", midnight + 24 * HOUR, midnight + 48 * HOUR, "swap"),
    )


def test_a_swap_with_a_stranger_is_a_plain_hand_over() -> None:
    assert [given.user_id for given in swapped({**DAY_SWAP, "swap_with_user_id": "z"})] == ["z"]


def test_every_swap_of_nothing_is_named() -> None:
    early = {**DAY_SWAP, "start": "2026-04-20T00:00:00Z", "end": "2026-04-21T00:00:00Z"}
    with pytest.raises(InvalidRequest) as caught:
        swapped(early, DAY_SWAP, DAY_SWAP)
    told = "nobody else has any of this stretch: there is nothing to swap"
    assert [(error.pointer, error.detail) for error in caught.value.errors] == [
        ("/swaps/0", told),
        ("/swaps/2", told),
    ]
