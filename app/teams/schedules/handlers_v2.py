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
from app.teams.schedules.edits import begun_fields, edit_begins_at, planned_rules
from app.teams.schedules.previews import preview_edit
from app.teams.schedules.schemas import (
    V2Schedule,
    V2SchedulePatch,
    V2SchedulePost,
    changes_rotation,
    v2_schedule_of,
)
from app.teams.schedules.store import StoredSchedule
from app.teams.schemas import READ_ONLY, DataEnvelope, list_envelope, visible_fields
from app.teams.users.existence import require_users

READ_ONLY_V2 = (*READ_ONLY, "layered", "pending")


async def list_schedules(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the schedules, or those of a team."""
    part = context.query.part
    page = await store.schedules_page(tx, context.org_id, part, context.now, context.query.team_id)
    return HandlerResult(
        list_envelope(page, [v2_schedule_of(each) async for each in with_pauses(page.rows)])
    )


async def create_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create a schedule."""
    document: V2SchedulePost = context.document
    await require_users(tx, context.org_id, _participants(document))
    schedule_id = document.id or new_id(context.now, "sched_")
    given = begun_fields(document.fields(context.value), context.now)
    schedule = await store.insert_schedule(tx, context.org_id, schedule_id, given, context.now)
    return await _record_and_answer(tx, context, schedule, "schedule.created", {})


async def read_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return one schedule."""
    schedule = await store.get_schedule(tx, context.org_id, context.path["id"], context.now)
    return _answer(schedule, v2_schedule_of(schedule))


async def update_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Change a schedule by a merge patch."""
    schedule = await store.lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    shown = visible_fields(v2_schedule_of(schedule))
    # the edit decides the first turn, unless the patch names another one
    current, patch = _without_first_turn(shown), context.value
    if isinstance(patch, dict) and patch.get("first_turn_at") == shown.get("first_turn_at"):
        patch = _without_first_turn(patch)
    document = patched_document(current, patch, V2SchedulePatch, READ_ONLY_V2)
    rotation_changed = changes_rotation(schedule, shown, patch)
    if "participants" in patch:
        await require_users(tx, context.org_id, _participants(document))
    given = document.fields_after(
        schedule, merge_patch(current, patch), rotation_changed=rotation_changed
    )
    at = edit_begins_at(context, schedule)
    planned = await context.compute(planned_rules, schedule.rules, given.rules, at)
    if context.query.preview == "true":
        return await preview_edit(tx, context, schedule, planned, at)
    after = await store.update_schedule(tx, context.org_id, schedule, given, planned, context.now)
    return await _record_and_answer(tx, context, after, "schedule.updated", shown)


def _without_first_turn(rotation: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in rotation.items() if name != "first_turn_at"}


def _participants(document: V2SchedulePost) -> Sequence[tuple[str, str]]:
    named = enumerate(document.participants or ())
    return [
        (f"/participants/{index}", name) for index, turn in named if turn for name in turn.names
    ]


async def _record_and_answer(
    tx: Tx,
    context: RequestContext,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, Any],
) -> HandlerResult:
    """Record the creation or change of a schedule, and return the schedule."""
    shown = v2_schedule_of(schedule)
    await record_change(tx, context, schedule, action, before, visible_fields(shown))
    return _answer(schedule, shown)


def _answer(schedule: StoredSchedule, shown: V2Schedule) -> HandlerResult:
    return HandlerResult(DataEnvelope(shown), f"{V2}/schedules/{schedule.id}")
