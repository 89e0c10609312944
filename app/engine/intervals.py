"""Arithmetic of half-open stretches ``[start, end)``: join, part and cut.

Invariant: every list of spans, given or returned, is in order, and its spans do not overlap.
"""

from bisect import bisect_left
from collections.abc import Sequence

from app.engine.walltime import FOREVER

Span = tuple[int, int]
"""``[start, end)``, as instants or as wall times."""

_NEVER = (FOREVER, FOREVER)


def merged(spans: Sequence[Span]) -> list[Span]:
    """Spans in order of start, joined where they overlap or touch."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def parted(spans: Sequence[Span], by: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """What of ``spans`` is inside any span of ``by``, and what is outside all of them.

    Costs the number of spans in both. Spans of ``by`` must not touch each other, so that each piece
    inside is maximal.
    """
    inside: list[Span] = []
    outside: list[Span] = []
    cutters = iter(by)
    opens, closes = next(cutters, _NEVER)
    for start, end in spans:
        at = start
        while closes <= at:
            opens, closes = next(cutters, _NEVER)
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
            opens, closes = next(cutters, _NEVER)
        if at < end:
            outside.append((at, end))
    return inside, outside


def cut(spans: list[Span], at: int) -> tuple[list[Span], list[Span]]:
    """The spans before ``at`` and those after it; one that holds it inside is cut there."""
    index = bisect_left(spans, (at, at))
    before, after = spans[:index], spans[index:]
    if before and before[-1][1] > at:
        start, end = before[-1]
        before[-1], after = (start, at), [(at, end), *after]
    return before, after
