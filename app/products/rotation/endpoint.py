"""The endpoint ``oncall-rotation``: its row of the table, and the computation of its result."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from time import process_time

from app.errors import FieldError
from app.products.csv import rotation_csv
from app.products.endpoint import Endpoint, Result, formats_with
from app.products.examples import (
    FAIR_WEEKENDS,
    ROTATION_RULES,
    SCHEDULING,
    TWO_AWAY,
    TWO_ROLES,
)
from app.products.rotation.answer import RotationAnswer, rotation_answer
from app.products.rotation.planned_answer import planned_answer
from app.products.rotation.request import RotationRequest
from app.products.rotation.timeline import planned_timeline, rotation_timeline
from app.products.rotation.understood import with_holidays

BODY_BYTES = 4 * 1024 * 1024
"""The calendars of some people: one client may have so much in memory at a time."""


def rotation_endpoint() -> Endpoint:
    """Return the row of ``oncall-rotation``: back-to-back shifts of one length."""
    return Endpoint(
        slug="sched-oncall-rotation",
        path="/v1/scheduling/oncall-rotation",
        category=SCHEDULING,
        title="On-call rotation API",
        description=(
            "Generates an on-call rotation assigning people to back-to-back shifts of a given "
            "length from a start instant, returning each shift's person with ISO start/end and "
            "next-handoff plus a fairness tally. Plans around absences, weights, roles and "
            "rest in any time zone; says how fair it is, and whether that is proven optimal. JSON, "
            "calendar (ICS), CSV or SVG. Answers 'Who is on call for each shift?', 'When is the "
            "next handoff?'."
        ),
        rules=ROTATION_RULES,
        tags=(
            "scheduling",
            "shifts",
            "on-call",
            "rotation",
            "handoff",
            "oncall",
            "coverage",
            "agents",
        ),
        price_usd=Decimal("0.02"),
        rate_limit="120/minute",
        request=RotationRequest,
        answer=RotationAnswer,
        compute=_compute,
        formats=formats_with(rotation_csv),
        example={
            "start": "2026-06-04T00:00:00Z",
            "people": ["alice", "bob"],
            "shifts": 3,
            "shiftLengthHours": 24,
        },
        cpu_seconds=4,
        worked=(TWO_AWAY,),
        samples=(FAIR_WEEKENDS, TWO_ROLES),
        examine=_examine,
        most_body_bytes=BODY_BYTES,
    )


def _compute(request: RotationRequest) -> Result:
    """Compute a rotation by turns, or a plan if the request has a field that needs one."""
    if not request.needs_plan:
        rotation = request.rotation()
        return Result(partial(rotation_answer, rotation), partial(rotation_timeline, rotation))
    from app.products.rotation.planning import planned_rotation  # noqa: PLC0415 - few requests need a plan

    planned = planned_rotation(request, process_time)
    understood = request.understood_with(planned.calendars)
    understood = with_holidays(understood, request.holidays, request.days)
    return Result(
        partial(planned_answer, planned.rotation, understood),
        partial(planned_timeline, planned.rotation),
    )


def _examine(request: RotationRequest) -> Sequence[FieldError]:
    """Parse the calendars that take little time; return a warning for each of the others."""
    if not request.unavailable_ics:
        return ()
    from app.products.rotation.planning import examine_calendars  # noqa: PLC0415 - as above

    return examine_calendars(request)
