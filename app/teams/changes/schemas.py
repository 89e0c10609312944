"""Changes on the wire."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from app.engine.layered.limits import DAY_MS
from app.errors import FieldError
from app.http.scalars import moment_ms
from app.http.validation import RequestModel
from app.products.layered.answer import AssignmentSource, ShownRole, UserIds
from app.teams.audit.schemas import ActorShown
from app.teams.changes.cursor import Cursor, cursor_in
from app.teams.covers.schemas import AcceptedPart
from app.teams.covers.state import State
from app.teams.schemas import Instant

MAX_HOURS_AHEAD = 744
"""31 days."""
MAX_CHANGES = 1_000
NO_CURSOR = "is neither `next` of an answer nor an instant such as 2026-06-04T00:00:00Z"


class ChangesQuery(RequestModel, frozen=True):
    """From where on changes are told, and how many of them."""

    since: (
        Annotated[
            str,
            Meta(
                max_length=500,
                description="`next` of the answer before, or an instant that has been; absent: now",
            ),
        ]
        | None
    ) = None
    ahead: Annotated[
        int,
        Meta(
            ge=0,
            le=MAX_HOURS_AHEAD,
            description="a whole number of hours, at most 744: turns are told so long before",
        ),
    ] = 0
    limit: Annotated[
        int,
        Meta(ge=1, le=MAX_CHANGES, description=f"a whole number from 1 to {MAX_CHANGES}"),
    ] = 100

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the error of ``since``."""
        since = values.get("since")
        if isinstance(since, str) and _place_in(since) is None:
            yield FieldError("/since", NO_CURSOR)

    @property
    def place(self) -> Cursor | int | None:
        """The cursor or the instant that is given."""
        return None if self.since is None else _place_in(self.since)

    @property
    def ahead_ms(self) -> int:
        """How long before they begin turns are told."""
        return self.ahead * DAY_MS // 24


class Write(Struct, frozen=True, tag_field="type", tag="write"):
    """Something was written to a schedule: ``…/audit`` has what, under `audit_id`."""

    id: Annotated[str, Meta(description="The same whenever this change is told.")]
    at: Annotated[Instant, Meta(description="When it was written.")]
    schedule_id: str
    schedule_name: Annotated[str, Meta(description="Null: it has been deleted.")] | None
    team_id: str | None
    action: Annotated[str, Meta(examples=["schedule.updated", "override.created"])]
    version: Annotated[int, Meta(description="The schedule's version after it.")]
    audit_id: str
    actor: ActorShown


class CoverChange(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="cover"):
    """Somebody asked for cover, or the request was answered or withdrawn."""

    id: Annotated[str, Meta(description="The same whenever this change is told.")]
    at: Annotated[Instant, Meta(description="When it was written.")]
    schedule_id: str
    schedule_name: Annotated[str, Meta(description="Null: it has been deleted.")] | None
    team_id: str | None
    action: Annotated[str, Meta(examples=["cover.requested", "cover.accepted"])]
    version: Annotated[int, Meta(description="The schedule's version after it.")]
    audit_id: str
    actor: ActorShown
    cover_id: str
    state: Annotated[State, Meta(description="What the request was after it.")]
    user_id: (
        Annotated[str, Meta(description="Who asks; null with all of the request: it was deleted.")]
        | None
    )
    start: Annotated[Instant, Meta(description="The stretch that is asked for.")] | None
    end: Instant | None
    reason: str | None
    offered_to: Annotated[Sequence[str], Meta(description="Null: everybody who takes part.")] | None
    answered_by: Annotated[str, Meta(description="Who accepted or refused, if it was that.")] | None
    accepted: Annotated[Sequence[AcceptedPart], Meta(description="What was accepted by it.")]
    role: ShownRole | None = None


class Handoff(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="handoff"):
    """Somebody is on call from `at` on."""

    id: Annotated[str, Meta(description="The same whenever this change is told.")]
    at: Annotated[Instant, Meta(description="When it begins.")]
    schedule_id: str
    schedule_name: str
    team_id: str | None
    user_id: str
    user_name: str | None
    user_email: str | None
    until: Annotated[Instant, Meta(description="Null: nothing will ever change.")] | None
    previous_user_id: Annotated[str, Meta(description="Null: nobody was on call before.")] | None
    source: AssignmentSource
    layer: Annotated[str, Meta(description="The name of the layer, if it is one.")] | None
    override_id: str | None
    entry_id: str | None
    user_ids: UserIds = ()
    role: ShownRole | None = None


class GapBegins(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="gap"):
    """Nobody is on call from `at` on."""

    id: Annotated[str, Meta(description="The same whenever this change is told.")]
    at: Annotated[Instant, Meta(description="When it begins.")]
    schedule_id: str
    schedule_name: str
    team_id: str | None
    until: Annotated[Instant, Meta(description="Null: nobody will ever be on call.")] | None
    previous_user_id: Annotated[str, Meta(description="Null: nobody was on call before.")] | None
    override_id: (
        Annotated[str, Meta(description="The override that says so, if one does.")] | None
    ) = None
    role: ShownRole | None = None


Change = Write | CoverChange | Handoff | GapBegins


class Changes(Struct, frozen=True):
    """What has changed, and from where on to ask next."""

    data: Sequence[Change]
    next: Annotated[str, Meta(description="`since` of the next request.")]
    more: Annotated[bool, Meta(description="Whether there may be more already.")]


def _place_in(text: str) -> Cursor | int | None:
    try:
        return moment_ms(text)
    except ValueError:
        return cursor_in(text)
