"""The operations of overrides."""

from collections.abc import Sequence

from app.products.examples import V1_OVERRIDE
from app.teams.operation import PAST, V1_GROUP, Operation
from app.teams.overrides import handlers
from app.teams.overrides.schemas import OverridePost, OverrideShown
from app.teams.schemas import PageQuery

V1_OVERRIDES: Sequence[Operation] = (
    V1_GROUP(
        "GET",
        "/schedules/{id}/overrides",
        "List overrides",
        handlers.list_overrides,
        query=PageQuery,
        answer=OverrideShown,
        shape="many",
    ),
    V1_GROUP(
        "POST",
        "/schedules/{id}/overrides",
        "Create a temporary override",
        handlers.create_override,
        body=OverridePost,
        answer=OverrideShown,
        status=201,
        example=V1_OVERRIDE,
    ),
    V1_GROUP(
        "DELETE",
        "/schedules/{id}/overrides/{override_id}",
        "Cancel an override",
        handlers.cancel_override,
        parameters={"override_id": "the id of an override"},
        shape="nothing",
        status=204,
        description=PAST,
    ),
)
