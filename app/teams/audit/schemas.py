"""Audit entries on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from msgspec import Meta, Struct

from app.teams.audit.store import AuditRecord
from app.teams.schemas import Instant
from app.teams.times import utc_text


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


def audit_entry_of(record: AuditRecord) -> AuditEntry:
    """Return an audit record as it is on the wire."""
    return AuditEntry(
        str(record.id),
        utc_text(record.at),
        ActorShown(record.key_id, record.key_name),
        record.action,
        record.version,
        cast(Mapping[str, Any], record.changes),
    )
