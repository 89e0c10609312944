"""The nth handoff by arithmetic (rules 3 and 5).

Strategy: handoffs lie on a grid of equal steps from handoff 0: elapsed time for hours; for days
and weeks wall time, made an instant by rule 2; for months the same day of the month, or the last
day of a month that lacks it. The stretch between handoff ``k`` and ``k + 1`` that holds an instant
is found by one division and at most one correction, however far away it is; nothing steps through
shifts.

Handoff 0 is the last point at or before ``start_at`` of the grid that the layer's clock times
spell: every day at ``handoff_time``, every week at ``handoff_day`` ``handoff_time``, every month
on the day of ``start_at``; every ``count`` hours after such a daily point. What is not given is as
``start_at`` has it, so that with no ``handoff_time`` handoff 0 is ``start_at``. Without
``start_at``, 1970-01-05T00:00 local stands in for it (rule 3), so that the answer never depends on
when it was asked.

Invariants: ``handoff_at`` never decreases; ``stretch_at(t) = k`` exactly if ``handoff_at(k) <= t <
handoff_at(k + 1)``. A stretch is empty where the clock skipped all of it (a day that a zone left
out).
"""

from datetime import date
from typing import Protocol

from app.engine.layered.model import Layer
from app.engine.walltime import DAY, HOUR, WALL_MONDAY, WEEK, Clock

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Grid(Protocol):
    """Handoffs by number, which may be negative; stretch 0 holds the instant they count from."""

    def handoff_at(self, index: int) -> int:
        """The instant of handoff ``index``."""
        ...

    def wall_of(self, index: int) -> int:
        """Where handoff ``index`` lies on the wall; for hours, on the wall as it was at
        ``start_at``."""
        ...

    def stretch_at(self, at: int) -> int:
        """The number of the last handoff at or before an instant."""
        ...


class ElapsedGrid:
    """Every ``step`` milliseconds of elapsed time."""

    __slots__ = ("_anchor_at", "_step", "_wall_anchor")

    def __init__(self, anchor_at: int, wall_anchor: int, step: int) -> None:
        self._anchor_at = anchor_at
        self._wall_anchor = wall_anchor
        self._step = step

    def handoff_at(self, index: int) -> int:
        return self._anchor_at + index * self._step

    def wall_of(self, index: int) -> int:
        return self._wall_anchor + index * self._step

    def stretch_at(self, at: int) -> int:
        return (at - self._anchor_at) // self._step


class WallGrid:
    """Every ``step`` milliseconds on the wall."""

    __slots__ = ("_clock", "_step", "_wall_anchor")

    def __init__(self, clock: Clock, wall_anchor: int, step: int) -> None:
        self._clock = clock
        self._wall_anchor = wall_anchor
        self._step = step

    def handoff_at(self, index: int) -> int:
        return self._clock.first_at(self._wall_anchor + index * self._step)

    def wall_of(self, index: int) -> int:
        return self._wall_anchor + index * self._step

    def stretch_at(self, at: int) -> int:
        wall, (wall_from, wall_to, _) = self._clock.seen(at)
        index = (wall - self._wall_anchor) // self._step
        if not wall_from <= wall < wall_to:  # in a repeated hour the wall shows less than was
            while self.handoff_at(index + 1) <= at:
                index += 1
        return index


class MonthGrid:
    """Every ``count`` months from ``month`` (months since year 0) on ``day`` at ``time``."""

    __slots__ = ("_clock", "_count", "_day", "_month", "_time")

    def __init__(self, clock: Clock, month: int, day: int, time: int, count: int) -> None:
        self._clock = clock
        self._month = month
        self._day = day
        self._time = time
        self._count = count

    def handoff_at(self, index: int) -> int:
        return self._clock.first_at(self.wall_of(index))

    def wall_of(self, index: int) -> int:
        return _days_to(self._month + index * self._count, self._day) * DAY + self._time

    def stretch_at(self, at: int) -> int:
        month, _ = _month_and_day(self._clock.wall(at))
        index = (month - self._month) // self._count - 1
        while self.handoff_at(index + 1) <= at:
            index += 1
        return index


def grid_of(layer: Layer, clock: Clock, from_at: int, wall_from: int) -> Grid:
    """The layer's handoffs; ``from_at`` (on the wall ``wall_from``) is what they count from."""
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


def _month_grid(layer: Layer, clock: Clock, from_at: int, wall_from: int) -> MonthGrid:
    month, day = _month_and_day(wall_from)
    time = layer.handoff_time
    if time is None:
        time = 0 if layer.start_at is None else wall_from % DAY
    if clock.first_at(wall_from - wall_from % DAY + time) > from_at:
        month -= 1
    return MonthGrid(clock, month, day, time, layer.count)


def _wall_anchor(layer: Layer, clock: Clock, from_at: int, wall_from: int) -> int:
    """The last wall time at or before ``from_at`` that the layer's handoff time spells."""
    step, spelled = DAY, layer.handoff_time or 0
    if layer.unit == "weeks":
        step, spelled = WEEK, spelled + WALL_MONDAY + (layer.handoff_day or 0) * DAY
    wall = wall_from - (wall_from - spelled) % step
    return wall + step if clock.first_at(wall + step) <= from_at else wall


def _month_and_day(wall: int) -> tuple[int, int]:
    day = date.fromordinal(_EPOCH_ORDINAL + wall // DAY)
    return day.year * 12 + day.month - 1, day.day


def _days_to(month: int, day: int) -> int:
    """Days from 1970-01-01 to a day of a month, or to its last day if it lacks that day."""
    return min(_first_day(month) + day, _first_day(month + 1)) - 1


def _first_day(month: int) -> int:
    """Days from 1970-01-01 to the first of a month; the calendar repeats every 400 years."""
    year, month_index = divmod(month, 12)
    cycles, year = divmod(year, 400)
    in_cycle = date(2000 + year, month_index + 1, 1).toordinal() - _EPOCH_ORDINAL
    return in_cycle + (cycles - 5) * 146_097
