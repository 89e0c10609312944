"""The objective: the measures by which one assignment is better than another, in order.

They are: empty role slots; the load range; the range of holiday hours by weight; the ranges of
weekend and of night hours by weight, added up; shifts that follow one of the same person; shifts
that the cycle gives to somebody else; which shifts differ from the cycle before its first obstacle;
how far the others are from one.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_, xor
from typing import NamedTuple

from app.engine.planning.assignment import Assignment, load_range
from app.engine.planning.problem import bits


class Objective(NamedTuple):
    """The measures of one assignment: smaller is better, and the first that differs decides.

    Ranges are scaled (``problem.py``). ``early`` is a binary number with a digit for each shift
    before the first obstacle (``obstacles.py``), that of the first shift in front: 1 for a shift
    that is not as the cycle has it. So the smaller number is as the cycle has it for longer.
    """

    vacancies: int
    load_range: int
    holidays: int
    unsocial: int
    consecutive: int
    deviations: int
    early: int
    distance: int


def objective_of(assignment: Assignment) -> Objective:
    """Measure ``assignment``."""
    problem = assignment.problem
    changed = changed_shifts(assignment)
    slots = problem.slots_per_shift * len(problem.lengths)
    return Objective(
        slots - sum(held.bit_count() for held in assignment.held),
        assignment.load_range,
        load_range(holiday_loads(assignment)),
        load_range(weekend_loads(assignment)) + load_range(night_loads(assignment)),
        sum((held & held >> 1).bit_count() for held in assignment.held),
        sum(
            (held & ~turn).bit_count()
            for held, turn in zip(assignment.held, problem.cycle_shifts, strict=True)
        ),
        problem.obstacles.earliness(changed),
        sum(problem.obstacles.distances[shift] for shift in bits(changed)),
    )


def changed_shifts(assignment: Assignment) -> int:
    """Return the mask of the shifts that are not as the cycle has them."""
    differences = map(xor, assignment.held, assignment.problem.cycle_shifts)
    return reduce(or_, differences, 0)


def is_balanced(assignment: Assignment, *, weighted: bool) -> bool:
    """Tell whether people's counts or, if ``weighted``, their loads are within one shift.

    Loads are so if no two people differ by more than one shift of whoever has the smaller weight:
    then no shift handed from one to the other would bring them nearer.
    """
    if not weighted:
        return load_range(assignment.counts()) <= 1
    problem = assignment.problem
    longest = max(problem.lengths)
    by_weight = sorted(zip(problem.load_per_ms, assignment.loads, strict=True))
    low = high = by_weight[0][1]
    for load_per_ms, load in by_weight:
        low, high = min(low, load), max(high, load)
        if high - low > load_per_ms * longest:
            return False
    return True


def holiday_loads(assignment: Assignment) -> list[int]:
    """Compute each person's holiday hours by weight, scaled."""
    problem = assignment.problem
    return _loads(assignment, problem.holidays, problem.carried_holidays)


def weekend_loads(assignment: Assignment) -> list[int]:
    """Compute each person's weekend hours by weight, scaled."""
    problem = assignment.problem
    return _loads(assignment, problem.weekends, problem.carried_weekends)


def night_loads(assignment: Assignment) -> list[int]:
    """Compute each person's night hours by weight, scaled."""
    problem = assignment.problem
    return _loads(assignment, problem.nights, problem.carried_nights)


def _loads(assignment: Assignment, hours: Sequence[int], carried: Sequence[int]) -> list[int]:
    return [
        before + load_per_ms * sum(hours[shift] for shift in bits(held))
        for before, load_per_ms, held in zip(
            carried, assignment.problem.load_per_ms, assignment.held, strict=True
        )
    ]
