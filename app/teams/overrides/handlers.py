"""Handlers of overrides."""

from collections.abc import Sequence

from app.database.database import Tx
from app.database.ids import new_id
from app.errors import Conflict
from app.teams.audit.recording import record_change
from app.teams.on_call.store import other_roles
from app.teams.operation import V1, HandlerResult, RequestContext
from app.teams.overrides.schemas import override_of
from app.teams.overrides.store import (
    check_obstacles,
    find_obstacles,
    get_assignment,
    insert_checked,
    new_assignment,
    overrides_page,
    take_back,
)
from app.teams.schedules.roles import with_role
from app.teams.schedules.store import (
    get_schedule,
    lock_schedule,
    raise_version,
)
from app.teams.schemas import DataEnvelope, list_envelope, visible_fields
from app.teams.users.existence import require_known


async def list_overrides(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the overrides of a schedule."""
    schedule = await get_schedule(tx, context.org_id, context.path["id"], context.now)
    page = await overrides_page(tx, context.org_id, schedule.id, context.query.part)
    return HandlerResult(list_envelope(page, [override_of(assignment) for assignment in page.rows]))


async def create_override(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create an override."""
    schedule = await lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    given = with_role(schedule, context.document.fields, context.now)
    assignment = new_assignment(
        "override", context.document.id or new_id(context.now), schedule.id, given, context.now
    )
    found = await find_obstacles(tx, context.org_id, assignment, context.now)
    also: Sequence[str] = ()
    if given.user_id is not None:
        require_known([("/user_id", given.user_id)], [given.user_id] if found.user_exists else [])
    check_obstacles(assignment, found)
    await insert_checked(tx, context.org_id, [assignment])
    if given.user_id is not None:
        span = (given.start_at, given.end_at)
        whose = (context.org_id, schedule.id, [given.user_id], given.role, span)
        also = await other_roles(tx, context.compute, *whose)
    shown = override_of(assignment, also)
    after = await raise_version(tx, context.org_id, schedule, context.now)
    await record_change(tx, context, after, "override.created", {}, visible_fields(shown))
    where = f"{V1}/schedules/{schedule.id}/overrides/{assignment.id}"
    return HandlerResult(DataEnvelope(shown), location=where)


async def cancel_override(tx: Tx, context: RequestContext) -> HandlerResult:
    """Take back what of an override is still to come."""
    schedule = await lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    assignment = await get_assignment(
        tx, context.org_id, "override", context.path["override_id"], schedule.id
    )
    if assignment.fields.swap_id is not None:
        raise Conflict(
            f"the override {assignment.id} is half of a swap: undo it by DELETE "
            f"/api/v2/oncall/swaps/{assignment.fields.swap_id}"
        )
    left = await take_back(tx, context.org_id, assignment, context.now)
    after = await raise_version(tx, context.org_id, schedule, context.now)
    before, now = visible_fields(override_of(assignment)), visible_fields(override_of(left))
    del now["id"]  # so that the audit shows which it was
    await record_change(tx, context, after, "override.cancelled", before, now)
    return HandlerResult()
