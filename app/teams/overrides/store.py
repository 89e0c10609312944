"""Overrides and entries: one person for a stretch of a schedule.

Strategy: both are rows of one table, because they are made, read and taken back alike. A row says
what was asked for, ``[start_at, end_at)``, and what of it holds, ``[from_at, until_at)``. Taking
one back takes what has not happened yet: what it covered while it stood, from the later of its
start and its creation until now, stays. So an edit never rewrites who was on call, while a record
about the past, made afterwards, can be corrected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    and_,
    bindparam,
    func,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pages import Page, Slice, next_position, page_of
from app.database.tables import manual_assignments
from app.engine.layered.model import Entry, Override
from app.errors import Conflict, NotFound

AssignmentKind = Literal["override", "entry"]

MAX_TO_COME = 5_000
"""Overrides and entries of one schedule that are not over; the engine reads twice as many."""


@dataclass(frozen=True, slots=True)
class ManualAssignmentFields:
    """What is asked for: ``user_id`` for ``[start_at, end_at)``."""

    user_id: str
    start_at: int
    end_at: int
    reason: str | None = None
    swap_id: str | None = None


@dataclass(frozen=True, slots=True)
class ManualAssignment:
    """An override or an entry. ``[from_at, until_at)`` is what holds of it; none: ``from_at``."""

    id: str
    kind: AssignmentKind
    schedule_id: str
    fields: ManualAssignmentFields
    from_at: int
    until_at: int
    created_at: int
    cancelled_at: int | None = None

    @property
    def override(self) -> Override:
        """As the engine reads an override."""
        given = self.fields
        return Override(given.user_id, self.from_at, self.until_at, given.reason, self.id)

    @property
    def entry(self) -> Entry:
        """As the engine reads an entry."""
        return Entry(self.fields.user_id, self.from_at, self.until_at, self.id)


def _near() -> CompoundSelect[Any]:
    """``assignments_near`` as a statement, which would cost more to build than to run."""
    column = manual_assignments.c
    from_at: BindParameter[int] = bindparam("from")
    to_at: BindParameter[int] = bindparam("to")
    own = and_(
        column.org_id == bindparam("org"),
        column.schedule_id == bindparam("schedule"),
        column.from_at < column.until_at,
    )
    last = select(func.max(column.until_at)).where(own, column.until_at <= from_at)
    first = select(func.min(column.from_at)).where(own, column.from_at >= to_at)
    return union_all(
        select(manual_assignments).where(own, column.until_at > from_at, column.from_at < to_at),
        select(manual_assignments).where(own, column.until_at == last.scalar_subquery()),
        select(manual_assignments).where(own, column.from_at == first.scalar_subquery()),
    )


NEAR = _near()


async def assignments_near(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> Sequence[ManualAssignment]:
    """What meets ``[from_at, to_at)``, the nearest before and the nearest after, as created.

    So the engine knows when the stretches at both ends of the window began and end.
    """
    window = {"org": org_id, "schedule": schedule_id, "from": from_at, "to": to_at}
    rows = sorted((await tx.execute(NEAR, window)).mappings(), key=lambda row: row["position"])
    return [_assignment(row) for row in rows]


async def overrides_page(
    tx: AsyncConnection, org_id: str, schedule_id: str, part: Slice
) -> Page[ManualAssignment]:
    """Every override of a schedule, oldest first."""
    query = _assignments(org_id, "override").where(manual_assignments.c.schedule_id == schedule_id)
    return await page_of(tx, query.order_by(manual_assignments.c.position), part, _assignment)


async def overrides_to_come(
    tx: AsyncConnection, org_id: str, schedule_ids: Sequence[str], now: int
) -> Mapping[str, Sequence[ManualAssignment]]:
    """The overrides that are not over of each of these schedules, oldest first."""
    query = _assignments(org_id, "override").where(
        manual_assignments.c.schedule_id.in_(schedule_ids), is_to_come(now)
    )
    found: dict[str, list[ManualAssignment]] = {schedule_id: [] for schedule_id in schedule_ids}
    for row in (await tx.execute(query.order_by(manual_assignments.c.position))).mappings():
        found[row["schedule_id"]].append(_assignment(row))
    return found


def is_to_come(now: int) -> ColumnElement[bool]:
    """What is not over, and has not been taken back before it began."""
    return and_(
        manual_assignments.c.until_at > now,
        manual_assignments.c.from_at < manual_assignments.c.until_at,
    )


async def get_assignment(
    tx: AsyncConnection,
    org_id: str,
    kind: AssignmentKind,
    cover_id: str,
    schedule_id: str | None = None,
) -> ManualAssignment:
    """One override or entry. Raises ``NotFound``, also if it is another schedule's."""
    query = _assignments(org_id, kind).where(manual_assignments.c.id == cover_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None or schedule_id not in (None, row["schedule_id"]):
        raise NotFound(f"there is no {kind} {cover_id}")
    return _assignment(row)


async def overrides_of_swap(
    tx: AsyncConnection, org_id: str, swap_id: str
) -> Sequence[ManualAssignment]:
    """What a swap is made of."""
    query = _assignments(org_id, "override").where(manual_assignments.c.swap_id == swap_id)
    rows = await tx.execute(query.order_by(manual_assignments.c.position))
    return [_assignment(row) for row in rows.mappings()]


async def insert_assignment(
    tx: AsyncConnection, org_id: str, assignment: ManualAssignment, now: int
) -> ManualAssignment:
    """Write a new override or entry down. Raises ``Conflict`` if the id is taken or there are too
    many."""
    where = and_(manual_assignments.c.org_id == org_id, manual_assignments.c.id == assignment.id)
    if await tx.scalar(select(func.count()).select_from(manual_assignments).where(where)):
        raise Conflict(f"the id {assignment.id} is taken")
    own = and_(
        manual_assignments.c.org_id == org_id,
        manual_assignments.c.schedule_id == assignment.schedule_id,
    )
    to_come = select(func.count()).select_from(manual_assignments).where(own, is_to_come(now))
    if (await tx.scalar(to_come) or 0) >= MAX_TO_COME:
        raise Conflict(f"the schedule has {MAX_TO_COME} overrides and entries that are not over")
    given = assignment.fields
    row: Mapping[str, Any] = {
        "org_id": org_id,
        "id": assignment.id,
        "schedule_id": assignment.schedule_id,
        "kind": assignment.kind,
        "position": await next_position(tx, org_id),
        "user_id": given.user_id,
        "start_at": given.start_at,
        "end_at": given.end_at,
        "from_at": assignment.from_at,
        "until_at": assignment.until_at,
        "reason": given.reason,
        "swap_id": given.swap_id,
        "created_at": assignment.created_at,
    }
    await tx.execute(insert(manual_assignments).values(row))
    return assignment


def new_assignment(
    kind: AssignmentKind, cover_id: str, schedule_id: str, given: ManualAssignmentFields, now: int
) -> ManualAssignment:
    """All of what is asked for holds."""
    return ManualAssignment(cover_id, kind, schedule_id, given, given.start_at, given.end_at, now)


async def take_back(
    tx: AsyncConnection, org_id: str, assignment: ManualAssignment, now: int
) -> ManualAssignment:
    """``assignment`` without what has not happened yet. Raises ``Conflict`` if that is nothing."""
    if assignment.cancelled_at is not None:
        raise Conflict(f"the {assignment.kind} {assignment.id} has been cancelled already")
    stood_from, stood_until = (
        max(assignment.from_at, assignment.created_at),
        min(assignment.until_at, now),
    )
    left = replace(assignment, cancelled_at=now, until_at=assignment.from_at)
    if stood_from < stood_until:
        if assignment.until_at <= now:
            raise Conflict(
                f"the {assignment.kind} {assignment.id} is over: who was on call stays on record"
            )
        left = replace(left, from_at=stood_from, until_at=stood_until)
    values = {"from_at": left.from_at, "until_at": left.until_at, "cancelled_at": now}
    where = and_(manual_assignments.c.org_id == org_id, manual_assignments.c.id == assignment.id)
    await tx.execute(update(manual_assignments).where(where).values(values))
    return left


def _assignments(org_id: str, kind: AssignmentKind) -> Select[tuple[object, ...]]:
    return select(manual_assignments).where(
        manual_assignments.c.org_id == org_id, manual_assignments.c.kind == kind
    )


def _assignment(row: RowMapping) -> ManualAssignment:
    given = ManualAssignmentFields(
        row["user_id"], row["start_at"], row["end_at"], row["reason"], row["swap_id"]
    )
    return ManualAssignment(
        row["id"],
        row["kind"],
        row["schedule_id"],
        given,
        row["from_at"],
        row["until_at"],
        row["created_at"],
        row["cancelled_at"],
    )
