"""The operations of schedules in both APIs."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.products.examples import V1_SCHEDULE
from app.teams.operation import PAST, V1_GROUP, V2_READ_GROUP, V2_WRITE_GROUP, Operation
from app.teams.schedules import handlers_v1, handlers_v2
from app.teams.schedules.previews import EditPreview
from app.teams.schedules.schemas import (
    EditQuery,
    SchedulesQuery,
    V1Schedule,
    V1SchedulePost,
    V2Schedule,
    V2SchedulePatch,
    V2SchedulePost,
)

V1_EXAMPLE: Mapping[str, Any] = {"name": "Platform primary", **V1_SCHEDULE}
V2_EXAMPLE: Mapping[str, Any] = {
    "name": "Weekend Support",
    "team_id": "team_789",
    "timezone": "Europe/Brussels",
    "rotation_type": "weekly",
}
V1_ONE: Mapping[str, Any] = {"answer": V1Schedule}
V2_ONE: Mapping[str, Any] = {"answer": V2Schedule}
EDITS = (
    f"{PAST} Whoever is on call stays until the turn ends, and whoever follows in the list comes "
    "next; a changed start_at begins anew. With effective_from the old rules hold until then, and "
    "the edit is shown as pending; with preview=true nothing is written."
)
WITHDRAWAL: Mapping[str, Any] = {
    "method": "DELETE",
    "path": "/schedules/{id}/pending",
    "summary": "Withdraw the pending edit of a schedule",
    "handler": handlers_v1.withdraw_edit,
    "shape": "nothing",
    "status": 204,
}
DELETION: Mapping[str, Any] = {
    "method": "DELETE",
    "path": "/schedules/{id}",
    "summary": "Delete a schedule; fails if referenced by a policy",
    "handler": handlers_v1.delete_schedule,
    "shape": "nothing",
    "status": 204,
}

V1_COLLECTION: Sequence[Operation] = (
    V1_GROUP(
        "GET",
        "/schedules",
        "List schedules",
        handlers_v1.list_schedules,
        query=SchedulesQuery,
        shape="many",
        **V1_ONE,
    ),
    V1_GROUP(
        "POST",
        "/schedules",
        "Create a schedule",
        handlers_v1.create_schedule,
        body=V1SchedulePost,
        status=201,
        example=V1_EXAMPLE,
        **V1_ONE,
    ),
)

V1_ITEM: Sequence[Operation] = (
    V1_GROUP("GET", "/schedules/{id}", "Read a schedule", handlers_v1.read_schedule, **V1_ONE),
    V1_GROUP(
        "PATCH",
        "/schedules/{id}",
        "Change a schedule (metadata and layers)",
        handlers_v1.update_schedule,
        patches=V1SchedulePost,
        query=EditQuery,
        preview=EditPreview,
        example={"name": "Platform primary (EU)"},
        description=EDITS,
        **V1_ONE,
    ),
    V1_GROUP(**DELETION),
    V1_GROUP(**WITHDRAWAL),
)

V2_SCHEDULES: Sequence[Operation] = (
    V2_READ_GROUP(
        "GET",
        "/schedules",
        "List schedules",
        handlers_v2.list_schedules,
        query=SchedulesQuery,
        shape="many",
        **V2_ONE,
    ),
    V2_WRITE_GROUP(
        "POST",
        "/schedules",
        "Create a schedule",
        handlers_v2.create_schedule,
        body=V2SchedulePost,
        status=201,
        example=V2_EXAMPLE,
        **V2_ONE,
    ),
    V2_READ_GROUP("GET", "/schedules/{id}", "Read a schedule", handlers_v2.read_schedule, **V2_ONE),
    V2_WRITE_GROUP(
        "PATCH",
        "/schedules/{id}",
        "Change a schedule",
        handlers_v2.update_schedule,
        patches=V2SchedulePatch,
        query=EditQuery,
        preview=EditPreview,
        example={
            "name": "After-Hours Network Support (Updated)",
            "timezone": "Europe/Paris",
        },
        description=EDITS,
        **V2_ONE,
    ),
    V2_WRITE_GROUP(**DELETION),
    V2_WRITE_GROUP(**WITHDRAWAL),
)
