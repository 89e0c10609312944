"""Handlers of escalation policies: who is told first, and who if nobody is on call there."""

from collections.abc import Iterator, Mapping

from app.database.database import Tx
from app.database.ids import new_id
from app.database.pacing import paced
from app.engine.layered.model import OnCall
from app.errors import FieldError, InvalidRequest, NotFound
from app.teams.merge_patch import patched
from app.teams.on_call.store import on_call_of
from app.teams.operation import V1, Answer, Call
from app.teams.policies.schemas import PolicyPost, Resolution, StepNow, Told, policy_document_of
from app.teams.policies.store import (
    Policy,
    PolicyFields,
    Step,
    Target,
    changed_policy,
    locked_policy,
    made_policy,
    policies_page,
    policy_of,
    removed_policy,
)
from app.teams.schedules.store import schedule_of
from app.teams.schemas import READ_ONLY, One, many, writable
from app.teams.times import utc_text
from app.teams.users.store import Person, people_of


async def list_policies(tx: Tx, call: Call) -> Answer:
    page = await policies_page(tx, call.org_id, call.query.part)
    return Answer(many(page, call.query.part, [policy_document_of(policy) for policy in page.rows]))


async def create_policy(tx: Tx, call: Call) -> Answer:
    await _require_targets(tx, call.org_id, call.document.fields)
    policy_id = call.document.id or new_id(call.now)
    return _answer(await made_policy(tx, call.org_id, policy_id, call.document.fields, call.now))


async def read_policy(tx: Tx, call: Call) -> Answer:
    return _answer(await policy_of(tx, call.org_id, call.path["id"]))


async def update_policy(tx: Tx, call: Call) -> Answer:
    policy = await locked_policy(tx, call.org_id, call.path["id"])
    call.require_match(policy.version)
    document = patched(writable(policy_document_of(policy)), call.value, PolicyPost, READ_ONLY)
    await _require_targets(tx, call.org_id, document.fields)
    return _answer(await changed_policy(tx, call.org_id, policy, document.fields, call.now))


async def delete_policy(tx: Tx, call: Call) -> Answer:
    policy = await locked_policy(tx, call.org_id, call.path["id"])
    call.require_match(policy.version)
    await removed_policy(tx, call.org_id, policy.id)
    return Answer()


async def resolve(tx: Tx, call: Call) -> Answer:
    at = call.now if call.query.at is None else int(call.query.at)
    policy = await policy_of(tx, call.org_id, call.path["id"])
    ids: dict[str, set[str]] = {"schedule": set(), "user": set()}
    for target in policy.fields.targets:
        ids[target.type].add(target.id)
    on_call = {
        each: await on_call_of(tx, call.org_id, each, at)
        async for each in paced(sorted(ids["schedule"]))
    }
    found = {each.user_id for each in on_call.values()}
    people = await people_of(tx, call.org_id, found | ids["user"])
    steps = [
        StepNow(number, step.delay_minutes, list(_told(step, on_call, people)))
        for number, step in enumerate(policy.fields.steps, 1)
    ]
    first = next((step for step in steps if step.users), None)
    return Answer(
        One(
            Resolution(
                policy.id,
                utc_text(at),
                first.step if first else None,
                first.users if first else (),
                steps,
            )
        )
    )


def _told(
    step: Step, on_call: Mapping[str, OnCall], people: Mapping[str, Person]
) -> Iterator[Told]:
    """Whom a step would tell; a schedule with nobody on call tells nobody."""
    for target in step.targets:
        if target.type == "user":
            yield Told(target.id, *_contact(people.get(target.id)), None, None, None)
            continue
        found = on_call[target.id]
        if found.assignment is None:
            continue
        user_id = found.assignment.user_id
        until = None if found.until is None else utc_text(found.until)
        contact = _contact(people.get(user_id))
        yield Told(user_id, *contact, target.id, found.assignment.layer, until)


def _contact(person: Person | None) -> tuple[str | None, str | None]:
    return (person.email, person.name) if person else (None, None)


async def _require_targets(tx: Tx, org_id: str, given: PolicyFields) -> None:
    """Raise ``InvalidRequest`` for targets that there are not."""
    wanted = [target.id for target in given.targets if target.type == "user"]
    people = await people_of(tx, org_id, wanted)
    errors = []
    for pointer, target in _pointers(given):
        known = target.id in people
        if target.type == "schedule":
            known = await _is_schedule(tx, org_id, target.id)
        if not known:
            errors.append(FieldError(pointer, f"there is no {target.type} {target.id}"))
    if errors:
        raise InvalidRequest(errors)


def _pointers(given: PolicyFields) -> Iterator[tuple[str, Target]]:
    for number, step in enumerate(given.steps):
        for place, target in enumerate(step.targets):
            yield f"/steps/{number}/targets/{place}/id", target


async def _is_schedule(tx: Tx, org_id: str, schedule_id: str) -> bool:
    try:
        await schedule_of(tx, org_id, schedule_id)
    except NotFound:
        return False
    return True


def _answer(policy: Policy) -> Answer:
    return Answer(
        One(policy_document_of(policy)), policy.version, f"{V1}/escalation-policies/{policy.id}"
    )
