"""Handlers of entries and swaps."""

from collections.abc import Mapping

from app.database.database import Tx
from app.database.ids import new_id
from app.database.pages import Page
from app.engine.layered.limits import check_window
from app.errors import FieldError, InvalidRequest, OutOfBounds
from app.teams.audit.handlers import record_change
from app.teams.entries.schemas import entry_document_of, swap_document_of
from app.teams.entries.store import (
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
from app.teams.operation import V2, Answer, Call
from app.teams.overrides.store import (
    new_cover,
    taken_back,
)
from app.teams.schedules.store import (
    locked,
    raised,
    schedule_of,
)
from app.teams.schemas import One, many, writable
from app.teams.times import local_days, local_text
from app.teams.users.named import require_people


async def list_entries(tx: Tx, call: Call) -> Answer:
    query = call.query
    schedule = await schedule_of(tx, call.org_id, call.path["id"])
    timezone = schedule.rules.timezone
    from_at, to_at = local_days(query.start_date, query.end_date, timezone)
    try:
        check_window(from_at, to_at)
    except OutOfBounds as error:  # by an hour, where the days have a clock change or end all time
        raise InvalidRequest([FieldError("end_date", error.detail)]) from error
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
    await record_change(tx, call, after, "entry.created", {}, writable(shown))
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
        await record_change(tx, call, after, "swap.deleted", writable(swap_document_of(swap)), {})
    kept = _stretch(left.fields.user_id, left.from_at, left.until_at, timezone)
    await record_change(tx, call, after, "entry.deleted", {"id": cover.id, **before}, kept)
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
            [
                FieldError(
                    "/swap_with_user_id", f"{with_user_id} has this entry already: name another"
                )
            ]
        )
    swap, entries = await made_swap(tx, call.org_id, entry, with_user_id, call.now)
    shown = swap_document_of(swap, entries, schedule.rules.timezone)
    after = await raised(tx, call.org_id, schedule, call.now)
    await record_change(tx, call, after, "swap.created", {}, writable(shown))
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
    await record_change(tx, call, after, "swap.deleted", writable(swap_document_of(swap)), {})
    return Answer()


def _stretch(user_id: str, from_at: int, until_at: int, timezone: str) -> Mapping[str, str]:
    """What an entry covers, for the audit; nothing of an empty one."""
    if from_at >= until_at:
        return {}
    start, end = local_text(from_at, timezone), local_text(until_at, timezone)
    return {"user_id": user_id, "start": start, "end": end}
