"""What CP-SAT finds of rotations is the best of all assignments, by either of its programs."""

from dataclasses import replace

import pytest

from app.engine.planning.assignment import Assignment
from app.engine.planning.constraints import Constraints
from app.engine.planning.flow import Solution
from app.engine.planning.problem import assignment_problem
from app.engine.planning.request import FixedShift, PersonLimits, PlanningRequest
from app.engine.planning.vacancies import fewest_vacancies
from app.solver import rotation
from app.solver.rotation import solve_rotation
from tests.support.plan_oracle import (
    HOUR,
    START,
    least_objective,
    limited_team,
    small_team,
)

DAY = 24 * HOUR
SECONDS = 1.0


def nothing(request: PlanningRequest) -> Solution:
    """The assignment of what is fixed alone, of which nothing is known."""
    problem = assignment_problem(request)
    return Solution(Assignment(problem, problem.fixed_shifts), 0, full=False)


def value(solution: Solution) -> tuple[int, float]:
    """Vacancies, those of absences included, and the load range in milliseconds."""
    problem = solution.assignment.problem
    places = problem.slots_per_shift * len(problem.lengths)
    held = sum(mask.bit_count() for mask in solution.assignment.held)
    return places - held, solution.assignment.load_range / problem.scale


@pytest.mark.parametrize("seed", range(60))
def test_without_a_hint_it_finds_the_best_and_proves_it(seed: int) -> None:
    request = small_team(seed, constrained=True)
    begun = nothing(request)
    found = solve_rotation(begun, Constraints(begun.assignment.problem), None, SECONDS)
    assert found.proven
    assert value(found) == least_objective(request)


@pytest.mark.parametrize("seed", range(60))
def test_by_the_ways_to_the_fewest_vacancies_it_finds_the_same(seed: int) -> None:
    request = small_team(seed, constrained=True)
    constraints = Constraints(assignment_problem(request))
    ways = fewest_vacancies(constraints, 1_000)
    assert ways is not None
    some = solve_rotation(nothing(request), constraints, None, SECONDS)
    begun = Solution(some.assignment, 0, full=True)
    found = solve_rotation(begun, constraints, ways, SECONDS)
    assert found.proven
    assert value(found) == least_objective(request)


@pytest.mark.parametrize("seed", range(60))
def test_limits_are_kept(seed: int) -> None:
    request = limited_team(seed, constrained=True, weekends=True)
    begun = nothing(request)
    found = solve_rotation(begun, Constraints(begun.assignment.problem), None, SECONDS)
    assert found.proven
    assert value(found) == least_objective(request)


def daily(shifts: int, people: str, **changes: object) -> PlanningRequest:
    boundaries = range(START, START + shifts * DAY + 1, DAY)
    request = PlanningRequest(list(people), boundaries, strategy="fair")
    return replace(request, **changes)  # type: ignore[arg-type]


def test_who_has_too_many_weekends_for_certain_has_no_more_of_their_shifts() -> None:
    """It begins on a Thursday: shifts 1 to 3 and 8 to 10 meet weekends."""
    limits = {"a": PersonLimits(weekends=1)}
    fixed = [FixedShift(2, "a"), FixedShift(9, "a")]
    begun = nothing(daily(14, "ab", fixed=fixed, limits=limits))
    found = solve_rotation(begun, Constraints(begun.assignment.problem), None, SECONDS)
    held = found.assignment.held[0]
    assert [shift for shift in range(14) if held >> shift & 1 and shift in {1, 3, 8, 10}] == []
    assert found.assignment.counts() == [7, 7]


@pytest.mark.parametrize("shifts", [14, 15])
def test_a_solution_that_is_as_good_is_kept(shifts: int) -> None:
    problem = assignment_problem(daily(shifts, "ab", min_rest_ms=HOUR))
    turns = Assignment(problem, problem.cycle_shifts)
    found = solve_rotation(Solution(turns, 0, full=True), Constraints(problem), None, SECONDS)
    assert found.assignment is turns
    assert found.proven


def test_what_is_too_large_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = nothing(daily(14, "ab", min_rest_ms=HOUR))
    monkeypatch.setattr(rotation, "MOST_CHOICES", 27)
    assert solve_rotation(begun, Constraints(begun.assignment.problem), None, SECONDS) is begun
    monkeypatch.setattr(rotation, "MOST_CHOICES", 28)
    assert solve_rotation(begun, Constraints(begun.assignment.problem), None, SECONDS).full
    huge = nothing(daily(14, "ab", min_rest_ms=HOUR, carry_over={"a": 1 << 53, "b": 1}))
    assert solve_rotation(huge, Constraints(huge.assignment.problem), None, SECONDS) is huge


def test_without_time_nothing_is_worse() -> None:
    problem = assignment_problem(daily(14, "abc", min_rest_ms=HOUR))
    turns = Assignment(problem, problem.cycle_shifts)
    found = solve_rotation(Solution(turns, 0, full=False), Constraints(problem), None, 0.0)
    assert (found.assignment, found.bound) == (turns, 0)
