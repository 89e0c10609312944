"""Instants as text, against ``datetime`` as the oracle."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.formats.instants import DAY_MS, iso, iso_range

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_1_MS = -62_135_596_800_000
YEAR_9999_MS = 253_402_300_799_999
JUNE_4_MS = 1_780_531_200_000
HOUR_MS = 3_600_000


def oracle(instant_ms: int) -> str:
    """Return the text that the standard library writes for the instant."""
    text = (EPOCH + timedelta(milliseconds=instant_ms)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("instant_ms", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00.000Z", id="the-epoch"),
        pytest.param(-1, "1969-12-31T23:59:59.999Z", id="a-millisecond-before-it"),
        pytest.param(JUNE_4_MS, "2026-06-04T00:00:00.000Z", id="the-seed"),
        pytest.param(JUNE_4_MS + 1, "2026-06-04T00:00:00.001Z", id="one-millisecond"),
        pytest.param(JUNE_4_MS + DAY_MS - 1, "2026-06-04T23:59:59.999Z", id="end-of-the-day"),
        pytest.param(951_782_400_000, "2000-02-29T00:00:00.000Z", id="leap-day-of-a-century"),
        pytest.param(4_107_542_400_000, "2100-03-01T00:00:00.000Z", id="no-leap-day-in-2100"),
        pytest.param(YEAR_1_MS, "0001-01-01T00:00:00.000Z", id="first-year-has-four-digits"),
        pytest.param(YEAR_9999_MS, "9999-12-31T23:59:59.999Z", id="last-millisecond"),
    ],
)
def test_iso(instant_ms: int, text: str) -> None:
    assert iso(instant_ms) == text


@given(st.integers(YEAR_1_MS, YEAR_9999_MS))
def test_iso_agrees_with_datetime(instant_ms: int) -> None:
    assert iso(instant_ms) == oracle(instant_ms)


@pytest.mark.parametrize(
    ("step_ms", "count"),
    [
        pytest.param(DAY_MS, 40, id="a-day-the-time-never-changes"),
        pytest.param(12 * HOUR_MS, 41, id="two-a-day-and-one-left-over"),
        pytest.param(36 * HOUR_MS, 7, id="36-hours-repeats-every-two"),
        pytest.param(HOUR_MS // 2, 100, id="48-a-day"),
        pytest.param(HOUR_MS // 2, 47, id="less-than-one-period"),
        pytest.param(HOUR_MS // 2, 48, id="exactly-one-period"),
        pytest.param(HOUR_MS // 2, 49, id="one-more-than-a-period"),
        pytest.param(1, 2_001, id="a-millisecond"),
        pytest.param(25_642_800, 500, id="7.123-hours"),
        pytest.param(DAY_MS + 1, 500, id="a-day-and-a-millisecond"),
        pytest.param(DAY_MS - 1, 500, id="a-millisecond-less-than-a-day"),
        pytest.param(86_399_999_993, 40, id="a-prime-step"),
        pytest.param(365 * DAY_MS, 300, id="a-year"),
    ],
)
@pytest.mark.parametrize(
    "first_ms",
    [
        pytest.param(JUNE_4_MS, id="from-midnight"),
        pytest.param(JUNE_4_MS + 12_345_678, id="from-an-odd-time"),
        pytest.param(-DAY_MS * 200 - 1, id="from-before-1970"),
    ],
)
def test_isos_of_a_step(first_ms: int, step_ms: int, count: int) -> None:
    instants = range(first_ms, first_ms + count * step_ms, step_ms)
    assert iso_range(instants) == [oracle(instant) for instant in instants]


@given(
    first_ms=st.integers(YEAR_1_MS, YEAR_9999_MS),
    step_ms=st.one_of(
        st.integers(1, 366 * DAY_MS),
        st.integers(1, 20).map(lambda n: n * DAY_MS // 4),
        st.integers(1, 48).map(lambda n: n * HOUR_MS // 2),
    ),
    count=st.integers(0, 120),
)
def test_isos_agrees_with_datetime(first_ms: int, step_ms: int, count: int) -> None:
    instants = range(first_ms, min(first_ms + count * step_ms, YEAR_9999_MS + 1), step_ms)
    assert iso_range(instants) == [oracle(instant) for instant in instants]


def test_isos_of_nothing() -> None:
    assert iso_range(range(0)) == []


def test_remembered_dates_are_bounded_and_still_right() -> None:
    days = range(0, 40_000 * DAY_MS, DAY_MS)
    assert iso_range(days) == [oracle(day) for day in days]
