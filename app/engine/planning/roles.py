"""Who of those that share a shift has which role.

Strategy: fixed roles stand; each other role, the first first, goes to whoever has had it least,
so that nobody is always the second. If people are too few the last roles stay empty.
"""

from collections import Counter
from collections.abc import Sequence

from app.engine.planning.assignment import Deal
from app.engine.planning.problem import bits
from app.engine.planning.request import Fixed


def seated(deal: Deal, fixed: Sequence[Fixed]) -> list[tuple[int | None, ...]]:
    """By shift, one person or ``None`` a role."""
    index = {name: person for person, name in enumerate(deal.board.people)}
    roles = {(item.shift, item.role): index[item.person] for item in fixed}
    had: Counter[tuple[int, int]] = Counter()
    return [
        _seats(shift, list(bits(people)), roles, deal, had)
        for shift, people in enumerate(deal.holders)
    ]


def _seats(
    shift: int,
    people: Sequence[int],
    roles: dict[tuple[int, int], int],
    deal: Deal,
    had: Counter[tuple[int, int]],
) -> tuple[int | None, ...]:
    seats = [roles.get((shift, role)) for role in range(deal.board.seats)]
    left = [person for person in people if person not in seats]
    for role, person in enumerate(seats):
        if person is None and left:
            chosen = min(left, key=lambda person: had[person, role])
            left.remove(chosen)
            seats[role] = chosen
    for role, person in enumerate(seats):
        if person is not None:
            had[person, role] += 1
    return tuple(seats)
