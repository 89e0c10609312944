"""Reads many schedules at once, each as far as it matters around an instant."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import BindParameter, Select, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pacing import with_pauses
from app.database.tables import schedule_versions, schedules
from app.engine.walltime import FOREVER
from app.teams.absences.store import AbsentStretch, absent_within
from app.teams.on_call.store import History, Rules
from app.teams.overrides.store import assignments_within
from app.teams.schedules.store import layers_in

AT_ONCE = 10
"""Schedules that are read together: so many may have 50,000 overrides at one instant."""

VERSION = schedule_versions.c
IDS: BindParameter[str] = bindparam("ids", expanding=True)


class FollowedSchedule(NamedTuple):
    """What a change says of its schedule."""

    id: str
    name: str
    team_id: str | None
    created_at: int


FOLLOWED = select(
    schedules.c.id, schedules.c.name, schedules.c.team_id, schedules.c.created_at
).where(schedules.c.org_id == bindparam("org"))
EACH = FOLLOWED.order_by(schedules.c.position)
NAMED = FOLLOWED.where(schedules.c.id.in_(IDS))


def _rules_within() -> Select[tuple[object, ...]]:
    """Select the versions that hold in ``[:from, :to)``, the first version for all time before."""
    first = (
        select(func.max(VERSION.number))
        .where(
            VERSION.org_id == schedules.c.org_id,
            VERSION.schedule_id == schedules.c.id,
            VERSION.valid_from <= bindparam("from"),
        )
        .correlate(schedules)
        .scalar_subquery()
    )
    holds = and_(
        VERSION.org_id == schedules.c.org_id,
        VERSION.schedule_id == schedules.c.id,
        VERSION.number >= first,
        VERSION.valid_from < bindparam("to"),
    )
    return (
        select(
            VERSION.schedule_id,
            VERSION.number,
            VERSION.valid_from,
            VERSION.timezone,
            VERSION.when_away,
            VERSION.layers,
        )
        .join(schedules, holds)
        .where(schedules.c.org_id == bindparam("org"), schedules.c.id.in_(IDS))
        .order_by(VERSION.schedule_id, VERSION.number)
    )


RULES = _rules_within()


async def each_schedule(tx: AsyncConnection, org_id: str) -> Sequence[FollowedSchedule]:
    """Return every schedule of an organisation, oldest first, without its rules."""
    return [FollowedSchedule(*row) for row in await tx.execute(EACH, {"org": org_id})]


async def schedules_named(
    tx: AsyncConnection, org_id: str, ids: Iterable[str]
) -> Mapping[str, FollowedSchedule]:
    """Return those of ``ids`` that are schedules, by id."""
    rows = await tx.execute(NAMED, {"org": org_id, "ids": sorted(ids)})
    return {row.id: FollowedSchedule(*row) for row in rows}


async def histories_within(
    tx: AsyncConnection, org_id: str, ids: Sequence[str], from_at: int, to_at: int
) -> Mapping[str, History]:
    """Return each of some schedules as far as it matters in ``[from_at, to_at)``, and no further.

    So it cannot be told by these when the first stretch of the window began, or the last one ends.
    """
    window = {"org": org_id, "ids": ids, "from": from_at, "to": to_at}
    assignments = defaultdict(list)
    for assignment in await assignments_within(tx, org_id, ids, from_at, to_at):
        assignments[assignment.schedule_id].append(assignment)
    rules: defaultdict[str, list[Rules]] = defaultdict(list)
    async for row in with_pauses(await tx.execute(RULES, window)):
        own = rules[row.schedule_id]
        from_at = row.valid_from if own else -FOREVER
        own.append((row.number, from_at, row.timezone, row.when_away, row.layers))
    absent = await absent_within(tx, org_id, from_at, to_at)
    return {
        each: History(rules[each], assignments[each], await _of_people(absent, rules[each]))
        for each in ids
    }


async def _of_people(
    absent: Sequence[AbsentStretch], rules: Sequence[Rules]
) -> Sequence[AbsentStretch]:
    """Return those of ``absent`` who take turns by ``rules``."""
    if not absent:
        return ()
    people: set[str] = set()
    async for *_, text in with_pauses(rules):
        people.update(name for layer in layers_in(text) for name in layer.people)
    return [stretch async for stretch in with_pauses(absent) if stretch.user_id in people]
