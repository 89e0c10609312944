"""The requests with a layered schedule, and their conversion to the engine's schedule.

Field names are those of the v1 page for overrides and of the v2 page for entries and swaps.
Requests with and without a payment are validated alike. Swaps are only resolved when the schedule
is computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from app.engine.layered import limits
from app.engine.layered.model import (
    Absence,
    Entry,
    FinalSchedule,
    Layer,
    OnCall,
    Override,
    Schedule,
    Swap,
)
from app.engine.layered.roles import final_schedule, on_call_at
from app.engine.layered.swaps import with_swaps
from app.engine.layered.versions import ScheduleVersion
from app.engine.walltime import FOREVER
from app.errors import (
    FieldError,
    InvalidRequest,
    NamedFieldError,
    OutOfBounds,
    TooManyOverrides,
    TooManySwaps,
)
from app.formats.instants import iso
from app.http.scalars import Moment, Name, When, moment_ms
from app.http.validation import RequestModel, valid_items
from app.products.layered.layer_fields import (
    LAYERS_RULE,
    HandoffTime,
    LayerDocument,
    LocalEnd,
    LocalFirstTurn,
    LocalLayerEnd,
    LocalStart,
    LocalZone,
    Participants,
    RoleMeant,
    RotationInterval,
    RotationType,
    UserId,
    WhenAwayRule,
    layer_role_errors,
    role_errors,
    text_of,
)
from app.products.layered.understood import (
    UnderstoodInstant,
    UnderstoodWindow,
    understood_instant,
    understood_window,
)
from app.products.local_times import with_instants
from app.products.words import (
    END,
    HANDOFF,
    HOURS,
    INSTANT,
    LENGTH,
    PEOPLE,
    PERSON,
    RHYTHM,
    START,
    meant_by,
)
from app.similar import most_similar

MAX_REPORTED = 20
"""How many absences of people who take no turns are named."""
LIGHT_STEPS = 5_000
"""Work that is done within 10 ms, beside reading the request."""

ROTATION = (
    "rotation_type",
    "participants",
    "start_at",
    "handoff_time",
    "interval",
    "first_turn_at",
    "end_at",
)
"""The fields of a schedule that is one rotation, as v2 shows one."""

Covering = (
    Annotated[
        Name,
        Meta(
            title="who is on call",
            description="a user id, or null with a reason: nobody is on call",
            examples=["usr_alice"],
        ),
    ]
    | None
)
"""Who is on call by an override."""
Reason = Annotated[
    str,
    Meta(
        max_length=1_000,
        title="why",
        description="at most 1,000 characters; given back",
        examples=["covering"],
    ),
]
"""The reason of an override."""
OverrideRole = Annotated[
    Name,
    Meta(
        description="a layer's; absent: the first, or all if user_id is null",
        examples=["primary"],
    ),
]
"""The role of an override."""

READ_ONLY = Meta(
    description="shown by the stored APIs; accepted and not used",
    extra_json_schema={"readOnly": True},
)
ShownText = Annotated[str, READ_ONLY]
ShownNumber = Annotated[int, READ_ONLY]


BEGINS, ENDS_AT = (
    Meta(title="when it begins"),
    Meta(title="when it ends, a bare date included"),
)
ON_CALL = Meta(title="who is on call")
TURNS_BEGIN = Meta(title="when turns begin")


class SoldLayer(LayerDocument, frozen=True):
    """A rotation plus restrictions."""

    start_at: Annotated[LocalStart, TURNS_BEGIN] | None = None  # type: ignore[assignment] # may be local
    first_turn_at: LocalFirstTurn | None = None  # type: ignore[assignment] # as above
    end_at: LocalLayerEnd | None = None  # type: ignore[assignment] # as above

    synonyms = meant_by(
        {
            "participants": PEOPLE,
            "start_at": START,
            "rotation_type": RHYTHM,
            "interval": LENGTH,
            "handoff_time": HANDOFF,
            "restrictions": HOURS,
        }
    )


SoldLayers = Annotated[list[SoldLayer], LAYERS_RULE]


class OverrideDocument(RequestModel, frozen=True):
    """One person for a time range, above entries and layers; or nobody."""

    user_id: Covering
    start_at: Annotated[LocalStart, BEGINS]
    end_at: Annotated[LocalEnd, ENDS_AT]
    reason: Reason | None = None
    cancelled_at: (
        Annotated[
            When,
            Meta(description="as v1 shows it: from then on the override counts for nothing"),
        ]
        | None
    ) = None
    id: ShownText | None = None
    swap_id: ShownText | None = None
    created_at: ShownText | None = None
    role: OverrideRole | None = None

    as_shown = ("cancelled_at",)
    synonyms = meant_by({"user_id": PERSON, "start_at": START, "end_at": END})

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from order_errors(values, "start_at", "end_at")
        yield from nobody_errors(values)

    def override(self) -> Override | None:
        """Return the override; ``None`` if it was cancelled before it began."""
        end_at = self.end_at
        if self.cancelled_at is not None:
            end_at = min(end_at, self.cancelled_at)
        if end_at <= self.start_at:
            return None
        user_id = None if self.user_id is None else str(self.user_id)
        return Override(user_id, self.start_at, end_at, self.reason, role=text_of(self.role))


class EntryDocument(RequestModel, frozen=True):
    """A shift made by hand, above layers and below overrides."""

    user_id: Annotated[UserId, ON_CALL]
    start: Annotated[LocalStart, BEGINS]
    end: Annotated[LocalEnd, ENDS_AT]
    id: ShownText | None = None
    schedule_id: ShownText | None = None
    source: ShownText | None = None
    scheduled_user_id: ShownText | None = None
    swap_id: ShownText | None = None
    created_at: ShownText | None = None
    role: RoleMeant | None = None

    synonyms = meant_by({"user_id": PERSON, "start": START, "end": END})

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return order_errors(values, "start", "end")

    def entry(self) -> Entry:
        return Entry(str(self.user_id), self.start, self.end, role=text_of(self.role))


class AbsenceOf(RequestModel, frozen=True):
    """When somebody takes no turns of layers."""

    person: Annotated[UserId, Meta(title="who is away")]
    start: Annotated[LocalStart, BEGINS]
    end: Annotated[LocalEnd, ENDS_AT]
    reason: (
        Annotated[
            str,
            Meta(
                max_length=200,
                title="why",
                description="at most 200 characters; told",
                examples=["leave"],
            ),
        ]
        | None
    ) = None

    synonyms = meant_by(
        {"person": tuple(word for word in PERSON if word != "person"), "start": START, "end": END}
    )

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return order_errors(values, "start", "end")

    def absence(self) -> Absence:
        return Absence(str(self.person), self.start, self.end, self.reason)


class SwapDocument(RequestModel, frozen=True):
    # Assigned, because a caller reads these bytes: since 3.13 the compiler takes the indentation
    # of a docstring off.
    __doc__ = (
        "Whoever has the stretch gives it to another, whose next shift after it goes back.\n\n"
        '    A shift that starts before the stretch never goes back: a request has no "now", so it '
        "may have\n    started. With no shift within 366 days the swap is a plain hand-over."
    )

    start: Annotated[LocalStart, BEGINS]
    end: Annotated[LocalEnd, ENDS_AT]
    swap_with_user_id: Annotated[UserId, Meta(title="who takes it over")]
    role: RoleMeant | None = None

    synonyms = meant_by({"swap_with_user_id": (*PERSON, "with"), "start": START, "end": END})

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return window_errors(values, "start", "end", "/end")

    def swap(self) -> Swap:
        return Swap(self.start, self.end, str(self.swap_with_user_id), role=text_of(self.role))


class ScheduleDocument(RequestModel, frozen=True, kw_only=True):
    """A schedule that is not stored: all of it stands in the request.

    It is a schedule as v1 shows one, in layers, or as v2 does, one rotation.
    """

    timezone: Annotated[LocalZone, Meta(examples=["America/Los_Angeles"])]
    layers: SoldLayers | None = None
    rotation_type: RotationType | None = None
    participants: Participants | None = None
    start_at: LocalStart | None = None
    handoff_time: HandoffTime | None = None
    interval: RotationInterval | None = None
    first_turn_at: LocalFirstTurn | None = None
    end_at: LocalLayerEnd | None = None
    overrides: (
        Annotated[
            list[OverrideDocument],
            Meta(
                max_length=limits.OVERRIDES,
                title="who is on call instead of entries and layers",
                description="at most 10,000, in order of creation: the last one wins; "
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
                title="shifts made by hand",
                description="at most 10,000 together with the overrides, in order of creation: "
                "the last one wins; they win over layers",
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
                title="who changes shifts with whom",
                description="at most 100, in order of creation: whoever has the stretch "
                "gives it to another, whose next shift goes back",
                extra={"error": TooManySwaps},
            ),
        ]
        | None
    ) = None

    unavailable: (
        Annotated[
            list[AbsenceOf],
            Meta(
                max_length=limits.ABSENCES,
                title="who is away when",
                description="at most 10,000: when people take no turns of layers; `when_away` "
                "says who does. Overrides and entries stand",
            ),
        ]
        | None
    ) = None
    when_away: WhenAwayRule | None = None

    overrides_left_out: (
        Annotated[
            int,
            Meta(
                description="as v1 shows it: only 0, the default, because an override that is "
                "left out would count for nothing"
            ),
        ]
        | None
    ) = None
    layered: (
        Annotated[
            bool,
            Meta(
                description="as v2 shows it: only false, the default, because v2 shows the first "
                "layer alone"
            ),
        ]
        | None
    ) = None
    first_turns: (
        Annotated[
            list[Moment | None],
            Meta(
                max_length=limits.LAYERS,
                description="as v1 shows it: `first_turn_at` of each layer, in their order; null: "
                "as the layer says",
            ),
        ]
        | None
    ) = None
    pending: (
        Annotated[
            list[dict[str, Any]],
            Meta(
                description="as v1 and v2 show it: what is to hold later; not used, and refused if "
                "what is asked about reaches it"
            ),
        ]
        | None
    ) = None
    id: ShownText | None = None
    name: ShownText | None = None
    team_id: ShownText | None = None
    version: ShownNumber | None = None
    created_at: ShownText | None = None
    updated_at: ShownText | None = None

    now_field: ClassVar[str]
    """The field that is now where none is given. Who reads a request without a now must give it."""

    as_shown = (
        *(*ROTATION, "when_away", "overrides_left_out", "layered", "first_turns"),
        "pending",
    )
    synonyms: ClassVar[Mapping[str, str]] = {
        "tz": "timezone",
        "zone": "timezone",
        "rotations": "layers",
        "people": "participants",
        "members": "participants",
        "users": "participants",
        "absences": "unavailable",
        "away": "unavailable",
        "vacations": "unavailable",
        "timeoff": "unavailable",
    }

    @classmethod
    def depends_on_now(cls, value: object) -> bool:
        return isinstance(value, dict) and value.get(cls.now_field) is None

    @classmethod
    def completed(cls, value: dict[str, Any], now: int | None) -> dict[str, Any]:
        given = with_instants(value, cls, needs_zone=True)
        return {cls.now_field: iso(now), **given} if now is not None else given

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        errors = [
            *_shown_errors(values),
            *_rotation_errors(values),
            *_first_turns_errors(values),
            *_absent_errors(values),
            *layer_role_errors(values),
            *_manual_role_errors(values),
        ]
        yield from errors
        manual = len(values.get("overrides") or ()) + len(values.get("entries") or ())
        if manual > limits.OVERRIDES:
            yield NamedFieldError("/overrides", TooManyOverrides.title, TooManyOverrides)
        if not errors and values.keys() >= WORK:
            yield from _work_errors(values)

    @property
    def is_heavy(self) -> bool:
        return self.steps > LIGHT_STEPS

    @property
    def steps(self) -> int:
        """The work that the answer takes."""
        return limits.steps_of(*_work(msgspec.structs.asdict(self)))

    def schedule(self) -> Schedule:
        """Return the engine's schedule. Raises ``InvalidRequest`` for impossible swaps."""
        schedule = Schedule(
            str(self.timezone),
            tuple(
                layer.layer(str(self.timezone))
                for layer in _layers_in(msgspec.structs.asdict(self))
            ),
            tuple(filter(None, (override.override() for override in self.overrides or ()))),
            tuple(entry.entry() for entry in self.entries or ()),
            tuple(absence.absence() for absence in self.unavailable or ()),
            self.when_away or "next",
        )
        return _swapped(schedule, [swap.swap() for swap in self.swaps or ()])


class OncallScheduleRequest(
    ScheduleDocument, frozen=True, kw_only=True, rename={"from_at": "from", "to_at": "to"}
):
    """A schedule and the window to show of it."""

    to_at: Annotated[LocalEnd, Meta(title="end of the window, a bare date included")]
    from_at: Annotated[LocalStart, Meta(title="start of the window, now if absent")] | None = None

    now_field = "from"
    synonyms: ClassVar[Mapping[str, str]] = {
        **ScheduleDocument.synonyms,
        **meant_by({"from": START, "to": END}),
    }

    @property
    def understood(self) -> UnderstoodWindow:
        return understood_window(str(self.timezone), *self.window)

    @property
    def window(self) -> tuple[int, int]:
        """The window ``[from, to)`` in milliseconds."""
        return self.from_at or 0, self.to_at

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if values.get("from_at", 0) is None:
            yield FieldError("/from", "is required")
        yield from window_errors(values, "from_at", "to_at", "/to")
        if "to_at" in values:
            yield from _pending_errors(values, values["to_at"])
        yield from super().cross_field_errors(values)

    def final_schedule(self, schedule: Schedule) -> FinalSchedule:
        return final_schedule([ScheduleVersion(-FOREVER, schedule)], *self.window)


class OncallNowRequest(ScheduleDocument, frozen=True, kw_only=True):
    """A schedule and the instant to look at."""

    at: Annotated[LocalStart, Meta(title="the instant to look at, now if absent")] | None = None

    now_field = "at"
    synonyms: ClassVar[Mapping[str, str]] = {
        **ScheduleDocument.synonyms,
        **meant_by({"at": INSTANT}),
    }

    @property
    def understood(self) -> UnderstoodInstant:
        return understood_instant(str(self.timezone), self.at or 0)

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if values.get("at", 0) is None:
            yield FieldError("/at", "is required")
        elif "at" in values:
            yield from _pending_errors(values, values["at"] + 1)
        yield from super().cross_field_errors(values)

    def on_call(self, schedule: Schedule) -> OnCall:
        return on_call_at([ScheduleVersion(-FOREVER, schedule)], self.at or 0)


def order_errors(values: Mapping[str, Any], start: str, end: str) -> Iterator[FieldError]:
    """Yield an error if the field ``end`` is not after the field ``start``."""
    if {start, end} <= values.keys() and values[end] <= values[start]:
        yield FieldError(
            f"/{end}", f"is not after {start}: write a later {end} or an earlier {start}"
        )


def nobody_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error if an override says without a reason that nobody is on call."""
    if values.get("user_id", "") is None and "reason" in values and not values["reason"]:
        yield FieldError("/reason", "is required where user_id is null: say why nobody is on call")


def window_errors(
    values: Mapping[str, Any], start: str, end: str, pointer: str
) -> Iterator[FieldError]:
    """Yield an error at ``pointer`` if the window is empty, too long or out of range."""
    if values.get(start) is not None and end in values:
        try:
            limits.check_window(values[start], values[end])
        except OutOfBounds as error:
            yield NamedFieldError(pointer, error.detail, type(error))


def _shown_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error if the stored APIs have shown only a part of the schedule."""
    if values.get("overrides_left_out"):
        yield FieldError(
            "/overrides_left_out",
            "overrides were left out: send all that /api/v1/schedules/{id}/overrides lists",
        )
    if values.get("layered"):
        yield FieldError(
            "/layered",
            "it has more than this layer: send what /api/v1/schedules/{id} answers",
        )


def _rotation_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of layers beside one rotation, and of neither."""
    given = [name for name in ROTATION if values.get(name) is not None]
    if values.get("layers") is not None:
        for name in given:
            yield FieldError(f"/{name}", "belongs into a layer: leave it out, or leave layers out")
    elif "layers" in values and "rotation_type" in values:
        if values["rotation_type"] is not None:
            yield from LayerDocument.cross_field_errors(values)
        elif given:
            yield FieldError("/rotation_type", f"is required beside {given[0]}")
        else:
            yield FieldError("/layers", "is required, or rotation_type and participants")


WORK = frozenset(
    ("overrides", "entries", "swaps", "layers", "first_turns", "unavailable", *ROTATION)
)
"""The fields that say how much work a schedule is."""


def _first_turns_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of the first turns that stand beside the layers, as v1 shows them."""
    turns, layers = values.get("first_turns"), values.get("layers")
    if turns is None or "layers" not in values:
        return
    if layers is None:
        yield FieldError("/first_turns", "belongs to layers: write first_turn_at")
    elif len(turns) != len(layers):
        yield FieldError("/first_turns", f"has {len(turns)} items for {len(layers)} layers")
    else:
        for index, (turn, layer) in enumerate(zip(turns, layers, strict=True)):
            start_at = layer.start_at
            if None not in (turn, start_at) and turn < start_at:
                yield FieldError(f"/first_turns/{index}", "is before start_at of the layer")


def _absent_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each absence of somebody who takes no turns, as a misspelt name would.

    At most ``MAX_REPORTED`` are named.
    """
    if not values.get("unavailable") or not values.keys() >= {"layers", "participants"}:
        return
    turns = [values["participants"] or (), *(each.participants for each in values["layers"] or ())]
    known = dict.fromkeys(name for some in turns for turn in some if turn for name in turn.names)
    strange = (
        (index, str(absence.person))
        for index, absence in valid_items(values, "unavailable")
        if str(absence.person) not in known
    )
    for index, name in islice(strange, MAX_REPORTED):
        similar = most_similar(name, known)
        hint = f"; did you mean {similar!r}?" if similar else ""
        yield FieldError(f"/unavailable/{index}/person", f"takes no turns of any layer{hint}")


def _manual_role_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each role of an override, entry or swap that no layer has.

    At most ``MAX_REPORTED`` are named.
    """
    if "layers" not in values:
        return
    roles = (layer.role for layer in values["layers"] or ())
    known = list(dict.fromkeys(str(role) for role in roles if role is not None))
    errors = (
        error
        for name in ("overrides", "entries", "swaps")
        for index, each in valid_items(values, name)
        for error in role_errors(f"/{name}/{index}/role", text_of(each.role), known)
    )
    yield from islice(errors, MAX_REPORTED)


def _pending_errors(values: Mapping[str, Any], end_at: int) -> Iterator[FieldError]:
    """Yield an error for each change to come that holds before ``end_at``, or cannot be read."""
    for index, change in enumerate(values.get("pending") or ()):
        where = f"/pending/{index}"
        try:
            from_at = moment_ms(change["effective_from"])
        except (KeyError, TypeError, AttributeError, ValueError):
            yield FieldError(f"{where}/effective_from", "is not an RFC 3339 instant")
            continue
        if from_at < end_at:
            yield FieldError(
                where,
                f"holds from {iso(from_at)} on, which is asked about: end before it, or leave it "
                "out and send what is to hold then",
            )


def _layers_in(values: Mapping[str, Any]) -> Sequence[LayerDocument]:
    """Return the layers of a valid schedule: those given, or the one rotation."""
    if values["layers"] is not None:
        given: Sequence[LayerDocument] = values["layers"]
        turns = values["first_turns"] or [None] * len(given)
        return [
            layer if turn is None else msgspec.structs.replace(layer, first_turn_at=turn)
            for layer, turn in zip(given, turns, strict=True)
        ]
    rotation = {name: values[name] for name in ROTATION}
    return [
        LayerDocument(
            Name("rotation"), **{**rotation, "participants": values["participants"] or []}
        )
    ]


def _work_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    try:
        limits.check_work(*_work(values))
    except OutOfBounds as error:
        yield NamedFieldError("", error.detail, type(error))


def _work(values: Mapping[str, Any]) -> tuple[list[Layer], int, list[Swap], int, int]:
    """Return what the work depends on.

    That is layers, the number of overrides and entries, swaps, span, the number of absences.
    """
    from_at, to_at = values.get("from_at"), values.get("to_at")
    asked = 0 if from_at is None or to_at is None else to_at - from_at
    return (
        [layer.layer() for layer in _layers_in(values)],
        len(values["overrides"] or ()) + len(values["entries"] or ()),
        [swap.swap() for swap in values["swaps"] or ()],
        max(0, min(asked, limits.WINDOW_MS)),
        len(values["unavailable"] or ()),
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
