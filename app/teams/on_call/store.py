"""Loads as much of a stored schedule as the engine needs to answer for an instant or a window.

Strategy: a schedule has few versions and all are read. It may have many overrides and entries, so
only those around the question are read, and more if the answer turns out to reach beyond them. An
instant is answered on the event loop; a window is laid out in another thread, and refused if that
would take more than about a second.
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
"""How far ahead is read at first."""

T = TypeVar("T")
Span = tuple[int, int]

VERSION = schedule_versions.c
VERSIONS = (
    select(VERSION.number, VERSION.valid_from, VERSION.timezone, VERSION.layers)
    .where(VERSION.org_id == bindparam("org"), VERSION.schedule_id == bindparam("schedule"))
    .order_by(VERSION.number)
)


@dataclass(frozen=True, slots=True)
class History:
    """A schedule's versions, oldest first, and its manual assignments around a window."""

    versions: Sequence[ScheduleVersion]
    assignments: Sequence[ManualAssignment]


async def history_between(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> History:
    """Return a schedule as far as it matters in ``[from_at, to_at)``. Raises ``NotFound``."""
    whose = {"org": org_id, "schedule": schedule_id}
    rows = (await tx.execute(VERSIONS, whose)).all()
    if not rows:
        raise NotFound(f"there is no schedule {schedule_id}")
    near = await assignments_near(tx, org_id, schedule_id, from_at, to_at)
    overrides = tuple(assignment.override for assignment in near if assignment.kind == "override")
    entries = tuple(assignment.entry for assignment in near if assignment.kind == "entry")
    versions = [
        ScheduleVersion(
            valid_from, Schedule(timezone, layers_in(layers), overrides, entries), number
        )
        for number, valid_from, timezone, layers in rows
    ]
    return History(versions, near)


async def on_call_of(tx: AsyncConnection, org_id: str, schedule_id: str, at: int) -> OnCall:
    """Return who is on call at ``at`` and who is next.

    Raises ``NotFound`` and the engine's limits.
    """
    found: OnCall

    async def reach(history: History) -> Span:
        """Answer by ``history`` and return the stretch that the answer depends on."""
        nonlocal found
        found = on_call_at(history.versions, at)
        since = EARLIEST_AT if found.since is None else found.since
        ended = (
            assignment.until_at for assignment in history.assignments if assignment.until_at <= at
        )
        hidden = max(ended, default=since) > since  # an earlier assignment may matter
        return since if hidden else at, _end_of(found) + 1

    await _history_reaching(tx, org_id, schedule_id, (at, at + REACH_MS), reach)
    return found


async def shifts_of(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> tuple[Sequence[ScheduleShift], History]:
    """Return the shifts that meet ``[from_at, to_at)`` and the history that they were made from.

    Raises ``NotFound`` and the engine's limits.
    """
    shifts: Sequence[ScheduleShift] = ()

    async def reach(history: History) -> Span:
        """Lay the shifts out and return the stretch that they cover."""
        nonlocal shifts
        shifts = await _lay_out(shifts_between, history, from_at, to_at)
        starts = [shift.start_at for shift in shifts]
        return min(starts, default=from_at), max((shift.end_at for shift in shifts), default=to_at)

    history = await _history_reaching(tx, org_id, schedule_id, (from_at, to_at), reach)
    return shifts, history


async def final_schedule_of(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> FinalSchedule:
    """Return who is on call over a window. Raises ``NotFound`` and the engine's limits."""
    history = await history_between(tx, org_id, schedule_id, from_at, to_at)
    return await _lay_out(final_schedule, history, from_at, to_at)


async def _lay_out(
    lay_out: Callable[[Sequence[ScheduleVersion], int, int], T],
    history: History,
    from_at: int,
    to_at: int,
) -> T:
    """Lay a window of a history out in another thread. Raises ``TooMuchWork``."""
    for version, (start, end) in zip(
        history.versions, validity_intervals(history.versions), strict=True
    ):
        if start < to_at and from_at < end:  # versions of another time cost nothing
            check_work(version.schedule.layers, len(history.assignments), (), to_at - from_at)
    return await asyncio.to_thread(lay_out, history.versions, from_at, to_at)


async def _history_reaching(
    tx: AsyncConnection,
    org_id: str,
    schedule_id: str,
    span: Span,
    reach: Callable[[History], Awaitable[Span]],
) -> History:
    """Return a history that holds all of the stretch that ``reach`` returns for it."""
    while True:
        history = await history_between(tx, org_id, schedule_id, *span)
        first, last = await reach(history)
        if span[0] <= first and last <= span[1]:
            return history
        span = (min(span[0], first), max(span[1], last + REACH_MS))


def _end_of(found: OnCall) -> int:
    """Return the last instant that an answer mentions."""
    return max(found.at, found.until or found.at, found.next.at if found.next else found.at)
