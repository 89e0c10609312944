"""Escalation policies: steps of targets, each a schedule or a user.

Invariant: the targets of a policy exist. The database enforces that too, so a policy cannot be
attached to a schedule that is being deleted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, RowMapping, and_, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pages import Page, Slice, next_position, page_of
from app.database.tables import policies, policy_targets
from app.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Target:
    """One to notify: the user whom a schedule has on call, or a given user."""

    type: Literal["schedule", "user"]
    id: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Targets that are notified at once; the next step follows after ``delay_minutes``."""

    targets: tuple[Target, ...]
    delay_minutes: int


@dataclass(frozen=True, slots=True)
class PolicyFields:
    """The part of a policy that callers give."""

    name: str
    steps: tuple[Step, ...]

    @property
    def targets(self) -> Sequence[Target]:
        """The targets of all steps, in order."""
        return [target for step in self.steps for target in step.targets]


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy; ``version`` counts changes, instants are in milliseconds."""

    id: str
    fields: PolicyFields
    version: int
    created_at: int
    updated_at: int


async def policies_page(tx: AsyncConnection, org_id: str, part: Slice) -> Page[Policy]:
    """Return the organisation's policies, oldest first."""
    query = select(policies).where(policies.c.org_id == org_id)
    return await page_of(tx, query, [policies.c.position], part, _policy)


async def get_policy(tx: AsyncConnection, org_id: str, policy_id: str) -> Policy:
    """Return one policy. Raises ``NotFound``."""
    query = select(policies).where(_is(org_id, policy_id))
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no escalation policy {policy_id}")
    return _policy(row)


async def lock_policy(tx: AsyncConnection, org_id: str, policy_id: str) -> Policy:
    """Lock a policy against other writers until the transaction ends. Raises ``NotFound``."""
    await tx.execute(select(policies.c.id).where(_is(org_id, policy_id)).with_for_update())
    return await get_policy(tx, org_id, policy_id)


async def insert_policy(
    tx: AsyncConnection, org_id: str, policy_id: str, given: PolicyFields, now: int
) -> Policy:
    """Write a new policy. Raises ``Conflict`` if the id is taken."""
    if await tx.scalar(select(exists().where(_is(org_id, policy_id)))):
        raise Conflict(f"the escalation policy {policy_id} exists already")
    row = {
        "org_id": org_id,
        "id": policy_id,
        "position": await next_position(tx, org_id),
        "version": 1,
        "created_at": now,
        "updated_at": now,
        **_columns(given),
    }
    await tx.execute(insert(policies).values(row))
    await tx.execute(insert(policy_targets), list(_targets(org_id, policy_id, given)))
    return Policy(policy_id, given, 1, now, now)


async def update_policy(
    tx: AsyncConnection, org_id: str, policy: Policy, given: PolicyFields, now: int
) -> Policy:
    """Replace the fields of ``policy`` and raise its version."""
    version = policy.version + 1
    values = {"version": version, "updated_at": now, **_columns(given)}
    await tx.execute(update(policies).where(_is(org_id, policy.id)).values(values))
    named = policy_targets.c
    await tx.execute(
        delete(policy_targets).where(named.org_id == org_id, named.policy_id == policy.id)
    )
    await tx.execute(insert(policy_targets), list(_targets(org_id, policy.id, given)))
    return replace(policy, fields=given, version=version, updated_at=now)


async def delete_policy(tx: AsyncConnection, org_id: str, policy_id: str) -> None:
    """Delete a policy."""
    await tx.execute(delete(policies).where(_is(org_id, policy_id)))


def _is(org_id: str, policy_id: str) -> ColumnElement[bool]:
    return and_(policies.c.org_id == org_id, policies.c.id == policy_id)


def _targets(org_id: str, policy_id: str, given: PolicyFields) -> Iterator[Mapping[str, Any]]:
    for number, target in enumerate(given.targets):
        yield {
            "org_id": org_id,
            "policy_id": policy_id,
            "number": number,
            "schedule_id": target.id if target.type == "schedule" else None,
            "user_id": target.id if target.type == "user" else None,
        }


def _columns(given: PolicyFields) -> Mapping[str, str]:
    return {"name": given.name, "steps": msgspec.json.encode(given.steps).decode()}


def _policy(row: RowMapping) -> Policy:
    steps = msgspec.json.decode(row["steps"], type=tuple[Step, ...])
    return Policy(
        row["id"],
        PolicyFields(row["name"], steps),
        row["version"],
        row["created_at"],
        row["updated_at"],
    )
