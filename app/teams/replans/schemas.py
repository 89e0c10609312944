"""Replanning on the wire."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.errors import FieldError
from app.http.validation import RequestModel
from app.products.layered.layer_fields import Point
from app.products.layered.request import window_errors
from app.products.roster.answer import RosterObjective
from app.products.roster.rules import (
    RulesDocument,
    kinds_in_rules,
    minutes_in_rules,
    people_in_rules,
)
from app.teams.schedules.previews import ChangesOfUser, OnCallPreview
from app.teams.schemas import Instant, UserId, Version

MAX_ABSENCES = 1_000
MAX_PEOPLE = 200
NO_KINDS = "says kind: the stretches of a schedule have none"
NO_PAIRS = "is about pairs: a schedule has one person on call at a time"


class AwayPost(RequestModel, frozen=True):
    """When somebody cannot be on call, beside the absences that are kept."""

    user_id: UserId
    start: Point
    end: Point

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the stretch."""
        return window_errors(values, "start", "end", "/end")


class ReplanQuery(RequestModel, frozen=True):
    """Whether a plan is only looked at."""

    preview: (
        Annotated[
            Literal["true", "false"],
            Meta(description='"true": nothing is written, and the answer is what would be'),
        ]
        | None
    ) = None


class ReplanPost(RequestModel, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """The window to plan anew, who is away, and what has to hold."""

    to_at: Annotated[Point, Meta(description="stretches that begin before are planned anew")]
    from_at: Annotated[Point, Meta(description="an instant to come; absent: now")] | None = None
    unavailable: (
        Annotated[
            list[AwayPost],
            Meta(
                max_length=MAX_ABSENCES,
                description="who is away when, beside the absences that are kept",
            ),
        ]
        | None
    ) = None
    people: (
        Annotated[
            list[UserId],
            Meta(
                max_length=MAX_PEOPLE,
                description="who may take stretches, beside those who take part in the schedule",
            ),
        ]
        | None
    ) = None
    rules: (
        Annotated[
            RulesDocument,
            Meta(
                description="what holds for each person, as in oncall-roster, without kinds and "
                "pairs"
            ),
        ]
        | None
    ) = None
    keep: Annotated[
        Literal["prefer", "must"],
        Meta(
            description='"prefer": as few stretches as can be change hands; "must": only those '
            "that their people cannot have"
        ),
    ] = "prefer"

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the window and of the rules."""
        yield from window_errors(values, "from_at", "to_at", "/to")
        rules = values.get("rules")
        yield from minutes_in_rules(rules)
        for pointer, _ in kinds_in_rules(rules):
            yield FieldError(pointer, NO_KINDS)
        pairs = {pointer.rsplit("/", 2)[0] for pointer, _ in people_in_rules(rules)}
        yield from (FieldError(pointer, NO_PAIRS) for pointer in sorted(pairs))


class StretchPlanned(Struct, frozen=True):
    """A stretch that changes hands."""

    start: Instant
    end: Instant
    previous_user_id: Annotated[str, Meta(description="Who has it so far.")]
    user_id: Annotated[str, Meta(description="Who takes it over.")]
    override_id: Annotated[
        str | None, Meta(description="The override that does it; null in a preview.")
    ]


class StretchUncovered(Struct, frozen=True):
    """A stretch that stays with somebody who cannot have it, since nobody can."""

    start: Instant
    end: Instant
    user_id: Annotated[str, Meta(description="Who has it, and keeps it.")]
    why: Annotated[
        Sequence[str],
        Meta(description="The fewest facts that together keep everybody out of it."),
    ]


class ReplanShown(Struct, frozen=True):
    """What is planned anew, and who is on call from ``start`` on before and after it."""

    start: Instant
    end: Instant
    stretches: Sequence[StretchPlanned]
    uncovered: Sequence[StretchUncovered]
    before: OnCallPreview
    after: OnCallPreview
    changes: Annotated[
        Sequence[ChangesOfUser], Meta(description="What each person gets and gives away.")
    ]
    objectives: Annotated[
        Sequence[RosterObjective],
        Meta(description="How good the plan is, one objective after the other, with bounds."),
    ]
    version: Version
