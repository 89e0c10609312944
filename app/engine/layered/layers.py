"""One layer as a source of duties: its turns where its restrictions leave it active (rules 3 to 7).

Strategy: a layer is active in the windows of its restrictions from ``start_at`` on. For an
instant, the window and the run of turns around it are intersected; for a window of time, the
layer's windows are laid out at once and only the stretches that nothing above it covers are cut
into turns.

Invariant: ``stretch_at`` is maximal, so the state of the layer does change at both its ends.
"""

from app.engine.intervals import Span, parted
from app.engine.layered.model import Duty, Layer, Segment
from app.engine.layered.restrictions import Pattern, pattern_of, window_at, windows_between
from app.engine.layered.turns import Turns
from app.engine.walltime import FOREVER, Clock


class LayerSource:
    """The duties of one layer that has participants, on one clock."""

    __slots__ = ("_clock", "_last", "_layer", "_pattern", "_turns")

    def __init__(self, layer: Layer, clock: Clock) -> None:
        self._layer = layer
        self._clock = clock
        self._pattern: Pattern | None = None
        self._turns: Turns | None = None
        self._last: tuple[int, int, Duty | None] = (FOREVER, FOREVER, None)

    @property
    def turns(self) -> Turns:
        """The layer's turns, for those who number them."""
        return self._turns or self._prepared()

    def _prepared(self) -> Turns:
        """Pattern and turns, read only when somebody asks: most instants stop at an upper layer."""
        self._pattern = pattern_of(self._layer.restrictions)
        self._turns = turns = Turns(self._layer, self._clock, self._pattern)
        return turns

    def stretch_at(self, at: int) -> tuple[int, int, Duty | None]:
        """The maximal ``[start, end)`` around an instant with one duty, or with none."""
        if not self._last[0] <= at < self._last[1]:  # who follows asks about much the same stretch
            self._last = self._stretch_at(at)
        return self._last

    def _stretch_at(self, at: int) -> tuple[int, int, Duty | None]:
        start, end, active = self.active_at(at)
        if not active:
            return start, end, None
        turn_start, turn_end, user_id = self.turns.run_at(at)
        duty = Duty(user_id, "layer", self._layer.name, None, None)
        start = start if start > turn_start else turn_start  # noqa: FURB136 - hot: no calls
        return start, end if end < turn_end else turn_end, duty  # noqa: FURB136 - as above

    def active_at(self, at: int) -> tuple[int, int, bool]:
        """The maximal ``[start, end)`` around an instant, and whether the layer is active in it."""
        start_at = (self._turns or self._prepared()).start_at
        if at < start_at:
            _, end, active = window_at(self._pattern, self._clock, start_at)
            return -FOREVER, start_at if active else end, False
        start, end, active = window_at(self._pattern, self._clock, at)
        if start <= start_at:
            start = start_at if active else -FOREVER
        return start, end, active

    def fill(self, holes: list[Span]) -> tuple[list[Segment], list[Span]]:
        """The layer's segments inside the holes, and what stays a hole."""
        active, left = self.active_in(holes)
        return self._segments(active, self.turns), left

    def active_in(self, holes: list[Span]) -> tuple[list[Span], list[Span]]:
        """Where the layer is active inside the holes, of which there is at least one, and what
        stays a hole."""
        turns = self.turns
        if holes[-1][1] <= turns.start_at:
            return [], holes
        from_at = max(holes[0][0], turns.start_at)
        windows = windows_between(self._pattern, self._clock, from_at, holes[-1][1])
        _, active = parted(windows, [(-FOREVER, from_at)])
        return parted(holes, active)

    def _segments(self, spans: list[Span], turns: Turns) -> list[Segment]:
        """Active spans, in order, cut where another person's turn begins."""
        segments: list[Segment] = []
        append, new = segments.append, tuple.__new__  # a third of the cost of Segment(…)
        name = self._layer.name
        turn_end, user_id = -FOREVER, ""
        for start, end in spans:
            at = start
            while at < end:
                if at >= turn_end:
                    _, turn_end, user_id = turns.run_at(at)
                until = end if end < turn_end else turn_end  # noqa: FURB136 - hot
                told = (at, until, user_id, "layer", name, None, None, False, False)
                append(new(Segment, told))
                at = until
        return segments
