"""One layer as a source of duties: its turns where its restrictions leave it active (rules 3 to 7).

Strategy: a layer is active in the windows of its restrictions from ``start_at`` on. For an instant, the
window and the run of turns around it are intersected; for a window of time, the layer's windows are laid
out at once and only the stretches that nothing above it covers are cut into turns.

Invariant: ``stretch_at`` is maximal, so the state of the layer does change at both its ends.
"""

from collections.abc import Sequence

from app.rota.handoffs import Turns
from app.rota.model import Duty, Layer, Segment
from app.rota.spans import Span, parted
from app.rota.walltime import FOREVER, Clock
from app.rota.windows import pattern_of, window_at, windows_between


class LayerSource:
    """The duties of one layer that has participants, on one clock."""

    __slots__ = ("_clock", "_name", "_pattern", "_turns")

    def __init__(self, layer: Layer, clock: Clock) -> None:
        self._clock = clock
        self._name = layer.name
        self._pattern = pattern_of(layer.restrictions)
        self._turns = Turns(layer, clock, self._pattern)

    def stretch_at(self, at: int) -> tuple[int, int, Duty | None]:
        """The maximal ``[start, end)`` around an instant with one duty, or with none."""
        start_at = self._turns.start_at
        if at < start_at:
            _, end, active = self._window_at(start_at)
            return -FOREVER, start_at if active else end, None
        start, end, active = self._window_at(at)
        if not active:
            return start if start > start_at else -FOREVER, end, None
        turn_start, turn_end, user_id = self._turns.run_at(at)
        duty = Duty(user_id, "layer", self._name, None, None)
        return max(start, turn_start), min(end, turn_end), duty

    def _window_at(self, at: int) -> tuple[int, int, bool]:
        if self._pattern is None:
            return -FOREVER, FOREVER, True
        return window_at(self._pattern, self._clock, at)

    def fill(self, holes: Sequence[Span]) -> tuple[list[Segment], list[Span]]:
        """The layer's segments inside the holes, and what stays a hole."""
        if holes[-1][1] <= self._turns.start_at:
            return [], list(holes)
        covered, left = parted(holes, self._active_between(holes[0][0], holes[-1][1]))
        return self._segments(covered), left

    def _active_between(self, from_at: int, to_at: int) -> Sequence[Span]:
        """Where the layer is active: at least all that meets ``[from_at, to_at)``."""
        from_at = max(from_at, self._turns.start_at)
        if self._pattern is None:
            return ((from_at, to_at),)
        windows = windows_between(self._pattern, self._clock, from_at, to_at)
        if self._turns.start_at < from_at:
            return windows
        return [(max(start, from_at), end) for start, end in windows if end > from_at]

    def _segments(self, spans: Sequence[Span]) -> list[Segment]:
        """Active spans, in order, cut where another person's turn begins."""
        segments: list[Segment] = []
        append, make, run_at = segments.append, Segment._make, self._turns.run_at
        turn_end, user_id = -FOREVER, ""
        for start, end in spans:
            at = start
            while at < end:
                if at >= turn_end:
                    _, turn_end, user_id = run_at(at)
                until = end if end < turn_end else turn_end
                append(make((at, until, user_id, "layer", self._name, None, None, False, False)))
                at = until
        return segments


def layer_turns(layer: Layer, clock: Clock) -> Turns:
    """The turns of a layer with participants, for those who number them (v2 entries)."""
    return Turns(layer, clock, pattern_of(layer.restrictions))
