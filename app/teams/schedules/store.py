"""Schedules and every version of their rules.

Strategy: a schedule is a name, a team and rules, which are its zone and its layers. Every version
of the rules is stored with the instant from which it holds, so the past is answered by the version
of its time; the first version holds for all time before, too. A version may hold from later on:
its edit is pending until then, and can be withdrawn. Each write to a schedule or to what belongs to
it first locks the schedule's row (``lock_schedule``) and last raises its version
(``raise_version``), so no writer misses what another has done.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.database import rows_of
from app.database.pages import Page, Slice, next_position, page_of
from app.database.tables import (
    manual_assignments,
    participants,
    participants_ever,
    policy_targets,
    schedule_versions,
    schedules,
)
from app.engine.layered.edits import Rotations
from app.engine.layered.model import Layer, WhenAway
from app.engine.walltime import FOREVER
from app.errors import Conflict, NotFound
from app.teams.overrides.store import bytes_to_come

VERSION = schedule_versions.c

MAX_VERSIONS, MAX_VERSIONS_BYTES = 1_000, 4 * 1024 * 1024
"""Versions of one schedule's rules, and bytes of their layers: every answer reads all of them."""
MAX_CACHED_BYTES = 8 * 1024
"""The longest text of layers, in bytes, whose decoded form is cached."""


@dataclass(frozen=True, slots=True)
class ScheduleRules:
    """The zone and layers of a schedule, as the engine reads them, and what becomes of turns while
    people are away; ``document`` is the JSON of the layers as sent.
    """

    timezone: str
    layers: tuple[Layer, ...]
    document: str
    when_away: WhenAway = "next"

    @property
    def rotations(self) -> Rotations:
        """What decides whose turn it is."""
        return Rotations(self.timezone, self.layers)

    @property
    def user_ids(self) -> set[str]:
        """The participants of all layers."""
        return {name for layer in self.layers for name in layer.people}


class PlannedRules(NamedTuple):
    """Rules that hold from an instant on, in milliseconds."""

    from_at: int
    rules: ScheduleRules


@dataclass(frozen=True, slots=True)
class ScheduleFields:
    """The part of a schedule that callers give."""

    name: str
    team_id: str | None
    rules: ScheduleRules


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """One schedule as it is now; ``version`` counts writes, instants are in milliseconds.

    ``pending`` are the rules that are to hold later, in order.
    """

    id: str
    fields: ScheduleFields
    version: int
    created_at: int
    updated_at: int
    pending: tuple[PlannedRules, ...] = ()

    @property
    def rules(self) -> ScheduleRules:
        """The rules that hold now."""
        return self.fields.rules

    def written_at(self, now: int) -> int:
        """Return the instant of a write at ``now``: the last writer's clock may have been ahead."""
        return max(now, self.updated_at)


class NamedSchedule(NamedTuple):
    """What an answer about several schedules says of each, besides who is on call."""

    id: str
    name: str
    timezone: str
    version: int
    updated_at: int


TEAM_SCHEDULES = 100
"""More than any team has."""


HOLDS = or_(VERSION.valid_from <= bindparam("now"), VERSION.valid_from <= schedules.c.updated_at)
"""Whether a version holds at ``:now``. The clock of its writer may have been ahead of ours."""


def _schedules(*, with_pending: bool = False) -> Select[tuple[object, ...]]:
    """Select every schedule of the organisation ``:org`` with the rules that hold at ``:now``.

    ``with_pending`` there is a row for each of its rules to come as well.
    """
    latest = (
        select(func.max(VERSION.number))
        .where(VERSION.org_id == schedules.c.org_id, VERSION.schedule_id == schedules.c.id, HOLDS)
        .correlate(schedules)
        .scalar_subquery()
    )
    rules_now = and_(
        VERSION.org_id == schedules.c.org_id,
        VERSION.schedule_id == schedules.c.id,
        VERSION.number >= latest if with_pending else VERSION.number == latest,
    )
    return (
        select(
            schedules,
            VERSION.valid_from,
            VERSION.timezone,
            VERSION.layers,
            VERSION.document,
            VERSION.when_away,
        )
        .join(schedule_versions, rules_now)
        .where(schedules.c.org_id == bindparam("org"))
    )


EVERY = _schedules()
BY_ID = (
    _schedules(with_pending=True)
    .where(schedules.c.id == bindparam("schedule"))
    .order_by(VERSION.number)
)
LOCKED_BY_ID = BY_ID.with_for_update(of=schedules)
NAMED = EVERY.with_only_columns(
    schedules.c.id,
    schedules.c.name,
    VERSION.timezone,
    schedules.c.version,
    schedules.c.updated_at,
)
NAMED_BY_ID = NAMED.where(schedules.c.id == bindparam("schedule"))
PENDING = (
    select(
        VERSION.schedule_id,
        VERSION.valid_from,
        VERSION.timezone,
        VERSION.layers,
        VERSION.document,
        VERSION.when_away,
    )
    .join(
        schedules,
        and_(VERSION.org_id == schedules.c.org_id, VERSION.schedule_id == schedules.c.id),
    )
    .where(schedules.c.org_id == bindparam("org"), not_(HOLDS))
    .order_by(VERSION.number)
)
OF_TEAM = (
    NAMED.where(schedules.c.team_id == bindparam("team"))
    .order_by(schedules.c.position)
    .limit(TEAM_SCHEDULES)
)


async def schedules_page(
    tx: AsyncConnection,
    org_id: str,
    part: Slice,
    now: int,
    team_id: str | None = None,
    *,
    with_overrides: bool = False,
) -> Page[StoredSchedule]:
    """Return the organisation's schedules, or a team's, oldest first.

    The page leaves room for the overrides that are not over, if they are shown with it.
    """
    query = EVERY.params(org=org_id, now=now)
    if team_id is not None:
        query = query.where(schedules.c.team_id == team_id)
    beside = None
    if with_overrides:
        beside = bytes_to_come(schedules.c.id, org_id, now)
    page = await page_of(tx, query, [schedules.c.position], part, _schedule, beside)
    pending = await _pending_of(tx, org_id, [schedule.id for schedule in page.rows], now)
    rows = [replace(each, pending=tuple(pending.get(each.id, ()))) for each in page.rows]
    return page._replace(rows=rows)


async def schedules_of_team(
    tx: AsyncConnection, org_id: str, team_id: str, now: int
) -> Sequence[NamedSchedule]:
    """Return a team's schedules, oldest first, at most ``TEAM_SCHEDULES``, without their layers."""
    rows = await tx.execute(OF_TEAM, {"org": org_id, "team": team_id, "now": now})
    return [NamedSchedule(*row) for row in rows]


async def teams_page(tx: AsyncConnection, org_id: str, part: Slice) -> Page[tuple[str, int]]:
    """Return the teams that schedules name, with their numbers of schedules, by id."""
    query = (
        select(schedules.c.team_id, func.count().label("count"))
        .where(schedules.c.org_id == org_id, schedules.c.team_id.is_not(None))
        .group_by(schedules.c.team_id)
    )
    by = [schedules.c.team_id]
    return await page_of(tx, query, by, part, lambda row: (row["team_id"], row["count"]))


async def get_schedule(
    tx: AsyncConnection, org_id: str, schedule_id: str, now: int
) -> StoredSchedule:
    """Return one schedule. Raises ``NotFound``."""
    return await _schedule_by(tx, BY_ID, org_id, schedule_id, now)


async def _schedule_by(
    tx: AsyncConnection, query: Select[Any], org_id: str, schedule_id: str, now: int
) -> StoredSchedule:
    rows = await rows_of(tx, query, {"org": org_id, "schedule": schedule_id, "now": now})
    if not rows:
        raise NotFound(f"there is no schedule {schedule_id}")
    schedule, pending = _schedule(rows[0]), []
    for row in rows[1:]:
        await asyncio.sleep(0)  # the rules of each may be as large as may be read at a stretch
        pending.append(_planned(row))
    return replace(schedule, pending=tuple(pending))


async def named_schedule(
    tx: AsyncConnection, org_id: str, schedule_id: str, now: int
) -> NamedSchedule:
    """Return one schedule without its layers. Raises ``NotFound``."""
    rows = await tx.execute(NAMED_BY_ID, {"org": org_id, "schedule": schedule_id, "now": now})
    row = rows.one_or_none()
    if row is None:
        raise NotFound(f"there is no schedule {schedule_id}")
    return NamedSchedule(*row)


async def existing_schedule_ids(
    tx: AsyncConnection, org_id: str, ids: Iterable[str]
) -> Collection[str]:
    """Return those of ``ids`` that are schedules, without reading what these hold."""
    query = select(schedules.c.id).where(
        schedules.c.org_id == org_id, schedules.c.id.in_(sorted(set(ids)))
    )
    return set(await tx.scalars(query))


async def schedules_with(
    tx: AsyncConnection, org_id: str, user_id: str, since_at: int, now: int
) -> Sequence[NamedSchedule]:
    """Return the schedules that concern a user, oldest first, without their layers.

    The user takes or took part in their layers, or has an assignment that ends after ``since_at``.
    """
    by_turn = select(VERSION.schedule_id).where(
        VERSION.org_id == org_id, VERSION.layers.contains(f'"{user_id}"', autoescape=True)
    )
    by_hand = select(manual_assignments.c.schedule_id).where(
        manual_assignments.c.org_id == org_id,
        manual_assignments.c.user_id == user_id,
        manual_assignments.c.until_at > since_at,
    )
    query = NAMED.params(org=org_id, now=now).where(schedules.c.id.in_(by_turn.union(by_hand)))
    rows = await tx.execute(query.order_by(schedules.c.position))
    return [NamedSchedule(*row) for row in rows]


async def lock_schedule(
    tx: AsyncConnection, org_id: str, schedule_id: str, now: int
) -> StoredSchedule:
    """Lock a schedule against other writers until the transaction ends. Raises ``NotFound``."""
    return await _schedule_by(tx, LOCKED_BY_ID, org_id, schedule_id, now)


async def raise_version(
    tx: AsyncConnection, org_id: str, schedule: StoredSchedule, now: int
) -> StoredSchedule:
    """Raise the version of ``schedule`` by one."""
    version, at = schedule.version + 1, schedule.written_at(now)
    values = {"version": version, "updated_at": at}
    await tx.execute(update(schedules).where(_is(org_id, schedule.id)).values(values))
    return replace(schedule, version=version, updated_at=at)


async def lock_schedules_of(tx: AsyncConnection, org_id: str, user_id: str) -> None:
    """Lock all schedules in which a user takes part against other writers.

    Whoever writes locks schedules first, then users, and then what counts the organisation's rows:
    in another order two writers would wait for each other.
    """
    locked = select(schedules.c.id).where(_taken_part_in(org_id, user_id))
    await tx.execute(locked.order_by(schedules.c.id).with_for_update())


async def raise_versions_of(
    tx: AsyncConnection, org_id: str, user_id: str, now: int
) -> Mapping[str, int]:
    """Raise the versions of all schedules in which a user takes part; return them by id, in order.

    They are locked already (``lock_schedules_of``).
    """
    at = case((schedules.c.updated_at > now, schedules.c.updated_at), else_=now)
    raised = (
        update(schedules)
        .where(_taken_part_in(org_id, user_id))
        .values(version=schedules.c.version + 1, updated_at=at)
        .returning(schedules.c.position, schedules.c.id, schedules.c.version)
    )
    rows = sorted((await tx.execute(raised)).all())
    return {schedule_id: version for _, schedule_id, version in rows}


def _taken_part_in(org_id: str, user_id: str) -> ColumnElement[bool]:
    own = select(participants.c.schedule_id).where(
        participants.c.org_id == org_id, participants.c.user_id == user_id
    )
    return and_(schedules.c.org_id == org_id, schedules.c.id.in_(own))


async def insert_schedule(
    tx: AsyncConnection, org_id: str, schedule_id: str, given: ScheduleFields, now: int
) -> StoredSchedule:
    """Write a new schedule. Raises ``Conflict`` if the id is taken."""
    if await tx.scalar(select(exists().where(_is(org_id, schedule_id)))):
        raise Conflict(f"the schedule {schedule_id} exists already")
    row = {
        "org_id": org_id,
        "id": schedule_id,
        "position": await next_position(tx, org_id),
        "name": given.name,
        "team_id": given.team_id,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    await tx.execute(insert(schedules).values(row))
    await _insert_version(tx, org_id, schedule_id, given.rules, 1, -FOREVER)
    await _replace_participants(tx, org_id, schedule_id, [given.rules])
    return StoredSchedule(schedule_id, given, 1, now, now)


async def update_schedule(
    tx: AsyncConnection,
    org_id: str,
    schedule: StoredSchedule,
    given: ScheduleFields,
    planned: Sequence[PlannedRules],
    now: int,
) -> StoredSchedule:
    """Replace the name and team of ``schedule``, add its ``planned`` rules, raise its version.

    ``planned`` is in order; without any, the rules stay. Raises ``Conflict`` if the schedule has
    had too many versions of its rules, or some are pending already.
    """
    values = {"name": given.name, "team_id": given.team_id}
    await tx.execute(update(schedules).where(_is(org_id, schedule.id)).values(values))
    rules, pending = schedule.rules, schedule.pending
    if planned:
        await _add_versions(tx, org_id, schedule, planned, now)
        if planned[0].from_at <= schedule.written_at(now):
            rules, planned = planned[0].rules, planned[1:]
        pending = tuple(planned)
    after = replace(schedule, fields=replace(given, rules=rules), pending=pending)
    return await raise_version(tx, org_id, after, now)


async def _add_versions(
    tx: AsyncConnection,
    org_id: str,
    schedule: StoredSchedule,
    planned: Sequence[PlannedRules],
    now: int,
) -> None:
    if schedule.pending:
        raise Conflict(
            f"an edit of the schedule {schedule.id} is pending: withdraw it first "
            "(DELETE …/pending), or wait until it holds"
        )
    belongs = and_(VERSION.org_id == org_id, VERSION.schedule_id == schedule.id)
    last = select(
        func.count(), func.sum(func.length(VERSION.layers)), func.max(VERSION.number)
    ).where(belongs)
    count, size, number = (await tx.execute(last)).one()
    if count + len(planned) > MAX_VERSIONS or size >= MAX_VERSIONS_BYTES:
        raise Conflict(
            f"the rules of the schedule {schedule.id} have been changed as often as is kept "
            f"({MAX_VERSIONS} times, or {MAX_VERSIONS_BYTES} bytes): make a new schedule"
        )
    last_number = max(number, schedule.version)  # also above those that were withdrawn
    for later, (from_at, rules) in enumerate(planned, 1):
        await _insert_version(tx, org_id, schedule.id, rules, last_number + later, from_at)
    coming = [rules for _, rules in planned]
    still = [schedule.rules] if planned[0].from_at > schedule.written_at(now) else []
    await _replace_participants(tx, org_id, schedule.id, [*still, *coming])


async def delete_pending(
    tx: AsyncConnection, org_id: str, schedule: StoredSchedule, now: int
) -> StoredSchedule:
    """Withdraw the pending edit of ``schedule``. Raises ``NotFound`` if there is none."""
    if not schedule.pending:
        raise NotFound(f"no edit of the schedule {schedule.id} is pending")
    first = schedule.pending[0].from_at
    await tx.execute(
        delete(schedule_versions).where(
            VERSION.org_id == org_id,
            VERSION.schedule_id == schedule.id,
            VERSION.valid_from >= first,
        )
    )
    await _replace_participants(tx, org_id, schedule.id, [schedule.rules])
    return await raise_version(tx, org_id, replace(schedule, pending=()), now)


async def delete_schedule(tx: AsyncConnection, org_id: str, schedule_id: str) -> None:
    """Delete a schedule and all that belongs to it. Raises ``Conflict`` while a policy names it."""
    query = (
        select(policy_targets.c.policy_id)
        .where(policy_targets.c.org_id == org_id, policy_targets.c.schedule_id == schedule_id)
        .limit(1)
    )
    policy = await tx.scalar(query)
    if policy is not None:
        raise Conflict(f"the escalation policy {policy} references the schedule {schedule_id}")
    await tx.execute(delete(schedules).where(_is(org_id, schedule_id)))


def layers_in(text: str) -> tuple[Layer, ...]:
    """Return the engine's layers from their stored text."""
    return _cached_layers(text) if len(text) <= MAX_CACHED_BYTES else _layers_in(text)


def _layers_in(text: str) -> tuple[Layer, ...]:
    return msgspec.json.decode(text, type=tuple[Layer, ...])


_cached_layers = lru_cache(maxsize=1024)(_layers_in)


async def _insert_version(
    tx: AsyncConnection,
    org_id: str,
    schedule_id: str,
    given: ScheduleRules,
    number: int,
    from_at: int,
) -> None:
    """Write a version of the rules."""
    row = {
        "org_id": org_id,
        "schedule_id": schedule_id,
        "number": number,
        "valid_from": from_at,
        "timezone": given.timezone,
        "layers": msgspec.json.encode(given.layers).decode(),
        "document": given.document,
        "when_away": None if given.when_away == "next" else given.when_away,
    }
    await tx.execute(insert(schedule_versions).values(row))


async def _replace_participants(
    tx: AsyncConnection, org_id: str, schedule_id: str, rules: Iterable[ScheduleRules]
) -> None:
    """Write who takes part by any of ``rules``, in place of who did; and that they ever did."""
    taking_part = participants.c
    await tx.execute(
        delete(participants).where(
            taking_part.org_id == org_id, taking_part.schedule_id == schedule_id
        )
    )
    user_ids = {user_id for each in rules for user_id in each.user_ids}
    named: Sequence[dict[str, str]] = [
        {"org_id": org_id, "schedule_id": schedule_id, "user_id": name} for name in sorted(user_ids)
    ]
    if named:
        await tx.execute(insert(participants), named)
    ever = participants_ever.c
    known = set(
        await tx.scalars(
            select(ever.user_id).where(ever.org_id == org_id, ever.schedule_id == schedule_id)
        )
    )
    added = [row for row in named if row["user_id"] not in known]
    if added:
        await tx.execute(insert(participants_ever), added)


async def _pending_of(
    tx: AsyncConnection, org_id: str, schedule_ids: Sequence[str], now: int
) -> Mapping[str, list[PlannedRules]]:
    """Return the rules that are to hold later, in order, of those schedules that have any."""
    query = PENDING.where(schedules.c.id.in_(schedule_ids))
    found: dict[str, list[PlannedRules]] = defaultdict(list)
    for row in (await tx.execute(query, {"org": org_id, "now": now})).mappings():
        found[row["schedule_id"]].append(_planned(row))
    return found


def _is(org_id: str, schedule_id: str) -> ColumnElement[bool]:
    return and_(schedules.c.org_id == org_id, schedules.c.id == schedule_id)


def _schedule(row: Mapping[Any, Any]) -> StoredSchedule:
    return StoredSchedule(
        row["id"],
        ScheduleFields(row["name"], row["team_id"], _rules(row)),
        row["version"],
        row["created_at"],
        row["updated_at"],
    )


def _planned(row: Mapping[Any, Any]) -> PlannedRules:
    return PlannedRules(row["valid_from"], _rules(row))


def _rules(row: Mapping[Any, Any]) -> ScheduleRules:
    return ScheduleRules(
        row["timezone"], layers_in(row["layers"]), row["document"], row["when_away"] or "next"
    )
