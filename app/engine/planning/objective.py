"""What is aimed at, in order: the measure by which one deal is better than another.

Shifts that nobody has; the spread of loads; the spreads of weekend and of night hours by weight,
added; shifts that follow one of the same person; shifts that are not the holder's by the cycle.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.engine.planning.assignment import Assignment
from app.engine.planning.problem import bits


class Objective(NamedTuple):
    """Smaller is better, the first that differs decides. Spreads are scaled."""

    vacancies: int
    load_range: int
    unsocial: int
    consecutive: int
    deviations: int


def objective_of(assignment: Assignment) -> Objective:
    """How good ``deal`` is."""
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
    """By person, weekend hours by weight, scaled."""
    return _loads(assignment, assignment.problem.weekends)


def night_loads(assignment: Assignment) -> list[int]:
    """By person, night hours by weight, scaled."""
    return _loads(assignment, assignment.problem.nights)


def load_range(loads: list[int]) -> int:
    return max(loads) - min(loads)


def _loads(assignment: Assignment, hours: Sequence[int]) -> list[int]:
    return [
        load_per_ms * sum(hours[shift] for shift in bits(held))
        for load_per_ms, held in zip(assignment.problem.load_per_ms, assignment.held, strict=True)
    ]
