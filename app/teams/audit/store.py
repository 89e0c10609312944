"""The changes of schedules; each is written in the transaction of the change itself.

Invariant: among the records of one organisation, the order of ``id`` is the order in which they
were committed. Whatever writes one changes its organisation's row first, or by the trigger that
counts its bytes, and keeps that row locked until it commits; a serializable writer that began
before then is run again, with another id. So a reader that sees a record sees all those with
smaller ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pages import Page, Slice, page_of
from app.database.tables import audit

Changes = Mapping[str, Mapping[str, Any]]
"""By field: what it was (``from``) and what it is (``to``), as JSON types."""


class Actor(Struct, frozen=True):
    """The key of an organisation on whose behalf something is written."""

    org_id: str
    key_id: str
    key_name: str


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change. ``version`` is the schedule's after it; ``at`` is in milliseconds.

    ``changes`` are the stored JSON, which answers show as it is.
    """

    id: int
    at: int
    key_id: str
    key_name: str
    action: str
    version: int
    changes: msgspec.Raw


@dataclass(frozen=True, slots=True)
class AuditNote:
    """One change, without what was changed."""

    id: int
    schedule_id: str
    at: int
    key_id: str
    key_name: str
    action: str
    version: int


NOTE = tuple(audit.c[name] for name in AuditNote.__dataclass_fields__)
CLOCKS_APART_MS = 60_000
"""More than the clocks of two processes differ, and than a write waits for others."""


async def insert_record(
    tx: AsyncConnection,
    actor: Actor,
    schedule_id: str,
    *,
    now: int,
    action: str,
    version: int,
    changes: Changes,
) -> None:
    """Write one change."""
    row = {
        "org_id": actor.org_id,
        "schedule_id": schedule_id,
        "at": now,
        "key_id": actor.key_id,
        "key_name": actor.key_name,
        "action": action,
        "version": version,
        "changes": msgspec.json.encode(changes).decode(),
    }
    await tx.execute(insert(audit).values(row))


async def records_page(
    tx: AsyncConnection, org_id: str, schedule_id: str, part: Slice
) -> Page[AuditRecord]:
    """Return the changes of a schedule, oldest first."""
    query = select(audit).where(audit.c.org_id == org_id, audit.c.schedule_id == schedule_id)
    return await page_of(tx, query, [audit.c.id], part, _record)


async def notes_after(
    tx: AsyncConnection, org_id: str, record_id: int, limit: int
) -> Sequence[AuditNote]:
    """Return the first changes of an organisation after a record, in order."""
    query = select(*NOTE).where(audit.c.org_id == org_id, audit.c.id > record_id)
    return [AuditNote(*row) for row in await tx.execute(query.order_by(audit.c.id).limit(limit))]


async def changes_of(
    tx: AsyncConnection, org_id: str, ids: Sequence[int]
) -> Sequence[tuple[int, str]]:
    """Return what records of an organisation have changed, as JSON, each after its id."""
    query = select(audit.c.id, audit.c.changes).where(audit.c.org_id == org_id, audit.c.id.in_(ids))
    return [(row.id, row.changes) for row in await tx.execute(query)]


async def touched_between(
    tx: AsyncConnection, org_id: str, after: int, until: int
) -> Mapping[str, int]:
    """Return the schedules that the records after ``after``, up to ``until``, are of.

    With each comes the earliest instant at which one of these was written.
    """
    query = select(audit.c.schedule_id, func.min(audit.c.at).label("at")).where(
        audit.c.org_id == org_id, audit.c.id > after, audit.c.id <= until
    )
    rows = await tx.execute(query.group_by(audit.c.schedule_id))
    return {row.schedule_id: row.at for row in rows}


async def last_id(tx: AsyncConnection, org_id: str) -> int:
    """Return the id of the last change of an organisation; 0 if there is none."""
    return await tx.scalar(select(func.max(audit.c.id)).where(audit.c.org_id == org_id)) or 0


async def id_before(tx: AsyncConnection, org_id: str, at: int) -> int:
    """Return an id after which all changes are that were written at ``at`` or later.

    A few that were written in the minute before may be after it, too: clocks differ.
    """
    query = select(audit.c.id).where(audit.c.org_id == org_id, audit.c.at < at - CLOCKS_APART_MS)
    return await tx.scalar(query.order_by(audit.c.id.desc()).limit(1)) or 0


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Return the differences between two states of one thing; a missing field counts as null."""
    return {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }


def _record(row: RowMapping) -> AuditRecord:
    return AuditRecord(
        row["id"],
        row["at"],
        row["key_id"],
        row["key_name"],
        row["action"],
        row["version"],
        msgspec.Raw(row["changes"]),
    )
