"""What an edit of a schedule makes of its rules, and from when on they hold.

Strategy: the engine chooses whose turn it is when an edit takes effect
(``engine/layered/edits.py``); here its layers are put together again with the documents in which
callers sent them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from app.engine.layered.edits import Rotations, begun, edited, matched
from app.teams.operation import RequestContext
from app.teams.schedules.store import PlannedRules, ScheduleFields, ScheduleRules, StoredSchedule


def edit_begins_at(context: RequestContext, schedule: StoredSchedule) -> int:
    """Return the instant from which an edit of ``schedule`` holds. Raises ``InvalidRequest``."""
    at: int = context.query.effective_at(schedule.rules, schedule.written_at(context.now))
    return at


def begun_fields(given: ScheduleFields, now: int) -> ScheduleFields:
    """Return the fields of a new schedule: at ``now`` the first participants have their turns."""
    layers = begun(given.rules.rotations, now).layers
    return replace(given, rules=replace(given.rules, layers=layers))


def planned_rules(before: ScheduleRules, after: ScheduleRules, at: int) -> list[PlannedRules]:
    """Return what holds from when on, where ``after`` replaces ``before`` at ``at``.

    There is nothing where the edit changes no rule.
    """
    planned = [
        PlannedRules(from_at, _ruled(before, after, rotations))
        for from_at, rotations in edited(before.rotations, after.rotations, at)
    ]
    return [] if planned == [PlannedRules(at, before)] else planned


def _ruled(before: ScheduleRules, after: ScheduleRules, rotations: Rotations) -> ScheduleRules:
    """Return ``rotations`` as rules: a layer that still waits is shown as it was sent before."""
    old: Sequence[Any] = msgspec.json.decode(before.document)
    new: Sequence[Any] = msgspec.json.decode(after.document)
    documents = [
        new[place]
        if match is None or rotations.layers[place].start_at == after.layers[place].start_at
        else old[match]
        for place, match in matched(before.layers, after.layers)
    ]
    text = msgspec.json.encode(documents).decode()
    return ScheduleRules(rotations.timezone, rotations.layers, text, after.when_away)
