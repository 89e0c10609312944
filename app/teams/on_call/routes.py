"""The operations that answer who is on call."""

from collections.abc import Sequence

from app.teams.on_call import handlers, overview
from app.teams.on_call.schemas import (
    CurrentOnCall,
    FinalScheduleShown,
    OnCallQuery,
    OnCallShown,
    ScheduleOnCall,
    ShiftsQuery,
    ShiftsShown,
    TeamShown,
    WindowQuery,
)
from app.teams.operation import V1_GROUP, V2_READ_GROUP, Operation
from app.teams.schemas import AtQuery, PageQuery

PAGES_SAMPLE = (
    "Note: the page's own sample answer for 2026-04-24T19:00:00Z (a Friday noon in Los Angeles) "
    "shows the After-hours layer, which its rules contradict; by the rules, which this API "
    "follows, it is usr_alice of Weekday business hours until 2026-04-25T00:00:00Z."
)

V1_AT_INSTANT: Sequence[Operation] = (
    V1_GROUP(
        "GET",
        "/schedules/{id}/on-call",
        "Who is on call at an instant",
        handlers.read_on_call,
        query=AtQuery,
        answer=OnCallShown,
        description=PAGES_SAMPLE,
    ),
)

V1_WINDOW: Sequence[Operation] = (
    V1_GROUP(
        "GET",
        "/schedules/{id}/final-schedule",
        "Who is on call over a window, and when nobody is",
        handlers.read_final_schedule,
        heavy=True,
        query=WindowQuery,
        answer=FinalScheduleShown,
    ),
)

V2_CURRENT: Sequence[Operation] = (
    V2_READ_GROUP(
        "GET",
        "/current/{team_id}",
        "Who is on call for a team",
        handlers.read_current_on_call,
        parameters={"team_id": "the id of a team"},
        query=AtQuery,
        answer=CurrentOnCall,
        shape="bare",
    ),
)

V2_OVERVIEW: Sequence[Operation] = (
    V2_READ_GROUP(
        "GET",
        "/on-call",
        "Who is on call on all schedules",
        overview.list_on_call,
        query=OnCallQuery,
        answer=ScheduleOnCall,
        shape="many",
    ),
    V2_READ_GROUP(
        "GET",
        "/teams",
        "List the teams that schedules name",
        overview.list_teams,
        query=PageQuery,
        answer=TeamShown,
        shape="many",
    ),
    V2_READ_GROUP(
        "GET",
        "/users/{id}/shifts",
        "A person's shifts on all schedules",
        overview.list_shifts,
        heavy=True,
        query=ShiftsQuery,
        answer=ShiftsShown,
    ),
)
