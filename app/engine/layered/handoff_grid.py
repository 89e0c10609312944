"""The nth handoff of a layer, by arithmetic (rules 3 and 5 of ``schedules.md``).

Strategy: handoffs lie on a grid of equal steps from handoff 0: elapsed time for hours; for days
and weeks wall time, converted to an instant by rule 2; for months the same day of the month, or the
last day of a month that lacks it. Cell ``k`` of the grid lies between handoffs ``k`` and ``k + 1``;
the cell that holds an instant is found by one division and at most one correction, however far
away it is; nothing steps through shifts.

Handoff 0 is the last point at or before ``start_at`` of the grid that the layer's clock times
spell: every day at ``handoff_time``, every week at ``handoff_day`` ``handoff_time``, every month
on the day of ``start_at``; every ``count`` hours after such a daily point. Where the layer leaves
one of them out, the value at ``start_at`` is taken, so that with no ``handoff_time`` handoff 0 is
``start_at``. Without ``start_at``, 1970-01-05T00:00 local stands in for it (rule 3), so that the
answer never depends on when it was asked; for months it is 1970-01-01T00:00.
A ``start_at`` that the clock skips is counted from as it was written: it is the first instant after
the gap, and later handoffs keep their time of day.

Invariants: ``handoff_at`` never decreases; ``cell_at(t) = k`` exactly if ``handoff_at(k) <= t <
handoff_at(k + 1)``. A cell is empty where the clock skipped all of it (a day that a zone left out).
"""

from datetime import date
from typing import Protocol

from app.engine.layered.model import Layer
from app.engine.walltime import DAY, HOUR, WALL_MONDAY, WEEK, ZoneClock

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Grid(Protocol):
    """The handoffs of a layer by number, which may be negative.

    Cell 0 holds the instant from which they are counted.
    """

    def handoff_at(self, index: int) -> int:
        """Return the instant of a handoff."""
        ...

    def wall_of(self, index: int) -> int:
        """Return the wall time of a handoff; for hours, by the clock's offset at ``start_at``."""
        ...

    def cell_at(self, at: int) -> int:
        """Return the number of the last handoff at or before an instant."""
        ...


class ElapsedGrid:
    """A grid with a handoff every ``step`` milliseconds of elapsed time."""

    __slots__ = ("_anchor_at", "_step", "_wall_anchor")

    def __init__(self, anchor_at: int, wall_anchor: int, step: int) -> None:
        self._anchor_at = anchor_at
        self._wall_anchor = wall_anchor
        self._step = step

    def handoff_at(self, index: int) -> int:
        return self._anchor_at + index * self._step

    def wall_of(self, index: int) -> int:
        return self._wall_anchor + index * self._step

    def cell_at(self, at: int) -> int:
        return (at - self._anchor_at) // self._step


class WallGrid:
    """A grid with a handoff every ``step`` milliseconds on the wall."""

    __slots__ = ("_clock", "_step", "_wall_anchor")

    def __init__(self, clock: ZoneClock, wall_anchor: int, step: int) -> None:
        self._clock = clock
        self._wall_anchor = wall_anchor
        self._step = step

    def handoff_at(self, index: int) -> int:
        return self._clock.first_at(self._wall_anchor + index * self._step)

    def wall_of(self, index: int) -> int:
        return self._wall_anchor + index * self._step

    def cell_at(self, at: int) -> int:
        wall, (wall_from, wall_to, _) = self._clock.wall_and_range(at)
        index = (wall - self._wall_anchor) // self._step
        if not wall_from <= wall < wall_to:  # in a repeated hour the wall shows less than was
            while self.handoff_at(index + 1) <= at:
                index += 1
        return index


class MonthGrid:
    """A grid with a handoff every ``count`` months from ``month`` on, on ``day`` at ``time``.

    Months are counted from the year 0; ``time`` is milliseconds since local midnight.
    """

    __slots__ = ("_clock", "_count", "_day", "_month", "_time")

    def __init__(self, clock: ZoneClock, month: int, day: int, time: int, count: int) -> None:
        self._clock = clock
        self._month = month
        self._day = day
        self._time = time
        self._count = count

    def handoff_at(self, index: int) -> int:
        return self._clock.first_at(self.wall_of(index))

    def wall_of(self, index: int) -> int:
        return _days_to(self._month + index * self._count, self._day) * DAY + self._time

    def cell_at(self, at: int) -> int:
        month, _ = _month_and_day(self._clock.wall(at))
        index = (month - self._month) // self._count - 1
        while self.handoff_at(index + 1) <= at:
            index += 1
        return index


def counted_from(layer: Layer, clock: ZoneClock) -> tuple[int, int]:
    """Return the instant and the wall time from which the handoffs of a layer are counted."""
    wall = layer.counted_from
    if layer.start_at is None:
        usual = 0 if layer.unit == "months" else WALL_MONDAY
        wall = usual if wall is None else wall
        return clock.first_at(wall), wall
    if wall is not None and clock.is_skipped(wall, layer.start_at):
        return layer.start_at, wall
    return layer.start_at, clock.wall(layer.start_at)


def monthly_from(clock: ZoneClock, wall: int, count: int) -> MonthGrid:
    """Return the grid with a handoff every ``count`` months, first at the wall time ``wall``."""
    month, day = _month_and_day(wall)
    return MonthGrid(clock, month, day, wall % DAY, count)


def grid_of(layer: Layer, clock: ZoneClock, from_at: int, wall_from: int) -> Grid:
    """Return the grid of a layer, counted from ``from_at``, whose wall time is ``wall_from``."""
    as_started = layer.handoff_time is None and layer.start_at is not None
    if layer.unit == "months":
        return _month_grid(layer, clock, from_at, wall_from)
    if layer.unit == "hours":
        wall = _wall_anchor(layer, clock, from_at, wall_from)
        anchor_at, step = from_at if as_started else clock.first_at(wall), layer.count * HOUR
        since_handoff = (from_at - anchor_at) % step
        return ElapsedGrid(from_at - since_handoff, wall_from - since_handoff, step)
    wall = wall_from if as_started else _wall_anchor(layer, clock, from_at, wall_from)
    return WallGrid(clock, wall, layer.count * (WEEK if layer.unit == "weeks" else DAY))


def _month_grid(layer: Layer, clock: ZoneClock, from_at: int, wall_from: int) -> MonthGrid:
    month, day = _month_and_day(wall_from)
    time = layer.handoff_time
    if time is None:
        time = 0 if layer.start_at is None else wall_from % DAY
    if clock.first_at(wall_from - wall_from % DAY + time) > from_at:
        month -= 1
    return MonthGrid(clock, month, day, time, layer.count)


def _wall_anchor(layer: Layer, clock: ZoneClock, from_at: int, wall_from: int) -> int:
    """Return the last wall time at or before ``from_at`` that is a handoff time of the layer."""
    step, spelled = DAY, layer.handoff_time or 0
    if layer.unit == "weeks":
        step, spelled = WEEK, spelled + WALL_MONDAY + (layer.handoff_day or 0) * DAY
    wall = wall_from - (wall_from - spelled) % step
    return wall + step if clock.first_at(wall + step) <= from_at else wall


def _month_and_day(wall: int) -> tuple[int, int]:
    day = date.fromordinal(_EPOCH_ORDINAL + wall // DAY)
    return day.year * 12 + day.month - 1, day.day


def _days_to(month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a day of a month, or to its last day if it is shorter."""
    return min(_first_day(month) + day, _first_day(month + 1)) - 1


def _first_day(month: int) -> int:
    """Return the days from 1970-01-01 to the first of a month.

    The calendar repeats every 400 years.
    """
    year, month_index = divmod(month, 12)
    cycles, year = divmod(year, 400)
    in_cycle = date(2000 + year, month_index + 1, 1).toordinal() - _EPOCH_ORDINAL
    return in_cycle + (cycles - 5) * 146_097
