"""Who is on call: at an instant, and over a window (rules 8 to 10).

Strategy: ``sources_of`` is the one ordered list of what wins over what. For an instant, sources
are asked from the top until one has somebody; the stretches of all that were asked, intersected,
are the segment. For a window, each source fills the holes that those above it left, so a layer
that is never seen costs nothing, and what is left in the end are the gaps. What is told of a list
of sources is apart from what is told of a schedule, because the layers of several rules can stand
in it as one source (``history.py``).

Invariants: the segments and gaps of a window tile it; the segment that holds ``t`` is what
``on_call_at(t)`` answers; cutting a window cuts its answer and changes nothing else. Source means
the layer, the override or the entry itself: where another one takes over, a segment ends, even if
the person stays (rule 9).
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Protocol

from app.engine.intervals import Span
from app.engine.layered.layers import LayerSource
from app.engine.layered.limits import (
    EARLIEST_AT,
    LATEST_AT,
    check_instant,
    check_schedule,
    check_segments,
    check_window,
)
from app.engine.layered.model import Duty, FinalSchedule, Following, Gap, OnCall, Schedule, Segment
from app.engine.layered.overrides import CoverSource
from app.engine.walltime import FOREVER, clock_of

State = tuple[int, int, Duty | None]
"""The maximal stretch ``[start, end)`` with one duty, or with none."""


class Source(Protocol):
    """Duties of one rank. Holes are in order, do not touch, and there is at least one."""

    def stretch_at(self, at: int) -> State: ...
    def fill(self, holes: list[Span]) -> tuple[list[Segment], list[Span]]: ...


def sources_of(schedule: Schedule, layers: Iterable[Source]) -> list[Source]:
    """What wins over what, first above last: overrides, entries, layers (rule 8)."""
    covers = (schedule.overrides, schedule.entries)
    return [*(CoverSource(some) for some in covers if some), *layers]


def layers_of(schedule: Schedule) -> list[LayerSource]:
    """The layers that have somebody, from top to bottom. Raises ``ValueError`` for a zone."""
    clock = clock_of(schedule.timezone)
    return [LayerSource(layer, clock) for layer in schedule.layers if layer.participants]


def on_call_at(schedule: Schedule, at: int) -> OnCall:
    """Who is on call at an instant, since when, until when, and who follows.

    Costs the overrides, entries and layers of the schedule, however long ago it started (rules 5,
    10). ``next`` is the next segment with somebody, whatever gap is between. Raises
    ``InstantOutOfRange`` outside the years 2 to 9998, the named errors of ``bounds.py``, and
    ``ValueError`` for a zone.
    """
    check_instant(at)
    check_schedule(schedule)
    return told_at(sources_of(schedule, layers_of(schedule)), at)


def final_schedule(schedule: Schedule, from_at: int, to_at: int) -> FinalSchedule:
    """Who is on call over ``[from_at, to_at)``: segments and gaps, cut to the window, in order.

    Costs the boundaries in the window, times a logarithm (rule 10). Raises ``EmptyWindow``,
    ``WindowTooLong`` and the other named errors of ``bounds.py``, and ``ValueError`` for a zone.
    """
    check_window(from_at, to_at)
    check_schedule(schedule)
    return told_between(sources_of(schedule, layers_of(schedule)), from_at, to_at)


def told_at(sources: Sequence[Source], at: int) -> OnCall:
    """What the sources, first above last, say of an instant that is in range."""
    since, until, duty = state_at(sources, at)
    return OnCall(
        at,
        duty,
        since if since > EARLIEST_AT else None,
        until if until < LATEST_AT else None,
        _following(sources, until),
    )


def told_between(sources: Sequence[Source], from_at: int, to_at: int) -> FinalSchedule:
    """What the sources, first above last, say of a window that is in range.

    Raises ``TooManySegments``.
    """
    segments, holes = filled([(from_at, to_at)], sources)
    started_at, _, _ = state_at(sources, from_at)
    if segments and segments[0].start_at == from_at:
        segments[0] = segments[0]._replace(starts_before=started_at < from_at)
    if segments and segments[-1].end_at == to_at:
        _, ends_at, _ = state_at(sources, to_at - 1)
        segments[-1] = segments[-1]._replace(ends_after=ends_at > to_at)
    since_at = max(started_at, EARLIEST_AT) if started_at < from_at else None
    return FinalSchedule(from_at, to_at, tuple(segments), tuple(map(Gap._make, holes)), since_at)


def filled(holes: list[Span], sources: Iterable[Source]) -> tuple[list[Segment], list[Span]]:
    """The segments of the sources, first above last, inside the holes in order, and what stays a
    hole.

    Raises ``TooManySegments``.
    """
    segments: list[Segment] = []
    for source in sources:
        if not holes:
            break
        inside, holes = source.fill(holes)
        segments += inside
        check_segments(len(segments))
    segments.sort(key=itemgetter(0))
    return segments, holes


def state_at(sources: Iterable[Source], at: int) -> State:
    """What the sources, first above last, say together: the maximal stretch around an instant."""
    since, until = -FOREVER, FOREVER
    for source in sources:
        start, end, duty = source.stretch_at(at)
        since = since if since > start else start  # noqa: FURB136 - hot: a call costs more
        until = until if until < end else end  # noqa: FURB136 - as above
        if duty is not None:
            return since, until, duty
    return since, until, None


def _following(sources: Sequence[Source], at: int) -> Following | None:
    """Who is on call from ``at`` on, or after the gap that begins there."""
    if at >= LATEST_AT:
        return None
    _, end, duty = state_at(sources, at)
    if duty is None and end < LATEST_AT:
        at, (_, _, duty) = end, state_at(sources, end)
    return Following(duty.user_id, at) if duty else None
