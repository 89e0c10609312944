"""The document of a request for a roster, and its rules across fields.

What needs the slots themselves (their number, who can take them, what is fixed) is checked by
``translation``, which runs in a worker process.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import Annotated, Any, ClassVar, Literal, Protocol

import msgspec
from msgspec import Meta

from app.engine.roster.patterns import slot_count
from app.engine.roster.standard import NAMES
from app.engine.walltime import DAY, clock_of
from app.errors import FieldError
from app.http.validation import RequestModel, first_errors, pointer_to, valid_items
from app.products.holiday_calendars import local_days
from app.products.holiday_fields import Calendar, calendar_errors
from app.products.local_times import with_instants
from app.products.roster.fields import (
    ABSENCES,
    PATTERNS,
    PEOPLE,
    SLOTS,
    End,
    Kind,
    Number,
    PatternDocument,
    PersonDocument,
    PersonName,
    SkillName,
    SlotDocument,
    Start,
    TimeZone,
    minute_errors,
)
from app.products.roster.rules import (
    RulesDocument,
    kinds_in_rules,
    minutes_in_rules,
    people_in_rules,
)
from app.similar import most_similar

WINDOW_MS = 2 * 366 * DAY
FIXED = 5_000
MAX_CARRIED = 1_000_000
MAX_POINTS = 100
MOST_COMMON = 10_000_000
"""The least common multiple of weights that a solver in 64 bits can still count with."""
HOLIDAY = "holiday"
CARRIED = ("hours", "nights", "weekends", "holidays", "holidaySlots")
"""The numbers that are carried over, by person; beside them are those of ``kinds``."""


SHOWN = Meta(
    description="as an answer shows it; accepted and not used",
    extra_json_schema={"readOnly": True},
)
ShownText = Annotated[str, SHOWN]


class FixedSlotDocument(RequestModel, frozen=True):
    """Somebody who has a slot, whatever else is asked for."""

    person: PersonName
    slot: Number | None = None
    start: Start | None = None
    kind: Kind | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return reference_errors(values)


class HeldPlace(RequestModel, frozen=True):
    """Who has a place of a slot, as an answer shows it."""

    person: PersonName
    skill: SkillName | None = None


class PreviousSlotDocument(RequestModel, frozen=True, rename="camel"):
    """A slot that somebody had: with ``person``, or as an answer shows it, with ``people``."""

    slot: Number | None = None
    start: Start | None = None
    kind: Kind | None = None
    person: PersonName | None = None
    people: (
        Annotated[list[HeldPlace], Meta(max_length=20, description="as an answer shows them")]
        | None
    ) = None
    end: ShownText | None = None
    start_local: ShownText | None = None
    end_local: ShownText | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from reference_errors(values)
        if {"person", "people"} <= values.keys():
            if values["person"] is None and values["people"] is None:
                yield FieldError("/person", "is required, or people")
            elif values["person"] is not None and values["people"] is not None:
                yield FieldError("/people", "says who, as person does")

    @property
    def names(self) -> Sequence[str]:
        """Who had the slot."""
        if self.person is not None:
            return [str(self.person)]
        return [str(held.person) for held in self.people or ()]


class PreviousDocument(RequestModel, frozen=True, rename="camel"):
    """The roster before: what is carried over from it, and what of it is to stay."""

    carry_over: (
        Annotated[
            dict[str, Any],
            Meta(
                description="by person, as carryOver of the answer before: hours, nights, "
                "weekends, holidays in hours, holidaySlots, and slots by kinds",
                examples=[{"ana": {"hours": 16, "kinds": {"weekend": 1}}}],
                extra_json_schema={"additionalProperties": {"type": "object"}},
            ),
        ]
        | None
    ) = None
    assignments: (
        Annotated[
            list[PreviousSlotDocument],
            Meta(max_length=FIXED, description="who had what, as assignments of the answer before"),
        ]
        | None
    ) = None
    keep: (
        Annotated[
            Literal["must", "prefer"],
            Meta(
                description='"must": only what has become impossible changes; "prefer": as few '
                "changes as the objectives before stability allow; absent: none is held on to"
            ),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if values.get("keep") is not None and values.get("assignments", ()) is None:
            yield FieldError("/assignments", "is required with keep")
        yield from carried_errors(values.get("carry_over"))


Objective = Annotated[
    Literal["coverage", "load", "kinds", "rules", "preferences", "stability"],
    Meta(description="coverage, load, kinds, rules, preferences or stability"),
]


class RosterDocument(RequestModel, frozen=True, dict=True):
    """Slots, people, rules and objectives."""

    timezone: TimeZone
    people: Annotated[
        list[PersonDocument],
        Meta(min_length=1, max_length=PEOPLE, description="1 to 200 people, each name once"),
    ]
    from_at: Start | None = msgspec.field(default=None, name="from")
    to_at: End | None = msgspec.field(default=None, name="to")
    pattern: (
        Annotated[
            list[PatternDocument],
            Meta(max_length=PATTERNS, description="slots that recur, from from to to"),
        ]
        | None
    ) = None
    slots: (
        Annotated[
            list[SlotDocument],
            Meta(max_length=SLOTS, description="single slots, beside those of pattern"),
        ]
        | None
    ) = None
    holidays: Calendar | None = None
    rules: (
        Annotated[RulesDocument, Meta(description="what holds for each person and each pair")]
        | None
    ) = None
    points: (
        Annotated[
            dict[str, Any],
            Meta(
                description="what a slot is worth, by kind, 1 if absent; holiday: one that touches "
                "a holiday of the person, if that is more",
                examples=[{"weekend": 2, "holiday": 3}],
                extra_json_schema={
                    "additionalProperties": {"type": "number", "minimum": 0, "maximum": MAX_POINTS}
                },
            ),
        ]
        | None
    ) = None
    fixed: (
        Annotated[
            list[FixedSlotDocument],
            Meta(max_length=FIXED, description="slots that are decided; they stand"),
        ]
        | None
    ) = None
    previous: Annotated[PreviousDocument, Meta(description="the roster before this one")] | None = (
        None
    )
    objectives: (
        Annotated[
            list[Objective],
            Meta(
                min_length=1,
                max_length=len(NAMES),
                description="what is to be best, one after the other: coverage, load, kinds, "
                "rules, preferences, stability, if absent",
            ),
        ]
        | None
    ) = None

    synonyms: ClassVar[Mapping[str, str]] = {
        "tz": "timezone",
        "zone": "timezone",
        "start": "from",
        "startdate": "from",
        "end": "to",
        "enddate": "to",
        "until": "to",
        "patterns": "pattern",
        "shifts": "slots",
        "members": "people",
        "participants": "people",
        "staff": "people",
        "team": "people",
        "users": "people",
        "constraints": "rules",
        "holiday": "holidays",
        "country": "holidays",
        "preassigned": "fixed",
        "goals": "objectives",
    }

    @classmethod
    def completed(cls, value: dict[str, Any], now: int | None) -> dict[str, Any]:  # noqa: ARG003 - as in the base class
        return with_instants({**value, **with_wishes(value)}, cls)

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        checks = (
            window_errors,
            calendar_errors,
            _slot_errors,
            _single_slot_errors,
            _span_errors,
            _slot_count_errors,
            people_errors,
            _name_errors,
            _kind_errors,
            _point_errors,
            _weight_errors,
            _objective_errors,
            rule_errors,
        )
        yield from first_errors(checks, values)


def with_wishes(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``people`` with an object in place of each wish that is a kind alone."""
    people = value.get("people")
    if not isinstance(people, list):
        return {}
    return {"people": [_with_own_wishes(who) if isinstance(who, dict) else who for who in people]}


def _with_own_wishes(person: dict[str, Any]) -> dict[str, Any]:
    changed = {
        name: [{"kind": item} if isinstance(item, str) else item for item in person[name]]
        for name in ("avoid", "prefer")
        if isinstance(person.get(name), list)
    }
    return {**person, **changed}


def reference_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for a slot that is not named, by its number or its start."""
    if {"slot", "start"} <= values.keys() and values["slot"] is None and values["start"] is None:
        yield FieldError("/slot", "is required, or start")
    yield from minute_errors(values, "start")


def window_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of ``from`` and ``to``."""
    start, end = values.get("from_at"), values.get("to_at")
    for name, instant in (("from", start), ("to", end)):
        if instant is not None and instant % 60_000:
            yield FieldError(f"/{name}", "is not a whole minute")
    if start is not None and end is not None:
        if end <= start:
            yield FieldError("/to", "is not after from: write a later to")
        elif end - start > WINDOW_MS:
            yield FieldError("/to", "is more than two years after from")


def _slot_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of requests without slots, and of patterns without a window."""
    if {"pattern", "slots"} <= values.keys() and not values["pattern"] and not values["slots"]:
        yield FieldError("/slots", "is required, or pattern: there is no slot")
    if values.get("pattern"):
        for name in ("from", "to"):
            if values.get(f"{name}_at", 0) is None:
                yield FieldError(f"/{name}", "is required with pattern")


def _single_slot_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    start, end = values.get("from_at"), values.get("to_at")
    for index, slot in valid_items(values, "slots"):
        if start is not None and slot.start < start:
            yield FieldError(f"/slots/{index}/start", "is before from")
        elif end is not None and slot.start >= end:
            yield FieldError(f"/slots/{index}/start", "is not before to")


def _span_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from span_errors("/slots", [slot for _, slot in valid_items(values, "slots")])


class Stretch(Protocol):
    """``[start, end)`` in milliseconds."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def span_errors(pointer: str, stretches: Sequence[Stretch]) -> Iterator[FieldError]:
    """Yield an error for stretches that lie too far apart: all days between are looked at."""
    first = min((each.start for each in stretches), default=0)
    last = max((each.end for each in stretches), default=0)
    if last - first > WINDOW_MS:
        yield FieldError(pointer, "span more than two years: ask for less at once")


def _slot_count_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if not _has_window(values) or not {"timezone", "pattern"} <= values.keys():
        return
    count = most_slots(values)
    if count > SLOTS:
        yield FieldError("/pattern", f"makes about {count:,} slots: at most {SLOTS:,} are solved")


def most_slots(values: Mapping[str, Any]) -> int:
    """Return how many slots valid fields make at most, without laying them out."""
    patterns = [pattern.pattern() for pattern in values["pattern"] or ()]
    recurring = slot_count(patterns, days_of(values)) if patterns else 0
    return recurring + len(values.get("slots") or ())


def _has_window(values: Mapping[str, Any]) -> bool:
    return (
        values.get("from_at") is not None
        and values.get("to_at") is not None
        and not any(window_errors(values))
    )


def days_of(values: Mapping[str, Any]) -> range:
    """Return the local days of the window, since 1970-01-01."""
    clock = clock_of(values["timezone"])
    return local_days(clock, values["from_at"], values["to_at"])


def people_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for names that are given twice, and for too many absences."""
    seen: set[str] = set()
    absences = 0
    for index, person in valid_items(values, "people"):
        if str(person.name) in seen:
            yield FieldError(f"/people/{index}/name", "is a name already")
        seen.add(str(person.name))
        absences += len(person.unavailable or ())
    if absences > ABSENCES:
        yield FieldError("/people", f"has {absences:,} absences: at most {ABSENCES:,} are taken")


def unknown_name(name: str, people: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the name of a person; ``None`` if it is one of ``people``."""
    if name in people:
        return None
    similar = most_similar(name, people)
    return "is not one of people" + (f"; did you mean {similar!r}?" if similar else "")


def unknown_names(
    names: Iterable[tuple[str, str]], people: Mapping[str, Any]
) -> Iterator[FieldError]:
    """Yield an error for each name, given with its pointer, that is not one of ``people``."""
    for pointer, name in names:
        wrong = unknown_name(name, people)
        if wrong:
            yield FieldError(pointer, wrong)


def _name_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if "people" not in values:
        return
    people = {str(person.name): None for person in values["people"]}
    yield from unknown_names(_names(values), people)


def _names(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the name of each person who has to be one of ``people``."""
    yield from people_in_rules(values.get("rules"))
    for index, item in valid_items(values, "fixed"):
        yield f"/fixed/{index}/person", str(item.person)


def _kind_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if not {"pattern", "slots"} <= values.keys():
        return
    known = {str(each.kind): None for name in ("pattern", "slots") for each in values[name] or ()}
    known.pop("None", None)
    for pointer, kind in _kinds(values):
        if kind not in known:
            similar = most_similar(kind, known)
            hint = f"; did you mean {similar!r}?" if similar else ""
            yield FieldError(pointer, f"is not the kind of any slot{hint}")


def _kinds(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the name of each kind that has to be one of a slot."""
    yield from kinds_in_rules(values.get("rules"))
    yield from (
        (pointer_to("/points", kind), kind)
        for kind in values.get("points") or ()
        if kind != HOLIDAY
    )
    yield from _kinds_of_people(values)
    for index, item in valid_items(values, "fixed"):
        if item.kind is not None:
            yield f"/fixed/{index}/kind", str(item.kind)


def _kinds_of_people(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, person in valid_items(values, "people"):
        for name in ("avoid", "prefer"):
            for number, wish in enumerate(getattr(person, name) or ()):
                if wish.kind is not None:
                    yield f"/people/{index}/{name}/{number}/kind", str(wish.kind)


def _point_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    return point_errors(values)


def point_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of points."""
    for kind, points in (values.get("points") or {}).items():
        where = pointer_to("/points", kind)
        if not is_number(points) or not 0 <= points <= MAX_POINTS:
            yield FieldError(where, f"is not a number from 0 to {MAX_POINTS}")
        elif round(points, 2) != points:
            yield FieldError(where, "is finer than 0.01")


def _weight_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    weights = [person.weight for _, person in valid_items(values, "people") if person.weight]
    common = lcm(*(Fraction(str(weight)).numerator for weight in weights))
    if common > MOST_COMMON:
        yield FieldError(
            "/people", "has weights that are too unlike each other: round them to tenths"
        )


def _objective_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    names = values.get("objectives")
    if names is None:
        return
    for index, name in enumerate(names):
        if name in names[:index]:
            yield FieldError(f"/objectives/{index}", "is an objective already")
    if "coverage" not in names:
        yield FieldError("/objectives", "lacks coverage: the best roster would be empty")
    previous = values.get("previous")
    if previous is not None and previous.keep == "prefer" and "stability" not in names:
        yield FieldError("/objectives", "lacks stability, which keep is about")


def rule_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of hours in rules."""
    return minutes_in_rules(values.get("rules"))


def carried_errors(carried: Any) -> Iterator[FieldError]:
    """Yield the errors of what is carried over."""
    for name, own in (carried or {}).items():
        where = pointer_to("/carryOver", name)
        if not isinstance(own, dict):
            yield FieldError(where, f"is not an object with {', '.join((*CARRIED, 'kinds'))}")
            continue
        for key, amount in own.items():
            if key == "kinds" and isinstance(amount, dict):
                numbers = [(pointer_to(f"{where}/kinds", kind), n) for kind, n in amount.items()]
            elif key in CARRIED:
                numbers = [(f"{where}/{key}", amount)]
            else:
                known = ", ".join((*CARRIED, "kinds"))
                yield FieldError(pointer_to(where, key), f"is not one of {known}")
                continue
            for pointer, number in numbers:
                if not is_number(number) or not 0 <= number <= MAX_CARRIED:
                    yield FieldError(pointer, f"is not a number from 0 to {MAX_CARRIED:,}")


def is_number(value: object) -> bool:
    """Tell whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
