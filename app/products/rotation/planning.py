"""The plan for a rotation request that asks for more than plain turns.

An error that only shows here (a calendar that cannot be read) is reported like every other error of
the document: answers are computed before anything is charged.
"""

from app.engine.planning.planner import Timer, plan_of
from app.engine.planning.request import PlannedRotation, PlanningRequest
from app.engine.rotation import milliseconds
from app.engine.walltime import clock_of
from app.errors import FieldError, InvalidRequest
from app.products.rotation.absence_calendars import absences_in
from app.products.rotation.planning_fields import ABSENCES, weight_of
from app.products.rotation.request import RotationRequest


def planned_rotation(request: RotationRequest, timer: Timer) -> PlannedRotation:
    """Plan the rotation of ``request``.

    Raises ``InvalidRequest`` for calendars that cannot be used.
    """
    planning = planning_request(request)
    return PlannedRotation(
        planning,
        plan_of(planning, timer),
        request.length_hours,
        request.length_text,
        request.handoff_offset_hours,
        milliseconds(request.handoff_offset_hours),
        request.timezone is not None,
    )


def planning_request(request: RotationRequest) -> PlanningRequest:
    """Translate ``request`` for the engine: instants and lengths in milliseconds, shifts from 0.

    Raises ``InvalidRequest`` for calendars that cannot be used.
    """
    clock = clock_of(request.timezone) if request.timezone else None
    boundaries = request.boundaries
    given = [absence.absence() for absence in request.unavailable or ()]
    read = absences_in(request.unavailable_ics or {}, clock, boundaries[0], boundaries[-1])
    if len(given) + len(read) > ABSENCES:
        raise InvalidRequest(
            [FieldError("/unavailableIcs", f"more than {ABSENCES:,} absences in all")]
        )
    roles = tuple(str(role) for role in request.roles or ())
    return PlanningRequest(
        cycle=[str(name) for name in request.people],
        boundaries=boundaries,
        timezone=request.timezone or "UTC",
        absences=[*given, *read],
        weights={name: weight_of(weight) for name, weight in (request.weights or {}).items()},
        carry_over={
            name: milliseconds(hours) for name, hours in (request.carry_over or {}).items()
        },
        min_rest_ms=milliseconds(request.min_rest_hours or 0),
        max_consecutive=int(request.max_consecutive or 0),
        roles=roles,
        avoid_pairs=[(str(one), str(other)) for one, other in request.avoid_pairs or ()],
        fixed=[item.fixed(roles) for item in request.fixed or ()],
        strategy=request.strategy or "round-robin",
    )
