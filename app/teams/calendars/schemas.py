"""Feed tokens on the wire."""

from typing import Annotated

from msgspec import Meta, Struct

from app.http.scalars import Name
from app.http.validation import RequestModel
from app.teams.calendars.store import FeedToken
from app.teams.schemas import Instant
from app.teams.times import utc_text


class FeedQuery(RequestModel, frozen=True):
    """The query of a calendar: programs that cannot send a key send a token."""

    token: (
        Annotated[str, Meta(max_length=200, description="a feed token, in place of a key")] | None
    ) = None


class FeedTokenPost(RequestModel, frozen=True):
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
    page_url: (
        Annotated[str, Meta(description="The schedule's page, for people. Null: of a person.")]
        | None
    )


def feed_token_of(token: FeedToken) -> FeedTokenShown:
    """Return a feed token as it is on the wire."""
    return FeedTokenShown(token.id, token.name, utc_text(token.created_at))
