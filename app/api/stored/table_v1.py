"""The rows of the v1 API: schedules of layers, overrides, escalation policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.stored import policies, v1
from app.api.stored.cover_documents import OverridePost, OverrideShown
from app.api.stored.documents import AtQuery, PageQuery, SchedulesQuery
from app.api.stored.operations import PAST, SCHEDULES, V1, Operation
from app.api.stored.schedule_documents import (
    V1Schedule,
    V1SchedulePost,
    WindowQuery,
)
from app.api.stored.table_rows import AUDIT, DELETION, Rows
from app.products.examples import V1_OVERRIDE, V1_SCHEDULE

SCHEDULES_V1 = "Schedules (v1)"
POLICIES_V1 = "Escalation policies (v1)"

PAGES_SAMPLE = (
    "Note: the page's own sample answer for 2026-04-24T19:00:00Z (a Friday noon in Los Angeles) "
    "shows the After-hours layer, which its rules contradict; by the rules, which this API "
    "follows, it is usr_alice of Weekday business hours until 2026-04-25T00:00:00Z."
)
EXAMPLE: Mapping[str, Any] = {"name": "Platform primary", **V1_SCHEDULE}
"""The schedule of the v1 page, without its id."""
POLICY_EXAMPLE: Mapping[str, Any] = {
    "name": "Platform",
    "steps": [
        {"targets": [{"type": "schedule", "id": "01HXSCHED"}], "delay_minutes": 5},
        {"targets": [{"type": "user", "id": "usr_carol"}]},
    ],
}
ONE_SCHEDULE: Mapping[str, Any] = {"answer": V1Schedule}
MANY_SCHEDULES: Mapping[str, Any] = {**ONE_SCHEDULE, "shape": "many"}
POLICY: Mapping[str, Any] = {"answer": policies.PolicyShown}

_schedules = Rows(V1, SCHEDULES_V1, SCHEDULES)
_policies = Rows(f"{V1}/escalation-policies", POLICIES_V1, SCHEDULES)

V1_SCHEDULES: Sequence[Operation] = (
    _schedules(
        "GET",
        "/schedules",
        "List schedules",
        v1.list_schedules,
        query=SchedulesQuery,
        **MANY_SCHEDULES,
    ),
    _schedules(
        "POST",
        "/schedules",
        "Create a schedule",
        v1.create_schedule,
        body=V1SchedulePost,
        status=201,
        example=EXAMPLE,
        **ONE_SCHEDULE,
    ),
    _schedules(
        "GET",
        "/schedules/{id}/on-call",
        "Who is on call at an instant",
        v1.on_call,
        query=AtQuery,
        answer=v1.OnCallShown,
        description=PAGES_SAMPLE,
    ),
    _schedules("GET", "/schedules/{id}", "Read a schedule", v1.read_schedule, **ONE_SCHEDULE),
    _schedules(
        "PATCH",
        "/schedules/{id}",
        "Change a schedule (metadata and layers)",
        v1.update_schedule,
        patches=V1SchedulePost,
        example={"name": "Platform primary (EU)"},
        description=PAST,
        **ONE_SCHEDULE,
    ),
    _schedules(**DELETION),
    _schedules(
        "GET",
        "/schedules/{id}/final-schedule",
        "Who is on call over a window, and when nobody is",
        v1.final_schedule,
        heavy=True,
        query=WindowQuery,
        answer=v1.FinalScheduleShown,
    ),
    _schedules(
        "GET",
        "/schedules/{id}/overrides",
        "List overrides",
        v1.list_overrides,
        query=PageQuery,
        answer=OverrideShown,
        shape="many",
    ),
    _schedules(
        "POST",
        "/schedules/{id}/overrides",
        "Create a temporary override",
        v1.create_override,
        body=OverridePost,
        answer=OverrideShown,
        status=201,
        example=V1_OVERRIDE,
    ),
    _schedules(
        "DELETE",
        "/schedules/{id}/overrides/{override_id}",
        "Cancel an override",
        v1.cancel_override,
        shape="nothing",
        status=204,
        description=PAST,
    ),
    _schedules(**AUDIT),
)

V1_POLICIES: Sequence[Operation] = (
    _policies(
        "GET",
        "",
        "List escalation policies",
        policies.list_policies,
        query=PageQuery,
        shape="many",
        **POLICY,
    ),
    _policies(
        "POST",
        "",
        "Create an escalation policy",
        policies.create_policy,
        body=policies.PolicyPost,
        status=201,
        example=POLICY_EXAMPLE,
        **POLICY,
    ),
    _policies("GET", "/{id}", "Read an escalation policy", policies.read_policy, **POLICY),
    _policies(
        "PATCH",
        "/{id}",
        "Change an escalation policy",
        policies.update_policy,
        patches=policies.PolicyPost,
        example={"name": "Platform, nights"},
        **POLICY,
    ),
    _policies(
        "DELETE",
        "/{id}",
        "Delete an escalation policy",
        policies.delete_policy,
        shape="nothing",
        status=204,
    ),
    _policies(
        "GET",
        "/{id}/resolve",
        "Whom it would tell at an instant",
        policies.resolve,
        query=AtQuery,
        answer=policies.Resolution,
        description="Steps are walked in order; those with nobody on call fall through.",
    ),
)
