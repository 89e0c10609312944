"""The solver of rosters beside brute force, the independent checkers, and itself."""

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.roster.model import Roster
from app.engine.roster.objectives import values_of
from app.solver.roster import solve_roster
from tests.support import roster_oracle as oracle
from tests.support.rosters import random_roster

SEEDS = st.integers(0, 2**32)
quiet = settings(deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])


def assert_answers(roster: Roster) -> tuple[Fraction, ...]:
    """Assert that an answer breaks nothing and is worth what it says; return that."""
    solution = solve_roster(roster, 5.0)
    assert oracle.is_legal(roster, solution.assignment)
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


@pytest.mark.slow
@settings(quiet, max_examples=600)
@given(SEEDS)
def test_many_small_rosters_are_as_good_as_brute_force(seed: int) -> None:
    roster = random_roster(seed)
    assert assert_answers(roster) == oracle.best_values(roster)
