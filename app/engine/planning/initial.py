"""Initial assignments by simple rules, to begin a search with and to compare a fair plan with.

Each covers all the role slots that can be covered (``AssignmentProblem.demand``) and looks at no
constraints.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from app.engine.planning.assignment import Assignment
from app.engine.planning.problem import AssignmentProblem, bits


def cycle_assignment(problem: AssignmentProblem) -> Assignment:
    """Assign each shift to the people in turn, and to the least loaded in place of those away."""
    return _assigned(problem, problem.in_turn)


def least_loaded_assignment(problem: AssignmentProblem) -> Assignment:
    """Assign each shift to the least loaded people who can take it; the first of equals."""
    return _assigned(problem, lambda _: ())


def _assigned(problem: AssignmentProblem, wanted: Callable[[int], Sequence[int]]) -> Assignment:
    assignment = Assignment(problem, problem.fixed_shifts)
    for shift, demand in enumerate(problem.demand):
        eligible = problem.eligible_people[shift]
        chosen = [person for person in wanted(shift) if eligible >> person & 1]
        lacking = demand - assignment.holders[shift].bit_count()
        for person in chain(chosen, _least_loaded(assignment, eligible)):
            if not lacking:
                break
            if not assignment.holders[shift] >> person & 1:
                assignment.assign(shift, person)
                lacking -= 1
    return assignment


def _least_loaded(assignment: Assignment, people: int) -> Iterator[int]:
    yield from sorted(bits(people), key=assignment.loads.__getitem__)
