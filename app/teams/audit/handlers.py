"""Handlers of the audit: list the changes of a schedule, and record one."""

from collections.abc import Mapping

from app.database.database import Tx
from app.errors import NotFound
from app.teams.audit import store
from app.teams.audit.schemas import audit_entry_of
from app.teams.operation import HandlerResult, RequestContext
from app.teams.schedules.store import (
    StoredSchedule,
)
from app.teams.schemas import list_envelope


async def list_audit(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the changes of a schedule for either API, also of one that was deleted."""
    schedule_id = context.path["id"]
    page = await store.records_page(tx, context.org_id, schedule_id, context.query.part)
    if not page.total:  # one that was deleted has some
        raise NotFound(f"there is no schedule {schedule_id}")
    return HandlerResult(
        list_envelope(page, context.query.part, [audit_entry_of(record) for record in page.rows])
    )


async def record_change(
    tx: Tx,
    context: RequestContext,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    """Record what a request changed of a schedule."""
    changes = {
        name: change
        for name, change in store.changes_between(before, after).items()
        if name not in ("version", "updated_at")
    }
    await store.insert_record(
        tx,
        context.actor,
        schedule.id,
        now=context.now,
        action=action,
        version=schedule.version,
        changes=changes,
    )
