"""Who has what, as documents say it: assignments one by one, or a layered schedule over a window.

Both become ``Work`` of the engine, once for all products that look at a roster which exists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from app.engine.pay import Work
from app.engine.roster.model import Person
from app.engine.walltime import ZoneClock, clock_of
from app.errors import FieldError, InvalidRequest
from app.http.scalars import Name
from app.http.validation import RequestModel, first_errors, valid_items
from app.products.endpoint import AFTER_SIGNING
from app.products.holiday_calendars import local_days
from app.products.holiday_fields import Calendar, calendar_errors
from app.products.layered.request import (
    LIGHT_STEPS,
    EntryDocument,
    OncallScheduleRequest,
    OverrideDocument,
    SoldLayers,
    SwapDocument,
)
from app.products.local_times import with_instants
from app.products.roster.document import (
    SHOWN,
    HeldPlace,
    ShownText,
    people_errors,
    span_errors,
    unknown_names,
    window_errors,
    with_wishes,
)
from app.products.roster.fields import (
    PEOPLE,
    End,
    Kind,
    PersonDocument,
    PersonName,
    Start,
    TimeZone,
    stretch_errors,
)
from app.products.roster.people import calendars_later, engine_person

HELD = 5_000


class HeldDocument(RequestModel, frozen=True, rename="camel"):
    """A stretch that somebody has: with ``person``, or as oncall-roster shows it, ``people``."""

    start: Start
    end: End
    person: PersonName | None = None
    people: (
        Annotated[list[HeldPlace], Meta(max_length=20, description="as oncall-roster shows them")]
        | None
    ) = None
    kind: Kind | None = None
    role: Annotated[Name, Meta(description="such as primary", examples=["primary"])] | None = None
    slot: Annotated[int, SHOWN] | None = None
    shift: Annotated[int, SHOWN] | None = None
    next_handoff: ShownText | None = None
    start_local: ShownText | None = None
    end_local: ShownText | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from stretch_errors(values)
        yield from who_errors(values)

    @property
    def places(self) -> Sequence[tuple[str, str | None]]:
        """Who has it, and the skill of each place."""
        if self.person is not None:
            return [(str(self.person), None)]
        return [(str(held.person), held.skill and str(held.skill)) for held in self.people or ()]

    def work(self, person: str, index: int, skill: str | None = None) -> "HeldWork":
        """Return what somebody has of it; ``index`` is its own in ``assignments``."""
        kind, role = str(self.kind or ""), str(self.role or "")
        pointer = f"/assignments/{index}"
        return HeldWork(person, self.start, self.end, kind, role, pointer, skill)


def who_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for somebody who is named twice, or not at all."""
    if {"person", "people"} <= values.keys():
        if values["person"] is None and values["people"] is None:
            yield FieldError("/person", "is required, or people")
        elif values["person"] is not None and values["people"] is not None:
            yield FieldError("/people", "says who, as person does")


class LayeredDocument(RequestModel, frozen=True):
    """A layered schedule, as oncall-schedule takes it; its zone and window are those around it."""

    layers: SoldLayers
    overrides: (
        Annotated[list[OverrideDocument], Meta(max_length=1_000, description="win over all else")]
        | None
    ) = None
    entries: (
        Annotated[list[EntryDocument], Meta(max_length=1_000, description="win over layers")] | None
    ) = None
    swaps: (
        Annotated[list[SwapDocument], Meta(max_length=100, description="in their order")] | None
    ) = None

    def stretches(self, timezone: Any, from_at: int | None, to_at: int | None) -> int:
        """Return about how many stretches people have in a window: the steps that they take."""
        turns = [turn for layer in self.layers for turn in layer.participants if turn is not None]
        widest = max((len(turn.names) for turn in turns), default=1)
        return self.request(timezone, from_at or 0, to_at or 0).steps * widest

    @property
    def people(self) -> Sequence[str]:
        """Everybody who has turns; a turn may be of several people, or of nobody."""
        turns = [turn for layer in self.layers for turn in layer.participants]
        return [str(name) for turn in turns if turn is not None for name in turn.names]

    def request(self, timezone: Any, from_at: int, to_at: int) -> OncallScheduleRequest:
        """Return the request for this schedule over a window."""
        return OncallScheduleRequest(
            timezone=timezone,
            layers=self.layers,
            overrides=self.overrides,
            entries=self.entries,
            swaps=self.swaps,
            from_at=from_at,  # type: ignore[arg-type] # an instant
            to_at=to_at,  # type: ignore[arg-type] # as above
        )


class HeldRequest(RequestModel, frozen=True, kw_only=True):
    """What requests about an existing roster have in common."""

    timezone: TimeZone
    assignments: (
        Annotated[
            list[HeldDocument],
            Meta(
                min_length=1,
                max_length=HELD,
                description="who has what, as here or as oncall-roster answers",
            ),
        ]
        | None
    ) = None
    schedule: (
        Annotated[LayeredDocument, Meta(description="in place of assignments, from from to to")]
        | None
    ) = None
    from_at: Start | None = msgspec.field(default=None, name="from")
    to_at: End | None = msgspec.field(default=None, name="to")
    people: (
        Annotated[
            list[PersonDocument],
            Meta(
                min_length=1,
                max_length=PEOPLE,
                description="all there are, if more is known of them than their names",
            ),
        ]
        | None
    ) = None
    holidays: Calendar | None = None

    synonyms: ClassVar[Mapping[str, str]] = {
        "tz": "timezone",
        "zone": "timezone",
        "start": "from",
        "end": "to",
        "until": "to",
        "shifts": "assignments",
        "roster": "assignments",
        "slots": "assignments",
        "layers": "schedule",
        "country": "holidays",
        "holiday": "holidays",
        "team": "people",
        "users": "people",
    }

    @classmethod
    def completed(cls, value: dict[str, Any], now: int | None) -> dict[str, Any]:  # noqa: ARG003 - as in the base class
        return with_instants({**value, **with_wishes(value)}, cls)

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        checks = (
            window_errors,
            calendar_errors,
            people_errors,
            _source_errors,
            _window_of_errors,
            _span_errors,
            _schedule_errors,
            _held_name_errors,
        )
        yield from first_errors(checks, values)

    @property
    def is_heavy(self) -> bool:
        return True

    @property
    def is_examined(self) -> bool:
        return True

    @property
    def later(self) -> Sequence[FieldError]:
        schedule, start, end = self.schedule, self.from_at, self.to_at
        if schedule is not None and schedule.stretches(self.timezone, start, end) > LIGHT_STEPS:
            return [FieldError("/schedule", f"is so much that it is laid out {AFTER_SIGNING}")]
        return list(calendars_later(self.people or (), self.holidays))


def _source_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if not {"assignments", "schedule"} <= values.keys():
        return
    if values["assignments"] is None and values["schedule"] is None:
        yield FieldError("/assignments", "is required, or schedule")
    elif values["assignments"] is not None and values["schedule"] is not None:
        yield FieldError("/schedule", "says who has what, as assignments does")
    elif values["schedule"] is not None:
        for name in ("from", "to"):
            if values.get(f"{name}_at", 0) is None:
                yield FieldError(f"/{name}", "is required with schedule")


def _window_of_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for stretches that lie outside of the window, where one is given."""
    start, end = values.get("from_at"), values.get("to_at")
    for index, held in valid_items(values, "assignments"):
        if start is not None and held.end <= start:
            yield FieldError(f"/assignments/{index}/end", "is not after from")
        elif end is not None and held.start >= end:
            yield FieldError(f"/assignments/{index}/start", "is not before to")


def _span_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    held = [each for _, each in valid_items(values, "assignments")]
    yield from span_errors("/assignments", held)


def _schedule_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    schedule, start, end = (values.get(name) for name in ("schedule", "from_at", "to_at"))
    if schedule is None or start is None or end is None or any(window_errors(values)):
        return
    if values.get("timezone") is not None:
        request = schedule.request(values["timezone"], start, end)
        for error in OncallScheduleRequest.cross_field_errors(msgspec.structs.asdict(request)):
            yield FieldError(f"/schedule{error.pointer}", error.detail)


def _held_name_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if values.get("people") is None:
        return
    people = {str(person.name): None for person in values["people"]}
    names = (
        (f"/assignments/{index}/person", name)
        for index, held in valid_items(values, "assignments")
        for name, _ in held.places
    )
    yield from unknown_names(names, people)


@dataclass(frozen=True)
class HeldWork(Work):
    """Work of somebody, where it stands in the request, and the skill that it asks for."""

    pointer: str = ""
    skill: str | None = None


@dataclass(frozen=True)
class Held:
    """Who has what in ``[start_at, end_at)``, and all people with their calendars of holidays.

    ``of_nobody`` are the stretches that name nobody.
    """

    work: Sequence[HeldWork]
    of_nobody: Sequence[HeldWork]
    people: Mapping[str, Person]
    calendars: Mapping[str, str | None]
    start_at: int
    end_at: int
    days: range
    clock: ZoneClock


def held_in(request: HeldRequest) -> Held:
    """Return who has what by a request, within its window. Raises ``InvalidRequest``."""
    work = list(_assigned(request) if request.schedule is None else _scheduled(request))
    of_nobody = list(_unassigned(request))
    start = min((each.start_at for each in [*work, *of_nobody]), default=0)
    end = max((each.end_at for each in [*work, *of_nobody]), default=0)
    window = (
        start if request.from_at is None else int(request.from_at),
        end if request.to_at is None else int(request.to_at),
    )
    work, of_nobody = (
        [
            replace(
                each, start_at=max(each.start_at, window[0]), end_at=min(each.end_at, window[1])
            )
            for each in stretches
        ]
        for stretches in (work, of_nobody)
    )
    clock = clock_of(request.timezone)
    days = local_days(clock, *window)
    known = {str(person.name): person for person in request.people or ()}
    waiting = request.schedule.people if request.schedule else ()
    names = dict.fromkeys([*known, *waiting, *(each.person for each in work)])
    given = {name: known.get(name) or PersonDocument(Name(name)) for name in names}
    people = {
        name: engine_person(person, window, request.holidays, days, clock)
        for name, person in given.items()
    }
    calendars = {
        name: str(code) if (code := person.holidays or request.holidays) else None
        for name, person in given.items()
    }
    return Held(work, of_nobody, people, calendars, *window, days, clock)


def _assigned(request: HeldRequest) -> Iterator[HeldWork]:
    for index, held in enumerate(request.assignments or ()):
        for name, skill in held.places:
            yield held.work(name, index, skill)


def _unassigned(request: HeldRequest) -> Iterator[HeldWork]:
    for index, held in enumerate(request.assignments or ()):
        if not held.places:
            yield held.work("", index)


def _scheduled(request: HeldRequest) -> Iterator[HeldWork]:
    assert request.schedule is not None  # noqa: S101 - for mypy
    asked = request.schedule.request(request.timezone, request.from_at or 0, request.to_at or 0)
    try:
        schedule = asked.schedule()
    except InvalidRequest as error:
        raise InvalidRequest(
            [FieldError(f"/schedule{each.pointer}", each.detail) for each in error.errors]
        ) from error
    for segment in asked.final_schedule(schedule).segments:
        for name in segment.user_ids:
            yield HeldWork(name, segment.start_at, segment.end_at, pointer="/schedule")
