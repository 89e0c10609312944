"""Manual assignments, which are overrides and entries: one user for a stretch of a schedule.

Strategy: both are rows of one table, because they are made, read and taken back alike. A row has
the requested stretch ``[start_at, end_at)`` and the part of it that is in force, ``[from_at,
until_at)``. Taking one back removes the part that has not happened yet: the part that was in force,
from the later of its start and its creation until now, stays. So an edit never rewrites who was on
call, while a record about the past that was made afterwards can be corrected. The row of an
override that says that nobody is on call has an empty user id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    not_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pacing import with_pauses
from app.database.pages import Page, Slice, next_positions, page_of, text_bytes
from app.database.tables import manual_assignments, users
from app.engine.layered.model import NOBODY, Entry, Override
from app.errors import Conflict, NotFound

AssignmentKind = Literal["override", "entry"]

COLUMN = manual_assignments.c

MAX_TO_COME = 5_000
"""Overrides and entries of one schedule that are not over; the engine reads twice as many."""
SHOWN_BYTES = 1024 * 1024
"""The most bytes of overrides that are shown with their schedule."""
OTHER_BYTES = 400
"""The most bytes of an override in an answer, besides its reason and its user's id."""
REASON_CHARACTERS = 200
"""So much of a reason is read for a window, where calendars show it."""


@dataclass(frozen=True, slots=True)
class ManualAssignmentFields:
    """The part that callers give: ``user_id`` for ``[start_at, end_at)``; ``None``: nobody.

    Without a ``role`` it is for the first one, and nobody is for all.
    """

    user_id: str | None
    start_at: int
    end_at: int
    reason: str | None = None
    swap_id: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class ManualAssignment:
    """An override or an entry. ``[from_at, until_at)`` is the part in force, which may be empty."""

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
        """An override as the engine reads it."""
        given = self.fields
        span = (self.from_at, self.until_at)
        return Override(given.user_id, *span, given.reason, self.id, given.role)

    @property
    def entry(self) -> Entry:
        """An entry as the engine reads it."""
        given = self.fields
        return Entry(str(given.user_id), self.from_at, self.until_at, self.id, given.role)


class Findings(NamedTuple):
    """What the database has to say of a new assignment: whether its user exists, whether its id is
    taken, and how many assignments of its schedule are not over.
    """

    user_exists: bool
    id_is_taken: bool
    to_come: int


class OverridesToCome(NamedTuple):
    """The overrides of a schedule that are shown with it, and how many more there are."""

    shown: list[ManualAssignment]
    left_out: int


SIZE = OTHER_BYTES + func.coalesce(text_bytes(COLUMN.reason), 0)
"""The bytes of a row in an answer, about."""


def near(chosen: FromClause) -> CompoundSelect[Any]:
    """Select the assignments of the ``chosen`` schedules in ``[:from, :to)``, and the nearest on
    either side of each.

    With them the engine knows when the stretches at both ends of the window begin and end.
    ``chosen`` has the schedules' ``id``, and ``:org`` is their organisation. Of those that
    ``has_roles`` the nearest are those of each role.
    """
    from_at: BindParameter[int] = bindparam("from")
    to_at: BindParameter[int] = bindparam("to")
    reason = func.substr(COLUMN.reason, 1, REASON_CHARACTERS).label("reason")
    read = select(
        *(each for each in COLUMN if each.name not in ("position", "reason")),
        COLUMN.position.label("number"),
        reason,
    ).join_from(chosen, manual_assignments, _in_force(COLUMN, chosen))
    last, first = (manual_assignments.alias() for _ in range(2))
    is_before, is_after = last.c.until_at <= from_at, first.c.from_at >= to_at
    before = select(func.max(last.c.until_at)).where(_in_force(last.c, chosen), is_before)
    after = select(func.min(first.c.from_at)).where(_in_force(first.c, chosen), is_after)
    last_ends = _of_each_role(chosen, last, func.max(last.c.until_at), is_before)
    first_starts = _of_each_role(chosen, first, func.min(first.c.from_at), is_after)
    without, has_roles = not_(chosen.c.has_roles), chosen.c.has_roles
    return union_all(
        read.where(COLUMN.until_at > from_at, COLUMN.from_at < to_at),
        read.where(without, COLUMN.until_at == before.correlate(chosen).scalar_subquery()),
        read.where(without, COLUMN.from_at == after.correlate(chosen).scalar_subquery()),
        read.where(has_roles, tuple_(chosen.c.id, COLUMN.until_at).in_(last_ends)),
        read.where(has_roles, tuple_(chosen.c.id, COLUMN.from_at).in_(first_starts)),
    )


def _of_each_role(
    chosen: FromClause, nearest: FromClause, at: ColumnElement[int], where: ColumnElement[bool]
) -> Select[Any]:
    """Select the nearest instants of schedules that have roles: as many as there are roles.

    Those of a role have no index, so all that is over, or to come, is looked through.
    """
    return (
        select(nearest.c.schedule_id, at)
        .join_from(chosen, nearest, _in_force(nearest.c, chosen))
        .where(chosen.c.has_roles, where)
        .group_by(nearest.c.schedule_id, nearest.c.role)
        .correlate(None)
    )


def _in_force(column: Any, chosen: FromClause) -> ColumnElement[bool]:
    return and_(
        column.org_id == bindparam("org"),
        column.schedule_id == chosen.c.id,
        column.from_at < column.until_at,
    )


def _within() -> Select[Any]:
    """Return ``assignments_within`` as a statement."""
    reason = func.substr(COLUMN.reason, 1, REASON_CHARACTERS).label("reason")
    return (
        select(*(each for each in COLUMN if each is not COLUMN.reason), reason)
        .where(
            COLUMN.org_id == bindparam("org"),
            COLUMN.schedule_id.in_(bindparam("ids", expanding=True)),
            COLUMN.from_at < COLUMN.until_at,
            COLUMN.until_at > bindparam("from"),
            COLUMN.from_at < bindparam("to"),
        )
        .order_by(COLUMN.position)
    )


WITHIN = _within()


async def assignments_within(
    tx: AsyncConnection, org_id: str, schedule_ids: Sequence[str], from_at: int, to_at: int
) -> Sequence[ManualAssignment]:
    """Return the assignments of several schedules in ``[from_at, to_at)``, as created."""
    window = {"org": org_id, "ids": schedule_ids, "from": from_at, "to": to_at}
    found = (await tx.execute(WITHIN, window)).mappings()
    return [assignment_in(row) async for row in with_pauses(found)]


async def overrides_page(
    tx: AsyncConnection, org_id: str, schedule_id: str, part: Slice
) -> Page[ManualAssignment]:
    """Return the overrides of a schedule, oldest first."""
    query = _assignments(org_id, "override").where(COLUMN.schedule_id == schedule_id)
    return await page_of(tx, query, [COLUMN.position], part, assignment_in)


async def overrides_to_come(
    tx: AsyncConnection, org_id: str, schedule_ids: Sequence[str], now: int
) -> Mapping[str, OverridesToCome]:
    """Return the overrides of each of these schedules that are not over, oldest first.

    Of one schedule at most ``SHOWN_BYTES`` are returned.
    """
    own = _assignments(org_id, "override").where(
        COLUMN.schedule_id.in_(schedule_ids), is_to_come(now)
    )
    each = COLUMN.schedule_id
    numbered = own.add_columns(
        func.count().over(partition_by=each).label("all"),
        func.sum(SIZE).over(partition_by=each, order_by=COLUMN.position).label("until_here"),
    ).subquery()
    query = (
        select(numbered).where(numbered.c.until_here <= SHOWN_BYTES).order_by(numbered.c.position)
    )
    found = {schedule_id: OverridesToCome([], 0) for schedule_id in schedule_ids}
    async for row in with_pauses((await tx.execute(query)).mappings()):
        shown, _ = found[row["schedule_id"]]
        shown.append(assignment_in(row))
        found[row["schedule_id"]] = OverridesToCome(shown, row["all"] - len(shown))
    return found


def bytes_to_come(schedule_id: ColumnElement[str], org_id: str, now: int) -> ColumnElement[int]:
    """Return the bytes of a schedule's overrides that are not over, as an expression."""
    own = and_(COLUMN.org_id == org_id, COLUMN.schedule_id == schedule_id)
    found = select(func.coalesce(func.sum(SIZE), 0)).where(
        own, COLUMN.kind == "override", is_to_come(now)
    )
    return found.correlate_except(manual_assignments).scalar_subquery()


def is_to_come(now: int) -> ColumnElement[bool]:
    """Return the condition that an assignment is not over, nor taken back before it began."""
    return and_(COLUMN.until_at > now, COLUMN.from_at < COLUMN.until_at)


async def get_assignment(
    tx: AsyncConnection,
    org_id: str,
    kind: AssignmentKind,
    assignment_id: str,
    schedule_id: str | None = None,
) -> ManualAssignment:
    """Return one override or entry. Raises ``NotFound``, also if it belongs to another schedule."""
    query = _assignments(org_id, kind).where(COLUMN.id == assignment_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None or schedule_id not in (None, row["schedule_id"]):
        raise NotFound(f"there is no {kind} {assignment_id}")
    return assignment_in(row)


async def overrides_of_swap(
    tx: AsyncConnection, org_id: str, swap_id: str
) -> Sequence[ManualAssignment]:
    """Return the overrides by which a swap is stored."""
    query = _assignments(org_id, "override").where(COLUMN.swap_id == swap_id)
    rows = await tx.execute(query.order_by(COLUMN.position))
    return [assignment_in(row) for row in rows.mappings()]


async def find_obstacles(
    tx: AsyncConnection, org_id: str, assignment: ManualAssignment, now: int
) -> Findings:
    """Return what may stand against a new override or entry."""
    user_id = assignment.fields.user_id
    query = select(
        exists().where(users.c.org_id == org_id, users.c.id == user_id),
        exists().where(COLUMN.org_id == org_id, COLUMN.id == assignment.id),
        _to_come(org_id, assignment.schedule_id, now).scalar_subquery(),
    )
    return Findings(*(await tx.execute(query)).one())


def check_obstacles(assignment: ManualAssignment, found: Findings) -> None:
    """Raise ``Conflict`` if the id is taken or the schedule has too many assignments."""
    if found.id_is_taken:
        raise Conflict(f"the id {assignment.id} is taken")
    _check_number(found.to_come + 1)


async def insert_assignment(
    tx: AsyncConnection, org_id: str, assignment: ManualAssignment, now: int
) -> ManualAssignment:
    """Write a new override or entry.

    Raises ``Conflict`` if the id is taken or the schedule has too many.
    """
    check_obstacles(assignment, await find_obstacles(tx, org_id, assignment, now))
    await insert_checked(tx, org_id, [assignment])
    return assignment


async def insert_assignments(
    tx: AsyncConnection, org_id: str, assignments: Sequence[ManualAssignment], now: int
) -> None:
    """Write new overrides or entries of one schedule, whose ids are free, in this order.

    Raises ``Conflict`` if the schedule has too many.
    """
    to_come: int = await tx.scalar(_to_come(org_id, assignments[0].schedule_id, now)) or 0
    _check_number(to_come + len(assignments))
    await insert_checked(tx, org_id, assignments)


def _to_come(org_id: str, schedule_id: str, now: int) -> Select[Any]:
    own = and_(COLUMN.org_id == org_id, COLUMN.schedule_id == schedule_id)
    return select(func.count()).select_from(manual_assignments).where(own, is_to_come(now))


def _check_number(to_come: int) -> None:
    if to_come > MAX_TO_COME:
        raise Conflict(
            f"the schedule would have more than {MAX_TO_COME} overrides and entries that are not "
            "over"
        )


async def insert_checked(
    tx: AsyncConnection, org_id: str, assignments: Sequence[ManualAssignment]
) -> None:
    """Write new overrides or entries, against which nothing stands, in this order."""
    positions = await next_positions(tx, org_id, len(assignments))
    rows = [
        {"org_id": org_id, "position": position, **_row(each)}
        for position, each in zip(positions, assignments, strict=True)
    ]
    await tx.execute(insert(manual_assignments), rows)


async def taken_ids(tx: AsyncConnection, org_id: str, ids: Sequence[str]) -> set[str]:
    """Return those of ``ids`` that overrides or entries have."""
    query = select(COLUMN.id).where(COLUMN.org_id == org_id, COLUMN.id.in_(ids))
    return set(await tx.scalars(query))


def new_assignment(
    kind: AssignmentKind,
    assignment_id: str,
    schedule_id: str,
    given: ManualAssignmentFields,
    now: int,
) -> ManualAssignment:
    """Return a new override or entry, all of which is in force."""
    return ManualAssignment(
        assignment_id, kind, schedule_id, given, given.start_at, given.end_at, now
    )


async def take_back(
    tx: AsyncConnection, org_id: str, assignment: ManualAssignment, now: int
) -> ManualAssignment:
    """Take back the part of ``assignment`` that has not happened yet, and return the rest.

    Raises ``Conflict`` if there is no such part.
    """
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
    where = and_(COLUMN.org_id == org_id, COLUMN.id == assignment.id)
    await tx.execute(update(manual_assignments).where(where).values(values))
    return left


def _row(assignment: ManualAssignment) -> dict[str, Any]:
    given = assignment.fields
    return {
        "id": assignment.id,
        "schedule_id": assignment.schedule_id,
        "kind": assignment.kind,
        "user_id": given.user_id or NOBODY,
        "start_at": given.start_at,
        "end_at": given.end_at,
        "from_at": assignment.from_at,
        "until_at": assignment.until_at,
        "reason": given.reason,
        "swap_id": given.swap_id,
        "role": given.role,
        "created_at": assignment.created_at,
    }


def _assignments(org_id: str, kind: AssignmentKind) -> Select[tuple[object, ...]]:
    return select(manual_assignments).where(COLUMN.org_id == org_id, COLUMN.kind == kind)


def assignment_in(row: Mapping[Any, Any]) -> ManualAssignment:
    """Return the override or entry in a row."""
    given = ManualAssignmentFields(
        *(row["user_id"] or None, row["start_at"], row["end_at"], row["reason"], row["swap_id"]),
        row["role"],
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
