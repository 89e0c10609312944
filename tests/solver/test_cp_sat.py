"""The wrapper of CP-SAT: what its messages mean to the solver."""

import pytest

from app.solver.cp_sat import INT_MAX, MOST, Model


def test_a_sum_is_minimised_within_its_bounds() -> None:
    model = Model()
    flag, count = model.boolean(), model.integer(0, 10)
    model.linear([(flag, 3), (count, 1)], 5, INT_MAX)
    model.minimise([(flag, 1), (count, 2)])
    found = model.solve(1.0)
    assert (found.status, list(found.values), found.bound) == ("optimal", [1, 2], 5)


def test_bounds_can_be_changed_between_searches() -> None:
    model = Model()
    count = model.integer(0, 10)
    model.minimise([(count, -1)])
    model.set_bounds(count, 0, 4)
    assert model.bounds(count) == (0, 4)
    assert model.solve(1.0).values == [4]
    model.linear([(count, 1)], 5, 9)
    assert model.solve(1.0).status == "infeasible"
    model.set_bounds(count, 0, 10)
    assert model.solve(1.0).values == [9]


def test_without_an_objective_anything_allowed_is_found() -> None:
    model = Model()
    one, other = model.boolean(), model.boolean()
    model.at_most_one([one, other])
    model.linear([(one, 1), (other, 1)], 1, 2)
    model.minimise([])
    found = model.solve(1.0)
    assert sum(found.values) == 1


def test_hints_are_completed_by_what_follows_from_them() -> None:
    model = Model()
    one = model.integer(0, 9)
    double = model.derive(model.integer(0, 18), lambda values: 2 * values[one])
    model.linear([(double, 1), (one, -2)], 0, 0)
    assert model.range_of([(one, -1), (double, 2)]) == (-9, 36)
    values = model.completed([3])
    assert values == [3, 6]
    model.hint(values)
    model.minimise([(one, -1)])
    assert model.solve(1.0).values == [9, 18]


def test_numbers_that_floats_cannot_tell_are_refused() -> None:
    assert Model().integer(-MOST, MOST) == 0
    with pytest.raises(OverflowError):
        Model().integer(0, MOST + 1)
