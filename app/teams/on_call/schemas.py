"""The answers to who is on call, on the wire."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.engine.layered.limits import DAY_MS
from app.errors import FieldError
from app.http.validation import RequestModel
from app.products.layered.answer import (
    AssignmentSource,
    FirstRole,
    PassedOverPeople,
    ShownRole,
    StretchesPassedOver,
    UserIds,
)
from app.products.layered.layer_fields import Point
from app.products.layered.request import window_errors
from app.teams.schemas import Instant, PageQuery, TeamId

SHIFTS_MS = 366 * DAY_MS
"""The longest window of a person's shifts."""

ClosedReason = Annotated[str, Meta(description="Why nobody is on call, where an override says so.")]


class PersonOnCall(Struct, frozen=True):
    """One of several who are on call together."""

    user_id: str
    name: str | None
    email: str | None


PeopleTogether = Annotated[
    Sequence[PersonOnCall], Meta(description="Everybody on call, if they are several.")
]


class WindowQuery(RequestModel, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """The window to show: half open, 731 days at most."""

    from_at: Point
    to_at: Point

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the window."""
        return window_errors(values, "from_at", "to_at", "/to")


class OnCallQuery(PageQuery, frozen=True):
    """Which schedules to show, and the instant asked about; absent: now."""

    at: Point | None = None
    team_id: (
        Annotated[TeamId, Meta(description="schedules of this team only; absent: of all")] | None
    ) = None


class ShiftsQuery(RequestModel, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """The window to show: half open, 366 days at most; absent: the 28 days from now on."""

    from_at: Point | None = None
    to_at: Point | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the window."""
        from_at, to_at = values.get("from_at"), values.get("to_at")
        if to_at is not None and from_at is None:
            yield FieldError("/from", "give it beside to: a window has a beginning")
        elif to_at is not None and from_at is not None:
            yield from window_errors(values, "from_at", "to_at", "/to")
            if to_at - from_at > SHIFTS_MS:
                yield FieldError("/to", "is at most 366 days after from")


class RoleOnCallShown(Struct, frozen=True, omit_defaults=True):
    """Who is on call in one role. With nobody, ``until`` is when somebody is."""

    role: str
    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    user_email: str | None
    layer: Annotated[str, Meta(description="The name of the layer, if it is one.")] | None
    until: Annotated[Instant, Meta(description="Null: nothing will ever change.")] | None
    user_name: str | None
    source: AssignmentSource | None
    override_id: str | None
    entry_id: str | None
    user_ids: UserIds = ()
    passed_over: PassedOverPeople = ()
    reason: ClosedReason | None = None


class OnCallShown(Struct, frozen=True, omit_defaults=True):
    """Who is on call at an instant. With nobody, ``until`` is when somebody is."""

    schedule_id: str
    at: Instant
    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    user_email: str | None
    layer: Annotated[str, Meta(description="The name of the layer, if it is one.")] | None
    until: Annotated[Instant, Meta(description="Null: nothing will ever change.")] | None
    user_name: str | None
    source: AssignmentSource | None
    override_id: str | None
    entry_id: str | None
    user_ids: UserIds = ()
    passed_over: PassedOverPeople = ()
    reason: ClosedReason | None = None
    role: FirstRole | None = None
    roles: Annotated[
        Sequence[RoleOnCallShown],
        Meta(description="Who is on call in each role, if there are any."),
    ] = ()


class SegmentShown(Struct, frozen=True, omit_defaults=True):
    """A maximal stretch with one person from one source, cut to the window."""

    start: Instant
    end: Instant
    user_id: str
    source: Literal["layer", "override", "entry"]
    layer: str | None
    override_id: str | None
    entry_id: str | None
    user_ids: UserIds = ()
    passed_over: StretchesPassedOver = ()
    role: ShownRole | None = None


class GapShown(Struct, frozen=True, omit_defaults=True):
    """A maximal stretch with nobody on call, cut to the window."""

    start: Instant
    end: Instant
    override_id: Annotated[str, Meta(description="The one that says so.")] | None = None
    reason: ClosedReason | None = None
    role: ShownRole | None = None


class FinalScheduleShown(Struct, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """Who is on call over a window, and when nobody is."""

    schedule_id: str
    from_at: Instant
    to_at: Instant
    segments: list[SegmentShown]
    gaps: list[GapShown]


class CurrentShift(Struct, frozen=True, omit_defaults=True):
    """Who is on call now, and for which shift."""

    user_id: str
    name: str | None
    email: str | None
    shift_start: Annotated[Instant, Meta(description="Null: it was always so.")] | None
    shift_end: Annotated[Instant, Meta(description="Null: nothing will ever change.")] | None
    user_ids: UserIds = ()
    users: PeopleTogether = ()
    passed_over: PassedOverPeople = ()
    role: ShownRole | None = None


class NextShift(Struct, frozen=True, omit_defaults=True):
    """Who follows on the same schedule, or comes first where nobody is on call."""

    user_id: str
    name: str | None
    email: str | None
    at: Instant
    schedule_id: str
    user_ids: UserIds = ()
    role: ShownRole | None = None


class RoleNow(Struct, frozen=True, omit_defaults=True):
    """Who has one role of a schedule, and who has it next."""

    role: str
    on_call: CurrentShift | None
    next: NextShift | None
    reason: ClosedReason | None = None


RolesNow = Annotated[
    Sequence[RoleNow], Meta(description="Who is on call in each role, if there are any.")
]


class ScheduleNow(Struct, frozen=True, omit_defaults=True):
    """Who has one of the team's schedules; where it has roles, its first one."""

    schedule_id: str
    name: str
    user_id: str | None
    shift_start: Instant | None
    shift_end: Instant | None
    user_ids: UserIds = ()
    reason: ClosedReason | None = None
    role: FirstRole | None = None
    roles: RolesNow = ()


class CurrentOnCall(Struct, frozen=True):
    """Who is on call for a team, by its oldest schedule that has somebody in its first role."""

    team_id: str
    on_call: CurrentShift | None
    next: NextShift | None
    schedules: Sequence[ScheduleNow]


class ScheduleOnCall(Struct, frozen=True, omit_defaults=True):
    """Who has a schedule at the moment, and who has it next."""

    schedule_id: str
    schedule_name: str
    team_id: str | None
    timezone: str
    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    user_name: str | None
    user_email: str | None
    since: Annotated[Instant, Meta(description="Null: it was always so.")] | None
    until: Annotated[Instant, Meta(description="Null: nothing will ever change.")] | None
    next: NextShift | None
    user_ids: UserIds = ()
    reason: ClosedReason | None = None
    role: FirstRole | None = None
    roles: RolesNow = ()


class TeamShown(Struct, frozen=True):
    """A team that schedules name."""

    id: str
    schedules: Annotated[int, Meta(description="How many there are of it.")]


class ShiftShown(Struct, frozen=True, omit_defaults=True):
    """A stretch for which a person is on call, by one source, cut to the window."""

    schedule_id: str
    schedule_name: str
    start: Instant
    end: Instant
    source: AssignmentSource
    layer: str | None
    override_id: str | None
    entry_id: str | None
    starts_before: Annotated[bool, Meta(description="Whether it started before `from`.")]
    ends_after: Annotated[bool, Meta(description="Whether it ends after `to`.")]
    role: ShownRole | None = None


class ShiftsShown(Struct, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """Every shift of a person over a window, on all schedules, in order."""

    user_id: str
    from_at: Instant
    to_at: Instant
    shifts: Sequence[ShiftShown]
