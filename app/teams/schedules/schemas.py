"""Schedules on the wire of both APIs: layers on v1, one rotation on v2.

Strategy: a schedule is stored as its layers, as they were sent. v2 shows a schedule of one layer
without restrictions as that layer's rotation, and any other as its first layer's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from app.errors import Conflict, FieldError
from app.http.validation import RequestModel, validated
from app.products.layered.layer_fields import (
    HandoffTime,
    LayerDocument,
    Layers,
    LocalZone,
    Participants,
    Point,
    RotationInterval,
    RotationType,
)
from app.products.layered.request import ROTATION
from app.teams.overrides.schemas import OverrideShown, override_of
from app.teams.overrides.store import ManualAssignment
from app.teams.schedules.store import ScheduleFields, ScheduleRules, StoredSchedule
from app.teams.schemas import (
    Id,
    Instant,
    PageQuery,
    TeamId,
    Title,
    Version,
)
from app.teams.times import utc_text

TimeZone = Annotated[LocalZone, Meta(examples=["Europe/Brussels"])]

ROTATION_LAYER = "rotation"
"""The name of the only layer of a v2 schedule."""


class SchedulesQuery(PageQuery, frozen=True):
    """A part of the schedules, or of a team's."""

    team_id: TeamId | None = None


class V1SchedulePost(RequestModel, frozen=True):
    """A schedule of layers."""

    name: Title
    timezone: TimeZone
    layers: Layers
    id: Id | None = None
    team_id: TeamId | None = None

    def fields(self, value: Mapping[str, Any]) -> ScheduleFields:
        """Return the schedule as it is stored; ``value`` is the document as it was sent."""
        layers = tuple(layer.layer() for layer in self.layers)
        team_id = None if self.team_id is None else str(self.team_id)
        return ScheduleFields(
            str(self.name),
            team_id,
            ScheduleRules(str(self.timezone), layers, _text(value["layers"])),
        )


class V2SchedulePost(RequestModel, frozen=True):
    """A schedule of one rotation."""

    name: Title
    team_id: TeamId
    timezone: TimeZone
    rotation_type: RotationType
    id: Id | None = None
    participants: Participants | None = None
    start_at: Point | None = None
    handoff_time: HandoffTime | None = None
    interval: RotationInterval | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the rotation."""
        return LayerDocument.cross_field_errors(values)

    def fields(self, value: Mapping[str, Any]) -> ScheduleFields:
        """Return the schedule as it is stored; ``value`` is the document as it was sent."""
        return self._with_rules(self._rules({"name": ROTATION_LAYER}, value))

    def fields_after(
        self, schedule: StoredSchedule, value: Mapping[str, Any], *, rotation_changed: bool
    ) -> ScheduleFields:
        """Return the fields that replace those of ``schedule``.

        ``value`` is the whole document after a patch; ``rotation_changed`` says whether the patch
        changes the rotation.
        """
        if not rotation_changed:
            return self._with_rules(replace(schedule.rules, timezone=str(self.timezone)))
        [layer] = layers_of(schedule)
        rest = {name: item for name, item in layer.items() if name not in ROTATION}
        return self._with_rules(self._rules(rest, value))

    def _rules(self, rest: Mapping[str, Any], value: Mapping[str, Any]) -> ScheduleRules:
        """Return the rules of one layer: its fields in ``rest`` and the rotation in ``value``."""
        given = {name: value[name] for name in ROTATION if value.get(name) is not None}
        layer = {**rest, "participants": [], **given}
        read = validated(layer, LayerDocument).layer()
        return ScheduleRules(str(self.timezone), (read,), _text([layer]))

    def _with_rules(self, rules: ScheduleRules) -> ScheduleFields:
        team_id = None if self.team_id is None else str(self.team_id)
        return ScheduleFields(str(self.name), team_id, rules)


class V2SchedulePatch(V2SchedulePost, frozen=True, kw_only=True):
    """What a merge patch must leave of a schedule; v1 makes some that have no team."""

    team_id: TeamId | None = None  # type: ignore[assignment] # wider than in a POST


class V1Schedule(Struct, frozen=True, omit_defaults=True):
    """A schedule of layers, with the overrides that are not over."""

    id: str
    name: str
    team_id: str | None
    timezone: str
    layers: Annotated[
        Sequence[Mapping[str, Any]], Meta(description="As they were sent; top to bottom.")
    ]
    overrides: Sequence[OverrideShown]
    version: Version
    created_at: Instant
    updated_at: Instant
    overrides_left_out: Annotated[
        int, Meta(description="How many more there are at …/overrides, if they are too large.")
    ] = 0


class V2Schedule(Struct, frozen=True):
    """A schedule of one rotation; of a layered one, that of its first layer."""

    id: str
    name: str
    team_id: str | None
    timezone: str
    rotation_type: str
    created_at: Instant
    updated_at: Instant
    version: Version
    participants: Sequence[str]
    start_at: str | None
    handoff_time: str | None
    interval: Mapping[str, Any] | None
    layered: Annotated[
        bool, Meta(description="Whether it has more than this; /api/v1/schedules shows it all.")
    ]


def v1_schedule_of(
    schedule: StoredSchedule, overrides: Sequence[ManualAssignment], left_out: int = 0
) -> V1Schedule:
    """Return a schedule as it is on the wire of v1; ``left_out`` overrides are not shown."""
    return V1Schedule(
        schedule.id,
        schedule.fields.name,
        schedule.fields.team_id,
        schedule.rules.timezone,
        layers_of(schedule),
        [override_of(assignment) for assignment in overrides],
        schedule.version,
        utc_text(schedule.created_at),
        utc_text(schedule.updated_at),
        left_out,
    )


def v2_schedule_of(schedule: StoredSchedule) -> V2Schedule:
    """Return a schedule as it is on the wire of v2."""
    layers = layers_of(schedule)
    first: Mapping[str, Any] = layers[0] if layers else {"rotation_type": "custom"}
    return V2Schedule(
        schedule.id,
        schedule.fields.name,
        schedule.fields.team_id,
        schedule.rules.timezone,
        first["rotation_type"],
        utc_text(schedule.created_at),
        utc_text(schedule.updated_at),
        schedule.version,
        first.get("participants", []),
        first.get("start_at"),
        first.get("handoff_time"),
        first.get("interval"),
        is_layered(schedule),
    )


def layers_of(schedule: StoredSchedule) -> Sequence[Mapping[str, Any]]:
    """Return the layers as they were sent."""
    layers: Sequence[Mapping[str, Any]] = msgspec.json.decode(schedule.rules.document)
    return layers


def is_layered(schedule: StoredSchedule) -> bool:
    """Return whether a schedule is more than one rotation."""
    layers = schedule.rules.layers
    return len(layers) != 1 or bool(layers[0].restrictions)


def changes_rotation(
    schedule: StoredSchedule, shown: Mapping[str, Any], patch: Mapping[str, Any]
) -> bool:
    """Return whether a v2 patch changes the rotation in ``shown``.

    Raises ``Conflict`` if that is only one of several layers.
    """
    rotation_changed = any(name in patch and patch[name] != shown.get(name) for name in ROTATION)
    if rotation_changed and is_layered(schedule):
        raise Conflict(
            f"the schedule {schedule.id} has layers: change them at /api/v1/schedules/{schedule.id}"
        )
    return rotation_changed


def _text(layers: object) -> str:
    return msgspec.json.encode(layers).decode()
