"""Users, who can be on call. A user on whom something to come depends cannot be deleted."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.database import rows_of
from app.database.pacing import with_pauses
from app.database.pages import Page, Slice, next_position, page_of
from app.database.tables import (
    cover_requests,
    manual_assignments,
    participants,
    policy_targets,
    users,
)
from app.errors import Conflict, NotFound
from app.teams.absences.store import take_back_all
from app.teams.covers.store import is_open
from app.teams.overrides.store import is_to_come


@dataclass(frozen=True, slots=True)
class UserFields:
    """The part of a user that callers give."""

    name: str
    email: str
    team_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredUser:
    """One user; ``version`` counts changes, instants are in milliseconds."""

    id: str
    fields: UserFields
    version: int
    created_at: int
    updated_at: int

    @property
    def name(self) -> str:
        """The user's name."""
        return self.fields.name

    @property
    def email(self) -> str:
        """The user's e-mail address."""
        return self.fields.email


NAMED = select(users).where(
    users.c.org_id == bindparam("org"), users.c.id.in_(bindparam("ids", expanding=True))
)
FEW = tuple(
    select(users).where(
        users.c.org_id == bindparam("org"),
        users.c.id.in_([bindparam(f"id_{number}") for number in range(count)]),
    )
    for count in range(1, 9)
)
"""The statements for one id, for two, and so on: constants are quicker than one that expands."""

NAMES = NAMED.with_only_columns(users.c.id, users.c.name, users.c.updated_at)
IDS_AT_ONCE = 500
"""The most ids in a statement."""


async def users_page(tx: AsyncConnection, org_id: str, part: Slice) -> Page[StoredUser]:
    """Return the organisation's users, oldest first."""
    query = select(users).where(users.c.org_id == org_id)
    return await page_of(tx, query, [users.c.position], part, _user)


async def users_by_id(
    tx: AsyncConnection, org_id: str, ids: Iterable[str | None]
) -> Mapping[str, StoredUser]:
    """Return the existing users among ``ids``, by id."""
    wanted = {name for name in ids if name is not None}
    if not wanted:
        return {}
    if len(wanted) <= len(FEW):
        ids_given = {f"id_{number}": each for number, each in enumerate(sorted(wanted))}
        few = await rows_of(tx, FEW[len(wanted) - 1], {"org": org_id, **ids_given})
        return {row["id"]: _user(row) for row in few}
    rows = await tx.execute(NAMED, {"org": org_id, "ids": sorted(wanted)})
    return {row["id"]: _user(row) async for row in with_pauses(rows.mappings())}


async def names_by_id(
    tx: AsyncConnection, org_id: str, ids: Iterable[str]
) -> Mapping[str, tuple[str, int]]:
    """Return the names of the existing users among ``ids``, by id; there may be many.

    Beside each name is when its user was last changed.
    """
    wanted = sorted(ids)
    names: dict[str, tuple[str, int]] = {}
    for first in range(0, len(wanted), IDS_AT_ONCE):
        some = wanted[first : first + IDS_AT_ONCE]
        rows = await tx.execute(NAMES, {"org": org_id, "ids": some})
        names.update((row.id, (row.name, row.updated_at)) for row in rows)
    return names


async def existing_user_ids(
    tx: AsyncConnection, org_id: str, ids: Iterable[str]
) -> Collection[str]:
    """Return those of ``ids`` that are users; of many it is not read what these hold."""
    wanted = set(ids)
    read = users_by_id if len(wanted) <= len(FEW) else names_by_id
    return (await read(tx, org_id, wanted)).keys()


async def get_user(tx: AsyncConnection, org_id: str, user_id: str) -> StoredUser:
    """Return one user. Raises ``NotFound``."""
    found = await users_by_id(tx, org_id, [user_id])
    if user_id not in found:
        raise NotFound(f"there is no user {user_id}")
    return found[user_id]


async def lock_user(tx: AsyncConnection, org_id: str, user_id: str) -> StoredUser:
    """Lock a user against other writers until the transaction ends. Raises ``NotFound``."""
    await tx.execute(select(users.c.id).where(_is(org_id, user_id)).with_for_update())
    return await get_user(tx, org_id, user_id)


async def insert_user(
    tx: AsyncConnection, org_id: str, user_id: str, given: UserFields, now: int
) -> StoredUser:
    """Write a new user. Raises ``Conflict`` if the id is taken."""
    if await users_by_id(tx, org_id, [user_id]):
        raise Conflict(f"the user {user_id} exists already")
    row = {
        "org_id": org_id,
        "id": user_id,
        "position": await next_position(tx, org_id),
        "version": 1,
        "created_at": now,
        "updated_at": now,
        **_columns(given),
    }
    await tx.execute(insert(users).values(row))
    return StoredUser(user_id, given, 1, now, now)


async def update_user(
    tx: AsyncConnection, org_id: str, user: StoredUser, given: UserFields, now: int
) -> StoredUser:
    """Replace the fields of ``user`` and raise its version."""
    version = user.version + 1
    await tx.execute(
        update(users)
        .where(_is(org_id, user.id))
        .values(version=version, updated_at=now, **_columns(given))
    )
    return StoredUser(user.id, given, version, user.created_at, now)


async def delete_user(tx: AsyncConnection, org_id: str, user_id: str, now: int) -> None:
    """Delete a user. Raises ``Conflict`` while something to come depends on them.

    Their past shifts stay on record under their id.
    """
    for table, what, holds in (
        (participants, "a schedule has them as a participant", true()),
        (policy_targets, "an escalation policy names them", true()),
        (manual_assignments, "an override or entry that is not over names them", is_to_come(now)),
        (cover_requests, "an open cover request is theirs", is_open(now)),
    ):
        named = and_(table.c.org_id == org_id, table.c.user_id == user_id, holds)
        if await tx.scalar(select(exists().where(named))):
            raise Conflict(f"the user {user_id} is still needed: {what}")
    await take_back_all(tx, org_id, user_id, now)
    await tx.execute(delete(users).where(_is(org_id, user_id)))


def _is(org_id: str, user_id: str) -> ColumnElement[bool]:
    return and_(users.c.org_id == org_id, users.c.id == user_id)


def _columns(given: UserFields) -> Mapping[str, str]:
    teams = msgspec.json.encode(given.team_ids).decode()
    return {"name": given.name, "email": given.email, "team_ids": teams}


def _user(row: Mapping[Any, Any]) -> StoredUser:
    teams = msgspec.json.decode(row["team_ids"], type=tuple[str, ...])
    return StoredUser(
        row["id"],
        UserFields(row["name"], row["email"], teams),
        row["version"],
        row["created_at"],
        row["updated_at"],
    )
