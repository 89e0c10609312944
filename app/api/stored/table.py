"""The one table of stored operations: router, pipeline and OpenAPI read it."""

from collections.abc import Sequence
from typing import Any

from app.api.endpoints import V1_OVERRIDE, V1_SCHEDULE
from app.api.stored import feeds, people, policies, v1, v2
from app.api.stored.documents import (
    AtQuery,
    AuditEntry,
    FeedQuery,
    FeedTokenPost,
    FeedTokenShown,
    NewFeedToken,
    PageQuery,
    SchedulesQuery,
    User,
    UserPost,
)
from app.api.stored.operations import READ, SCHEDULES, V1, V2, WRITE, Method, Operation, Work
from app.api.stored.schedule_documents import (
    EntriesQuery,
    EntryPost,
    EntryShown,
    OverridePost,
    OverrideShown,
    SwapPost,
    SwapShown,
    V1Schedule,
    V1SchedulePost,
    V2Schedule,
    V2SchedulePost,
    WindowQuery,
)

SCHEDULES_V1 = "Schedules (v1)"
POLICIES_V1 = "Escalation policies (v1)"
ONCALL_V2 = "On-call (v2)"
PEOPLE_V2 = "People (v2)"
FEEDS_V2 = "Calendars (v2)"

V2_EXAMPLE = {
    "name": "Weekend Support",
    "team_id": "team_789",
    "timezone": "Europe/Brussels",
    "rotation_type": "weekly",
}
"""The schedule of the v2 page."""

PAST = (
    "An edit never rewrites who was on call: other rules hold from the moment of the write on, and "
    "what is taken back is what has not happened yet."
)
PAGES_SAMPLE = (
    "Note: the page's own sample answer for 2026-04-24T19:00:00Z (a Friday noon in Los Angeles) "
    "shows the After-hours layer, which its rules contradict; by the rules, which this API "
    "follows, it is usr_alice of Weekday business hours until 2026-04-25T00:00:00Z."
)


def stored_operations() -> Sequence[Operation]:
    """Every operation, in the order of the pages."""
    return (*_v1(), *_policies(), *_v2(), *_entries(), *_people(), *_feeds())


def _v1() -> Sequence[Operation]:
    def row(method: Method, path: str, summary: str, work: Work, **more: Any) -> Operation:
        return Operation(method, f"{V1}{path}", SCHEDULES, SCHEDULES_V1, summary, work, **more)

    one: dict[str, Any] = {"answer": V1Schedule}
    many: dict[str, Any] = {**one, "shape": "many"}
    v1_example = {"name": "Platform primary", **V1_SCHEDULE}
    return (
        row("GET", "/schedules", "List schedules", v1.list_schedules, query=SchedulesQuery, **many),
        row(
            "POST",
            "/schedules",
            "Create a schedule",
            v1.create_schedule,
            body=V1SchedulePost,
            status=201,
            example=v1_example,
            **one,
        ),
        row(
            "GET",
            "/schedules/{id}/on-call",
            "Who is on call at an instant",
            v1.on_call,
            query=AtQuery,
            answer=v1.OnCallShown,
            quick=v1.quick_on_call,
            description=PAGES_SAMPLE,
        ),
        row("GET", "/schedules/{id}", "Read a schedule", v1.read_schedule, **one),
        row(
            "PATCH",
            "/schedules/{id}",
            "Change a schedule (metadata and layers)",
            v1.update_schedule,
            patches=V1SchedulePost,
            example={"name": "Platform primary (EU)"},
            description=PAST,
            **one,
        ),
        row(
            "DELETE",
            "/schedules/{id}",
            "Delete a schedule; fails if referenced by a policy",
            v1.delete_schedule,
            shape="nothing",
            status=204,
        ),
        row(
            "GET",
            "/schedules/{id}/final-schedule",
            "Who is on call over a window, and when nobody is",
            v1.final_schedule,
            query=WindowQuery,
            answer=v1.FinalScheduleShown,
        ),
        row(
            "GET",
            "/schedules/{id}/overrides",
            "List overrides",
            v1.list_overrides,
            query=PageQuery,
            answer=OverrideShown,
            shape="many",
        ),
        row(
            "POST",
            "/schedules/{id}/overrides",
            "Create a temporary override",
            v1.create_override,
            body=OverridePost,
            answer=OverrideShown,
            status=201,
            example=V1_OVERRIDE,
        ),
        row(
            "DELETE",
            "/schedules/{id}/overrides/{override_id}",
            "Cancel an override",
            v1.cancel_override,
            shape="nothing",
            status=204,
            description=PAST,
        ),
        row(
            "GET",
            "/schedules/{id}/audit",
            "Who changed what, and when",
            v1.list_audit,
            query=PageQuery,
            answer=AuditEntry,
            shape="many",
        ),
    )


def _policies() -> Sequence[Operation]:
    def row(method: Method, path: str, summary: str, work: Work, **more: Any) -> Operation:
        path = f"{V1}/escalation-policies{path}"
        return Operation(method, path, SCHEDULES, POLICIES_V1, summary, work, **more)

    one: dict[str, Any] = {"answer": policies.PolicyShown}
    example = {
        "name": "Platform",
        "steps": [
            {"targets": [{"type": "schedule", "id": "01HXSCHED"}], "delay_minutes": 5},
            {"targets": [{"type": "user", "id": "usr_carol"}]},
        ],
    }
    return (
        row(
            "GET",
            "",
            "List escalation policies",
            policies.list_policies,
            query=PageQuery,
            shape="many",
            **one,
        ),
        row(
            "POST",
            "",
            "Create an escalation policy",
            policies.create_policy,
            body=policies.PolicyPost,
            status=201,
            example=example,
            **one,
        ),
        row("GET", "/{id}", "Read an escalation policy", policies.read_policy, **one),
        row(
            "PATCH",
            "/{id}",
            "Change an escalation policy",
            policies.update_policy,
            patches=policies.PolicyPost,
            example={"name": "Platform, nights"},
            **one,
        ),
        row(
            "DELETE",
            "/{id}",
            "Delete an escalation policy",
            policies.delete_policy,
            shape="nothing",
            status=204,
        ),
        row(
            "GET",
            "/{id}/resolve",
            "Whom it would tell at an instant",
            policies.resolve,
            query=AtQuery,
            answer=policies.Resolution,
            description="Steps are walked in order; those with nobody on call fall through.",
        ),
    )


def _v2() -> Sequence[Operation]:
    def row(
        method: Method, path: str, summary: str, work: Work, scope: str = READ, **more: Any
    ) -> Operation:
        return Operation(method, f"{V2}{path}", scope, ONCALL_V2, summary, work, **more)

    one: dict[str, Any] = {"answer": V2Schedule}
    many: dict[str, Any] = {**one, "shape": "many"}
    return (
        row("GET", "/schedules", "List schedules", v2.list_schedules, query=SchedulesQuery, **many),
        row(
            "POST",
            "/schedules",
            "Create a schedule",
            v2.create_schedule,
            WRITE,
            body=V2SchedulePost,
            status=201,
            example=V2_EXAMPLE,
            **one,
        ),
        row("GET", "/schedules/{id}", "Read a schedule", v2.read_schedule, **one),
        row(
            "PATCH",
            "/schedules/{id}",
            "Change a schedule",
            v2.update_schedule,
            WRITE,
            patches=V2SchedulePost,
            example={
                "name": "After-Hours Network Support (Updated)",
                "timezone": "Europe/Paris",
            },
            description=PAST,
            **one,
        ),
        row(
            "DELETE",
            "/schedules/{id}",
            "Delete a schedule; fails if referenced by a policy",
            v1.delete_schedule,
            WRITE,
            shape="nothing",
            status=204,
        ),
        row(
            "GET",
            "/current/{team_id}",
            "Who is on call for a team",
            v2.current,
            query=AtQuery,
            answer=v2.CurrentOnCall,
            shape="bare",
            quick=v2.quick_current,
        ),
        row(
            "GET",
            "/schedules/{id}/audit",
            "Who changed what, and when",
            v1.list_audit,
            query=PageQuery,
            answer=AuditEntry,
            shape="many",
        ),
    )


def _entries() -> Sequence[Operation]:
    def row(
        method: Method, path: str, summary: str, work: Work, scope: str = WRITE, **more: Any
    ) -> Operation:
        return Operation(method, f"{V2}{path}", scope, ONCALL_V2, summary, work, **more)

    swap: dict[str, Any] = {
        "body": SwapPost,
        "answer": SwapShown,
        "example": {"swap_with_user_id": "user_034"},
        "description": "The other person's next entry after it, within 366 days, goes back; else "
        "the nearest before it that has not started; else it is a plain hand-over.",
    }
    return (
        row(
            "GET",
            "/schedules/{id}/entries",
            "List entries, created and generated",
            v2.list_entries,
            READ,
            query=EntriesQuery,
            answer=EntryShown,
            shape="many",
        ),
        row(
            "POST",
            "/schedules/{id}/entries",
            "Create an entry",
            v2.create_entry,
            body=EntryPost,
            answer=EntryShown,
            status=201,
            example={
                "user_id": "user_012",
                "start": "2026-03-15T18:00:00+01:00",
                "end": "2026-03-16T08:00:00+01:00",
            },
        ),
        row(
            "POST",
            "/schedules/{id}/entries/{entry_id}/swap",
            "Swap an entry with another person",
            v2.swap_entry,
            **swap,
        ),
        row(
            "POST",
            "/entries/{entry_id}/swap",
            "Swap an entry, named alone",
            v2.swap_entry,
            **swap,
        ),
        row("GET", "/entries/{entry_id}", "Read an entry", v2.read_entry, READ, answer=EntryShown),
        row(
            "DELETE",
            "/entries/{entry_id}",
            "Delete an entry that was created",
            v2.delete_entry,
            shape="nothing",
            status=204,
            description=PAST,
        ),
        row(
            "GET",
            "/schedules/{id}/swaps",
            "List swaps",
            v2.list_swaps,
            READ,
            query=PageQuery,
            answer=SwapShown,
            shape="many",
        ),
        row(
            "DELETE",
            "/swaps/{swap_id}",
            "Undo a swap",
            v2.undo_swap,
            shape="nothing",
            status=204,
            description=PAST,
        ),
    )


def _people() -> Sequence[Operation]:
    def row(
        method: Method, path: str, summary: str, work: Work, scope: str = WRITE, **more: Any
    ) -> Operation:
        return Operation(method, f"{V2}/users{path}", scope, PEOPLE_V2, summary, work, **more)

    one: dict[str, Any] = {"answer": User}
    example = {
        "id": "user_012",
        "name": "Marie Laurent",
        "email": "marie@example.com",
        "team_ids": ["team_789"],
    }
    return (
        row(
            "GET", "", "List people", people.list_users, READ, query=PageQuery, shape="many", **one
        ),
        row(
            "POST",
            "",
            "Add a person",
            people.create_user,
            body=UserPost,
            status=201,
            example=example,
            **one,
        ),
        row("GET", "/{id}", "Read a person", people.read_user, READ, **one),
        row(
            "PATCH",
            "/{id}",
            "Change a person",
            people.update_user,
            patches=UserPost,
            example={"email": "marie.laurent@example.com"},
            **one,
        ),
        row(
            "DELETE",
            "/{id}",
            "Remove a person; fails while anything to come counts on them",
            people.delete_user,
            shape="nothing",
            status=204,
        ),
    )


def _feeds() -> Sequence[Operation]:
    def row(
        method: Method, path: str, summary: str, work: Work, scope: str = WRITE, **more: Any
    ) -> Operation:
        return Operation(method, f"{V2}{path}", scope, FEEDS_V2, summary, work, **more)

    calendar: dict[str, Any] = {"scope": READ, "query": FeedQuery, "shape": "calendar"}
    tokens: dict[str, Any] = {"query": PageQuery, "answer": FeedTokenShown, "shape": "many"}
    new: dict[str, Any] = {
        "body": FeedTokenPost,
        "answer": NewFeedToken,
        "status": 201,
        "example": {"name": "Marie's phone"},
    }
    return (
        row(
            "GET",
            "/schedules/{id}/calendar.ics",
            "A schedule's calendar",
            feeds.schedule_calendar,
            feed="schedule",
            **calendar,
        ),
        row(
            "GET",
            "/users/{id}/calendar.ics",
            "A person's calendar",
            feeds.user_calendar,
            feed="user",
            **calendar,
        ),
        row(
            "GET",
            "/schedules/{id}/feed-tokens",
            "List the tokens of a schedule's calendar",
            feeds.list_schedule_tokens,
            READ,
            **tokens,
        ),
        row(
            "POST",
            "/schedules/{id}/feed-tokens",
            "Make a token for a schedule's calendar",
            feeds.create_schedule_token,
            **new,
        ),
        row(
            "GET",
            "/users/{id}/feed-tokens",
            "List the tokens of a person's calendar",
            feeds.list_user_tokens,
            READ,
            **tokens,
        ),
        row(
            "POST",
            "/users/{id}/feed-tokens",
            "Make a token for a person's calendar",
            feeds.create_user_token,
            **new,
        ),
        row(
            "DELETE",
            "/feed-tokens/{id}",
            "Revoke a token",
            feeds.revoke_token,
            shape="nothing",
            status=204,
        ),
    )
