"""The operations that show a schedule to readers."""

from collections.abc import Sequence

from app.products.endpoint import CSV, SVG
from app.teams.final_schedules import handlers
from app.teams.final_schedules.schemas import FinalScheduleQuery, LaidOut, PageQuery
from app.teams.operation import V2_READ_GROUP, Operation

FEED = "A feed token of the schedule, in the query, does instead of a key."

V2_FINAL_SCHEDULE: Sequence[Operation] = (
    V2_READ_GROUP(
        "GET",
        "/schedules/{id}/final-schedule",
        "Who is on call over a window, as JSON, CSV or a picture",
        handlers.read_final_schedule,
        heavy=True,
        feed="schedule",
        query=FinalScheduleQuery,
        answer=LaidOut,
        forms=(CSV, SVG),
        description=f"`Accept` chooses the form, or `format`. {FEED}",
    ),
    V2_READ_GROUP(
        "GET",
        "/schedules/{id}/page",
        "The page of a schedule, for people",
        handlers.read_page,
        feed="schedule",
        query=PageQuery,
        shape="page",
        description=f"Who is on call, who is next, and four weeks. {FEED}",
    ),
)
