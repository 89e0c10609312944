"""Rotations too large to try everything: the searches keep the rules and say what they know."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest

from app.engine.planning.assignment import Deal, OutOfTime, Pace
from app.engine.planning.boundaries import boundaries_of
from app.engine.planning.constraints import Rules
from app.engine.planning.initial import in_turn, least_loaded
from app.engine.planning.local_search import polished
from app.engine.planning.min_spread import evened
from app.engine.planning.objective import Aims, aims_of
from app.engine.planning.planner import plan_of
from app.engine.planning.problem import board_of
from app.engine.planning.request import Absence, Wishes
from app.engine.walltime import clock_of
from tests.support.plan_oracle import HOUR, START, breaks_a_rule, seating_of, spread

DAY = 24 * HOUR


def no_time() -> float:
    return 0.0


def pace(steps: int = 1_000_000) -> Pace:
    return Pace(no_time, 1.0, steps)


def ruled_team(seed: int) -> Wishes:
    """Some 40 shifts for a handful of people who are often away, under two or three rules."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    names = [f"p{number}" for number in range(random.randint(3, 7))]
    shifts = random.randint(15, 60)
    boundaries = range(START, START + shifts * DAY + 1, DAY)
    absences = []
    for name in names * random.randint(1, 4):
        first = random.randrange(shifts)
        start = START + first * DAY
        absences.append(Absence(name, start, start + random.randint(1, 6) * DAY))
    return Wishes(
        names,
        boundaries,
        absences=absences,
        weights={name: Fraction(random.choice([1, 1, 2]), 2) for name in names},
        min_rest_ms=random.choice([0, 24, 48]) * HOUR,
        max_consecutive=random.choice([0, 1, 2]),
        roles=("first", "second") if random.random() < 0.5 else (),
        avoid_pairs=[(names[0], names[1])],
        strategy="fair",
    )


@pytest.mark.parametrize("seed", range(40))
def test_rules_are_kept_and_figures_are_true(seed: int) -> None:
    wishes = ruled_team(seed)
    found = plan_of(wishes, no_time)
    assert not breaks_a_rule(wishes, seating_of(found))
    assert found.spread_ms == spread(wishes, seating_of(found)) >= found.lower_bound_ms


@pytest.mark.parametrize("seed", range(40))
def test_it_is_never_worse_than_turns(seed: int) -> None:
    wishes = ruled_team(seed)
    fair = plan_of(wishes, no_time)
    turns = plan_of(replace(wishes, strategy="round-robin"), no_time)
    assert (len(fair.vacancies), fair.spread_ms) <= (len(turns.vacancies), turns.spread_ms)


@pytest.mark.parametrize("steps", [0, 50, 500, 5_000])
@pytest.mark.parametrize("seed", range(8))
def test_a_search_that_is_ended_early_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, seed: int, steps: int
) -> None:
    for name in ("PROOF_STEPS", "SEARCH_STEPS", "POLISH_STEPS"):
        monkeypatch.setattr(f"app.engine.planning.planner.{name}", steps)
    wishes = ruled_team(seed)
    found = plan_of(wishes, no_time)
    assert not breaks_a_rule(wishes, seating_of(found))
    assert found.lower_bound_ms <= found.spread_ms


# --- shifts of many lengths -----------------------------------------------------------------


def of_lengths(hours: list[int], people: str, **changes: object) -> Wishes:
    boundaries = [START]
    for length in hours:
        boundaries.append(boundaries[-1] + length * HOUR)
    wishes = Wishes(list(people), boundaries, strategy="fair")
    return replace(wishes, **changes)  # type: ignore[arg-type]


def test_half_a_year_a_shift_makes_more_odd_shifts_than_are_tried() -> None:
    halves = boundaries_of(clock_of("Europe/Berlin"), START, 150, 182 * DAY)
    wishes = Wishes(list("abcdefg"), halves, timezone="Europe/Berlin", strategy="fair")
    assert len({end - start for start, end in pairwise(halves)}) == 3
    found = plan_of(wishes, no_time)
    assert found.lower_bound_ms <= found.spread_ms
    assert not found.vacancies


def test_lengths_that_add_up_to_anything_leave_it_unproven() -> None:
    lengths = [24, *(24 + 2**power for power in range(12))]
    found = plan_of(of_lengths(lengths, "abc"), no_time)
    assert (found.optimal, found.lower_bound_ms) == (False, 0)


def test_long_and_short_shifts_are_swapped_even_when_nothing_is_proven() -> None:
    board = board_of(of_lengths([24, 24, 30, 30], "ab", absences=[]))
    deal = Deal(board, [0b0011, 0b1100])
    found = evened(deal, pace())
    assert (found.deal.spread, found.lower_bound, found.proven) == (0, 0, True)


# --- parts ----------------------------------------------------------------------------------


def test_a_pace_ends_by_steps_or_by_time() -> None:
    with pytest.raises(OutOfTime):
        pace(3).spend(4)
    with pytest.raises(OutOfTime):
        Pace(lambda: 2.0, 1.0, 100).spend(1)
    pace(3).of(9).spend(9)


def test_the_aims_in_order() -> None:
    board = board_of(of_lengths([24] * 4, "abc"))
    deal = Deal(board, [0b0011, 0b0100, 0])  # 4 June 2026 is a Thursday
    assert aims_of(deal) == Aims(
        vacancies=1,
        spread=48 * HOUR,
        unsocial=24 * HOUR + 16 * HOUR,
        consecutive=1,
        deviations=2,
    )


@pytest.mark.parametrize("seed", range(10))
def test_polishing_lowers_what_comes_after_the_spread_and_nothing_before(seed: int) -> None:
    board = board_of(replace(ruled_team(seed), min_rest_ms=0, max_consecutive=0, avoid_pairs=()))
    deal = evened(in_turn(board), pace()).deal
    before = aims_of(deal)
    after = aims_of(polished(deal, Rules(board), pace()))
    assert after[:2] == before[:2]
    assert after <= before


def test_the_least_loaded_first() -> None:
    board = board_of(of_lengths([24] * 4, "abc", carry_over={"a": 30 * HOUR}))
    assert least_loaded(board).held == [0, 0b0101, 0b1010]
