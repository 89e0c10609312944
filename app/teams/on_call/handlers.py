"""Handlers that answer who is on call: at an instant, over a window, and for a team now.

Of a team's schedules the oldest with somebody on call counts (rule 25 of ``schedules.md``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from app.database.database import Tx
from app.engine.layered.model import OnCall
from app.errors import NotFound
from app.products.layered.answer import passed_over, several, stretches_passed_over
from app.teams.on_call.schemas import (
    CurrentOnCall,
    CurrentShift,
    FinalScheduleShown,
    GapShown,
    NextShift,
    OnCallShown,
    PersonOnCall,
    RoleNow,
    RoleOnCallShown,
    ScheduleNow,
    SegmentShown,
)
from app.teams.on_call.store import (
    History,
    ask,
    final_schedule_in,
    history_between,
    on_call_of,
    on_call_of_team,
)
from app.teams.operation import HandlerResult, RequestContext
from app.teams.schedules.store import NamedSchedule
from app.teams.schemas import DataEnvelope, bounded
from app.teams.times import local_text, utc_text
from app.teams.users.store import StoredUser, users_by_id


async def read_on_call(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return who is on call by a schedule at an instant."""
    at = context.now if context.query.at is None else int(context.query.at)
    found = await on_call_of(tx, context.compute, context.org_id, context.path["id"], at)
    users = await users_by_id(tx, context.org_id, [each.user_id for each in found.parts])
    return _on_call(context.path["id"], found, users)


async def read_final_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return who is on call by a schedule over a window, and its gaps."""
    from_at, to_at = int(context.query.from_at), int(context.query.to_at)
    schedule_id = context.path["id"]
    history = await history_between(tx, context.org_id, schedule_id, from_at, to_at)
    answer = await ask(context.compute, history, from_at, to_at, _final_json, schedule_id)
    return HandlerResult(msgspec.Raw(answer))


async def read_current_on_call(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return who is on call for a team, and who is next."""
    at = context.now if context.query.at is None else int(context.query.at)
    team_id = context.path["team_id"]
    found = await on_call_of_team(tx, context.compute, context.org_id, team_id, at, context.now)
    if not found:
        raise NotFound(f"no schedule has the team {team_id}")
    return _current(
        team_id,
        found,
        await users_by_id(tx, context.org_id, people_named(on_call for _, on_call in found)),
    )


def _on_call(schedule_id: str, found: OnCall, users: Mapping[str, StoredUser]) -> HandlerResult:
    shown = OnCallShown(
        schedule_id=schedule_id,
        at=utc_text(found.at),
        **_fields(found, users),
        role=found.role,
        roles=[RoleOnCallShown(role=str(each.role), **_fields(each, users)) for each in found.roles]
        or (),
    )
    return HandlerResult(DataEnvelope(shown))


def _fields(found: OnCall, users: Mapping[str, StoredUser]) -> dict[str, Any]:
    """Return what says who is on call, alike for a schedule and for one of its roles."""
    assignment, closed = found.assignment, found.closed
    user = users.get(assignment.user_id) if assignment else None
    override = assignment.override if assignment else closed
    return {
        "user_id": found.user_id,
        "user_email": user.email if user else None,
        "layer": assignment.layer if assignment else None,
        "until": None if found.until is None else utc_text(found.until),
        "user_name": user.name if user else None,
        "source": assignment.source if assignment else "override" if closed else None,
        "override_id": override.id if override else None,
        "entry_id": assignment.entry.id if assignment and assignment.entry else None,
        "user_ids": several(found.user_ids),
        "passed_over": passed_over(assignment.passed_over) if assignment else (),
        "reason": closed.reason if closed else None,
    }


def _final_json(history: History, from_at: int, to_at: int, schedule_id: str) -> bytes:
    """Write the answer to ``read_final_schedule``. Raises the engine's limits."""
    final = final_schedule_in(history, from_at, to_at)
    segments = [
        SegmentShown(
            utc_text(segment.start_at),
            utc_text(segment.end_at),
            segment.user_id,
            segment.source,
            segment.layer,
            segment.override.id if segment.override else None,
            segment.entry.id if segment.entry else None,
            several(segment.user_ids),
            stretches_passed_over(segment.passed_over, utc_text),
            role,
        )
        for segment, role in final.segments_and_roles
    ]
    gaps = [
        GapShown(
            utc_text(gap.start_at),
            utc_text(gap.end_at),
            gap.override.id if gap.override else None,
            gap.override.reason if gap.override else None,
            role,
        )
        for gap, role in final.gaps_and_roles
    ]
    window = (utc_text(final.from_at), utc_text(final.to_at))
    shown = FinalScheduleShown(schedule_id, *window, segments, gaps)
    return bounded(msgspec.json.encode(DataEnvelope(shown)))


def people_named(found: Iterable[OnCall]) -> Iterator[str | None]:
    """Yield who is on call and who is next, ``None`` for nobody."""
    for on_call in found:
        for each in on_call.parts:
            yield from each.user_ids
            yield each.next.user_id if each.next else None


def _current(
    team_id: str, found: Sequence[tuple[NamedSchedule, OnCall]], users: Mapping[str, StoredUser]
) -> HandlerResult:
    rows = [_now(*each, users) for each in found]
    first = next((each for each in found if each[1].assignment), None)
    coming = [each for each in ([first] if first else found) if each[1].next]
    soonest = min(coming, key=lambda each: _next_at(each[1]), default=None)
    on_call = _shift(first[0].timezone, first[1], users) if first else None
    following = None
    if soonest:
        schedule, next_on_call = soonest
        following = next_shift(schedule.id, schedule.timezone, next_on_call, users)
    return HandlerResult(CurrentOnCall(team_id, on_call, following, rows))


def _now(schedule: NamedSchedule, on_call: OnCall, users: Mapping[str, StoredUser]) -> ScheduleNow:
    return ScheduleNow(
        *(schedule.id, schedule.name, on_call.user_id, *_span(schedule.timezone, on_call)),
        several(on_call.user_ids),
        on_call.closed.reason if on_call.closed else None,
        on_call.role,
        roles_now(schedule.id, schedule.timezone, on_call, users),
    )


def roles_now(
    schedule_id: str, timezone: str, on_call: OnCall, users: Mapping[str, StoredUser]
) -> Sequence[RoleNow]:
    """Return who is on call in each role, by the clock of ``timezone``; nothing without roles."""
    return tuple(
        RoleNow(
            str(each.role),
            _shift(timezone, each, users),
            next_shift(schedule_id, timezone, each, users),
            each.closed.reason if each.closed else None,
        )
        for each in on_call.roles
    )


def _shift(timezone: str, on_call: OnCall, users: Mapping[str, StoredUser]) -> CurrentShift | None:
    """Return who is on call, and for which shift; ``None`` for nobody."""
    if on_call.assignment is None:
        return None
    first, together = on_call.assignment.user_id, several(on_call.user_ids)
    return CurrentShift(
        *(first, *_contact(users, first), *_span(timezone, on_call)),
        together,
        [PersonOnCall(each, *_contact(users, each)) for each in together] or (),
        passed_over(on_call.assignment.passed_over),
        on_call.role,
    )


def _span(timezone: str, on_call: OnCall) -> tuple[str | None, str | None]:
    since, until = (
        None if at is None else local_text(at, timezone) for at in (on_call.since, on_call.until)
    )
    return since, until


def _next_at(on_call: OnCall) -> int:
    return on_call.next.at if on_call.next else 0


def next_shift(
    schedule_id: str, timezone: str, found: OnCall, users: Mapping[str, StoredUser]
) -> NextShift | None:
    """Return who follows on a schedule, by the clock of ``timezone``; ``None`` for nobody."""
    follows = found.next
    if follows is None:
        return None
    contact = _contact(users, follows.user_id)
    at = local_text(follows.at, timezone)
    together = several(follows.user_ids)
    return NextShift(follows.user_id, *contact, at, schedule_id, together, found.role)


def _contact(users: Mapping[str, StoredUser], user_id: str | None) -> tuple[str | None, str | None]:
    user = users.get(user_id or "")
    return (user.name, user.email) if user else (None, None)
