"""Scalars of the wire that JSON has no type for: instants and names.

Each is a ``str`` or ``int`` on our side, a JSON string on the wire, and says in its error what
would be right.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from app.rota.rotation import FIRST_INSTANT_MS, LAST_INSTANT_MS

RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})?)?", re.ASCII
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_NAME = 200


class Instant(int):
    """Milliseconds since 1970-01-01T00:00:00Z."""


class Name(str):
    """A person's name, trimmed."""

    __slots__ = ()


def decoded_scalar(kind: type, value: object) -> Any:
    """msgspec's ``dec_hook``: a JSON string as a ``kind``. Raises ``ValueError``."""
    if not isinstance(value, str):
        raise ValueError(f"Expected a string, got {_json_name(value)}")  # noqa: TRY004 - msgspec's
    return Instant(instant_ms(value)) if kind is Instant else Name(trimmed_name(value))


def scalar_schema(kind: type) -> dict[str, Any]:
    """msgspec's ``schema_hook``: the JSON Schema of a ``kind``."""
    if kind is Instant:
        return {"type": "string"}  # not ``date-time``: a bare date is welcome too
    return {"type": "string", "pattern": r"\S"}


def instant_ms(text: str) -> int:
    """The instant that an RFC 3339 text names, in milliseconds; a bare date is midnight UTC.

    Raises ``ValueError`` with what would be right.
    """
    match = RFC_3339.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not an RFC 3339 instant")
    day, time, fraction, offset = match.groups()
    if time and not offset:
        raise ValueError(f"{text[:40]!r} has no offset: end it with Z or an offset such as +02:00")
    if fraction and fraction[3:].strip("0"):
        raise ValueError(f"is finer than a millisecond: at most three decimals, as .{fraction[:3]}")
    try:
        local = datetime.fromisoformat(f"{day}T{time or '00:00:00'}").replace(tzinfo=UTC)
        shift = _offset(offset or "Z")
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} does not exist: {error}") from None
    ms = (
        (local - EPOCH) // timedelta(milliseconds=1)
        - shift
        + int((fraction or "0")[:3].ljust(3, "0"))
    )
    if not FIRST_INSTANT_MS <= ms <= LAST_INSTANT_MS:
        raise ValueError("is outside the years 1970 to 9999")
    return ms


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
