"""The engine's checker, limits and objectives beside an oracle that imports none of them."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.roster.checker import Violation, violations
from app.engine.roster.limits import limits_of, overlap_limits
from app.engine.roster.model import (
    Apart,
    Assignment,
    MaxConsecutive,
    MaxHours,
    MaxSlots,
    MinDaysOff,
    Person,
    Rest,
    Roster,
    Rule,
    Slot,
    Together,
    held_slots,
)
from app.engine.roster.objectives import excess, values_of
from app.engine.walltime import HOUR, clock_of
from tests.support import roster_oracle as oracle
from tests.support.rosters import at, random_roster, slot

SEEDS = st.integers(0, 2**32)


def random_assignment(roster: Roster, random: Random) -> Assignment:
    """Fill places at random, each person at most once a slot, skills and absences or not."""
    people: list[int | None] = [None, None, *range(len(roster.people))]
    found = []
    for one in roster.slots:
        places: list[int | None] = []
        for _ in one.needs:
            person = random.choice(people)
            places.append(None if person in places else person)
        found.append(tuple(places))
    return tuple(found)


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_what_is_found_is_what_an_oracle_finds(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    roster = random_roster(seed, places=9, people=4)
    roster = Roster(
        roster.slots, roster.people, roster.levels, roster.rules, timezone=roster.timezone
    )
    assignment = random_assignment(roster, random)
    assert (not violations(roster, assignment)) == oracle.is_legal(roster, assignment)
    assert values_of(roster, assignment) == oracle.values(roster, assignment)


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_limits_are_broken_where_rules_are(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    roster = random_roster(seed, places=9, people=4)
    assignment = random_assignment(roster, random)
    held = [frozenset(slots) for slots in held_slots(roster, assignment)]
    clock = clock_of(roster.timezone)
    found = violations(roster, assignment)
    overlaps = any(excess(one, slots) for one in overlap_limits(roster.slots) for slots in held)
    assert overlaps == any(one.rule == "overlap" for one in found)
    for rule in roster.rules:
        if not overlaps and not isinstance(rule, Apart | Together):
            limits = limits_of(rule, roster.slots, clock)
            over = any(excess(limit, slots) for limit in limits for slots in held)
            assert over == any(one.rule == rule for one in found)


DAYS = [slot(24 * day, 12, "day") for day in range(5)]


def only(rule: Rule, slots: list[Slot], *held: int) -> Violation:
    """Return the only violation by one person who has these slots."""
    roster = Roster(slots, [Person("ana")], (), [rule], timezone="Europe/Berlin")
    assignment = tuple((0 if number in held else None,) for number in range(len(slots)))
    (found,) = violations(roster, assignment)
    return found


@pytest.mark.parametrize(
    ("rule", "held", "slots", "amount", "allowed"),
    [
        (Rest(13 * HOUR), (0, 1), (0, 1), 12 * HOUR, 13 * HOUR),
        (MaxHours(30 * HOUR, 3), (0, 1, 2, 4), (0, 1, 2), 36 * HOUR, 30 * HOUR),
        (MaxHours(30 * HOUR), (0, 1, 4), (0, 1, 4), 36 * HOUR, 30 * HOUR),
        (MaxSlots(1, 2, "day"), (0, 1, 2), (0, 1), 2, 1),
        (MaxSlots(2, kind="day"), (0, 2, 4), (0, 2, 4), 3, 2),
        (MaxConsecutive(2), (0, 1, 2), (0, 1, 2), 3, 2),
        (MinDaysOff(1, 2), (0, 1), (0, 1), 0, 1),
    ],
)
def test_a_violation_says_what_would_be_enough(
    rule: Rule, held: tuple[int, ...], slots: tuple[int, ...], amount: int, allowed: int
) -> None:
    found = only(rule, DAYS, *held)
    assert found == Violation(
        rule, (0,), slots, at(24 * slots[0]), at(24 * slots[-1] + 12), amount, allowed
    )


def test_runs_apart_from_each_other_are_told_apart() -> None:
    slots = [slot(24 * day, 12) for day in range(9)]
    roster = Roster(slots, [Person("ana")], (), [MaxSlots(1, 2)], timezone="Europe/Berlin")
    assignment = tuple((0 if day in (0, 1, 6, 7) else None,) for day in range(9))
    assert [found.slots for found in violations(roster, assignment)] == [(0, 1), (6, 7)]


def test_what_is_fixed_is_told_and_marked() -> None:
    people = [Person("ana", away=((at(0), at(60)),)), Person("ben", frozenset({"senior"}))]
    slots = [slot(0, 12, "", "senior"), slot(24, 12)]
    fixed = frozenset({(0, 0), (1, 0)})
    roster = Roster(slots, people, (), [Rest(13 * HOUR)], fixed, "Europe/Berlin")
    found = violations(roster, ((0,), (0,)))
    assert [one.rule for one in found] == ["away", "skill", "away", Rest(13 * HOUR)]
    assert all(one.fixed for one in found)


def test_pairs_are_named_with_their_slots() -> None:
    people = [Person("ana"), Person("ben")]
    slots = [slot(0, 12, "", None, None), slot(6, 12)]
    roster = Roster(slots, people, (), [Apart(0, 1), Together(0, 1)], timezone="Europe/Berlin")
    assert [(one.rule, one.slots) for one in violations(roster, ((0, None), (1,)))] == [
        (Apart(0, 1), (0, 1)),
        (Together(0, 1), (0,)),
    ]
