"""Cover requests as rows, and the other schedules in which people may be on call meanwhile.

A request belongs to a schedule: who writes one locks the schedule's row first (``lock_schedule``),
so of several who accept at once each sees what those before have left.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, and_, func, insert, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pacing import with_pauses
from app.database.pages import Page, Slice, next_position, page_of
from app.database.tables import (
    absent_stretches,
    cover_requests,
    manual_assignments,
    participants,
    schedules,
)
from app.engine.intervals import Interval
from app.engine.layered.limits import ABSENCES
from app.errors import Conflict, NotFound, TooMuchWork
from app.teams.covers.state import CoverAnswer, CoverFields, CoverRequest, State

COLUMN, AWAY = cover_requests.c, absent_stretches.c

MAX_OPEN = 100
"""Open requests of one schedule."""
MAX_SCHEDULES = 100
"""So many other schedules are looked at, as for a team (rule 25 of ``schedules.md``)."""


async def covers_page(
    tx: AsyncConnection,
    org_id: str,
    part: Slice,
    now: int,
    *,
    schedule_id: str | None = None,
    state: State | None = None,
) -> Page[CoverRequest]:
    """Return the organisation's requests, or a schedule's, or those in a state; oldest first."""
    query = select(cover_requests).where(COLUMN.org_id == org_id)
    if schedule_id is not None:
        query = query.where(COLUMN.schedule_id == schedule_id)
    if state is not None:
        query = query.where(_is_in(state, now))
    return await page_of(tx, query, [COLUMN.position], part, _cover)


async def get_cover(tx: AsyncConnection, org_id: str, cover_id: str) -> CoverRequest:
    """Return one request. Raises ``NotFound``."""
    query = select(cover_requests).where(_is(org_id, cover_id))
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no cover request {cover_id}")
    return _cover(row)


async def covers_named(
    tx: AsyncConnection, org_id: str, ids: Collection[str]
) -> Mapping[str, CoverRequest]:
    """Return those of ``ids`` that are requests, by id."""
    query = select(cover_requests).where(COLUMN.org_id == org_id, COLUMN.id.in_(sorted(ids)))
    return {row["id"]: _cover(row) for row in (await tx.execute(query)).mappings()}


async def insert_cover(tx: AsyncConnection, org_id: str, cover: CoverRequest, now: int) -> None:
    """Write a new request.

    Raises ``Conflict`` if the id is taken, the schedule has too many, or the same person has asked
    for a part of the stretch already.
    """
    if await tx.scalar(select(func.count()).where(_is(org_id, cover.id))):
        raise Conflict(f"the id {cover.id} is taken")
    others = select(cover_requests).where(
        COLUMN.org_id == org_id, COLUMN.schedule_id == cover.schedule_id, is_open(now)
    )
    rows = (await tx.execute(others)).mappings()
    standing = [_cover(row) async for row in with_pauses(rows)]
    if len(standing) >= MAX_OPEN:
        raise Conflict(f"the schedule has {MAX_OPEN} open cover requests: withdraw some")
    given = cover.fields
    for other in standing:
        same = (other.fields.user_id, other.fields.role) == (given.user_id, given.role)
        if same and any(
            start < given.end_at and given.start_at < end for start, end in other.open_parts(now)
        ):
            raise Conflict(
                f"{given.user_id} asks for a part of this already, in {other.id}: withdraw that"
            )
    row = {
        "org_id": org_id,
        "id": cover.id,
        "schedule_id": cover.schedule_id,
        "position": await next_position(tx, org_id),
        "user_id": given.user_id,
        "start_at": given.start_at,
        "end_at": given.end_at,
        "reason": given.reason,
        "offered_to": None if given.offered_to is None else _text(given.offered_to),
        "role": given.role,
        "created_at": cover.created_at,
        **_columns(cover),
    }
    await tx.execute(insert(cover_requests).values(row))


async def update_cover(tx: AsyncConnection, org_id: str, cover: CoverRequest) -> None:
    """Write what has become of a request."""
    await tx.execute(update(cover_requests).where(_is(org_id, cover.id)).values(**_columns(cover)))


def is_open(now: int) -> ColumnElement[bool]:
    """Return the condition that a request is open at ``now``."""
    return and_(COLUMN.state == "open", COLUMN.expires_at > now)


async def schedules_of(
    tx: AsyncConnection, org_id: str, user_ids: Collection[str], span: Interval, but: str
) -> Sequence[str]:
    """Return the schedules, but one, in which any of these people may be on call in ``span``.

    They take part in it by its rules of now or to come, or an override or entry names them. The
    oldest ``MAX_SCHEDULES`` are returned.
    """
    names = sorted(user_ids)
    by_turn = select(participants.c.schedule_id).where(
        participants.c.org_id == org_id, participants.c.user_id.in_(names)
    )
    by_hand = select(manual_assignments.c.schedule_id).where(
        manual_assignments.c.org_id == org_id,
        manual_assignments.c.user_id.in_(names),
        manual_assignments.c.until_at > span[0],
        manual_assignments.c.from_at < span[1],
    )
    query = (
        select(schedules.c.id)
        .where(schedules.c.org_id == org_id, schedules.c.id != but)
        .where(schedules.c.id.in_(by_turn.union(by_hand)))
        .order_by(schedules.c.position)
        .limit(MAX_SCHEDULES)
    )
    return (await tx.scalars(query)).all()


async def absences_of(
    tx: AsyncConnection, org_id: str, user_ids: Collection[str], span: Interval
) -> Sequence[tuple[str, int, int]]:
    """Return who of these people is away in ``span``, from when and until when.

    Raises ``TooMuchWork`` for more absences than the engine takes.
    """
    query = select(AWAY.user_id, AWAY.from_at, AWAY.until_at).where(
        AWAY.org_id == org_id,
        AWAY.user_id.in_(sorted(user_ids)),
        AWAY.until_at > span[0],
        AWAY.from_at < span[1],
    )
    rows = (await tx.execute(query.order_by(AWAY.from_at).limit(ABSENCES + 1))).all()
    if len(rows) > ABSENCES:
        raise TooMuchWork(f"over {ABSENCES:,} absences of these people: ask for a shorter stretch")
    return [(row[0], row[1], row[2]) for row in rows]


def _is(org_id: str, cover_id: str) -> ColumnElement[bool]:
    return and_(COLUMN.org_id == org_id, COLUMN.id == cover_id)


def _is_in(state: State, now: int) -> ColumnElement[bool]:
    if state == "open":
        return is_open(now)
    if state == "expired":
        return and_(COLUMN.state == "open", not_(is_open(now)))
    return COLUMN.state == state


def _columns(cover: CoverRequest) -> Mapping[str, Any]:
    """Return what changes of a request."""
    return {
        "expires_at": cover.fields.expires_at,
        "state": cover.written_state,
        "answers": _text(cover.answers),
        "version": cover.written_version,
        "updated_at": cover.written_at,
    }


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _cover(row: RowMapping) -> CoverRequest:
    offered = row["offered_to"]
    given = CoverFields(
        row["user_id"],
        row["start_at"],
        row["end_at"],
        row["expires_at"],
        row["reason"],
        None if offered is None else msgspec.json.decode(offered, type=tuple[str, ...]),
        row["role"],
    )
    return CoverRequest(
        row["id"],
        row["schedule_id"],
        given,
        row["state"],
        msgspec.json.decode(row["answers"], type=tuple[CoverAnswer, ...]),
        row["version"],
        row["created_at"],
        row["updated_at"],
    )
