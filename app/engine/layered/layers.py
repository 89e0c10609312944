"""One layer as a source of assignments: its turns, where its restrictions let it be active.

Strategy: a layer is active in the windows of its restrictions from ``start_at`` on (rules 3 to 7 of
``schedules.md``). For an instant, the window and the run of turns around it are intersected. For a
window of time, the layer's windows are laid out at once, and only the parts of them that nothing
above the layer covers are cut into turns.

Invariant: the interval of ``interval_at`` is maximal: the layer does change at both its ends.
"""

from app.engine.intervals import Interval, split
from app.engine.layered.model import AssignmentInterval, Layer, OnCallAssignment, Segment
from app.engine.layered.restrictions import (
    RecurringWindows,
    recurring_windows,
    window_at,
    windows_between,
)
from app.engine.layered.turns import TurnSequence
from app.engine.walltime import FOREVER, ZoneClock


class LayerSource:
    """The source of one layer that has participants, on one clock."""

    __slots__ = ("_clock", "_last", "_layer", "_recurring", "_turns")

    def __init__(self, layer: Layer, clock: ZoneClock) -> None:
        self._layer = layer
        self._clock = clock
        self._recurring: RecurringWindows | None = None
        self._turns: TurnSequence | None = None
        self._last: AssignmentInterval = (FOREVER, FOREVER, None)

    @property
    def turns(self) -> TurnSequence:
        """The turns of the layer."""
        return self._turns or self._prepare()

    def _prepare(self) -> TurnSequence:
        """Work out windows and turns, at the first use: most instants stop at an upper layer."""
        self._recurring = recurring_windows(self._layer.restrictions)
        self._turns = turns = TurnSequence(self._layer, self._clock, self._recurring)
        return turns

    def interval_at(self, at: int) -> AssignmentInterval:
        """Return the maximal ``[start, end)`` around an instant with one assignment or none."""
        if not self._last[0] <= at < self._last[1]:  # the search for ``next`` asks here again
            self._last = self._interval_at(at)
        return self._last

    def _interval_at(self, at: int) -> AssignmentInterval:
        start, end, active = self.active_at(at)
        if not active:
            return start, end, None
        turn_start, turn_end, user_id = self.turns.run_at(at)
        assignment = OnCallAssignment(user_id, "layer", self._layer.name, None, None)
        start = start if start > turn_start else turn_start  # noqa: FURB136 - hot: no calls
        return start, end if end < turn_end else turn_end, assignment  # noqa: FURB136 - as above

    def active_at(self, at: int) -> tuple[int, int, bool]:
        """Return the maximal ``[start, end)`` around an instant, and whether the layer is active.

        It is active, or not, in all of the interval.
        """
        start_at = (self._turns or self._prepare()).start_at
        if at < start_at:
            _, end, active = window_at(self._recurring, self._clock, start_at)
            return -FOREVER, start_at if active else end, False
        start, end, active = window_at(self._recurring, self._clock, at)
        if start <= start_at:
            start = start_at if active else -FOREVER
        return start, end, active

    def segments_in(self, holes: list[Interval]) -> tuple[list[Segment], list[Interval]]:
        """Return the layer's segments inside the holes, and the holes that remain."""
        active, left = self.active_in(holes)
        return self._segments(active, self.turns), left

    def active_in(self, holes: list[Interval]) -> tuple[list[Interval], list[Interval]]:
        """Return the parts of the holes in which the layer is active, and the holes that remain.

        There must be at least one hole.
        """
        turns = self.turns
        if holes[-1][1] <= turns.start_at:
            return [], holes
        from_at = max(holes[0][0], turns.start_at)
        windows = windows_between(self._recurring, self._clock, from_at, holes[-1][1])
        _, active = split(windows, [(-FOREVER, from_at)])
        return split(holes, active)

    def _segments(self, intervals: list[Interval], turns: TurnSequence) -> list[Segment]:
        """Return active intervals as segments, cut where another person's turn begins."""
        segments: list[Segment] = []
        append, new = segments.append, tuple.__new__  # a third of the cost of Segment(…)
        name = self._layer.name
        turn_end, user_id = -FOREVER, ""
        for start, end in intervals:
            at = start
            while at < end:
                if at >= turn_end:
                    _, turn_end, user_id = turns.run_at(at)
                until = end if end < turn_end else turn_end  # noqa: FURB136 - hot
                fields = (at, until, user_id, "layer", name, None, None, False, False)
                append(new(Segment, fields))
                at = until
        return segments
