"""The request for a planned rotation and the plan that answers it: frozen data.

Strategy: texts are read before they get here, so every field is a number, a name or a tuple of
them. Instants (``…_at``) are whole milliseconds since 1970-01-01T00:00:00Z, stretches are half
open, shifts and roles count from 0. Invariant: nothing here computes; ``planner.py`` does.

Words: a *role slot* is one role in one shift; a *load* is carried-over hours plus hours divided by
weight, so that half the weight means half the hours at the same load; the *load range* is the
largest load minus the smallest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple

from app.engine.intervals import Interval

Strategy = Literal["round-robin", "fair"]
RoleOrder = Literal["even", "staggered"]

BUDGET_SECONDS = 1.5
"""The time for a search, after which the best plan found so far is the answer."""


class Absence(NamedTuple):
    """A stretch ``[start_at, end_at)`` in which ``person`` cannot be on call."""

    person: str
    start_at: int
    end_at: int
    reason: str | None = None


class FixedShift(NamedTuple):
    """A role in a shift that ``person`` has, whatever else is asked for."""

    shift: int
    person: str
    role: int = 0


class PersonLimits(NamedTuple):
    """The most that a person has in the whole rotation; ``None`` stands for no limit.

    ``weekends`` are those in which the person has any shift.
    """

    shifts: int | None = None
    total_ms: int | None = None
    weekends: int | None = None


@dataclass(frozen=True, slots=True)
class PlanningRequest:
    """The people and shifts of a rotation, and the conditions for assigning them.

    ``boundaries`` ascend, one more than there are shifts. ``cycle`` is the order of turns; a name
    given twice takes two turns, and has twice the weight. ``weights`` are 1 where absent,
    ``carry_over`` is milliseconds of load and 0 where absent, as is ``carried_holidays``, that on
    ``holidays``, which are disjoint and in order. ``min_rest_ms`` of 0 and
    ``max_consecutive`` of 0 ask for nothing. Without ``roles`` a shift has one role slot; if they
    are ``staggered`` there are two or more (``staggered.py``). Who is
    not in ``joins`` has been there always, and who is not in ``leaves`` stays (``membership.py``).
    """

    cycle: Sequence[str]
    boundaries: Sequence[int]
    timezone: str = "UTC"
    absences: Sequence[Absence] = ()
    weights: Mapping[str, Fraction] = field(default_factory=dict)
    carry_over: Mapping[str, int] = field(default_factory=dict)
    holidays: Sequence[Interval] = ()
    carried_holidays: Mapping[str, int] = field(default_factory=dict)
    min_rest_ms: int = 0
    max_consecutive: int = 0
    roles: Sequence[str] = ()
    avoid_pairs: Sequence[tuple[str, str]] = ()
    fixed: Sequence[FixedShift] = ()
    joins: Mapping[str, int] = field(default_factory=dict)
    leaves: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, PersonLimits] = field(default_factory=dict)
    strategy: Strategy = "round-robin"
    role_order: RoleOrder = "even"


class Vacancy(NamedTuple):
    """A role slot that nobody can take."""

    shift: int
    role: int


class Workload(NamedTuple):
    """The workload of one person: role slots in ``shifts``, and elapsed milliseconds."""

    person: str
    shifts: int
    total_ms: int
    holiday_ms: int
    weekend_ms: int
    night_ms: int


class Plan(NamedTuple):
    """The people in all role slots, with the figures that say how fair that is.

    ``slots`` has one tuple a shift, with one person or ``None`` a role. No assignment with as few
    vacancies has a load range below ``lower_bound_ms``; ``optimal`` says that the numbers of
    vacancies and the load range are both proven to be as low as can be. ``balanced`` says that no
    role slot is empty and that counts or, with weights, loads are within one shift of each other
    (``planner.py``). ``carry_over`` is each
    person's load above the smallest, in milliseconds, ``carried_holidays`` that on holidays;
    ``next_person`` has the turn after the last
    shift. ``not_owed`` is the load, in milliseconds, that each person who joins or leaves is not
    given for the time before or after. ``vacancy_reasons`` say of the first ``vacancies`` what
    keeps whom from them (such as ``is away``), and ``vacancy_rules`` what that comes from (such as
    ``minRestHours``).
    """

    slots: Sequence[tuple[str | None, ...]]
    vacancies: Sequence[Vacancy]
    workloads: Sequence[Workload]
    load_range_ms: Fraction
    lower_bound_ms: Fraction
    optimal: bool
    balanced: bool
    carry_over: Mapping[str, int]
    carried_holidays: Mapping[str, int]
    next_person: str
    explanations: Sequence[str] = ()
    vacancy_reasons: Sequence[Mapping[str, str]] = ()
    vacancy_rules: Sequence[str] = ()
    not_owed: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class PlannedRotation:
    """A plan with the request it answers.

    The length in hours is 0 if it varies, and the text says it in words. Handoffs are
    ``handoff_offset_ms`` after shifts end; ``zoned`` says whether local times were asked for, and
    ``with_holidays`` whether hours on holidays were.
    """

    request: PlanningRequest
    plan: Plan
    shift_length_hours: float
    shift_length_text: str
    handoff_offset_hours: float
    handoff_offset_ms: int
    zoned: bool
    with_holidays: bool = False
