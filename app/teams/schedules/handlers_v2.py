"""Handlers of schedules in the v2 API: schedules of one rotation."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.database.database import Tx
from app.database.ids import new_id
from app.database.pacing import paced
from app.teams.audit.handlers import record_change
from app.teams.merge_patch import merge_patch, patched
from app.teams.operation import V2, Answer, Call
from app.teams.schedules.schemas import V2SchedulePatch, V2SchedulePost, is_turned, v2_schedule_of
from app.teams.schedules.store import (
    StoredSchedule,
    changed_schedule,
    locked,
    made_schedule,
    schedule_of,
    schedules_page,
)
from app.teams.schemas import READ_ONLY, One, many, writable
from app.teams.users.named import require_people


async def list_schedules(tx: Tx, call: Call) -> Answer:
    part = call.query.part
    page = await schedules_page(tx, call.org_id, part, call.query.team_id)
    return Answer(many(page, part, [v2_schedule_of(each) async for each in paced(page.rows)]))


async def create_schedule(tx: Tx, call: Call) -> Answer:
    document: V2SchedulePost = call.document
    await require_people(tx, call.org_id, _participants(document))
    schedule_id = document.id or new_id(call.now, "sched_")
    given = document.fields(call.value)
    schedule = await made_schedule(tx, call.org_id, schedule_id, given, call.now)
    return await _written(tx, call, schedule, "schedule.created", {})


async def read_schedule(tx: Tx, call: Call) -> Answer:
    return _answer(await schedule_of(tx, call.org_id, call.path["id"]))


async def update_schedule(tx: Tx, call: Call) -> Answer:
    schedule = await locked(tx, call.org_id, call.path["id"])
    call.require_match(schedule.version)
    shown = writable(v2_schedule_of(schedule))
    document = patched(shown, call.value, V2SchedulePatch, (*READ_ONLY, "layered"))
    turned = is_turned(schedule, shown, call.value)
    if "participants" in call.value:
        await require_people(tx, call.org_id, _participants(document))
    given = document.fields_after(schedule, merge_patch(shown, call.value), turned=turned)
    after = await changed_schedule(tx, call.org_id, schedule, given, call.now)
    return await _written(tx, call, after, "schedule.updated", shown)


def _participants(document: V2SchedulePost) -> Sequence[tuple[str, str]]:
    named = document.participants or ()
    return [(f"/participants/{index}", str(name)) for index, name in enumerate(named)]


async def _written(
    tx: Tx,
    call: Call,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, Any],
) -> Answer:
    """The answer with a schedule that was made or changed, noted."""
    await record_change(tx, call, schedule, action, before, writable(v2_schedule_of(schedule)))
    return _answer(schedule)


def _answer(schedule: StoredSchedule) -> Answer:
    shown = v2_schedule_of(schedule)
    return Answer(One(shown), schedule.version, f"{V2}/schedules/{schedule.id}")
