"""What a fair rotation is asked for, and what is answered: frozen data.

Strategy: texts are read before they get here, so every field is a number, a name or a tuple of
them. Instants (``…_at``) are whole milliseconds since 1970-01-01T00:00:00Z, stretches are half
open, shifts and roles count from 0. Invariant: nothing here computes; ``fairness.py`` does.

Words: a *seat* is one role in one shift; a *load* is carried-over hours plus hours divided by
weight, so that half the weight means half the hours at the same load.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple

Strategy = Literal["round-robin", "fair"]

BUDGET_SECONDS = 1.5
"""So long a plan is looked for; the best found so far is then the answer."""


class Absence(NamedTuple):
    """``person`` cannot be on call in ``[start_at, end_at)``."""

    person: str
    start_at: int
    end_at: int
    reason: str | None = None


class Fixed(NamedTuple):
    """``person`` has that role in that shift, whatever else is asked for."""

    shift: int
    person: str
    role: int = 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who is to be shared out over which shifts, and under what conditions.

    ``boundaries`` ascend, one more than there are shifts. ``cycle`` is the order of turns; a name
    given twice takes two, and has twice the weight. ``weights`` are 1 where absent, ``carry_over``
    is milliseconds of load and 0 where absent. ``min_rest_ms`` of 0 and ``max_consecutive`` of 0
    ask for nothing. There is one seat a shift without ``roles``.
    """

    cycle: Sequence[str]
    boundaries: Sequence[int]
    timezone: str = "UTC"
    absences: Sequence[Absence] = ()
    weights: Mapping[str, Fraction] = field(default_factory=dict)
    carry_over: Mapping[str, int] = field(default_factory=dict)
    min_rest_ms: int = 0
    max_consecutive: int = 0
    roles: Sequence[str] = ()
    avoid_pairs: Sequence[tuple[str, str]] = ()
    fixed: Sequence[Fixed] = ()
    strategy: Strategy = "round-robin"


class Vacancy(NamedTuple):
    """A seat that nobody can take."""

    shift: int
    role: int


class Share(NamedTuple):
    """What one person carries: shifts (seats), and elapsed milliseconds."""

    person: str
    shifts: int
    total_ms: int
    weekend_ms: int
    night_ms: int


class Plan(NamedTuple):
    """Who has which seat, and how good that is.

    ``seats`` has one tuple a shift, one person or ``None`` a role. ``spread_ms`` is the largest
    load minus the smallest; no assignment with as few vacancies has less than ``lower_bound_ms``,
    and ``optimal`` says that vacancies and spread are both proven to be as low as can be.
    ``carry_over`` is each person's load above the smallest, in milliseconds; ``next_person`` has
    the turn after the last shift.
    """

    seats: Sequence[tuple[str | None, ...]]
    vacancies: Sequence[Vacancy]
    shares: Sequence[Share]
    spread_ms: Fraction
    lower_bound_ms: Fraction
    optimal: bool
    explanations: Sequence[str]
    carry_over: Mapping[str, int]
    next_person: str


@dataclass(frozen=True, slots=True)
class PlannedRotation:
    """A plan with what it was made of; handoffs are ``handoff_offset_ms`` after shifts end.

    ``zoned`` says whether local times were asked for.
    """

    wishes: Wishes
    plan: Plan
    shift_length_hours: float
    handoff_offset_hours: float
    handoff_offset_ms: int
    zoned: bool
