"""The plan for a rotation request that asks for more than plain turns.

An error that only shows here (a calendar that cannot be read) is reported like every other error of
the document: answers are computed before anything is charged.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.engine.planning.constraints import Constraints
from app.engine.planning.flow import Solution
from app.engine.planning.planner import Timer, plan_of
from app.engine.planning.request import PlannedRotation, PlanningRequest
from app.engine.planning.vacancies import FewestVacancies
from app.engine.rotation import milliseconds
from app.engine.walltime import clock_of
from app.errors import FieldError
from app.products.holiday_calendars import holiday_intervals
from app.products.rotation.absence_calendars import (
    CalendarRules,
    parse_quick_calendars,
    read_calendars,
)
from app.products.rotation.planning_fields import MIN_ABSENCE_HOURS, owner_addresses, weight_of
from app.products.rotation.request import RotationRequest
from app.products.rotation.understood_calendars import UnderstoodCalendar

SOLVE_SECONDS = 0.3
"""The deterministic time in which CP-SAT betters and proves a plan under constraints."""


class Planned(NamedTuple):
    """A planned rotation, and what was taken from each calendar of its request."""

    rotation: PlannedRotation
    calendars: Sequence[UnderstoodCalendar]


def planned_rotation(request: RotationRequest, timer: Timer) -> Planned:
    """Plan the rotation of ``request``.

    Raises ``InvalidRequest`` for calendars that cannot be used.
    """
    planning, calendars = planning_request(request)
    rotation = PlannedRotation(
        planning,
        plan_of(planning, timer, solve_constrained),
        request.length_hours,
        request.length_text,
        request.handoff_offset_hours,
        milliseconds(request.handoff_offset_hours),
        request.timezone is not None,
        request.holidays is not None,
    )
    return Planned(rotation, calendars)


def solve_constrained(
    solution: Solution, constraints: Constraints, fewest: FewestVacancies | None
) -> Solution:
    """Better a solution by CP-SAT."""
    from app.solver.rotation import solve_rotation  # noqa: PLC0415 - heavy, and few plans need it

    return solve_rotation(solution, constraints, fewest, SOLVE_SECONDS)


def planning_request(
    request: RotationRequest,
) -> tuple[PlanningRequest, Sequence[UnderstoodCalendar]]:
    """Translate ``request`` for the engine: instants and lengths in milliseconds, shifts from 0.

    Returns what was taken from each calendar beside it. Raises ``InvalidRequest`` for calendars
    that cannot be used.
    """
    clock = clock_of(request.timezone) if request.timezone else None
    boundaries = request.boundaries
    given = [absence.absence() for absence in request.unavailable or ()]
    window = (boundaries[0], boundaries[-1])
    read = read_calendars(request.unavailable_ics or {}, clock, window, _calendar_rules(request))
    roles = tuple(str(role) for role in request.roles or ())
    zone = request.timezone or "UTC"
    planning = PlanningRequest(
        cycle=[str(name) for name in request.people],
        boundaries=boundaries,
        timezone=zone,
        absences=[*given, *read.absences],
        weights={name: weight_of(weight) for name, weight in (request.weights or {}).items()},
        carry_over=_in_milliseconds(request.carry_over),
        holidays=(
            holiday_intervals(request.holidays, request.days, clock_of(zone))
            if request.holidays
            else ()
        ),
        carried_holidays=_in_milliseconds(request.carry_over_holidays),
        min_rest_ms=milliseconds(request.min_rest_hours or 0),
        max_consecutive=int(request.max_consecutive or 0),
        roles=roles,
        avoid_pairs=[(str(one), str(other)) for one, other in request.avoid_pairs or ()],
        fixed=[item.fixed(roles) for item in request.fixed or ()],
        joins=dict(request.joins or {}),
        leaves=dict(request.leaves or {}),
        limits={name: limits.limits() for name, limits in (request.limits or {}).items()},
        role_order=request.role_order or "even",
        strategy=request.strategy or "round-robin",
    )
    return planning, read.understood


def _in_milliseconds(hours: Mapping[str, float] | None) -> Mapping[str, int]:
    return {name: milliseconds(each) for name, each in (hours or {}).items()}


def examine_calendars(request: RotationRequest) -> Sequence[FieldError]:
    """Parse the calendars that take little time; return a warning for each of the others.

    Raises ``InvalidRequest`` with those that cannot be read.
    """
    boundaries = request.boundaries
    window = (boundaries[0], boundaries[-1])
    return parse_quick_calendars(request.unavailable_ics or {}, window, _calendar_rules(request))


def _calendar_rules(request: RotationRequest) -> CalendarRules:
    hours = request.min_absence_hours
    return CalendarRules(
        request.calendar_events or "away",
        milliseconds(MIN_ABSENCE_HOURS if hours is None else hours),
        owner_addresses(request.email, request.unavailable_ics or ()),
    )
