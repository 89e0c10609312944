"""Scalars of the wire that JSON has no type for: instants, names, zones, weekdays, times of day.

Strategy: one table of readers. Each scalar is a ``str`` or ``int`` on our side, a JSON string on
the wire, and says in its error what would be right.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.engine.layered.limits import DAY_MS, check_instant
from app.engine.layered.parsing import (
    WEEKDAYS,
    timezone_of,
    weekday_of,
    window_end_of,
    window_start_of,
)
from app.engine.rotation import FIRST_INSTANT_MS, LAST_INSTANT_MS
from app.errors import InstantOutOfRange

RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})?)?", re.ASCII
)
NO_SECONDS = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ](\d{2}:\d{2})(?:[Zz]|[+-]\d{2}:\d{2})?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_NAME = 200
DATE_LENGTH = 10


class Instant(int):
    """Milliseconds since 1970-01-01T00:00:00Z; a bare date will do."""


class Start(int):
    """As ``Instant``; without an offset it is a ``LocalDate`` or a ``LocalTime``."""


class LocalDate(Start):
    """Milliseconds from 1970-01-01 to midnight of a date, on a clock that was not named."""


class LocalTime(Start):
    """Milliseconds since 1970-01-01T00:00 on a clock that was not named; ``error`` says so."""

    error: str


class Moment(int):
    """Milliseconds since 1970-01-01T00:00:00Z within the years of the layered engine.

    A bare date will not do: beside a time zone nobody knows which midnight it means.
    """


class Zone(str):
    """The name of an IANA time zone."""

    __slots__ = ()


class Weekday(int):
    """0 for Monday."""


class WindowStart(int):
    """Milliseconds since local midnight, before 24:00."""


class WindowEnd(int):
    """Milliseconds since local midnight, 24:00 included."""


class Name(str):
    """A person's name, trimmed."""

    __slots__ = ()


def decoded_scalar(kind: type, value: object) -> Any:
    """msgspec's ``dec_hook``: a JSON string as a ``kind``. Raises ``ValueError``."""
    if not isinstance(value, str):
        raise ValueError(f"Expected a string, got {_json_name(value)}")  # noqa: TRY004 - msgspec's
    read = READERS[kind](value)
    return read if isinstance(read, kind) else kind(read)


def scalar_schema(kind: type) -> dict[str, Any]:
    """msgspec's ``schema_hook``: the JSON Schema of a ``kind``."""
    return {"type": "string", **SCHEMAS.get(kind, {})}


def instant_ms(text: str) -> int:
    """The instant that an RFC 3339 text names, in milliseconds; a bare date is midnight UTC.

    Raises ``ValueError`` with what would be right.
    """
    ms = _milliseconds(text)
    if not FIRST_INSTANT_MS <= ms <= LAST_INSTANT_MS:
        raise ValueError("is outside the years 1970 to 9999")
    return ms


def start_of(text: str) -> Start:
    """The instant that a text names as for ``instant_ms``, or what a wall clock shows then.

    Raises ``ValueError`` with what would be right.
    """
    match = RFC_3339.fullmatch(text.strip())
    timed = match is not None and match[2]
    if match is None or match[4] or not timed:
        at = instant_ms(text)
        return Start(at) if timed else LocalDate(at)
    local = LocalTime(instant_ms(f"{text.strip()}Z"))
    local.error = _without_offset(text)
    return local


def moment_ms(text: str) -> int:
    """The instant that an RFC 3339 text with a time and an offset names, in milliseconds.

    Raises ``ValueError`` with what would be right, because of ``InstantOutOfRange`` if it is that.
    """
    ms = _milliseconds(text)
    if len(day := text.strip()) == DATE_LENGTH:
        raise ValueError(f"{day!r} has no time of day: write '{day}T00:00:00Z' or with an offset")
    try:
        check_instant(ms, text)
    except InstantOutOfRange as error:
        raise ValueError(error.detail) from error
    return ms


def _milliseconds(text: str) -> int:
    match = RFC_3339.fullmatch(text.strip())
    if match is None:
        raise ValueError(_not_an_instant(text))
    day, time, fraction, offset = match.groups()
    if time and not offset:
        raise ValueError(_without_offset(text))
    if fraction and fraction[3:].strip("0"):
        raise ValueError(f"is finer than a millisecond: at most three decimals, as .{fraction[:3]}")
    try:
        since = datetime.fromisoformat(f"{day}T{time or '00:00:00'}+00:00") - EPOCH
        shift = _offset(offset or "Z")
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} does not exist: {error}") from None
    return (
        since.days * DAY_MS
        + since.seconds * 1_000
        - shift
        + int((fraction or "0")[:3].ljust(3, "0"))
    )


def _not_an_instant(text: str) -> str:
    if short := NO_SECONDS.fullmatch(text.strip()):
        return f"{text[:40]!r} has no seconds: write {short[1]}:00"
    return f"{text[:40]!r} is not an RFC 3339 instant"


def _without_offset(text: str) -> str:
    return f"{text[:40]!r} has no offset: end it with Z or an offset such as +02:00"


def trimmed_name(text: str) -> str:
    """``text`` without the white space around it. Raises ``ValueError``."""
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise ValueError(f"has {len(name)} characters after trimming")
    return name


def _offset(text: str) -> int:
    """Milliseconds east of UTC."""
    if text in "Zz":
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("an offset is at most 23:59")
    return (hours * 60 + minutes) * (-60_000 if text[0] == "-" else 60_000)


def _json_name(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "null")


READERS: Mapping[type, Callable[[str], int | str]] = {
    Instant: instant_ms,
    Start: start_of,
    Moment: moment_ms,
    Name: trimmed_name,
    Zone: timezone_of,
    Weekday: weekday_of,
    WindowStart: window_start_of,
    WindowEnd: window_end_of,
}
"""What reads the text of a scalar, or raises ``ValueError`` with what would be right."""

SCHEMAS: Mapping[type, Mapping[str, Any]] = {
    Moment: {"format": "date-time"},  # an Instant is not: it may be a bare date
    Name: {"pattern": r"\S"},
    Weekday: {"enum": list(WEEKDAYS)},
    WindowStart: {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
    WindowEnd: {"pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"},
}
"""What the JSON Schema of a scalar says beside that it is a string."""
