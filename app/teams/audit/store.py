"""The changes of schedules; each is written in the transaction of the change itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, insert, select
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
