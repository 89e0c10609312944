"""The JSON answers with layered schedules (``schedules.md``, Sold without a store).

Instants are in UTC with three decimals and ``Z``. A missing value is ``null``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.engine.layered.model import (
    FinalSchedule,
    NextAssignment,
    OnCall,
    OnCallAssignment,
    Override,
    PassedOver,
    PassedOverStretch,
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

AWAY_NAMED = 5
"""How many of those who were passed over a sentence names."""
AssignmentSource = Literal["layer", "override", "entry"]
LayerName = Annotated[str, Meta(description="Name of the layer, if it is one.")]


class OverrideGiven(Struct, frozen=True, gc=False):
    """An override as it was given, or as a swap made it (`reason` is then `swap`)."""

    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    start_at: InstantText
    end_at: InstantText
    reason: str | None


class PassedOverShown(Struct, frozen=True, gc=False):
    """Somebody who would have had the turn, and is away."""

    user_id: str
    reason: str | None


class StretchPassedOver(Struct, frozen=True, gc=False):
    """Somebody who would have had this part of the stretch, and is away."""

    user_id: str
    reason: str | None
    start: InstantText
    end: InstantText


UserIds = Annotated[Sequence[str], Meta(description="Everybody on call, if they are several.")]
ShownRole = Annotated[str, Meta(description="The role, if layers have roles.")]
OtherRoles = Annotated[
    Sequence[str],
    Meta(description="Roles that the same person has besides, in a part of it, if any."),
]
FirstRole = Annotated[
    str, Meta(description="The first role, whose answer this is, if layers have roles.")
]
PassedOverPeople = Annotated[
    Sequence[PassedOverShown],
    Meta(description="Who would have had the turn and is away, if anybody is."),
]
StretchesPassedOver = Annotated[
    Sequence[StretchPassedOver],
    Meta(description="Who would have had parts of it and is away, if anybody is."),
]


class ScheduleSegment(Struct, frozen=True, gc=False, omit_defaults=True):
    """A maximal stretch with one person from one source, cut to the window."""

    start: Annotated[InstantText, Meta(description="First instant.")]
    end: Annotated[InstantText, Meta(description="First instant after it.")]
    user_id: str
    source: AssignmentSource
    layer: LayerName | None
    override: OverrideGiven | None
    starts_before: Annotated[bool, Meta(description="Whether it started before `from`.")]
    ends_after: Annotated[bool, Meta(description="Whether it ends after `to`.")]
    user_ids: UserIds = ()
    passed_over: StretchesPassedOver = ()
    role: ShownRole | None = None


class ScheduleGap(Struct, frozen=True, gc=False, omit_defaults=True):
    """A maximal stretch with nobody on call, cut to the window."""

    start: InstantText
    end: InstantText
    override: (
        Annotated[OverrideGiven, Meta(description="The one that says so, if one does.")] | None
    ) = None
    role: ShownRole | None = None


class PersonTally(Struct, frozen=True, gc=False, omit_defaults=True):
    """What one person carries in the window, in hours of elapsed time."""

    user_id: str
    shifts: Annotated[int, Meta(description="Segments of the window.")]
    hours: Number
    night_hours: Annotated[Number, Meta(description="22:00 to 06:00 local.")]
    weekend_hours: Annotated[Number, Meta(description="Saturday and Sunday, local.")]
    role: ShownRole | None = None


class OncallScheduleAnswer(Struct, frozen=True, omit_defaults=True):
    """Who is on call over a window, when nobody is, and who carries how much."""

    final_schedule: Annotated[Sequence[ScheduleSegment], Meta(description="In order.")]
    gaps: Annotated[Sequence[ScheduleGap], Meta(description="In order.")]
    tally: Annotated[
        Sequence[PersonTally],
        Meta(
            description="Participants in first-seen order, zeros included, then who covers; role "
            "by role, if there are roles."
        ),
    ]
    balanced: Annotated[
        bool,
        Meta(
            description="Whether the largest and smallest `shifts` of a role differ by at most one."
        ),
    ]
    interpretation: Annotated[str, Meta(description="What was computed, in a sentence.")]
    understood: UnderstoodWindow


class NextOnCall(Struct, frozen=True, omit_defaults=True):
    """The next segment with somebody."""

    user_id: str
    at: Annotated[InstantText, Meta(description="When it starts.")]
    user_ids: UserIds = ()


class RoleOnCall(Struct, frozen=True, omit_defaults=True):
    """Who is on call in one role at the instant."""

    role: str
    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    source: AssignmentSource | None
    layer: LayerName | None
    override: OverrideGiven | None
    since: Annotated[InstantText, Meta(description="Null: it was always so.")] | None
    until: Annotated[InstantText, Meta(description="Null: nothing will ever change.")] | None
    next: Annotated[NextOnCall, Meta(description="Null: nobody else follows.")] | None
    user_ids: UserIds = ()
    passed_over: PassedOverPeople = ()


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
    user_ids: UserIds = ()
    passed_over: PassedOverPeople = ()
    role: FirstRole | None = None
    roles: Annotated[
        Sequence[RoleOnCall], Meta(description="Who is on call in each role, if there are any.")
    ] = ()


def schedule_answer(
    timezone: str, final: FinalSchedule, tally: Sequence[Tally]
) -> OncallScheduleAnswer:
    """Return the answer with the final schedule of a window."""
    return OncallScheduleAnswer(
        final_schedule=segments_of(final),
        gaps=gaps_of(final),
        tally=[_person(person) for person in tally],
        balanced=balanced(tally),
        interpretation=window_in_words(timezone, final),
        understood=understood_window(timezone, final.from_at, final.to_at),
    )


def now_answer(found: OnCall, timezone: str) -> OncallNowAnswer:
    """Return the answer with the person on call at an instant."""
    return OncallNowAnswer(
        at=iso(found.at),
        **_on_call(found),
        interpretation=instant_in_words(found),
        understood=understood_instant(timezone, found.at),
        role=found.role,
        roles=[RoleOnCall(role=str(each.role), **_on_call(each)) for each in found.roles] or (),
    )


def _on_call(found: OnCall) -> dict[str, Any]:
    """Return the fields that say who is on call, alike for a schedule and for one of its roles."""
    assignment = found.assignment
    return {
        "user_id": found.user_id,
        "source": assignment.source if assignment else "override" if found.closed else None,
        "layer": assignment.layer if assignment else None,
        "override": _override(assignment.override if assignment else found.closed),
        "since": None if found.since is None else iso(found.since),
        "until": None if found.until is None else iso(found.until),
        "next": _next(found.next),
        "user_ids": several(found.user_ids),
        "passed_over": passed_over(assignment.passed_over) if assignment else (),
    }


def several(user_ids: Sequence[str]) -> Sequence[str]:
    """Return everybody on call if they are several; one has a field of its own."""
    return user_ids if len(user_ids) > 1 else ()


def passed_over(people: Sequence[PassedOver]) -> Sequence[PassedOverShown]:
    """Return those who were passed over, as they are on the wire."""
    return tuple(PassedOverShown(*each) for each in people)


def stretches_passed_over(
    stretches: Sequence[PassedOverStretch], text: Callable[[int], str] = iso
) -> Sequence[StretchPassedOver]:
    """Return those who were passed over in a stretch, with instants as ``text`` writes them."""
    return tuple(
        StretchPassedOver(user_id, reason, text(start_at), text(end_at))
        for start_at, end_at, user_id, reason in stretches
    )


def _next(upcoming: NextAssignment | None) -> NextOnCall | None:
    if upcoming is None:
        return None
    return NextOnCall(upcoming.user_id, iso(upcoming.at), several(upcoming.user_ids))


def segments_of(final: FinalSchedule) -> list[ScheduleSegment]:
    """Return the segments of a window as answers show them."""
    segments, roles = final.segments, [role for _, role in final.segments_and_roles]
    starts = iso_texts(segment.start_at for segment in segments)
    ends = iso_texts(segment.end_at for segment in segments)
    return [
        ScheduleSegment(
            *(start, end, user, source, layer, _override(override), before, after),
            (user, *others) if others else (),
            stretches_passed_over(passed) if passed else (),
            role,
        )
        for start, end, (
            *(_, _, user, source, layer, override, _, others, passed, before, after),
        ), role in zip(starts, ends, segments, roles, strict=True)
    ]


def gaps_of(final: FinalSchedule) -> list[ScheduleGap]:
    """Return the gaps of a window as answers show them."""
    return [
        ScheduleGap(iso(gap.start_at), iso(gap.end_at), _override(gap.override), role)
        for gap, role in final.gaps_and_roles
    ]


def _override(override: Override | None) -> OverrideGiven | None:
    if override is None:
        return None
    start, end = iso_texts((override.start_at, override.end_at))
    return OverrideGiven(override.user_id, start, end, override.reason)


def _person(tally: Tally) -> PersonTally:
    hours, nights, weekends = map(number, (tally.hours, tally.night_hours, tally.weekend_hours))
    return PersonTally(tally.user_id, tally.shifts, hours, nights, weekends, tally.role)


def window_in_words(timezone: str, final: FinalSchedule) -> str:
    """Describe the final schedule of a window in a sentence."""
    people = len({user_id for segment in final.segments for user_id in segment.user_ids})
    gaps = len(final.gaps)
    return (
        f"{len(final.segments)} shift(s) of {people} {'person' if people == 1 else 'people'} and "
        f"{gaps or 'no'} {'gap' if gaps == 1 else 'gaps'} from {iso(final.from_at)} to "
        f"{iso(final.to_at)}, by the clock of {clock_in_words(timezone)}."
    )


def instant_in_words(found: OnCall) -> str:
    """Describe who is on call at an instant in a sentence, or in one for each role."""
    return " ".join(_part_in_words(each) for each in found.parts)


def _part_in_words(found: OnCall) -> str:
    until = "with no end" if found.until is None else f"until {iso(found.until)}"
    who = _people_in_words(found.user_ids)
    why = _source_in_words(found.assignment) if found.assignment else closed_in_words(found.closed)
    role = f" as {found.role}" if found.role else ""
    return f"{who} on call{role} at {iso(found.at)}{why}, {until}{_follower_in_words(found.next)}."


def _people_in_words(user_ids: Sequence[str]) -> str:
    """Return people as the beginning of a sentence."""
    if not user_ids:
        return "Nobody is"
    *others, last = user_ids
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


def _source_in_words(assignment: OnCallAssignment) -> str:
    if assignment.source == "layer":
        return f" by layer {assignment.layer}{away_in_words(assignment.passed_over)}"
    return f" by an {assignment.source}"


def closed_in_words(override: Override | None) -> str:
    """Say that an override lets nobody be on call, and why, after other words."""
    return f" by an override ({override.reason})" if override else ""


def away_in_words(people: Iterable[PassedOver | PassedOverStretch]) -> str:
    """Say who was passed over, and why, after other words."""
    away = list(dict.fromkeys((each.user_id, each.reason) for each in people))
    if not away:
        return ""
    named = [f"{name} ({reason})" if reason else name for name, reason in away[:AWAY_NAMED]]
    more = len(away) - AWAY_NAMED
    names = ", ".join([*named, *([f"{more} more"] if more > 0 else ())])
    return f", in place of {names}"


def _follower_in_words(upcoming: NextAssignment | None) -> str:
    if upcoming is None:
        return ""
    return f"; {_people_in_words(upcoming.user_ids)} next, from {iso(upcoming.at)}"
