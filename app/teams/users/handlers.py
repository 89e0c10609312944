"""Handlers for people: the names and e-mails that answers show, and whom schedules may name."""

from app.database.database import Tx
from app.database.ids import new_id
from app.teams.merge_patch import patched
from app.teams.operation import V2, Answer, Call
from app.teams.schemas import READ_ONLY, One, many, writable
from app.teams.users.schemas import UserPost, user_of
from app.teams.users.store import (
    Person,
    changed_person,
    locked_person,
    made_person,
    people_page,
    person_of,
    removed_person,
)


async def list_users(tx: Tx, call: Call) -> Answer:
    page = await people_page(tx, call.org_id, call.query.part)
    return Answer(many(page, call.query.part, [user_of(person) for person in page.rows]))


async def create_user(tx: Tx, call: Call) -> Answer:
    user_id = call.document.id or new_id(call.now, "user_")
    return _answer(await made_person(tx, call.org_id, user_id, call.document.fields, call.now))


async def read_user(tx: Tx, call: Call) -> Answer:
    return _answer(await person_of(tx, call.org_id, call.path["id"]))


async def update_user(tx: Tx, call: Call) -> Answer:
    person = await locked_person(tx, call.org_id, call.path["id"])
    call.require_match(person.version)
    document = patched(writable(user_of(person)), call.value, UserPost, READ_ONLY)
    return _answer(await changed_person(tx, call.org_id, person, document.fields, call.now))


async def delete_user(tx: Tx, call: Call) -> Answer:
    person = await locked_person(tx, call.org_id, call.path["id"])
    call.require_match(person.version)
    await removed_person(tx, call.org_id, person.id, call.now)
    return Answer()


def _answer(person: Person) -> Answer:
    return Answer(One(user_of(person)), person.version, f"{V2}/users/{person.id}")
