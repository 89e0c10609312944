"""Handlers of absences, each of which changes every schedule that its user takes part in."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.database.database import Tx
from app.database.ids import new_id
from app.teams.absences import store
from app.teams.absences.gaps import gaps_by
from app.teams.absences.schemas import AbsencePost, absence_of
from app.teams.absences.store import AbsenceFields, AbsentStretch, StoredAbsence
from app.teams.audit.store import changes_between, insert_record
from app.teams.merge_patch import patched_document
from app.teams.operation import V2, HandlerResult, RequestContext
from app.teams.schedules.store import lock_schedules_of, raise_versions_of
from app.teams.schemas import READ_ONLY, DataEnvelope, list_envelope, visible_fields
from app.teams.users.store import StoredUser, get_user, lock_user

COMPUTED = ("user_id", "stretches", "stretches_left_out")
"""Fields of an answer that follow from the others."""


async def list_absences(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the absences of a user."""
    user = await get_user(tx, context.org_id, context.path["id"])
    page = await store.absences_page(tx, context.org_id, user.id, context.query.part)
    ids = [absence.id for absence in page.rows]
    stretches = await store.stretches_of(tx, context.org_id, ids, context.now)
    shown = [absence_of(absence, stretches[absence.id]) for absence in page.rows]
    return HandlerResult(list_envelope(page, shown))


async def create_absence(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create an absence."""
    user = await _locked(tx, context)
    document: AbsencePost = context.document
    absence_id = document.id or new_id(context.now, "absence_")
    now = context.now
    absence = StoredAbsence(absence_id, user.id, document.fields, 1, now, now)
    stretches = _stretches(context, absence, document.fields)
    await store.insert_absence(tx, context.org_id, absence, stretches, now)
    return await _record_and_answer(tx, context, absence, "absence.created", {})


async def read_absence(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return one absence of a user."""
    absence = await _found(tx, context)
    return HandlerResult(DataEnvelope(absence_of(absence, await _to_come(tx, context, absence))))


async def update_absence(tx: Tx, context: RequestContext) -> HandlerResult:
    """Change an absence by a merge patch, as far as it is still to come."""
    await _locked(tx, context)
    absence = await _found(tx, context)
    context.require_match(absence.version)
    shown = visible_fields(absence_of(absence, await _to_come(tx, context, absence)))
    document = patched_document(shown, context.value, AbsencePost, (*READ_ONLY, *COMPUTED))
    stretches = _stretches(context, absence, document.fields)
    after = await store.update_absence(
        tx, context.org_id, absence, document.fields, stretches, context.now
    )
    return await _record_and_answer(tx, context, after, "absence.updated", shown)


async def delete_absence(tx: Tx, context: RequestContext) -> HandlerResult:
    """Delete an absence, as far as it is still to come."""
    await _locked(tx, context)
    absence = await _found(tx, context)
    context.require_match(absence.version)
    shown = visible_fields(absence_of(absence, await _to_come(tx, context, absence)))
    await store.delete_absence(tx, context.org_id, absence, context.now)
    await _record(tx, context, absence, "absence.deleted", shown, {"id": absence.id})
    return HandlerResult()


async def _locked(tx: Tx, context: RequestContext) -> StoredUser:
    """Lock the user, and before them the schedules that they take part in. Raises ``NotFound``."""
    user_id = context.path["id"]
    await lock_schedules_of(tx, context.org_id, user_id)
    return await lock_user(tx, context.org_id, user_id)


async def _found(tx: Tx, context: RequestContext) -> StoredAbsence:
    user_id, absence_id = context.path["id"], context.path["absence_id"]
    return await store.get_absence(tx, context.org_id, user_id, absence_id)


async def _to_come(
    tx: Tx, context: RequestContext, absence: StoredAbsence
) -> Sequence[AbsentStretch]:
    found = await store.stretches_of(tx, context.org_id, [absence.id], context.now)
    return found[absence.id]


def _stretches(
    context: RequestContext, absence: StoredAbsence, given: AbsenceFields
) -> Sequence[AbsentStretch]:
    """Return the stretches of an absence: the one that is given, or those of its calendar."""
    if given.start_at is not None and given.end_at is not None:
        found = [(given.start_at, given.end_at, given.reason)]
    else:
        found = [(*span, given.reason or reason) for *span, reason in context.prepared or ()]
    return [AbsentStretch(absence.id, absence.user_id, *each) for each in found]


async def _record_and_answer(
    tx: Tx,
    context: RequestContext,
    absence: StoredAbsence,
    action: str,
    before: Mapping[str, Any],
) -> HandlerResult:
    """Record the creation or change of an absence; return it with the gaps that it makes."""
    stretches = await _to_come(tx, context, absence)
    after = visible_fields(absence_of(absence, stretches))
    schedules = await _record(tx, context, absence, action, before, after)
    gaps, unchecked = await gaps_by(tx, context, schedules, stretches)
    where = f"{V2}/users/{absence.user_id}/absences/{absence.id}"
    return HandlerResult(DataEnvelope(absence_of(absence, stretches, gaps, unchecked)), where)


async def _record(
    tx: Tx,
    context: RequestContext,
    absence: StoredAbsence,
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> Sequence[str]:
    """Record a change of an absence in every schedule that it changes; return these."""
    changes = {
        name: change
        for name, change in changes_between(before, after).items()
        if name not in ("version", "updated_at")
    }
    raised = await raise_versions_of(tx, context.org_id, absence.user_id, context.now)
    for schedule_id, version in raised.items():
        await insert_record(
            tx,
            context.actor,
            schedule_id,
            now=context.now,
            action=action,
            version=version,
            changes=changes,
        )
    return list(raised)
