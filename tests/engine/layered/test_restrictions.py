"""Restrictions as instants: rule 7, and rule 2 where windows meet a clock change."""

import pytest

from app.engine.layered.model import Restriction
from app.engine.layered.restrictions import meets, pattern_of, window_at, windows_between
from app.engine.walltime import clock_of
from tests.support.schedule_documents import at, iso

HOUR = 3_600_000
DAY = 24 * HOUR


def window(start: float, end: float, *days: int) -> Restriction:
    return Restriction(round(start * HOUR), round(end * HOUR), days)


LAID_OUT = [
    ("a plain day", "UTC", [window(9, 17)], ["06-02T09:00", "06-02T17:00"]),
    ("a night belongs to the day it starts on", "UTC", [window(22, 6, 0)],
     ["06-02T22:00", "06-03T06:00"]),
    ("the end of Sunday runs into Monday", "UTC", [window(22, 6, 6)],
     ["06-01T22:00", "06-02T06:00"]),
    ("until 24:00", "UTC", [window(9, 24, 0)], ["06-02T09:00", "06-03T00:00"]),
    ("equal ends are a whole day", "UTC", [window(9, 9, 0)], ["06-02T09:00", "06-03T09:00"]),
    ("touching windows are one", "UTC", [window(9, 12, 0), window(12, 17, 0)],
     ["06-02T09:00", "06-02T17:00"]),
    ("windows over the week's end are one", "UTC", [window(18, 24, 6), window(0, 6, 0)],
     ["06-01T18:00", "06-02T06:00"]),
    ("a weekend that swallows Monday's window", "UTC", [window(18, 17, 6), window(9, 10, 0)],
     ["06-01T18:00", "06-02T17:00"]),
    ("spring takes an hour", "America/New_York", [window(0, 8)], ["03-09T05:00", "03-09T12:00"]),
    ("autumn gives an hour", "America/New_York", [window(0, 8)], ["11-02T04:00", "11-02T13:00"]),
    ("a start in the gap", "America/New_York", [window(2.5, 8)], ["03-09T07:00", "03-09T12:00"]),
    ("an end in the repeated hour is its last pass", "America/New_York", [window(0, 1.5)],
     ["11-02T04:00", "11-02T06:30"]),
    ("two windows in the repeated hour meet", "America/New_York",
     [window(0, 1.25), window(1.5, 8)], ["11-02T04:00", "11-02T13:00"]),
    ("a midnight that was skipped", "America/Santiago", [window(0, 8)],
     ["09-07T04:00", "09-07T11:00"]),
    ("a half-hour change", "Australia/Lord_Howe", [window(0, 8)], ["10-04T13:30", "10-04T21:00"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "restrictions", "expected"),
    [row[1:] for row in LAID_OUT],
    ids=[row[0] for row in LAID_OUT],
)
def test_windows_are_laid_out(
    zone: str, restrictions: list[Restriction], expected: list[str]
) -> None:
    pattern, clock = pattern_of(restrictions), clock_of(zone)
    assert pattern is not None
    opens, closes = (at(f"2025-{text}+00:00") for text in expected)
    laid_out = windows_between(pattern, clock, opens, closes)
    met = [(iso(start), iso(end)) for start, end in laid_out if start < closes and opens < end]
    assert met == [(iso(opens), iso(closes))]
    assert window_at(pattern, clock, opens) == (opens, closes, True)
    assert window_at(pattern, clock, closes - 1) == (opens, closes, True)
    assert not window_at(pattern, clock, opens - 1)[2]
    assert not window_at(pattern, clock, closes)[2]


@pytest.mark.parametrize(
    "zone_and_midnight",
    [
        ("America/Santiago", "2025-09-07T04:00+00:00"),
        ("America/Havana", "2025-03-09T05:00+00:00"),
        ("Africa/Cairo", "2025-04-24T22:00+00:00"),
        ("Asia/Beirut", "2025-03-29T22:00+00:00"),
        ("Pacific/Apia", "2011-12-30T10:00+00:00"),
        ("America/Havana", "2025-11-02T05:00+00:00"),
    ],
    ids=lambda pair: f"{pair[0]} {pair[1]}",
)
def test_windows_that_touch_at_a_changed_midnight_leave_no_gap(
    zone_and_midnight: tuple[str, str],
) -> None:
    zone, midnight = zone_and_midnight
    pattern = pattern_of([window(12, 24), window(0, 11)])
    assert pattern is not None
    start, end, active = window_at(pattern, clock_of(zone), at(midnight))
    assert active
    assert start < at(midnight) - 9 * HOUR
    assert end > at(midnight) + 9 * HOUR


@pytest.mark.parametrize(
    "restrictions",
    [[], [window(0, 24)], [window(7, 7)], [window(0, 12), window(12, 24)],
     [window(9, 9, *range(7))], [window(18, 6), window(6, 18)]],
    ids=["none", "all day", "round the clock", "two halves", "seven days", "day and night"],
)  # fmt: skip
def test_what_leaves_nothing_out_is_no_pattern(restrictions: list[Restriction]) -> None:
    assert pattern_of(restrictions) is None
    assert windows_between(None, clock_of("UTC"), 5, 9) == [(5, 9)]


def test_a_window_on_a_skipped_day_is_left_out() -> None:
    """2011-12-30 was a Friday, and never was in Apia."""
    pattern, clock = pattern_of([window(9, 17, 4)]), clock_of("Pacific/Apia")
    assert pattern is not None
    around = window_at(pattern, clock, at("2011-12-30T10:00+00:00"))
    assert around == (at("2011-12-23T17:00-10:00"), at("2012-01-06T09:00+14:00"), False)


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [(9, 1, True), (17, 1, False), (8, 1, False), (8, 2, True), (20, 24 * 7, True),
     (24 * 6 + 20, 14, True), (24 * 5, 24, False)],
)  # fmt: skip
def test_meets(start: int, hours: int, expected: bool) -> None:
    pattern = pattern_of([window(9, 17, 0, 1, 2, 3, 4)])
    assert pattern is not None
    monday = 4 * DAY + start * HOUR
    assert meets(pattern, monday, monday + hours * HOUR) is expected
