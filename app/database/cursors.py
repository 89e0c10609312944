"""Cursors: a place in a list as a short text, from which the list goes on.

A place is the list's name and what the last row before it is ordered by. So it stays where it is,
whatever is deleted or added before it, also if that row itself is deleted. The text is not secret
and not signed: it only says from where to read what its reader may read anyway.
"""

import base64
from typing import NamedTuple

import msgspec

Key = tuple[int | str, ...]
"""What a row is ordered by."""

MAX_CHARACTERS = 500
SMALLEST, LARGEST = -(2**63), 2**63 - 1
"""The numbers of a database."""


class Place(NamedTuple):
    """After the row with a ``key`` in the list of a name."""

    name: str
    key: Key


def cursor_of(place: Place) -> str:
    """Return a place as text."""
    text = msgspec.json.encode((place.name, *place.key))
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def place_at(cursor: str) -> Place:
    """Return the place that a text means. Raises ``ValueError`` for any other text."""
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        found = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True))
    except msgspec.DecodeError as error:
        raise ValueError("is no JSON") from error
    if not isinstance(found, list) or len(found) < 2 or not all(map(_can_be_in, found)):
        raise ValueError("is no place")
    name, *key = found
    return Place(str(name), tuple(key))


def _can_be_in(value: object) -> bool:
    """Return whether a value is one that a database can compare with a row's."""
    if isinstance(value, str):
        return "\0" not in value
    return type(value) is int and SMALLEST <= value <= LARGEST
