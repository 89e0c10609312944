"""Published instances: how they are read, and that our model means what their statements say."""

import json
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

from app.engine.roster.objectives import values_of
from app.solver.roster import solve_roster
from bench.roster_instances import Instance, on_call_instance, parsed, shift_instance

ON_CALL = """
num_staff = 3;
work_load = [100, 50, 100];
num_days = 7;  % a comment; with = signs
unavailable = [
    {1},
    {},
    {4, 5}
];
fixed = [{}, {2}, {}];
weekend_offset = 2;
adj_days_str = 1;
wed_before_weekend_str = 2;
"""

SHIFTS = {
    "n_shifts": 4,
    "contract": [10, 4, 0],
    "employee_expertises": [{"set": [1, 2]}, {"set": [1]}, {"set": [2]}],
    "start_time": [0, 0, 6, 8],
    "stop_time": [5, 5, 12, 10],
    "req_expertise": [1, 1, 2, 1],
    "time_units_per_hour": 4,
}


@pytest.fixture
def on_call(tmp_path: Path) -> Instance:
    path = tmp_path / "small.dzn"
    path.write_text(ON_CALL)
    return on_call_instance(parsed(path))


@pytest.fixture
def shifts(tmp_path: Path) -> Instance:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SHIFTS))
    return shift_instance(parsed(path))


def worths(instance: Instance, people: int) -> list[int]:
    """Return the worth of every assignment that the set's statement allows."""
    found = []
    choices = [None, *range(people)]
    for who in product(choices, repeat=len(instance.roster.slots)):
        try:
            found.append(instance.worth(tuple((person,) for person in who)))
        except AssertionError:
            continue
    return found


def test_the_best_cost_is_that_of_every_possible_roster(on_call: Instance) -> None:
    solution = solve_roster(on_call.roster, 5.0)
    assert all(proof.optimal for proof in solution.proofs)
    assert on_call.worth(solution.assignment) == min(worths(on_call, 3))
    assert on_call.bound(solution.proofs[-1].bound) == min(worths(on_call, 3))


def test_the_best_worth_is_that_of_every_possible_roster(shifts: Instance) -> None:
    solution = solve_roster(shifts.roster, 5.0)
    assert all(proof.optimal for proof in solution.proofs)
    assert shifts.worth(solution.assignment) == max(worths(shifts, 3))
    assert shifts.bound(solution.proofs[-1].bound) == max(worths(shifts, 3))


def test_the_cost_is_our_objective_for_every_roster_that_is_allowed(on_call: Instance) -> None:
    allowed = 0
    for who in product(range(3), repeat=7):
        assignment = tuple((person,) for person in who)
        try:
            cost = on_call.worth(assignment)
        except AssertionError:
            continue
        allowed += 1
        assert values_of(on_call.roster, assignment) == (Fraction(0), Fraction(cost))
    assert allowed > 3
