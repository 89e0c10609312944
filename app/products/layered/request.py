"""The requests with a layered schedule, and their conversion to the engine's schedule.

Field names are those of the v1 page for overrides and of the v2 page for entries and swaps.
Requests with and without a payment are validated alike. Swaps are only resolved when the schedule
is computed.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.engine.layered import limits
from app.engine.layered.model import (
    Entry,
    FinalSchedule,
    Layer,
    OnCall,
    Override,
    Schedule,
    Swap,
)
from app.engine.layered.resolve import final_schedule, on_call_at
from app.engine.layered.swaps import with_swaps
from app.errors import (
    FieldError,
    InvalidRequest,
    NamedFieldError,
    OutOfBounds,
    TooManyOverrides,
    TooManySwaps,
)
from app.http.validation import RequestModel
from app.products.layered.layer_fields import Layers, LocalZone, Point, UserId

LIGHT_STEPS = 5_000
"""Work that is done within 10 ms, beside reading the request."""

Reason = Annotated[str, Meta(max_length=1_000, description="at most 1,000 characters; given back")]
"""The reason of an override."""


class OverrideDocument(RequestModel, frozen=True):
    """One person for a time range, above entries and layers."""

    user_id: UserId
    start_at: Point
    end_at: Point
    reason: Reason | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return order_errors(values, "start_at", "end_at")

    def override(self) -> Override:
        return Override(str(self.user_id), self.start_at, self.end_at, self.reason)


class EntryDocument(RequestModel, frozen=True):
    """A shift made by hand, above layers and below overrides."""

    user_id: UserId
    start: Point
    end: Point

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return order_errors(values, "start", "end")

    def entry(self) -> Entry:
        return Entry(str(self.user_id), self.start, self.end)


class SwapDocument(RequestModel, frozen=True):
    # Assigned, because a caller reads these bytes: since 3.13 the compiler takes the indentation
    # of a docstring off.
    __doc__ = (
        "Whoever has the stretch gives it to another, whose next shift after it goes back.\n\n"
        '    A shift that starts before the stretch never goes back: a request has no "now", so it '
        "may have\n    started. With no shift within 366 days the swap is a plain hand-over."
    )

    start: Point
    end: Point
    swap_with_user_id: UserId

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return window_errors(values, "start", "end", "/end")

    def swap(self) -> Swap:
        return Swap(self.start, self.end, str(self.swap_with_user_id))


class ScheduleDocument(RequestModel, frozen=True, kw_only=True):
    """A schedule that is not stored: all of it stands in the request."""

    timezone: Annotated[LocalZone, Meta(examples=["America/Los_Angeles"])]
    layers: Layers
    overrides: (
        Annotated[
            list[OverrideDocument],
            Meta(
                max_length=limits.OVERRIDES,
                description="at most 10,000, in the order of their creation: the last one wins; "
                "they win over entries and layers",
                extra={"error": TooManyOverrides},
            ),
        ]
        | None
    ) = None
    entries: (
        Annotated[
            list[EntryDocument],
            Meta(
                max_length=limits.OVERRIDES,
                description="at most 10,000 together with the overrides, in the order of their "
                "creation: the last one wins; they win over layers",
                extra={"error": TooManyOverrides},
            ),
        ]
        | None
    ) = None
    swaps: (
        Annotated[
            list[SwapDocument],
            Meta(
                max_length=limits.SWAPS,
                description="at most 100, in the order of their creation: whoever has the stretch "
                "gives it to another, whose next shift after it goes back",
                extra={"error": TooManySwaps},
            ),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        manual = len(values.get("overrides") or ()) + len(values.get("entries") or ())
        if manual > limits.OVERRIDES:
            yield NamedFieldError("/overrides", TooManyOverrides.title, TooManyOverrides)
        if {"layers", "overrides", "entries", "swaps"} <= values.keys():
            yield from _work_errors(values)

    @property
    def is_heavy(self) -> bool:
        return limits.steps_of(*_work(msgspec.structs.asdict(self))) > LIGHT_STEPS

    def schedule(self) -> Schedule:
        """Return the engine's schedule. Raises ``InvalidRequest`` for impossible swaps."""
        schedule = Schedule(
            str(self.timezone),
            tuple(layer.layer(str(self.timezone)) for layer in self.layers),
            tuple(override.override() for override in self.overrides or ()),
            tuple(entry.entry() for entry in self.entries or ()),
        )
        return _swapped(schedule, [swap.swap() for swap in self.swaps or ()])


class OncallScheduleRequest(
    ScheduleDocument, frozen=True, kw_only=True, rename={"from_at": "from", "to_at": "to"}
):
    """A schedule and the window to show of it."""

    from_at: Point
    to_at: Point

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from window_errors(values, "from_at", "to_at", "/to")
        yield from super().cross_field_errors(values)

    def final_schedule(self, schedule: Schedule) -> FinalSchedule:
        return final_schedule(schedule, self.from_at, self.to_at)


class OncallNowRequest(ScheduleDocument, frozen=True, kw_only=True):
    """A schedule and the instant to look at."""

    at: Point

    def on_call(self, schedule: Schedule) -> OnCall:
        return on_call_at(schedule, self.at)


def order_errors(values: Mapping[str, Any], start: str, end: str) -> Iterator[FieldError]:
    """Yield an error if the field ``end`` is not after the field ``start``."""
    if {start, end} <= values.keys() and values[end] <= values[start]:
        yield FieldError(
            f"/{end}", f"is not after {start}: write a later {end} or an earlier {start}"
        )


def window_errors(
    values: Mapping[str, Any], start: str, end: str, pointer: str
) -> Iterator[FieldError]:
    """Yield an error at ``pointer`` if the window is empty, too long or out of range."""
    if {start, end} <= values.keys():
        try:
            limits.check_window(values[start], values[end])
        except OutOfBounds as error:
            yield NamedFieldError(pointer, error.detail, type(error))


def _work_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    try:
        limits.check_work(*_work(values))
    except OutOfBounds as error:
        yield NamedFieldError("", error.detail, type(error))


def _work(values: Mapping[str, Any]) -> tuple[list[Layer], int, list[Swap], int]:
    """Return what the work depends on: layers, the number of overrides and entries, swaps, span."""
    asked = values["to_at"] - values["from_at"] if {"from_at", "to_at"} <= values.keys() else 0
    return (
        [layer.layer() for layer in values["layers"]],
        len(values["overrides"] or ()) + len(values["entries"] or ()),
        [swap.swap() for swap in values["swaps"] or ()],
        max(0, min(asked, limits.WINDOW_MS)),
    )


def _swapped(schedule: Schedule, swaps: list[Swap]) -> Schedule:
    """Return the schedule after its swaps. A shift that begins before a swap counts as started."""
    errors = []
    for index, swap in enumerate(swaps):
        try:
            schedule = with_swaps(schedule, [swap], now=limits.LATEST_AT)
        except ValueError as error:
            errors.append(FieldError(f"/swaps/{index}", str(error)))
    if errors:
        raise InvalidRequest(errors)
    return schedule
