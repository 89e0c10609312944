"""Handlers of replanning.

Strategy: a plan is computed in a worker before the transaction that writes it, so no other writer
waits for the solver. The transaction carries it out only if the schedule is still what was planned.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.database.database import Tx
from app.engine.intervals import Interval
from app.engine.layered.limits import DAY_MS, EARLIEST_AT, LATEST_AT
from app.errors import Conflict, FieldError, InvalidRequest
from app.products.roster.answer import RosterObjective
from app.products.roster.loads import rounded
from app.teams.audit.recording import record_change
from app.teams.covers.candidates import obstacles_of, packed, taking_part
from app.teams.on_call.store import History, history_between
from app.teams.operation import HandlerResult, RequestContext
from app.teams.overrides.store import insert_assignments
from app.teams.replans.planning import Asked, Plan, plan_around
from app.teams.replans.schemas import ReplanShown, StretchPlanned, StretchUncovered
from app.teams.schedules.store import get_schedule, lock_schedule, raise_version
from app.teams.schemas import DataEnvelope
from app.teams.times import utc_text
from app.teams.users.existence import require_users

AROUND_MS = 28 * DAY_MS
"""So much before and after the window counts for rules and loads."""
REACH_MS = 366 * DAY_MS
"""How far the next turns are looked for."""


class Planned(NamedTuple):
    """A plan, the window, and the version of the schedule that it is of."""

    plan: Plan
    window: Interval
    version: int


async def plan(tx: Tx, context: RequestContext) -> Planned:
    """Plan a window of a schedule anew, before anything is written.

    Raises ``InvalidRequest``, ``PreconditionFailed`` and the engine's limits.
    """
    schedule = await get_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    window = _window(context)
    await _require_named(tx, context)
    around = max(EARLIEST_AT, window[0] - AROUND_MS), min(LATEST_AT - 1, window[1] + AROUND_MS)
    reach = max(around[1], min(LATEST_AT - 1, window[0] + REACH_MS))
    history = await history_between(tx, context.org_id, schedule.id, around[0], reach)
    names = list(
        dict.fromkeys(
            [
                *taking_part(schedule),
                *_covering(history),
                *(str(name) for name in context.document.people or ()),
            ]
        )
    )
    asked = _asked(context, schedule.id, window, names)
    obstacles = await obstacles_of(tx, context, names, (window[0], around[1]), schedule.id)
    found = await context.compute(plan_around, history, *around, asked, packed(obstacles))
    return Planned(found, window, schedule.version)


async def replan(tx: Tx, context: RequestContext) -> HandlerResult:
    """Carry out what was planned by overrides, or only tell it."""
    planned: Planned = context.prepared
    schedule = await lock_schedule(tx, context.org_id, context.path["id"], context.now)
    if schedule.version != planned.version:
        raise Conflict("the schedule was changed while it was planned anew: send it again")
    made = [override for override, _ in planned.plan.made]
    if context.query.preview == "true" or not made:
        shown = _shown(planned, schedule.version, is_preview=True)
        return HandlerResult(DataEnvelope(shown))
    await require_users(tx, context.org_id, [("/people", str(m.fields.user_id)) for m in made])
    await insert_assignments(tx, context.org_id, made, context.now)
    after = await raise_version(tx, context.org_id, schedule, context.now)
    shown = _shown(planned, after.version, is_preview=False)
    lines = [
        {
            "id": each.override_id,
            "user_id": each.user_id,
            "previous_user_id": each.previous_user_id,
            "start": each.start,
            "end": each.end,
        }
        for each in shown.stretches
    ]
    await record_change(tx, context, after, "schedule.replanned", {}, {"overrides": lines})
    return HandlerResult(DataEnvelope(shown))


def _window(context: RequestContext) -> Interval:
    """Return the window that is to be planned. Raises ``InvalidRequest`` if it is over."""
    document, now = context.document, context.now
    from_at = now if document.from_at is None else int(document.from_at)
    errors = []
    if from_at < now:
        errors.append(FieldError("/from", f"is over: it is {utc_text(now)}"))
    if int(document.to_at) <= from_at:
        errors.append(FieldError("/to", f"must be after from, {utc_text(from_at)}"))
    if int(document.to_at) - from_at > REACH_MS:
        errors.append(FieldError("/to", "must be at most 366 days after from"))
    if errors:
        raise InvalidRequest(errors)
    return from_at, int(document.to_at)


async def _require_named(tx: Tx, context: RequestContext) -> None:
    document = context.document
    people = [(f"/people/{n}", str(name)) for n, name in enumerate(document.people or ())]
    away = [
        (f"/unavailable/{n}/user_id", str(each.user_id))
        for n, each in enumerate(document.unavailable or ())
    ]
    await require_users(tx, context.org_id, [*people, *away])


def _covering(history: History) -> Sequence[str]:
    """Return who has overrides or entries around the window."""
    return [str(each.fields.user_id) for each in history.assignments if each.fields.user_id]


def _asked(
    context: RequestContext, schedule_id: str, window: Interval, names: Sequence[str]
) -> Asked:
    away: Mapping[str, list[Interval]] = defaultdict(list)
    for given in context.document.unavailable or ():
        away[str(given.user_id)].append((int(given.start), int(given.end)))
    return Asked(
        schedule_id,
        window,
        names,
        dict(away),
        {},
        context.document.rules,
        context.document.keep,
        context.now,
    )


def _shown(planned: Planned, version: int, *, is_preview: bool) -> ReplanShown:
    plan = planned.plan
    start, end = planned.window
    return ReplanShown(
        utc_text(start),
        utc_text(end),
        [
            StretchPlanned(
                utc_text(made.fields.start_at),
                utc_text(made.fields.end_at),
                previous,
                str(made.fields.user_id),
                None if is_preview else made.id,
            )
            for made, previous in plan.made
        ],
        [
            StretchUncovered(
                utc_text(stretch.start_at), utc_text(stretch.end_at), stretch.user_ids[0], why
            )
            for stretch, why in plan.uncovered
        ],
        plan.before,
        plan.after,
        plan.changes,
        [
            RosterObjective(proof.name, rounded(proof.value), rounded(proof.bound), proof.optimal)
            for proof in plan.proofs
        ],
        version,
    )
