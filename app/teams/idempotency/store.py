"""Answers remembered by ``Idempotency-Key``: what is sent twice is done once.

Strategy: an answer is written down in the transaction of its effect, so both are there or neither.
Of two that arrive at once the later to commit runs into the row of the other and is run again,
which finds it (``Database.written``).
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.tables import remembered

KEPT_MS = 24 * 3_600_000
"""How long an answer is remembered at least."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer, and the hash of the request that it answers."""

    request_hash: bytes
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


async def remembered_answer(
    tx: AsyncConnection, org_id: str, key: str, now: int
) -> Remembered | None:
    """What an organisation's request with this key was answered; ``None``: nothing yet."""
    query = select(remembered).where(
        remembered.c.org_id == org_id,
        remembered.c.idempotency_key == key,
        remembered.c.created_at > now - KEPT_MS,
    )
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    headers = msgspec.json.decode(row["headers"], type=tuple[tuple[str, str], ...])
    return Remembered(row["request_hash"], row["status"], row["body"], headers)


async def remember(
    tx: AsyncConnection, org_id: str, key: str, answer: Remembered, now: int
) -> None:
    """Remember an answer, in place of one whose time is over."""
    same = and_(remembered.c.org_id == org_id, remembered.c.idempotency_key == key)
    await tx.execute(delete(remembered).where(same))
    row = {
        "org_id": org_id,
        "idempotency_key": key,
        "request_hash": answer.request_hash,
        "status": answer.status,
        "body": answer.body,
        "headers": msgspec.json.encode(answer.headers).decode(),
        "created_at": now,
    }
    await tx.execute(insert(remembered).values(row))


async def forgotten(tx: AsyncConnection, now: int) -> None:
    """Forget the answers whose time is over."""
    await tx.execute(delete(remembered).where(remembered.c.created_at <= now - KEPT_MS))
