"""Who is on call for a team now, by its schedules, oldest first (``schedules.md``, Stored)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from app.api.stored.documents import Instant
from app.api.stored.operations import Answer, Call
from app.api.stored.times import local_text
from app.engine.layered.model import OnCall
from app.errors import NotFound
from app.storage.database import Tx
from app.storage.history import on_call_of
from app.storage.paced import paced
from app.storage.people import Person, people_of
from app.storage.schedules import StoredSchedule, schedules_of_team


class CurrentShift(Struct, frozen=True):
    """Who is on call now, and for which shift."""

    user_id: str
    name: str | None
    email: str | None
    shift_start: Annotated[Instant, Meta(description="Null: it was always so.")] | None
    shift_end: Annotated[Instant, Meta(description="Null: nothing will ever change.")] | None


class NextShift(Struct, frozen=True):
    """Who follows on the same schedule, or comes first where nobody is on call."""

    user_id: str
    name: str | None
    email: str | None
    at: Instant
    schedule_id: str


class ScheduleNow(Struct, frozen=True):
    """Who has one of the team's schedules."""

    schedule_id: str
    name: str
    user_id: str | None
    shift_start: Instant | None
    shift_end: Instant | None


class CurrentOnCall(Struct, frozen=True):
    """Who is on call for a team: by its first schedule, oldest first, that has somebody."""

    team_id: str
    on_call: CurrentShift | None
    next: NextShift | None
    schedules: Sequence[ScheduleNow]


async def current(tx: Tx, call: Call) -> Answer:
    at = call.now if call.query.at is None else int(call.query.at)
    team_id = call.path["team_id"]
    schedules = await schedules_of_team(tx, call.org_id, team_id)
    if not schedules:
        raise NotFound(f"no schedule has the team {team_id}")
    found = [
        (schedule, await on_call_of(tx, call.org_id, schedule.id, at))
        async for schedule in paced(schedules)
    ]
    return _current(team_id, found, await people_of(tx, call.org_id, _named(found)))


def _named(found: Sequence[tuple[StoredSchedule, OnCall]]) -> Iterator[str | None]:
    for _, on_call in found:
        yield on_call.user_id
        yield on_call.next.user_id if on_call.next else None


def _current(
    team_id: str, found: Sequence[tuple[StoredSchedule, OnCall]], people: Mapping[str, Person]
) -> Answer:
    rows = [_now(schedule, on_call) for schedule, on_call in found]
    first = next((each for each in found if each[1].duty), None)
    coming = [each for each in ([first] if first else found) if each[1].next]
    soonest = min(coming, key=lambda each: _next_at(each[1]), default=None)
    on_call = None
    if first:
        row = _now(*first)
        on_call = CurrentShift(
            str(row.user_id), *_contact(people, row.user_id), row.shift_start, row.shift_end
        )
    return Answer(CurrentOnCall(team_id, on_call, _next(soonest, people), rows))


def _now(schedule: StoredSchedule, on_call: OnCall) -> ScheduleNow:
    timezone = schedule.rules.timezone
    since, until = (
        None if at is None else local_text(at, timezone) for at in (on_call.since, on_call.until)
    )
    return ScheduleNow(schedule.id, schedule.fields.name, on_call.user_id, since, until)


def _next_at(on_call: OnCall) -> int:
    return on_call.next.at if on_call.next else 0


def _next(
    found: tuple[StoredSchedule, OnCall] | None, people: Mapping[str, Person]
) -> NextShift | None:
    if found is None or found[1].next is None:
        return None
    schedule, follows = found[0], found[1].next
    at = local_text(follows.at, schedule.rules.timezone)
    return NextShift(follows.user_id, *_contact(people, follows.user_id), at, schedule.id)


def _contact(people: Mapping[str, Person], user_id: str | None) -> tuple[str | None, str | None]:
    person = people.get(user_id or "")
    return (person.name, person.email) if person else (None, None)
