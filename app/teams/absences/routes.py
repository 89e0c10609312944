"""The operations of absences."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.teams.absences import handlers
from app.teams.absences.calendars import prepare_stretches
from app.teams.absences.schemas import AbsencePost, AbsenceShown
from app.teams.operation import PAST, READ, V2, WRITE, Operation, OperationGroup, Tag
from app.teams.schemas import PageQuery

ABSENCE: Mapping[str, Any] = {
    "start": "2026-07-06",
    "end": "2026-07-17",
    "timezone": "Europe/Brussels",
    "reason": "holiday",
}
ONE: Mapping[str, Any] = {"answer": AbsenceShown}
NAMED: Mapping[str, Any] = {"parameters": {"absence_id": "the id of an absence"}}
WRITES: Mapping[str, Any] = {"heavy": True, "prepares": prepare_stretches, "description": PAST}

_absences = OperationGroup(
    f"{V2}/users/{{id}}/absences",
    Tag("Absences (v2)", "When people take no turns of schedules."),
    WRITE,
)

V2_ABSENCES: Sequence[Operation] = (
    _absences(
        "GET",
        "",
        "List the absences of a person",
        handlers.list_absences,
        scope=READ,
        query=PageQuery,
        shape="many",
        **ONE,
    ),
    _absences(
        "POST",
        "",
        "Add an absence of a person",
        handlers.create_absence,
        body=AbsencePost,
        status=201,
        example=ABSENCE,
        **ONE,
        **WRITES,
    ),
    _absences(
        "GET", "/{absence_id}", "Read an absence", handlers.read_absence, scope=READ, **ONE, **NAMED
    ),
    _absences(
        "PATCH",
        "/{absence_id}",
        "Change an absence",
        handlers.update_absence,
        patches=AbsencePost,
        example={"end": "2026-07-19"},
        **ONE,
        **NAMED,
        **WRITES,
    ),
    _absences(
        "DELETE",
        "/{absence_id}",
        "Take back an absence",
        handlers.delete_absence,
        shape="nothing",
        status=204,
        description=PAST,
        **NAMED,
    ),
)
