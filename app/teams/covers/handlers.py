"""Handlers of cover requests.

Invariant: whoever accepts does so under the lock of the schedule's row, and gets an override only
for what is still open and still the asker's. So of several at once nobody gets what another has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from app.database.database import Tx
from app.database.ids import new_id
from app.database.pacing import with_pauses
from app.engine.intervals import Interval, split
from app.engine.layered.limits import EARLIEST_AT, LATEST_AT
from app.errors import Conflict, FieldError, InvalidRequest
from app.teams.audit.recording import record_change
from app.teams.covers import store
from app.teams.covers.candidates import (
    AROUND_MS,
    MANY_OBSTACLES,
    RankingWanted,
    obstacles_of,
    packed,
    ranking_in,
    stretches_lost,
    taking_part,
    unpacked,
)
from app.teams.covers.schemas import CandidatesShown, candidates_of, cover_of, with_names
from app.teams.covers.state import (
    CoverAnswer,
    CoverFields,
    CoverRequest,
    with_accepted,
    with_refusal,
    withdrawn,
)
from app.teams.on_call.store import History, ask, history_between, other_roles
from app.teams.operation import V2, HandlerResult, RequestContext
from app.teams.overrides.store import ManualAssignmentFields, insert_assignment, new_assignment
from app.teams.schedules.roles import first_role_at, require_role
from app.teams.schedules.store import (
    StoredSchedule,
    get_schedule,
    lock_schedule,
    raise_version,
)
from app.teams.schemas import DataEnvelope, bounded, list_envelope, visible_fields
from app.teams.times import utc_text
from app.teams.users.existence import require_users
from app.teams.users.store import names_by_id

MAX_ANSWERS = 200
"""Parts that were accepted, and refusals, of one request."""
MAX_LOST = 3
"""Changes that one answer names."""


async def list_candidates(tx: Tx, context: RequestContext) -> HandlerResult:
    """Rank who could take a stretch over."""
    query = context.query
    schedule = await get_schedule(tx, context.org_id, context.path["id"], context.now)
    user_id = None if query.user_id is None else str(query.user_id)
    stretch = (int(query.from_at), int(query.to_at))
    role = _role(schedule, query.role, max(stretch[0], context.now), "role")
    wanted = RankingWanted(stretch, user_id, role, query.limit)
    shown = await _candidates(tx, context, schedule, wanted)
    if not shown.stretches:
        none = f"{user_id} is not on call by this schedule in that time, or not alone"
        raise InvalidRequest([FieldError("user_id", none)])
    names = await names_by_id(tx, context.org_id, [each.user_id for each in shown.candidates])
    return HandlerResult(DataEnvelope(with_names(shown, names)))


async def _candidates(
    tx: Tx, context: RequestContext, schedule: StoredSchedule, wanted: RankingWanted
) -> CandidatesShown:
    """Rank who could take a stretch over. Raises the engine's limits."""
    names, (start, end) = taking_part(schedule), wanted.stretch
    obstacles = await obstacles_of(tx, context, names, wanted.stretch, schedule.id)
    window = max(EARLIEST_AT, start - AROUND_MS), min(LATEST_AT - 1, end + AROUND_MS)
    history = await history_between(tx, context.org_id, schedule.id, *window)
    asked = (schedule.id, wanted, names, packed(obstacles))
    if sum(map(len, obstacles.values())) > MANY_OBSTACLES:
        return await context.compute(_candidates_in, history, *window, *asked)
    return await ask(context.compute, history, *window, _candidates_in, *asked)


def _candidates_in(
    history: History,
    from_at: int,
    to_at: int,
    schedule_id: str,
    wanted: RankingWanted,
    names: Sequence[str],
    obstacles: bytes,
) -> CandidatesShown:
    """Return what ``_candidates`` asks for. Raises the engine's limits."""
    ranking = ranking_in(history, from_at, to_at, wanted, names, unpacked(obstacles))
    shown = candidates_of(schedule_id, ranking)
    bounded(msgspec.json.encode(shown))
    return shown


async def list_covers(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the cover requests of the organisation, or of a schedule."""
    query, schedule_id = context.query, context.path.get("id")
    if schedule_id is not None:
        await get_schedule(tx, context.org_id, schedule_id, context.now)
    page = await store.covers_page(
        tx, context.org_id, query.part, context.now, schedule_id=schedule_id, state=query.state
    )
    shown = [cover_of(each, context.now) async for each in with_pauses(page.rows)]
    return HandlerResult(list_envelope(page, shown))


async def read_cover(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return one cover request."""
    cover = await store.get_cover(tx, context.org_id, context.path["cover_id"])
    return HandlerResult(DataEnvelope(cover_of(cover, context.now)))


async def create_cover(tx: Tx, context: RequestContext) -> HandlerResult:
    """Ask others to take over a stretch of somebody's shift."""
    schedule = await lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    given = _fields(context)
    role = _role(schedule, context.document.role, max(given.start_at, context.now), "/role")
    given = replace(given, role=role)
    offered = enumerate(given.offered_to or ())
    named = [(f"/offered_to/{place}", name) for place, name in offered]
    await require_users(tx, context.org_id, [("/user_id", given.user_id), *named])
    span = (given.start_at, given.end_at)
    if lost := await _stretches_lost(tx, context, schedule.id, given.user_id, role, [span]):
        raise InvalidRequest(
            [FieldError("/user_id", f"{given.user_id} does not have all of it alone: {lost}")]
        )
    cover_id = context.document.id or new_id(context.now, "cover_")
    cover = CoverRequest(cover_id, schedule.id, given, "open", (), 1, context.now, context.now)
    await store.insert_cover(tx, context.org_id, cover, context.now)
    return await _record_and_answer(tx, context, schedule, "cover.requested", None, cover)


async def accept_cover(tx: Tx, context: RequestContext) -> HandlerResult:
    """Take over what is open of a cover request, or a part of it, by overrides."""
    cover, schedule, user_id = await _answerable(tx, context)
    parts = _parts_wanted(cover, context)
    asker, role = cover.fields.user_id, cover.fields.role
    if lost := await _stretches_lost(tx, context, schedule.id, asker, role, parts):
        raise Conflict(
            f"the schedule has changed: {asker} does not have all of it alone any more: {lost}"
        )
    await _require_able(tx, context, schedule, user_id, parts)
    answers = [await _override(tx, context, schedule, cover, user_id, part) for part in parts]
    after = with_accepted(cover, answers, context.now)
    await store.update_cover(tx, context.org_id, after)
    return await _record_and_answer(tx, context, schedule, "cover.accepted", cover, after)


async def refuse_cover(tx: Tx, context: RequestContext) -> HandlerResult:
    """Write down that somebody will not take a stretch over."""
    cover, schedule, user_id = await _answerable(tx, context)
    if any(each.user_id == user_id for each in cover.refused):
        raise Conflict(f"{user_id} has refused already")
    given = cover.fields
    reason = context.document.reason
    refusal = CoverAnswer(user_id, context.now, given.start_at, given.end_at, None, reason)
    after = with_refusal(cover, refusal, context.now)
    await store.update_cover(tx, context.org_id, after)
    return await _record_and_answer(tx, context, schedule, "cover.refused", cover, after)


async def withdraw_cover(tx: Tx, context: RequestContext) -> HandlerResult:
    """Withdraw what is still open of a cover request."""
    cover, schedule = await _open_cover(tx, context)
    after = withdrawn(cover, context.now)
    await store.update_cover(tx, context.org_id, after)
    await _record_and_answer(tx, context, schedule, "cover.withdrawn", cover, after)
    return HandlerResult()


def _fields(context: RequestContext) -> CoverFields:
    """Return the request that a document makes. Raises ``InvalidRequest`` if it is over already."""
    document, now = context.document, context.now
    end_at = int(document.end)
    expires_at = end_at if document.expires_at is None else int(document.expires_at)
    if expires_at <= now:
        pointer = "/end" if document.expires_at is None else "/expires_at"
        raise InvalidRequest([FieldError(pointer, f"must be after now, {utc_text(now)}")])
    offered = None
    if document.offered_to is not None:
        offered = tuple(dict.fromkeys(map(str, document.offered_to)))
    return CoverFields(
        str(document.user_id), int(document.start), end_at, expires_at, document.reason, offered
    )


def _role(schedule: StoredSchedule, role: str | None, at: int, pointer: str) -> str | None:
    """Return the role that is meant: the first one at an instant, where none is given.

    Raises ``InvalidRequest`` for a role that no layer has.
    """
    if role is None:
        return first_role_at(schedule, at)
    require_role(schedule, str(role), pointer)
    return str(role)


async def _open_cover(tx: Tx, context: RequestContext) -> tuple[CoverRequest, StoredSchedule]:
    """Return a request that is open, under the lock of its schedule. Raises ``Conflict``."""
    found = await store.get_cover(tx, context.org_id, context.path["cover_id"])
    schedule = await lock_schedule(tx, context.org_id, found.schedule_id, context.now)
    cover = await store.get_cover(tx, context.org_id, found.id)
    context.require_match(cover.version(context.now))
    if (state := cover.state(context.now)) != "open":
        raise Conflict(f"the cover request {cover.id} is not open any more: it is {state}")
    return cover, schedule


async def _answerable(tx: Tx, context: RequestContext) -> tuple[CoverRequest, StoredSchedule, str]:
    """Return an open request, its schedule, and who answers it.

    Raises ``Conflict``, and ``InvalidRequest`` for somebody to whom it was not offered.
    """
    cover, schedule = await _open_cover(tx, context)
    user_id = str(context.document.user_id)
    await require_users(tx, context.org_id, [("/user_id", user_id)])
    offered = cover.fields.offered_to
    if user_id == cover.fields.user_id:
        raise InvalidRequest([FieldError("/user_id", f"{user_id} is who asks: name another")])
    if user_id not in (taking_part(schedule) if offered is None else offered):
        raise InvalidRequest(
            [FieldError("/user_id", f"the request {cover.id} is not offered to {user_id}")]
        )
    if len(cover.answers) >= MAX_ANSWERS:
        raise Conflict(f"the cover request {cover.id} has {MAX_ANSWERS} answers: ask anew")
    return cover, schedule, user_id


def _parts_wanted(cover: CoverRequest, context: RequestContext) -> Sequence[Interval]:
    """Return the parts that are to be accepted, from now on.

    Raises ``InvalidRequest`` for what is not of the stretch, ``Conflict`` for what is not open.
    """
    document, now, given = context.document, context.now, cover.fields
    errors = list(_outside_errors(context, given))
    if errors:
        raise InvalidRequest(errors)
    open_parts = [(max(start, now), end) for start, end in cover.open_parts(now) if end > now]
    if document.start is None and document.end is None:
        return open_parts
    start = given.start_at if document.start is None else int(document.start)
    end = given.end_at if document.end is None else int(document.end)
    if end <= now:
        raise Conflict(f"the part is over: it is {utc_text(now)}")
    wanted, taken = split([(max(start, now), end)], open_parts)
    if taken:
        parts = ", ".join(f"from {utc_text(one)} to {utc_text(other)}" for one, other in taken)
        raise Conflict(f"others have accepted already {parts}")
    return wanted


def _outside_errors(context: RequestContext, given: CoverFields) -> Iterator[FieldError]:
    """Yield the errors of a part that does not lie within the stretch of a request."""
    window = f"{utc_text(given.start_at)} to {utc_text(given.end_at)}"
    start, end = context.document.start, context.document.end
    if start is not None and not given.start_at <= int(start) < given.end_at:
        yield FieldError("/start", f"is outside of the request, {window}")
    if end is not None and not given.start_at < int(end) <= given.end_at:
        yield FieldError("/end", f"is outside of the request, {window}")


async def _stretches_lost(
    tx: Tx,
    context: RequestContext,
    schedule_id: str,
    user_id: str,
    role: str | None,
    parts: Sequence[Interval],
) -> str:
    """Say who has what of ``parts`` in place of ``user_id``; nothing if nobody has."""
    window = (parts[0][0], parts[-1][1])
    history = await history_between(tx, context.org_id, schedule_id, *window)
    lost = [
        words
        for part in parts
        for words in await ask(context.compute, history, *part, stretches_lost, user_id, role)
    ]
    more = f"; and {len(lost) - MAX_LOST} more" if len(lost) > MAX_LOST else ""
    return "; ".join(lost[:MAX_LOST]) + more


async def _require_able(
    tx: Tx,
    context: RequestContext,
    schedule: StoredSchedule,
    user_id: str,
    parts: Sequence[Interval],
) -> None:
    """Raise ``Conflict`` if something keeps somebody from these parts."""
    span = (parts[0][0], parts[-1][1])
    obstacles = await obstacles_of(tx, context, [user_id], span, schedule.id)
    async for each in with_pauses(obstacles.get(user_id, ())):
        if split(parts, [each[:2]])[0]:
            raise Conflict(f"{user_id} {each.in_words}")


async def _override(
    tx: Tx,
    context: RequestContext,
    schedule: StoredSchedule,
    cover: CoverRequest,
    user_id: str,
    part: Interval,
) -> CoverAnswer:
    """Make the override that gives a part to somebody."""
    role = cover.fields.role
    given = ManualAssignmentFields(user_id, *part, cover.fields.reason or "cover", role=role)
    made = new_assignment("override", new_id(context.now), schedule.id, given, context.now)
    await insert_assignment(tx, context.org_id, made, context.now)
    whose = (context.org_id, schedule.id, [user_id], role, part)
    also = await other_roles(tx, context.compute, *whose)
    return CoverAnswer(user_id, context.now, *part, made.id, other_roles=tuple(also))


async def _record_and_answer(
    tx: Tx,
    context: RequestContext,
    schedule: StoredSchedule,
    action: str,
    before: CoverRequest | None,
    cover: CoverRequest,
) -> HandlerResult:
    """Record what a request has become, and return it."""
    after = await raise_version(tx, context.org_id, schedule, context.now)
    shown = cover_of(cover, context.now)
    was = visible_fields(cover_of(before, context.now)) if before else {}
    was.pop("id", None)  # so that the audit shows which it is
    await record_change(tx, context, after, action, was, visible_fields(shown))
    return HandlerResult(DataEnvelope(shown), f"{V2}/covers/{cover.id}")
