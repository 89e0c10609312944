"""People: who can be on call. A person who is still counted on cannot be removed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import (
    ColumnElement,
    RowMapping,
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

from app.database.pages import Page, Slice, next_position, page_of
from app.database.tables import covers, participants, people, policy_targets
from app.errors import Conflict, NotFound
from app.teams.overrides.store import is_to_come


@dataclass(frozen=True, slots=True)
class PersonFields:
    """What callers say of a person."""

    name: str
    email: str
    team_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """One person; ``version`` counts changes, instants are in milliseconds."""

    id: str
    fields: PersonFields
    version: int
    created_at: int
    updated_at: int

    @property
    def name(self) -> str:
        return self.fields.name

    @property
    def email(self) -> str:
        return self.fields.email


NAMED = select(people).where(
    people.c.org_id == bindparam("org"), people.c.id.in_(bindparam("ids", expanding=True))
)


async def people_page(tx: AsyncConnection, org_id: str, part: Slice) -> Page[Person]:
    """The organisation's people, oldest first."""
    query = select(people).where(people.c.org_id == org_id).order_by(people.c.position)
    return await page_of(tx, query, part, _person)


async def people_of(
    tx: AsyncConnection, org_id: str, ids: Iterable[str | None]
) -> Mapping[str, Person]:
    """Those of ``ids`` that there are, by id."""
    wanted = {name for name in ids if name is not None}
    if not wanted:
        return {}
    rows = await tx.execute(NAMED, {"org": org_id, "ids": sorted(wanted)})
    return {row["id"]: _person(row) for row in rows.mappings()}


async def person_of(tx: AsyncConnection, org_id: str, person_id: str) -> Person:
    """One person. Raises ``NotFound``."""
    found = await people_of(tx, org_id, [person_id])
    if person_id not in found:
        raise NotFound(f"there is no user {person_id}")
    return found[person_id]


async def locked_person(tx: AsyncConnection, org_id: str, person_id: str) -> Person:
    """One person whom nobody else writes to until the transaction ends. Raises ``NotFound``."""
    await tx.execute(select(people.c.id).where(_is(org_id, person_id)).with_for_update())
    return await person_of(tx, org_id, person_id)


async def made_person(
    tx: AsyncConnection, org_id: str, person_id: str, given: PersonFields, now: int
) -> Person:
    """A new person. Raises ``Conflict`` if the id is taken."""
    if await people_of(tx, org_id, [person_id]):
        raise Conflict(f"the user {person_id} exists already")
    row = {
        "org_id": org_id,
        "id": person_id,
        "position": await next_position(tx, org_id),
        "version": 1,
        "created_at": now,
        "updated_at": now,
        **_columns(given),
    }
    await tx.execute(insert(people).values(row))
    return Person(person_id, given, 1, now, now)


async def changed_person(
    tx: AsyncConnection, org_id: str, person: Person, given: PersonFields, now: int
) -> Person:
    """``person`` with other fields."""
    version = person.version + 1
    await tx.execute(
        update(people)
        .where(_is(org_id, person.id))
        .values(version=version, updated_at=now, **_columns(given))
    )
    return Person(person.id, given, version, person.created_at, now)


async def removed_person(tx: AsyncConnection, org_id: str, person_id: str, now: int) -> None:
    """Remove a person. Raises ``Conflict`` while anything to come counts on them.

    What they did stays on record under their id.
    """
    for table, what, holds in (
        (participants, "a schedule has them as a participant", true()),
        (policy_targets, "an escalation policy names them", true()),
        (covers, "an override or entry that is not over names them", is_to_come(now)),
    ):
        named = and_(table.c.org_id == org_id, table.c.user_id == person_id, holds)
        if await tx.scalar(select(exists().where(named))):
            raise Conflict(f"the user {person_id} is still needed: {what}")
    await tx.execute(delete(people).where(_is(org_id, person_id)))


def _is(org_id: str, person_id: str) -> ColumnElement[bool]:
    return and_(people.c.org_id == org_id, people.c.id == person_id)


def _columns(given: PersonFields) -> Mapping[str, str]:
    teams = msgspec.json.encode(given.team_ids).decode()
    return {"name": given.name, "email": given.email, "team_ids": teams}


def _person(row: RowMapping) -> Person:
    teams = msgspec.json.decode(row["team_ids"], type=tuple[str, ...])
    return Person(
        row["id"],
        PersonFields(row["name"], row["email"], teams),
        row["version"],
        row["created_at"],
        row["updated_at"],
    )
