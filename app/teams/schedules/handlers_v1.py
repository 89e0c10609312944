"""Handlers of schedules in the v1 API: schedules of layers."""

from collections.abc import Mapping

from app.database.database import Tx
from app.database.ids import new_id
from app.database.pacing import paced
from app.teams.audit.handlers import record_change
from app.teams.merge_patch import patched
from app.teams.operation import V1, Answer, Call
from app.teams.overrides.store import (
    overrides_to_come,
)
from app.teams.schedules.schemas import V1Schedule, V1SchedulePost, v1_schedule_of
from app.teams.schedules.store import (
    StoredSchedule,
    changed_schedule,
    locked,
    made_schedule,
    removed_schedule,
    schedule_of,
    schedules_page,
)
from app.teams.schemas import READ_ONLY, One, many, writable
from app.teams.users.named import participants_in, require_people


async def list_schedules(tx: Tx, call: Call) -> Answer:
    part, team_id = call.query.part, call.query.team_id
    page = await schedules_page(tx, call.org_id, part, team_id)
    ids = [schedule.id for schedule in page.rows]
    overrides = await overrides_to_come(tx, call.org_id, ids, call.now)
    shown = [
        v1_schedule_of(schedule, overrides[schedule.id]) async for schedule in paced(page.rows)
    ]
    return Answer(many(page, part, shown))


async def create_schedule(tx: Tx, call: Call) -> Answer:
    document: V1SchedulePost = call.document
    await require_people(tx, call.org_id, participants_in(call.value["layers"]))
    schedule_id = document.id or new_id(call.now)
    given = document.fields(call.value)
    schedule = await made_schedule(tx, call.org_id, schedule_id, given, call.now)
    return await _written(tx, call, schedule, "schedule.created", {})


async def read_schedule(tx: Tx, call: Call) -> Answer:
    schedule = await schedule_of(tx, call.org_id, call.path["id"])
    return _answer(schedule, await _shown(tx, call, schedule))


async def update_schedule(tx: Tx, call: Call) -> Answer:
    schedule = await locked(tx, call.org_id, call.path["id"])
    call.require_match(schedule.version)
    shown = writable(await _shown(tx, call, schedule))
    document = patched(shown, call.value, V1SchedulePost, (*READ_ONLY, "overrides"))
    layers = call.value.get("layers")
    await require_people(tx, call.org_id, participants_in(layers or ()))
    given = document.fields({**shown, **call.value} if layers is not None else shown)
    after = await changed_schedule(tx, call.org_id, schedule, given, call.now)
    return await _written(tx, call, after, "schedule.updated", shown)


async def delete_schedule(tx: Tx, call: Call) -> Answer:
    """The row of either API."""
    schedule = await locked(tx, call.org_id, call.path["id"])
    call.require_match(schedule.version)
    await removed_schedule(tx, call.org_id, schedule.id)
    shown = writable(v1_schedule_of(schedule, ()))
    await record_change(tx, call, schedule, "schedule.deleted", shown, {})
    return Answer()


async def _written(
    tx: Tx,
    call: Call,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, object],
) -> Answer:
    """The answer with a schedule that was made or changed, noted."""
    shown = await _shown(tx, call, schedule)
    await record_change(tx, call, schedule, action, before, writable(shown))
    return _answer(schedule, shown)


def _answer(schedule: StoredSchedule, shown: V1Schedule) -> Answer:
    return Answer(One(shown), schedule.version, f"{V1}/schedules/{schedule.id}")


async def _shown(tx: Tx, call: Call, schedule: StoredSchedule) -> V1Schedule:
    overrides = await overrides_to_come(tx, call.org_id, [schedule.id], call.now)
    return v1_schedule_of(schedule, overrides[schedule.id])
