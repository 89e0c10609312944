"""Users on the wire."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from app.http.validation import RequestModel
from app.teams.schemas import NO_MORE, Id, Instant, TeamId, Title, Version
from app.teams.times import utc_text
from app.teams.users.store import StoredUser, UserFields


class UserPost(RequestModel, frozen=True):
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
    def fields(self) -> UserFields:
        """The user as it is stored."""
        return UserFields(str(self.name), self.email, tuple(map(str, self.team_ids or ())))


class User(Struct, frozen=True):
    """A person who can be on call."""

    id: str
    name: str
    email: str
    team_ids: Sequence[str]
    created_at: Instant
    updated_at: Instant
    version: Version


def user_of(user: StoredUser) -> User:
    """Return a user as it is on the wire."""
    return User(
        user.id,
        user.name,
        user.email,
        user.fields.team_ids,
        utc_text(user.created_at),
        utc_text(user.updated_at),
        user.version,
    )
