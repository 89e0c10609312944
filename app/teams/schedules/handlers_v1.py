"""Handlers of schedules in the v1 API, where a schedule has layers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.database.database import Tx
from app.database.ids import new_id
from app.database.pacing import with_pauses
from app.teams.audit.recording import record_change
from app.teams.merge_patch import merge_patch, patched_document
from app.teams.operation import V1, HandlerResult, RequestContext
from app.teams.overrides.store import (
    overrides_to_come,
)
from app.teams.schedules import store
from app.teams.schedules.edits import begun_fields, edit_begins_at, planned_rules
from app.teams.schedules.previews import preview_edit
from app.teams.schedules.schemas import (
    V1Schedule,
    V1SchedulePost,
    v1_schedule_of,
    with_kept_counting,
)
from app.teams.schedules.store import PlannedRules, ScheduleFields, StoredSchedule
from app.teams.schemas import READ_ONLY, DataEnvelope, list_envelope, visible_fields
from app.teams.users.existence import require_users

READ_ONLY_V1 = (*READ_ONLY, "overrides", "overrides_left_out", "first_turns", "pending")


async def list_schedules(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the schedules, or those of a team."""
    part, team_id = context.query.part, context.query.team_id
    page = await store.schedules_page(
        tx, context.org_id, part, context.now, team_id, with_overrides=True
    )
    ids = [schedule.id for schedule in page.rows]
    overrides = await overrides_to_come(tx, context.org_id, ids, context.now)
    shown = [
        v1_schedule_of(schedule, *overrides[schedule.id])
        async for schedule in with_pauses(page.rows)
    ]
    return HandlerResult(list_envelope(page, shown))


async def create_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create a schedule."""
    document: V1SchedulePost = context.document
    await require_users(tx, context.org_id, _participants(context.value["layers"]))
    schedule_id = document.id or new_id(context.now)
    given = await context.compute(_begun_fields, document, context.value, context.now)
    schedule = await store.insert_schedule(tx, context.org_id, schedule_id, given, context.now)
    return await _record_and_answer(tx, context, schedule, "schedule.created", {})


async def read_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return one schedule."""
    schedule = await store.get_schedule(tx, context.org_id, context.path["id"], context.now)
    overrides = await overrides_to_come(tx, context.org_id, [schedule.id], context.now)
    return _answer(schedule, v1_schedule_of(schedule, *overrides[schedule.id]))


async def update_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Change a schedule by a merge patch, or say what that would change."""
    schedule = await store.lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    shown = visible_fields(await _shown(tx, context, schedule))
    at = edit_begins_at(context, schedule)
    given, planned = await context.compute(_planned_edit, schedule, shown, context.value, at)
    await require_users(tx, context.org_id, _participants(context.value.get("layers", ())))
    if context.query.preview == "true":
        return await preview_edit(tx, context, schedule, planned, at)
    after = await store.update_schedule(tx, context.org_id, schedule, given, planned, context.now)
    return await _record_and_answer(tx, context, after, "schedule.updated", shown)


async def withdraw_edit(tx: Tx, context: RequestContext) -> HandlerResult:
    """Withdraw the pending edit of a schedule, for either API."""
    schedule = await store.lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    after = await store.delete_pending(tx, context.org_id, schedule, context.now)
    shown = [await context.compute(v1_schedule_of, each, ()) for each in (schedule, after)]
    await record_change(tx, context, after, "schedule.edit_withdrawn", *map(visible_fields, shown))
    return HandlerResult()


async def delete_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Delete a schedule and everything that belongs to it, for either API."""
    schedule = await store.lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    await store.delete_schedule(tx, context.org_id, schedule.id)
    shown = visible_fields(v1_schedule_of(schedule, ()))
    await record_change(tx, context, schedule, "schedule.deleted", shown, {})
    return HandlerResult()


def _begun_fields(document: V1SchedulePost, value: Any, now: int) -> ScheduleFields:
    return begun_fields(document.fields(value), now)


def _planned_edit(
    schedule: StoredSchedule, shown: Mapping[str, Any], patch: object, at: int
) -> tuple[ScheduleFields, list[PlannedRules]]:
    """Return the fields of ``schedule``, which callers see as ``shown``, after a merge patch.

    With them comes what holds from when on, where the patch takes effect at ``at``. Layers that are
    not patched were valid when they were stored, and are not validated again. Raises
    ``InvalidRequest`` with every error.
    """
    keeps_layers = not (isinstance(patch, dict) and "layers" in patch)
    current = {**shown, "layers": []} if keeps_layers else shown
    document = patched_document(current, patch, V1SchedulePost, READ_ONLY_V1)
    given = document.fields(merge_patch(current, patch))
    if keeps_layers:
        rules = replace(
            schedule.rules, timezone=given.rules.timezone, when_away=given.rules.when_away
        )
    else:
        rules = with_kept_counting(given.rules, schedule.rules.layers)
    return replace(given, rules=rules), planned_rules(schedule.rules, rules, at)


def _participants(
    layers: Sequence[Mapping[str, Sequence[str | Sequence[str] | None]]],
) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the id of every participant of layers, which are JSON types."""
    for index, layer in enumerate(layers):
        for place, turn in enumerate(layer["participants"]):
            for name in [turn] if isinstance(turn, str) else turn or ():
                yield f"/layers/{index}/participants/{place}", name.strip()


async def _record_and_answer(
    tx: Tx,
    context: RequestContext,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, object],
) -> HandlerResult:
    """Record the creation or change of a schedule, and return the schedule."""
    shown = await _shown(tx, context, schedule)
    await record_change(tx, context, schedule, action, before, visible_fields(shown))
    return _answer(schedule, shown)


def _answer(schedule: StoredSchedule, shown: V1Schedule) -> HandlerResult:
    return HandlerResult(DataEnvelope(shown), f"{V1}/schedules/{schedule.id}")


async def _shown(tx: Tx, context: RequestContext, schedule: StoredSchedule) -> V1Schedule:
    """Return a schedule as a write shows it: off the loop, because its rules may be very large."""
    overrides = await overrides_to_come(tx, context.org_id, [schedule.id], context.now)
    return await context.compute(v1_schedule_of, schedule, *overrides[schedule.id])
