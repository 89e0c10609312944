"""Schedules on the wire of both APIs: layers on v1, one rotation on v2.

Strategy: a schedule is stored as its layers, as they were sent. v2 shows a schedule of one layer
without restrictions as that layer's rotation, and any other as its first layer's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from app.engine.layered.edits import next_handoff
from app.engine.layered.model import Layer, WhenAway
from app.errors import Conflict, FieldError, InvalidRequest
from app.http.scalars import moment_ms
from app.http.validation import RequestModel, validated
from app.products.layered.layer_fields import (
    FirstTurn,
    HandoffTime,
    LayerDocument,
    LayerEnd,
    Layers,
    LocalZone,
    Participants,
    Point,
    RotationInterval,
    RotationType,
    WhenAwayRule,
    layer_role_errors,
)
from app.products.layered.request import ROTATION
from app.products.words import HANDOFF, PEOPLE, meant_by
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
    when_away: WhenAwayRule | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the roles of layers."""
        return layer_role_errors(values)

    def fields(self, value: Mapping[str, Any]) -> ScheduleFields:
        """Return the schedule as it is stored; ``value`` is the document as it was sent."""
        layers = tuple(layer.layer(str(self.timezone)) for layer in self.layers)
        team_id = None if self.team_id is None else str(self.team_id)
        return ScheduleFields(
            str(self.name),
            team_id,
            ScheduleRules(
                str(self.timezone), layers, _text(value["layers"]), self.when_away or "next"
            ),
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
    first_turn_at: FirstTurn | None = None
    end_at: LayerEnd | None = None
    when_away: WhenAwayRule | None = None

    synonyms = meant_by({"participants": PEOPLE, "team_id": ("team",), "handoff_time": HANDOFF})

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
            when_away = self.when_away or "next"
            timezone = str(self.timezone)
            return self._with_rules(replace(schedule.rules, timezone=timezone, when_away=when_away))
        [layer] = layers_of(schedule.rules)
        rest = {name: item for name, item in layer.items() if name not in ROTATION}
        rules = self._rules(rest, value)
        return self._with_rules(with_kept_counting(rules, schedule.rules.layers))

    def _rules(self, rest: Mapping[str, Any], value: Mapping[str, Any]) -> ScheduleRules:
        """Return the rules of one layer: its fields in ``rest`` and the rotation in ``value``."""
        given = {name: value[name] for name in ROTATION if value.get(name) is not None}
        layer = {**rest, "participants": [], **given}
        read = validated(layer, LayerDocument).layer(str(self.timezone))
        text = _text([layer])
        return ScheduleRules(str(self.timezone), (read,), text, self.when_away or "next")

    def _with_rules(self, rules: ScheduleRules) -> ScheduleFields:
        team_id = None if self.team_id is None else str(self.team_id)
        return ScheduleFields(str(self.name), team_id, rules)


class V2SchedulePatch(V2SchedulePost, frozen=True, kw_only=True):
    """What a merge patch must leave of a schedule; v1 makes some that have no team."""

    team_id: TeamId | None = None  # type: ignore[assignment] # wider than in a POST


FirstTurns = Annotated[
    Sequence[Instant | None],
    Meta(
        description="For each layer an instant: the turn that holds it is the first participant's. "
        "Null: turns are counted from start_at."
    ),
]


class EditQuery(RequestModel, frozen=True):
    """When an edit takes effect, and whether it is only looked at."""

    effective_from: (
        Annotated[
            str,
            Meta(
                description='"now", the default; "next_handoff", when the next turn of a layer '
                "ends; or an RFC 3339 instant with Z or an offset that is still to come: until "
                "then the old rules hold",
                examples=["next_handoff"],
            ),
        ]
        | None
    ) = None
    preview: (
        Annotated[
            Literal["true", "false"],
            Meta(
                description='"true": nothing is written, and the answer says who is on call '
                "before and after"
            ),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the error of an instant."""
        text = values.get("effective_from")
        if text not in (None, *EFFECTIVE):
            try:
                moment_ms(text)
            except ValueError as error:
                wanted = f'{error}; or write "now" or "next_handoff"'
                yield FieldError("/effective_from", wanted)

    def effective_at(self, rules: ScheduleRules, now: int) -> int:
        """Return the instant from which an edit of ``rules`` holds. Raises ``InvalidRequest``."""
        if self.effective_from in (None, "now"):
            return now
        if self.effective_from == "next_handoff":
            at = next_handoff(rules.rotations, now)
            problem = "there is no handoff to wait for: nobody takes turns"
        else:
            at, problem = moment_ms(str(self.effective_from)), "is over: write an instant to come"
        if at is None or at < now:
            raise InvalidRequest([FieldError("effective_from", problem)])
        return at


EFFECTIVE = ("now", "next_handoff")


ShownParticipants = Annotated[
    Sequence[str | Sequence[str] | None],
    Meta(description="A list has a turn together; null: nobody has it."),
]
ShownWhenAway = Annotated[
    WhenAway,
    Meta(description="Who has a turn while its person is away: the next, the default; or nobody."),
]
ShownEnd = Annotated[str, Meta(description="From then on nobody has turns.")]


class PendingV1(Struct, frozen=True, omit_defaults=True):
    """Rules that are to hold from an instant on; ``…/pending`` withdraws them."""

    effective_from: Instant
    timezone: str
    layers: Sequence[Mapping[str, Any]]
    first_turns: FirstTurns
    when_away: ShownWhenAway = "next"


class PendingV2(Struct, frozen=True, omit_defaults=True):
    """A rotation that is to hold from an instant on; ``…/pending`` withdraws it."""

    effective_from: Instant
    timezone: str
    rotation_type: str
    participants: ShownParticipants
    start_at: str | None
    handoff_time: str | None
    interval: Mapping[str, Any] | None
    first_turn_at: Instant | None
    end_at: ShownEnd | None = None
    when_away: ShownWhenAway = "next"


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
    first_turns: FirstTurns
    overrides_left_out: Annotated[
        int, Meta(description="How many more there are at …/overrides, if they are too large.")
    ] = 0
    pending: Annotated[
        Sequence[PendingV1], Meta(description="What is to hold later, in order, if anything is.")
    ] = ()
    when_away: ShownWhenAway = "next"


class V2Schedule(Struct, frozen=True, omit_defaults=True):
    """A schedule of one rotation; of a layered one, that of its first layer."""

    id: str
    name: str
    team_id: str | None
    timezone: str
    rotation_type: str
    created_at: Instant
    updated_at: Instant
    version: Version
    participants: ShownParticipants
    start_at: str | None
    handoff_time: str | None
    interval: Mapping[str, Any] | None
    layered: Annotated[
        bool, Meta(description="Whether it has more than this; /api/v1/schedules shows it all.")
    ]
    first_turn_at: (
        Annotated[
            str,
            Meta(
                description="The turn that holds it is the first participant's; null: that of "
                "start_at, or of 1970-01-05."
            ),
        ]
        | None
    )
    pending: Annotated[
        Sequence[PendingV2], Meta(description="What is to hold later, in order, if anything is.")
    ] = ()
    end_at: ShownEnd | None = None
    when_away: ShownWhenAway = "next"


def v1_schedule_of(
    schedule: StoredSchedule, overrides: Sequence[ManualAssignment], left_out: int = 0
) -> V1Schedule:
    """Return a schedule as it is on the wire of v1; ``left_out`` overrides are not shown."""
    return V1Schedule(
        schedule.id,
        schedule.fields.name,
        schedule.fields.team_id,
        schedule.rules.timezone,
        layers_of(schedule.rules),
        [override_of(assignment) for assignment in overrides],
        schedule.version,
        utc_text(schedule.created_at),
        utc_text(schedule.updated_at),
        first_turns_of(schedule.rules),
        left_out,
        tuple(
            PendingV1(
                utc_text(from_at),
                rules.timezone,
                layers_of(rules),
                first_turns_of(rules),
                rules.when_away,
            )
            for from_at, rules in schedule.pending
        ),
        schedule.rules.when_away,
    )


def v2_schedule_of(schedule: StoredSchedule) -> V2Schedule:
    """Return a schedule as it is on the wire of v2."""
    rotation = _rotation_of(schedule.rules)
    return V2Schedule(
        schedule.id,
        schedule.fields.name,
        schedule.fields.team_id,
        schedule.rules.timezone,
        rotation["rotation_type"],
        utc_text(schedule.created_at),
        utc_text(schedule.updated_at),
        schedule.version,
        rotation["participants"],
        rotation["start_at"],
        rotation["handoff_time"],
        rotation["interval"],
        is_layered(schedule),
        rotation["first_turn_at"],
        tuple(
            PendingV2(
                utc_text(from_at),
                rules.timezone,
                **_rotation_of(rules),
                when_away=rules.when_away,
            )
            for from_at, rules in schedule.pending
        ),
        rotation["end_at"],
        schedule.rules.when_away,
    )


def _rotation_of(rules: ScheduleRules) -> dict[str, Any]:
    """Return the rotation of the first layer, with every field; without layers an empty one."""
    layers = layers_of(rules)
    first = layers[0] if layers else {"rotation_type": "custom", "participants": []}
    [first_turn_at, *_] = first_turns_of(rules) or [None]
    return {name: first.get(name) for name in ROTATION} | {"first_turn_at": first_turn_at}


def layers_of(rules: ScheduleRules) -> Sequence[Mapping[str, Any]]:
    """Return the layers as they were sent."""
    layers: Sequence[Mapping[str, Any]] = msgspec.json.decode(rules.document)
    return layers


def first_turns_of(rules: ScheduleRules) -> Sequence[str | None]:
    """Return ``first_turn_at`` of each layer as it is on the wire."""
    turns = (layer.first_turn_at for layer in rules.layers)
    return [None if at is None else utc_text(at) for at in turns]


def with_kept_counting(rules: ScheduleRules, before: Sequence[Layer]) -> ScheduleRules:
    """Return ``rules`` with months that go on to be counted as in the layers of ``before``.

    Layers without a start that were stored before months were counted from the first of a month
    stay where they were, also if something else of them is changed.
    """
    kept = {
        layer.name: layer.counted_from
        for layer in before
        if layer.unit == "months" and layer.start_at is None
    }
    return replace(
        rules,
        layers=tuple(
            replace(layer, counted_from=kept.get(layer.name))
            if layer.unit == "months" and layer.start_at is None
            else layer
            for layer in rules.layers
        ),
    )


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
