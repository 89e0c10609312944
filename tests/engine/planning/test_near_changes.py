"""Changes of the cycle are near their reason: held against every assignment of small rotations."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from app.engine.planning.assignment import Assignment, SearchBudget
from app.engine.planning.constraints import Constraints
from app.engine.planning.initial import cycle_assignment
from app.engine.planning.levels import HourLevels
from app.engine.planning.local_search import bring_near
from app.engine.planning.objective import changed_shifts, objective_of
from app.engine.planning.obstacles import obstacles_at
from app.engine.planning.planner import plan_of
from app.engine.planning.problem import assignment_problem, bits
from app.engine.planning.request import Absence, FixedShift, PlanningRequest
from app.engine.planning.small_search import small_search
from app.engine.planning.turns_back import settle
from tests.support.plan_oracle import (
    HOUR,
    START,
    Staffing,
    all_staffings,
    cannot_have,
    evenness,
    in_a_row,
    load_range,
    staffing_of,
    turns_of,
    vacancies,
)

DAY = 24 * HOUR


def late_absences(seed: int) -> PlanningRequest:
    """Make a rotation so small that all assignments can be tried, with absences not at once."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    people = random.randint(2, 4)
    names = [f"p{number}" for number in range(people)]
    shifts = {2: 7, 3: 6, 4: 5}[people]
    length = random.choice([DAY, DAY, 7 * DAY, 12 * HOUR])
    boundaries = range(START, START + shifts * length + 1, length)
    absences = []
    for _ in range(random.choice([1, 1, 2])):
        first = random.randrange(shifts // 3, shifts)
        end = boundaries[min(shifts, first + random.randint(1, 3))]
        absences.append(Absence(random.choice(names), boundaries[first], end))
    constrained = random.random() < 0.25
    return PlanningRequest(
        names,
        boundaries,
        absences=absences,
        weights={name: Fraction(random.choice([2, 2, 2, 1]), 2) for name in names}
        if random.random() < 0.3
        else {},
        carry_over={name: random.choice([0, 0, 24]) * HOUR for name in names},
        min_rest_ms=random.choice([0, length]) if constrained else 0,
        max_consecutive=1 if constrained else 0,
        strategy="fair",
    )


def values(request: PlanningRequest, staffing: Staffing) -> tuple[Any, ...]:
    """Measure what rule 14 of ``rotation.md`` lists, in its order."""
    turns = [set(turns_of(request, shift)) for shift in range(len(staffing))]
    return (
        vacancies(request, staffing),
        load_range(request, staffing),
        evenness(request, staffing, "holidays")[0],
        evenness(request, staffing, "weekends")[0] + evenness(request, staffing, "nights")[0],
        in_a_row(staffing),
        sum(len(people - turn) for people, turn in zip(staffing, turns, strict=True)),
    )


def changes(request: PlanningRequest, staffing: Staffing) -> list[bool]:
    """Tell of each shift whether it is not as the cycle has it."""
    return [set(people) != set(turns_of(request, at)) for at, people in enumerate(staffing)]


def first_obstacle(request: PlanningRequest) -> int:
    """Find the first shift that cannot be as the cycle has it, or the number of shifts."""
    shifts = len(request.boundaries) - 1
    cycle = [frozenset(turns_of(request, shift)) for shift in range(shifts)]
    return next(
        (
            shift
            for shift, people in enumerate(cycle)
            if any(cannot_have(request, cycle[: shift + 1], name, shift) for name in people)
        ),
        shifts,
    )


def with_holidays(request: PlanningRequest, seed: int) -> PlanningRequest:
    """Add holidays to ``request`` that begin and end anywhere, and what some had of others."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    first, last = request.boundaries[0] // HOUR, request.boundaries[-1] // HOUR
    hours = sorted(random.sample(range(first, last + 1), 4))
    return replace(
        request,
        holidays=[(hours[0] * HOUR, hours[1] * HOUR), (hours[2] * HOUR, hours[3] * HOUR)],
        carried_holidays={name: random.choice([0, 24]) * HOUR for name in request.cycle},
    )


@pytest.mark.parametrize("holidays", [False, True])
@pytest.mark.parametrize("part", range(3))
def test_nothing_early_is_changed_if_something_late_does_as_well(part: int, holidays: bool) -> None:
    """No assignment of equal values is as the cycle has it for longer, up to the first reason.

    Nor has any better values, among those whose loads are as even.
    """
    seen = 0
    for seed in range(part * 12, part * 12 + 12):
        request = late_absences(seed)
        if holidays:
            request = with_holidays(request, seed)
        ours = staffing_of(plan_of(request, lambda: 0.0))
        value, squares = values(request, ours), evenness(request, ours, "hours")[1]
        early = changes(request, ours)[: first_obstacle(request)]
        seen += any(changes(request, ours))
        for other in all_staffings(request):
            if vacancies(request, other) > value[0]:
                continue
            if evenness(request, other, "hours")[1] > squares:
                continue
            theirs = values(request, other)
            assert theirs >= value, seed
            if theirs == value:
                assert changes(request, other)[: len(early)] >= early, seed
    assert seen > 5


@pytest.mark.parametrize(
    ("shifts", "people", "length"), [(30, 5, DAY), (26, 4, 7 * DAY), (52, 5, 7 * DAY)]
)
def test_an_absence_at_the_end_leaves_the_beginning_alone(
    shifts: int, people: int, length: int
) -> None:
    names = [f"p{number}" for number in range(people)]
    boundaries = range(START, START + shifts * length + 1, length)
    first = shifts - people - 2
    absence = Absence(names[first % people], boundaries[first], boundaries[first + 1])
    request = PlanningRequest(names, boundaries, absences=[absence], strategy="fair")
    changed = changes(request, staffing_of(plan_of(request, lambda: 0.0)))
    assert changed[first]
    assert not any(changed[:first])


# --- parts ----------------------------------------------------------------------------------


def test_the_shift_that_changes_rather_than_others() -> None:
    obstacles = obstacles_at([10, 15], 20)
    assert (obstacles.first, obstacles.distances[7], obstacles.distances[13]) == (10, 3, 2)
    assert obstacles.nearest(0b1 << 3 | 0b1 << 5 | 0b1 << 19) == 19
    assert obstacles.nearest(0b1 << 3 | 0b1 << 5) == 5
    order = list(obstacles.by_nearness(sum(1 << shift for shift in (2, 4, 12, 14, 19))))
    assert order == [14, 12, 19, 4, 2]


def test_without_a_reason_known_before_the_last_shift_changes() -> None:
    obstacles = obstacles_at([], 20)
    assert obstacles.nearest(0b1 << 3 | 0b1 << 5) == 5
    assert (obstacles.first, obstacles.distances) == (20, [0] * 20)
    assert obstacles.earliness(0b100) < obstacles.earliness(0b010) < obstacles.earliness(0b011)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"absences": [Absence("b", START + DAY, START + 2 * DAY)]}, [1], id="away"),
        pytest.param({"absences": [Absence("b", START, START + DAY)]}, [], id="away-off-turn"),
        pytest.param({"fixed": [FixedShift(2, "a")]}, [2], id="fixed"),
        pytest.param({"fixed": [FixedShift(2, "c")]}, [], id="fixed-in-turn"),
        pytest.param({"min_rest_ms": 48 * HOUR}, [], id="rest-that-the-cycle-has"),
        pytest.param({"min_rest_ms": 49 * HOUR}, [3, 4, 5], id="rest-that-it-has-not"),
        pytest.param({"cycle": list("aab"), "max_consecutive": 1}, [1, 4], id="runs"),
        pytest.param(
            {"roles": ("x", "y"), "avoid_pairs": [("a", "b")]}, [0, 3], id="people-kept-apart"
        ),
    ],
)
def test_what_the_cycle_cannot_have(wanted: dict[str, Any], expected: list[int]) -> None:
    boundaries = range(START, START + 6 * DAY + 1, DAY)
    request = PlanningRequest(**{"cycle": list("abc"), "boundaries": boundaries, **wanted})
    assert list(bits(assignment_problem(request).obstacles.mask)) == expected


def problem_of(people: str, shifts: int, **wanted: Any) -> Any:
    boundaries = range(START, START + shifts * 7 * DAY + 1, 7 * DAY)
    return assignment_problem(PlanningRequest(list(people), boundaries, **wanted))


def test_an_early_change_is_swapped_for_one_after_the_reason() -> None:
    week = 7 * DAY
    problem = problem_of("abcd", 12, absences=[Absence("a", START + 8 * week, START + 9 * week)])
    early = Assignment(problem, [0b10101, 0b1000100010, 0b10101000000, 0b100010001000])
    assert list(bits(changed_shifts(early))) == [2, 8]
    bring_near(early, Constraints(problem), SearchBudget(lambda: 0.0, 1.0, 10_000))
    assert list(bits(changed_shifts(early))) == [8, 10]


def test_a_shift_without_a_reason_goes_back_and_a_free_one_is_filled() -> None:
    problem = problem_of("ab", 5)
    odd = Assignment(problem, [0b10101, 0b00010])
    settle(odd, Constraints(problem))
    assert odd.held == [0b10101, 0b01010]
    turned = Assignment(problem, [0b00111, 0b11000])
    settle(turned, Constraints(problem))
    assert turned.held == [0b10101, 0b01010]


def test_a_search_of_all_assignments_ends_with_its_budget() -> None:
    problem = problem_of("abcd", 12)
    mixed = Assignment(problem, [0b000000000111, 0b000000111000, 0b000111000000, 0b111000000000])
    found = small_search(mixed, Constraints(problem), 0, SearchBudget(lambda: 0.0, 1.0, 1))
    assert objective_of(found) <= objective_of(mixed)
    late = SearchBudget(lambda: 2.0, 1.0, 1)
    assert small_search(mixed, Constraints(problem), 0, late) is mixed


@pytest.mark.parametrize(("people", "shifts"), [("abc", 61), ("abcd", 20)])
def test_what_is_too_large_or_too_different_is_not_searched(people: str, shifts: int) -> None:
    problem = problem_of(people, shifts)
    run = shifts // len(people)
    held = [((1 << run) - 1) << run * place for place in range(len(people))]
    mixed = Assignment(problem, held)
    budget = SearchBudget(lambda: 0.0, 1.0, 1)
    assert small_search(mixed, Constraints(problem), 0, budget) is mixed


@pytest.mark.parametrize("seed", range(20))
def test_bounds_of_levels_are_none_above_what_is_reached(seed: int) -> None:
    """Assign shifts one after the other: the bound only grows, and ends at the range."""
    request = late_absences(seed)
    problem = assignment_problem(request)
    levels = HourLevels(problem, problem.lengths, problem.carried_load, complete=True)
    assignment = cycle_assignment(problem)
    found = [levels.least_range(0)]
    for shift, people in enumerate(assignment.holders):
        for person in bits(people & ~sum(1 << p for p, m in enumerate(problem.fixed_shifts) if m)):
            levels.add(person, shift)
        found.append(levels.least_range(shift + 1))
    assert found == sorted(found)
    assert found[-1] == assignment.load_range


def shares(staffing: Staffing) -> Sequence[int]:
    return sorted(sum(name in people for people in staffing) for name in "abcd")


def test_loads_between_the_largest_and_the_smallest_stay_even() -> None:
    """A person who carries much makes the spread, and the others still share alike."""
    boundaries = range(START, START + 9 * DAY + 1, DAY)
    request = PlanningRequest(
        list("abcd"), boundaries, carry_over={"a": 400 * HOUR}, strategy="fair"
    )
    assert shares(staffing_of(plan_of(request, lambda: 0.0))) == [0, 3, 3, 3]
