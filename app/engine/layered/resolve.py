"""The person on call at an instant, and the segments and gaps of a window.

Strategy: ``ordered_sources`` makes the one ordered list of sources, each of which wins over those
after it. For an instant, sources are asked from the top until one has somebody; the intervals of
all that were asked, intersected, are the segment. For a window, each source fills the holes that
those above it left, so a layer that is never seen costs nothing, and the holes that are left in
the end are the gaps. ``resolve_at`` and ``resolve_window`` take a list of sources, not a schedule,
because the layers of several versions can stand in it as one source (``versions.py``).

Invariants: the segments and gaps of a window tile it; the segment that holds ``t`` is the answer
of ``on_call_at(t)``; cutting a window cuts its answer and changes nothing else. A source is the
layer, the override or the entry itself: where another one takes over, a segment ends, even if the
person stays (rules 8 to 10 of ``schedules.md``). Within sources ``NOBODY`` stands for a person
where an override says that nobody is on call; no answer has it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Protocol

from app.engine.intervals import Interval
from app.engine.layered.layers import LayerSource
from app.engine.layered.limits import (
    EARLIEST_AT,
    LATEST_AT,
    check_instant,
    check_schedule,
    check_segments,
    check_window,
)
from app.engine.layered.model import (
    NOBODY,
    Absence,
    AssignmentInterval,
    FinalSchedule,
    Gap,
    NextAssignment,
    OnCall,
    Schedule,
    Segment,
)
from app.engine.layered.overrides import ManualAssignmentSource
from app.engine.walltime import FOREVER, clock_of


class AssignmentSource(Protocol):
    """A source of assignments that all have the same rank.

    ``interval_at`` returns the maximal interval around an instant with one assignment or none;
    ``segments_in`` returns the segments inside holes, and the holes that remain. Holes are in
    order and do not touch, and there is at least one.
    """

    def interval_at(self, at: int) -> AssignmentInterval: ...
    def segments_in(self, holes: list[Interval]) -> tuple[list[Segment], list[Interval]]: ...


def ordered_sources(
    schedule: Schedule, layers: Iterable[AssignmentSource]
) -> list[AssignmentSource]:
    """Return the sources, the first above the last: overrides, entries, layers.

    The order is rule 8 of ``schedules.md``.
    """
    manual = (schedule.overrides, schedule.entries)
    return [*(ManualAssignmentSource(some) for some in manual if some), *layers]


def layer_sources(schedule: Schedule) -> list[LayerSource]:
    """Return the layers that have participants, from top to bottom.

    Raises ``ValueError`` for an unknown time zone.
    """
    clock = clock_of(schedule.timezone)
    absences = absences_by_user(schedule)
    sources = []
    for layer in schedule.layers:
        if any(layer.participants):
            own = [each for name in layer.people for each in absences[name]] if absences else ()
            sources.append(LayerSource(layer, clock, own, schedule.when_away))
    return sources


def absences_by_user(schedule: Schedule) -> Mapping[str, Sequence[Absence]]:
    """Return the absences of each person, of which there may be none."""
    found: Mapping[str, list[Absence]] = defaultdict(list)
    for absence in schedule.absences:
        found[absence.user_id].append(absence)
    return found


def on_call_at(schedule: Schedule, at: int) -> OnCall:
    """Return the person on call at an instant, since when, until when, and who is next.

    ``next`` is the person of the next segment, also if a gap is between. The cost is the number of
    overrides, entries and layers, however long ago the schedule started (rules 5 and 10 of
    ``schedules.md``). Raises ``InstantOutOfRange`` outside the years 2 to 9998, the errors of
    ``check_schedule``, and ``ValueError`` for an unknown time zone.
    """
    check_instant(at)
    check_schedule(schedule)
    return resolve_at(ordered_sources(schedule, layer_sources(schedule)), at)


def final_schedule(schedule: Schedule, from_at: int, to_at: int) -> FinalSchedule:
    """Return the segments and gaps of ``[from_at, to_at)``, in order and cut to the window.

    The cost is the number of boundaries in the window times its logarithm (rule 10 of
    ``schedules.md``). Raises the errors of ``check_window`` and ``check_schedule``,
    ``TooManySegments``, and ``ValueError`` for an unknown time zone.
    """
    check_window(from_at, to_at)
    check_schedule(schedule)
    return resolve_window(ordered_sources(schedule, layer_sources(schedule)), from_at, to_at)


def resolve_at(sources: Sequence[AssignmentSource], at: int) -> OnCall:
    """Return the answer of sources, the first above the last, for an instant that is in range."""
    since, until, found = interval_at(sources, at)
    is_closed = found is not None and found.user_id == NOBODY
    return OnCall(
        at,
        None if is_closed else found,
        since if since > EARLIEST_AT else None,
        until if until < LATEST_AT else None,
        _next_assignment(sources, until),
        found.override if found and is_closed else None,
    )


def resolve_window(sources: Sequence[AssignmentSource], from_at: int, to_at: int) -> FinalSchedule:
    """Return the answer of sources, the first above the last, for a window that is in range.

    Raises ``TooManySegments``.
    """
    segments, holes = segments_in([(from_at, to_at)], sources)
    started_at, _, _ = interval_at(sources, from_at)
    if segments and segments[0].start_at == from_at:
        segments[0] = segments[0]._replace(starts_before=started_at < from_at)
    if segments and segments[-1].end_at == to_at:
        _, ends_at, _ = interval_at(sources, to_at - 1)
        segments[-1] = segments[-1]._replace(ends_after=ends_at > to_at)
    since_at = max(started_at, EARLIEST_AT) if started_at < from_at else None
    gaps = [Gap(*hole) for hole in holes]
    closed = [Gap(*each[:2], each.override) for each in segments if each.user_id == NOBODY]
    if closed:
        segments = [segment for segment in segments if segment.user_id != NOBODY]
        gaps = sorted([*gaps, *closed], key=itemgetter(0))
    return FinalSchedule(from_at, to_at, tuple(segments), tuple(gaps), since_at)


def segments_in(
    holes: list[Interval], sources: Iterable[AssignmentSource]
) -> tuple[list[Segment], list[Interval]]:
    """Return the segments of sources, the first above the last, and the holes that remain.

    Both are inside ``holes`` and in order. Raises ``TooManySegments``.
    """
    segments: list[Segment] = []
    for source in sources:
        if not holes:
            break
        inside, holes = source.segments_in(holes)
        segments += inside
        check_segments(len(segments))
    segments.sort(key=itemgetter(0))
    return segments, holes


def interval_at(sources: Iterable[AssignmentSource], at: int) -> AssignmentInterval:
    """Return the maximal interval around an instant of sources, the first above the last."""
    since, until = -FOREVER, FOREVER
    for source in sources:
        start, end, assignment = source.interval_at(at)
        since = since if since > start else start  # noqa: FURB136 - hot: a call costs more
        until = until if until < end else end  # noqa: FURB136 - as above
        if assignment is not None:
            return since, until, assignment
    return since, until, None


def _next_assignment(sources: Sequence[AssignmentSource], at: int) -> NextAssignment | None:
    """Return who is on call from ``at`` on, or from the end of the gaps that begin there."""
    while at < LATEST_AT:
        _, end, assignment = interval_at(sources, at)
        if assignment and assignment.user_id != NOBODY:
            return NextAssignment(assignment.user_id, at, assignment.others)
        at = end
    return None
