"""Greedy balancing of an assignment: quick, and without looking back.

Strategy: as long as one person can end up below where another began, a shift of the usual length is
handed along a path between them. With equal weights and lengths no other assignment is then more
even, whatever the measure (the counts that flows allow are an M-convex set, where local optima are
global). Otherwise it is the start of the exact search (``min_spread.py``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from app.engine.planning.assignment import Assignment, SearchBudget, path_of
from app.engine.planning.capacities import Capacities, capacities_of
from app.engine.planning.problem import AssignmentProblem


def masks_by_length(problem: AssignmentProblem) -> Mapping[int, int]:
    """Return the mask of the shifts of each length, the most frequent length first.

    Shifts that nobody can take are left out.
    """
    masks: Counter[int] = Counter()
    for shift, length in enumerate(problem.lengths):
        if problem.demand[shift]:
            masks[length] |= 1 << shift
    order = sorted(masks, key=lambda length: (-masks[length].bit_count(), length))
    return {length: masks[length] for length in order}


def balance_greedily(assignment: Assignment, budget: SearchBudget) -> None:
    """Make ``assignment`` more even until no path does. Raises ``BudgetExhausted``."""
    by_length, capacities = masks_by_length(assignment.problem), capacities_of(assignment.problem)
    moved = bool(by_length)
    while moved:
        moved = _hand_over_shifts(assignment, by_length, capacities, budget) | _swap_shifts(
            assignment, by_length, capacities, budget
        )


def _hand_over_shifts(
    assignment: Assignment,
    by_length: Mapping[int, int],
    capacities: Capacities,
    budget: SearchBudget,
) -> bool:
    length, usual = next(iter(by_length.items()))
    moved = False
    for giver in sorted(range(len(assignment.held)), key=lambda person: -assignment.loads[person]):
        while path := _balancing_path(assignment, giver, length, usual, capacities, budget):
            assignment.augment_along(path, usual)
            moved = True
    return moved


def _balancing_path(
    assignment: Assignment,
    giver: int,
    length: int,
    usual: int,
    capacities: Capacities,
    budget: SearchBudget,
) -> Sequence[int] | None:
    """Find a path from ``giver`` to a person who then ends up below where ``giver`` began.

    Of several such people it is the least loaded; ``None`` if there is none.
    """
    load_per_ms, loads = assignment.problem.load_per_ms, assignment.loads
    most, kept = loads[giver], loads[giver] - load_per_ms[giver] * length
    reached = assignment.takers_from(giver, budget, usual)
    eligible = [
        person
        for person in reached
        if loads[person] + load_per_ms[person] * length < most
        and loads[person] <= kept
        and capacities.have_room(assignment, person, length)
    ]
    if not eligible:
        return None
    return path_of(min(eligible, key=lambda person: loads[person]), reached)[::-1]


def _swap_shifts(
    assignment: Assignment,
    by_length: Mapping[int, int],
    capacities: Capacities,
    budget: SearchBudget,
) -> bool:
    """Swap shifts of different lengths between two people, and tell whether any were swapped."""
    if len(by_length) == 1:
        return False
    moved = False
    order = sorted(range(len(assignment.held)), key=lambda person: -assignment.loads[person])
    for more in order:
        for less in reversed(order):
            budget.spend(len(by_length) ** 2)
            if assignment.loads[less] < assignment.loads[more]:
                moved |= _swap_pair(assignment, more, less, by_length, capacities)
    return moved


def _swap_pair(
    assignment: Assignment,
    more: int,
    less: int,
    by_length: Mapping[int, int],
    capacities: Capacities,
) -> bool:
    load_per_ms, loads = assignment.problem.load_per_ms, assignment.loads
    given, taken = assignment.movable(more, less), assignment.movable(less, more)
    for length, mask in by_length.items():
        for shorter, other in by_length.items():
            gain = length - shorter
            if (
                gain > 0
                and given & mask
                and taken & other
                and loads[less] + load_per_ms[less] * gain < loads[more]
                and loads[more] - load_per_ms[more] * gain >= loads[less]
                and capacities.have_hours(assignment, less, gain)
            ):
                assignment.hand_over(more, less, mask)
                assignment.hand_over(less, more, other)
                return True
    return False
