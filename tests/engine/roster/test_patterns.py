"""Patterns unfold by the wall clock, on the days of a clock change too."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.roster.patterns import Pattern, slot_count, unfolded, weekday_of
from app.engine.walltime import HOUR, clock_of

ZONE = "Europe/Berlin"
NIGHTS = Pattern(frozenset(range(7)), 17 * HOUR, 9 * HOUR, kind="night")


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def span(first: str, last: str) -> range:
    return range(day(first), day(last) + 1)


def hours(slot: object) -> float:
    return (slot.end_at - slot.start_at) / HOUR  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("first", "lengths"),
    [("2026-10-23", [16, 17, 16]), ("2026-03-27", [16, 15, 16])],
)
def test_a_night_of_a_clock_change_is_longer_or_shorter(first: str, lengths: list[float]) -> None:
    days = range(day(first), day(first) + 3)
    assert [hours(slot) for slot in unfolded([NIGHTS], clock_of(ZONE), days)] == lengths


def test_a_weekend_ends_on_the_next_such_day() -> None:
    weekend = Pattern(frozenset({4}), 17 * HOUR, 9 * HOUR, 0, "weekend", ("senior", None))
    slots = unfolded([weekend], clock_of("UTC"), span("2026-12-01", "2026-12-15"))
    assert [(slot.kind, slot.needs, hours(slot)) for slot in slots] == [
        ("weekend", ("senior", None), 64)
    ] * 2


def test_a_slot_ends_on_its_own_day_of_the_week_if_that_is_later() -> None:
    short = Pattern(frozenset({0}), 9 * HOUR, 17 * HOUR, 0)
    long = Pattern(frozenset({0}), 17 * HOUR, 9 * HOUR, 0)
    slots = unfolded([long, short], clock_of("UTC"), span("2026-12-07", "2026-12-07"))
    assert [hours(slot) for slot in slots] == [8, 160]


def test_a_slot_that_the_clock_skips_is_left_out() -> None:
    skipped = Pattern(frozenset({6}), 2 * HOUR, 2 * HOUR + HOUR // 2)
    days = span("2026-03-22", "2026-04-05")
    slots = unfolded([skipped], clock_of(ZONE), days)
    assert len(slots) == 2
    assert slot_count([skipped], days) == 3


@settings(deadline=None)
@given(
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    length=st.integers(0, 20),
    days=st.sets(st.integers(0, 6)),
    start=st.integers(0, 95),
    end=st.integers(0, 95),
    zone=st.sampled_from([ZONE, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_starts_and_ends_show_the_local_time(
    first: date, length: int, days: set[int], start: int, end: int, zone: str
) -> None:
    quarter = HOUR // 4
    pattern = Pattern(frozenset(days), start * quarter, end * quarter)
    number = (first - date(1970, 1, 1)).days
    slots = unfolded([pattern], clock_of(zone), range(number, number + length))
    expected = [
        (local(at, start, zone), local(at + timedelta(days=end <= start), end, zone))
        for at in (first + timedelta(days=n) for n in range(length))
        if at.weekday() in days
    ]
    expected = [(opens, closes) for opens, closes in expected if opens < closes]
    assert [(slot.start_at, slot.end_at) for slot in slots] == expected
    assert slot_count([pattern], range(number, number + length)) >= len(slots)
    assert weekday_of(number) == first.weekday()


def local(at: date, quarter: int, zone: str) -> int:
    """Return the first instant at which the clock shows a time or has passed it."""
    naive = datetime(at.year, at.month, at.day) + timedelta(minutes=15 * quarter)  # noqa: DTZ001
    aware = naive.replace(tzinfo=ZoneInfo(zone))
    instant = aware.astimezone(UTC)
    if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != naive:  # skipped
        before = aware.replace(fold=1).astimezone(UTC)
        instant = min(instant, before)
        while instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) < naive:
            instant += timedelta(minutes=15)
    return round(instant.timestamp() * 1000)
