"""What both stored APIs have on the wire: ids, pages, people, feeds, audit.

Field descriptions are rules in words, as everywhere: they stand in the schema and in the errors.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

from app.api.stored.times import utc_text
from app.http.scalars import Name
from app.http.validation import Document
from app.products.layered.layer_fields import Point
from app.storage.audit import Note
from app.storage.feeds import FeedToken
from app.storage.paging import Page, Slice
from app.storage.people import Person, PersonFields

T = TypeVar("T")

NO_MORE = r"(?!\n)"
"""Python's ``$`` matches before a last line feed, too; that of JSON Schema does not."""

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


class PageQuery(Document, frozen=True):
    """Which part of a list, whose order is that of creation."""

    limit: Annotated[int, Meta(ge=1, le=100, description="a whole number from 1 to 100")] = 25
    offset: Annotated[
        int, Meta(ge=0, le=999_999_999, description="how many to pass over, from 0")
    ] = 0

    @property
    def part(self) -> Slice:
        return Slice(self.limit, self.offset)


class SchedulesQuery(PageQuery, frozen=True):
    """A part of the schedules, or of a team's."""

    team_id: TeamId | None = None


class AtQuery(Document, frozen=True):
    """The instant asked about; absent: now."""

    at: Point | None = None


class FeedQuery(Document, frozen=True):
    """A calendar program, which sends no key, sends a token."""

    token: (
        Annotated[str, Meta(max_length=200, description="a feed token, in place of a key")] | None
    ) = None


class One(Struct, Generic[T], frozen=True):
    """One thing."""

    data: T


class Many(Struct, Generic[T], frozen=True):
    """A part of a list: ``total`` things, of which these are ``limit`` after ``offset``."""

    data: Sequence[T]
    total: int
    limit: int
    offset: int


def many(page: Page[Any], part: Slice, items: Sequence[T]) -> Many[T]:
    """``items``, made of the rows of ``page``, as an answer."""
    return Many(items, page.total, part.limit, part.offset)


# --- people ---------------------------------------------------------------------------------


class UserPost(Document, frozen=True):
    """A person who can be on call."""

    name: Title
    email: Annotated[
        str,
        Meta(
            max_length=254,
            pattern=r"^[^@\s]+@[^@\s]+$" + NO_MORE,
            description="an e-mail address of at most 254 characters",
            examples=["marie@example.com"],
        ),
    ]
    id: Id | None = None
    team_ids: (
        Annotated[
            list[TeamId],
            Meta(max_length=100, description="at most 100 teams", examples=[["team_789"]]),
        ]
        | None
    ) = None

    @property
    def fields(self) -> PersonFields:
        return PersonFields(str(self.name), self.email, tuple(map(str, self.team_ids or ())))


class User(Struct, frozen=True):
    """A person who can be on call."""

    id: str
    name: str
    email: str
    team_ids: Sequence[str]
    created_at: Instant
    updated_at: Instant
    version: Version


def user_of(person: Person) -> User:
    """A person on the wire."""
    return User(
        person.id,
        person.name,
        person.email,
        person.fields.team_ids,
        utc_text(person.created_at),
        utc_text(person.updated_at),
        person.version,
    )


# --- feeds ----------------------------------------------------------------------------------


class FeedTokenPost(Document, frozen=True):
    """A secret for a calendar program."""

    name: (
        Annotated[
            Name,
            Meta(
                description="what it is for, 1 to 200 characters",
                examples=["Marie's phone"],
            ),
        ]
        | None
    ) = None


class FeedTokenShown(Struct, frozen=True):
    """A feed token without its secret."""

    id: str
    name: str
    created_at: Instant


class NewFeedToken(Struct, frozen=True):
    """A feed token with its secret, which is shown this once."""

    id: str
    name: str
    created_at: Instant
    token: str
    url: Annotated[str, Meta(description="What a calendar program subscribes to.")]


def feed_token_of(token: FeedToken) -> FeedTokenShown:
    """A feed token on the wire."""
    return FeedTokenShown(token.id, token.name, utc_text(token.created_at))


# --- audit ----------------------------------------------------------------------------------


class ActorShown(Struct, frozen=True):
    """By which key something was done."""

    key_id: str
    key_name: str


class AuditEntry(Struct, frozen=True):
    """One write to a schedule."""

    id: str
    at: Instant
    actor: ActorShown
    action: Annotated[str, Meta(examples=["schedule.updated"])]
    version: Annotated[int, Meta(description="The schedule's version after it.")]
    changes: Annotated[
        Mapping[str, Any], Meta(description="By field, what it was (`from`) and what it is (`to`).")
    ]


def audit_entry_of(note: Note) -> AuditEntry:
    """A note on the wire."""
    return AuditEntry(
        str(note.id),
        utc_text(note.at),
        ActorShown(note.key_id, note.key_name),
        note.action,
        note.version,
        note.changes,
    )
