"""The endpoints ``oncall-schedule`` and ``oncall-now``: their rows and computations."""

from decimal import Decimal
from functools import partial

from app.engine.layered.model import FinalSchedule, OnCall, Schedule
from app.engine.layered.tally import tallies_by_role
from app.products.csv import now_csv, schedule_csv
from app.products.endpoint import Endpoint, Result, formats_with
from app.products.examples import (
    BRIEF_SCHEDULE,
    LAYER_RULES,
    LAYER_TAGS,
    LOCAL_HOURS,
    SCHEDULING,
    V1_OVERRIDE,
    V1_SCHEDULE,
)
from app.products.layered.answer import (
    OncallNowAnswer,
    OncallScheduleAnswer,
    now_answer,
    schedule_answer,
)
from app.products.layered.request import OncallNowRequest, OncallScheduleRequest
from app.products.layered.timeline import now_timeline, schedule_timeline


def schedule_endpoint() -> Endpoint:
    """Return the row of ``oncall-schedule``: a layered schedule over a window."""
    return Endpoint(
        slug="sched-oncall-schedule",
        path="/v1/scheduling/oncall-schedule",
        category=SCHEDULING,
        title="Layered on-call schedule API",
        description=(
            "Renders a layered on-call schedule over a window of up to two years: the final "
            "schedule with person and source of each shift, gaps, and a tally per person (shifts, "
            "hours, nights, weekends). Takes any time zone with its clock changes, times of day, "
            "overrides, swaps, groups and absences. JSON, calendar (ICS), CSV or SVG. Answers "
            "'Who is on call when?', 'When is nobody?', 'Is that fair?'."
        ),
        rules=LAYER_RULES,
        tags=(*LAYER_TAGS, "coverage", "gaps", "fairness"),
        price_usd=Decimal("0.03"),
        rate_limit="120/minute",
        request=OncallScheduleRequest,
        answer=OncallScheduleAnswer,
        compute=_schedule,
        formats=formats_with(schedule_csv),
        example={
            **V1_SCHEDULE,
            "overrides": [V1_OVERRIDE],
            "from": "2026-04-24T07:00:00Z",
            "to": "2026-04-27T07:00:00Z",
        },
        cpu_seconds=4,
        samples=(LOCAL_HOURS,),
        brief={**BRIEF_SCHEDULE, "from": "2026-04-24T07:00:00Z", "to": "2026-04-25T07:00:00Z"},
    )


def now_endpoint() -> Endpoint:
    """Return the row of ``oncall-now``: a layered schedule at an instant."""
    return Endpoint(
        slug="sched-oncall-now",
        path="/v1/scheduling/oncall-now",
        category=SCHEDULING,
        title="On-call at an instant API",
        description=(
            "Tells who is on call at an instant of a layered on-call schedule, by which layer, "
            "override or entry, since when, until when, and who follows. Takes any time zone "
            "with its clock changes, times of day, swaps and absences. JSON, calendar (ICS), "
            "CSV or SVG. Answers 'Who is on call now?', 'Until when?', 'Who is next?'."
        ),
        rules=LAYER_RULES,
        tags=(*LAYER_TAGS, "who-is-on-call", "now", "escalation"),
        price_usd=Decimal("0.01"),
        rate_limit="120/minute",
        request=OncallNowRequest,
        answer=OncallNowAnswer,
        compute=_now,
        formats=formats_with(now_csv),
        example={**V1_SCHEDULE, "at": "2026-04-24T19:00:00Z"},
        cpu_seconds=4,
        brief={**BRIEF_SCHEDULE, "at": "2026-04-24T08:00:00Z"},
    )


def _schedule(request: OncallScheduleRequest) -> Result:
    schedule = request.schedule()
    return schedule_result(schedule, request.final_schedule(schedule))


def _now(request: OncallNowRequest) -> Result:
    schedule = request.schedule()
    return now_result(schedule, request.on_call(schedule))


def schedule_result(schedule: Schedule, final: FinalSchedule) -> Result:
    """Return the result of ``oncall-schedule``: ``schedule`` resolved over a window."""
    tally = tallies_by_role(schedule, final)
    return Result(
        partial(schedule_answer, schedule.timezone, final, tally),
        partial(schedule_timeline, schedule, final, tally),
    )


def now_result(schedule: Schedule, found: OnCall) -> Result:
    """Return the result of ``oncall-now``: ``schedule`` at an instant."""
    return Result(
        partial(now_answer, found, schedule.timezone), partial(now_timeline, schedule, found)
    )
