"""Handlers of the v2 API: schedules of one rotation, entries and swaps, who is on call now."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.stored.cover_documents import entry_document_of, swap_document_of
from app.api.stored.documents import READ_ONLY, One, many
from app.api.stored.lookups import require_people
from app.api.stored.operations import V2, Answer, Call
from app.api.stored.patches import merge_patch, patched
from app.api.stored.schedule_documents import (
    V2SchedulePatch,
    V2SchedulePost,
    is_turned,
    v2_schedule_of,
    writable,
)
from app.api.stored.times import local_days, local_text
from app.api.stored.v1 import note
from app.engine.layered.limits import check_window
from app.errors import Fault, InvalidRequest, OutOfBounds
from app.storage.covers import new_cover, taken_back
from app.storage.database import Tx
from app.storage.entries import (
    entries_between,
    entry_of,
    entry_to_be_deleted,
    made_entry,
    made_swap,
    swap_of,
    swaps_page,
    swaps_to_come,
    undone_swaps,
)
from app.storage.ids import new_id
from app.storage.paced import paced
from app.storage.paging import Page
from app.storage.schedules import (
    StoredSchedule,
    changed_schedule,
    locked,
    made_schedule,
    raised,
    schedule_of,
    schedules_page,
)


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


async def list_entries(tx: Tx, call: Call) -> Answer:
    query = call.query
    schedule = await schedule_of(tx, call.org_id, call.path["id"])
    timezone = schedule.rules.timezone
    from_at, to_at = local_days(query.start_date, query.end_date, timezone)
    try:
        check_window(from_at, to_at)
    except OutOfBounds as error:  # by an hour, where the days have a clock change or end all time
        raise InvalidRequest([Fault("end_date", error.detail)]) from error
    entries = await entries_between(tx, call.org_id, schedule.id, from_at, to_at)
    if query.user_id is not None:
        entries = [entry for entry in entries if entry.user_id == query.user_id]
    shown = entries[query.offset : query.offset + query.limit]
    page = Page(shown, len(entries))
    return Answer(many(page, query.part, [entry_document_of(each, timezone) for each in shown]))


async def create_entry(tx: Tx, call: Call) -> Answer:
    schedule = await locked(tx, call.org_id, call.path["id"])
    call.require_match(schedule.version)
    await require_people(tx, call.org_id, [("/user_id", str(call.document.user_id))])
    entry_id = call.document.id or new_id(call.now, "entry_")
    cover = new_cover("entry", entry_id, schedule.id, call.document.fields, call.now)
    await made_entry(tx, call.org_id, cover, call.now)
    entry = await entry_of(tx, call.org_id, entry_id)
    shown = entry_document_of(entry, schedule.rules.timezone)
    after = await raised(tx, call.org_id, schedule, call.now)
    await note(tx, call, after, "entry.created", {}, writable(shown))
    return Answer(One(shown), location=f"{V2}/entries/{entry_id}")


async def read_entry(tx: Tx, call: Call) -> Answer:
    entry = await entry_of(tx, call.org_id, call.path["entry_id"])
    schedule = await schedule_of(tx, call.org_id, entry.schedule_id)
    return Answer(One(entry_document_of(entry, schedule.rules.timezone)))


async def delete_entry(tx: Tx, call: Call) -> Answer:
    """Its swaps, as far as they are to come, are undone with it."""
    cover = await entry_to_be_deleted(tx, call.org_id, call.path["entry_id"])
    schedule = await locked(tx, call.org_id, cover.schedule_id)
    call.require_match(schedule.version)
    timezone = schedule.rules.timezone
    before = _stretch(cover.fields.user_id, cover.from_at, cover.until_at, timezone)
    left = await taken_back(tx, call.org_id, cover, call.now)
    after = await raised(tx, call.org_id, schedule, call.now)
    swaps = await swaps_to_come(tx, call.org_id, cover.id, call.now)
    await undone_swaps(tx, call.org_id, swaps, call.now)
    for swap in swaps:
        await note(tx, call, after, "swap.deleted", writable(swap_document_of(swap)), {})
    kept = _stretch(left.fields.user_id, left.from_at, left.until_at, timezone)
    await note(tx, call, after, "entry.deleted", {"id": cover.id, **before}, kept)
    return Answer()


async def swap_entry(tx: Tx, call: Call) -> Answer:
    found = await entry_of(tx, call.org_id, call.path["entry_id"], call.path.get("id"))
    schedule = await locked(tx, call.org_id, found.schedule_id)
    call.require_match(schedule.version)
    entry = await entry_of(tx, call.org_id, found.id)
    with_user_id = str(call.document.swap_with_user_id)
    await require_people(tx, call.org_id, [("/swap_with_user_id", with_user_id)])
    if entry.user_id == with_user_id:
        raise InvalidRequest(
            [Fault("/swap_with_user_id", f"{with_user_id} has this entry already: name another")]
        )
    swap, entries = await made_swap(tx, call.org_id, entry, with_user_id, call.now)
    shown = swap_document_of(swap, entries, schedule.rules.timezone)
    after = await raised(tx, call.org_id, schedule, call.now)
    await note(tx, call, after, "swap.created", {}, writable(shown))
    return Answer(One(shown))


async def list_swaps(tx: Tx, call: Call) -> Answer:
    schedule = await schedule_of(tx, call.org_id, call.path["id"])
    page = await swaps_page(tx, call.org_id, schedule.id, call.query.part)
    return Answer(many(page, call.query.part, [swap_document_of(swap) for swap in page.rows]))


async def undo_swap(tx: Tx, call: Call) -> Answer:
    swap = await swap_of(tx, call.org_id, call.path["swap_id"])
    schedule = await locked(tx, call.org_id, swap.schedule_id)
    call.require_match(schedule.version)
    await undone_swaps(tx, call.org_id, [swap], call.now)
    after = await raised(tx, call.org_id, schedule, call.now)
    await note(tx, call, after, "swap.deleted", writable(swap_document_of(swap)), {})
    return Answer()


def _stretch(user_id: str, from_at: int, until_at: int, timezone: str) -> Mapping[str, str]:
    """What an entry covers, for the audit; nothing of an empty one."""
    if from_at >= until_at:
        return {}
    start, end = local_text(from_at, timezone), local_text(until_at, timezone)
    return {"user_id": user_id, "start": start, "end": end}


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
    await note(tx, call, schedule, action, before, writable(v2_schedule_of(schedule)))
    return _answer(schedule)


def _answer(schedule: StoredSchedule) -> Answer:
    shown = v2_schedule_of(schedule)
    return Answer(One(shown), schedule.version, f"{V2}/schedules/{schedule.id}")
