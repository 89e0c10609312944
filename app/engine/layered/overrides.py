"""Overrides and entries as sources of assignments: the one created last wins.

Strategy: for an instant, one scan from the last created; who asks for many instants gets them from
a list of the winners. For a window, a sweep over their starts
with a heap of those that are running, the last created on top, so that ``n`` of them cost ``n``
logarithms however they overlap.

Invariants: an interval is maximal for its override or entry, and those of two are never joined,
even if they touch and name one person (rules 8 and 9 of ``schedules.md``). An override or entry
that is empty (``end_at <= start_at``) assigns nobody.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from app.engine.intervals import Interval, merged, split
from app.engine.layered.model import (
    NOBODY,
    AssignmentInterval,
    Entry,
    OnCallAssignment,
    Override,
    Segment,
    segment_of,
)
from app.engine.walltime import FOREVER

ManualAssignment = Override | Entry
_Winner = tuple[int, int, int]
"""``[start, end)`` and the index of the manual assignment that wins there."""

SCANS = 8
"""So many instants are looked for one by one."""


def assignment_of(manual: ManualAssignment) -> OnCallAssignment:
    """Return an override or an entry as the assignment that it makes."""
    if isinstance(manual, Override):
        user_id = NOBODY if manual.user_id is None else manual.user_id
        return OnCallAssignment(user_id, "override", None, manual, None)
    return OnCallAssignment(manual.user_id, "entry", None, None, manual)


class ManualAssignmentSource:
    """The source of all overrides, or of all entries, in the order of their creation."""

    __slots__ = ("_asked", "_assignments", "_winners")

    def __init__(self, assignments: Sequence[ManualAssignment]) -> None:
        self._assignments = assignments
        self._asked = 0
        self._winners: list[_Winner] = []

    def interval_at(self, at: int) -> AssignmentInterval:
        """Return the maximal ``[start, end)`` around an instant with one assignment or none."""
        self._asked += 1
        if self._asked <= SCANS:
            return self._scanned(at)
        if self._asked == SCANS + 1:
            self._winners = _winners_between(self._assignments, -FOREVER, FOREVER)
        index = bisect_right(self._winners, (at, FOREVER, 0))
        start, end = -FOREVER, FOREVER
        if index < len(self._winners):
            end = self._winners[index][0]
        if index:
            start, until, winner = self._winners[index - 1]
            if at < until:
                return start, until, assignment_of(self._assignments[winner])
            start = until
        return start, end, None

    def _scanned(self, at: int) -> AssignmentInterval:
        start, end = -FOREVER, FOREVER
        for manual in reversed(self._assignments):
            opens_at, closes_at = manual.start_at, manual.end_at
            if opens_at <= at < closes_at:
                return max(start, opens_at), min(end, closes_at), assignment_of(manual)
            if at < opens_at < closes_at:
                end = min(end, opens_at)
            elif opens_at < closes_at:
                start = max(start, closes_at)
        return start, end, None

    def segments_in(self, holes: Sequence[Interval]) -> tuple[list[Segment], list[Interval]]:
        """Return the segments inside the holes, and the holes that remain."""
        winners = _winners_between(self._assignments, holes[0][0], holes[-1][1])
        assigned, left = split(holes, merged([(start, end) for start, end, _ in winners]))
        assignments = [assignment_of(manual) for manual in self._assignments]
        return list(_segments(assigned, winners, assignments)), left


def _winners_between(
    assignments: Sequence[ManualAssignment], from_at: int, to_at: int
) -> list[_Winner]:
    """Return the winners in order of start, of all that overlap ``[from_at, to_at)``."""
    starts = sorted(
        (manual.start_at, -index, manual.end_at)
        for index, manual in enumerate(assignments)
        if from_at < manual.end_at and manual.start_at < min(to_at, manual.end_at)
    )
    winners: list[_Winner] = []
    running: list[tuple[int, int]] = []  # -index, end: the last created on top
    next_starts = [start for start, _, _ in starts[1:]] + [FOREVER]
    for (at, rank, end), next_start in zip(starts, next_starts, strict=False):
        heappush(running, (rank, end))
        _append_winners(winners, running, at, next_start)
    return winners


def _append_winners(
    winners: list[_Winner], running: list[tuple[int, int]], at: int, until: int
) -> None:
    """Append the winners in ``[at, until)``, in which nothing new starts."""
    while running and at < until:
        rank, end = running[0]
        if end <= at:
            heappop(running)
            continue
        stop = min(end, until)
        if winners and winners[-1][1:] == (at, -rank):
            winners[-1] = (winners[-1][0], stop, -rank)
        else:
            winners.append((at, stop, -rank))
        at = stop


def _segments(
    intervals: Sequence[Interval],
    winners: Sequence[_Winner],
    assignments: Sequence[OnCallAssignment],
) -> Iterator[Segment]:
    """Yield the intervals as segments, cut where another winner takes over."""
    index = 0
    for start, end in intervals:
        at = start
        while at < end:
            while winners[index][1] <= at:
                index += 1
            until = min(end, winners[index][1])
            yield segment_of(at, until, assignments[winners[index][2]])
            at = until
