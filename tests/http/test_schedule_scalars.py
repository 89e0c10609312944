"""Moments, zones, weekdays and times of day: accepted texts, and the errors of all others."""

from typing import Any

import pytest

from app.errors import InstantOutOfRange
from app.http.scalars import (
    PARSERS,
    Moment,
    Weekday,
    WindowEnd,
    WindowStart,
    Zone,
    decoded_scalar,
    moment_ms,
    scalar_schema,
)

APRIL_24_MS = 1_777_057_200_000
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-04-24T19:00:00Z", APRIL_24_MS, id="z"),
        pytest.param("2026-04-24T12:00:00-07:00", APRIL_24_MS, id="offset"),
        pytest.param("2026-04-24T19:00:00.007Z", APRIL_24_MS + 7, id="milliseconds"),
        pytest.param("1969-12-31T23:59:59.999Z", -1, id="before-1970"),
        pytest.param("0002-01-01T00:00:00Z", -62_104_060_800_000, id="first"),
        pytest.param("9998-12-31T23:59:59.999Z", 253_370_764_799_999, id="last"),
    ],
)
def test_moments(text: str, expected: int) -> None:
    assert moment_ms(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(
            "2026-04-24",
            "'2026-04-24' has no time of day: write '2026-04-24T00:00:00' and the offset of its "
            "place, such as Z or +01:00",
            id="bare-date",
        ),
        pytest.param(
            "2026-04-24T19:00:00",
            "'2026-04-24T19:00:00' has no offset: end it with Z or its offset from UTC",
            id="no-offset",
        ),
        pytest.param("soon", "'soon' is not an RFC 3339 instant", id="words"),
        pytest.param("so on", "'so on' is not an RFC 3339 instant", id="two-words"),
        pytest.param(
            "2026-04-24T19:00:00 01:00",
            "'2026-04-24T19:00:00 01:00' is not an RFC 3339 instant: write + as %2B in an address",
            id="plus-that-became-a-space",
        ),
        pytest.param(
            "2026-04-31T00:00:00Z",
            "'2026-04-31T00:00:00Z' does not exist: day is out of range for month",
            id="no-such-day",
        ),
    ],
)
def test_no_moments(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        moment_ms(text)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    "text",
    ["0001-12-31T23:59:59.999Z", "0002-01-01T00:00:00+00:01", "9999-01-01T00:00:00Z"],
)
def test_moments_beyond_the_engines_years(text: str) -> None:
    with pytest.raises(ValueError, match="is outside the years 2 to 9998") as caught:
        moment_ms(text)
    assert isinstance(caught.value.__cause__, InstantOutOfRange)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Zone, "America/Los_Angeles", "America/Los_Angeles"),
        (Weekday, "mon", 0),
        (Weekday, "Sun", 6),
        (WindowStart, "00:00", 0),
        (WindowStart, "23:59", 24 * HOUR_MS - 60_000),
        (WindowEnd, "00:00", 0),
        (WindowEnd, "24:00", 24 * HOUR_MS),
    ],
)
def test_others(kind: type, text: str, expected: object) -> None:
    read = decoded_scalar(kind, text)
    assert (read, type(read)) == (expected, kind)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("Europe/Berlín", "Europe/Berlin"),
    ],
)
def test_a_zone_is_given_back_by_its_iana_name(text: str, zone: str) -> None:
    assert decoded_scalar(Zone, text) == zone


UNKNOWN = "is unknown: write area and city as IANA does, a city alone, or a name of Windows"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "x" * 1_000_000, "W. Mars Standard Time"])
def test_what_is_like_no_zone_is_answered_without_one(name: str) -> None:
    with pytest.raises(ValueError, match=f'^timezone "{name[:100]}" {UNKNOWN}$'):
        decoded_scalar(Zone, name)


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        (
            Zone,
            "America/Los_Angelos",
            'timezone "America/Los_Angelos" is unknown: did you mean "America/Los_Angeles"?',
        ),
        (Zone, "Berln", 'timezone "Berln" is unknown: did you mean "Europe/Berlin"?'),
        (
            Zone,
            "Samoaa",
            (
                'timezone "Samoaa" is ambiguous: write "Pacific/Samoa" (UTC-11:00 all year) or '
                '"Pacific/Apia" (UTC+13:00 all year)'
            ),
        ),
        (
            Zone,
            "CEST",
            (
                'timezone "CEST" is no zone: did you mean "Europe/Paris" '
                "(UTC+01:00, in summer +02:00)?"
            ),
        ),
        (
            Zone,
            "IST",
            (
                'timezone "IST" is ambiguous: write "Europe/Dublin" (UTC+00:00, in summer +01:00), '
                '"Asia/Jerusalem" (UTC+02:00, in summer +03:00) or "Asia/Kolkata" '
                "(UTC+05:30 all year)"
            ),
        ),
        (
            Zone,
            "+02:00",
            (
                'timezone "+02:00" is an offset, which has no clock changes: write "Etc/GMT-2" '
                "(UTC+02:00 all year), or the zone of a place"
            ),
        ),
        (
            Zone,
            "UTC+25",
            'timezone "UTC+25" is an offset, which has no clock changes: write the zone of a place',
        ),
        (Weekday, "Monday", 'day "Monday": write "mon"'),
        (WindowStart, "9:00", 'start "9:00": write "09:00"'),
        (WindowStart, "24:00", 'start "24:00": write "09:00"'),
        (WindowEnd, "17.30", 'end "17.30": write "17:30"'),
    ],
)
def test_no_others(kind: type, text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        decoded_scalar(kind, text)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Zone, {"type": "string"}),
        (Moment, {"type": "string", "format": "date-time"}),
        (Weekday, {"type": "string", "enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}),
    ],
)
def test_schemas(kind: type, expected: dict[str, Any]) -> None:
    assert scalar_schema(kind) == expected


def test_every_scalar_is_a_string_on_the_wire() -> None:
    assert {scalar_schema(kind)["type"] for kind in PARSERS} == {"string"}
