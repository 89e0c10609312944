"""Scalars for which JSON has no type: instants, names, time zones, weekdays and times of day.

Strategy: one table of parsers. A scalar is a ``str`` or an ``int`` in Python and a string in JSON.
Its error says what would be right.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec import ValidationError, convert

from app.engine.layered.limits import DAY_MS, GROUP, check_instant
from app.engine.layered.parsing import (
    WEEKDAYS,
    weekday_of,
    window_end_of,
    window_start_of,
)
from app.engine.rotation import FIRST_INSTANT_MS, LAST_INSTANT_MS
from app.engine.zone_names import (
    candidates_of,
    is_offset,
    known_names,
    offsets_in_words,
    plain_name,
    zone_of_name,
)
from app.errors import InstantOutOfRange
from app.similar import most_similar

RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d+))?)?([Zz]|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
"""An RFC 3339 instant, whose seconds may be left out; or a date, or a time without an offset."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_NAME = 200
MILLISECOND = timedelta(milliseconds=1)
DATE_LENGTH = 10
USUAL_LENGTH = 20
"""The characters of 2026-06-04T00:00:00Z."""
MAX_ZONE = 100
"""The characters of an unknown zone that are repeated."""
MAX_MEANT = 12
"""The most zones that an ambiguous name is answered with."""
SIMILAR_ZONE = 0.85
"""How like a known name a misspelt one must be; less alike are Riga and Rima."""


class NoOffset(ValueError):
    """A time without an offset, which is an instant only on a clock."""


class LocalText(str):
    """The instant of a local time, as text, with that time in local milliseconds since 1970."""

    __slots__ = ("wall",)
    wall: int


class Instant(int):
    """An instant in milliseconds since 1970-01-01T00:00:00Z, written with a time or as a date.

    ``wall`` is the local time that was written, if that was one that a clock skips or had an offset
    other than ``Z``; here and below.
    """

    wall: int | None = None


class Moment(int):
    """An instant in milliseconds since 1970-01-01T00:00:00Z, in the years of the layered engine.

    A date alone is refused: beside a time zone it is unclear which midnight it means.
    """

    wall: int | None = None


class When(int):
    """A ``Moment`` of a document with a time zone.

    There a local time or a date has been made an instant before it is read
    (``products/local_times.py``).
    """

    wall: int | None = None


class Zone(str):
    """The name of an IANA time zone."""

    __slots__ = ()


WrittenT = TypeVar("WrittenT", Instant, Moment, When)


class Weekday(int):
    """A day of the week, 0 for Monday."""


class WindowStart(int):
    """The start of a daily window, in milliseconds since local midnight, before 24:00."""


class WindowEnd(int):
    """The end of a daily window, in milliseconds since local midnight, 24:00 included."""


class Name(str):
    """A name without white space around it."""

    __slots__ = ()


class Turn:
    """The names of those who have a turn: one, or several of a list.

    It is no dataclass, because msgspec would read one of those from an object.
    """

    __slots__ = ("names",)

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Turn) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)


def decoded_scalar(kind: type, value: object) -> Any:
    """Convert a JSON string to a ``kind``, as msgspec's ``dec_hook``. Raises ``ValueError``."""
    if kind is Turn:
        return turn_of(value)
    if not isinstance(value, str):
        raise ValueError(f"Expected a string, got {_json_name(value)}")  # noqa: TRY004 - msgspec's
    parsed = PARSERS[kind](value)
    return parsed if isinstance(parsed, kind) else kind(parsed)


def scalar_schema(kind: type) -> dict[str, Any]:
    """Return the JSON Schema of a ``kind``, as msgspec's ``schema_hook``."""
    if kind is Turn:
        return dict(TURN_SCHEMA)
    return {"type": "string", **SCHEMAS.get(kind, {})}


def instant_ms(text: str) -> int:
    """Return the instant of an RFC 3339 text in milliseconds; a date is midnight UTC.

    Raises ``ValueError`` with what would be right.
    """
    try:
        ms = milliseconds_of(text)
    except NoOffset as error:
        raise ValueError(f"{error}, or give timezone") from error
    if not FIRST_INSTANT_MS <= ms <= LAST_INSTANT_MS:
        raise ValueError("is outside the years 1970 to 9999")
    return ms


def moment_ms(text: str) -> int:
    """Return the instant of an RFC 3339 text with a time and an offset, in milliseconds.

    Raises ``ValueError`` with what would be right; its cause is ``InstantOutOfRange`` for a year
    that is out of range.
    """
    ms = milliseconds_of(text)
    if len(day := text.strip()) == DATE_LENGTH:
        raise ValueError(
            f"{day!r} has no time of day: write '{day}T00:00:00' and the offset of its place, "
            "such as Z or +01:00"
        )
    try:
        check_instant(ms, text)
    except InstantOutOfRange as error:
        raise ValueError(error.detail) from error
    return ms


def moment_of(text: str) -> Moment:
    """Return the instant of a text, as ``moment_ms`` does, with the local time that was written."""
    return _with_wall(Moment(moment_ms(text)), text)


def when_of(text: str) -> When:
    """Return the instant of a text, as ``moment_of`` does."""
    return _with_wall(When(moment_ms(text)), text)


def instant_of(text: str) -> Instant:
    """Return the instant of a text, as ``instant_ms`` does, with the local time as written."""
    return _with_wall(Instant(instant_ms(text)), text)


def _with_wall(at: WrittenT, text: str) -> WrittenT:
    """Keep the local time of an instant that was one, or whose text ends with an offset."""
    if isinstance(text, LocalText):
        at.wall = text.wall
        return at
    match = RFC_3339.fullmatch(text.strip()) if text[-1:] not in ("Z", "z") else None
    offset = match and match[5]
    if offset and offset not in ("Z", "z"):
        at.wall = at + _offset(offset)
    return at


def milliseconds_of(text: str) -> int:
    """Return the milliseconds since 1970 of a text, in any year.

    Raises ``ValueError`` with what would be right.

    The usual form is read by msgspec, in a third of the time. Every other form, and every error, is
    left to what follows.
    """
    if len(text) == USUAL_LENGTH and text[-1] == "Z":
        try:
            return (convert(text, datetime) - EPOCH) // MILLISECOND
        except ValidationError:
            pass
    match = RFC_3339.fullmatch(text.strip())
    if match is None:
        plus = "+".join(text.strip().rsplit(" ", 1))
        lost = ": write + as %2B in an address" if "T" in text and RFC_3339.fullmatch(plus) else ""
        raise ValueError(f"{text[:40]!r} is not an RFC 3339 instant{lost}")
    day, time, seconds, fraction, offset = match.groups()
    if fraction and fraction[3:].strip("0"):
        raise ValueError(f"is finer than a millisecond: at most three decimals, as .{fraction[:3]}")
    try:
        since = datetime.fromisoformat(f"{day}T{time or '00:00'}:{seconds or '00'}+00:00") - EPOCH
        shift = _offset(offset or "Z")
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} does not exist: {error}") from None
    if time and not offset:
        raise NoOffset(f"{text[:40]!r} has no offset: end it with Z or its offset from UTC")
    return (
        since.days * DAY_MS
        + since.seconds * 1_000
        - shift
        + int((fraction or "0")[:3].ljust(3, "0"))
    )


def trimmed_name(text: str) -> str:
    """Return ``text`` without white space around it. Raises ``ValueError`` for a wrong length."""
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise ValueError(f"has {len(name)} characters after trimming")
    return name


def turn_of(value: object) -> Turn:
    """Return those whom a name or a list of names gives a turn. Raises ``ValueError``."""
    names = value if isinstance(value, list) else [value]
    if not 1 <= len(names) <= GROUP:
        raise ValueError(f"has {len(names)} names: write 1 to {GROUP}, or null for nobody")
    trimmed = [str(decoded_scalar(Name, name)) for name in names]
    if len(set(trimmed)) < len(trimmed):
        raise ValueError("names somebody twice")
    return Turn(trimmed)


def zone_of(text: str) -> str:
    """Return the name of the IANA zone that a text stands for.

    Raises ``ValueError`` that names the zones it may stand for, or what it is like.
    """
    zone = zone_of_name(text)
    if zone is None:
        raise ValueError(f'timezone "{text[:MAX_ZONE]}" {_no_zone(text)}')
    return zone


def _no_zone(text: str) -> str:
    """Return why a text stands for no zone, and what would be right."""
    meant = [f'"{zone}" ({offsets_in_words(zone)})' for zone in candidates_of(text)[:MAX_MEANT]]
    if is_offset(text):
        fixed = f" {meant[0]}, or" if meant else ""
        return f"is an offset, which has no clock changes: write{fixed} the zone of a place"
    if len(meant) == 1:
        return f"is no zone: did you mean {meant[0]}?"
    if meant:
        return f"is ambiguous: write {', '.join(meant[:-1])} or {meant[-1]}"
    nearest = most_similar(plain_name(text), known_names(), at_least=SIMILAR_ZONE)
    if nearest and (zone := zone_of_name(nearest)):
        return f'is unknown: did you mean "{zone}"?'
    if nearest and candidates_of(nearest):
        return _no_zone(nearest)
    return "is unknown: write area and city as IANA does, a city alone, or a name of Windows"


def _offset(text: str) -> int:
    """Return an offset in milliseconds, positive east of UTC."""
    if text in "Zz":
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("an offset is at most 23:59")
    return (hours * 60 + minutes) * (-60_000 if text[0] == "-" else 60_000)


def _json_name(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "null")


PARSERS: Mapping[type, Callable[[str], int | str]] = {
    Instant: instant_of,
    Moment: moment_of,
    When: when_of,
    Name: trimmed_name,
    Zone: zone_of,
    Weekday: weekday_of,
    WindowStart: window_start_of,
    WindowEnd: window_end_of,
}
"""The parser of each scalar. It raises ``ValueError`` with what would be right."""

SCHEMAS: Mapping[type, Mapping[str, Any]] = {
    Moment: {"format": "date-time"},  # an Instant is not: it may be a bare date
    Name: {"pattern": r"\S"},
    Weekday: {"enum": list(WEEKDAYS)},
    WindowStart: {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
    WindowEnd: {"pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"},
}
"""The JSON Schema of each scalar, without its type, which is a string."""

TURN_SCHEMA: Mapping[str, Any] = {
    "type": ["string", "array"],
    "pattern": r"\S",
    "items": {"type": "string", "pattern": r"\S"},
    "minItems": 1,
    "maxItems": GROUP,
    "uniqueItems": True,
}
