"""Overrides and entries as sources of duties: the one created last wins (rule 8).

Strategy: for an instant, one scan from the last created; for a window, a sweep over starts with a
heap of those that hold, the last created on top, so that ``n`` of them cost ``n`` logarithms
however they overlap.

Invariants: a stretch is maximal for its override or entry, and two of them are never joined, even
if they touch and name one person. One that is empty (``end_at <= start_at``) covers nothing.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from app.engine.intervals import Span, merged, parted
from app.engine.layered.model import Duty, Entry, Override, Segment
from app.engine.walltime import FOREVER

_Cover = Override | Entry
_Flat = tuple[int, int, int]
"""``[start, end)`` and the index of the cover that wins there."""


def duty_of(cover: _Cover) -> Duty:
    """The duty that an override or an entry gives."""
    if isinstance(cover, Override):
        return Duty(cover.user_id, "override", None, cover, None)
    return Duty(cover.user_id, "entry", None, None, cover)


class CoverSource:
    """The duties of overrides, or of entries, given in the order of their creation."""

    __slots__ = ("_covers",)

    def __init__(self, covers: Sequence[_Cover]) -> None:
        self._covers = covers

    def stretch_at(self, at: int) -> tuple[int, int, Duty | None]:
        """The maximal ``[start, end)`` around an instant with one duty, or with none."""
        start, end = -FOREVER, FOREVER
        for cover in reversed(self._covers):
            opens_at, closes_at = cover.start_at, cover.end_at
            if opens_at <= at < closes_at:
                return max(start, opens_at), min(end, closes_at), duty_of(cover)
            if at < opens_at < closes_at:
                end = min(end, opens_at)
            elif opens_at < closes_at:
                start = max(start, closes_at)
        return start, end, None

    def fill(self, holes: Sequence[Span]) -> tuple[list[Segment], list[Span]]:
        """The segments inside the holes, and what stays a hole."""
        flat = _flattened(self._covers, holes[0][0], holes[-1][1])
        covered, left = parted(holes, merged([(start, end) for start, end, _ in flat]))
        return list(_cut(covered, flat, [duty_of(cover) for cover in self._covers])), left


def _flattened(covers: Sequence[_Cover], from_at: int, to_at: int) -> list[_Flat]:
    """Who wins where, in order, of all that meets ``[from_at, to_at)``."""
    starts = sorted(
        (cover.start_at, -index, cover.end_at)
        for index, cover in enumerate(covers)
        if from_at < cover.end_at and cover.start_at < min(to_at, cover.end_at)
    )
    flat: list[_Flat] = []
    holding: list[tuple[int, int]] = []  # -index, end: the last created on top
    next_starts = [start for start, _, _ in starts[1:]] + [FOREVER]
    for (at, rank, end), next_start in zip(starts, next_starts, strict=False):
        heappush(holding, (rank, end))
        _hold(holding, at, next_start, flat)
    return flat


def _hold(holding: list[tuple[int, int]], at: int, until: int, flat: list[_Flat]) -> None:
    """Write down who wins in ``[at, until)``, in which nothing new starts."""
    while holding and at < until:
        rank, end = holding[0]
        if end <= at:
            heappop(holding)
            continue
        stop = min(end, until)
        if flat and flat[-1][1:] == (at, -rank):
            flat[-1] = (flat[-1][0], stop, -rank)
        else:
            flat.append((at, stop, -rank))
        at = stop


def _cut(spans: Sequence[Span], flat: Sequence[_Flat], duties: Sequence[Duty]) -> Iterator[Segment]:
    index = 0
    for start, end in spans:
        at = start
        while at < end:
            while flat[index][1] <= at:
                index += 1
            until = min(end, flat[index][1])
            yield Segment(at, until, *duties[flat[index][2]])
            at = until
