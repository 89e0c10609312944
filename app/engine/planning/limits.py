"""Upper limits of what one person has in the whole rotation: shifts, hours and weekends.

Strategy: limits of shifts and hours are capacities, so the flow keeps them exactly (``flow.py``).
Which weekends a person has depends on which shifts, so their limit is a constraint that is asked
before each shift (``constraints.py``). Invariant: what is fixed stands, even beyond a limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.layered.restrictions import recurring_windows, windows_between
from app.engine.layered.tally import WEEKEND
from app.engine.planning.boundaries import shifts_within
from app.engine.planning.request import PersonLimits, PlanningRequest
from app.engine.walltime import clock_of

NO_LIMIT = 1 << 62
"""More than anybody can have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all people, ``NO_LIMIT`` where there is none.

    By person: ``shifts``, ``total_ms`` and ``weekends``. ``weekend_shifts`` has the mask of shifts
    of each weekend, ``weekends_of`` the numbers of the weekends that each shift meets.
    """

    shifts: Sequence[int]
    total_ms: Sequence[int]
    weekends: Sequence[int]
    weekend_shifts: Sequence[int]
    weekends_of: Sequence[Sequence[int]]

    @property
    def of_weekends(self) -> bool:
        """Whether anybody has a limit of weekends."""
        return min(self.weekends) < NO_LIMIT

    @property
    def of_hours(self) -> bool:
        """Whether anybody has a limit of hours."""
        return min(self.total_ms) < NO_LIMIT

    def weekends_held(self, held: int) -> int:
        """Count the weekends that the shifts of the mask ``held`` meet."""
        return sum(bool(held & shifts) for shifts in self.weekend_shifts)

    def allow_weekends(self, person: int, held: int, shift: int) -> bool:
        """Tell whether ``person`` with the shifts ``held`` may have the weekends of ``shift``."""
        most = self.weekends[person]
        if most == NO_LIMIT or not self.weekends_of[shift]:
            return True
        return self.weekends_held(held | 1 << shift) <= most


def limits_of(request: PlanningRequest, people: Sequence[str]) -> Limits | None:
    """Return the limits of ``people``; ``None`` if nobody has any."""
    if not request.limits:
        return None
    each = [request.limits.get(name, PersonLimits()) for name in people]
    count = len(request.boundaries) - 1
    limited = any(limits.weekends is not None for limits in each)
    weekends = _weekends(request) if limited else []
    weekends_of: list[list[int]] = [[] for _ in range(count)]
    for number, shifts in enumerate(weekends):
        for shift in shifts:
            weekends_of[shift].append(number)
    return Limits(
        [_or_none(limits.shifts) for limits in each],
        [_or_none(limits.total_ms) for limits in each],
        [_or_none(limits.weekends) for limits in each],
        [sum(1 << shift for shift in shifts) for shifts in weekends],
        weekends_of,
    )


def _or_none(limit: int | None) -> int:
    return NO_LIMIT if limit is None else limit


def _weekends(request: PlanningRequest) -> Sequence[Sequence[int]]:
    """List the shifts that meet each weekend, by the clock of the rotation."""
    boundaries = request.boundaries
    pattern, clock = recurring_windows([WEEKEND]), clock_of(request.timezone)
    windows = windows_between(pattern, clock, boundaries[0], boundaries[-1])
    found = (range(*shifts_within(boundaries, *window)) for window in windows)
    return [shifts for shifts in found if shifts]
