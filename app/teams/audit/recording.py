"""The recording of what requests change, in the transaction that changes it."""

from collections.abc import Mapping

from app.database.database import Tx
from app.teams.audit.store import changes_between, insert_record
from app.teams.operation import RequestContext
from app.teams.schedules.store import StoredSchedule


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
        for name, change in changes_between(before, after).items()
        if name not in ("version", "updated_at")
    }
    await insert_record(
        tx,
        context.actor,
        schedule.id,
        now=context.now,
        action=action,
        version=schedule.version,
        changes=changes,
    )
