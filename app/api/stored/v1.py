"""Handlers of the v1 API: schedules of layers, overrides, who is on call at an instant."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.api.stored.cover_documents import override_of
from app.api.stored.documents import (
    READ_ONLY,
    Instant,
    One,
    audit_entry_of,
    many,
)
from app.api.stored.lookups import participants_in, require_people
from app.api.stored.operations import V1, Answer, Call
from app.api.stored.patches import patched
from app.api.stored.schedule_documents import (
    V1Schedule,
    V1SchedulePost,
    v1_schedule_of,
    writable,
)
from app.api.stored.times import utc_text
from app.engine.layered.model import FinalSchedule, OnCall
from app.errors import Conflict, NotFound
from app.products.layered.answer import Source
from app.storage.audit import changed, noted, notes_of
from app.storage.covers import (
    cover_of,
    made_cover,
    new_cover,
    overrides_page,
    overrides_to_come,
    taken_back,
)
from app.storage.database import Tx
from app.storage.history import final_schedule_of, on_call_of
from app.storage.ids import new_id
from app.storage.paced import paced
from app.storage.people import Person, people_of
from app.storage.schedules import (
    StoredSchedule,
    changed_schedule,
    locked,
    made_schedule,
    raised,
    removed_schedule,
    schedule_of,
    schedules_page,
)


class OnCallShown(Struct, frozen=True):
    """Who is on call at an instant. With nobody, ``until`` is when somebody is."""

    schedule_id: str
    at: Instant
    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    user_email: str | None
    layer: Annotated[str, Meta(description="The name of the layer, if it is one.")] | None
    until: Annotated[Instant, Meta(description="Null: nothing will ever change.")] | None
    user_name: str | None
    source: Source | None
    override_id: str | None
    entry_id: str | None


class SegmentShown(Struct, frozen=True):
    """A maximal stretch with one person from one source, cut to the window."""

    start: Instant
    end: Instant
    user_id: str
    source: Literal["layer", "override", "entry"]
    layer: str | None
    override_id: str | None
    entry_id: str | None


class GapShown(Struct, frozen=True):
    """A maximal stretch with nobody on call, cut to the window."""

    start: Instant
    end: Instant


class FinalScheduleShown(Struct, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """Who is on call over a window, and when nobody is."""

    schedule_id: str
    from_at: Instant
    to_at: Instant
    segments: list[SegmentShown]
    gaps: list[GapShown]


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
    await note(tx, call, schedule, "schedule.deleted", shown, {})
    return Answer()


async def on_call(tx: Tx, call: Call) -> Answer:
    at = call.now if call.query.at is None else int(call.query.at)
    found = await on_call_of(tx, call.org_id, call.path["id"], at)
    people = await people_of(tx, call.org_id, [found.user_id])
    return _on_call(call.path["id"], found, people)


async def final_schedule(tx: Tx, call: Call) -> Answer:
    from_at, to_at = int(call.query.from_at), int(call.query.to_at)
    final = await final_schedule_of(tx, call.org_id, call.path["id"], from_at, to_at)
    return Answer(One(await asyncio.to_thread(_final, call.path["id"], final)))


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
    await note(tx, call, after, "override.created", {}, writable(shown))
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
    await note(tx, call, after, "override.cancelled", before, now)
    return Answer()


async def list_audit(tx: Tx, call: Call) -> Answer:
    """The row of either API; of a schedule that was deleted, too."""
    schedule_id = call.path["id"]
    page = await notes_of(tx, call.org_id, schedule_id, call.query.part)
    if not page.total:  # one that was deleted has some
        raise NotFound(f"there is no schedule {schedule_id}")
    return Answer(many(page, call.query.part, [audit_entry_of(note) for note in page.rows]))


async def note(
    tx: Tx,
    call: Call,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    """Write down what a call did to a schedule."""
    changes = {
        name: change
        for name, change in changed(before, after).items()
        if name not in ("version", "updated_at")
    }
    await noted(
        tx,
        call.actor,
        schedule.id,
        now=call.now,
        action=action,
        version=schedule.version,
        changes=changes,
    )


async def _written(
    tx: Tx,
    call: Call,
    schedule: StoredSchedule,
    action: str,
    before: Mapping[str, object],
) -> Answer:
    """The answer with a schedule that was made or changed, noted."""
    shown = await _shown(tx, call, schedule)
    await note(tx, call, schedule, action, before, writable(shown))
    return _answer(schedule, shown)


def _answer(schedule: StoredSchedule, shown: V1Schedule) -> Answer:
    return Answer(One(shown), schedule.version, f"{V1}/schedules/{schedule.id}")


async def _shown(tx: Tx, call: Call, schedule: StoredSchedule) -> V1Schedule:
    overrides = await overrides_to_come(tx, call.org_id, [schedule.id], call.now)
    return v1_schedule_of(schedule, overrides[schedule.id])


def _final(schedule_id: str, final: FinalSchedule) -> FinalScheduleShown:
    segments = [
        SegmentShown(
            utc_text(segment.start_at),
            utc_text(segment.end_at),
            segment.user_id,
            segment.source,
            segment.layer,
            segment.override.id if segment.override else None,
            segment.entry.id if segment.entry else None,
        )
        for segment in final.segments
    ]
    gaps = [GapShown(utc_text(gap.start_at), utc_text(gap.end_at)) for gap in final.gaps]
    window = (utc_text(final.from_at), utc_text(final.to_at))
    return FinalScheduleShown(schedule_id, *window, segments, gaps)


def _on_call(schedule_id: str, found: OnCall, people: Mapping[str, Person]) -> Answer:
    duty = found.duty
    person = people.get(duty.user_id) if duty else None
    shown = OnCallShown(
        schedule_id,
        utc_text(found.at),
        found.user_id,
        person.email if person else None,
        duty.layer if duty else None,
        None if found.until is None else utc_text(found.until),
        person.name if person else None,
        duty.source if duty else None,
        duty.override.id if duty and duty.override else None,
        duty.entry.id if duty and duty.entry else None,
    )
    return Answer(One(shown))
