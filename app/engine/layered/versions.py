"""Answers for a schedule that was changed: the past is answered by the version that held then.

Strategy: overrides and entries are the same in all versions, so only layers differ. The layers of
all versions together are one more source for ``resolve.py``. For an instant, the version that holds
it is asked, and its neighbours as long as they continue the same assignment. For a window, the
holes are split where versions begin, each version fills its own, and segments that continue over
such a split are joined again.

Invariants: a version ends where the next begins; of two that begin at once the later holds. An
assignment continues over the beginning of a version if it is equal on both sides: the same person
in a layer of the same name. With one version the answer is that of ``resolve.py``, at its cost.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from app.engine.intervals import Interval, merged, split_at
from app.engine.layered import resolve
from app.engine.layered.limits import EARLIEST_AT, check_instant, check_schedule, check_window
from app.engine.layered.model import (
    AssignmentInterval,
    FinalSchedule,
    OnCall,
    Schedule,
    Segment,
    goes_on,
)
from app.engine.walltime import FOREVER


class ScheduleVersion(NamedTuple):
    """A schedule as it holds from ``from_at`` until the next version begins.

    ``from_at`` is milliseconds since 1970, or ``-FOREVER`` for the first version. ``schedule`` has
    the same overrides and entries in every version. ``number`` tells versions apart in ids.
    """

    from_at: int
    schedule: Schedule
    number: int = 1


def on_call_at(versions: Sequence[ScheduleVersion], at: int) -> OnCall:
    """Return the person on call at an instant, since when, until when, and who is next.

    ``versions`` are in order, and there is at least one. Costs and errors are those of
    ``resolve.on_call_at``, for all versions together.
    """
    if len(versions) == 1:
        return resolve.on_call_at(versions[0].schedule, at)
    check_instant(at)
    return resolve.resolve_at(_sources(versions), at)


def final_schedule(versions: Sequence[ScheduleVersion], from_at: int, to_at: int) -> FinalSchedule:
    """Return the segments and gaps of ``[from_at, to_at)``, in order and cut to the window.

    ``versions`` are in order, and there is at least one. Costs and errors are those of
    ``resolve.final_schedule``, for all versions together.
    """
    if len(versions) == 1:
        return resolve.final_schedule(versions[0].schedule, from_at, to_at)
    check_window(from_at, to_at)
    return resolve.resolve_window(_sources(versions), from_at, to_at)


def validity_intervals(versions: Sequence[ScheduleVersion]) -> list[Interval]:
    """Return ``[start, end)`` of each version; a version that was replaced as it began is empty."""
    starts = [version.from_at for version in versions]
    return list(zip(starts, [*starts[1:], FOREVER], strict=True))


def _sources(versions: Sequence[ScheduleVersion]) -> list[resolve.AssignmentSource]:
    for version in versions:
        check_schedule(version.schedule)
    return resolve.ordered_sources(versions[-1].schedule, [_LayersOfVersions(versions)])


class _LayersOfVersions:
    """The source of the layers of all versions, each of which answers for its own time."""

    __slots__ = ("_changes", "_layers", "_starts", "_validity")

    def __init__(self, versions: Sequence[ScheduleVersion]) -> None:
        self._layers = [resolve.layer_sources(version.schedule) for version in versions]
        self._starts = [version.from_at for version in versions]
        self._validity = validity_intervals(versions)
        self._changes = frozenset(self._starts)

    def interval_at(self, at: int) -> AssignmentInterval:
        """Return the maximal ``[start, end)`` around an instant with one assignment or none."""
        start, end, assignment = self._interval_in_version(at)
        while start in self._changes and start > EARLIEST_AT:
            earlier, _, before = self._interval_in_version(start - 1)
            if not goes_on(before, assignment):
                break
            start = earlier
        while end in self._changes:
            _, later, after = self._interval_in_version(end)
            if not goes_on(assignment, after):
                break
            end = later
        return start, end, assignment

    def _interval_in_version(self, at: int) -> AssignmentInterval:
        """Return the interval around an instant, cut to the version that holds it."""
        index = bisect_right(self._starts, at) - 1
        from_at, to_at = self._validity[index]
        start, end, assignment = resolve.interval_at(self._layers[index], at)
        return max(start, from_at), min(end, to_at), assignment

    def segments_in(self, holes: list[Interval]) -> tuple[list[Segment], list[Interval]]:
        """Return the segments inside the holes, in order, and the holes that remain."""
        segments: list[Segment] = []
        left: list[Interval] = []
        for (_, to_at), layers in zip(self._validity, self._layers, strict=True):
            own, holes = split_at(holes, to_at)
            inside, outside = resolve.segments_in(own, layers)
            if segments and inside and inside[0].continues(segments[-1]):
                before = segments.pop()
                inside[0] = inside[0]._replace(
                    start_at=before.start_at,
                    passed_over=before.passed_over + inside[0].passed_over,
                )
            segments += inside
            left += outside
        return segments, merged(left)
