"""The objective: the measures by which one assignment is better than another, in order.

They are: empty role slots; the load range; the ranges of weekend and of night hours by weight,
added up; shifts that follow one of the same person; shifts that the cycle gives to somebody else.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.engine.planning.assignment import Assignment, load_range
from app.engine.planning.problem import bits


class Objective(NamedTuple):
    """The measures of one assignment: smaller is better, and the first that differs decides.

    Ranges are scaled (``problem.py``).
    """

    vacancies: int
    load_range: int
    unsocial: int
    consecutive: int
    deviations: int


def objective_of(assignment: Assignment) -> Objective:
    """Measure ``assignment``."""
    problem = assignment.problem
    slots = problem.slots_per_shift * len(problem.lengths)
    return Objective(
        slots - sum(held.bit_count() for held in assignment.held),
        assignment.load_range,
        load_range(weekend_loads(assignment)) + load_range(night_loads(assignment)),
        sum((held & held >> 1).bit_count() for held in assignment.held),
        sum(
            (held & ~turn).bit_count()
            for held, turn in zip(assignment.held, problem.cycle_shifts, strict=True)
        ),
    )


def weekend_loads(assignment: Assignment) -> list[int]:
    """Compute each person's weekend hours by weight, scaled."""
    return _loads(assignment, assignment.problem.weekends)


def night_loads(assignment: Assignment) -> list[int]:
    """Compute each person's night hours by weight, scaled."""
    return _loads(assignment, assignment.problem.nights)


def _loads(assignment: Assignment, hours: Sequence[int]) -> list[int]:
    return [
        load_per_ms * sum(hours[shift] for shift in bits(held))
        for load_per_ms, held in zip(assignment.problem.load_per_ms, assignment.held, strict=True)
    ]
