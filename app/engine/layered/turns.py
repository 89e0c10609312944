"""The turns of a layer, found at any instant by arithmetic (rules 4 to 6 of ``schedules.md``).

Strategy: turn ``n`` is cell ``n`` of the layer's grid of handoffs (``handoff_grid.py``); cell 0
holds ``start_at``. So the first turn runs from ``start_at`` to the first handoff strictly after it
(rule 4). Without ``start_at`` turns also run backwards from turn 0, and are numbered -1, -2, … The
numbers say nothing of whose turn it is: participants are counted from the turn that holds
``first_turn_at``, or from turn 0.

Where turns advance only when active (rule 6), a cell is counted if the windows of the restrictions
cover any part of it on the wall clock. Turn ``n`` ends with the ``n``-th counted cell (from 0), and
the uncounted cells just before that one belong to it. Only the part of the first cell from
``start_at`` on is looked at. A cell of days lies on the wall between its wall handoffs, a cell of
hours by the clock's offset at ``start_at``, so clock changes and skipped days never move the count;
cells of a week or more are always counted. As windows repeat by the week, counts repeat after
``lcm(step, week)``, at most 168 cells, so counting is a division and a look-up.

Invariants: turns are back to back from ``start_at`` on; finding one costs the same at any distance
(rule 5); a run of turns of one participant is at most one round of participants, or lasts for ever.
"""

from bisect import bisect_left
from collections.abc import Iterator
from math import gcd
from typing import NamedTuple

from app.engine.layered.handoff_grid import Grid, counted_from, grid_of
from app.engine.layered.model import Layer, Participant
from app.engine.layered.restrictions import RecurringWindows, overlaps
from app.engine.walltime import FOREVER, ZoneClock

_CYCLE = {"hours": 168, "days": 7, "weeks": 1, "months": 1}
"""Units after which windows recur; a cell of a week or more always overlaps one of them."""


class LayerTurn(NamedTuple):
    """One turn of a layer, ``[start_at, end_at)``. Turns before turn 0 have negative numbers."""

    number: int
    start_at: int
    end_at: int
    participant: Participant


class TurnSequence:
    """The turns of one layer that has participants, on one clock.

    ``start_at`` is ``-FOREVER`` if the layer has none. No method takes an instant before it but
    ``between``.
    """

    __slots__ = ("_count", "_first", "_grid", "_users", "start_at")

    def __init__(self, layer: Layer, clock: ZoneClock, recurring: RecurringWindows | None) -> None:
        from_at, wall_from = counted_from(layer, clock)
        self.start_at = -FOREVER if layer.start_at is None else from_at
        self._grid = grid_of(layer, clock, from_at, wall_from)
        self._count: _ActiveTurnCount | None = None
        if recurring is not None and layer.turns_on == "active":
            self._count = _active_turn_count(layer, recurring, self._grid, wall_from)
        first_at = layer.first_turn_at
        self._first = 0 if first_at is None else self.number_at(first_at) % len(layer.participants)
        self._users = layer.participants[-self._first :] + layer.participants[: -self._first]

    @property
    def round(self) -> int:
        """The number of turns after which it is everybody's again."""
        return len(self._users)

    def place_at(self, at: int) -> int:
        """Return the place in the list of participants of whoever has the turn at an instant."""
        return (self.number_at(at) - self._first) % len(self._users)

    def number_at(self, at: int) -> int:
        """Return the number of the turn that holds an instant."""
        cell = self._grid.cell_at(at)
        return cell if self._count is None else self._count.turn_of(cell)

    def begins_at(self, number: int) -> int:
        """Return the instant at which a turn begins."""
        cell = number if self._count is None else self._count.first_cell_of(number)
        if cell <= 0 and self.start_at > -FOREVER:
            return self.start_at
        return self._grid.handoff_at(cell)

    def run_at(self, at: int) -> tuple[int, int, Participant]:
        """Return ``[start, end)`` of the run of turns at an instant, and whose turns they are.

        A run is all turns in a row of one participant.
        """
        users = self._users
        size, number = len(users), self.number_at(at)
        participant = users[number % size]
        first, end = number, number + 1
        while users[end % size] == participant:
            end += 1
            if end > number + size:  # once round, and never anybody else
                return self.start_at, FOREVER, participant
        while users[(first - 1) % size] == participant:
            first -= 1
        return self.begins_at(first), self.begins_at(end), participant

    def between(self, from_at: int, to_at: int) -> Iterator[LayerTurn]:
        """Yield the turns that overlap ``[from_at, to_at)``, whole, in order, but no empty ones."""
        number = self.number_at(max(from_at, self.start_at))
        start_at = self.begins_at(number)
        while start_at < to_at:
            end_at = self.begins_at(number + 1)
            if start_at < end_at:
                yield LayerTurn(number, start_at, end_at, self._users[number % len(self._users)])
            number, start_at = number + 1, end_at


class _ActiveTurnCount(NamedTuple):
    """The cells of a cycle that are counted (rule 6 of ``schedules.md``).

    ``skipped`` is 1 if cell 0 would be counted but for the part before ``start_at``, else 0.
    """

    counted: tuple[int, ...]
    cycle: int
    skipped: int
    from_start: bool

    def turn_of(self, cell: int) -> int:
        """Return the number of the turn to which a cell belongs."""
        cycles, rest = divmod(cell, self.cycle)
        number = cycles * len(self.counted) + bisect_left(self.counted, rest) - self.skipped
        return max(number, 0) if self.from_start else number

    def first_cell_of(self, number: int) -> int:
        """Return the first of the cells that belong to a turn."""
        if number <= 0 and self.from_start:
            return 0
        cycles, rest = divmod(number + self.skipped - 1, len(self.counted))
        return cycles * self.cycle + self.counted[rest] + 1


def _active_turn_count(
    layer: Layer, recurring: RecurringWindows, grid: Grid, wall_from: int
) -> _ActiveTurnCount:
    cycle = _CYCLE[layer.unit] // gcd(layer.count, _CYCLE[layer.unit])
    counted = tuple(
        cell
        for cell in range(cycle)
        if overlaps(recurring, grid.wall_of(cell), grid.wall_of(cell + 1))
    )
    from_start = layer.start_at is not None
    cut = from_start and not overlaps(recurring, wall_from, grid.wall_of(1))
    return _ActiveTurnCount(counted, cycle, int(cut and counted[0] == 0), from_start)
