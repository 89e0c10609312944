"""Roles of the people who share a shift.

Strategy: fixed roles stand. Each other role, beginning with the first, goes to the person who has
had it least, so that nobody is always the second. If people are too few the last roles stay empty.
"""

from collections import Counter
from collections.abc import Sequence

from app.engine.planning.assignment import Assignment
from app.engine.planning.problem import bits
from app.engine.planning.request import FixedShift


def role_slots(assignment: Assignment, fixed: Sequence[FixedShift]) -> list[tuple[int | None, ...]]:
    """Give the people of each shift their roles: one person or ``None`` a role."""
    index = {name: person for person, name in enumerate(assignment.problem.people)}
    fixed_people = {(item.shift, item.role): index[item.person] for item in fixed}
    had: Counter[tuple[int, int]] = Counter()
    return [
        _slots_of_shift(shift, list(bits(people)), fixed_people, assignment, had)
        for shift, people in enumerate(assignment.holders)
    ]


def _slots_of_shift(
    shift: int,
    people: Sequence[int],
    fixed_people: dict[tuple[int, int], int],
    assignment: Assignment,
    had: Counter[tuple[int, int]],
) -> tuple[int | None, ...]:
    """Give the people of one shift their roles, and count them in ``had``."""
    slots = [fixed_people.get((shift, role)) for role in range(assignment.problem.slots_per_shift)]
    left = [person for person in people if person not in slots]
    for role, person in enumerate(slots):
        if person is None and left:
            chosen = min(left, key=lambda person: had[person, role])
            left.remove(chosen)
            slots[role] = chosen
    for role, person in enumerate(slots):
        if person is not None:
            had[person, role] += 1
    return tuple(slots)
