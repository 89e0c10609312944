"""The rows of overrides."""

from collections.abc import Sequence

from app.products.examples import V1_OVERRIDE
from app.teams.operation import PAST, V1_ROWS, Operation
from app.teams.overrides import handlers
from app.teams.overrides.schemas import OverridePost, OverrideShown
from app.teams.schemas import PageQuery

V1_OVERRIDES: Sequence[Operation] = (
    V1_ROWS(
        "GET",
        "/schedules/{id}/overrides",
        "List overrides",
        handlers.list_overrides,
        query=PageQuery,
        answer=OverrideShown,
        shape="many",
    ),
    V1_ROWS(
        "POST",
        "/schedules/{id}/overrides",
        "Create a temporary override",
        handlers.create_override,
        body=OverridePost,
        answer=OverrideShown,
        status=201,
        example=V1_OVERRIDE,
    ),
    V1_ROWS(
        "DELETE",
        "/schedules/{id}/overrides/{override_id}",
        "Cancel an override",
        handlers.cancel_override,
        shape="nothing",
        status=204,
        description=PAST,
    ),
)
