"""Handlers that answer across schedules: who is on call on each, teams, a person's shifts."""

from collections.abc import Mapping, Sequence
from operator import itemgetter

import msgspec

from app.database.database import Tx
from app.database.pacing import with_pauses
from app.engine.layered.limits import DAY_MS, STEPS
from app.engine.layered.model import OnCall, Segment
from app.errors import TooMuchWork
from app.products.layered.answer import several
from app.teams.on_call.handlers import next_shift, people_named, roles_now
from app.teams.on_call.schemas import ScheduleOnCall, ShiftShown, ShiftsShown, TeamShown
from app.teams.on_call.store import (
    History,
    ask,
    final_schedule_in,
    history_between,
    on_call_of,
    steps_by,
)
from app.teams.operation import HandlerResult, RequestContext
from app.teams.schedules.store import (
    NamedSchedule,
    StoredSchedule,
    schedules_page,
    schedules_with,
    teams_page,
)
from app.teams.schemas import DataEnvelope, bounded, list_envelope
from app.teams.times import local_text, utc_text
from app.teams.users.store import StoredUser, get_user, users_by_id

USUAL_MS = 28 * DAY_MS
"""The window of a person's shifts where none is given."""
LIGHT_BYTES = 64 * 1024
"""The most shifts, in MessagePack, that are put in order on the event loop."""


async def list_on_call(tx: Tx, context: RequestContext) -> HandlerResult:
    """List who is on call, schedule by schedule."""
    query = context.query
    at = context.now if query.at is None else int(query.at)
    team_id = None if query.team_id is None else str(query.team_id)
    page = await schedules_page(tx, context.org_id, query.part, context.now, team_id)
    found = [
        (schedule, await on_call_of(tx, context.compute, context.org_id, schedule.id, at))
        async for schedule in with_pauses(page.rows)
    ]
    named = people_named(on_call for _, on_call in found)
    users = await users_by_id(tx, context.org_id, named)
    return HandlerResult(list_envelope(page, [_on_call(*each, users) for each in found]))


async def list_teams(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the teams that schedules name."""
    page = await teams_page(tx, context.org_id, context.query.part)
    return HandlerResult(list_envelope(page, [TeamShown(*row) for row in page.rows]))


async def list_shifts(tx: Tx, context: RequestContext) -> HandlerResult:
    """List a person's shifts on all schedules."""
    user = await get_user(tx, context.org_id, context.path["id"])
    query = context.query
    from_at = context.now if query.from_at is None else int(query.from_at)
    to_at = from_at + USUAL_MS if query.to_at is None else int(query.to_at)
    parts: list[bytes] = []
    left = STEPS
    for schedule in await schedules_with(tx, context.org_id, user.id, from_at, context.now):
        history = await history_between(tx, context.org_id, schedule.id, from_at, to_at)
        found = await ask(
            context.compute, history, from_at, to_at, _shifts_in, user.id, schedule, left
        )
        if found is None:
            raise TooMuchWork("these are too many schedules for so long a window: ask for less")
        steps, shifts = found
        left -= steps
        parts.append(shifts)
    window = (utc_text(from_at), utc_text(to_at))
    if sum(map(len, parts)) > LIGHT_BYTES:
        answer = await context.compute(_shifts_json, user.id, window, parts)
    else:
        answer = _shifts_json(user.id, window, parts)
    return HandlerResult(msgspec.Raw(answer))


def _shifts_in(
    history: History, from_at: int, to_at: int, user_id: str, schedule: NamedSchedule, left: int
) -> tuple[int, bytes] | None:
    """Return the steps that this took, and the shifts of a user by one schedule, in MessagePack.

    Returns ``None`` if it would take more steps than are ``left``. Raises the engine's limits.
    """
    steps = steps_by(history.versions(), len(history.assignments), from_at, to_at)
    if steps > left:
        return None
    found = final_schedule_in(history, from_at, to_at).segments_and_roles
    shifts = [
        (segment.start_at, _shift(schedule, segment, role))
        for segment, role in found
        if user_id in segment.user_ids
    ]
    return steps, msgspec.msgpack.encode(shifts)


def _shifts_json(user_id: str, window: tuple[str, str], parts: Sequence[bytes]) -> bytes:
    """Write the answer to ``list_shifts``, in order of time. Raises ``TooMuchWork``."""
    kind = list[tuple[int, ShiftShown]]
    shifts = [shift for part in parts for shift in msgspec.msgpack.decode(part, type=kind)]
    shifts.sort(key=itemgetter(0))
    shown = ShiftsShown(user_id, *window, [shift for _, shift in shifts])
    return bounded(msgspec.json.encode(DataEnvelope(shown)))


def _on_call(
    schedule: StoredSchedule, found: OnCall, users: Mapping[str, StoredUser]
) -> ScheduleOnCall:
    timezone = schedule.rules.timezone
    user = users.get(found.user_id or "")
    since, until = (
        None if at is None else local_text(at, timezone) for at in (found.since, found.until)
    )
    return ScheduleOnCall(
        schedule.id,
        schedule.fields.name,
        schedule.fields.team_id,
        timezone,
        found.user_id,
        user.name if user else None,
        user.email if user else None,
        since,
        until,
        next_shift(schedule.id, timezone, found, users),
        several(found.user_ids),
        found.closed.reason if found.closed else None,
        found.role,
        roles_now(schedule.id, timezone, found, users),
    )


def _shift(schedule: NamedSchedule, segment: Segment, role: str | None) -> ShiftShown:
    return ShiftShown(
        schedule.id,
        schedule.name,
        local_text(segment.start_at, schedule.timezone),
        local_text(segment.end_at, schedule.timezone),
        segment.source,
        segment.layer,
        segment.override.id if segment.override else None,
        segment.entry.id if segment.entry else None,
        segment.starts_before,
        segment.ends_after,
        role,
    )
