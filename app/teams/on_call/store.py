"""What the engine must know of a stored schedule to answer for an instant or a window.

Strategy: rules are few and all read; overrides and entries may be many, so those around the
question are read, and more if the answer turns out to reach beyond them. An instant is answered at
once; a window is laid out in another thread, and no more of it than is done within about a second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.tables import schedule_versions
from app.engine.layered.limits import DAY_MS, EARLIEST_AT, check_work
from app.engine.layered.model import FinalSchedule, OnCall, Schedule
from app.engine.layered.shifts import ScheduleShift, shifts_between
from app.engine.layered.versions import (
    ScheduleVersion,
    final_schedule,
    on_call_at,
    validity_intervals,
)
from app.errors import NotFound
from app.teams.overrides.store import ManualAssignment, assignments_near
from app.teams.schedules.store import layers_in

REACH_MS = 45 * DAY_MS
"""So far ahead is read at first."""

T = TypeVar("T")
Span = tuple[int, int]

VERSIONS = (
    select(
        schedule_versions.c.number,
        schedule_versions.c.valid_from,
        schedule_versions.c.timezone,
        schedule_versions.c.layers,
    )
    .where(
        schedule_versions.c.org_id == bindparam("org"),
        schedule_versions.c.schedule_id == bindparam("schedule"),
    )
    .order_by(schedule_versions.c.number)
)


@dataclass(frozen=True, slots=True)
class History:
    """A schedule's rules, oldest first, and its overrides and entries around a window."""

    versions: Sequence[ScheduleVersion]
    assignments: Sequence[ManualAssignment]


async def history_between(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> History:
    """What is known of a schedule in ``[from_at, to_at)``. Raises ``NotFound``."""
    whose = {"org": org_id, "schedule": schedule_id}
    kept = (await tx.execute(VERSIONS, whose)).all()
    if not kept:
        raise NotFound(f"there is no schedule {schedule_id}")
    near = await assignments_near(tx, org_id, schedule_id, from_at, to_at)
    overrides = tuple(assignment.override for assignment in near if assignment.kind == "override")
    entries = tuple(assignment.entry for assignment in near if assignment.kind == "entry")
    versions = [
        ScheduleVersion(
            valid_from, Schedule(timezone, layers_in(layers), overrides, entries), number
        )
        for number, valid_from, timezone, layers in kept
    ]
    return History(versions, near)


async def on_call_of(tx: AsyncConnection, org_id: str, schedule_id: str, at: int) -> OnCall:
    """Who is on call at ``at``, and who follows. Raises ``NotFound`` and the engine's bounds."""
    found: OnCall

    async def reach(history: History) -> Span:
        nonlocal found
        found = on_call_at(history.versions, at)
        since = EARLIEST_AT if found.since is None else found.since
        ended = (
            assignment.until_at for assignment in history.assignments if assignment.until_at <= at
        )
        hidden = max(ended, default=since) > since  # one before it may have been seen
        return since if hidden else at, _end_of(found) + 1

    await _history_reaching(tx, org_id, schedule_id, (at, at + REACH_MS), reach)
    return found


async def shifts_of(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> tuple[Sequence[ScheduleShift], History]:
    """The shifts that meet ``[from_at, to_at)``, and what they were made of.

    Raises ``NotFound`` and the engine's bounds.
    """
    shifts: Sequence[ScheduleShift] = ()

    async def reach(history: History) -> Span:
        nonlocal shifts
        shifts = await _lay_out(shifts_between, history, from_at, to_at)
        starts = [shift.start_at for shift in shifts]
        return min(starts, default=from_at), max((shift.end_at for shift in shifts), default=to_at)

    history = await _history_reaching(tx, org_id, schedule_id, (from_at, to_at), reach)
    return shifts, history


async def final_schedule_of(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> FinalSchedule:
    """Who is on call over a window. Raises ``NotFound`` and the engine's bounds."""
    history = await history_between(tx, org_id, schedule_id, from_at, to_at)
    return await _lay_out(final_schedule, history, from_at, to_at)


async def _lay_out(
    lay_out: Callable[[Sequence[ScheduleVersion], int, int], T],
    history: History,
    from_at: int,
    to_at: int,
) -> T:
    """A window of a history, laid out beside the event loop. Raises ``TooMuchWork``."""
    for version, (start, end) in zip(
        history.versions, validity_intervals(history.versions), strict=True
    ):
        if start < to_at and from_at < end:  # rules of another time take nothing
            check_work(version.schedule.layers, len(history.assignments), (), to_at - from_at)
    return await asyncio.to_thread(lay_out, history.versions, from_at, to_at)


async def _history_reaching(
    tx: AsyncConnection,
    org_id: str,
    schedule_id: str,
    span: Span,
    reach: Callable[[History], Awaitable[Span]],
) -> History:
    """A history that holds all that ``reach`` says its answer touches."""
    while True:
        history = await history_between(tx, org_id, schedule_id, *span)
        first, last = await reach(history)
        if span[0] <= first and last <= span[1]:
            return history
        span = (min(span[0], first), max(span[1], last + REACH_MS))


def _end_of(found: OnCall) -> int:
    """The last instant that an answer speaks of."""
    return max(found.at, found.until or found.at, found.next.at if found.next else found.at)
