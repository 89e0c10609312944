"""Entries and swaps on the wire."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.engine.layered import limits
from app.errors import FieldError
from app.http.validation import RequestModel
from app.products.layered.answer import (
    OtherRoles,
    ShownRole,
    StretchesPassedOver,
    UserIds,
    several,
    stretches_passed_over,
)
from app.products.layered.layer_fields import Point, RoleMeant, text_of
from app.products.layered.request import window_errors
from app.products.words import END, PERSON, START, meant_by
from app.teams.entries.store import StoredEntry, StoredSwap
from app.teams.overrides.store import ManualAssignmentFields
from app.teams.schemas import Id, Instant, PageQuery, UserId
from app.teams.times import day_in_range, local_text, utc_text


class EntryPost(RequestModel, frozen=True):
    """A shift made by hand."""

    user_id: UserId
    start: Point
    end: Point
    id: Id | None = None
    role: RoleMeant | None = None

    synonyms = meant_by({"user_id": PERSON, "start": START, "end": END})

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the entry's stretch."""
        return window_errors(values, "start", "end", "/end")

    @property
    def fields(self) -> ManualAssignmentFields:
        """The entry as it is stored."""
        span = (int(self.start), int(self.end))
        return ManualAssignmentFields(str(self.user_id), *span, role=text_of(self.role))


class EntryShown(Struct, frozen=True, omit_defaults=True):
    """One shift of a schedule."""

    id: str
    schedule_id: str
    user_id: (
        Annotated[
            str,
            Meta(
                description="Who has it, swaps and overrides included; null: nobody, by an "
                "override of all of it."
            ),
        ]
        | None
    )
    start: Instant
    end: Instant
    source: Literal["created", "generated"]
    scheduled_user_id: Annotated[str, Meta(description="Who had it before.")]
    swap_id: str | None
    created_at: Instant | None
    user_ids: UserIds = ()
    passed_over: StretchesPassedOver = ()
    role: ShownRole | None = None
    other_roles: OtherRoles = ()


class EntriesQuery(PageQuery, frozen=True, kw_only=True):
    """Local dates in the schedule's zone, both included, 731 days at most."""

    start_date: Annotated[date, Meta(description="a local date such as 2026-03-01")]
    end_date: Annotated[date, Meta(description="a local date, not before start_date")]
    user_id: UserId | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the page and of the range of days."""
        yield from super().cross_field_errors(values)
        days = {name: values[name] for name in ("start_date", "end_date") if name in values}
        strange = [name for name, day in days.items() if not day_in_range(day)]
        yield from (FieldError(f"/{name}", "must lie in the years 2 to 9998") for name in strange)
        if len(days) == 2 and not strange:
            count = (days["end_date"] - days["start_date"]).days + 1
            if not 1 <= count <= limits.WINDOW_MS // limits.DAY_MS:
                yield FieldError("/end_date", "must be start_date or at most 730 days later")


class SwapPost(RequestModel, frozen=True):
    """Who takes the entry over."""

    swap_with_user_id: UserId

    synonyms = meant_by({"swap_with_user_id": (*PERSON, "with")})


class SwapShown(Struct, frozen=True):
    """A swap; ``entries`` as they are after it, the swapped one first."""

    id: str
    schedule_id: str
    user_id: Annotated[str, Meta(description="Who gave the entry.")]
    swap_with_user_id: str
    created_at: Instant
    undone_at: Instant | None
    entry_ids: Sequence[str]
    entries: Sequence[EntryShown] = ()


def entry_of(entry: StoredEntry, timezone: str, other_roles: Sequence[str] = ()) -> EntryShown:
    """Return an entry as it is on the wire, in its schedule's local time."""
    return EntryShown(
        entry.id,
        entry.schedule_id,
        entry.user_id,
        local_text(entry.start_at, timezone),
        local_text(entry.end_at, timezone),
        "generated" if entry.generated else "created",
        entry.scheduled_user_id,
        entry.swap_id,
        None if entry.created_at is None else utc_text(entry.created_at),
        several(entry.user_ids),
        stretches_passed_over(entry.passed_over, partial(local_text, timezone=timezone)),
        entry.role,
        other_roles,
    )


def swap_of(swap: StoredSwap, entries: Sequence[EntryShown] = ()) -> SwapShown:
    """Return a swap as it is on the wire, with its entries where they are known."""
    other = [swap.other_entry_id] if swap.other_entry_id else []
    return SwapShown(
        swap.id,
        swap.schedule_id,
        swap.user_id,
        swap.with_user_id,
        utc_text(swap.created_at),
        None if swap.undone_at is None else utc_text(swap.undone_at),
        [swap.entry_id, *other],
        entries,
    )
