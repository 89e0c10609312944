"""Staggered roles: whoever is secondary in one shift is primary in the next."""

from dataclasses import replace
from fractions import Fraction
from itertools import count, pairwise
from random import Random
from typing import Any

import pytest

from app.engine.planning.planner import plan_of
from app.engine.planning.request import FixedShift, PersonLimits, Plan, PlanningRequest
from tests.engine.planning.test_planner import DAY, away, no_time, team
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

TWO, THREE = ("primary", "secondary"), ("first", "second", "third")


def staggered(shifts: int = 6, people: str = "abc", **changes: Any) -> Plan:
    return plan_of(team(shifts, people, **{"roles": TWO, "role_order": "staggered", **changes}),
                   no_time)  # fmt: skip


def who(found: Plan) -> list[str]:
    return ["".join(person or "-" for person in people) for people in found.slots]


def breaks(found: Plan) -> int:
    """Count the people who do not have the role before theirs in the next shift."""
    return sum(
        before is not None and now != before
        for last, people in pairwise(found.slots)
        for before, now in zip(last[1:], people, strict=False)
    )


def small(seed: int) -> PlanningRequest:
    request = limited_team(seed, constrained=seed % 2 > 0, weekends=seed % 3 == 0)
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    shifts = len(request.boundaries) - 1
    fixed = [
        FixedShift(shift, random.choice(request.cycle), random.randrange(2))
        for shift in random.sample(range(shifts), k=min(shifts, random.choice([0, 0, 1, 2])))
    ]
    return replace(
        request, roles=TWO, role_order="staggered", min_rest_ms=0, fixed=fixed,
        max_consecutive=random.choice([0, 0, 2, 3]),
        strategy=random.choice(["fair", "round-robin"]),
    )  # fmt: skip


@pytest.mark.parametrize("strategy", ["fair", "round-robin"])
def test_the_secondary_is_primary_next(strategy: Any) -> None:
    assert who(staggered(strategy=strategy)) == ["ab", "bc", "ca", "ab", "bc", "ca"]
    assert who(staggered(4, "abcd", roles=THREE, strategy=strategy)) == ["abc", "bcd", "cda", "dab"]
    found = staggered(9, "abcde", strategy=strategy)
    assert (breaks(found), found.explanations, found.balanced) == (0, [], True)
    assert found.next_person == "e"


@pytest.mark.parametrize("seed", [*range(200), 2185])  # the last fills what a change has freed
def test_no_constraint_is_broken_and_what_is_said_is_true(seed: int) -> None:
    request = small(seed)
    found = plan_of(request, no_time)
    staffing = staffing_of(found)
    assert found.load_range_ms == load_range(request, staffing)
    assert len(found.vacancies) == vacancies(request, staffing)
    for item in request.fixed:
        assert found.slots[item.shift][item.role] == item.person
    if not request.fixed:
        assert not breaks_a_constraint(request, staffing)
        for vacancy in found.vacancies:
            for person in {*request.cycle} - staffing[vacancy.shift]:
                with_them = list(staffing)
                with_them[vacancy.shift] |= {person}
                assert breaks_a_constraint(request, with_them), (vacancy, person)
        best = least_objective(request)
        if found.optimal:
            assert (len(found.vacancies), found.load_range_ms) == best
        if len(found.vacancies) == best[0]:
            assert found.lower_bound_ms <= best[1]
    for shift, people in enumerate(found.slots):
        assert len({*people} - {None}) == sum(person is not None for person in people), shift


@pytest.mark.parametrize("seed", range(60))
def test_it_is_staggered_wherever_absences_let_it_be(seed: int) -> None:
    """Each break is told with the person's reason."""
    request = replace(small(seed), fixed=[])
    found = plan_of(request, no_time)
    told = sum(line.count(" is primary instead of ") for line in found.explanations)
    empty = sum(last[1] is not None and people[0] is None for last, people in pairwise(found.slots))
    assert told + empty == breaks(found)


def test_an_absence_breaks_one_stint_or_none_and_says_why() -> None:
    absences = [away("b", 1, 2, "holiday")]
    found = staggered(6, "abc", strategy="round-robin", absences=absences)
    assert breaks(found) == 0
    assert (
        found.explanations[0]
        == "Shift 1: c instead of b, who is away (holiday); the turn is owed back."
    )
    found = staggered(4, "ab", strategy="round-robin", absences=[away("a", 1, 2), away("b", 2, 3)])
    assert who(found) == ["ab", "b-", "a-", "ab"]
    assert breaks(found) == 0


def test_a_role_that_is_given_up_is_explained() -> None:
    absences = [away("b", 1, 2, "ill"), away("c", 0, 1), away("d", 0, 1)]
    found = staggered(4, "abcd", strategy="fair", absences=absences)
    assert who(found)[0] == "ab"
    assert any("is primary instead of b, who is away (ill)" in each for each in found.explanations)


def test_a_turn_that_was_owed_comes_back_and_limits_owe_none() -> None:
    found = staggered(8, "abcd", strategy="round-robin", absences=[away("b", 0, 2)])
    assert found.explanations == [
        "Shift 1: c instead of b, who is away; the turn is owed back.",
        "Shift 3: b, who is owed a turn.",
    ]
    found = staggered(8, "abcd", strategy="round-robin", limits={"b": PersonLimits(shifts=2)})
    assert all("owed" not in line for line in found.explanations)
    assert "instead of b, who has 2 of at most 2 shifts" in "".join(found.explanations)
    many = staggered(3, "abcdefg", strategy="round-robin",
                     absences=[away(name, 0, 2) for name in "bcdef"])  # fmt: skip
    assert "and 2 more; the turns are owed back" in many.explanations[0]


def test_fixed_roles_stand_and_the_stint_goes_on_from_them() -> None:
    found = staggered(4, "abcd", strategy="round-robin", fixed=[FixedShift(1, "d", 1)])
    assert who(found)[1:3] == ["bd", "d" + who(found)[2][1]]
    found = staggered(4, "abcd", strategy="round-robin", fixed=[FixedShift(2, "d", 0)])
    assert who(found)[1][1] == "d"
    assert breaks(found) == 0
    both = [FixedShift(1, "d", 1), FixedShift(2, "c", 0)]
    found = staggered(4, "abcd", strategy="fair", fixed=both)
    assert "Shift 3: c is primary instead of d, as fixed." in found.explanations


def test_weights_and_joining_count() -> None:
    found = staggered(12, "abcz", strategy="fair", joins={"z": START + 6 * DAY},
                      weights={"a": Fraction(1, 2)})  # fmt: skip
    shifts = {each.person: each.shifts for each in found.workloads}
    assert "z" not in "".join(who(found)[:6])
    assert shifts["a"] < shifts["b"]
    assert found.balanced
    left = staggered(3, "ab", strategy="round-robin", leaves={"a": START + 3 * DAY})
    assert left.next_person == "b"
    gone = staggered(3, "abc", strategy="round-robin", leaves={"a": START + 3 * DAY})
    assert who(gone)[-1] == "ca"
    assert gone.next_person == "b"


def test_loads_are_evened_out_and_time_that_is_over_ends_that() -> None:
    absences = [away("a", 0, 9), away("b", 4, 8)]
    request = team(24, "abcde", roles=TWO, role_order="staggered", absences=absences)
    found = plan_of(request, no_time)
    assert found.load_range_ms <= 2 * DAY
    clock = count()
    early = plan_of(request, lambda: float(next(clock)), budget_seconds=2)
    assert not breaks_a_constraint(request, staffing_of(early))
    assert early.load_range_ms >= found.load_range_ms


def test_pairs_are_kept_apart_between_stints() -> None:
    found = staggered(8, "abcd", avoid_pairs=[("a", "b")], absences=[away("c", 3, 5)])
    assert not any({"a", "b"} == set(people) for people in found.slots)
    assert found.workloads[0].total_ms >= 24 * HOUR
