"""Handlers of entries and swaps."""

from collections.abc import Mapping, Sequence

from app.database.database import Tx
from app.database.ids import new_id
from app.engine.layered.limits import check_window
from app.errors import FieldError, InvalidRequest, OutOfBounds
from app.teams.audit.recording import record_change
from app.teams.entries import store
from app.teams.entries.bought import Item
from app.teams.entries.bulk import EntriesMade, EntriesPost, id_errors, overlap_errors, window_of
from app.teams.entries.schemas import EntryShown, entry_of, swap_of
from app.teams.entries.store import StoredEntry
from app.teams.on_call.store import other_roles
from app.teams.operation import V2, HandlerResult, RequestContext
from app.teams.overrides.store import (
    find_obstacles,
    new_assignment,
    take_back,
    taken_ids,
)
from app.teams.schedules.roles import known_roles, with_role
from app.teams.schedules.store import (
    StoredSchedule,
    get_schedule,
    lock_schedule,
    raise_version,
)
from app.teams.schemas import DataEnvelope, list_envelope, visible_fields
from app.teams.times import local_days, local_text
from app.teams.users.existence import MAX_NAMED, require_known, require_users


async def list_entries(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the entries of a range of local days, both made by hand and generated."""
    query = context.query
    schedule = await get_schedule(tx, context.org_id, context.path["id"], context.now)
    timezone = schedule.rules.timezone
    from_at, to_at = local_days(query.start_date, query.end_date, timezone)
    try:
        check_window(from_at, to_at)
    except OutOfBounds as error:  # by an hour, where the days have a clock change or end all time
        raise InvalidRequest([FieldError("end_date", error.detail)]) from error
    wanted = store.EntriesWanted(query.user_id, part=query.part)
    page = await store.entries_page(
        tx, context.compute, context.org_id, schedule.id, (from_at, to_at), wanted
    )
    return HandlerResult(list_envelope(page, [entry_of(each, timezone) for each in page.rows]))


async def create_entry(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create an entry by hand."""
    schedule = await lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    user_id, entry_id = str(context.document.user_id), context.document.id
    entry_id = entry_id or new_id(context.now, "entry_")
    given = with_role(schedule, context.document.fields, context.now)
    assignment = new_assignment("entry", entry_id, schedule.id, given, context.now)
    found = await find_obstacles(tx, context.org_id, assignment, context.now)
    require_known([("/user_id", user_id)], [user_id] if found.user_exists else [])
    entry = await store.insert_entry(tx, context.org_id, assignment, found)
    [shown] = await _shown(tx, context, schedule, [entry])
    after = await raise_version(tx, context.org_id, schedule, context.now)
    await record_change(tx, context, after, "entry.created", {}, visible_fields(shown))
    return HandlerResult(DataEnvelope(shown), location=f"{V2}/entries/{entry_id}")


async def create_entries(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create entries together: all of them, or none."""
    schedule = await lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    items = await context.compute(_items_in, schedule, context.document, context.now)
    await _require_valid(tx, context, schedule.id, items)
    made = [
        new_assignment(
            "entry", item.id or new_id(context.now, "entry_"), schedule.id, item.fields, context.now
        )
        for item in items
    ]
    entries = await store.insert_entries(tx, context.org_id, made, context.now)
    shown = [entry_of(each, schedule.rules.timezone) for each in entries]
    after = await raise_version(tx, context.org_id, schedule, context.now)
    lines = [
        {"id": each.id, "user_id": each.user_id, "start": each.start, "end": each.end}
        for each in shown
    ]
    await record_change(tx, context, after, "entries.created", {}, {"entries": lines})
    gaps = context.document.gap_count
    where = f"{V2}/schedules/{schedule.id}/entries"
    return HandlerResult(DataEnvelope(EntriesMade(shown, gaps)), location=where)


def _items_in(schedule: StoredSchedule, document: EntriesPost, now: int) -> Sequence[Item]:
    """Return the entries that are asked for, each with its role. Raises ``InvalidRequest``."""
    pointer = "/role" if document.rotation else None
    return [
        item._replace(
            fields=with_role(schedule, item.fields, now, pointer or f"{item.pointer}/role")
        )
        for item in document.items_of(has_roles=bool(known_roles(schedule)))
    ]


async def _require_valid(
    tx: Tx, context: RequestContext, schedule_id: str, items: Sequence[Item]
) -> None:
    """Raise ``InvalidRequest``, with the item of each fault, unless all can be created."""
    if not items:
        none = "has nobody for what is meant: there would be no entry"
        raise InvalidRequest([FieldError(f"/{context.document.given}", none)])
    named = [(f"{item.pointer}/{item.whose}", item.user_id) for item in items]
    await require_users(tx, context.org_id, named)
    ids = [item.id for item in items if item.id is not None]
    taken = await taken_ids(tx, context.org_id, ids)
    there = await store.entries_between(tx, context.org_id, schedule_id, *window_of(items))
    overlaps = await context.compute(overlap_errors, items, there)
    if errors := [*id_errors(items, taken), *overlaps]:
        raise InvalidRequest(errors[:MAX_NAMED])


async def read_entry(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return one entry."""
    entry = await store.get_entry(
        tx, context.org_id, context.path["entry_id"], compute=context.compute
    )
    schedule = await get_schedule(tx, context.org_id, entry.schedule_id, context.now)
    return HandlerResult(DataEnvelope(entry_of(entry, schedule.rules.timezone)))


async def delete_entry(tx: Tx, context: RequestContext) -> HandlerResult:
    """Delete an entry and undo its swaps, as far as both are still to come."""
    assignment = await store.deletable_entry(tx, context.org_id, context.path["entry_id"])
    schedule = await lock_schedule(tx, context.org_id, assignment.schedule_id, context.now)
    context.require_match(schedule.version)
    timezone = schedule.rules.timezone
    before = _stretch(assignment.fields.user_id, assignment.from_at, assignment.until_at, timezone)
    left = await take_back(tx, context.org_id, assignment, context.now)
    after = await raise_version(tx, context.org_id, schedule, context.now)
    swaps = await store.swaps_to_come(tx, context.org_id, assignment.id, context.now)
    await store.undo_swaps(tx, context.org_id, swaps, context.now)
    for swap in swaps:
        await record_change(tx, context, after, "swap.deleted", visible_fields(swap_of(swap)), {})
    remaining = _stretch(left.fields.user_id, left.from_at, left.until_at, timezone)
    await record_change(
        tx, context, after, "entry.deleted", {"id": assignment.id, **before}, remaining
    )
    return HandlerResult()


async def swap_entry(tx: Tx, context: RequestContext) -> HandlerResult:
    """Swap an entry with another user's."""
    found = await store.get_entry(
        tx, context.org_id, context.path["entry_id"], context.path.get("id")
    )
    schedule = await lock_schedule(tx, context.org_id, found.schedule_id, context.now)
    context.require_match(schedule.version)
    entry = await store.get_entry(tx, context.org_id, found.id)
    with_user_id = str(context.document.swap_with_user_id)
    await require_users(tx, context.org_id, [("/swap_with_user_id", with_user_id)])
    if with_user_id in entry.user_ids:
        raise InvalidRequest(
            [
                FieldError(
                    "/swap_with_user_id", f"{with_user_id} has this entry already: name another"
                )
            ]
        )
    swap, entries = await store.insert_swap(tx, context.org_id, entry, with_user_id, context.now)
    shown = swap_of(swap, await _shown(tx, context, schedule, entries))
    after = await raise_version(tx, context.org_id, schedule, context.now)
    await record_change(tx, context, after, "swap.created", {}, visible_fields(shown))
    return HandlerResult(DataEnvelope(shown))


async def list_swaps(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the swaps of a schedule."""
    schedule = await get_schedule(tx, context.org_id, context.path["id"], context.now)
    page = await store.swaps_page(tx, context.org_id, schedule.id, context.query.part)
    return HandlerResult(list_envelope(page, [swap_of(swap) for swap in page.rows]))


async def undo_swap(tx: Tx, context: RequestContext) -> HandlerResult:
    """Undo what of a swap is still to come."""
    swap = await store.get_swap(tx, context.org_id, context.path["swap_id"])
    schedule = await lock_schedule(tx, context.org_id, swap.schedule_id, context.now)
    context.require_match(schedule.version)
    await store.undo_swaps(tx, context.org_id, [swap], context.now)
    after = await raise_version(tx, context.org_id, schedule, context.now)
    await record_change(tx, context, after, "swap.deleted", visible_fields(swap_of(swap)), {})
    return HandlerResult()


async def _shown(
    tx: Tx, context: RequestContext, schedule: StoredSchedule, entries: Sequence[StoredEntry]
) -> Sequence[EntryShown]:
    """Return entries as they are on the wire, with what else their people have."""
    shown = []
    for entry in entries:
        whose = (context.org_id, schedule.id, entry.user_ids, entry.role)
        span = (entry.start_at, entry.end_at)
        also = await other_roles(tx, context.compute, *whose, span)
        shown.append(entry_of(entry, schedule.rules.timezone, also))
    return shown


def _stretch(
    user_id: str | None, from_at: int, until_at: int, timezone: str
) -> Mapping[str, str | None]:
    """Return the user and the stretch of an entry for the audit; nothing for an empty stretch."""
    if from_at >= until_at:
        return {}
    start, end = local_text(from_at, timezone), local_text(until_at, timezone)
    return {"user_id": user_id, "start": start, "end": end}
