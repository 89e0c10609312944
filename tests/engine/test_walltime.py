"""Wall times become instants by rule 2 of ``schedules.md``, in every zone with an odd clock."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import walltime
from app.engine.walltime import ZoneClock, clock_of, zone_names
from tests.support.schedule_documents import at, iso

HOUR = 3_600_000


def wall(text: str) -> int:
    return at(f"{text}+00:00")


ONCE = [
    ("Asia/Kathmandu", "2025-06-01T00:00", "2025-05-31T18:15:00Z"),
    ("Asia/Kolkata", "2025-06-01T00:00", "2025-05-31T18:30:00Z"),
    ("America/New_York", "1850-01-01T00:00", "1850-01-01T04:56:02Z"),
    ("America/New_York", "1965-07-01T00:00", "1965-07-01T04:00:00Z"),
    ("America/New_York", "2100-07-01T00:00", "2100-07-01T04:00:00Z"),
    ("Pacific/Apia", "2011-12-29T23:59", "2011-12-30T09:59:00Z"),
    ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00:00Z"),
]
SKIPPED = [
    ("America/New_York", "2025-03-09T02:30", "2025-03-09T07:00:00Z"),
    ("America/New_York", "1965-04-25T02:30", "1965-04-25T07:00:00Z"),
    ("America/New_York", "2100-03-14T02:00", "2100-03-14T07:00:00Z"),
    ("Europe/London", "2025-03-30T01:30", "2025-03-30T01:00:00Z"),
    ("America/Santiago", "2025-09-07T00:00", "2025-09-07T04:00:00Z"),
    ("America/Havana", "2025-03-09T00:00", "2025-03-09T05:00:00Z"),
    ("Africa/Cairo", "2025-04-25T00:00", "2025-04-24T22:00:00Z"),
    ("Asia/Beirut", "2025-03-30T00:00", "2025-03-29T22:00:00Z"),
    ("Australia/Lord_Howe", "2025-10-05T02:15", "2025-10-04T15:30:00Z"),
    ("Asia/Kathmandu", "1986-01-01T00:10", "1985-12-31T18:30:00Z"),
    ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z"),
]
REPEATED = [
    ("America/New_York", "2025-11-02T01:30", "2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z"),
    ("Europe/London", "2025-10-26T01:30", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"),
    ("America/Santiago", "2025-04-05T23:30", "2025-04-06T02:30:00Z", "2025-04-06T03:30:00Z"),
    ("America/Havana", "2025-11-02T00:30", "2025-11-02T04:30:00Z", "2025-11-02T05:30:00Z"),
    ("Africa/Cairo", "2025-10-30T23:30", "2025-10-30T20:30:00Z", "2025-10-30T21:30:00Z"),
    ("Asia/Beirut", "2025-10-25T23:30", "2025-10-25T20:30:00Z", "2025-10-25T21:30:00Z"),
    ("Australia/Lord_Howe", "2025-04-06T01:45", "2025-04-05T14:45:00Z", "2025-04-05T15:15:00Z"),
    ("America/St_Johns", "2006-10-28T23:30", "2006-10-29T02:00:00Z", "2006-10-29T03:00:00Z"),
]
ZONES = sorted({row[0] for row in ONCE + SKIPPED} | {row[0] for row in REPEATED})


def named(rows: list[tuple[str, ...]]) -> list[str]:
    return [f"{row[0]} {row[1]}" for row in rows]


@pytest.mark.parametrize(("zone", "text", "instant"), ONCE, ids=named(ONCE))
def test_a_plain_wall_time_is_one_instant(zone: str, text: str, instant: str) -> None:
    clock = clock_of(zone)
    assert iso(clock.first_at(wall(text))) == iso(clock.last_at(wall(text))) == instant
    assert clock.wall(at(instant)) == wall(text)


@pytest.mark.parametrize(("zone", "text", "instant"), SKIPPED, ids=named(SKIPPED))
def test_a_skipped_wall_time_is_the_first_instant_after_the_gap(
    zone: str, text: str, instant: str
) -> None:
    clock = clock_of(zone)
    assert iso(clock.first_at(wall(text))) == iso(clock.last_at(wall(text))) == instant
    assert clock.wall(at(instant)) > wall(text) > clock.wall(at(instant) - 1)


@pytest.mark.parametrize(("zone", "text", "first", "last"), REPEATED, ids=named(REPEATED))
def test_a_repeated_wall_time_starts_early_and_ends_late(
    zone: str, text: str, first: str, last: str
) -> None:
    clock = clock_of(zone)
    assert iso(clock.first_at(wall(text))) == first
    assert iso(clock.last_at(wall(text))) == last
    assert clock.wall(at(first)) == clock.wall(at(last)) == wall(text)


@pytest.mark.parametrize("zone", ZONES)
def test_the_search_misses_no_change(zone: str) -> None:
    clock, known = clock_of(zone), ZoneInfo(zone)
    for hour in range(-8 * 8766, 80 * 8766, 5):
        shown = datetime.fromtimestamp(hour * 3600, known).utcoffset() or timedelta()
        assert clock.wall(hour * HOUR) - hour * HOUR == shown // timedelta(milliseconds=1)


def test_changes_are_far_enough_apart_for_the_search() -> None:
    """The closest two changes in the data are seven days apart: Boa_Vista in 2000."""
    clock = clock_of("America/Boa_Vista")
    summer = [
        clock.wall(at(f"2000-10-{day}T12:00:00+00:00")) % (24 * HOUR) for day in ("07", "10", "17")
    ]
    assert summer == [8 * HOUR, 9 * HOUR, 8 * HOUR]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.lists(st.integers(wall("1850-01-01T00:00"), wall("2100-12-31T00:00")), min_size=2),
)
def test_conversions_never_run_backwards(zone: str, walls: list[int]) -> None:
    clock = clock_of(zone)
    for earlier, later in pairwise(sorted(walls)):
        assert clock.first_at(earlier) <= clock.first_at(later)
        assert clock.last_at(earlier) <= clock.last_at(later)
        assert clock.first_at(earlier) <= clock.last_at(earlier)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_the_ends_of_the_calendar_do_not_overflow(text: str) -> None:
    clock = clock_of("Pacific/Apia")
    assert abs(clock.first_at(wall(text)) - wall(text)) < 26 * HOUR
    assert abs(clock.wall(wall(text)) - wall(text)) < 26 * HOUR


def test_a_zone_keeps_a_bounded_number_of_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walltime, "_MAX_TABLES", 2)
    clock = ZoneClock("UTC", ZoneInfo("UTC"))
    for year in range(1980, 2000):
        instant = round(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)
        assert clock.wall(instant) == instant
    assert len(clock._tables) <= 2


@pytest.mark.parametrize("name", ["Europe/Brusels", "../../etc/passwd", "", "+02:00"])
def test_an_unknown_zone(name: str) -> None:
    with pytest.raises(ValueError, match=f'^timezone "{re.escape(name)}" is unknown$'):
        clock_of(name)


def test_zones_are_those_of_the_pinned_data() -> None:
    assert {"America/New_York", "UTC", "Asia/Kathmandu"} <= zone_names()
    assert clock_of("UTC") is clock_of("UTC")
