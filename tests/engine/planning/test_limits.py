"""Upper limits of what one person has: shifts, hours and weekends."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from app.engine.planning.request import FixedShift, PersonLimits
from tests.engine.planning.test_planner import DAY, away, no_time, plan, team, who
from tests.support.plan_oracle import (
    HOUR,
    START,
    breaks_a_constraint,
    least_objective,
    limited_team,
    load_range,
    staffing_of,
    vacancies,
)
from tests.support.plans import plan_of


@pytest.mark.parametrize("seed", range(120))
def test_limits_of_shifts_and_hours_are_as_exact_as_without(seed: int) -> None:
    request = limited_team(seed)
    found = plan_of(request, no_time)
    assert (len(found.vacancies), found.load_range_ms) == least_objective(request)
    assert found.optimal


@pytest.mark.parametrize("weekends", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_with_constraints_it_is_the_best_where_it_says_so(seed: int, weekends: bool) -> None:
    request = limited_team(seed, constrained=not weekends or seed % 2 > 0, weekends=weekends)
    found = plan_of(request, no_time)
    assert (len(found.vacancies), found.load_range_ms) == least_objective(request)
    assert found.optimal  # these are so small that all assignments are tried


@pytest.mark.parametrize("strategy", ["fair", "round-robin"])
@pytest.mark.parametrize("seed", range(60))
def test_no_limit_is_exceeded_and_an_empty_slot_has_reasons(seed: int, strategy: Any) -> None:
    request = limited_team(seed, constrained=seed % 3 == 0, weekends=seed % 2 > 0)
    found = plan_of(replace(request, strategy=strategy), no_time)
    staffing = staffing_of(found)
    if not request.fixed:
        assert not breaks_a_constraint(request, staffing)
        for vacancy in found.vacancies:
            for person in {*request.cycle} - staffing[vacancy.shift]:
                with_them = list(staffing)
                with_them[vacancy.shift] |= {person}
                assert breaks_a_constraint(request, with_them), (vacancy, person)
    assert found.load_range_ms == load_range(request, staffing)
    assert len(found.vacancies) == vacancies(request, staffing)
    best = least_objective(request)
    if found.optimal:
        assert (len(found.vacancies), found.load_range_ms) == best
    if len(found.vacancies) == best[0]:
        assert found.lower_bound_ms <= best[1]


def test_hours_above_a_limit_go_to_others_and_the_first_ones_are_kept() -> None:
    found = plan(24, "abcd", limits={"a": PersonLimits(shifts=3)})
    assert {each.person: each.shifts for each in found.workloads} == {
        "a": 3,
        "b": 7,
        "c": 7,
        "d": 7,
    }
    assert (found.optimal, found.vacancies) == (True, [])
    assert any("instead of a, who has 3 of at most 3 shifts" in line for line in found.explanations)


def test_limits_that_leave_no_room_leave_the_last_shifts_empty_and_say_so() -> None:
    limits = {"a": PersonLimits(shifts=2), "b": PersonLimits(total_ms=50 * HOUR)}
    found = plan(6, "ab", limits=limits)
    assert who(found) == "abab--"
    assert found.vacancy_reasons[0] == {
        "a": "has 2 of at most 2 shifts (limits)",
        "b": "has 48h of at most 50h (limits)",
    }
    assert found.vacancy_rules == ["limits"]
    assert (found.load_range_ms, found.optimal) == (0, True)


def test_a_weekend_counts_once() -> None:
    """The rotation begins on a Thursday: shifts 3 and 4 are the first weekend."""
    found = plan(17, "ab", limits={"a": PersonLimits(weekends=0), "b": PersonLimits(weekends=1)})
    people = who(found)
    assert set(people[9:11]) | set(people[2:4]) | set(people[16:]) == {"b", "-"}
    assert people.count("-") == 3
    assert found.vacancy_reasons[-1] == {
        "a": "has 0 of at most 0 weekends (limits)",
        "b": "has 1 of at most 1 weekends (limits)",
    }


def test_in_turns_who_has_all_is_passed_over_and_owed_nothing() -> None:
    limits = {"a": PersonLimits(shifts=1), "b": PersonLimits(total_ms=2 * DAY)}
    found = plan(9, "abc", strategy="round-robin", limits=limits)
    assert who(found) == "abcbccccc"
    assert found.explanations[:2] == [
        "Shift 4: b instead of a, who has 1 of at most 1 shifts.",
        "Shift 6: c instead of a, who has 1 of at most 1 shifts and b, who has 48h of at most 48h.",
    ]
    mixed = plan(6, "abc", strategy="round-robin", limits={"a": limits["a"]},
                 absences=[away("b", 3, 4)])  # fmt: skip
    why = "a, who has 1 of at most 1 shifts and b, who is away; the turn is owed back"
    assert mixed.explanations[0] == f"Shift 4: c instead of {why}."


def test_a_fixed_shift_stands_beyond_a_limit_and_counts() -> None:
    fixed = [FixedShift(0, "a"), FixedShift(3, "a")]
    for limits in (PersonLimits(shifts=1), PersonLimits(total_ms=DAY)):
        found = plan(6, "abc", fixed=fixed, limits={"a": limits})
        assert [each.shifts for each in found.workloads] == [2, 2, 2]
        assert found.optimal


def test_hours_of_shifts_of_several_lengths_that_leave_no_room() -> None:
    """Which shifts are empty matters for loads then: all of them are tried."""
    boundaries = [START, START + DAY, START + 2 * DAY, START + 4 * DAY]
    limits = {"a": PersonLimits(total_ms=DAY), "b": PersonLimits(shifts=1)}
    found = plan(people="ab", boundaries=boundaries, limits=limits)
    assert (len(found.vacancies), found.optimal) == (1, True)
    found = plan(people="a", boundaries=boundaries, limits={"a": PersonLimits(total_ms=2 * DAY)})
    assert (len(found.vacancies), found.optimal) == (1, True)


def test_time_that_is_over_exceeds_no_limit() -> None:
    limits = {"a": PersonLimits(shifts=3, total_ms=60 * HOUR), "b": PersonLimits(weekends=1)}
    for ticks in (0, 5, 50, 400):
        clock = count()
        boundaries = [START + day * DAY - (day > 9) * HOUR for day in range(31)]
        found = plan_of(
            team(people="abcd", boundaries=boundaries, limits=limits),
            lambda clock=clock: float(next(clock)), budget_seconds=ticks,
        )  # fmt: skip
        by_name = {each.person: each for each in found.workloads}
        assert by_name["a"].shifts <= 2
        assert not found.vacancies
