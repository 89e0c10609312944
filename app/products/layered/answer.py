"""The JSON answers with layered schedules (``schedules.md``, Sold without a store).

Instants are in UTC with three decimals and ``Z``. A missing value is ``null``.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.engine.layered.model import (
    FinalSchedule,
    Gap,
    NextAssignment,
    OnCall,
    OnCallAssignment,
    Override,
    Segment,
)
from app.engine.layered.tally import Tally, balanced
from app.engine.zone_names import clock_in_words
from app.formats.instants import iso, iso_texts
from app.products.layered.understood import (
    UnderstoodInstant,
    UnderstoodWindow,
    understood_instant,
    understood_window,
)
from app.products.numbers import InstantText, Number, number

AssignmentSource = Literal["layer", "override", "entry"]
LayerName = Annotated[str, Meta(description="Name of the layer, if it is one.")]


class OverrideGiven(Struct, frozen=True, gc=False):
    """An override as it was given, or as a swap made it (`reason` is then `swap`)."""

    user_id: str
    start_at: InstantText
    end_at: InstantText
    reason: str | None


class ScheduleSegment(Struct, frozen=True, gc=False):
    """A maximal stretch with one person from one source, cut to the window."""

    start: Annotated[InstantText, Meta(description="First instant.")]
    end: Annotated[InstantText, Meta(description="First instant after it.")]
    user_id: str
    source: AssignmentSource
    layer: LayerName | None
    override: OverrideGiven | None
    starts_before: Annotated[bool, Meta(description="Whether it started before `from`.")]
    ends_after: Annotated[bool, Meta(description="Whether it ends after `to`.")]


class ScheduleGap(Struct, frozen=True, gc=False):
    """A maximal stretch with nobody on call, cut to the window."""

    start: InstantText
    end: InstantText


class PersonTally(Struct, frozen=True, gc=False):
    """What one person carries in the window, in hours of elapsed time."""

    user_id: str
    shifts: Annotated[int, Meta(description="Segments of the window.")]
    hours: Number
    night_hours: Annotated[Number, Meta(description="22:00 to 06:00 local.")]
    weekend_hours: Annotated[Number, Meta(description="Saturday and Sunday, local.")]


class OncallScheduleAnswer(Struct, frozen=True, omit_defaults=True):
    """Who is on call over a window, when nobody is, and who carries how much."""

    final_schedule: Annotated[Sequence[ScheduleSegment], Meta(description="In order.")]
    gaps: Annotated[Sequence[ScheduleGap], Meta(description="In order.")]
    tally: Annotated[
        Sequence[PersonTally],
        Meta(description="Participants in first-seen order, zeros included, then who covers."),
    ]
    balanced: Annotated[
        bool, Meta(description="Whether the largest and smallest `shifts` differ by at most one.")
    ]
    interpretation: Annotated[str, Meta(description="What was computed, in a sentence.")]
    understood: UnderstoodWindow


class NextOnCall(Struct, frozen=True):
    """The next segment with somebody."""

    user_id: str
    at: Annotated[InstantText, Meta(description="When it starts.")]


class OncallNowAnswer(Struct, frozen=True, omit_defaults=True):
    """Who is on call at an instant, since when, until when, and who follows."""

    at: InstantText
    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    source: AssignmentSource | None
    layer: LayerName | None
    override: OverrideGiven | None
    since: Annotated[InstantText, Meta(description="Null: it was always so.")] | None
    until: Annotated[InstantText, Meta(description="Null: nothing will ever change.")] | None
    next: Annotated[NextOnCall, Meta(description="Null: nobody else follows.")] | None
    interpretation: Annotated[str, Meta(description="What was found, in a sentence.")]
    understood: UnderstoodInstant


def schedule_answer(
    timezone: str, final: FinalSchedule, tally: Sequence[Tally]
) -> OncallScheduleAnswer:
    """Return the answer with the final schedule of a window."""
    return OncallScheduleAnswer(
        final_schedule=segments_of(final.segments),
        gaps=gaps_of(final.gaps),
        tally=[_person(person) for person in tally],
        balanced=balanced(tally),
        interpretation=window_in_words(timezone, final),
        understood=understood_window(timezone, final.from_at, final.to_at),
    )


def now_answer(found: OnCall, timezone: str) -> OncallNowAnswer:
    """Return the answer with the person on call at an instant."""
    assignment = found.assignment
    return OncallNowAnswer(
        at=iso(found.at),
        user_id=found.user_id,
        source=assignment.source if assignment else None,
        layer=assignment.layer if assignment else None,
        override=_override(assignment.override) if assignment else None,
        since=None if found.since is None else iso(found.since),
        until=None if found.until is None else iso(found.until),
        next=NextOnCall(found.next.user_id, iso(found.next.at)) if found.next else None,
        interpretation=instant_in_words(found),
        understood=understood_instant(timezone, found.at),
    )


def segments_of(segments: Sequence[Segment]) -> list[ScheduleSegment]:
    """Return segments as answers show them."""
    starts = iso_texts(segment.start_at for segment in segments)
    ends = iso_texts(segment.end_at for segment in segments)
    return [
        ScheduleSegment(start, end, user, source, layer, _override(override), before, after)
        for start, end, (_, _, user, source, layer, override, _, before, after) in zip(
            starts, ends, segments, strict=True
        )
    ]


def gaps_of(gaps: Sequence[Gap]) -> list[ScheduleGap]:
    """Return gaps as answers show them."""
    return [ScheduleGap(iso(gap.start_at), iso(gap.end_at)) for gap in gaps]


def _override(override: Override | None) -> OverrideGiven | None:
    if override is None:
        return None
    start, end = iso_texts((override.start_at, override.end_at))
    return OverrideGiven(override.user_id, start, end, override.reason)


def _person(tally: Tally) -> PersonTally:
    hours = (tally.hours, tally.night_hours, tally.weekend_hours)
    return PersonTally(tally.user_id, tally.shifts, *map(number, hours))


def window_in_words(timezone: str, final: FinalSchedule) -> str:
    """Describe the final schedule of a window in a sentence."""
    people = len({segment.user_id for segment in final.segments})
    gaps = len(final.gaps)
    return (
        f"{len(final.segments)} shift(s) of {people} {'person' if people == 1 else 'people'} and "
        f"{gaps or 'no'} {'gap' if gaps == 1 else 'gaps'} from {iso(final.from_at)} to "
        f"{iso(final.to_at)}, by the clock of {clock_in_words(timezone)}."
    )


def instant_in_words(found: OnCall) -> str:
    """Describe who is on call at an instant in a sentence."""
    until = "with no end" if found.until is None else f"until {iso(found.until)}"
    who = f"{found.user_id} is" if found.assignment else "Nobody is"
    why = _source_in_words(found.assignment) if found.assignment else ""
    return f"{who} on call at {iso(found.at)}{why}, {until}{_follower_in_words(found.next)}."


def _source_in_words(assignment: OnCallAssignment) -> str:
    return (
        f" by layer {assignment.layer}"
        if assignment.source == "layer"
        else f" by an {assignment.source}"
    )


def _follower_in_words(upcoming: NextAssignment | None) -> str:
    return f"; {upcoming.user_id} is next, from {iso(upcoming.at)}" if upcoming else ""
