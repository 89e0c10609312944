"""Rotations too large to try everything: searches keep constraints and claim no more than is so."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget
from app.engine.planning.boundaries import boundaries_of
from app.engine.planning.constraints import Constraints
from app.engine.planning.initial import cycle_assignment, least_loaded_assignment
from app.engine.planning.local_search import local_search
from app.engine.planning.min_spread import minimise_load_range
from app.engine.planning.objective import Objective, objective_of
from app.engine.planning.planner import plan_of
from app.engine.planning.problem import assignment_problem
from app.engine.planning.request import Absence, PlanningRequest
from app.engine.walltime import clock_of
from tests.support.plan_oracle import HOUR, START, breaks_a_constraint, load_range, staffing_of

DAY = 24 * HOUR


def no_time() -> float:
    return 0.0


def budget(steps: int = 1_000_000) -> SearchBudget:
    return SearchBudget(no_time, 1.0, steps)


def constrained_team(seed: int) -> PlanningRequest:
    """Make a rotation of some 40 shifts for a few people often away, under some constraints."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    names = [f"p{number}" for number in range(random.randint(3, 7))]
    shifts = random.randint(15, 60)
    boundaries = range(START, START + shifts * DAY + 1, DAY)
    absences = []
    for name in names * random.randint(1, 4):
        first = random.randrange(shifts)
        start = START + first * DAY
        absences.append(Absence(name, start, start + random.randint(1, 6) * DAY))
    return PlanningRequest(
        names,
        boundaries,
        absences=absences,
        weights={name: Fraction(random.choice([1, 1, 2]), 2) for name in names},
        min_rest_ms=random.choice([0, 24, 48]) * HOUR,
        max_consecutive=random.choice([0, 1, 2]),
        roles=("first", "second") if random.random() < 0.5 else (),
        avoid_pairs=[(names[0], names[1])],
        strategy="fair",
    )


@pytest.mark.parametrize("seed", range(40))
def test_constraints_are_kept_figures_are_true_and_round_robin_is_no_better(seed: int) -> None:
    request = constrained_team(seed)
    found = plan_of(request, no_time)
    assert not breaks_a_constraint(request, staffing_of(found))
    assert found.load_range_ms == load_range(request, staffing_of(found)) >= found.lower_bound_ms
    turns = plan_of(replace(request, strategy="round-robin"), no_time)
    value = (len(found.vacancies), found.load_range_ms)
    assert value <= (len(turns.vacancies), turns.load_range_ms)


@pytest.mark.parametrize("steps", [0, 50, 500, 5_000])
@pytest.mark.parametrize("seed", range(8))
def test_a_search_that_is_ended_early_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, seed: int, steps: int
) -> None:
    for name in ("PROOF_STEPS", "REPAIR_STEPS", "LOCAL_SEARCH_STEPS"):
        monkeypatch.setattr(f"app.engine.planning.planner.{name}", steps)
    request = constrained_team(seed)
    found = plan_of(request, no_time)
    assert not breaks_a_constraint(request, staffing_of(found))
    assert found.lower_bound_ms <= found.load_range_ms


# --- shifts of many lengths -----------------------------------------------------------------


def of_lengths(hours: list[int], people: str, **changes: object) -> PlanningRequest:
    boundaries = [START]
    for length in hours:
        boundaries.append(boundaries[-1] + length * HOUR)
    request = PlanningRequest(list(people), boundaries, strategy="fair")
    return replace(request, **changes)  # type: ignore[arg-type]


def test_half_a_year_a_shift_makes_more_odd_shifts_than_are_tried() -> None:
    halves = boundaries_of(clock_of("Europe/Berlin"), START, 150, 182 * DAY)
    request = PlanningRequest(list("abcdefg"), halves, timezone="Europe/Berlin", strategy="fair")
    assert len({end - start for start, end in pairwise(halves)}) == 3
    found = plan_of(request, no_time)
    assert found.lower_bound_ms <= found.load_range_ms
    assert not found.vacancies


def test_lengths_that_add_up_to_anything_leave_it_unproven() -> None:
    lengths = [24, *(24 + 2**power for power in range(12))]
    found = plan_of(of_lengths(lengths, "abc"), no_time)
    assert (found.optimal, found.lower_bound_ms) == (False, 0)


def test_long_and_short_shifts_are_swapped_even_when_nothing_is_proven() -> None:
    problem = assignment_problem(of_lengths([24, 24, 30, 30], "ab", absences=[]))
    assignment = Assignment(problem, [0b0011, 0b1100])
    found = minimise_load_range(assignment, budget())
    assert (found.assignment.load_range, found.lower_bound) == (0, 0)


# --- parts ----------------------------------------------------------------------------------


def test_a_search_budget_ends_by_steps_or_by_time() -> None:
    with pytest.raises(BudgetExhausted):
        budget(3).spend(4)
    with pytest.raises(BudgetExhausted):
        SearchBudget(lambda: 2.0, 1.0, 100).spend(1)
    budget(3).with_steps(9).spend(9)


def test_the_objective_in_order() -> None:
    problem = assignment_problem(of_lengths([24] * 4, "abc"))
    assignment = Assignment(problem, [0b0011, 0b0100, 0])  # 4 June 2026 is a Thursday
    assert objective_of(assignment) == Objective(
        vacancies=1,
        load_range=48 * HOUR,
        holidays=0,
        unsocial=24 * HOUR + 16 * HOUR,
        consecutive=1,
        deviations=2,
        early=0b0111,
        distance=0,
    )


@pytest.mark.parametrize("seed", range(10))
def test_local_search_lowers_what_comes_after_the_load_range_and_nothing_before(seed: int) -> None:
    problem = assignment_problem(
        replace(constrained_team(seed), min_rest_ms=0, max_consecutive=0, avoid_pairs=())
    )
    assignment = minimise_load_range(cycle_assignment(problem), budget()).assignment
    before = objective_of(assignment)
    after = objective_of(local_search(assignment, Constraints(problem), budget()))
    assert after[:2] == before[:2]
    assert after <= before


def test_the_least_loaded_person_comes_first() -> None:
    problem = assignment_problem(of_lengths([24] * 4, "abc", carry_over={"a": 30 * HOUR}))
    assert least_loaded_assignment(problem).held == [0, 0b0101, 0b1010]
