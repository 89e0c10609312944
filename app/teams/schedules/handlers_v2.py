"""Handlers of schedules in the v2 API, where a schedule has one rotation."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.database.database import Tx
from app.database.ids import new_id
from app.database.pacing import with_pauses
from app.teams.audit.recording import record_change
from app.teams.merge_patch import merge_patch, patched_document
from app.teams.operation import V2, HandlerResult, RequestContext
from app.teams.schedules import store
from app.teams.schedules.schemas import (
    V2SchedulePatch,
    V2SchedulePost,
    changes_rotation,
    v2_schedule_of,
)
from app.teams.schedules.store import StoredSchedule
from app.teams.schemas import READ_ONLY, DataEnvelope, list_envelope, visible_fields
from app.teams.users.existence import require_users


async def list_schedules(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the schedules, or those of a team."""
    part = context.query.part
    page = await store.schedules_page(tx, context.org_id, part, context.query.team_id)
    return HandlerResult(
        list_envelope(page, [v2_schedule_of(each) async for each in with_pauses(page.rows)])
    )


async def create_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create a schedule."""
    document: V2SchedulePost = context.document
    await require_users(tx, context.org_id, _participants(document))
    schedule_id = document.id or new_id(context.now, "sched_")
    given = document.fields(context.value)
    schedule = await store.insert_schedule(tx, context.org_id, schedule_id, given, context.now)
    return await _record_and_answer(tx, context, schedule, "schedule.created", {})


async def read_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return one schedule."""
    return _answer(await store.get_schedule(tx, context.org_id, context.path["id"]))


async def update_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Change a schedule by a merge patch."""
    schedule = await store.lock_schedule(tx, context.org_id, context.path["id"])
    context.require_match(schedule.version)
    shown = visible_fields(v2_schedule_of(schedule))
    document = patched_document(shown, context.value, V2SchedulePatch, (*READ_ONLY, "layered"))
    rotation_changed = changes_rotation(schedule, shown, context.value)
    if "participants" in context.value:
        await require_users(tx, context.org_id, _participants(document))
    given = document.fields_after(
        schedule, merge_patch(shown, context.value), rotation_changed=rotation_changed
    )
    after = await store.update_schedule(tx, context.org_id, schedule, given, context.now)
    return await _record_and_answer(tx, context, after, "schedule.updated", shown)


def _participants(document: V2SchedulePost) -> Sequence[tuple[str, str]]:
    named = document.participants or ()
    return [(f"/participants/{index}", str(name)) for index, name in enumerate(named)]


async def _record_and_answer(
    tx: Tx,
    context: RequestContext,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, Any],
) -> HandlerResult:
    """Record the creation or change of a schedule, and return the schedule."""
    await record_change(
        tx, context, schedule, action, before, visible_fields(v2_schedule_of(schedule))
    )
    return _answer(schedule)


def _answer(schedule: StoredSchedule) -> HandlerResult:
    shown = v2_schedule_of(schedule)
    return HandlerResult(DataEnvelope(shown), f"{V2}/schedules/{schedule.id}")
