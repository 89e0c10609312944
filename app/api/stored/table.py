"""The one table of stored operations: router, pipeline and OpenAPI read it."""

from collections.abc import Sequence

from app.api.stored.operations import Operation
from app.api.stored.table_people import V2_FEEDS, V2_PEOPLE
from app.api.stored.table_v1 import V1_POLICIES, V1_SCHEDULES
from app.api.stored.table_v2 import V2_ENTRIES, V2_SCHEDULES


def stored_operations() -> Sequence[Operation]:
    """Every operation, in the order of the pages."""
    return (
        *V1_SCHEDULES,
        *V1_POLICIES,
        *V2_SCHEDULES,
        *V2_ENTRIES,
        *V2_PEOPLE,
        *V2_FEEDS,
    )
