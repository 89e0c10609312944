"""Arithmetic of half-open intervals ``[start, end)``: merge them and split them.

Invariant: every list of intervals, given or returned, is in order, and its intervals do not
overlap; only ``merged`` takes intervals that do.
"""

from bisect import bisect_left
from collections.abc import Sequence

from app.engine.walltime import FOREVER

Interval = tuple[int, int]
"""``[start, end)``, both of them instants, wall times or numbers of shifts."""

_NEVER = (FOREVER, FOREVER)


def merged(intervals: Sequence[Interval]) -> list[Interval]:
    """Return intervals that are in order of start, joined where they overlap or touch."""
    joined: list[Interval] = []
    for start, end in intervals:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def split(
    intervals: Sequence[Interval], by: Sequence[Interval]
) -> tuple[list[Interval], list[Interval]]:
    """Split ``intervals`` into the pieces inside those of ``by`` and the pieces outside them.

    Costs the number of intervals in both. The intervals of ``by`` must not touch each other, so
    that each piece inside is maximal.
    """
    inside: list[Interval] = []
    outside: list[Interval] = []
    others = iter(by)
    opens, closes = next(others, _NEVER)
    for start, end in intervals:
        at = start
        while closes <= at:
            opens, closes = next(others, _NEVER)
        while opens < end:
            if at < opens:
                outside.append((at, opens))
                at = opens
            if closes >= end:
                inside.append((at, end))
                at = end
                break
            inside.append((at, closes))
            at = closes
            opens, closes = next(others, _NEVER)
        if at < end:
            outside.append((at, end))
    return inside, outside


def split_at(intervals: list[Interval], at: int) -> tuple[list[Interval], list[Interval]]:
    """Split ``intervals`` into those before ``at`` and those after it.

    An interval that holds ``at`` inside is cut in two there.
    """
    index = bisect_left(intervals, (at, at))
    before, after = intervals[:index], intervals[index:]
    if before and before[-1][1] > at:
        start, end = before[-1]
        before[-1], after = (start, at), [(at, end), *after]
    return before, after
