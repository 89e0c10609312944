"""The solver of rosters beside brute force, the independent checkers, and itself."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.roster.able import choice_count
from app.engine.roster.checker import violations
from app.engine.roster.greedy import greedy_assignment
from app.engine.roster.model import (
    Balance,
    Broken,
    Counter,
    Gaps,
    Level,
    MaxConsecutive,
    MinDaysOff,
    Person,
    Rest,
    Roster,
    Slot,
)
from app.engine.roster.objectives import values_of
from app.engine.roster.patterns import Pattern, unfolded
from app.engine.roster.standard import NAMES, Wishes, levels_named
from app.engine.walltime import HOUR, clock_of
from app.solver.program import Program
from app.solver.roster import solve_roster
from tests.support import roster_oracle as oracle
from tests.support.rosters import at, random_roster, slot

SEEDS = st.integers(0, 2**32)
quiet = settings(deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])


def assert_answers(roster: Roster) -> tuple[Fraction, ...]:
    """Assert that an answer breaks nothing and is worth what it says; return that."""
    solution = solve_roster(roster, 5.0)
    assert oracle.is_legal(roster, solution.assignment)
    assert all(found.fixed for found in violations(roster, solution.assignment))
    values = tuple(proof.value for proof in solution.proofs)
    assert values == values_of(roster, solution.assignment)
    assert values == oracle.values(roster, solution.assignment)
    assert all(proof.bound <= proof.value for proof in solution.proofs)
    assert all(proof.optimal for proof in solution.proofs)
    return values


@settings(quiet, max_examples=60)
@given(SEEDS)
def test_small_rosters_are_as_good_as_brute_force(seed: int) -> None:
    roster = random_roster(seed, places=4)
    assert assert_answers(roster) == oracle.best_values(roster)


@settings(quiet, max_examples=100)
@given(SEEDS)
def test_the_greedy_assignment_is_legal(seed: int) -> None:
    roster = random_roster(seed, places=12, people=6)
    assignment = greedy_assignment(roster)
    assert oracle.is_legal(roster, assignment)
    assert values_of(roster, assignment) == oracle.values(roster, assignment)


@settings(quiet, max_examples=25)
@given(SEEDS)
def test_larger_answers_are_legal_and_no_worse_than_greedy(seed: int) -> None:
    roster = random_roster(seed, places=14, people=6)
    solution = solve_roster(roster, 0.5)
    assert oracle.is_legal(roster, solution.assignment)
    values = tuple(proof.value for proof in solution.proofs)
    assert values == oracle.values(roster, solution.assignment)
    assert values <= values_of(roster, greedy_assignment(roster))


def test_without_time_there_is_an_answer_that_is_not_proven() -> None:
    roster = month(days=63)
    solution = solve_roster(roster, 0.0)
    assert oracle.is_legal(roster, solution.assignment)
    assert not all(proof.optimal for proof in solution.proofs)
    assert all(proof.bound <= proof.value for proof in solution.proofs)


def test_the_same_roster_has_the_same_answer() -> None:
    roster = month(days=28)
    assert solve_roster(roster, 0.5) == solve_roster(roster, 0.5)


def test_a_month_of_two_people_a_day_is_proven_to_be_even() -> None:
    roster = month(days=28)
    solution = solve_roster(roster, 20.0)
    assert [(proof.name, float(proof.value), proof.optimal) for proof in solution.proofs] == [
        ("coverage", 0, True),
        ("load", 0, True),
        ("kinds", 6, True),
    ]
    assert not violations(roster, solution.assignment)


def test_slots_that_are_alike_break_a_rule_once() -> None:
    """One of two people takes a third slot after one of two equal ones: one short rest."""
    slots = [slot(0, 8), slot(0, 8), slot(8, 8)]
    rest = Broken(Rest(HOUR))
    levels = (Level("coverage", (Gaps(),)), Level("rules", (rest,)))
    roster = Roster(slots, [Person("ana"), Person("ben")], levels)
    solution = solve_roster(roster, 1.0)
    assert [(proof.value, proof.bound) for proof in solution.proofs] == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("slots", "people", "gaps"),
    [
        ((), (), 0),
        ((slot(0, 8),), (), 1),
        ((), (Person("ana"),), 0),
        ((slot(0, 8), slot(0, 8, "night", "senior", None)), (Person("ana"),), 2),
    ],
)
def test_a_roster_may_lack_anything(
    slots: tuple[Slot, ...], people: tuple[Person, ...], gaps: int
) -> None:
    roster = Roster(slots, people, (), (Rest(HOUR), MaxConsecutive(1), MinDaysOff(1, 7)))
    roster = replace(roster, levels=levels_named(roster, Wishes(soft=[(Rest(HOUR), 2)]), NAMES))
    solution = solve_roster(roster, 1.0)
    assert [(proof.name, proof.value) for proof in solution.proofs][:2] == [
        ("coverage", gaps),
        ("load", 0),
    ]
    assert choice_count(roster) == (2 if slots and people else 0)


def test_places_that_are_alike_are_one_choice_for_each_person() -> None:
    slots = [slot(0, 8, "", None, None, None), slot(8, 8, "", "senior", "senior", None)]
    people = [Person("ana", frozenset({"senior"})), Person("ben")]
    assert choice_count(Roster(slots, people, ())) == 2 + 3


def month(days: int) -> Roster:
    """Two people a day of seven, with a day's rest."""
    daily = Pattern(frozenset(range(7)), 9 * HOUR, 9 * HOUR, needs=(None, None))
    first = (date(2026, 9, 1) - date(1970, 1, 1)).days
    slots = unfolded([daily], clock_of("Europe/Berlin"), range(first, first + days))
    people = [Person(f"p{number}") for number in range(7)]
    roster = Roster(slots, people, (), (Rest(24 * HOUR),), timezone="Europe/Berlin")
    return replace(roster, levels=levels_named(roster, Wishes(), ["coverage", "load", "kinds"]))


def test_a_bound_that_cannot_be_reached_is_raised() -> None:
    """Two people who cannot follow themselves share three slots of one day each."""
    slots = [slot(24 * day, 24) for day in range(3)]
    people = [Person("a"), Person("b", away=((at(24), at(48)),))]
    counter = Counter("slots", (1, 1, 1))
    levels = (Level("coverage", (Gaps(),)), Level("load", (Balance(counter),)))
    solution = solve_roster(Roster(slots, people, levels, (Rest(12 * HOUR),)), 2.0)
    assert solution.assignment == ((1,), (0,), (1,))
    assert [(proof.value, proof.bound) for proof in solution.proofs] == [(0, 0), (1, 1)]


def test_where_the_best_totals_cannot_be_had_coarser_ones_are() -> None:
    """Nobody can have a day and a night each, but all can have two slots each."""
    slots = [slot(0, 20), slot(10, 20), slot(20, 20), slot(50, 20)]
    people = [Person("a"), Person("b", away=((at(50), at(70)),))]
    levels = (
        Level("coverage", (Gaps(),)),
        Level("load", (Balance(Counter("slots", (1, 1, 1, 1))),)),
        Level("kinds", (Balance(Counter("nights", (0, 1, 0, 1))),)),
    )
    roster = Roster(slots, people, levels)
    solution = solve_roster(roster, 2.0)
    assert solution.assignment == ((1,), (0,), (1,), (0,))
    assert [(proof.value, proof.bound) for proof in solution.proofs] == [(0, 0), (0, 0), (2, 2)]
    program = Program(roster)
    assert sorted(program.coarse_counts(1).values()) == sorted(
        [(program.counts[person, kind], 1) for kind in (0, 1)] for person in (0, 1)
    )
    assert program.coarse_counts(2) == {}


@pytest.mark.slow
@settings(quiet, max_examples=600)
@given(SEEDS)
def test_many_small_rosters_are_as_good_as_brute_force(seed: int) -> None:
    roster = random_roster(seed)
    assert assert_answers(roster) == oracle.best_values(roster)


@pytest.mark.slow
@settings(quiet, max_examples=2000)
@given(SEEDS)
def test_two_thousand_answers_pass_the_checkers(seed: int) -> None:
    roster = random_roster(seed, places=8, people=4)
    solution = solve_roster(roster, 0.2)
    assert oracle.is_legal(roster, solution.assignment)
    assert all(found.fixed for found in violations(roster, solution.assignment))
    values = tuple(proof.value for proof in solution.proofs)
    assert values == oracle.values(roster, solution.assignment)
