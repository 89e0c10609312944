"""Who is on call: at an instant, and over a window (rules 8 to 10).

Strategy: ``PRECEDENCE`` is the one ordered table of what wins over what. For an instant, sources
are asked from the top until one has somebody; the stretches of all that were asked, intersected,
are the segment. For a window, each source fills the holes that those above it left, so a layer
that is never seen costs nothing, and what is left in the end are the gaps.

Invariants: the segments and gaps of a window tile it; the segment that holds ``t`` is what
``on_call_at(t)`` answers; cutting a window cuts its answer and changes nothing else. Source means
the layer, the override or the entry itself: where another one takes over, a segment ends, even if
the person stays (rule 9).
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Protocol

from app.rota.bounds import (
    EARLIEST_AT,
    LATEST_AT,
    check_instant,
    check_schedule,
    check_segments,
    check_window,
)
from app.rota.covers import CoverSource
from app.rota.layers import LayerSource
from app.rota.model import Duty, FinalSchedule, Following, Gap, OnCall, Schedule, Segment
from app.rota.spans import Span
from app.rota.walltime import FOREVER, Clock, clock_of

State = tuple[int, int, Duty | None]
"""The maximal stretch ``[start, end)`` with one duty, or with none."""


class _Source(Protocol):
    def stretch_at(self, at: int) -> State: ...
    def fill(self, holes: list[Span]) -> tuple[list[Segment], list[Span]]: ...


def _overrides(schedule: Schedule, _: Clock) -> list[_Source]:
    return [CoverSource(schedule.overrides)] if schedule.overrides else []


def _entries(schedule: Schedule, _: Clock) -> list[_Source]:
    return [CoverSource(schedule.entries)] if schedule.entries else []


def _layers(schedule: Schedule, clock: Clock) -> list[_Source]:
    return [LayerSource(layer, clock) for layer in schedule.layers if layer.participants]


PRECEDENCE: tuple[Callable[[Schedule, Clock], list[_Source]], ...] = (
    _overrides,
    _entries,
    _layers,  # themselves from top to bottom
)
"""What wins over what, first above last (rule 8)."""


def on_call_at(schedule: Schedule, at: int) -> OnCall:
    """Who is on call at an instant, since when, until when, and who follows.

    Costs the overrides, entries and layers of the schedule, however long ago it started (rules 5,
    10). ``next`` is the next segment with somebody, whatever gap is between. Raises
    ``InstantOutOfRange`` outside the years 2 to 9998, the named errors of ``bounds.py``, and
    ``ValueError`` for a zone.
    """
    check_instant(at)
    check_schedule(schedule)
    sources = _sources(schedule)
    since, until, duty = _state(sources, at)
    return OnCall(
        at,
        duty,
        since if since > EARLIEST_AT else None,
        until if until < LATEST_AT else None,
        _following(sources, until),
    )


def final_schedule(schedule: Schedule, from_at: int, to_at: int) -> FinalSchedule:
    """Who is on call over ``[from_at, to_at)``: segments and gaps, cut to the window, in order.

    Costs the boundaries in the window, times a logarithm (rule 10). Raises ``EmptyWindow``,
    ``WindowTooLong`` and the other named errors of ``bounds.py``, and ``ValueError`` for a zone.
    """
    check_window(from_at, to_at)
    check_schedule(schedule)
    sources = _sources(schedule)
    segments: list[Segment] = []
    holes = [(from_at, to_at)]
    for source in sources:
        filled, holes = source.fill(holes)
        segments += filled
        check_segments(len(segments))
        if not holes:
            break
    segments.sort(key=itemgetter(0))
    started_at, _, _ = _state(sources, from_at)
    if segments and segments[0].start_at == from_at:
        segments[0] = segments[0]._replace(starts_before=started_at < from_at)
    if segments and segments[-1].end_at == to_at:
        _, ends_at, _ = _state(sources, to_at - 1)
        segments[-1] = segments[-1]._replace(ends_after=ends_at > to_at)
    since_at = max(started_at, EARLIEST_AT) if started_at < from_at else None
    return FinalSchedule(from_at, to_at, tuple(segments), tuple(map(Gap._make, holes)), since_at)


def _sources(schedule: Schedule) -> list[_Source]:
    clock = clock_of(schedule.timezone)
    return [source for sources in PRECEDENCE for source in sources(schedule, clock)]


def _state(sources: Iterable[_Source], at: int) -> State:
    since, until = -FOREVER, FOREVER
    for source in sources:
        start, end, duty = source.stretch_at(at)
        since = since if since > start else start  # noqa: FURB136 - hot: a call costs more
        until = until if until < end else end  # noqa: FURB136 - as above
        if duty is not None:
            return since, until, duty
    return since, until, None


def _following(sources: Iterable[_Source], at: int) -> Following | None:
    """Who is on call from ``at`` on, or after the gap that begins there."""
    if at >= LATEST_AT:
        return None
    _, end, duty = _state(sources, at)
    if duty is None and end < LATEST_AT:
        at, (_, _, duty) = end, _state(sources, end)
    return Following(duty.user_id, at) if duty else None
