"""Answers across changes of the rules: the past is answered from the rules that held then.

Strategy: overrides and entries are the same under all rules, so only layers differ. The layers of
all eras together are one more source for ``resolve.py``: for an instant, the era that holds it is
asked, and its neighbours as long as they go on with the same duty; a window's holes are cut where
eras begin, each era fills its own, and what goes on over such a cut is one again.

Invariants: an era ends where the next begins; of two that begin at once the later holds. A duty
goes on over the beginning of an era if it is equal there: the same person in a layer of the same
name. With one era the answer is that of ``resolve.py``, at its cost.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from app.engine.intervals import Span, cut, merged
from app.engine.layered import resolve
from app.engine.layered.limits import EARLIEST_AT, check_instant, check_schedule, check_window
from app.engine.layered.model import FinalSchedule, OnCall, Schedule, Segment
from app.engine.walltime import FOREVER


class Era(NamedTuple):
    """Rules that hold from ``from_at`` (ms; the first era's is -FOREVER) until the next era begins.

    ``schedule`` has the same overrides and entries in every era. ``number`` says which rules these
    are, for ids.
    """

    from_at: int
    schedule: Schedule
    number: int = 1


def on_call_at(eras: Sequence[Era], at: int) -> OnCall:
    """Who is on call at an instant, since when, until when, and who follows.

    ``eras``, of which there is at least one, are in order. Otherwise as ``resolve.on_call_at``.
    """
    if len(eras) == 1:
        return resolve.on_call_at(eras[0].schedule, at)
    check_instant(at)
    return resolve.told_at(_sources(eras), at)


def final_schedule(eras: Sequence[Era], from_at: int, to_at: int) -> FinalSchedule:
    """Who is on call over ``[from_at, to_at)``: segments and gaps, cut to the window, in order.

    ``eras``, of which there is at least one, are in order. Otherwise as ``resolve.final_schedule``.
    """
    if len(eras) == 1:
        return resolve.final_schedule(eras[0].schedule, from_at, to_at)
    check_window(from_at, to_at)
    return resolve.told_between(_sources(eras), from_at, to_at)


def bounds_of(eras: Sequence[Era]) -> list[Span]:
    """``[start, end)`` of each era; empty for one that the next replaced as it began."""
    starts = [era.from_at for era in eras]
    return list(zip(starts, [*starts[1:], FOREVER], strict=True))


def _sources(eras: Sequence[Era]) -> list[resolve.Source]:
    for era in eras:
        check_schedule(era.schedule)
    return resolve.sources_of(eras[-1].schedule, [_LayersOfEras(eras)])


class _LayersOfEras:
    """The duties of the layers of every era, each in its own time."""

    __slots__ = ("_bounds", "_edges", "_layers", "_starts")

    def __init__(self, eras: Sequence[Era]) -> None:
        self._layers = [resolve.layers_of(era.schedule) for era in eras]
        self._starts = [era.from_at for era in eras]
        self._bounds = bounds_of(eras)
        self._edges = frozenset(self._starts)

    def stretch_at(self, at: int) -> resolve.State:
        """The maximal ``[start, end)`` around an instant with one duty, or with none."""
        start, end, duty = self._stretch_in_era(at)
        while start in self._edges and start > EARLIEST_AT:
            earlier, _, before = self._stretch_in_era(start - 1)
            if before != duty:
                break
            start = earlier
        while end in self._edges:
            _, later, after = self._stretch_in_era(end)
            if after != duty:
                break
            end = later
        return start, end, duty

    def _stretch_in_era(self, at: int) -> resolve.State:
        index = bisect_right(self._starts, at) - 1
        from_at, to_at = self._bounds[index]
        start, end, duty = resolve.state_at(self._layers[index], at)
        return max(start, from_at), min(end, to_at), duty

    def fill(self, holes: list[Span]) -> tuple[list[Segment], list[Span]]:
        """The segments inside the holes, in order, and what stays a hole."""
        segments: list[Segment] = []
        left: list[Span] = []
        for (_, to_at), layers in zip(self._bounds, self._layers, strict=True):
            own, holes = cut(holes, to_at)
            inside, outside = resolve.filled(own, layers)
            if segments and inside and _goes_on(segments[-1], inside[0]):
                inside[0] = inside[0]._replace(start_at=segments.pop().start_at)
            segments += inside
            left += outside
        return segments, merged(left)


def _goes_on(segment: Segment, following: Segment) -> bool:
    return segment.end_at == following.start_at and segment[2:7] == following[2:7]
