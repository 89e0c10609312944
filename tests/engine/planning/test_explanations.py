"""Explanations: the reason that is told is the true one, by looking at the plan as a reader would.

Nothing of the engine's is asked but its request and its answer: each line is read back, and what it
says of a person is looked up in the request and in the plan, or the plan is changed accordingly.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from app.engine.planning.planner import plan_of
from app.engine.planning.request import Absence, FixedShift, Plan, PlanningRequest
from tests.support.plan_oracle import (
    HOUR,
    START,
    Staffing,
    cannot_have,
    evenness,
    in_a_row,
    staffing_of,
    turns_of,
)

DAY = 24 * HOUR
LINE = re.compile(r"Shift (\d+): (.*)\.")
INSTEAD = re.compile(r"(\w+) instead of (\w+), (.*)")


def random_team(seed: int, strategy: Any = "fair") -> PlanningRequest:
    """Make a team of up to six people with some of everything that can be asked for."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    names = [f"p{number}" for number in range(random.randint(2, 6))]
    shifts = random.randint(4, 12)
    length = random.choice([DAY, DAY, 7 * DAY, 12 * HOUR])
    boundaries = range(START, START + shifts * length + 1, length)
    absences = []
    for number in range(random.randint(0, 4)):
        first = random.randrange(shifts)
        reason = random.choice([None, f"reason {number}"])
        end = boundaries[min(shifts, first + random.randint(1, 4))]
        absences.append(Absence(random.choice(names), boundaries[first], end, reason))
    return PlanningRequest(
        names,
        boundaries,
        absences=absences,
        weights={name: Fraction(random.choice([1, 2, 2]), 2) for name in names}
        if random.random() < 0.3
        else {},
        min_rest_ms=random.choice([0, 0, 1 * HOUR, length, 2 * length]),
        max_consecutive=random.choice([0, 0, 0, 1, 2]),
        roles=random.choice([(), (), ("first", "second")]),
        avoid_pairs=[(names[0], names[1])] if random.random() < 0.3 else (),
        fixed=[FixedShift(shifts // 2, random.choice(names))] if random.random() < 0.2 else (),
        strategy=strategy,
    )


def lines_of(plan: Plan) -> Iterator[tuple[int, str]]:
    """Yield what is said of each shift, from 0, piece by piece."""
    for line in plan.explanations:
        match = LINE.fullmatch(line)
        assert match
        yield from ((int(match[1]) - 1, piece) for piece in match[2].split("; "))


def with_change(staffing: Staffing, shift: int, gone: str, back: str) -> list[frozenset[str]]:
    changed = list(staffing)
    changed[shift] = changed[shift] - {gone} | {back}
    return changed


@pytest.mark.parametrize("part", range(4))
def test_the_reason_told_of_a_change_is_why_it_was_made(part: int) -> None:
    """The person in turn could not have the shift for what is told, or something would be worse."""
    told: dict[str, int] = {}
    for seed in range(part * 25, part * 25 + 25):
        request = random_team(seed)
        plan = plan_of(request, lambda: 0.0)
        staffing = staffing_of(plan)
        for shift, piece in lines_of(plan):
            match = INSTEAD.fullmatch(piece)
            if not match:
                assert piece.startswith("nobody can")
                continue
            person, other, why = match.groups()
            assert person in staffing[shift]
            assert other not in staffing[shift]
            assert other in turns_of(request, shift)
            assert person not in turns_of(request, shift)
            kind = check_reason(request, staffing, shift, (person, other), why)
            told[kind] = told.get(kind, 0) + 1
    assert {"away", "hours", "rule"} <= told.keys()


def check_reason(
    request: PlanningRequest, staffing: Staffing, shift: int, people: tuple[str, str], why: str
) -> str:
    """Fail unless ``why`` is true of a shift that the second person would have had in turn."""
    person, other = people
    back = with_change(staffing, shift, person, other)
    if why == "as fixed":
        assert any(item.shift == shift and item.person == person for item in request.fixed)
        return "fixed"
    if why.startswith("who is away"):
        reasons = absence_reasons(request, other, shift)
        assert reasons
        assert why in {f"who is away ({reason})" if reason else "who is away" for reason in reasons}
        return "away"
    assert not absence_reasons(request, other, shift)
    if not why.startswith("to even out"):
        says_what_is_so(staffing, shift, other, why.removeprefix("who "))
        if cannot_have(request, back, other, shift):
            return "rule"
        assert in_a_row(back) > in_a_row(staffing)
        return "row"
    assert not cannot_have(request, back, other, shift)
    had_before = shift > 0 and other in staffing[shift - 1]
    assert not (had_before and in_a_row(back) > in_a_row(staffing))
    hours = why.removeprefix("to even out ")
    before, after = (evenness(request, each, hours) for each in (staffing, back))
    assert after[0] > before[0] or after[1] > before[1]
    return hours


def absence_reasons(request: PlanningRequest, person: str, shift: int) -> list[str | None]:
    start, end = request.boundaries[shift : shift + 2]
    return [
        absence.reason
        for absence in request.absences
        if absence.person == person and absence.start_at < end and start < absence.end_at
    ]


def says_what_is_so(staffing: Staffing, shift: int, person: str, text: str) -> None:
    """Fail unless ``text`` is true of the shifts of ``person``."""
    held = [person in people for people in staffing]
    before = shift > 0 and held[shift - 1]
    after = shift + 1 < len(held) and held[shift + 1]
    if match := re.fullmatch(r"had shift (\d+) less than .*h before", text):
        assert held[int(match[1]) - 1]
        assert int(match[1]) - 1 < shift
    elif match := re.fullmatch(r"has shift (\d+) less than .*h after", text):
        assert held[int(match[1]) - 1]
        assert int(match[1]) - 1 > shift
    elif match := re.fullmatch(r"had the (\d+) shifts before", text):
        assert all(held[shift - int(match[1]) : shift])
    elif match := re.fullmatch(r"has the (\d+) shifts after", text):
        assert all(held[shift + 1 : shift + 1 + int(match[1])])
    elif match := re.fullmatch(r"is never on call with (\w+)", text):
        assert match[1] in staffing[shift]
    else:
        assert text in {
            "had the shift before" if before else None,
            "has the shift after" if after else None,
            "has the shifts before and after" if before and after else None,
        }


@pytest.mark.parametrize("strategy", ["fair", "round-robin"])
def test_without_what_is_told_of_a_gap_each_person_could_take_it(strategy: Any) -> None:
    """Everybody is named with something, all of it is so, and without it the gap can be filled."""
    told: dict[str, int] = {}
    for seed in range(60):
        request = random_team(seed, strategy)
        plan = plan_of(request, lambda: 0.0)
        staffing = staffing_of(plan)
        assert len(plan.vacancy_reasons) == len(plan.vacancies)
        for (shift, _), reasons in zip(plan.vacancies, plan.vacancy_reasons, strict=True):
            assert list(reasons) == list(dict.fromkeys(request.cycle))
            for person, why in reasons.items():
                assert why, (seed, person)
                rules = rules_in(why)
                told.update(dict.fromkeys(rules, 1))
                if "roles" in rules:
                    assert person in staffing[shift]
                    continue
                filled = list(staffing)
                filled[shift] = filled[shift] | {person}
                freed = without(request, rules, person, shift)
                assert not cannot_have(freed, filled, person, shift), (seed, person, why)
                for rule in rules:
                    left = without(request, rules - {rule}, person, shift)
                    assert cannot_have(left, filled, person, shift), (seed, person, why)
        assert bool(plan.vacancy_rules) == bool(plan.vacancies)
    assert told.keys() == {"away", "minRestHours", "maxConsecutive", "avoidPairs", "roles"}


def rules_in(why: str) -> set[str]:
    """Read what is told of a person in a gap."""
    found = {rule for rule in ("minRestHours", "maxConsecutive", "avoidPairs") if rule in why}
    found |= {"away"} if "is away" in why else set()
    return found | ({"roles"} if "has another role in it" in why else set())


def without(request: PlanningRequest, rules: set[str], person: str, shift: int) -> PlanningRequest:
    """Return ``request`` without some rules, and without the absences of a person in a shift."""
    start, end = request.boundaries[shift : shift + 2]
    absences = [
        absence
        for absence in request.absences
        if "away" not in rules
        or absence.person != person
        or absence.end_at <= start
        or absence.start_at >= end
    ]
    return replace(
        request,
        absences=absences,
        min_rest_ms=0 if "minRestHours" in rules else request.min_rest_ms,
        max_consecutive=0 if "maxConsecutive" in rules else request.max_consecutive,
        avoid_pairs=() if "avoidPairs" in rules else request.avoid_pairs,
    )


def test_who_is_passed_over_in_turns_could_not_take_the_shift() -> None:
    told = 0
    for seed in range(120):
        request = random_team(seed, "round-robin")
        plan = plan_of(request, lambda: 0.0)
        staffing = staffing_of(plan)
        for shift, piece in lines_of(plan):
            for other, why in re.findall(r"(p\d), who ((?!is owed).*?)(?= and |$)", piece):
                told += 1
                if why == "has another role in it":
                    assert other in staffing[shift]
                elif why.startswith("is away"):
                    assert absence_reasons(request, other, shift)
                else:
                    says_what_is_so(staffing, shift, other, why)
    assert told > 100
