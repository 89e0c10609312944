"""The rows of the v2 API: schedules of one rotation, entries, swaps, who is on call now."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.stored import current, v2
from app.api.stored.cover_documents import (
    EntriesQuery,
    EntryPost,
    EntryShown,
    SwapPost,
    SwapShown,
)
from app.api.stored.documents import AtQuery, PageQuery, SchedulesQuery
from app.api.stored.operations import PAST, READ, V2, WRITE, Operation
from app.api.stored.schedule_documents import (
    V2Schedule,
    V2SchedulePatch,
    V2SchedulePost,
)
from app.api.stored.table_rows import AUDIT, DELETION, Rows

ONCALL_V2 = "On-call (v2)"

EXAMPLE: Mapping[str, Any] = {
    "name": "Weekend Support",
    "team_id": "team_789",
    "timezone": "Europe/Brussels",
    "rotation_type": "weekly",
}
"""The schedule of the v2 page."""
ONE_SCHEDULE: Mapping[str, Any] = {"answer": V2Schedule}
MANY_SCHEDULES: Mapping[str, Any] = {**ONE_SCHEDULE, "shape": "many"}
SWAP: Mapping[str, Any] = {
    "body": SwapPost,
    "answer": SwapShown,
    "example": {"swap_with_user_id": "user_034"},
    "description": "The other person's next entry after it, within 366 days, goes back; else "
    "the nearest before it that has not started; else it is a plain hand-over.",
    "heavy": True,
}

_reading = Rows(V2, ONCALL_V2, READ)
_writing = Rows(V2, ONCALL_V2, WRITE)

V2_SCHEDULES: Sequence[Operation] = (
    _reading(
        "GET",
        "/schedules",
        "List schedules",
        v2.list_schedules,
        query=SchedulesQuery,
        **MANY_SCHEDULES,
    ),
    _writing(
        "POST",
        "/schedules",
        "Create a schedule",
        v2.create_schedule,
        body=V2SchedulePost,
        status=201,
        example=EXAMPLE,
        **ONE_SCHEDULE,
    ),
    _reading("GET", "/schedules/{id}", "Read a schedule", v2.read_schedule, **ONE_SCHEDULE),
    _writing(
        "PATCH",
        "/schedules/{id}",
        "Change a schedule",
        v2.update_schedule,
        patches=V2SchedulePatch,
        example={
            "name": "After-Hours Network Support (Updated)",
            "timezone": "Europe/Paris",
        },
        description=PAST,
        **ONE_SCHEDULE,
    ),
    _writing(**DELETION),
    _reading(
        "GET",
        "/current/{team_id}",
        "Who is on call for a team",
        current.current,
        query=AtQuery,
        answer=current.CurrentOnCall,
        shape="bare",
    ),
    _reading(**AUDIT),
)

V2_ENTRIES: Sequence[Operation] = (
    _reading(
        "GET",
        "/schedules/{id}/entries",
        "List entries, created and generated",
        v2.list_entries,
        heavy=True,
        query=EntriesQuery,
        answer=EntryShown,
        shape="many",
    ),
    _writing(
        "POST",
        "/schedules/{id}/entries",
        "Create an entry",
        v2.create_entry,
        heavy=True,
        body=EntryPost,
        answer=EntryShown,
        status=201,
        example={
            "user_id": "user_012",
            "start": "2026-03-15T18:00:00+01:00",
            "end": "2026-03-16T08:00:00+01:00",
        },
    ),
    _writing(
        "POST",
        "/schedules/{id}/entries/{entry_id}/swap",
        "Swap an entry with another person",
        v2.swap_entry,
        **SWAP,
    ),
    _writing(
        "POST",
        "/entries/{entry_id}/swap",
        "Swap an entry, named alone",
        v2.swap_entry,
        **SWAP,
    ),
    _reading("GET", "/entries/{entry_id}", "Read an entry", v2.read_entry, answer=EntryShown),
    _writing(
        "DELETE",
        "/entries/{entry_id}",
        "Delete an entry that was created",
        v2.delete_entry,
        heavy=True,
        shape="nothing",
        status=204,
        description=PAST,
    ),
    _reading(
        "GET",
        "/schedules/{id}/swaps",
        "List swaps",
        v2.list_swaps,
        query=PageQuery,
        answer=SwapShown,
        shape="many",
    ),
    _writing(
        "DELETE",
        "/swaps/{swap_id}",
        "Undo a swap",
        v2.undo_swap,
        heavy=True,
        shape="nothing",
        status=204,
        description=PAST,
    ),
)
