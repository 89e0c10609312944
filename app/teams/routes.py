"""The one table of stored operations, which router, pipeline and OpenAPI read."""

from collections.abc import Sequence

from app.teams.absences.routes import V2_ABSENCES
from app.teams.audit.routes import V1_AUDIT, V2_AUDIT
from app.teams.calendars.routes import V2_FEEDS
from app.teams.changes.routes import V2_CHANGES
from app.teams.covers.routes import V2_COVERS
from app.teams.entries.routes import V2_ENTRIES
from app.teams.final_schedules.routes import V2_FINAL_SCHEDULE
from app.teams.on_call.routes import V1_AT_INSTANT, V1_WINDOW, V2_CURRENT, V2_OVERVIEW
from app.teams.operation import Operation
from app.teams.overrides.routes import V1_OVERRIDES
from app.teams.policies.routes import V1_POLICIES
from app.teams.replans.routes import V2_REPLANS
from app.teams.schedules.routes import V1_COLLECTION, V1_ITEM, V2_SCHEDULES
from app.teams.users.routes import V2_USERS


def stored_operations() -> Sequence[Operation]:
    """Return every operation, in the order of the pages."""
    return (
        *V1_COLLECTION,
        *V1_AT_INSTANT,
        *V1_ITEM,
        *V1_WINDOW,
        *V1_OVERRIDES,
        *V1_AUDIT,
        *V1_POLICIES,
        *V2_SCHEDULES,
        *V2_CURRENT,
        *V2_OVERVIEW,
        *V2_AUDIT,
        *V2_CHANGES,
        *V2_ENTRIES,
        *V2_COVERS,
        *V2_REPLANS,
        *V2_USERS,
        *V2_ABSENCES,
        *V2_FEEDS,
        *V2_FINAL_SCHEDULE,
    )
