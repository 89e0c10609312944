"""Times as people write them, made instants before a document is validated.

Strategy: in a document with a time zone a time without an offset, or a bare date, is local. Each is
replaced by its instant as text, wherever the document's type has an instant, so that types, rules
and engines know instants alone. What is no date or time stays as it is, and validation says why it
is wrong.

Invariants: a date stands for the whole day, so as an end it includes that day. A repeated local
time is its first pass as a start and its last as an end, and a skipped one the first instant after
the gap (rule 2 of ``schedules.md``); a start remembers that it was written as that time.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Struct

from app.engine.rotation import LAST_INSTANT_MS
from app.engine.walltime import DAY, ZoneClock, clock_of
from app.engine.zone_names import zone_of_name
from app.formats.instants import iso
from app.http.scalars import DATE_LENGTH, Instant, LocalText, When, milliseconds_of
from app.http.validation import meta_of, plain_type

LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?", re.ASCII)
"""A date, or a time without an offset."""

FIRST_INSTANT_MS = -62_135_596_800_000
"""0001-01-01T00:00:00Z, the first that can be written."""

ENDS: Mapping[str, bool] = {"ends": True}
"""The ``extra`` of a field's ``Meta`` that says that its instant is an end."""


def with_instants(
    document: Mapping[str, Any], kind: type[Struct], *, needs_zone: bool = False
) -> dict[str, Any]:
    """Return ``document``, a ``kind``, with an instant in place of each local time and date.

    The zone is its ``timezone``; one that is not valid counts as UTC, since the document is wrong
    anyway, and so does none if the document ``needs_zone``. Otherwise without a zone dates are by
    UTC, and times without an offset stay as they are.
    """
    zone = document.get("timezone")
    clock = None if zone is None and not needs_zone else _clock_of(zone)
    return _resolved(document, _fields_of(kind), _InstantTexts(clock))


def _clock_of(zone: object) -> ZoneClock:
    name = zone_of_name(zone) if isinstance(zone, str) else None
    return clock_of(name or "UTC")


class _InstantTexts(dict[tuple[str, bool], str]):
    """The instants, as text, of texts that are starts or ends, on the clock of one document.

    Each is computed once: a document may repeat a few of them thousands of times.
    """

    def __init__(self, clock: ZoneClock | None) -> None:
        super().__init__()
        self._clock = clock

    def __missing__(self, key: tuple[str, bool]) -> str:
        text, is_end = key
        found = self[key] = _instant_text(text, self._clock, is_end=is_end)
        return found


def _resolved(
    document: Mapping[str, Any], fields: "_Fields", texts: _InstantTexts
) -> dict[str, Any]:
    """Return ``document`` with instants, in few calls, because there may be thousands of it."""
    resolved = {**document}
    for name, is_end in fields.times:
        if name in document and document[name].__class__ is str:
            resolved[name] = texts[document[name], is_end]
    resolved.update(_resolved_maps(document, fields, texts))
    for name, part in fields.parts:
        if name in document and document[name].__class__ is dict:
            resolved[name] = _resolved(document[name], part, texts)
    for name, part in fields.lists:
        if name in document and document[name].__class__ is list:
            resolved[name] = [
                _resolved(item, part, texts) if item.__class__ is dict else item
                for item in document[name]
            ]
    return resolved


def _resolved_maps(
    document: Mapping[str, Any], fields: "_Fields", texts: _InstantTexts
) -> Iterator[tuple[str, Any]]:
    """Yield each object of times by name with their instants, unless there are too many."""
    for name, is_end, most in fields.maps:
        by_name = document.get(name)
        if by_name.__class__ is dict and len(by_name) <= most:
            yield (
                name,
                {
                    key: texts[text, is_end] if text.__class__ is str else text
                    for key, text in by_name.items()
                },
            )


def _instant_text(text: str, clock: ZoneClock | None, *, is_end: bool) -> str:
    """Return the instant of a local time or a date as text; any other text as it is."""
    written = text.strip()
    if not LOCAL.fullmatch(written):
        return text
    is_date = len(written) == DATE_LENGTH
    if clock is None and not is_date:
        return text
    try:
        wall = milliseconds_of(f"{written}T00:00Z" if is_date else f"{written}Z")
    except ValueError:
        return text
    clock = clock or clock_of("UTC")
    at = _instant_at(wall, clock, is_date=is_date, is_end=is_end)
    found = iso(min(max(at, FIRST_INSTANT_MS), LAST_INSTANT_MS))
    if is_end or clock.wall(at) == wall:
        return found
    skipped = LocalText(found)  # what is counted from it keeps the time that was asked for
    skipped.wall = wall
    return skipped


def _instant_at(wall: int, clock: ZoneClock, *, is_date: bool, is_end: bool) -> int:
    if not is_end:
        return clock.first_at(wall)
    return clock.first_at(wall + DAY) if is_date else clock.last_at(wall)


class _Fields(NamedTuple):
    """The fields of a type that are or hold instants, by their JSON names.

    Of ``times`` it is said which are ends; ``parts`` are objects and ``lists`` have such. ``maps``
    are objects with times by name, of which there may be only so many.
    """

    times: Sequence[tuple[str, bool]]
    maps: Sequence[tuple[str, bool, int]]
    parts: Sequence[tuple[str, "_Fields"]]
    lists: Sequence[tuple[str, "_Fields"]]


@cache
def _fields_of(kind: type[Struct]) -> _Fields:
    fields = _Fields([], [], [], [])
    for field in msgspec.structs.fields(kind):
        plain, is_end = plain_type(field.type), "ends" in (meta_of(field.type, "extra") or {})
        if plain in (Instant, When):
            fields = fields._replace(times=[*fields.times, (field.encode_name, is_end)])
        elif get_origin(plain) is dict and plain_type(get_args(plain)[1]) is Instant:
            times = (field.encode_name, is_end, meta_of(field.type, "max_length"))
            fields = fields._replace(maps=[*fields.maps, times])
        elif _is_struct(plain):
            fields = fields._replace(parts=[*fields.parts, (field.encode_name, _fields_of(plain))])
        elif get_origin(plain) is list and _is_struct(item := plain_type(get_args(plain)[0])):
            fields = fields._replace(lists=[*fields.lists, (field.encode_name, _fields_of(item))])
    return fields


def _is_struct(plain: Any) -> bool:
    return isinstance(plain, type) and issubclass(plain, Struct)
