"""Escalation policies on the wire."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.errors import FieldError
from app.http.scalars import Name
from app.http.validation import RequestModel
from app.products.layered.answer import ShownRole
from app.products.layered.layer_fields import text_of
from app.teams.policies.store import Policy, PolicyFields, Step, Target
from app.teams.schemas import Id, Instant, Title, Version
from app.teams.times import utc_text

USUAL_DELAY_MINUTES = 5


class TargetDocument(RequestModel, frozen=True):
    """A schedule, for whoever it has on call, or a user."""

    type: Annotated[Literal["schedule", "user"], Meta(description='"schedule" or "user"')]
    id: Annotated[
        str, Meta(max_length=64, description="the id of a schedule or user of the organisation")
    ]
    role: (
        Annotated[
            Name,
            Meta(description="whose turn counts, where the schedule has roles; absent: the first"),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield an error for the role of a user."""
        if values.get("type") == "user" and values.get("role") is not None:
            yield FieldError("/role", "goes with a schedule: leave it out")


class StepDocument(RequestModel, frozen=True):
    """Who is told at once; the next step follows after ``delay_minutes``."""

    targets: Annotated[
        list[TargetDocument],
        Meta(min_length=1, max_length=20, description="1 to 20 schedules and users"),
    ]
    delay_minutes: Annotated[
        float,
        Meta(
            ge=0,
            le=1_440,
            multiple_of=1,
            description="whole minutes until the next step, at most a day",
            examples=[USUAL_DELAY_MINUTES],
        ),
    ] = USUAL_DELAY_MINUTES

    @property
    def step(self) -> Step:
        """The step as it is stored."""
        targets = tuple(
            Target(target.type, target.id, text_of(target.role)) for target in self.targets
        )
        return Step(targets, int(self.delay_minutes))


class PolicyPost(RequestModel, frozen=True):
    """An escalation policy."""

    name: Title
    steps: Annotated[
        list[StepDocument],
        Meta(min_length=1, max_length=20, description="1 to 20 steps, in order"),
    ]
    id: Id | None = None

    @property
    def fields(self) -> PolicyFields:
        """The policy as it is stored."""
        return PolicyFields(str(self.name), tuple(step.step for step in self.steps))


class TargetShown(Struct, frozen=True, omit_defaults=True):
    """A schedule, for whoever it has on call, or a user."""

    type: Literal["schedule", "user"]
    id: str
    role: ShownRole | None = None


class StepShown(Struct, frozen=True):
    """One step of a policy."""

    targets: Sequence[TargetShown]
    delay_minutes: int


class PolicyShown(Struct, frozen=True):
    """An escalation policy."""

    id: str
    name: str
    steps: Sequence[StepShown]
    version: Version
    created_at: Instant
    updated_at: Instant


class Told(Struct, frozen=True, omit_defaults=True):
    """One person of a step, and why."""

    user_id: str
    user_email: str | None
    user_name: str | None
    schedule_id: Annotated[str, Meta(description="Null: the policy names the user.")] | None
    layer: str | None
    until: Instant | None
    role: ShownRole | None = None


class StepNow(Struct, frozen=True):
    """Whom a step would tell."""

    step: int
    delay_minutes: int
    users: Sequence[Told]


class Resolution(Struct, frozen=True):
    """The first step that has anybody, and every step with whom it would tell."""

    policy_id: str
    at: Instant
    step: Annotated[int, Meta(description="From 1. Null: no step has anybody.")] | None
    users: Sequence[Told]
    steps: Sequence[StepNow]


def policy_of(policy: Policy) -> PolicyShown:
    """Return a policy as it is on the wire."""
    steps = [
        StepShown(
            [TargetShown(each.type, each.id, each.role) for each in step.targets],
            step.delay_minutes,
        )
        for step in policy.fields.steps
    ]
    return PolicyShown(
        policy.id,
        policy.fields.name,
        steps,
        policy.version,
        utc_text(policy.created_at),
        utc_text(policy.updated_at),
    )
