"""Planned rotations: as good as any assignment there is, and honest about it."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import count, pairwise
from random import Random
from typing import Any

import pytest

from app.engine.planning.boundaries import boundaries_of
from app.engine.planning.request import Absence, FixedShift, Plan, PlanningRequest, Vacancy
from app.engine.walltime import clock_of
from tests.support.plan_oracle import (
    HOUR,
    START,
    breaks_a_constraint,
    least_objective,
    load_range,
    small_team,
    staffing_of,
    vacancies,
)
from tests.support.plans import plan_of

DAY = 24 * HOUR
JANUARY = 1_767_225_600_000
"""2026-01-01T00:00:00.000Z"""


def no_time() -> float:
    """Tell the time on a timer that stands still."""
    return 0.0


def team(shifts: int = 6, people: str = "abc", **changes: Any) -> PlanningRequest:
    """Make the request for a fair rotation of days."""
    request: dict[str, Any] = {
        "cycle": list(people),
        "boundaries": range(START, START + shifts * DAY + 1, DAY),
        "strategy": "fair",
    }
    return PlanningRequest(**{**request, **changes})


def plan(shifts: int = 6, people: str = "abc", **changes: Any) -> Plan:
    return plan_of(team(shifts, people, **changes), no_time)


def away(person: str, first: int, last: int, reason: str | None = None) -> Absence:
    """Make an absence over the shifts ``[first, last)``."""
    return Absence(person, START + first * DAY, START + last * DAY, reason)


def who(found: Plan) -> str:
    return "".join(people[0] or "-" for people in found.slots)


# --- as good as can be ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(150))
def test_without_constraints_it_is_the_best_of_all_assignments(seed: int) -> None:
    request = small_team(seed)
    found = plan_of(request, no_time)
    assert (len(found.vacancies), found.load_range_ms) == least_objective(request)
    assert found.lower_bound_ms == found.load_range_ms
    assert found.optimal


@pytest.mark.parametrize("seed", range(100))
def test_with_constraints_it_is_the_best_where_it_says_so(seed: int) -> None:
    request = small_team(seed, constrained=True)
    found = plan_of(request, no_time)
    assert found.optimal
    assert (len(found.vacancies), found.load_range_ms) == least_objective(request)


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("strategy", ["fair", "round-robin"])
@pytest.mark.parametrize("seed", range(40))
def test_no_constraint_is_broken_and_the_figures_are_those_of_the_slots(
    seed: int, strategy: Any, constrained: bool
) -> None:
    request = replace(small_team(seed, constrained=constrained), strategy=strategy)
    found = plan_of(request, no_time)
    staffing = staffing_of(found)
    assert not breaks_a_constraint(request, staffing)
    assert found.load_range_ms == load_range(request, staffing)
    assert len(found.vacancies) == vacancies(request, staffing)
    assert found.lower_bound_ms <= found.load_range_ms


@pytest.mark.parametrize("strategy", ["fair", "round-robin"])
def test_a_slot_stays_empty_only_if_nobody_can_take_it(strategy: Any) -> None:
    """The answer says so of an empty slot, whether shifts are fixed or not."""
    looked_at = 0
    for seed in range(600):
        request = small_team(seed, constrained=True)
        random = Random(seed)  # noqa: S311 - seeded, and no secret
        shifts = len(request.boundaries) - 1
        fixed = [
            FixedShift(shift, random.choice(request.cycle))
            for shift in random.sample(range(shifts), k=min(shifts, random.randint(0, 2)))
        ]
        found = plan_of(replace(request, strategy=strategy, fixed=fixed), no_time)
        staffing = staffing_of(found)
        if breaks_a_constraint(request, staffing):  # as somebody fixed it
            continue
        for vacancy in found.vacancies:
            for person in {*request.cycle} - staffing[vacancy.shift]:
                looked_at += 1
                with_them = list(staffing)
                with_them[vacancy.shift] |= {person}
                assert breaks_a_constraint(request, with_them), (seed, fixed, vacancy, person)
    assert looked_at > 500


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_a_round_robin_says_how_far_it_is_from_the_best(seed: int, constrained: bool) -> None:
    request = replace(small_team(seed, constrained=constrained), strategy="round-robin")
    found = plan_of(request, no_time)
    best = least_objective(request)
    if found.optimal:
        assert (len(found.vacancies), found.load_range_ms) == best
    if len(found.vacancies) == best[0]:
        assert found.lower_bound_ms <= best[1]


def test_the_same_request_gets_the_same_plan() -> None:
    request = small_team(7)
    assert plan_of(request, no_time) == plan_of(request, no_time)


@pytest.mark.parametrize("seed", range(25))
def test_other_names_only_change_the_names(seed: int) -> None:
    request = small_team(seed)
    names = {name: f"z{9 - int(name[1])}" for name in request.cycle}
    renamed = replace(
        request,
        cycle=[names[name] for name in request.cycle],
        absences=[item._replace(person=names[item.person]) for item in request.absences],
        weights={names[name]: weight for name, weight in request.weights.items() if name in names},
        carry_over={names[name]: ms for name, ms in request.carry_over.items() if name in names},
        fixed=[item._replace(person=names[item.person]) for item in request.fixed],
    )
    found, other = plan_of(request, no_time), plan_of(renamed, no_time)
    assert other.slots == [
        tuple(person and names[person] for person in people) for people in found.slots
    ]


@pytest.mark.parametrize("seed", range(25))
def test_another_order_of_people_is_as_fair(seed: int) -> None:
    request = small_team(seed)
    found = plan_of(request, no_time)
    other = plan_of(replace(request, cycle=request.cycle[::-1]), no_time)
    assert (len(other.vacancies), other.load_range_ms) == (
        len(found.vacancies),
        found.load_range_ms,
    )


# --- one condition at a time ----------------------------------------------------------------


def test_without_conditions_it_is_the_cycle() -> None:
    found = plan(6, "abc")
    assert (who(found), found.explanations) == ("abcabc", [])


def test_an_absent_person_is_replaced_and_it_is_explained() -> None:
    found = plan(6, "abc", absences=[away("b", 1, 2, "holiday")])
    assert found.slots[1] != ("b",)
    assert [workload.shifts for workload in found.workloads] == [2, 2, 2]
    assert "who is away (holiday)" in found.explanations[0]


def test_a_shift_that_nobody_can_take_is_a_gap() -> None:
    found = plan(4, "ab", absences=[away("a", 1, 3), away("b", 2, 4)])
    assert [people[0] for people in found.slots][2] is None
    assert found.vacancies == [Vacancy(2, 0)]
    assert "Shift 3: nobody can take it: a is away, b is away." in found.explanations
    assert found.vacancy_reasons == [{"a": "is away", "b": "is away"}]
    assert found.vacancy_rules == ["absences"]
    assert found.optimal


def test_everybody_away_all_the_time() -> None:
    found = plan(3, "ab", absences=[away("a", 0, 3), away("b", 0, 3)])
    assert who(found) == "---"
    assert (found.load_range_ms, found.optimal) == (0, True)


def test_half_the_weight_is_half_the_hours() -> None:
    found = plan(6, "abc", weights={"a": Fraction(1, 2), "b": Fraction(1), "c": Fraction(3, 2)})
    assert [workload.shifts for workload in found.workloads] == [1, 2, 3]
    assert found.load_range_ms == 0


def test_a_name_given_twice_takes_twice_the_hours() -> None:
    assert [workload.shifts for workload in plan(6, "aab").workloads] == [4, 2]


def test_a_person_who_has_carried_more_gets_less() -> None:
    found = plan(4, "abc", carry_over={"a": 48 * HOUR})
    assert [workload.shifts for workload in found.workloads] == [0, 2, 2]
    assert found.carry_over == {"a": 0, "b": 0, "c": 0}


def test_roles_are_shared_by_different_people_in_turn() -> None:
    found = plan(6, "ab", roles=("primary", "secondary"))
    assert [people[0] for people in found.slots].count("a") == 3
    assert all(set(people) == {"a", "b"} for people in found.slots)


def test_too_few_people_for_the_roles_leave_the_last_empty() -> None:
    found = plan(2, "a", roles=("primary", "secondary"))
    assert found.slots == [("a", None), ("a", None)]
    assert found.explanations[0] == "Shift 1: nobody can be secondary: a has another role in it."


def test_a_fixed_shift_stands_even_when_away() -> None:
    found = plan(6, "abc", fixed=[FixedShift(0, "c")], absences=[away("c", 0, 1)])
    assert who(found)[0] == "c"
    assert found.explanations[0] == "Shift 1: c instead of a, as fixed."
    assert found.optimal


def test_a_fixed_role_stands() -> None:
    roles = ("primary", "secondary")
    found = plan(3, "abc", roles=roles, fixed=[FixedShift(0, "a", 1), FixedShift(0, "b", 0)])
    assert found.slots[0] == ("b", "a")


def test_weekends_are_shared_out() -> None:
    request = team(28, "abcdefg")  # in turn, one and the same person has all Saturdays
    found = plan_of(request, no_time)
    weekends = [workload.weekend_ms // DAY for workload in found.workloads]
    assert (max(weekends), min(weekends), found.load_range_ms) == (2, 1, 0)


def holidays_of(found: Plan) -> dict[str, int]:
    return {workload.person: workload.holiday_ms // HOUR for workload in found.workloads}


def test_holidays_are_shared_out_before_weekends() -> None:
    """Of ten weekdays and two weekends, two days a week are holidays that the cycle gives to b."""
    days = [1, 4, 7, 10]
    holidays = [(START + day * DAY, START + (day + 1) * DAY) for day in days]
    in_turns = plan(12, "abc", holidays=holidays, strategy="round-robin")
    fair = plan(12, "abc", holidays=holidays)
    assert holidays_of(in_turns) == {"a": 0, "b": 96, "c": 0}
    assert sorted(holidays_of(fair).values()) == [24, 24, 48]
    assert {workload.shifts for workload in fair.workloads} == {4}


def test_holidays_carried_over_are_made_up_for() -> None:
    holidays = [(START + 2 * DAY, START + 4 * DAY)]
    found = plan(6, "abc", holidays=holidays, carried_holidays={"a": 48 * HOUR, "c": 24 * HOUR})
    assert holidays_of(found) == {"a": 0, "b": 24, "c": 24}
    assert found.carried_holidays == {"a": 24 * HOUR, "b": 0, "c": 24 * HOUR}


def test_who_joins_owes_no_holidays() -> None:
    holidays = [(START, START + 4 * DAY)]
    found = plan(8, "abz", holidays=holidays, joins={"z": START + 4 * DAY})
    assert holidays_of(found) == {"a": 48, "b": 48, "z": 0}
    assert set(found.carried_holidays.values()) == {0}


def test_staggered_roles_share_out_holidays() -> None:
    """Stints of two shifts: those over the holidays go to two people."""
    holidays = [(START + day * DAY, START + (day + 1) * DAY) for day in (0, 3, 6, 9)]
    roles = {"roles": ("first", "second"), "role_order": "staggered"}
    found = plan(12, "abc", holidays=holidays, **roles)
    without = plan(12, "abc", **roles)
    spread = [
        max(each) - min(each)
        for each in (
            list(holidays_of(found).values()),
            [sum(24 for shift in (0, 3, 6, 9) if name in without.slots[shift]) for name in "abc"],
        )
    ]
    assert spread[0] <= spread[1]
    assert spread[0] <= 24


def test_shifts_in_a_row_are_avoided() -> None:
    found = plan(6, "abc", absences=[away("b", 1, 2), away("a", 3, 4)])
    people = who(found)
    assert all(one != other for one, other in pairwise(people))


def test_rest_is_kept() -> None:
    found = plan(9, "abcd", min_rest_ms=48 * HOUR, absences=[away("b", 0, 3)])
    people = who(found)
    assert all(len(set(people[i : i + 3]) - {"-"}) == len(people[i : i + 3]) for i in range(7))


def test_one_person_who_must_rest_leaves_gaps_and_they_are_proven() -> None:
    found = plan(50, "a", min_rest_ms=HOUR)
    assert (len(found.vacancies), found.load_range_ms, found.optimal) == (25, 0, True)
    why = "a had the shift before and has the shift after (minRestHours)"
    assert f"Shift 2: nobody can take it: {why}." in found.explanations


def test_runs_are_bounded() -> None:
    found = plan(50, "ab", max_consecutive=2, absences=[away("b", 10, 14)])
    assert "aaa" not in who(found)
    assert "bbb" not in who(found)
    assert (len(found.vacancies), found.optimal) == (1, True)


def test_pairs_are_kept_apart() -> None:
    found = plan(12, "abcd", roles=("primary", "secondary"), avoid_pairs=[("a", "b"), ("c", "d")])
    assert not any({"a", "b"} == set(people) or {"c", "d"} == set(people) for people in found.slots)
    assert (found.vacancies, found.load_range_ms, found.optimal) == ([], 0, True)


# --- time -----------------------------------------------------------------------------------


def test_when_time_is_over_the_best_so_far_is_the_answer() -> None:
    clock = count()
    request = team(61, "abcd", absences=[away("a", 0, 20, "leave")])
    found = plan_of(request, lambda: float(next(clock)), budget_seconds=3)
    assert not found.vacancies
    assert not found.optimal
    assert found.lower_bound_ms == 0


def test_time_that_is_over_later_leaves_a_bound() -> None:
    request = replace(
        team(40, "abcd", weights={"a": Fraction(7, 10), "b": Fraction(9, 10)}),
        carry_over={"a": 11 * HOUR, "c": 7 * HOUR},
    )
    bounds = {_bound_within(request, ticks) for ticks in range(0, 4000, 200)}
    best = plan_of(request, no_time)
    assert {0, best.lower_bound_ms} <= bounds
    assert max(bounds) == best.lower_bound_ms


def _bound_within(request: PlanningRequest, ticks: int) -> Fraction:
    clock = count()
    found = plan_of(request, lambda: float(next(clock)), budget_seconds=ticks)
    assert found.lower_bound_ms <= found.load_range_ms
    assert found.optimal == (found.lower_bound_ms == found.load_range_ms)
    return found.lower_bound_ms


@pytest.mark.parametrize("ticks", [0, 5, 30, 200])
def test_time_that_is_over_breaks_no_constraint(ticks: int) -> None:
    clock = count()
    request = team(
        30, "abcd", min_rest_ms=24 * HOUR, max_consecutive=1, absences=[away("a", 3, 20)]
    )
    found = plan_of(request, lambda: float(next(clock)), budget_seconds=ticks)
    assert not breaks_a_constraint(request, staffing_of(found))


# --- over months ----------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("people", ["abc", "abcde", "abcdefg"])
def test_twelve_monthly_calls_are_as_fair_as_one_of_a_year(people: str, zone: str) -> None:
    """The difference is within one shift: hours carried over make up for uneven months."""
    absences = [
        Absence("a", JANUARY + 20 * DAY, JANUARY + 50 * DAY),
        Absence("b", JANUARY + 200 * DAY, JANUARY + 230 * DAY),
    ]
    clock = None if zone == "UTC" else clock_of(zone)
    days = boundaries_of(clock, JANUARY, 365, DAY)
    request = team(people=people, boundaries=days, timezone=zone, absences=absences)
    year = plan_of(request, no_time)
    total: dict[str, int] = dict.fromkeys(people, 0)
    carried: dict[str, int] = {}
    month_days = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    first = 0
    for length in month_days:
        boundaries = days[first : first + length + 1]
        month = plan_of(replace(request, boundaries=boundaries, carry_over=carried), no_time)
        carried = dict(month.carry_over)
        for workload in month.workloads:
            total[workload.person] += workload.total_ms
        first += length
    load_range_ms = max(total.values()) - min(total.values())
    assert load_range_ms <= year.load_range_ms + 25 * HOUR
    assert carried == {name: ms - min(total.values()) for name, ms in total.items()}


def test_whose_turn_is_next() -> None:
    assert plan(4, "abc").next_person == "b"
    assert plan(4, "abc", strategy="round-robin").next_person == "b"


# --- larger ---------------------------------------------------------------------------------


Changes = Callable[[list[str]], dict[str, Any]]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(lambda _: {}, id="plain"),
        pytest.param(
            lambda names: {"weights": {name: Fraction(4, 5) for name in names[::3]}}, id="weights"
        ),
        pytest.param(
            lambda names: {"carry_over": dict(zip(names, range(0, 90 * HOUR, HOUR), strict=False))},
            id="carried",
        ),
        pytest.param(lambda _: {"roles": ("primary", "secondary")}, id="roles"),
    ],
)
def test_two_hundred_shifts_of_twenty_people_across_clock_changes_are_proven(
    changes: Changes,
) -> None:
    names = [f"p{number}" for number in range(20)]
    days = boundaries_of(clock_of("America/New_York"), JANUARY, 200, DAY)
    absences = [
        Absence(name, days[7 * number % 190], days[min(200, 7 * number % 190 + 14)])
        for number, name in enumerate(names)
    ]
    found = plan_of(
        team(cycle=names, boundaries=days, timezone="America/New_York", absences=absences,
             **changes(names)),
        no_time,
    )  # fmt: skip
    assert found.optimal
    assert not found.vacancies
