"""Handlers of the audit: writes a change down, lists the changes of a schedule."""

from collections.abc import Mapping

from app.database.database import Tx
from app.errors import NotFound
from app.teams.audit.schemas import audit_entry_of
from app.teams.audit.store import changed, noted, notes_of
from app.teams.operation import Answer, Call
from app.teams.schedules.store import (
    StoredSchedule,
)
from app.teams.schemas import many


async def list_audit(tx: Tx, call: Call) -> Answer:
    """The row of either API; of a schedule that was deleted, too."""
    schedule_id = call.path["id"]
    page = await notes_of(tx, call.org_id, schedule_id, call.query.part)
    if not page.total:  # one that was deleted has some
        raise NotFound(f"there is no schedule {schedule_id}")
    return Answer(many(page, call.query.part, [audit_entry_of(note) for note in page.rows]))


async def record_change(
    tx: Tx,
    call: Call,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    """Write down what a call did to a schedule."""
    changes = {
        name: change
        for name, change in changed(before, after).items()
        if name not in ("version", "updated_at")
    }
    await noted(
        tx,
        call.actor,
        schedule.id,
        now=call.now,
        action=action,
        version=schedule.version,
        changes=changes,
    )
