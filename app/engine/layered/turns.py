"""The turn at an instant, and its bounds, by arithmetic (rules 4 to 6).

Strategy: turn ``n`` is stretch ``n`` of the layer's grid of handoffs (``grids.py``); stretch 0 is
the one that holds ``start_at``. So the first turn runs from ``start_at`` to the first handoff
strictly after it (rule 4). Without ``start_at`` turns also run backwards from turn 0, and are
numbered -1, -2, …

Turns that advance only when active (rule 6): a stretch is counted if the restrictions' windows,
laid on the wall clock, cover any part of it; turn ``n`` ends with the ``n``-th counted stretch
(from 0), and the uncounted stretches just before that one belong to it. Of the first stretch only
the part from ``start_at`` on is looked at. Stretches of days lie on the wall between their wall
handoffs, stretches of hours by the clock's offset at ``start_at``, so clock changes and skipped
days never move the count; stretches of a week or more are always counted. As windows repeat by the
week, counts repeat after ``lcm(step, week)``, at most 168 stretches, so counting is a division and
a look-up.

Invariants: turns are back to back from ``start_at`` on; finding one costs the same at any distance
(rule 5); a run of turns of one person is at most one round of participants, or lasts for ever.
"""

from bisect import bisect_left
from collections.abc import Iterator
from math import gcd
from typing import NamedTuple

from app.engine.layered.handoff_grid import Grid, grid_of
from app.engine.layered.model import Layer
from app.engine.layered.restrictions import Pattern, meets
from app.engine.walltime import FOREVER, WALL_MONDAY, Clock

_CYCLE = {"hours": 168, "days": 7, "weeks": 1, "months": 1}
"""After how many units the week's windows look the same; a week or more always meets one."""


class Turn(NamedTuple):
    """Turn ``number`` of a layer, ``[start_at, end_at)``; the number is negative before turn 0."""

    number: int
    start_at: int
    end_at: int
    user_id: str


class Turns:
    """The turns of one layer that has participants, on one clock.

    ``start_at`` is ``-FOREVER`` when the layer has none: no instant asked about may be before it.
    """

    __slots__ = ("_count", "_grid", "_users", "start_at")

    def __init__(self, layer: Layer, clock: Clock, pattern: Pattern | None) -> None:
        from_at = clock.first_at(WALL_MONDAY) if layer.start_at is None else layer.start_at
        wall_from = WALL_MONDAY if layer.start_at is None else clock.wall(from_at)
        self.start_at = -FOREVER if layer.start_at is None else from_at
        self._users = layer.participants
        self._grid = grid_of(layer, clock, from_at, wall_from)
        self._count: _Count | None = None
        if pattern is not None and layer.turns_on == "active":
            self._count = _count_of(layer, pattern, self._grid, wall_from)

    def number_at(self, at: int) -> int:
        """The number of the turn that holds an instant."""
        stretch = self._grid.stretch_at(at)
        return stretch if self._count is None else self._count.turn_of(stretch)

    def begins_at(self, number: int) -> int:
        """The instant at which a turn begins."""
        stretch = number if self._count is None else self._count.first_stretch_of(number)
        if stretch <= 0 and self.start_at > -FOREVER:
            return self.start_at
        return self._grid.handoff_at(stretch)

    def run_at(self, at: int) -> tuple[int, int, str]:
        """``[start, end)`` of the turns in a row of the person whose turn it is, and that
        person."""
        users = self._users
        size, number = len(users), self.number_at(at)
        user_id = users[number % size]
        first, end = number, number + 1
        while users[end % size] == user_id:
            end += 1
            if end > number + size:  # once round, and never anybody else
                return self.start_at, FOREVER, user_id
        while users[(first - 1) % size] == user_id:
            first -= 1
        return self.begins_at(first), self.begins_at(end), user_id

    def between(self, from_at: int, to_at: int) -> Iterator[Turn]:
        """Every turn that meets ``[from_at, to_at)``, uncut, in order, without the empty ones."""
        number = self.number_at(max(from_at, self.start_at))
        start_at = self.begins_at(number)
        while start_at < to_at:
            end_at = self.begins_at(number + 1)
            if start_at < end_at:
                yield Turn(number, start_at, end_at, self._users[number % len(self._users)])
            number, start_at = number + 1, end_at


class _Count(NamedTuple):
    """Which stretches of a cycle are counted (rule 6); ``skipped``: stretch 0 is not, by its
    cut."""

    counted: tuple[int, ...]
    cycle: int
    skipped: int
    from_start: bool

    def turn_of(self, stretch: int) -> int:
        cycles, rest = divmod(stretch, self.cycle)
        number = cycles * len(self.counted) + bisect_left(self.counted, rest) - self.skipped
        return max(number, 0) if self.from_start else number

    def first_stretch_of(self, number: int) -> int:
        if number <= 0 and self.from_start:
            return 0
        cycles, rest = divmod(number + self.skipped - 1, len(self.counted))
        return cycles * self.cycle + self.counted[rest] + 1


def _count_of(layer: Layer, pattern: Pattern, grid: Grid, wall_from: int) -> _Count:
    cycle = _CYCLE[layer.unit] // gcd(layer.count, _CYCLE[layer.unit])
    counted = tuple(
        stretch
        for stretch in range(cycle)
        if meets(pattern, grid.wall_of(stretch), grid.wall_of(stretch + 1))
    )
    from_start = layer.start_at is not None
    cut = from_start and not meets(pattern, wall_from, grid.wall_of(1))
    return _Count(counted, cycle, int(cut and counted[0] == 0), from_start)
