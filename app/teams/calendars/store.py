"""Secret tokens by which calendar programs, which send no keys, read a feed.

Strategy: a token is random, shown once and stored only as its SHA-256. It opens the feed of one
schedule or user until it is revoked.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, RowMapping, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pages import Page, Slice, page_of
from app.database.tables import feed_tokens
from app.errors import NotFound, Unauthorized

Feed = Literal["schedule", "user"]
"""Whose calendar it is."""

TOKEN_BYTES = 32
TOKEN = re.compile(rb"(?:^|&)token=([0-9A-Za-z_-]{43})(?:&|$)")
UNKNOWN_TOKEN = "the token opens no such calendar, or has been revoked"  # noqa: S105 - a message


@dataclass(frozen=True, slots=True)
class FeedToken:
    """One token, without its secret; instants are in milliseconds."""

    id: str
    feed: Feed
    of: str
    name: str
    created_at: int
    revoked_at: int | None = None


async def insert_token(tx: AsyncConnection, org_id: str, token: FeedToken) -> str:
    """Write a token and return its secret, which is stored nowhere."""
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    row = {
        "org_id": org_id,
        "id": token.id,
        "schedule_id": token.of if token.feed == "schedule" else None,
        "user_id": token.of if token.feed == "user" else None,
        "name": token.name,
        "hash": _hash(secret),
        "created_at": token.created_at,
    }
    await tx.execute(insert(feed_tokens).values(row))
    return secret


def token_in(query: bytes) -> str:
    """Return the secret in a query string. Raises ``Unauthorized`` for what cannot be one.

    Nothing else of a query is read before its secret is known, and no database is asked.
    """
    match = TOKEN.search(query)
    if match is None:
        raise Unauthorized(UNKNOWN_TOKEN)
    return match[1].decode()


async def org_id_of_token(tx: AsyncConnection, feed: Feed, of: str, secret: str) -> str:
    """Return the organisation whose feed of ``of`` the secret opens. Raises ``Unauthorized``.

    The look-up is by the hash of 256 random bits, so its duration reveals nothing about the secret.
    """
    query = select(feed_tokens.c.org_id).where(
        feed_tokens.c.hash == _hash(secret), _feed(feed, of), feed_tokens.c.revoked_at.is_(None)
    )
    org_id: str | None = await tx.scalar(query)
    if org_id is None:
        raise Unauthorized(UNKNOWN_TOKEN)
    return org_id


async def tokens_page(
    tx: AsyncConnection, org_id: str, feed: Feed, of: str, part: Slice
) -> Page[FeedToken]:
    """Return the tokens of a feed that have not been revoked, oldest first."""
    query = select(feed_tokens).where(
        feed_tokens.c.org_id == org_id, _feed(feed, of), feed_tokens.c.revoked_at.is_(None)
    )
    by = [feed_tokens.c.created_at, feed_tokens.c.id]
    return await page_of(tx, query, by, part, _token)


async def revoke_token(tx: AsyncConnection, org_id: str, token_id: str, now: int) -> FeedToken:
    """Revoke a token. Raises ``NotFound``, also if it has been revoked already."""
    where = and_(
        feed_tokens.c.org_id == org_id,
        feed_tokens.c.id == token_id,
        feed_tokens.c.revoked_at.is_(None),
    )
    query = update(feed_tokens).where(where).values(revoked_at=now).returning(feed_tokens)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no feed token {token_id}")
    return _token(row)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _feed(feed: Feed, of: str) -> ColumnElement[bool]:
    return (feed_tokens.c.schedule_id if feed == "schedule" else feed_tokens.c.user_id) == of


def _token(row: RowMapping) -> FeedToken:
    feed: Feed = "user" if row["schedule_id"] is None else "schedule"
    of = row["user_id"] if row["schedule_id"] is None else row["schedule_id"]
    return FeedToken(row["id"], feed, of, row["name"], row["created_at"], row["revoked_at"])
