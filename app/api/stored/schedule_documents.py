"""Schedules on the wire of both APIs: layers on v1, one rotation on v2; overrides and entries.

Strategy: a schedule is kept as its layers, as they were sent. v2 sees a schedule of one layer
without restrictions as the rotation that it is, and of any other the first layer's rotation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from app.api.documents import Document, document_of
from app.api.layer_schemas import IntervalDocument, LayerDocument, Point
from app.api.scalars import Zone
from app.api.schedule_schemas import order_faults, window_faults
from app.api.stored.documents import (
    Id,
    Instant,
    PageQuery,
    TeamId,
    Title,
    UserId,
    Version,
)
from app.api.stored.times import local_text, utc_text
from app.errors import Conflict, Fault, TooManyLayers
from app.rota import bounds
from app.storage.covers import Cover, CoverFields
from app.storage.entries import StoredEntry, StoredSwap
from app.storage.schedules import Rules, ScheduleFields, StoredSchedule

RotationType = Annotated[
    Literal["daily", "weekly", "custom"],
    Meta(description='"daily", "weekly", or "custom" with an interval'),
]
Participants = Annotated[
    list[UserId],
    Meta(
        max_length=bounds.PARTICIPANTS,
        description="at most 500 user ids in the order of their turns; none: nobody takes turns",
        examples=[["user_012", "user_034"]],
    ),
]
TimeZone = Annotated[
    Zone,
    Meta(
        description="an IANA time zone, in which the times of day are",
        examples=["Europe/Brussels"],
    ),
]

ROTATION = ("rotation_type", "participants", "start_at", "handoff_time", "interval")
ROTATION_LAYER = "rotation"
"""The name of the layer that a v2 schedule is."""


class V1SchedulePost(Document, frozen=True):
    """A schedule of layers."""

    name: Title
    timezone: TimeZone
    layers: Annotated[
        list[LayerDocument],
        Meta(
            max_length=bounds.LAYERS,
            description="at most 50 layers from top to bottom; the first that has somebody wins",
            extra={"error": TooManyLayers},
        ),
    ]
    id: Id | None = None
    team_id: TeamId | None = None

    def fields(self, value: Mapping[str, Any]) -> ScheduleFields:
        """What is stored; ``value`` is the document as it was sent."""
        layers = tuple(layer.layer() for layer in self.layers)
        team_id = None if self.team_id is None else str(self.team_id)
        return ScheduleFields(
            str(self.name), team_id, Rules(str(self.timezone), layers, _text(value["layers"]))
        )


class V2SchedulePost(Document, frozen=True):
    """A schedule of one rotation."""

    name: Title
    team_id: TeamId
    timezone: TimeZone
    rotation_type: RotationType
    id: Id | None = None
    participants: Participants | None = None
    start_at: Point | None = None
    handoff_time: (
        Annotated[
            str,
            Meta(
                description='when turns change, on the wall: "09:00"; for weeks with the day, "Mon '
                '09:00"; absent: the time of start_at; both absent: 00:00, weeks from Monday',
                examples=["Mon 09:00"],
            ),
        ]
        | None
    ) = None
    interval: (
        Annotated[IntervalDocument, Meta(description='for rotation_type "custom" only')] | None
    ) = None

    @classmethod
    def faults_across(cls, values: Mapping[str, Any]) -> Iterator[Fault]:
        return LayerDocument.faults_across(values)

    def fields(self, value: Mapping[str, Any]) -> ScheduleFields:
        """What is stored; ``value`` is the document as it was sent."""
        return self._with_rules(self._rules({"name": ROTATION_LAYER}, value))

    def fields_after(
        self, schedule: StoredSchedule, value: Mapping[str, Any], patch: Mapping[str, Any]
    ) -> ScheduleFields:
        """What is stored in place of ``schedule``; ``value`` is all of it after ``patch``."""
        if set(ROTATION).isdisjoint(patch):
            return self._with_rules(replace(schedule.rules, timezone=str(self.timezone)))
        [layer] = layers_of(schedule)
        kept = {name: item for name, item in layer.items() if name not in ROTATION}
        return self._with_rules(self._rules(kept, value))

    def _rules(self, kept: Mapping[str, Any], value: Mapping[str, Any]) -> Rules:
        """A layer of what is ``kept`` of it and of the rotation in ``value``, as it was sent."""
        given = {name: value[name] for name in ROTATION if value.get(name) is not None}
        layer = {**kept, "participants": [], **given}
        read = document_of(layer, LayerDocument).layer()
        return Rules(str(self.timezone), (read,), _text([layer]))

    def _with_rules(self, rules: Rules) -> ScheduleFields:
        return ScheduleFields(str(self.name), str(self.team_id), rules)


class V1Schedule(Struct, frozen=True):
    """A schedule of layers, with the overrides that are not over."""

    id: str
    name: str
    team_id: str | None
    timezone: str
    layers: Annotated[
        Sequence[Mapping[str, Any]], Meta(description="As they were sent; top to bottom.")
    ]
    overrides: "Sequence[OverrideShown]"
    version: Version
    created_at: Instant
    updated_at: Instant


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


class OverridePost(Document, frozen=True):
    """One person for a time range, above entries and layers."""

    user_id: UserId
    start_at: Point
    end_at: Point
    id: Id | None = None
    reason: (
        Annotated[str, Meta(max_length=1_000, description="at most 1,000 characters; given back")]
        | None
    ) = None

    @classmethod
    def faults_across(cls, values: Mapping[str, Any]) -> Iterator[Fault]:
        return order_faults(values, "start_at", "end_at")

    @property
    def fields(self) -> CoverFields:
        return CoverFields(str(self.user_id), self.start_at, self.end_at, self.reason)


class OverrideShown(Struct, frozen=True):
    """An override. ``cancelled_at``: what it had not covered by then was taken back."""

    id: str
    user_id: str
    start_at: Instant
    end_at: Instant
    reason: str | None
    swap_id: Annotated[str, Meta(description="The swap that made it.")] | None
    created_at: Instant
    cancelled_at: Instant | None


class EntryPost(Document, frozen=True):
    """A shift made by hand."""

    user_id: UserId
    start: Point
    end: Point
    id: Id | None = None

    @classmethod
    def faults_across(cls, values: Mapping[str, Any]) -> Iterator[Fault]:
        return order_faults(values, "start", "end")

    @property
    def fields(self) -> CoverFields:
        return CoverFields(str(self.user_id), self.start, self.end)


class EntryShown(Struct, frozen=True):
    """One shift of a schedule."""

    id: str
    schedule_id: str
    user_id: Annotated[str, Meta(description="Who has it, swaps and overrides included.")]
    start: Instant
    end: Instant
    source: Literal["created", "generated"]
    scheduled_user_id: Annotated[str, Meta(description="Who had it before.")]
    swap_id: str | None
    created_at: Instant | None


class EntriesQuery(PageQuery, frozen=True, kw_only=True):
    """Local dates in the schedule's zone, both included, 731 days at most."""

    start_date: Annotated[date, Meta(description="a local date such as 2026-03-01")]
    end_date: Annotated[date, Meta(description="a local date, not before start_date")]
    user_id: UserId | None = None


class SwapPost(Document, frozen=True):
    """Who takes the entry over."""

    swap_with_user_id: UserId


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


class WindowQuery(Document, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """The window to show: half open, 731 days at most."""

    from_at: Point
    to_at: Point

    @classmethod
    def faults_across(cls, values: Mapping[str, Any]) -> Iterator[Fault]:
        return window_faults(values, "from_at", "to_at", "/to")


def v1_schedule_of(schedule: StoredSchedule, overrides: Sequence[Cover]) -> V1Schedule:
    """A schedule on the wire of v1."""
    return V1Schedule(
        schedule.id,
        schedule.fields.name,
        schedule.fields.team_id,
        schedule.rules.timezone,
        layers_of(schedule),
        [override_of(cover) for cover in overrides],
        schedule.version,
        utc_text(schedule.created_at),
        utc_text(schedule.updated_at),
    )


def v2_schedule_of(schedule: StoredSchedule) -> V2Schedule:
    """A schedule on the wire of v2."""
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
    """The layers as they were sent."""
    layers: Sequence[Mapping[str, Any]] = msgspec.json.decode(schedule.rules.document)
    return layers


def is_layered(schedule: StoredSchedule) -> bool:
    """Whether a schedule is more than one rotation."""
    layers = schedule.rules.layers
    return len(layers) != 1 or bool(layers[0].restrictions)


def require_one_rotation(schedule: StoredSchedule, patch: Mapping[str, Any]) -> None:
    """Raise ``Conflict`` for a v2 change of a rotation that is only one of several layers."""
    if is_layered(schedule) and not set(ROTATION).isdisjoint(patch):
        raise Conflict(
            f"the schedule {schedule.id} has layers: change them at /api/v1/schedules/{schedule.id}"
        )


def override_of(cover: Cover) -> OverrideShown:
    """An override on the wire."""
    given = cover.fields
    return OverrideShown(
        cover.id,
        given.user_id,
        utc_text(given.start_at),
        utc_text(given.end_at),
        given.reason,
        given.swap_id,
        utc_text(cover.created_at),
        None if cover.cancelled_at is None else utc_text(cover.cancelled_at),
    )


def entry_document_of(entry: StoredEntry, timezone: str) -> EntryShown:
    """An entry on the wire, by the clock of its schedule."""
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
    )


def swap_document_of(
    swap: StoredSwap, entries: Sequence[StoredEntry] = (), timezone: str = "UTC"
) -> SwapShown:
    """A swap on the wire, with its entries where they are known."""
    other = [swap.other_entry_id] if swap.other_entry_id else []
    return SwapShown(
        swap.id,
        swap.schedule_id,
        swap.user_id,
        swap.with_user_id,
        utc_text(swap.created_at),
        None if swap.undone_at is None else utc_text(swap.undone_at),
        [swap.entry_id, *other],
        [entry_document_of(entry, timezone) for entry in entries],
    )


def writable(document: Struct) -> dict[str, Any]:
    """What callers see of a thing, as JSON types, without what is null."""
    shown: dict[str, Any] = msgspec.to_builtins(document)
    return {name: item for name, item in shown.items() if item is not None}


def _text(layers: object) -> str:
    return msgspec.json.encode(layers).decode()
