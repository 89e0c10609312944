"""The operations of entries and swaps."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.teams.entries import handlers
from app.teams.entries.bulk import EntriesMade, EntriesPost
from app.teams.entries.schemas import EntriesQuery, EntryPost, EntryShown, SwapPost, SwapShown
from app.teams.operation import PAST, V2_READ_GROUP, V2_WRITE_GROUP, Operation
from app.teams.schemas import PageQuery

ENTRY_ID: Mapping[str, str] = {"entry_id": "the id of an entry, created or generated"}
SWAP: Mapping[str, Any] = {
    "parameters": ENTRY_ID,
    "body": SwapPost,
    "answer": SwapShown,
    "example": {"swap_with_user_id": "user_034"},
    "description": "The other person's next entry after it, within 366 days, goes back; else "
    "the nearest before it that has not started; else it is a plain hand-over.",
    "heavy": True,
}

V2_ENTRIES: Sequence[Operation] = (
    V2_READ_GROUP(
        "GET",
        "/schedules/{id}/entries",
        "List entries, created and generated",
        handlers.list_entries,
        heavy=True,
        query=EntriesQuery,
        answer=EntryShown,
        shape="many",
    ),
    V2_WRITE_GROUP(
        "POST",
        "/schedules/{id}/entries",
        "Create an entry",
        handlers.create_entry,
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
    V2_WRITE_GROUP(
        "POST",
        "/schedules/{id}/entries/bulk",
        "Create entries together, or store a bought rotation or roster",
        handlers.create_entries,
        heavy=True,
        body=EntriesPost,
        answer=EntriesMade,
        status=201,
        example={
            "entries": [
                {
                    "user_id": "user_012",
                    "start": "2026-03-18T18:00:00+01:00",
                    "end": "2026-03-19T08:00:00+01:00",
                },
                {
                    "user_id": "user_056",
                    "start": "2026-03-19T18:00:00+01:00",
                    "end": "2026-03-20T08:00:00+01:00",
                },
            ]
        },
        description="All or nothing; each fault is named by its index. The answer of "
        "`oncall-rotation` or `oncall-roster` is a body as it is.",
    ),
    V2_WRITE_GROUP(
        "POST",
        "/schedules/{id}/entries/{entry_id}/swap",
        "Swap an entry with another person",
        handlers.swap_entry,
        **SWAP,
    ),
    V2_WRITE_GROUP(
        "POST",
        "/entries/{entry_id}/swap",
        "Swap an entry, named alone",
        handlers.swap_entry,
        **SWAP,
    ),
    V2_READ_GROUP(
        "GET",
        "/entries/{entry_id}",
        "Read an entry",
        handlers.read_entry,
        parameters=ENTRY_ID,
        answer=EntryShown,
    ),
    V2_WRITE_GROUP(
        "DELETE",
        "/entries/{entry_id}",
        "Delete an entry that was created",
        handlers.delete_entry,
        parameters=ENTRY_ID,
        heavy=True,
        shape="nothing",
        status=204,
        description=PAST,
    ),
    V2_READ_GROUP(
        "GET",
        "/schedules/{id}/swaps",
        "List swaps",
        handlers.list_swaps,
        query=PageQuery,
        answer=SwapShown,
        shape="many",
    ),
    V2_WRITE_GROUP(
        "DELETE",
        "/swaps/{swap_id}",
        "Undo a swap",
        handlers.undo_swap,
        parameters={"swap_id": "the id of a swap"},
        heavy=True,
        shape="nothing",
        status=204,
        description=PAST,
    ),
)
