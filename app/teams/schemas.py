"""The parts that all stored resources share on the wire: ids, names, pages, envelopes.

Field descriptions state rules in words, as everywhere: they appear in the schema and in errors.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from app.database.cursors import MAX_CHARACTERS, cursor_of, place_at
from app.database.pages import Page, Slice
from app.errors import FieldError, TooMuchWork
from app.http.scalars import Name
from app.http.validation import RequestModel
from app.products.layered.layer_fields import Point

T = TypeVar("T")

NO_MORE = r"(?!\n)"
"""Python's ``$`` also matches before a last line feed; that of JSON Schema does not."""

ANSWER_BYTES = 16 * 1024 * 1024
READ_ONLY = ("id", "version", "created_at", "updated_at")

Id = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$" + NO_MORE,
        description="an id of 1 to 64 letters, digits, and _ . : - within; absent: one is made",
        examples=["sched_abc123"],
    ),
]
UserId = Annotated[
    Name, Meta(description="the id of a user of the organisation", examples=["user_012"])
]
TeamId = Annotated[
    Name, Meta(description="a team's id of 1 to 200 characters", examples=["team_789"])
]
Title = Annotated[Name, Meta(description="a name of 1 to 200 characters after trimming")]
Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Version = Annotated[int, Meta(description="Raised by every write; the ETag is this in quotes.")]


class PageQuery(RequestModel, frozen=True):
    """The part of a list to return, in the order of creation: after so many, or after a cursor."""

    limit: Annotated[int, Meta(ge=1, le=100, description="a whole number from 1 to 100")] = 25
    offset: Annotated[
        int, Meta(ge=0, le=999_999_999, description="how many to pass over, from 0")
    ] = 0

    cursor: (
        Annotated[
            str,
            Meta(
                max_length=MAX_CHARACTERS,
                description="`next_cursor` of the page before, in place of offset",
            ),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of a cursor."""
        if values.get("cursor") is None:
            return
        if values.get("offset"):
            yield FieldError("/cursor", "goes without offset: it says where the page begins")
        try:
            place_at(values["cursor"])
        except ValueError:
            yield FieldError("/cursor", "is none: send next_cursor as it was given")

    @property
    def part(self) -> Slice:
        """The part as the database takes it."""
        after = None if self.cursor is None else place_at(self.cursor)
        return Slice(self.limit, self.offset, after)


class AtQuery(RequestModel, frozen=True):
    """The instant asked about; absent: now."""

    at: Point | None = None


class DataEnvelope(Struct, Generic[T], frozen=True):
    """An answer with one thing."""

    data: T


class ListEnvelope(Struct, Generic[T], frozen=True):
    """An answer with part of a list: of ``total`` things, up to ``limit`` after ``offset``.

    ``limit`` is smaller than was asked for where the things are too large for one answer.
    ``next_cursor`` is there unless this is the end of the list.
    """

    data: Sequence[T]
    total: int
    limit: int
    offset: int
    next_cursor: str | UnsetType = UNSET


def bounded(answer: bytes) -> bytes:
    """Return ``answer``. Raises ``TooMuchWork`` if it is larger than any answer may be."""
    if len(answer) > ANSWER_BYTES:
        raise TooMuchWork(f"an answer is at most {ANSWER_BYTES:,} bytes: ask for less")
    return answer


def list_envelope(page: Page[Any], items: Sequence[T]) -> ListEnvelope[T]:
    """Return ``items``, made from the rows of ``page``, as an answer."""
    cursor = cursor_of(page.next) if page.next else UNSET
    return ListEnvelope(items, page.total, page.part.limit, page.part.offset, cursor)


def visible_fields(document: Struct) -> dict[str, Any]:
    """Return what callers see of a thing, as JSON types, without null fields."""
    shown: dict[str, Any] = msgspec.to_builtins(document)
    return {name: item for name, item in shown.items() if item is not None}
