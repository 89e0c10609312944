"""Starts that a clock skips, and months without a start, as callers write them."""

from typing import Any

import pytest

from app.formats.instants import iso
from app.http.validation import validated
from app.products.layered.request import OncallScheduleRequest


def starts(layer: dict[str, Any], zone: str, begin: str, end: str) -> list[str]:
    """When somebody takes over in the window, in UTC."""
    document = {
        "timezone": zone,
        "layers": [{"name": "x", "participants": ["a", "b", "c"], **layer}],
        "from": begin,
        "to": end,
    }
    request = validated(document, OncallScheduleRequest)
    final = request.final_schedule(request.schedule())
    return [iso(segment.start_at)[:16] for segment in final.segments if not segment.starts_before]


@pytest.mark.parametrize(
    ("start", "later"),
    [
        pytest.param("2026-03-29T02:30:00+01:00", "00:30", id="as-programs-write-it"),
        pytest.param("2026-03-29T03:30:00+02:00", "01:30", id="what-the-clock-shows"),
        pytest.param("2026-03-29T01:30:00Z", "01:30", id="an-instant"),
        pytest.param("2026-03-28T20:30:00-05:00", "01:30", id="elsewhere"),
    ],
)
def test_a_start_in_the_skipped_hour_keeps_the_time_that_was_written(
    start: str, later: str
) -> None:
    window = ("2026-03-29T00:00:00Z", "2026-04-01T00:00:00Z")
    assert starts({"rotation_type": "daily", "start_at": start}, "Europe/Berlin", *window) == [
        "2026-03-29T01:30",
        f"2026-03-30T{later}",
        f"2026-03-31T{later}",
    ]


def test_a_local_start_in_the_skipped_hour_begins_as_the_gap_ends() -> None:
    layer = {"rotation_type": "daily", "start_at": "2026-03-29T02:30"}
    window = ("2026-03-29T00:00:00Z", "2026-04-01T00:00:00Z")
    assert starts(layer, "Europe/Berlin", *window) == [
        *("2026-03-29T01:00", "2026-03-30T00:30", "2026-03-31T00:30"),
    ]


def test_with_a_handoff_time_a_start_after_the_gap_is_that_of_the_day() -> None:
    layer = {
        "rotation_type": "daily",
        "start_at": "2026-03-29T01:00:00Z",
        "handoff_time": "02:30",
    }
    window = ("2026-03-29T00:00:00Z", "2026-03-31T00:00:00Z")
    assert starts(layer, "Europe/Berlin", *window) == ["2026-03-29T01:00", "2026-03-30T00:30"]


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ({}, ["2026-06-01T04:00", "2026-07-01T04:00", "2026-08-01T04:00"]),
        ({"handoff_time": "09:00"}, ["2026-06-01T13:00", "2026-07-01T13:00", "2026-08-01T13:00"]),
    ],
    ids=["midnight", "nine"],
)
def test_months_without_a_start_change_on_the_first(more: dict[str, str], first: list[str]) -> None:
    layer = {"rotation_type": "custom", "interval": {"count": 1, "unit": "months"}, **more}
    window = ("2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z")
    assert starts(layer, "America/New_York", *window) == first
