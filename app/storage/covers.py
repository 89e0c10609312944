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

from app.engine.layered.model import Entry, Override
from app.errors import Conflict, NotFound
from app.storage.paging import Page, Slice, next_position, page_of
from app.storage.tables import covers

Kind = Literal["override", "entry"]

MOST_TO_COME = 5_000
"""Overrides and entries of one schedule that are not over; the engine reads twice as many."""


@dataclass(frozen=True, slots=True)
class CoverFields:
    """What is asked for: ``user_id`` for ``[start_at, end_at)``."""

    user_id: str
    start_at: int
    end_at: int
    reason: str | None = None
    swap_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """An override or an entry. ``[from_at, until_at)`` is what holds of it; none: ``from_at``."""

    id: str
    kind: Kind
    schedule_id: str
    fields: CoverFields
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
    """``covers_near`` as a statement, which would cost more to build than to run."""
    column = covers.c
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
        select(covers).where(own, column.until_at > from_at, column.from_at < to_at),
        select(covers).where(own, column.until_at == last.scalar_subquery()),
        select(covers).where(own, column.from_at == first.scalar_subquery()),
    )


NEAR = _near()


async def covers_near(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> Sequence[Cover]:
    """What meets ``[from_at, to_at)``, the nearest before and the nearest after, as created.

    So the engine knows when the stretches at both ends of the window began and end.
    """
    window = {"org": org_id, "schedule": schedule_id, "from": from_at, "to": to_at}
    rows = sorted((await tx.execute(NEAR, window)).mappings(), key=lambda row: row["position"])
    return [_cover(row) for row in rows]


async def overrides_page(
    tx: AsyncConnection, org_id: str, schedule_id: str, part: Slice
) -> Page[Cover]:
    """Every override of a schedule, oldest first."""
    query = _covers(org_id, "override").where(covers.c.schedule_id == schedule_id)
    return await page_of(tx, query.order_by(covers.c.position), part, _cover)


async def overrides_to_come(
    tx: AsyncConnection, org_id: str, schedule_ids: Sequence[str], now: int
) -> Mapping[str, Sequence[Cover]]:
    """The overrides that are not over of each of these schedules, oldest first."""
    query = _covers(org_id, "override").where(
        covers.c.schedule_id.in_(schedule_ids), is_to_come(now)
    )
    found: dict[str, list[Cover]] = {schedule_id: [] for schedule_id in schedule_ids}
    for row in (await tx.execute(query.order_by(covers.c.position))).mappings():
        found[row["schedule_id"]].append(_cover(row))
    return found


def is_to_come(now: int) -> ColumnElement[bool]:
    """What is not over, and has not been taken back before it began."""
    return and_(covers.c.until_at > now, covers.c.from_at < covers.c.until_at)


async def cover_of(
    tx: AsyncConnection, org_id: str, kind: Kind, cover_id: str, schedule_id: str | None = None
) -> Cover:
    """One override or entry. Raises ``NotFound``, also if it is another schedule's."""
    query = _covers(org_id, kind).where(covers.c.id == cover_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None or schedule_id not in (None, row["schedule_id"]):
        raise NotFound(f"there is no {kind} {cover_id}")
    return _cover(row)


async def overrides_of_swap(tx: AsyncConnection, org_id: str, swap_id: str) -> Sequence[Cover]:
    """What a swap is made of."""
    query = _covers(org_id, "override").where(covers.c.swap_id == swap_id)
    rows = await tx.execute(query.order_by(covers.c.position))
    return [_cover(row) for row in rows.mappings()]


async def made_cover(tx: AsyncConnection, org_id: str, cover: Cover, now: int) -> Cover:
    """Write a new override or entry down. Raises ``Conflict`` if the id is taken or there are too
    many."""
    where = and_(covers.c.org_id == org_id, covers.c.id == cover.id)
    if await tx.scalar(select(func.count()).select_from(covers).where(where)):
        raise Conflict(f"the id {cover.id} is taken")
    own = and_(covers.c.org_id == org_id, covers.c.schedule_id == cover.schedule_id)
    to_come = select(func.count()).select_from(covers).where(own, is_to_come(now))
    if (await tx.scalar(to_come) or 0) >= MOST_TO_COME:
        raise Conflict(f"the schedule has {MOST_TO_COME} overrides and entries that are not over")
    given = cover.fields
    row: Mapping[str, Any] = {
        "org_id": org_id,
        "id": cover.id,
        "schedule_id": cover.schedule_id,
        "kind": cover.kind,
        "position": await next_position(tx, org_id),
        "user_id": given.user_id,
        "start_at": given.start_at,
        "end_at": given.end_at,
        "from_at": cover.from_at,
        "until_at": cover.until_at,
        "reason": given.reason,
        "swap_id": given.swap_id,
        "created_at": cover.created_at,
    }
    await tx.execute(insert(covers).values(row))
    return cover


def new_cover(kind: Kind, cover_id: str, schedule_id: str, given: CoverFields, now: int) -> Cover:
    """All of what is asked for holds."""
    return Cover(cover_id, kind, schedule_id, given, given.start_at, given.end_at, now)


async def taken_back(tx: AsyncConnection, org_id: str, cover: Cover, now: int) -> Cover:
    """``cover`` without what has not happened yet. Raises ``Conflict`` if that is nothing."""
    if cover.cancelled_at is not None:
        raise Conflict(f"the {cover.kind} {cover.id} has been cancelled already")
    stood_from, stood_until = max(cover.from_at, cover.created_at), min(cover.until_at, now)
    left = replace(cover, cancelled_at=now, until_at=cover.from_at)
    if stood_from < stood_until:
        if cover.until_at <= now:
            raise Conflict(f"the {cover.kind} {cover.id} is over: who was on call stays on record")
        left = replace(left, from_at=stood_from, until_at=stood_until)
    values = {"from_at": left.from_at, "until_at": left.until_at, "cancelled_at": now}
    where = and_(covers.c.org_id == org_id, covers.c.id == cover.id)
    await tx.execute(update(covers).where(where).values(values))
    return left


def _covers(org_id: str, kind: Kind) -> Select[tuple[object, ...]]:
    return select(covers).where(covers.c.org_id == org_id, covers.c.kind == kind)


def _cover(row: RowMapping) -> Cover:
    given = CoverFields(
        row["user_id"], row["start_at"], row["end_at"], row["reason"], row["swap_id"]
    )
    return Cover(
        row["id"],
        row["kind"],
        row["schedule_id"],
        given,
        row["from_at"],
        row["until_at"],
        row["created_at"],
        row["cancelled_at"],
    )
