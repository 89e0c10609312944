"""Absences of users, and the stretches of them that count.

Strategy: an absence is what a caller gave: one stretch, or a calendar of many. What counts is a row
for each stretch, ``[from_at, until_at)``, and never begins before it was written. To change or take
back an absence removes what of it has not happened yet, so no edit rewrites who was on call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    FromClause,
    RowMapping,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pacing import with_pauses
from app.database.pages import Page, Slice, next_position, page_of
from app.database.tables import absences, absent_stretches, participants, participants_ever
from app.engine.layered.limits import DAY_MS
from app.engine.layered.model import Absence
from app.errors import Conflict, NotFound

STRETCH = absent_stretches.c

MAX_TO_COME = 2_000
"""Stretches of one user that are not over."""
AROUND_MS = 100 * DAY_MS
"""How far around a window absences are read: a segment that holds its ends may end by one."""


@dataclass(frozen=True, slots=True)
class AbsentStretch:
    """A stretch of an absence that counts; instants are in milliseconds."""

    absence_id: str
    user_id: str
    from_at: int
    until_at: int
    reason: str | None = None

    @property
    def absence(self) -> Absence:
        """The stretch as the engine reads it."""
        return Absence(self.user_id, self.from_at, self.until_at, self.reason)


@dataclass(frozen=True, slots=True)
class AbsenceFields:
    """The part of an absence that callers give; of a calendar there is no stretch."""

    start_at: int | None
    end_at: int | None
    timezone: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StoredAbsence:
    """One absence; ``version`` counts changes, instants are in milliseconds."""

    id: str
    user_id: str
    fields: AbsenceFields
    version: int
    created_at: int
    updated_at: int


def near(chosen: FromClause) -> CompoundSelect[Any]:
    """Select when people of the ``chosen`` schedules are away in ``[:away_from, :away_to)``, and
    next to that.

    ``chosen`` has the schedules' ``id``, and ``:org`` is their organisation.
    """
    from_at: BindParameter[int] = bindparam("away_from")
    to_at: BindParameter[int] = bindparam("away_to")
    people = union(
        *(
            select(table.c.schedule_id, table.c.user_id).join_from(
                chosen,
                table,
                and_(table.c.org_id == bindparam("org"), table.c.schedule_id == chosen.c.id),
            )
            for table in (participants, participants_ever)
        )
    ).cte("taking_part")
    last, first = (absent_stretches.alias() for _ in range(2))
    before = select(func.max(last.c.until_at)).where(
        _is_of(last.c, people), last.c.until_at <= from_at
    )
    after = select(func.min(first.c.from_at)).where(
        _is_of(first.c, people), first.c.from_at >= to_at
    )
    read = select(
        people.c.schedule_id,
        STRETCH.absence_id.label("id"),
        STRETCH.user_id,
        STRETCH.from_at,
        STRETCH.until_at,
        STRETCH.reason,
    ).join_from(people, absent_stretches, _is_of(STRETCH, people))
    return union(
        read.where(STRETCH.until_at > from_at, STRETCH.from_at < to_at),
        read.where(STRETCH.until_at == before.correlate(people).scalar_subquery()),
        read.where(STRETCH.from_at == after.correlate(people).scalar_subquery()),
    )


def _is_of(column: Any, people: FromClause) -> ColumnElement[bool]:
    return and_(column.org_id == bindparam("org"), column.user_id == people.c.user_id)


def around(from_at: int, to_at: int) -> Mapping[str, int]:
    """Return the values of ``near`` for a window."""
    return {"away_from": from_at - AROUND_MS, "away_to": to_at + AROUND_MS}


async def absent_within(
    tx: AsyncConnection, org_id: str, from_at: int, to_at: int
) -> Sequence[AbsentStretch]:
    """Return when anybody of an organisation is away in ``[from_at, to_at)``."""
    query = select(
        STRETCH.absence_id, STRETCH.user_id, STRETCH.from_at, STRETCH.until_at, STRETCH.reason
    ).where(
        STRETCH.org_id == org_id,
        STRETCH.until_at > from_at,
        STRETCH.from_at < to_at,
    )
    return [AbsentStretch(*row) async for row in with_pauses(await tx.execute(query))]


async def absences_page(
    tx: AsyncConnection, org_id: str, user_id: str, part: Slice
) -> Page[StoredAbsence]:
    """Return the absences of a user, oldest first."""
    query = select(absences).where(absences.c.org_id == org_id, absences.c.user_id == user_id)
    return await page_of(tx, query, [absences.c.position], part, _absence)


async def get_absence(
    tx: AsyncConnection, org_id: str, user_id: str, absence_id: str
) -> StoredAbsence:
    """Return one absence of a user. Raises ``NotFound``."""
    query = select(absences).where(_is(org_id, absence_id), absences.c.user_id == user_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no absence {absence_id} of {user_id}")
    return _absence(row)


async def stretches_of(
    tx: AsyncConnection, org_id: str, absence_ids: Sequence[str], now: int
) -> Mapping[str, list[AbsentStretch]]:
    """Return the stretches of each absence that are not over, in order."""
    query = select(
        STRETCH.absence_id, STRETCH.user_id, STRETCH.from_at, STRETCH.until_at, STRETCH.reason
    ).where(STRETCH.org_id == org_id, STRETCH.absence_id.in_(absence_ids), STRETCH.until_at > now)
    found: dict[str, list[AbsentStretch]] = {each: [] for each in absence_ids}
    for row in await tx.execute(query.order_by(STRETCH.from_at)):
        stretch = AbsentStretch(*row)
        found[stretch.absence_id].append(stretch)
    return found


async def insert_absence(
    tx: AsyncConnection,
    org_id: str,
    absence: StoredAbsence,
    stretches: Sequence[AbsentStretch],
    now: int,
) -> None:
    """Write a new absence.

    Raises ``Conflict`` if the id is taken or the user has too many stretches.
    """
    if await tx.scalar(select(exists().where(_is(org_id, absence.id)))):
        raise Conflict(f"the absence {absence.id} exists already")
    row = {
        "org_id": org_id,
        "id": absence.id,
        "user_id": absence.user_id,
        "position": await next_position(tx, org_id),
        "version": absence.version,
        "created_at": absence.created_at,
        "updated_at": absence.updated_at,
        **_columns(absence.fields),
    }
    await tx.execute(insert(absences).values(row))
    await _insert_stretches(tx, org_id, absence, stretches, now)


async def update_absence(
    tx: AsyncConnection,
    org_id: str,
    absence: StoredAbsence,
    given: AbsenceFields,
    stretches: Sequence[AbsentStretch],
    now: int,
) -> StoredAbsence:
    """Replace the fields of ``absence`` and what of it is to come, and raise its version.

    Raises ``Conflict`` if the user has too many stretches then.
    """
    after = replace(absence, fields=given, version=absence.version + 1, updated_at=now)
    values = {"version": after.version, "updated_at": now, **_columns(given)}
    await tx.execute(update(absences).where(_is(org_id, absence.id)).values(values))
    await _take_back(tx, _of_absence(org_id, absence.id), now)
    await _insert_stretches(tx, org_id, after, stretches, now)
    return after


async def delete_absence(
    tx: AsyncConnection, org_id: str, absence: StoredAbsence, now: int
) -> None:
    """Delete an absence. What of it has happened goes on to count."""
    await _take_back(tx, _of_absence(org_id, absence.id), now)
    await tx.execute(delete(absences).where(_is(org_id, absence.id)))


async def take_back_all(tx: AsyncConnection, org_id: str, user_id: str, now: int) -> None:
    """Take back what of the absences of a user is to come, because the user is deleted."""
    await _take_back(tx, and_(STRETCH.org_id == org_id, STRETCH.user_id == user_id), now)


async def _take_back(tx: AsyncConnection, which: ColumnElement[bool], now: int) -> None:
    await tx.execute(delete(absent_stretches).where(which, STRETCH.from_at >= now))
    running = update(absent_stretches).where(which, STRETCH.until_at > now)
    await tx.execute(running.values(until_at=now))


async def _insert_stretches(
    tx: AsyncConnection,
    org_id: str,
    absence: StoredAbsence,
    stretches: Sequence[AbsentStretch],
    now: int,
) -> None:
    """Write what of ``stretches`` is to come."""
    own = _of_absence(org_id, absence.id)
    last = await tx.scalar(select(func.max(STRETCH.number)).where(own)) or 0
    rows = [
        {
            "org_id": org_id,
            "absence_id": absence.id,
            "number": number,
            "user_id": absence.user_id,
            "from_at": max(stretch.from_at, now),
            "until_at": stretch.until_at,
            "reason": stretch.reason,
        }
        for number, stretch in enumerate(stretches, last + 1)
        if stretch.until_at > now
    ]
    if rows:
        await tx.execute(insert(absent_stretches), rows)
    theirs = and_(STRETCH.org_id == org_id, STRETCH.user_id == absence.user_id)
    to_come = select(func.count()).where(theirs, STRETCH.until_at > now)
    if (await tx.scalar(to_come) or 0) > MAX_TO_COME:
        raise Conflict(f"{absence.user_id} has more than {MAX_TO_COME} absences that are not over")


def _is(org_id: str, absence_id: str) -> ColumnElement[bool]:
    return and_(absences.c.org_id == org_id, absences.c.id == absence_id)


def _of_absence(org_id: str, absence_id: str) -> ColumnElement[bool]:
    return and_(STRETCH.org_id == org_id, STRETCH.absence_id == absence_id)


def _columns(given: AbsenceFields) -> Mapping[str, Any]:
    return {
        "start_at": given.start_at,
        "end_at": given.end_at,
        "timezone": given.timezone,
        "reason": given.reason,
    }


def _absence(row: RowMapping) -> StoredAbsence:
    fields = AbsenceFields(row["start_at"], row["end_at"], row["timezone"], row["reason"])
    return StoredAbsence(
        row["id"], row["user_id"], fields, row["version"], row["created_at"], row["updated_at"]
    )
