"""Overrides on the wire."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from app.errors import FieldError
from app.http.validation import RequestModel
from app.products.layered.answer import OtherRoles
from app.products.layered.layer_fields import Point, text_of
from app.products.layered.request import (
    Covering,
    OverrideRole,
    Reason,
    nobody_errors,
    order_errors,
)
from app.products.words import END, PERSON, START, meant_by
from app.teams.overrides.store import ManualAssignment, ManualAssignmentFields
from app.teams.schemas import Id, Instant
from app.teams.times import utc_text


class OverridePost(RequestModel, frozen=True):
    """One person for a time range, above entries and layers; or nobody."""

    user_id: Covering
    start_at: Point
    end_at: Point
    id: Id | None = None
    reason: Reason | None = None
    role: OverrideRole | None = None

    nullable = ("user_id",)
    synonyms = meant_by({"user_id": PERSON, "start_at": START, "end_at": END})

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the override's stretch, and of one of nobody without a reason."""
        yield from order_errors(values, "start_at", "end_at")
        yield from nobody_errors(values)

    @property
    def fields(self) -> ManualAssignmentFields:
        """The override as it is stored."""
        return ManualAssignmentFields(
            None if self.user_id is None else str(self.user_id),
            int(self.start_at),
            int(self.end_at),
            self.reason,
            role=text_of(self.role),
        )


class OverrideShown(Struct, frozen=True, omit_defaults=True):
    """An override. ``cancelled_at``: what it had not covered by then was taken back."""

    id: str
    user_id: Annotated[str, Meta(description="Null: nobody is on call.")] | None
    start_at: Instant
    end_at: Instant
    reason: str | None
    swap_id: Annotated[str, Meta(description="The swap that made it.")] | None
    created_at: Instant
    cancelled_at: Instant | None
    role: (
        Annotated[str, Meta(description="Absent: the first role, or all where nobody is.")] | None
    ) = None
    other_roles: OtherRoles = ()


def override_of(assignment: ManualAssignment, other_roles: Sequence[str] = ()) -> OverrideShown:
    """Return an override as it is on the wire, with what else the person has, if it was asked."""
    given = assignment.fields
    return OverrideShown(
        assignment.id,
        given.user_id,
        utc_text(given.start_at),
        utc_text(given.end_at),
        given.reason,
        given.swap_id,
        utc_text(assignment.created_at),
        None if assignment.cancelled_at is None else utc_text(assignment.cancelled_at),
        given.role,
        other_roles,
    )
