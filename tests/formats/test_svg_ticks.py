"""Ticks: where a wall clock shows round times, across clock changes and over 8,000 years."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.walltime import clock_of
from app.formats.svg.ticks import ticks
from tests.support.schedule_documents import PLACES, at, iso

DAY = 86_400_000


def shown(zone: str, start: str, end: str, most: int = 6) -> list[str]:
    return [
        f"{tick.period} {tick.label}".strip()
        for tick in ticks(at(start), at(end), clock_of(zone), most)
    ]


@pytest.mark.parametrize(
    ("zone", "start", "end", "expected"),
    [
        pytest.param(
            "UTC",
            "2026-06-04T00:00:00Z",
            "2026-06-04T00:00:00.003Z",
            ["00:00 00.000", "00:00 00.001", "00:00 00.002", "00:00 00.003"],
            id="milliseconds",
        ),
        pytest.param(
            "UTC",
            "2026-06-04T00:00:50Z",
            "2026-06-04T00:01:11Z",
            [f"Thu 4 Jun 00:{text}" for text in ("00:50", "00:55", "01:00", "01:05", "01:10")],
            id="seconds",
        ),
        pytest.param(
            "Asia/Kathmandu",
            "2026-06-04T00:00:00Z",
            "2026-06-04T02:00:00Z",
            [f"Thu 4 Jun 0{text}" for text in ("6:00", "6:30", "7:00", "7:30")],
            id="minutes-of-an-odd-zone",
        ),
        pytest.param(
            "UTC",
            "2026-06-04T01:00:00Z",
            "2026-06-06T00:00:00Z",
            ["Thu 4 Jun 12:00", "Fri 5 Jun 00:00", "Fri 5 Jun 12:00", "Sat 6 Jun 00:00"],
            id="half-days",
        ),
        pytest.param(
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T10:00:00Z",
            [f"Sun 25 Oct {hour}:00" for hour in ("00", "02", "04", "06", "08", "10")],
            id="hours-where-one-is-repeated",
        ),
        pytest.param(
            "America/New_York",
            "2026-03-08T05:00:00Z",
            "2026-03-08T09:30:00Z",
            [f"Sun 8 Mar {hour}:00" for hour in ("00", "01", "03", "04", "05")],
            id="an-hour-that-is-skipped",
        ),
        pytest.param(
            "America/Los_Angeles",
            "2026-10-30T07:00:00Z",
            "2026-11-03T08:00:00Z",
            [f"{day[:3]} 2026 {day[4:]}" for day in ("Oct Fri 30", "Oct Sat 31", "Nov Sun 1")]
            + ["Nov 2026 Mon 2", "Nov 2026 Tue 3"],
            id="days-of-which-one-has-25-hours",
        ),
        pytest.param(
            "UTC",
            "2026-06-01T08:00:00Z",
            "2026-07-01T08:00:00Z",
            ["2026 8 Jun", "2026 15 Jun", "2026 22 Jun", "2026 29 Jun"],
            id="weeks-begin-on-monday",
        ),
        pytest.param(
            "UTC",
            "2025-11-15T00:00:00Z",
            "2026-03-02T00:00:00Z",
            ["2025 Dec", "2026 Jan", "2026 Feb", "2026 Mar"],
            id="months",
        ),
        pytest.param(
            "UTC",
            "2024-01-01T00:00:00Z",
            "2026-06-02T00:00:00Z",
            ["2024 Jan", "2024 Jul", "2025 Jan", "2025 Jul", "2026 Jan"],
            id="half-years",
        ),
        pytest.param(
            "UTC", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z",
            ["2000", "4000", "6000", "8000"], id="all-years",
        ),
    ],
)  # fmt: skip
def test_ticks(zone: str, start: str, end: str, expected: list[str]) -> None:
    assert shown(zone, start, end) == expected


def test_days_are_as_long_as_the_clock_makes_them() -> None:
    found = ticks(
        at("2026-10-30T07:00:00Z"), at("2026-11-03T08:00:00Z"), clock_of("America/Los_Angeles"), 6
    )
    assert [(later.at - tick.at) // 3_600_000 for tick, later in pairwise(found)] == [
        24,
        24,
        25,
        24,
    ]


def test_a_window_within_the_hour_that_is_repeated() -> None:
    found = ticks(
        at("2026-11-01T08:50:00Z"), at("2026-11-01T09:10:00Z"), clock_of("America/Los_Angeles"), 6
    )
    assert [iso(tick.at) for tick in found] == ["2026-11-01T08:50:00Z"]


@given(
    place=st.sampled_from(PLACES),
    shift=st.integers(-3 * DAY, 3 * DAY),
    length=st.integers(1, 4 * DAY) | st.integers(1, 800 * DAY),
    most=st.integers(2, 8),
)
def test_ticks_are_few_within_and_in_order(
    place: tuple[str, int], shift: int, length: int, most: int
) -> None:
    zone, minute = place
    start = minute * 60_000 + shift
    found = ticks(start, start + length, clock_of(zone), most)
    assert len(found) <= most + 2  # a repeated hour has room for one more
    assert all(start <= tick.at <= start + length for tick in found)
    assert all(tick.at < later.at for tick, later in pairwise(found))
