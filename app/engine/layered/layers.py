"""One layer as a source of assignments: its turns, where its restrictions let it be active.

Strategy: a layer is active in the windows of its restrictions from ``start_at`` until ``end_at``
(rules 3 to 7 of ``schedules.md``). For an instant, the window and the run of turns around it are
intersected. For a window of time, the layer's windows are laid out at once, and only the parts of
them that nothing above the layer covers are cut into turns. Where turns belong to nobody or people
are away, a run of turns is further cut into pieces, and pieces with the same assignment are joined.

Invariant: the interval of ``interval_at`` is maximal: the layer does change at both its ends.
"""

from collections.abc import Sequence

from app.engine.intervals import Interval, merged, split, split_at
from app.engine.layered.away import Attendance
from app.engine.layered.limits import EARLIEST_AT, LATEST_AT
from app.engine.layered.model import (
    Absence,
    AssignmentInterval,
    Layer,
    OnCallAssignment,
    PassedOver,
    PassedOverStretch,
    Segment,
    WhenAway,
    goes_on,
    members_of,
    segment_of,
)
from app.engine.layered.restrictions import (
    RecurringWindows,
    recurring_windows,
    window_at,
    windows_between,
)
from app.engine.layered.turns import LayerTurn, TurnSequence
from app.engine.walltime import FOREVER, ZoneClock


class LayerSource:
    """The source of one layer that has participants, on one clock.

    ``absences`` are those of its people.
    """

    __slots__ = ("_attendance", "_clock", "_in_pieces", "_last", "_layer", "_recurring", "_turns")

    def __init__(
        self,
        layer: Layer,
        clock: ZoneClock,
        absences: Sequence[Absence] = (),
        when_away: WhenAway = "next",
    ) -> None:
        self._layer = layer
        self._clock = clock
        self._recurring: RecurringWindows | None = None
        self._turns: TurnSequence | None = None
        self._last: AssignmentInterval = (FOREVER, FOREVER, None)
        self._attendance = Attendance(layer, absences, when_away) if absences else None
        self._in_pieces = self._attendance is not None or None in layer.participants

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
            self._last = self._joined_at(at) if self._in_pieces else self._piece_at(at)
        return self._last

    def _joined_at(self, at: int) -> AssignmentInterval:
        """Return the piece around an instant, joined with those that go on with its assignment."""
        start, end, assignment = self._piece_at(at)
        while start > EARLIEST_AT:
            earlier, _, before = self._piece_at(start - 1)
            if not goes_on(before, assignment):
                break
            start = earlier
        while end < LATEST_AT:
            _, later, after = self._piece_at(end)
            if not goes_on(assignment, after):
                break
            end = later
        return start, end, assignment

    def _piece_at(self, at: int) -> AssignmentInterval:
        """Return ``[start, end)`` around an instant within one run of turns, and its assignment.

        Unless the layer goes by pieces, it is maximal.
        """
        start, end, active = self.active_at(at)
        if not active:
            return start, end, None
        turn_start, turn_end, participant = self.turns.run_at(at)
        start = start if start > turn_start else turn_start  # noqa: FURB136 - hot: no calls
        end = end if end < turn_end else turn_end  # noqa: FURB136 - as above
        if self._attendance:
            return self._attended(at, start, end, self._attendance)
        if participant is None:
            return start, end, None
        first, *others = members_of(participant)
        return (
            start,
            end,
            OnCallAssignment(first, "layer", self._layer.name, None, None, tuple(others)),
        )

    def _attended(
        self, at: int, start: int, end: int, attendance: Attendance
    ) -> AssignmentInterval:
        """Return the part of a run of turns ``[start, end)`` in which the same people are away."""
        presence = attendance.presence_at(at)
        if presence.nobody:
            return presence.start_at, presence.end_at, None
        start, end = max(start, presence.start_at), min(end, presence.end_at)
        return start, end, attendance.assignment(presence, self.turns.place_at(at))

    def active_at(self, at: int) -> tuple[int, int, bool]:
        """Return the maximal ``[start, end)`` around an instant, and whether the layer is active.

        It is active, or not, in all of the interval.
        """
        end_at = self._layer.end_at
        if end_at is None:
            return self._started_at(at)
        start, end, active = self._started_at(min(at, end_at - 1))
        if at >= end_at:
            return end_at if active else start, FOREVER, False
        if end >= end_at:
            end = end_at if active else FOREVER
        return start, end, active

    def _started_at(self, at: int) -> tuple[int, int, bool]:
        """Return what ``active_at`` does, of a layer that never ends."""
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
        if self._in_pieces:
            segments, unassigned = self._pieces(active)
            return segments, merged(sorted([*left, *unassigned])) if unassigned else left
        return self._segments(active, self.turns), left

    def active_in(self, holes: list[Interval]) -> tuple[list[Interval], list[Interval]]:
        """Return the parts of the holes in which the layer is active, and the holes that remain.

        There must be at least one hole.
        """
        turns = self.turns
        end_at = self._layer.end_at
        holes, after = (holes, []) if end_at is None else split_at(holes, end_at)
        if not holes or holes[-1][1] <= turns.start_at:
            return [], merged([*holes, *after])
        from_at = max(holes[0][0], turns.start_at)
        windows = windows_between(self._recurring, self._clock, from_at, holes[-1][1])
        _, active = split(windows, [(-FOREVER, from_at)])
        inside, left = split(holes, active)
        return inside, merged([*left, *after]) if after else left

    def shift_at(self, at: int) -> tuple[int, int, LayerTurn | None, OnCallAssignment | None]:
        """Return the maximal ``[start, end)`` around an instant of one assignment in one turn.

        Without an assignment it is the maximal one with none, and no turn.
        """
        start, end, assignment = self.interval_at(at)
        if assignment is None:
            return start, end, None, None
        turn = next(self.turns.between(at, at + 1))
        return max(start, turn.start_at), min(end, turn.end_at), turn, assignment

    def _segments(self, intervals: list[Interval], turns: TurnSequence) -> list[Segment]:
        """Return active intervals as segments, cut where another participant's turn begins."""
        segments: list[Segment] = []
        append, new = segments.append, tuple.__new__  # a third of the cost of Segment(…)
        name = self._layer.name
        turn_end = -FOREVER
        rest: tuple[object, ...] = ()
        for start, end in intervals:
            at = start
            while at < end:
                if at >= turn_end:
                    _, turn_end, participant = turns.run_at(at)
                    first, *others = members_of(participant)
                    rest = (first, "layer", name, None, None, tuple(others), (), False, False)
                until = end if end < turn_end else turn_end  # noqa: FURB136 - hot
                append(new(Segment, (at, until, *rest)))
                at = until
        return segments

    def _pieces(self, intervals: list[Interval]) -> tuple[list[Segment], list[Interval]]:
        """Return active intervals as segments, and those parts of them that nobody has."""
        segments = JoinedSegments()
        unassigned: list[Interval] = []
        for start, end in intervals:
            at = start
            while at < end:
                _, until, assignment = self._piece_at(at)
                until = min(until, end)
                if assignment is None:
                    unassigned.append((at, until))
                else:
                    segments.add(at, until, assignment)
                at = until
        return segments.all(), unassigned


class JoinedSegments:
    """Segments while they are put together of pieces, which come in order."""

    __slots__ = ("_ends", "_last", "_passed", "_segments")

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._last: tuple[int, int, OnCallAssignment] | None = None
        self._passed: list[PassedOverStretch] = []
        self._ends: dict[PassedOver, int] = {}
        """The place of the last stretch of everybody who was passed over."""

    def add(self, start: int, end: int, why: OnCallAssignment) -> None:
        """Add a piece: to the last segment if it continues that, else as a new one."""
        last = self._last
        if last and last[1] == start and last[2].continues(why):
            self._last = (last[0], end, why)
        else:
            self._close()
            self._last = (start, end, why)
        for who in why.passed_over:
            place = self._ends.get(who)
            if place is not None and self._passed[place].end_at == start:
                self._passed[place] = self._passed[place]._replace(end_at=end)
            else:
                self._ends[who] = len(self._passed)
                self._passed.append(PassedOverStretch(start, end, *who))

    def all(self) -> list[Segment]:
        """Return the segments; there is no more to add."""
        self._close()
        return self._segments

    def _close(self) -> None:
        if self._last:
            self._segments.append(segment_of(*self._last, self._passed))
        self._last, self._passed, self._ends = None, [], {}
