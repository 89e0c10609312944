"""The operation by which changes are followed."""

from collections.abc import Sequence

from app.teams.changes import handlers
from app.teams.changes.schemas import Changes, ChangesQuery
from app.teams.operation import V2_READ_GROUP, Operation

FOLLOWING = (
    "Every change since `since`: what was written to schedules (`write`) and what becomes of cover "
    "requests (`cover`), who is on call from when on (`handoff`), and when nobody is (`gap`). Keep "
    "`next` and send it as `since`: nothing is left out, whatever is written meanwhile and whoever "
    "is restarted. A change may be told more than once, with the same `id`. After a write its "
    "schedule's present turn is told again, and the gaps of the next 28 days; turns to come of "
    "that schedule that were told before (`ahead`) hold only if they are told again."
)

V2_CHANGES: Sequence[Operation] = (
    V2_READ_GROUP(
        "GET",
        "/changes",
        "Follow what changes on all schedules",
        handlers.read_changes,
        query=ChangesQuery,
        answer=Changes,
        shape="bare",
        description=FOLLOWING,
    ),
)
