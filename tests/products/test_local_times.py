"""Times as people write them: local times, bare dates, ends, and what was understood of them."""

from typing import Any

import pytest

from app.errors import InvalidRequest
from app.http.validation import validated
from app.products.layered.request import OncallNowRequest, OncallScheduleRequest
from app.products.rotation.request import RotationRequest

SEED: dict[str, Any] = {"start": "2026-06-04T00:00:00Z", "people": ["ana", "ben"], "shifts": 3}
LAYER: dict[str, Any] = {"name": "All", "rotation_type": "daily", "participants": ["ana", "ben"]}
NOW = 1_780_531_200_000
"""2026-06-04T00:00:00Z"""


def absence_of(start: str, end: str, **changes: Any) -> Any:
    """What is understood of an absence: its start and end, in UTC."""
    away = [{"person": "ana", "start": start, "end": end}]
    found = validated({**SEED, "unavailable": away, **changes}, RotationRequest).understood
    [absence] = found.absences
    return absence


@pytest.mark.parametrize(
    ("start", "end", "zone", "expected"),
    [
        pytest.param(
            "2026-12-24", "2026-12-26", "Europe/Berlin",
            ("2026-12-23T23:00:00.000Z", "2026-12-26T23:00:00.000Z"),
            id="three days at Christmas",
        ),
        pytest.param(
            "2026-12-24", "2026-12-24", "Europe/Berlin",
            ("2026-12-23T23:00:00.000Z", "2026-12-24T23:00:00.000Z"),
            id="one day",
        ),
        pytest.param(
            "2026-12-24", "2026-12-24", None,
            ("2026-12-24T00:00:00.000Z", "2026-12-25T00:00:00.000Z"),
            id="one day without a zone is one of UTC",
        ),
        pytest.param(
            "2026-03-29", "2026-03-29", "Europe/Berlin",
            ("2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"),
            id="a day of 23 hours",
        ),
        pytest.param(
            "2026-10-25", "2026-10-25", "Europe/Berlin",
            ("2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"),
            id="a day of 25 hours",
        ),
        pytest.param(
            "2026-10-25T02:30", "2026-10-25T02:30:00", "Europe/Berlin",
            ("2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"),
            id="a repeated time begins at its first pass and ends at its last",
        ),
        pytest.param(
            "2026-03-29T02:30", "2026-03-29 12:00:00.5", "Europe/Berlin",
            ("2026-03-29T01:00:00.000Z", "2026-03-29T10:00:00.500Z"),
            id="a skipped time is the end of the gap",
        ),
        pytest.param(
            "2026-07-01T09:00", "2026-07-01T12:00-05:00", "America/New_York",
            ("2026-07-01T13:00:00.000Z", "2026-07-01T17:00:00.000Z"),
            id="local, and an instant without seconds",
        ),
        pytest.param(
            "2026-12-31", "9999-12-31", "America/New_York",
            ("2026-12-31T05:00:00.000Z", "9999-12-31T23:59:59.999Z"),
            id="until the end of all times",
        ),
    ],
)  # fmt: skip
def test_an_absence(start: str, end: str, zone: str | None, expected: tuple[str, str]) -> None:
    found = absence_of(start, end, timezone=zone)
    assert (found.start, found.end) == expected


def test_an_absence_has_local_times_with_a_zone_alone() -> None:
    found = absence_of("2026-12-24", "2026-12-26", timezone="Europe/Berlin")
    assert (found.person, found.start_local, found.end_local) == (
        "ana", "2026-12-24T00:00:00.000+01:00", "2026-12-27T00:00:00.000+01:00",
    )  # fmt: skip
    assert not absence_of("2026-12-24", "2026-12-26").start_local


def test_what_is_understood_of_a_rotation() -> None:
    away = [{"person": "ana", "start": "2026-07-01", "end": "2026-07-02"}] * 101
    document = {**SEED, "start": "2026-03-28", "timezone": "Europe/Berlin", "unavailable": away}
    found = validated(document, RotationRequest).understood
    assert (found.timezone, found.shifts) == ("Europe/Berlin", 3)
    assert (found.start, found.end) == ("2026-03-27T23:00:00.000Z", "2026-03-30T22:00:00.000Z")
    assert (found.start_local, found.end_local) == (
        "2026-03-28T00:00:00.000+01:00", "2026-03-31T00:00:00.000+02:00",
    )  # fmt: skip
    assert (len(found.absences), found.absences_left_out) == (100, 1)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("2026-06-31", "does not exist: day is out of range"),
        ("2026-06-04T25:00", "does not exist: hour must be in 0..23"),
        ("2026-06-04T09:00:00.0001", "is finer than a millisecond"),
        ("tomorrow", "is not an RFC 3339 instant"),
    ],
)
def test_what_is_no_time_is_told(text: str, detail: str) -> None:
    with pytest.raises(InvalidRequest, match=detail):
        validated({**SEED, "start": text, "timezone": "Europe/Berlin"}, RotationRequest)


@pytest.mark.parametrize("zone", ["Mars", 7])
def test_a_zone_that_is_wrong_makes_no_time_wrong(zone: Any) -> None:
    document = {
        "timezone": zone,
        "layers": [{**LAYER, "start_at": "2026-01-01"}],
        "overrides": [{"user_id": "x", "start_at": "2026-06-04T09:00", "end_at": "2026-06-04"}],
        "to": "2026-06-05",
    }
    with pytest.raises(InvalidRequest) as caught:
        validated(document, OncallScheduleRequest, NOW)
    assert [error.pointer for error in caught.value.errors] == ["/timezone"]


def test_times_are_local_wherever_a_schedule_has_some() -> None:
    cover = {"user_id": "x", "start_at": "2026-06-05", "end_at": "2026-06-05"}
    entry = {"user_id": "y", "start": "2026-06-06T09:00", "end": "2026-06-06T17:00"}
    swap = {"swap_with_user_id": "ana", "start": "2026-06-07", "end": "2026-06-07"}
    document = {
        "timezone": "America/New_York",
        "layers": [{**LAYER, "start_at": "2026-01-01"}, 7],
        "overrides": [cover],
        "entries": [entry],
        "swaps": [swap],
        "from": "2026-06-04",
        "to": "2026-06-30",
    }
    given = {**document, "layers": document["layers"][:1]}
    local = validated(given, OncallScheduleRequest)
    plain = validated(
        {
            **document,
            "layers": [{**LAYER, "start_at": "2026-01-01T05:00:00Z"}],
            "overrides": [
                {
                    **cover,
                    "start_at": "2026-06-05T04:00:00Z",
                    "end_at": "2026-06-06T04:00:00Z",
                }
            ],
            "entries": [{**entry, "start": "2026-06-06T13:00:00Z", "end": "2026-06-06T21:00:00Z"}],
            "swaps": [{**swap, "start": "2026-06-07T04:00:00Z", "end": "2026-06-08T04:00:00Z"}],
            "from": "2026-06-04T04:00:00Z",
            "to": "2026-07-01T04:00:00Z",
        },
        OncallScheduleRequest,
    )
    assert local == plain
    assert local.understood.to_local == "2026-07-01T00:00:00.000-04:00"
    with pytest.raises(InvalidRequest, match="/layers/1"):
        validated(document, OncallScheduleRequest)


def test_a_window_and_an_instant_are_from_now_on_where_none_is_given() -> None:
    schedule = {"timezone": "Asia/Kathmandu", "layers": [LAYER]}
    window = validated({**schedule, "to": "2026-06-05"}, OncallScheduleRequest, NOW)
    assert window.understood.from_at == "2026-06-04T00:00:00.000Z"
    assert window.understood.from_local == "2026-06-04T05:45:00.000+05:45"
    assert window.window == (NOW, NOW + (18 * 60 + 15 + 24 * 60) * 60_000)
    instant = validated({**schedule, "at": None}, OncallNowRequest, NOW)
    assert instant.understood.at_local == "2026-06-04T05:45:00.000+05:45"
    for kind in (OncallNowRequest, OncallScheduleRequest):
        assert kind.depends_on_now({**schedule})
        assert not kind.depends_on_now([])
    with pytest.raises(InvalidRequest, match="/at: is required"):
        validated(schedule, OncallNowRequest)
