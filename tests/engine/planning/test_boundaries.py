"""Boundaries on a wall clock, against an oracle that asks ``zoneinfo`` day by day."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.engine.planning.boundaries import boundaries_of
from app.engine.walltime import clock_of

HOUR, DAY = 3_600_000, 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def oracle(zone: str, first: str, handoff: str, count: int, days: int) -> list[int]:
    """The same time of day every few days; a time that is skipped is when the clock jumps."""
    found = []
    for number in range(count):
        day = date.fromisoformat(first) + timedelta(days=days * number)
        local = datetime.combine(day, time.fromisoformat(handoff), ZoneInfo(zone))
        instant = (local.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)
        if (EPOCH + timedelta(milliseconds=instant)).astimezone(local.tzinfo) != local:
            instant = _jump_before(zone, instant)
        found.append(instant)
    return found


def _jump_before(zone: str, instant: int) -> int:
    """The minute at which the clock jumped, at or before ``instant``: walked to."""

    def offset(ms: int) -> timedelta | None:
        return (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone)).utcoffset()

    minute = instant - instant % 60_000 + 3 * HOUR
    after = offset(minute)
    while offset(minute - 60_000) == after:
        minute -= 60_000
    return minute


@pytest.mark.parametrize("handoff", ["00:00", "01:30", "02:30", "09:00", "23:59"])
@pytest.mark.parametrize(
    "zone", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Santiago"]
)
@pytest.mark.parametrize("days", [1, 7])
def test_handoffs_keep_their_time_across_both_clock_changes(
    zone: str, handoff: str, days: int
) -> None:
    expected = oracle(zone, "2026-01-01", handoff, 366 // days + 1, days)
    found = boundaries_of(clock_of(zone), expected[0], 366 // days, days * DAY)
    assert list(found) == expected
    assert len({end - start for start, end in pairwise(found)}) == 3  # shorter, longer, usual


@pytest.mark.parametrize(
    ("zone", "start", "length", "lengths"),
    [
        pytest.param("Europe/Berlin", "2026-03-28T12:00+01:00", DAY, [23, 24], id="spring"),
        pytest.param("Europe/Berlin", "2026-10-24T12:00+02:00", DAY, [25, 24], id="autumn"),
        pytest.param("Europe/Berlin", "2026-03-28T12:00+01:00", DAY // 2, [12, 12], id="half-days"),
        pytest.param(
            "Europe/Berlin", "2026-03-28T12:00+01:00", 36 * HOUR, [36], id="no-whole-days"
        ),
        pytest.param("Europe/Berlin", "2026-10-25T02:30+01:00", DAY, [24, 24], id="second-pass"),
        pytest.param("Pacific/Apia", "2011-12-29T00:00-10:00", DAY, [24, 24], id="a-day-skipped"),
        pytest.param("Pacific/Apia", "2011-12-29T09:00-10:00", DAY, [15, 9, 24], id="part-of-it"),
        pytest.param("UTC", "2026-03-28T12:00+00:00", DAY, [24, 24], id="utc"),
    ],
)
def test_shifts_around_a_change(zone: str, start: str, length: int, lengths: list[int]) -> None:
    found = boundaries_of(clock_of(zone), at(start), len(lengths), length)
    assert [(end - start) // HOUR for start, end in pairwise(found)] == lengths
    assert found[0] == at(start)


@pytest.mark.parametrize(
    ("zone", "start", "handoffs"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", ["29T01:00", "30T00:30", "31T00:30"]),
        ("America/Santiago", "2026-09-06T00:00", ["06T04:00", "07T03:00", "08T03:00"]),
        ("Europe/Berlin", "2026-10-25T02:30", ["25T00:30", "26T01:30", "27T01:30"]),
        ("Europe/Berlin", "2026-06-01T09:00", ["01T07:00", "02T07:00", "03T07:00"]),
    ],
)
def test_a_start_that_is_skipped_moves_no_later_handoff(
    zone: str, start: str, handoffs: list[str]
) -> None:
    clock, wall = clock_of(zone), at(f"{start}+00:00")
    found = boundaries_of(clock, clock.first_at(wall), 2, DAY, wall)
    assert [(EPOCH + timedelta(milliseconds=ms)).strftime("%dT%H:%M") for ms in found] == handoffs


def test_without_a_zone_it_is_elapsed_time() -> None:
    assert boundaries_of(None, 5, 2, DAY) == range(5, 5 + 2 * DAY + 1, DAY)
