"""Handlers of escalation policies: who is notified first, and who if nobody is on call there."""

from collections.abc import Iterator, Mapping

from app.database.database import Tx
from app.database.ids import new_id
from app.database.pacing import with_pauses
from app.engine.layered.model import OnCall
from app.errors import FieldError, InvalidRequest
from app.products.layered.layer_fields import role_errors
from app.teams.merge_patch import patched_document
from app.teams.on_call.store import on_call_of
from app.teams.operation import V1, HandlerResult, RequestContext
from app.teams.policies import store
from app.teams.policies.schemas import PolicyPost, Resolution, StepNow, Told, policy_of
from app.teams.policies.store import Policy, PolicyFields, Step, Target
from app.teams.schedules.roles import known_roles
from app.teams.schedules.store import existing_schedule_ids, get_schedule
from app.teams.schemas import READ_ONLY, DataEnvelope, list_envelope, visible_fields
from app.teams.times import utc_text
from app.teams.users.store import StoredUser, users_by_id


async def list_policies(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the policies."""
    page = await store.policies_page(tx, context.org_id, context.query.part)
    return HandlerResult(list_envelope(page, [policy_of(policy) for policy in page.rows]))


async def create_policy(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create a policy."""
    await _require_targets(tx, context, context.document.fields)
    policy_id = context.document.id or new_id(context.now)
    return _answer(
        await store.insert_policy(
            tx, context.org_id, policy_id, context.document.fields, context.now
        )
    )


async def read_policy(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return one policy."""
    return _answer(await store.get_policy(tx, context.org_id, context.path["id"]))


async def update_policy(tx: Tx, context: RequestContext) -> HandlerResult:
    """Change a policy by a merge patch."""
    policy = await store.lock_policy(tx, context.org_id, context.path["id"])
    context.require_match(policy.version)
    document = patched_document(
        visible_fields(policy_of(policy)), context.value, PolicyPost, READ_ONLY
    )
    await _require_targets(tx, context, document.fields)
    return _answer(
        await store.update_policy(tx, context.org_id, policy, document.fields, context.now)
    )


async def delete_policy(tx: Tx, context: RequestContext) -> HandlerResult:
    """Delete a policy."""
    policy = await store.lock_policy(tx, context.org_id, context.path["id"])
    context.require_match(policy.version)
    await store.delete_policy(tx, context.org_id, policy.id)
    return HandlerResult()


async def resolve_policy(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return whom each step of a policy would notify at an instant."""
    at = context.now if context.query.at is None else int(context.query.at)
    policy = await store.get_policy(tx, context.org_id, context.path["id"])
    ids: dict[str, set[str]] = {"schedule": set(), "user": set()}
    for target in policy.fields.targets:
        ids[target.type].add(target.id)
    on_call = {
        each: await on_call_of(tx, context.compute, context.org_id, each, at)
        async for each in with_pauses(sorted(ids["schedule"]))
    }
    parts = [part for each in on_call.values() for part in each.parts]
    found = {user_id for part in parts for user_id in part.user_ids}
    users = await users_by_id(tx, context.org_id, found | ids["user"])
    steps = [
        StepNow(number, step.delay_minutes, list(_notified(step, on_call, users)))
        for number, step in enumerate(policy.fields.steps, 1)
    ]
    first = next((step for step in steps if step.users), None)
    return HandlerResult(
        DataEnvelope(
            Resolution(
                policy.id,
                utc_text(at),
                first.step if first else None,
                first.users if first else (),
                steps,
            )
        )
    )


def _notified(
    step: Step, on_call: Mapping[str, OnCall], users: Mapping[str, StoredUser]
) -> Iterator[Told]:
    """Yield the users whom a step would notify; a schedule with nobody on call adds none."""
    for target in step.targets:
        if target.type == "user":
            yield Told(target.id, *_contact(users.get(target.id)), None, None, None)
            continue
        parts = on_call[target.id].parts
        found = next((part for part in parts if target.role in (None, part.role)), None)
        if found is None or found.assignment is None:
            continue
        until = None if found.until is None else utc_text(found.until)
        for user_id in found.user_ids:
            contact = _contact(users.get(user_id))
            yield Told(user_id, *contact, target.id, found.assignment.layer, until, found.role)


def _contact(user: StoredUser | None) -> tuple[str | None, str | None]:
    return (user.email, user.name) if user else (None, None)


async def _require_targets(tx: Tx, context: RequestContext, given: PolicyFields) -> None:
    """Raise ``InvalidRequest`` for targets, and roles of them, that do not exist."""
    org_id = context.org_id
    wanted: dict[str, set[str]] = {"schedule": set(), "user": set()}
    for target in given.targets:
        wanted[target.type].add(target.id)
    known = {
        "schedule": await existing_schedule_ids(tx, org_id, wanted["schedule"]),
        "user": await users_by_id(tx, org_id, wanted["user"]),
    }
    errors = []
    for pointer, target in _pointers(given):
        if target.id not in known[target.type]:
            errors.append(FieldError(f"{pointer}/id", f"there is no {target.type} {target.id}"))
        elif target.role is not None:
            schedule = await get_schedule(tx, org_id, target.id, context.now)
            errors += role_errors(f"{pointer}/role", target.role, known_roles(schedule))
    if errors:
        raise InvalidRequest(errors)


def _pointers(given: PolicyFields) -> Iterator[tuple[str, Target]]:
    for number, step in enumerate(given.steps):
        for place, target in enumerate(step.targets):
            yield f"/steps/{number}/targets/{place}", target


def _answer(policy: Policy) -> HandlerResult:
    return HandlerResult(DataEnvelope(policy_of(policy)), f"{V1}/escalation-policies/{policy.id}")
