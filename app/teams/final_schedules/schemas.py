"""A final schedule on the wire, and the queries by which it is asked for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.errors import FieldError
from app.http.scalars import Zone
from app.products.layered.answer import AssignmentSource, ShownRole, UserIds
from app.products.layered.layer_fields import Point
from app.products.layered.request import window_errors
from app.teams.calendars.schemas import FeedQuery
from app.teams.schemas import Instant

ShownZone = Annotated[
    Zone,
    Meta(
        description="an IANA time zone in which times are shown; absent: the schedule's",
        examples=["Europe/Brussels"],
    ),
]


class PageQuery(FeedQuery, frozen=True):
    """The query of a schedule's page."""

    timezone: ShownZone | None = None


class FinalScheduleQuery(
    FeedQuery, frozen=True, rename={"from_at": "from", "to_at": "to", "form": "format"}
):
    """The window to show: half open, 731 days at most; absent: 28 days from today on."""

    from_at: Point | None = None
    to_at: Point | None = None
    timezone: ShownZone | None = None
    form: (
        Annotated[
            Literal["json", "csv", "svg"],
            Meta(description="the form of the answer, for programs that cannot send `Accept`"),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the window."""
        if values.get("to_at") is not None and values.get("from_at") is None:
            yield FieldError("/from", "give it beside to: a window has a beginning")
        elif values.get("to_at") is not None:
            yield from window_errors(values, "from_at", "to_at", "/to")


class StretchShown(Struct, frozen=True, omit_defaults=True):
    """A maximal stretch with one person from one source, cut to the window."""

    start: Instant
    end: Instant
    user_id: str
    user_name: str | None
    source: AssignmentSource
    layer: str | None
    override_id: str | None
    entry_id: str | None
    starts_before: Annotated[bool, Meta(description="Whether it started before `from`.")]
    ends_after: Annotated[bool, Meta(description="Whether it ends after `to`.")]
    user_ids: UserIds = ()
    role: ShownRole | None = None


class UncoveredShown(Struct, frozen=True, omit_defaults=True):
    """A maximal stretch with nobody on call, cut to the window."""

    start: Instant
    end: Instant
    override_id: (
        Annotated[str, Meta(description="The override that says so, if one does.")] | None
    ) = None
    reason: str | None = None
    role: ShownRole | None = None


class LaidOut(Struct, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """Who is on call over a window, and when nobody is, by the clock of ``timezone``."""

    schedule_id: str
    name: str
    timezone: str
    from_at: Instant
    to_at: Instant
    segments: Sequence[StretchShown]
    gaps: Sequence[UncoveredShown]
