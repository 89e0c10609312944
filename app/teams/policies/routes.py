"""The operations of escalation policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.teams.operation import SCHEDULES, V1, Operation, OperationGroup, Tag
from app.teams.policies import handlers
from app.teams.policies.schemas import PolicyPost, PolicyShown, Resolution
from app.teams.schemas import AtQuery, PageQuery

EXAMPLE: Mapping[str, Any] = {
    "name": "Platform",
    "steps": [
        {"targets": [{"type": "schedule", "id": "01HXSCHED"}], "delay_minutes": 5},
        {"targets": [{"type": "user", "id": "usr_carol"}]},
    ],
}
POLICY: Mapping[str, Any] = {"answer": PolicyShown}

_policies = OperationGroup(
    f"{V1}/escalation-policies",
    Tag("Escalation policies (v1)", "Who is told first, and who if nobody is on call there."),
    SCHEDULES,
)

V1_POLICIES: Sequence[Operation] = (
    _policies(
        "GET",
        "",
        "List escalation policies",
        handlers.list_policies,
        query=PageQuery,
        shape="many",
        **POLICY,
    ),
    _policies(
        "POST",
        "",
        "Create an escalation policy",
        handlers.create_policy,
        body=PolicyPost,
        status=201,
        example=EXAMPLE,
        **POLICY,
    ),
    _policies("GET", "/{id}", "Read an escalation policy", handlers.read_policy, **POLICY),
    _policies(
        "PATCH",
        "/{id}",
        "Change an escalation policy",
        handlers.update_policy,
        patches=PolicyPost,
        example={"name": "Platform, nights"},
        **POLICY,
    ),
    _policies(
        "DELETE",
        "/{id}",
        "Delete an escalation policy",
        handlers.delete_policy,
        shape="nothing",
        status=204,
    ),
    _policies(
        "GET",
        "/{id}/resolve",
        "Whom it would tell at an instant",
        handlers.resolve_policy,
        query=AtQuery,
        answer=Resolution,
        description="Steps are walked in order; those with nobody on call fall through.",
    ),
)
