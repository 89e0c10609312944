"""Handlers for escalation policies: who is told first, and who if nobody is on call there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.api.stored.documents import READ_ONLY, Id, Instant, One, Title, Version, many
from app.api.stored.operations import V1, Answer, Call
from app.api.stored.patches import patched
from app.api.stored.schedule_documents import writable
from app.api.stored.times import utc_text
from app.engine.layered.model import OnCall
from app.errors import Fault, InvalidRequest, NotFound
from app.http.validation import Document
from app.storage.database import Tx
from app.storage.history import on_call_of
from app.storage.ids import new_id
from app.storage.paced import paced
from app.storage.people import Person, people_of
from app.storage.policies import (
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
from app.storage.schedules import schedule_of

USUAL_DELAY_MINUTES = 5


class TargetDocument(Document, frozen=True):
    """A schedule, for whoever it has on call, or a user."""

    type: Annotated[Literal["schedule", "user"], Meta(description='"schedule" or "user"')]
    id: Annotated[
        str, Meta(max_length=64, description="the id of a schedule or user of the organisation")
    ]


class StepDocument(Document, frozen=True):
    """Who is told at once; the next step follows after ``delay_minutes``."""

    targets: Annotated[
        list[TargetDocument],
        Meta(min_length=1, max_length=20, description="1 to 20 schedules and users"),
    ]
    delay_minutes: Annotated[
        float,
        Meta(
            ge=0,
            le=1_440,
            multiple_of=1,
            description="whole minutes until the next step, at most a day",
            examples=[USUAL_DELAY_MINUTES],
        ),
    ] = USUAL_DELAY_MINUTES

    @property
    def step(self) -> Step:
        targets = tuple(Target(target.type, target.id) for target in self.targets)
        return Step(targets, int(self.delay_minutes))


class PolicyPost(Document, frozen=True):
    """An escalation policy."""

    name: Title
    steps: Annotated[
        list[StepDocument],
        Meta(min_length=1, max_length=20, description="1 to 20 steps, in order"),
    ]
    id: Id | None = None

    @property
    def fields(self) -> PolicyFields:
        return PolicyFields(str(self.name), tuple(step.step for step in self.steps))


class StepShown(Struct, frozen=True):
    """One step of a policy."""

    targets: Sequence[TargetDocument]
    delay_minutes: int


class PolicyShown(Struct, frozen=True):
    """An escalation policy."""

    id: str
    name: str
    steps: Sequence[StepShown]
    version: Version
    created_at: Instant
    updated_at: Instant


class Told(Struct, frozen=True):
    """One person of a step, and why."""

    user_id: str
    user_email: str | None
    user_name: str | None
    schedule_id: Annotated[str, Meta(description="Null: the policy names the user.")] | None
    layer: str | None
    until: Instant | None


class StepNow(Struct, frozen=True):
    """Whom a step would tell."""

    step: int
    delay_minutes: int
    users: Sequence[Told]


class Resolution(Struct, frozen=True):
    """The first step that has anybody, and every step with whom it would tell."""

    policy_id: str
    at: Instant
    step: Annotated[int, Meta(description="From 1. Null: no step has anybody.")] | None
    users: Sequence[Told]
    steps: Sequence[StepNow]


async def list_policies(tx: Tx, call: Call) -> Answer:
    page = await policies_page(tx, call.org_id, call.query.part)
    return Answer(many(page, call.query.part, [_shown(policy) for policy in page.rows]))


async def create_policy(tx: Tx, call: Call) -> Answer:
    await _require_targets(tx, call.org_id, call.document.fields)
    policy_id = call.document.id or new_id(call.now)
    return _answer(await made_policy(tx, call.org_id, policy_id, call.document.fields, call.now))


async def read_policy(tx: Tx, call: Call) -> Answer:
    return _answer(await policy_of(tx, call.org_id, call.path["id"]))


async def update_policy(tx: Tx, call: Call) -> Answer:
    policy = await locked_policy(tx, call.org_id, call.path["id"])
    call.require_match(policy.version)
    document = patched(writable(_shown(policy)), call.value, PolicyPost, READ_ONLY)
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
        if found.duty is None:
            continue
        user_id = found.duty.user_id
        until = None if found.until is None else utc_text(found.until)
        contact = _contact(people.get(user_id))
        yield Told(user_id, *contact, target.id, found.duty.layer, until)


def _contact(person: Person | None) -> tuple[str | None, str | None]:
    return (person.email, person.name) if person else (None, None)


async def _require_targets(tx: Tx, org_id: str, given: PolicyFields) -> None:
    """Raise ``InvalidRequest`` for targets that there are not."""
    wanted = [target.id for target in given.targets if target.type == "user"]
    people = await people_of(tx, org_id, wanted)
    faults = []
    for pointer, target in _pointers(given):
        known = target.id in people
        if target.type == "schedule":
            known = await _is_schedule(tx, org_id, target.id)
        if not known:
            faults.append(Fault(pointer, f"there is no {target.type} {target.id}"))
    if faults:
        raise InvalidRequest(faults)


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


def _shown(policy: Policy) -> PolicyShown:
    steps = [
        StepShown([TargetDocument(each.type, each.id) for each in step.targets], step.delay_minutes)
        for step in policy.fields.steps
    ]
    return PolicyShown(
        policy.id,
        policy.fields.name,
        steps,
        policy.version,
        utc_text(policy.created_at),
        utc_text(policy.updated_at),
    )


def _answer(policy: Policy) -> Answer:
    return Answer(One(_shown(policy)), policy.version, f"{V1}/escalation-policies/{policy.id}")
