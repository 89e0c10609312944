"""A layer in a request, with the field names of the v1 page, and its conversion to the engine.

A field's ``description`` is its rule in words, as in ``products/rotation/request.py``; rules across
fields are in the engine's own words (``engine/layered/parsing.py``), with the pointer to the field
that has to change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from app.engine.layered.limits import LAYERS, PARTICIPANTS, RESTRICTIONS, ROLES
from app.engine.layered.model import Layer, Participant, Restriction, Unit
from app.engine.layered.parsing import MAX_COUNTS, handoff_of, rotation_interval_of
from app.engine.walltime import clock_of
from app.errors import FieldError, TooManyLayers, TooManyParticipants, TooManyRestrictions
from app.http.scalars import Moment, Name, Turn, Weekday, When, WindowEnd, WindowStart, Zone
from app.http.validation import RequestModel, valid_items
from app.products.local_times import ENDS
from app.similar import most_similar

UserId = Annotated[
    Name,
    Meta(description="a user id of 1 to 200 characters after trimming", examples=["usr_alice"]),
]
TurnOf = (
    Annotated[
        Turn,
        Meta(
            description="a user id of 1 to 200 characters after trimming, a list of up to 20 who "
            "are on call together, or null for nobody",
            examples=["usr_alice"],
        ),
    ]
    | None
)
RoleOf = Annotated[
    Name,
    Meta(
        description="layers of one role are resolved by themselves; all have one of at most 5, or "
        "none",
        examples=["primary"],
    ),
]
"""The role of a layer."""
RoleMeant = Annotated[
    Name,
    Meta(description="a layer's; absent: the first", examples=["primary"]),
]
"""The role of what is made by hand."""
Point = Annotated[
    Moment,
    Meta(
        description="an RFC 3339 instant with Z or an offset, to the millisecond; years 2 to 9998",
        examples=["2026-04-24T19:00:00Z"],
    ),
]
LOCAL_RULE = (
    "an RFC 3339 instant with Z or an offset, or 2026-04-24T19:00 by the clock of `timezone`; "
    "a date is {date}; years 2 to 9998"
)
LocalStart = Annotated[
    When,
    Meta(description=LOCAL_RULE.format(date="its midnight"), examples=["2026-04-24T19:00:00Z"]),
]
LocalEnd = Annotated[
    When,
    Meta(
        description=LOCAL_RULE.format(date="the last day"),
        examples=["2026-04-25T19:00:00Z"],
        extra=ENDS,
    ),
]
LocalZone = Annotated[
    Zone,
    Meta(
        title="whose clock is meant",
        description="an IANA time zone, or a city or a zone of Windows that is one, in which the "
        "times of day are",
    ),
]
RotationType = Annotated[
    Literal["daily", "weekly", "custom"],
    Meta(
        title="how long turns are",
        description='"daily", "weekly", or "custom" with an interval',
    ),
]
HandoffTime = Annotated[
    str,
    Meta(
        title="when turns change",
        description='on the wall: "09:00"; for weeks with the day, "Mon '
        '09:00"; absent: the time of start_at; both absent: 00:00, weeks from Monday, '
        "counted from 1970-01-05",
        examples=["Mon 09:00"],
    ),
]

FIRST_TURN_RULE = Meta(
    title="whose turn comes first",
    description="an instant, not before start_at: the turn that holds it is the first "
    "participant's; absent: turns are counted from start_at",
    examples=["2026-01-05T08:00:00Z"],
)
LAYER_END_RULE = Meta(
    title="when the layer ends",
    description="an instant after start_at: from then on the layer has nobody; absent: never",
    examples=["2026-12-31T08:00:00Z"],
)
FirstTurn = Annotated[Moment, FIRST_TURN_RULE]
LayerEnd = Annotated[Moment, LAYER_END_RULE]
LocalLayerEnd = Annotated[
    When,
    Meta(
        title="when the layer ends",
        description="an instant or the last day, after start_at: from then on the layer has "
        "nobody; absent: never",
        examples=["2026-12-31"],
        extra=ENDS,
    ),
]
LocalFirstTurn = Annotated[When, FIRST_TURN_RULE]


class IntervalDocument(RequestModel, frozen=True):
    """How long a turn of a custom rotation is."""

    count: Annotated[
        float,
        Meta(
            ge=1,
            le=MAX_COUNTS["hours"],
            multiple_of=1,
            description="a whole number of units, ten years at most: 87,600 hours, 3,650 days, "
            "520 weeks or 120 months",
            examples=[2],
        ),
    ]
    unit: Annotated[
        Literal["hours", "days", "weeks", "months"],
        Meta(
            description='"hours" (elapsed time), "days", "weeks" or "months" (wall clock)',
            examples=["days"],
        ),
    ]

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if {"count", "unit"} <= values.keys():
            yield from _engine_errors(
                "/count", rotation_interval_of, "custom", int(values["count"]), values["unit"]
            )


RotationInterval = Annotated[
    IntervalDocument,
    Meta(title="length of a turn", description='for rotation_type "custom" only'),
]


class RestrictionDocument(RequestModel, frozen=True):
    """A wall-clock window in which a layer is active."""

    start: Annotated[
        WindowStart,
        Meta(
            title="when the layer begins to be active",
            description='a time of day such as "09:00", 00:00 to 23:59',
            examples=["09:00"],
        ),
    ]
    end: Annotated[
        WindowEnd,
        Meta(
            title="when it ceases to be",
            description='a time of day such as "17:00", 00:00 to 24:00; not after start: on the '
            "next day",
            examples=["17:00"],
        ),
    ]
    days: (
        Annotated[
            list[Annotated[Weekday, Meta(description="mon, tue, wed, thu, fri, sat or sun")]],
            Meta(
                max_length=7,
                description="the weekdays on which the window starts, at most 7; none: every day",
                examples=[["mon", "tue", "wed", "thu", "fri"]],
            ),
        ]
        | None
    ) = None

    def restriction(self) -> Restriction:
        days = tuple(sorted({int(day) for day in self.days or ()}))
        return Restriction(int(self.start), int(self.end), days)


class LayerDocument(RequestModel, frozen=True):
    """A rotation plus restrictions."""

    name: Annotated[
        Name,
        Meta(
            title="what answers call it",
            description="a name of 1 to 200 characters after trimming",
            examples=["Weekday business hours"],
        ),
    ]
    rotation_type: RotationType
    participants: Annotated[
        list[TurnOf],
        Meta(
            max_length=PARTICIPANTS,
            title="who takes turns",
            description="at most 500 user ids in order; twice: two turns a round; none: the layer "
            "is silent; in place of an id up to 20 together, or null: the layers below",
            examples=[["usr_alice", "usr_bob"]],
            extra={"error": TooManyParticipants},
        ),
    ]
    start_at: Point | None = None
    handoff_time: HandoffTime | None = None
    interval: RotationInterval | None = None
    restrictions: (
        Annotated[
            list[RestrictionDocument],
            Meta(
                max_length=RESTRICTIONS,
                title="when the layer is active",
                description="at most 100 windows, by the clock of timezone; none: always",
                extra={"error": TooManyRestrictions},
            ),
        ]
        | None
    ) = None
    turns_on: (
        Annotated[
            Literal["all", "active"],
            Meta(
                title="when turns pass",
                description='"active": turns pass only in stretches that the restrictions leave '
                'active; "all", the default: always',
                examples=["active"],
            ),
        ]
        | None
    ) = None
    first_turn_at: FirstTurn | None = None
    end_at: LayerEnd | None = None
    role: RoleOf | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from _interval_errors(values)
        yield from first_turn_errors(values)
        yield from end_errors(values)
        text = values.get("handoff_time")
        if text is not None:
            yield from _engine_errors("/handoff_time", handoff_of, text, _unit_of(values, text))

    def layer(self, timezone: str | None = None) -> Layer:
        """Return the engine's layer, by the clock of ``timezone`` if that is valid."""
        unit, count = self._turn()
        day, time = handoff_of(self.handoff_time, unit) if self.handoff_time else (None, None)
        return Layer(
            str(self.name),
            tuple(map(participant_of, self.participants)),
            unit,
            count,
            None if self.start_at is None else int(self.start_at),
            time,
            day,
            tuple(window.restriction() for window in self.restrictions or ()),
            self.turns_on or "all",
            None if self.first_turn_at is None else int(self.first_turn_at),
            self._skipped_start(timezone),
            None if self.end_at is None else int(self.end_at),
            text_of(self.role),
        )

    def _skipped_start(self, timezone: str | None) -> int | None:
        """Return the local time that ``start_at`` was written as, if the clock skips it."""
        start = self.start_at
        if timezone is None or start is None or start.wall is None:
            return None
        return start.wall if clock_of(timezone).is_skipped(start.wall, int(start)) else None

    def _turn(self) -> tuple[Unit, int]:
        if self.interval:
            return rotation_interval_of(
                self.rotation_type, int(self.interval.count), self.interval.unit
            )
        if self.rotation_type == "custom":  # without participants
            return _unit_of({}, self.handoff_time or ""), 1
        return rotation_interval_of(self.rotation_type, None, None)


def text_of(name: Name | None) -> str | None:
    """Return a name as the engine reads it."""
    return None if name is None else str(name)


def participant_of(turn: Turn | None) -> Participant:
    """Return who has a turn, as the engine reads it."""
    if turn is None:
        return None
    return turn.names if len(turn.names) > 1 else turn.names[0]


Participants = Annotated[
    list[TurnOf],
    Meta(
        max_length=PARTICIPANTS,
        description="at most 500 user ids in the order of their turns; none: nobody takes turns; "
        "in place of an id a list of up to 20, who are on call together, or null: nobody has that "
        "turn",
        examples=[["user_012", "user_034"]],
    ),
]
WhenAwayRule = Annotated[
    Literal["next", "gap"],
    Meta(
        title="who has a turn meanwhile",
        description='who has a turn while its person is away: "next", the default: the next '
        'participant of the layer who is there, for just that time; "gap": nobody',
    ),
]
LAYERS_RULE = Meta(
    max_length=LAYERS,
    title="who takes turns when",
    description="at most 50 layers from top to bottom; the first that has somebody wins",
    extra={"error": TooManyLayers},
)
Layers = Annotated[list[LayerDocument], LAYERS_RULE]


def first_turn_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error if the first turn would be before the layer."""
    start_at, first_turn_at = values.get("start_at"), values.get("first_turn_at")
    if start_at is not None and first_turn_at is not None and first_turn_at < start_at:
        yield FieldError("/first_turn_at", "is before start_at: leave it out, or write it or later")


def end_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error if the layer would end before it starts."""
    start_at, end_at = values.get("start_at"), values.get("end_at")
    if start_at is not None and end_at is not None and end_at <= start_at:
        yield FieldError("/end_at", "is not after start_at: write a later end_at")


def layer_role_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of the roles of ``layers``: some without one, or too many."""
    known: dict[str, None] = {}
    layers = list(valid_items(values, "layers"))
    if all(layer.role is None for _, layer in layers):
        return
    for index, layer in layers:
        if layer.role is None:
            yield FieldError(f"/layers/{index}/role", "is required where other layers have one")
        elif len(known) == ROLES and str(layer.role) not in known:
            wanted = f"is one role too many, at most {ROLES}: write one of {', '.join(known)}"
            yield FieldError(f"/layers/{index}/role", wanted)
        else:
            known[str(layer.role)] = None


def role_errors(pointer: str, role: str | None, known: Sequence[str]) -> Iterator[FieldError]:
    """Yield an error at ``pointer`` for a role that no layer has; ``known`` are those they have."""
    if role is None or role in known:
        return
    if not known:
        yield FieldError(pointer, "goes with layers that have roles: leave it out")
        return
    similar = most_similar(role, known)
    hint = f"; did you mean {similar!r}?" if similar else ""
    yield FieldError(pointer, f"no layer has this role: write one of {', '.join(known)}{hint}")


def _interval_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error unless there is an ``interval`` exactly if the rotation is ``custom``."""
    if {"rotation_type", "interval"} <= values.keys():
        interval = values["interval"]
        if interval is None and "participants" in values and not values["participants"]:
            return  # without participants no interval is needed
        given = (int(interval.count), interval.unit) if interval else (None, None)
        yield from _engine_errors(
            "/interval", rotation_interval_of, values["rotation_type"], *given
        )


def _unit_of(values: Mapping[str, Any], handoff_time: str) -> Unit:
    """Return the unit of turns. If it is not valid, guess it from the handoff time."""
    if values.get("rotation_type") in ("daily", "weekly"):
        return "days" if values["rotation_type"] == "daily" else "weeks"
    if values.get("interval"):
        unit: Unit = values["interval"].unit
        return unit
    return "weeks" if " " in handoff_time else "days"


def _engine_errors(
    pointer: str, parse: Callable[..., object], *given: object
) -> Iterator[FieldError]:
    """Yield the engine's error as a field error if ``parse`` raises one."""
    try:
        parse(*given)
    except ValueError as error:
        yield FieldError(pointer, str(error))
