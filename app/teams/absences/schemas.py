"""Absences on the wire."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from app.errors import FieldError
from app.http.validation import RequestModel
from app.products.layered.answer import ShownRole
from app.products.layered.layer_fields import LocalEnd, LocalStart, LocalZone
from app.products.layered.request import order_errors
from app.products.local_times import with_instants
from app.products.words import END, START, meant_by
from app.teams.absences.store import AbsenceFields, AbsentStretch, StoredAbsence
from app.teams.schemas import Id, Instant, Version
from app.teams.times import utc_text

CALENDAR_CHARACTERS = 256 * 1024
SHOWN = 100
"""The most stretches that an answer shows."""


class AbsencePost(RequestModel, frozen=True, kw_only=True):
    """When a person takes no turns: a stretch, or the events of a calendar."""

    id: Id | None = None
    start: LocalStart | None = None
    end: LocalEnd | None = None
    timezone: (
        Annotated[
            LocalZone,
            Meta(
                description="the IANA time zone of dates and local times in start, end and "
                "calendar; required with any of these",
                examples=["Europe/Brussels"],
            ),
        ]
        | None
    ) = None
    reason: (
        Annotated[
            str, Meta(max_length=200, description="at most 200 characters; shown in schedules")
        ]
        | None
    ) = None
    calendar: (
        Annotated[
            str,
            Meta(
                max_length=CALENDAR_CHARACTERS,
                description="the text of a calendar (iCalendar), in place of start and end: its "
                "events that last the whole day, are out of office, or last at least four hours, "
                "of the next 731 days",
            ),
        ]
        | None
    ) = None

    synonyms = meant_by({"start": START, "end": END, "calendar": ("ics", "icalendar")})

    @classmethod
    def completed(cls, value: dict[str, Any], now: int | None) -> dict[str, Any]:  # noqa: ARG003 - a hook
        """Return ``value`` with instants in place of dates and local times, if it has a zone."""
        return with_instants(value, cls) if "timezone" in value else value

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the stretch, or of the calendar in its place."""
        if "calendar" not in values:
            return
        own = _stretch_errors if values["calendar"] is None else _calendar_errors
        yield from own(values)

    @property
    def fields(self) -> AbsenceFields:
        """The absence as it is stored."""
        return AbsenceFields(
            None if self.start is None else int(self.start),
            None if self.end is None else int(self.end),
            None if self.timezone is None else str(self.timezone),
            self.reason,
        )


def _stretch_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    missing = [name for name in ("start", "end") if values.get(name, 0) is None]
    yield from (FieldError(f"/{name}", "is required, or a calendar") for name in missing)
    if not missing:
        yield from order_errors(values, "start", "end")


def _calendar_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    for name in ("start", "end"):
        if values.get(name) is not None:
            yield FieldError(f"/{name}", "belongs to one stretch: leave it or calendar out")
    if values.get("timezone", "") is None:
        yield FieldError("/timezone", "is required beside a calendar")


class StretchShown(Struct, frozen=True):
    """A stretch of an absence that counts."""

    start: Instant
    end: Instant
    reason: str | None


class AbsenceGap(Struct, frozen=True, omit_defaults=True):
    """A stretch that nobody has, because of an absence."""

    schedule_id: str
    start: Instant
    end: Instant
    role: ShownRole | None = None


class AbsenceShown(Struct, frozen=True, omit_defaults=True):
    """When a person takes no turns. The answer to a write says who would be missed."""

    id: str
    user_id: str
    start: Annotated[Instant, Meta(description="Null: it is of a calendar.")] | None
    end: Instant | None
    timezone: str | None
    reason: str | None
    stretches: Annotated[
        Sequence[StretchShown], Meta(description="What counts and is not over, at most 100.")
    ]
    stretches_left_out: Annotated[int, Meta(description="How many more there are.")]
    version: Version
    created_at: Instant
    updated_at: Instant
    gaps: (
        Annotated[
            Sequence[AbsenceGap],
            Meta(
                description="In the answer to a write: what nobody has because of this absence, "
                "within a year from its start, at most 100."
            ),
        ]
        | None
    ) = None
    unchecked: Annotated[
        Sequence[str],
        Meta(description="Schedules that were not looked through for gaps: it is too much work."),
    ] = ()


def absence_of(
    absence: StoredAbsence,
    stretches: Sequence[AbsentStretch],
    gaps: Sequence[AbsenceGap] | None = None,
    unchecked: Sequence[str] = (),
) -> AbsenceShown:
    """Return an absence as it is on the wire."""
    given = absence.fields
    return AbsenceShown(
        absence.id,
        absence.user_id,
        None if given.start_at is None else utc_text(given.start_at),
        None if given.end_at is None else utc_text(given.end_at),
        given.timezone,
        given.reason,
        [
            StretchShown(utc_text(each.from_at), utc_text(each.until_at), each.reason)
            for each in stretches[:SHOWN]
        ],
        max(len(stretches) - SHOWN, 0),
        absence.version,
        utc_text(absence.created_at),
        utc_text(absence.updated_at),
        gaps,
        tuple(unchecked),
    )
