"""The fewest vacancies, counted by who can follow whom, are those of all assignments tried."""

from dataclasses import replace
from time import process_time

import pytest

from app.engine.planning import vacancies
from app.engine.planning.assignment import Assignment
from app.engine.planning.constraints import Constraints
from app.engine.planning.problem import assignment_problem
from app.engine.planning.request import Absence, FixedShift, PersonLimits, PlanningRequest
from app.engine.planning.vacancies import (
    FewestVacancies,
    assignment_near,
    fewest_vacancies,
    most_shifts,
)
from tests.support.plan_oracle import HOUR, START, all_staffings, least_objective, small_team
from tests.support.plan_oracle import vacancies as vacancies_of
from tests.support.plans import plan_of

DAY = 24 * HOUR
MANY = 1_000


def found_for(request: PlanningRequest) -> tuple[FewestVacancies, int]:
    """Return what was found, and how many vacancies that is with those of absences."""
    problem = assignment_problem(request)
    found = fewest_vacancies(Constraints(problem), MANY)
    assert found is not None
    unavoidable = problem.slots_per_shift * len(problem.demand) - sum(problem.demand)
    return found, unavoidable + found.count


@pytest.mark.parametrize("seed", range(120))
def test_they_are_the_fewest_of_all_assignments(seed: int) -> None:
    request = small_team(seed, constrained=True)
    assert found_for(request)[1] == least_objective(request)[0]


@pytest.mark.parametrize("seed", range(60))
def test_the_ways_are_all_assignments_with_so_few(seed: int) -> None:
    request = small_team(seed, constrained=True)
    found, fewest = found_for(request)
    names = list(dict.fromkeys(request.cycle))
    ways = [((), [])]
    for steps in found.steps:
        ways = [
            (reached, [*before, holders])
            for state, before in ways
            for begin, holders, reached in steps
            if begin == state
        ]
    expected = {
        tuple(sum(1 << names.index(name) for name in people) for people in staffing)
        for staffing in all_staffings(request)
        if vacancies_of(request, staffing) == fewest
    }
    assert {tuple(holders) for _, holders in ways} == expected
    assert len(ways) == len(expected), "each of them once"


@pytest.mark.parametrize("seed", range(60))
def test_fixed_shifts_stand_and_no_assignment_has_fewer(seed: int) -> None:
    request = small_team(seed, constrained=True)
    name = request.cycle[0]
    request = replace(request, fixed=[FixedShift(0, name), FixedShift(1, name)])
    if len(request.boundaries) < 3:
        return
    found, fewest = found_for(request)
    assert all(holders & 1 for steps in found.steps[:2] for _, holders, _ in steps)
    assert fewest <= least_objective(request)[0]


def test_more_steps_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    constraints = Constraints(assignment_problem(small_team(7, constrained=True)))
    assert fewest_vacancies(constraints, MANY) is not None
    monkeypatch.setattr(vacancies, "MOST_STEPS", 3)
    assert fewest_vacancies(constraints, MANY) is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"min_rest_ms": 25 * HOUR, "avoid_pairs": [("p0", "p1")]}, id="constrained"),
        pytest.param({"role_order": "staggered"}, id="staggered"),
    ],
)
def test_a_large_team_is_not_looked_at_group_by_group(changes: dict[str, object]) -> None:
    """Of a hundred people 75 million groups could hold five places: they are not listed."""
    names, roles = [f"p{number}" for number in range(100)], ("a", "b", "c", "d", "e")
    away = [Absence(name, START, START + 3 * DAY) for name in names[:97]]
    asked = replace(daily(12, "x", roles=roles, absences=away, **changes), cycle=names)
    constraints = Constraints(assignment_problem(asked))
    assert fewest_vacancies(constraints, 5) is None
    begun = process_time()
    plan_of(asked, lambda: 0.0)
    assert process_time() - begun < 20, "it would not end within hours"


def daily(shifts: int, people: str, **changes: object) -> PlanningRequest:
    boundaries = range(START, START + shifts * DAY + 1, DAY)
    request = PlanningRequest(list(people), boundaries, strategy="fair")
    return replace(request, **changes)  # type: ignore[arg-type]


def test_the_way_that_is_most_like_another_assignment() -> None:
    problem = assignment_problem(daily(5, "abc", max_consecutive=1))
    found = fewest_vacancies(Constraints(problem), MANY)
    assert found is not None
    broken = Assignment(problem, [0b00111, 0b01000, 0])  # three in a row, and the last is empty
    near = assignment_near(found, broken)
    assert sum(mask.bit_count() for mask in near.held) == 5
    assert near.held[0] & 0b00101 == 0b00101
    kept = Assignment(problem, [0b10101, 0b01010, 0])
    assert assignment_near(found, kept).held == kept.held


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        pytest.param({}, 9, id="all"),
        pytest.param({"min_rest_ms": HOUR}, 5, id="rest"),
        pytest.param({"min_rest_ms": 25 * HOUR}, 3, id="more-rest"),
        pytest.param({"max_consecutive": 2}, 6, id="runs"),
        pytest.param({"max_consecutive": 1, "fixed": [FixedShift(1, "a")]}, 6, id="fixed-beside"),
        pytest.param({"limits": {"a": PersonLimits(shifts=4)}}, 4, id="limit"),
        pytest.param(
            {"limits": {"a": PersonLimits(shifts=0)}, "fixed": [FixedShift(1, "a")]},
            1,
            id="fixed-beyond-a-limit",
        ),
    ],
)
def test_the_most_shifts_of_one_person(changes: dict[str, object], most: int) -> None:
    assert most_shifts(assignment_problem(daily(9, "abc", **changes)), 0) == most
