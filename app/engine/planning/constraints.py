"""Constraints on a person's shifts together: rest, runs of shifts, pairs kept apart, and limits.

Strategy: the shifts too near to a shift are a mask, computed once; a run is counted outwards from
the shift. Invariant: an assignment that was made by asking ``allows`` before each shift meets all
constraints, except where fixed shifts break one among themselves.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from app.engine.planning.assignment import Assignment
from app.engine.planning.limits import NO_LIMIT, Limits
from app.engine.planning.problem import AssignmentProblem


class Constraints:
    """The constraints of a problem; if it has none, everything is allowed."""

    def __init__(self, problem: AssignmentProblem) -> None:
        self.problem = problem
        self.rest_conflicts = _rest_conflicts(problem)
        self.shortest = min(problem.lengths)

    def allows(
        self,
        assignment: Assignment,
        person: int,
        shift: int,
        *,
        releasing: int = -1,
        replacing: int = -1,
    ) -> bool:
        """Tell whether ``person`` may take ``shift``.

        ``releasing`` is a shift that the person gives up for it, ``replacing`` a person who gives
        up ``shift``; -1 stands for none.
        """
        problem = self.problem
        if not problem.constrained:
            return True
        held = assignment.held[person]
        if releasing >= 0:
            held &= ~(1 << releasing)
        if held & self.rest_conflicts[shift]:
            return False
        if problem.max_consecutive and _run(held, shift) > problem.max_consecutive:
            return False
        if problem.limits and not self._within_limits(
            problem.limits, assignment, person, shift, held, releasing
        ):
            return False
        together = assignment.holders[shift] & problem.avoided[person]
        return not (together & ~(1 << replacing) if replacing >= 0 else together)

    def have_all(self, assignment: Assignment, person: int) -> bool:
        """Tell whether ``person`` has as many shifts or hours as their limits allow."""
        limits = self.problem.limits
        return limits is not None and (
            assignment.held[person].bit_count() >= limits.shifts[person]
            or assignment.total_ms(person) + self.shortest > limits.total_ms[person]
        )

    def _within_limits(
        self,
        limits: Limits,
        assignment: Assignment,
        person: int,
        shift: int,
        held: int,
        releasing: int,
    ) -> bool:
        """Tell whether ``person`` with the shifts ``held`` may have one more."""
        if held.bit_count() >= limits.shifts[person]:
            return False
        if limits.total_ms[person] < NO_LIMIT:
            total = assignment.total_ms(person) + self.problem.lengths[shift]
            total -= self.problem.lengths[releasing] if releasing >= 0 else 0
            if total > limits.total_ms[person]:
                return False
        return limits.allow_weekends(person, held, shift)


def _rest_conflicts(problem: AssignmentProblem) -> Sequence[int]:
    """Return for each shift the mask of the others that leave too little rest beside it."""
    if not problem.min_rest_ms:
        return [0] * len(problem.starts)
    conflicts = []
    for shift in range(len(problem.starts)):
        first, last = rest_range(problem, shift)
        conflicts.append((1 << last) - (1 << first) & ~(1 << shift))
    return conflicts


def rest_range(problem: AssignmentProblem, shift: int) -> tuple[int, int]:
    """Return the range ``[first, last)`` of the shifts too near to ``shift``, itself included."""
    first = bisect_right(problem.ends, problem.starts[shift] - problem.min_rest_ms)
    last = bisect_left(problem.starts, problem.ends[shift] + problem.min_rest_ms)
    return first, last


def _run(held: int, shift: int) -> int:
    """Count the shifts in the run that ``shift`` forms with the held shifts beside it."""
    first = last = shift
    while first and held >> first - 1 & 1:
        first -= 1
    while held >> last + 1 & 1:
        last += 1
    return last - first + 1
