"""Handlers of overrides."""

from app.database.database import Tx
from app.database.ids import new_id
from app.errors import Conflict
from app.teams.audit.handlers import record_change
from app.teams.operation import V1, Answer, Call
from app.teams.overrides.schemas import override_of
from app.teams.overrides.store import (
    cover_of,
    made_cover,
    new_cover,
    overrides_page,
    taken_back,
)
from app.teams.schedules.store import (
    locked,
    raised,
    schedule_of,
)
from app.teams.schemas import One, many, writable
from app.teams.users.named import require_people


async def list_overrides(tx: Tx, call: Call) -> Answer:
    schedule = await schedule_of(tx, call.org_id, call.path["id"])
    page = await overrides_page(tx, call.org_id, schedule.id, call.query.part)
    return Answer(many(page, call.query.part, [override_of(cover) for cover in page.rows]))


async def create_override(tx: Tx, call: Call) -> Answer:
    schedule = await locked(tx, call.org_id, call.path["id"])
    call.require_match(schedule.version)
    await require_people(tx, call.org_id, [("/user_id", str(call.document.user_id))])
    given = call.document.fields
    cover = new_cover(
        "override", call.document.id or new_id(call.now), schedule.id, given, call.now
    )
    cover = await made_cover(tx, call.org_id, cover, call.now)
    shown = override_of(cover)
    after = await raised(tx, call.org_id, schedule, call.now)
    await record_change(tx, call, after, "override.created", {}, writable(shown))
    where = f"{V1}/schedules/{schedule.id}/overrides/{cover.id}"
    return Answer(One(shown), location=where)


async def cancel_override(tx: Tx, call: Call) -> Answer:
    schedule = await locked(tx, call.org_id, call.path["id"])
    call.require_match(schedule.version)
    cover = await cover_of(tx, call.org_id, "override", call.path["override_id"], schedule.id)
    if cover.fields.swap_id is not None:
        raise Conflict(
            f"the override {cover.id} is half of a swap: undo it by DELETE "
            f"/api/v2/oncall/swaps/{cover.fields.swap_id}"
        )
    left = await taken_back(tx, call.org_id, cover, call.now)
    after = await raised(tx, call.org_id, schedule, call.now)
    before, now = writable(override_of(cover)), writable(override_of(left))
    del now["id"]  # so that the note says which it was
    await record_change(tx, call, after, "override.cancelled", before, now)
    return Answer()
