"""The JSON answer with a planned rotation: that of a plain rotation with more fields."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import chain, repeat

from msgspec import UNSET, UnsetType

from app.engine.planning.request import Plan, PlannedRotation
from app.engine.rotation import HOUR_MS
from app.engine.walltime import clock_of
from app.engine.zone_names import clock_in_words
from app.formats.instants import iso, iso_texts, local_iso_texts
from app.products.numbers import Number, hours_text, number
from app.products.rotation.answer import (
    Fairness,
    RotationAnswer,
    Shift,
    VacantShift,
    offset_in_words,
    size_in_words,
)
from app.products.rotation.understood import UnderstoodRotation


def planned_answer(
    planned: PlannedRotation, understood: UnderstoodRotation | UnsetType = UNSET
) -> RotationAnswer:
    """Return the answer with the rotation ``planned`` and what was understood of the request."""
    plan = planned.plan
    counts = {workload.person: workload.shifts for workload in plan.workloads}
    return RotationAnswer(
        rotation=list(_shifts(planned)),
        shift_counts=counts,
        shift_length_hours=number(planned.shift_length_hours),
        balanced=plan.balanced,
        interpretation=planned_in_words(planned),
        fairness=_fairness(plan, with_holidays=planned.with_holidays),
        gaps=list(_gaps(planned)),
        carry_over=_hours_by_person(plan.carry_over),
        carry_over_holidays=(
            _hours_by_person(plan.carried_holidays) if planned.with_holidays else UNSET
        ),
        next_person=plan.next_person,
        understood=understood,
    )


def planned_in_words(planned: PlannedRotation) -> str:
    """Describe the plan in a few sentences."""
    request, plan = planned.request, planned.plan
    size = (len(plan.slots), planned.shift_length_text, len(plan.workloads))
    start = iso(request.boundaries[0])
    if planned.zoned:
        [local] = local_iso_texts(clock_of(request.timezone), request.boundaries[:1])
        start = f"{local}, by the clock of {clock_in_words(request.timezone)}"
    return (
        f"{size_in_words(*size)} from {start}."
        f"{offset_in_words(planned.handoff_offset_hours)}"
        f"{_vacancies_in_words(plan)} {_load_range_in_words(plan)}"
    )


def hours_of(ms: int | Fraction) -> Number:
    """Return milliseconds as hours."""
    return number(float(Fraction(ms, HOUR_MS)))


def _shifts(planned: PlannedRotation) -> Iterator[Shift]:
    request, slots = planned.request, planned.plan.slots
    texts = iso_texts(request.boundaries)
    handoffs = iso_texts(at + planned.handoff_offset_ms for at in request.boundaries[1:])
    local = local_iso_texts(clock_of(request.timezone), request.boundaries) if planned.zoned else ()
    for index, people in enumerate(slots):
        yield Shift(
            index + 1,
            people[0],
            texts[index],
            texts[index + 1],
            handoffs[index],
            local[index] if local else UNSET,
            local[index + 1] if local else UNSET,
            dict(zip(request.roles, people, strict=True)) if request.roles else UNSET,
        )


def _hours_by_person(loads: Mapping[str, int]) -> Mapping[str, Number]:
    return {person: hours_of(load) for person, load in loads.items()}


def _fairness(plan: Plan, *, with_holidays: bool) -> Fairness:
    return Fairness(
        hours={workload.person: hours_of(workload.total_ms) for workload in plan.workloads},
        holiday_hours=(
            {workload.person: hours_of(workload.holiday_ms) for workload in plan.workloads}
            if with_holidays
            else UNSET
        ),
        weekend_hours={
            workload.person: hours_of(workload.weekend_ms) for workload in plan.workloads
        },
        night_hours={workload.person: hours_of(workload.night_ms) for workload in plan.workloads},
        spread=hours_of(plan.load_range_ms),
        lower_bound=hours_of(plan.lower_bound_ms),
        optimal=plan.optimal,
        explanations=plan.explanations,
        not_owed=UNSET if plan.not_owed is None else _hours_by_person(plan.not_owed),
    )


def _gaps(planned: PlannedRotation) -> Iterator[VacantShift]:
    request = planned.request
    reasons: Iterator[Mapping[str, str] | UnsetType] = chain(
        planned.plan.vacancy_reasons, repeat(UNSET)
    )
    for (shift, role), why in zip(planned.plan.vacancies, reasons, strict=False):
        start, end = iso_texts(request.boundaries[shift : shift + 2])
        name = request.roles[role] if request.roles else UNSET
        yield VacantShift(shift + 1, start, end, name, why)


def _vacancies_in_words(plan: Plan) -> str:
    count = len(plan.vacancies)
    if not count:
        return ""
    *others, last = plan.vacancy_rules
    why = f"{', '.join(others)} and {last}" if others else last
    stay = "place stays" if count == 1 else "places stay"
    return f" {count:,} {stay} empty, because of {why}."


def _load_range_in_words(plan: Plan) -> str:
    spread, bound = (
        hours_text(round(hours_of(ms), 2)) for ms in (plan.load_range_ms, plan.lower_bound_ms)
    )
    proof = "proven to be the least" if plan.optimal else f"at least {bound}h in any assignment"
    return f"Loads lie within {spread}h of each other, {proof}."
