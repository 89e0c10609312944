"""Instants and names: accepted texts, and the errors of all others."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rotation import FIRST_INSTANT_MS, LAST_INSTANT_MS
from app.http.scalars import (
    MAX_NAME,
    Instant,
    Name,
    Turn,
    decoded_scalar,
    instant_ms,
    scalar_schema,
    trimmed_name,
)

JUNE_4_MS = 1_780_531_200_000
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-06-04T00:00:00Z", JUNE_4_MS, id="z"),
        pytest.param("2026-06-04", JUNE_4_MS, id="bare-date-is-midnight-utc"),
        pytest.param("2026-06-04t00:00:00z", JUNE_4_MS, id="lower-case"),
        pytest.param("2026-06-04 00:00:00Z", JUNE_4_MS, id="space-for-t"),
        pytest.param("  2026-06-04T00:00:00Z\n", JUNE_4_MS, id="space-around"),
        pytest.param("2026-06-04T02:00:00+02:00", JUNE_4_MS, id="east"),
        pytest.param("2026-06-03T18:30:00-05:30", JUNE_4_MS, id="west-half-hour"),
        pytest.param("2026-06-04T00:00:00+00:00", JUNE_4_MS, id="plus-zero"),
        pytest.param("2026-06-04T00:00:00-00:00", JUNE_4_MS, id="unknown-local-offset"),
        pytest.param("2026-06-04T23:59:00+23:59", JUNE_4_MS, id="largest-offset"),
        pytest.param("2026-06-04T00:00:00.5Z", JUNE_4_MS + 500, id="one-decimal"),
        pytest.param("2026-06-04T00:00:00.05Z", JUNE_4_MS + 50, id="two-decimals"),
        pytest.param("2026-06-04T00:00:00.123Z", JUNE_4_MS + 123, id="three-decimals"),
        pytest.param("2026-06-04T00:00:00.123000000Z", JUNE_4_MS + 123, id="more-zeros"),
        pytest.param("2024-02-29", 1_709_164_800_000, id="leap-day"),
        pytest.param("1970-01-01", FIRST_INSTANT_MS, id="first-instant"),
        pytest.param("1969-12-31T23:00:00-01:00", FIRST_INSTANT_MS, id="first-by-its-offset"),
        pytest.param("9999-12-31T23:59:59.999Z", LAST_INSTANT_MS, id="last-instant"),
    ],
)
def test_instants(text: str, expected: int) -> None:
    assert instant_ms(text) == expected


NOT_RFC_3339 = "is not an RFC 3339 instant"
NO_OFFSET = "has no offset: end it with Z or its offset from UTC, or give timezone"
TOO_FINE = "is finer than a millisecond: at most three decimals"
NO_SUCH = "does not exist"
OUTSIDE = "is outside the years 1970 to 9999"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", NOT_RFC_3339, id="empty"),
        pytest.param("   ", NOT_RFC_3339, id="blank"),
        pytest.param("tomorrow", NOT_RFC_3339, id="words"),
        pytest.param("1780531200000", NOT_RFC_3339, id="milliseconds"),
        pytest.param("2026-06", NOT_RFC_3339, id="month"),
        pytest.param("20260604", NOT_RFC_3339, id="basic-date"),
        pytest.param("20260604T000000Z", NOT_RFC_3339, id="basic-format"),
        pytest.param("2026-W23-4", NOT_RFC_3339, id="week-date"),
        pytest.param("2026-6-4", NOT_RFC_3339, id="no-leading-zeros"),
        pytest.param("+02026-06-04", NOT_RFC_3339, id="expanded-year"),
        pytest.param("2026-06-04Z", NOT_RFC_3339, id="date-with-z"),
        pytest.param("2026-06-04 09:30", NO_OFFSET, id="neither-seconds-nor-offset"),
        pytest.param("2026-06-04T09:30.5Z", NOT_RFC_3339, id="decimals-of-minutes"),
        pytest.param("2026-06-04T00:00:00.Z", NOT_RFC_3339, id="point-without-decimals"),
        pytest.param("2026-06-04T00:00:00,5Z", NOT_RFC_3339, id="comma"),
        pytest.param("2026-06-04T00:00:00+0200", NOT_RFC_3339, id="offset-without-colon"),
        pytest.param("2026-06-04T00:00:00+02", NOT_RFC_3339, id="offset-of-hours"),
        pytest.param("2026-06-04T00:00:00 Z", NOT_RFC_3339, id="space-before-z"),
        pytest.param("2026-06-04T00:00:00ZZ", NOT_RFC_3339, id="two-zs"),
        pytest.param("2026-06-04T00:00:00Z[UTC]", NOT_RFC_3339, id="zone-in-brackets"),
        pytest.param("2026-06-04T00:00:00\u221202:00", NOT_RFC_3339, id="unicode-minus"),
        pytest.param("\u0662\u0660\u0662\u0666-06-04", NOT_RFC_3339, id="arabic-digits"),
        pytest.param("2026-06-04\x00", NOT_RFC_3339, id="nul"),
        pytest.param("2026-06-04\n2026-06-04", NOT_RFC_3339, id="two-lines"),
        pytest.param("2026-06-04T00:00:00", NO_OFFSET, id="no-offset"),
        pytest.param("2026-06-04T00:00:00.5", NO_OFFSET, id="no-offset-with-decimals"),
        pytest.param("2026-13-45T99:00:00", "does not exist", id="that-it-is-none-is-said-first"),
        pytest.param("2026-06-04T00:00:00.0001Z", f"{TOO_FINE}, as .000", id="four-decimals"),
        pytest.param("2026-06-04T00:00:00.123400Z", f"{TOO_FINE}, as .123", id="microseconds"),
        pytest.param("2026-02-30", NO_SUCH, id="february-30th"),
        pytest.param("2026-02-29", NO_SUCH, id="no-leap-year"),
        pytest.param("2026-13-01", NO_SUCH, id="month-13"),
        pytest.param("2026-00-01", NO_SUCH, id="month-0"),
        pytest.param("0000-01-01", NO_SUCH, id="year-0"),
        pytest.param("2026-06-04T25:00:00Z", NO_SUCH, id="hour-25"),
        pytest.param("2026-06-04T24:00:00Z", NO_SUCH, id="hour-24"),
        pytest.param("2026-06-04T00:60:00Z", NO_SUCH, id="minute-60"),
        pytest.param("2026-06-30T23:59:60Z", NO_SUCH, id="leap-second"),
        pytest.param("2026-06-04T00:00:00+24:00", f"{NO_SUCH}.*23:59", id="offset-of-a-day"),
        pytest.param("2026-06-04T00:00:00-01:60", f"{NO_SUCH}.*23:59", id="offset-minute-60"),
        pytest.param("1969-12-31T23:59:59.999Z", OUTSIDE, id="before-1970"),
        pytest.param("1970-01-01T00:00:00+00:01", OUTSIDE, id="before-1970-by-its-offset"),
        pytest.param("9999-12-31T23:59:59.999-00:01", OUTSIDE, id="after-9999-by-its-offset"),
        pytest.param("0001-01-01T00:00:00+23:59", OUTSIDE, id="before-year-1"),
    ],
)
def test_refused_instants(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        instant_ms(text)


def test_a_refusal_quotes_at_most_40_characters() -> None:
    with pytest.raises(ValueError, match=r"^'x{40}' is not an RFC 3339 instant$"):
        instant_ms("x" * 1_000_000)


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DATETIMES = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=OFFSETS,
)


@given(DATETIMES)
def test_instants_agree_with_datetime(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert instant_ms(moment.isoformat()) == expected
    assert instant_ms(moment.isoformat(timespec="milliseconds")) == expected


@given(st.text())
def test_any_text_is_an_instant_or_a_value_error(text: str) -> None:
    try:
        found = instant_ms(text)
    except ValueError:
        return
    assert FIRST_INSTANT_MS <= found <= LAST_INSTANT_MS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("alice", "alice", id="as-it-is"),
        pytest.param("  alice\t\n", "alice", id="trimmed"),
        pytest.param("\u00a0\u2003alice\u3000", "alice", id="unicode-space-trimmed"),
        pytest.param("alice b", "alice b", id="inner-space-kept"),
        pytest.param("x" * MAX_NAME, "x" * MAX_NAME, id="200"),
        pytest.param(" " * 500 + "x" * MAX_NAME, "x" * MAX_NAME, id="200-after-trimming"),
        pytest.param("\U0001f600" * MAX_NAME, "\U0001f600" * MAX_NAME, id="200-code-points"),
        pytest.param("=1+1", "=1+1", id="what-a-spreadsheet-would-run"),
        pytest.param("__proto__", "__proto__", id="what-javascript-would-mind"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert trimmed_name(text) == name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "has 0 characters after trimming", id="empty"),
        pytest.param(" \t\u00a0", "has 0 characters after trimming", id="blank"),
        pytest.param("x" * 201, "has 201 characters after trimming", id="201"),
    ],
)
def test_refused_names(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        trimmed_name(text)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param(Instant, "2026-06-04", Instant(JUNE_4_MS), id="instant"),
        pytest.param(Name, " alice ", Name("alice"), id="name"),
    ],
)
def test_decoded(kind: type, value: str, expected: object) -> None:
    decoded = decoded_scalar(kind, value)
    assert decoded == expected
    assert type(decoded) is kind


@pytest.mark.parametrize("kind", [Instant, Name])
@pytest.mark.parametrize(
    ("value", "got"),
    [
        pytest.param(True, "a boolean", id="true"),
        pytest.param(0, "a number", id="int"),
        pytest.param(1.5, "a number", id="float"),
        pytest.param([], "an array", id="array"),
        pytest.param({}, "an object", id="object"),
        pytest.param(None, "null", id="null"),
    ],
)
def test_only_strings_are_decoded(kind: type, value: object, got: str) -> None:
    with pytest.raises(ValueError, match=f"^Expected a string, got {got}$"):
        decoded_scalar(kind, value)


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        pytest.param(Instant, {"type": "string"}, id="instant"),
        pytest.param(Name, {"type": "string", "pattern": r"\S"}, id="name"),
    ],
)
def test_schema(kind: type, schema: dict[str, str]) -> None:
    assert scalar_schema(kind) == schema


def test_turns_of_the_same_people_are_equal() -> None:
    assert len({Turn(["ann", "bob"]), Turn(["ann", "bob"]), Turn(["bob", "ann"])}) == 2
