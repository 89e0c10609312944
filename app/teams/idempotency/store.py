"""Answers stored by ``Idempotency-Key``, so that a request sent twice is done once.

Strategy: an answer is written in the transaction of its effect, so both are there or neither. Of
two requests at once the later to commit collides with the row of the other; it is then run again
and finds that row (``Database.write``).
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.tables import idempotency_records

COLUMN = idempotency_records.c

RETENTION_MS = 24 * 3_600_000
"""How long an answer is stored at least."""


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """An answer, and the hash of the request that it answers."""

    request_hash: bytes
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


async def find_record(
    tx: AsyncConnection, org_id: str, key: str, now: int
) -> IdempotencyRecord | None:
    """Return the stored answer to an organisation's request with this key; ``None`` if there is
    none.
    """
    query = select(idempotency_records).where(
        COLUMN.org_id == org_id,
        COLUMN.idempotency_key == key,
        COLUMN.created_at > now - RETENTION_MS,
    )
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    headers = msgspec.json.decode(row["headers"], type=tuple[tuple[str, str], ...])
    return IdempotencyRecord(row["request_hash"], row["status"], row["body"], headers)


async def save_record(
    tx: AsyncConnection, org_id: str, key: str, record: IdempotencyRecord, now: int
) -> None:
    """Store an answer, in place of one that has expired."""
    same = and_(COLUMN.org_id == org_id, COLUMN.idempotency_key == key)
    await tx.execute(delete(idempotency_records).where(same))
    row = {
        "org_id": org_id,
        "idempotency_key": key,
        "request_hash": record.request_hash,
        "status": record.status,
        "body": record.body,
        "headers": msgspec.json.encode(record.headers).decode(),
        "created_at": now,
    }
    await tx.execute(insert(idempotency_records).values(row))


async def forget_expired(tx: AsyncConnection, now: int) -> None:
    """Delete the answers that have expired."""
    await tx.execute(delete(idempotency_records).where(COLUMN.created_at <= now - RETENTION_MS))
