"""API keys, and the organisations that they open.

Strategy: a key is ``ak_live_`` or ``ak_test_``, ten characters by which it is found, and a secret
of 256 random bits. Its plain SHA-256 is therefore enough to store, and a slower hash would be no
safer. Hashes are compared in constant time, with a dummy where the key is unknown.

Invariants: a key is shown once and stored nowhere. A key that was found may be invalid:
``valid_at`` checks expiry and revocation. Instants are milliseconds since 1970.
"""

import hmac
import re
import secrets
import string
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.database import rows_of
from app.database.ids import new_id
from app.database.tables import keys, organisations, workspaces

KeyKind = Literal["live", "test"]
SCOPES = ("schedules", "oncall:read", "oncall:write")

PRESENTED = re.compile(r"ak_(?:live|test)_([0-9a-z]{10})_[0-9A-Za-z_-]{43}")
NOBODYS = bytes(32)
ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored, without its secret. ``kind`` is a label and grants nothing.

    ``paid_until`` is until when its workspace is paid for; ``None`` if it is of another
    organisation.
    """

    id: str
    org_id: str
    org_name: str
    name: str
    kind: KeyKind
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None
    paid_until: int | None = None

    def valid_at(self, now: int) -> bool:
        """Return whether the key opens anything: before ``expires_at``, and never once it is
        revoked.
        """
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


KEYS = (
    select(
        keys.c.id,
        keys.c.org_id,
        organisations.c.name.label("org_name"),
        keys.c.name,
        keys.c.kind,
        keys.c.scopes,
        keys.c.created_at,
        keys.c.expires_at,
        keys.c.revoked_at,
        keys.c.last_used_at,
        workspaces.c.paid_until,
        keys.c.hash,
    )
    .join_from(keys, organisations)
    .outerjoin(workspaces, workspaces.c.org_id == keys.c.org_id)
    .order_by(keys.c.created_at, keys.c.id)
)
BY_ID = KEYS.where(keys.c.id == bindparam("key_id"))


async def create_key(
    tx: AsyncConnection,
    org_name: str,
    name: str,
    scopes: Collection[str],
    kind: KeyKind,
    expires_at: int | None,
    now: int,
) -> tuple[ApiKey, str]:
    """Create a key, and its organisation if it is new; return the key and the text to present.

    Without a ``name`` the id is the name.
    """
    key_id = "".join(secrets.choice(ALPHABET) for _ in range(10))
    presented = f"ak_{kind}_{key_id}_{secrets.token_urlsafe(32)}"
    org_id = await _organisation(tx, org_name, now)
    held = frozenset(scopes)
    await tx.execute(
        insert(keys).values(
            id=key_id,
            org_id=org_id,
            name=name or key_id,
            kind=kind,
            hash=_hash_of(presented),
            scopes=" ".join(sorted(held)),
            created_at=now,
            expires_at=expires_at,
        )
    )
    key = ApiKey(key_id, org_id, org_name, name or key_id, kind, held, now, expires_at, None, None)
    return key, presented


def has_form_of_key(presented: str) -> bool:
    """Return whether a text could be a key, which costs no look into the database."""
    return PRESENTED.fullmatch(presented) is not None


async def find_key(tx: AsyncConnection, presented: str) -> ApiKey | None:
    """Return the key that was presented, valid or not; ``None`` if it is not one of ours."""
    parts = PRESENTED.fullmatch(presented)
    if parts is None:
        return None
    row = next(iter(await rows_of(tx, BY_ID, {"key_id": parts[1]})), None)
    is_ours = hmac.compare_digest(_hash_of(presented), NOBODYS if row is None else row["hash"])
    return _key(row.values()) if row is not None and is_ours else None


async def keys_of(tx: AsyncConnection, org_name: str | None = None) -> list[ApiKey]:
    """Return every key, oldest first, or those of one organisation."""
    wanted = KEYS if org_name is None else KEYS.where(organisations.c.name == org_name)
    return [_key(row) for row in await tx.execute(wanted)]


async def revoke_key(tx: AsyncConnection, key_id: str, now: int) -> bool:
    """Revoke a key for good; return whether there is such a key."""
    since = func.coalesce(keys.c.revoked_at, now)
    done = await tx.execute(update(keys).where(keys.c.id == key_id).values(revoked_at=since))
    return done.rowcount == 1


async def record_last_use(tx: AsyncConnection, at_by_key: Mapping[str, int]) -> None:
    """Write when keys were last used, unless a later instant is known."""
    is_news = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < bindparam("at"))
    await tx.execute(
        update(keys)
        .where(keys.c.id == bindparam("key_id"), is_news)
        .values(last_used_at=bindparam("at")),
        [{"key_id": key_id, "at": at} for key_id, at in sorted(at_by_key.items())],
    )


async def _organisation(tx: AsyncConnection, name: str, now: int) -> str:
    """Return the id of the organisation with this name; create it if it is new."""
    known = await tx.execute(select(organisations.c.id).where(organisations.c.name == name))
    org_id: str | None = known.scalar_one_or_none()
    if org_id is None:
        org_id = new_id(now, "org_")
        await tx.execute(insert(organisations).values(id=org_id, name=name, created_at=now))
    return org_id


def _hash_of(presented: str) -> bytes:
    return sha256(presented.encode()).digest()


def _key(row: Iterable[Any]) -> ApiKey:
    key_id, org_id, org_name, name, kind, scopes, *instants, _hash = row
    return ApiKey(key_id, org_id, org_name, name, kind, frozenset(scopes.split()), *instants)
