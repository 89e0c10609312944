"""People who join the team or leave it: they are not owed the time without them."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from app.engine.planning.request import FixedShift
from tests.engine.planning.test_planner import DAY, away, no_time, plan, team, who
from tests.support.plan_oracle import (
    HOUR,
    START,
    breaks_a_constraint,
    is_there,
    joining_team,
    least_objective,
    load_range,
    not_owed,
    staffing_of,
    turns_of,
    vacancies,
)
from tests.support.plans import plan_of


def day(number: int) -> int:
    return START + number * DAY


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("seed", range(80))
def test_it_is_the_best_of_all_assignments(seed: int, constrained: bool) -> None:
    request = joining_team(seed, constrained=constrained)
    found = plan_of(request, no_time)
    assert (len(found.vacancies), found.load_range_ms) == least_objective(request)
    assert found.optimal
    assert found.lower_bound_ms == found.load_range_ms


@pytest.mark.parametrize("strategy", ["fair", "round-robin"])
@pytest.mark.parametrize("seed", range(60))
def test_nobody_is_on_call_outside_of_their_time_and_the_figures_are_true(
    seed: int, strategy: Any
) -> None:
    request = replace(joining_team(seed, constrained=seed % 2 > 0), strategy=strategy)
    found = plan_of(request, no_time)
    staffing = staffing_of(found)
    assert not breaks_a_constraint(request, staffing)
    assert found.load_range_ms == load_range(request, staffing)
    assert len(found.vacancies) == vacancies(request, staffing)
    assert found.lower_bound_ms <= found.load_range_ms
    assert found.not_owed == (
        {
            name: not_owed(request, name, "hours")
            for name in dict.fromkeys(request.cycle)
            if name in request.joins or name in request.leaves
        }
        if request.joins or request.leaves
        else None
    )


@pytest.mark.parametrize("seed", range(40))
def test_turns_pass_among_those_who_are_there(seed: int) -> None:
    request = replace(
        joining_team(seed), strategy="round-robin", absences=[], fixed=[], carry_over={}
    )
    if request.roles:  # a name in two places of a shift would be owed a turn
        request = replace(request, cycle=list(dict.fromkeys(request.cycle)))
    found = plan_of(request, no_time)
    for shift, people in enumerate(staffing_of(found)):
        assert people == set(turns_of(request, shift))
    end = request.boundaries[-1]
    at_the_end = [
        name
        for name in request.cycle
        if request.joins.get(name, end) <= end < request.leaves.get(name, end + 1)
    ]
    assert found.next_person in (at_the_end or request.cycle)
    assert found.explanations == [line for line in found.explanations if "nobody" in line]


def test_who_joins_is_not_given_the_share_of_the_time_before() -> None:
    """In the second half everybody has as many, and she has no more."""
    found = plan(24, "abcz", joins={"z": day(12)})
    assert {each.person: each.shifts for each in found.workloads} == {
        "a": 7,
        "b": 7,
        "c": 7,
        "z": 3,
    }
    assert (found.load_range_ms, found.optimal, found.balanced) == (0, True, True)
    assert found.not_owed == {"z": 4 * DAY}
    assert who(found)[:12] == "abcabcabcabc"
    assert found.carry_over == dict.fromkeys("abcz", 0)


def test_who_leaves_has_had_a_fair_share_until_then() -> None:
    found = plan(24, "abcd", leaves={"d": day(12)})
    assert {each.person: each.shifts for each in found.workloads} == {
        "a": 7,
        "b": 7,
        "c": 7,
        "d": 3,
    }
    assert who(found)[:4] == "abcd"
    assert "d" not in who(found)[12:]
    assert (found.load_range_ms, found.optimal) == (0, True)


def test_turns_go_on_among_those_who_are_there_and_nothing_is_owed() -> None:
    found = plan(9, "abz", strategy="round-robin", joins={"z": day(3)}, leaves={"a": day(7)})
    assert who(found) == "ababzabzb"
    assert found.explanations == []


def test_weight_and_absence_count_within_the_time() -> None:
    half = {"z": Fraction(1, 2)}
    found = plan(25, "abz", joins={"z": day(5)}, weights=half, absences=[away("a", 0, 5)])
    shifts = {each.person: each.shifts for each in found.workloads}
    assert shifts == {"a": 10, "b": 11, "z": 4}  # a makes up for the absence, z for nothing
    assert found.optimal


@pytest.mark.parametrize(("given", "shifts"), [({}, 4), ({"z": 0}, 8)])
def test_who_joins_and_carries_nothing_has_not_done_less(given: Any, shifts: int) -> None:
    """A zero that is given is what it says: then there is something to make up for."""
    carried = {"a": 6 * DAY, "b": 6 * DAY, **given}
    found = plan(12, "abz", joins={"z": START}, carry_over=carried)
    assert found.workloads[2].shifts == shifts
    assert found.load_range_ms == 0


def test_a_gap_says_who_is_not_there() -> None:
    found = plan(
        3, "abc", joins={"a": day(1), "c": day(9)}, leaves={"b": day(2) - 1, "c": day(12)},
        absences=[away("a", 1, 2, "holiday")],
    )  # fmt: skip
    assert found.vacancy_reasons == [
        {"a": "is away (holiday)", "b": "has left (leaves)", "c": "has not joined yet (joins)"}
    ]
    assert found.vacancy_rules == ["absences", "joins", "leaves"]
    assert found.optimal


def test_a_shift_that_is_fixed_to_somebody_who_has_left_is_theirs() -> None:
    request = team(6, "abc", leaves={"c": day(2)}, fixed=[FixedShift(4, "c")])
    found = plan_of(request, no_time)
    assert who(found)[4] == "c"
    assert not is_there(request, "c", 4)
    assert found.not_owed == {"c": 3 * DAY // 2}
    assert (len(found.vacancies), found.load_range_ms) == least_objective(request)


def test_nobody_is_there_at_all() -> None:
    found = plan(2, "ab", joins={"a": day(7), "b": day(8)}, carry_over={"a": HOUR})
    assert who(found) == "--"
    assert found.next_person == "a"
    assert found.not_owed == {"a": 0, "b": 0}
    assert found.load_range_ms == 0


def test_weekends_before_are_not_owed_either() -> None:
    """The first weekends are those of others; later ones are shared by all."""
    found = plan(56, "abcz", joins={"z": day(28)})
    weekends = {each.person: each.weekend_ms // DAY for each in found.workloads}
    assert weekends["z"] == 2
    assert found.optimal
