"""The parts of documents that name people, slots and kinds, shared by all products of rosters.

A field's ``description`` is its rule in words, as in ``products/rotation/request.py``. Instants are
whole minutes, so that amounts stay small enough for a solver that counts in 64 bits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from app.engine.roster.model import Slot
from app.engine.roster.patterns import Pattern
from app.engine.walltime import MINUTE
from app.errors import FieldError
from app.http.scalars import Instant, Name, Weekday, WindowStart, Zone
from app.http.validation import RequestModel
from app.products.holiday_fields import Calendar, calendar_errors
from app.products.local_times import ENDS

FREE_BODY_BYTES = 32 * 1024
"""The largest body of a roster that is read before it is paid for."""
PEOPLE, PATTERNS, SLOTS, PLACES, ABSENCES, ITEMS = 200, 50, 3_000, 20, 10_000, 20
"""The most people, patterns, slots, places of one slot, absences, and items of other lists."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

TimeZone = Annotated[
    Zone,
    Meta(
        description="an IANA time zone, or a city or a zone of Windows that is one: whose clock "
        "dates, times without an offset, days of the week, nights and weekends go by",
        examples=["Europe/Berlin"],
    ),
]
Start = Annotated[
    Instant,
    Meta(
        description="an instant, or a time on the clock of timezone, in whole minutes; a date is "
        "its midnight",
        examples=["2026-12-01"],
    ),
]
End = Annotated[
    Instant,
    Meta(
        description="the first instant after it, in whole minutes; a date is the last day",
        examples=["2026-12-31"],
        extra=ENDS,
    ),
]
Kind = Annotated[Name, Meta(description="a kind of slots, such as night", examples=["weekend"])]
SkillName = Annotated[Name, Meta(description="a skill of 1 to 200 characters", examples=["senior"])]
Need = Annotated[
    float,
    Meta(ge=1, le=PLACES, multiple_of=1, description="how many people, 1 if absent", examples=[2]),
]
Skills = Annotated[
    list[SkillName | None],
    Meta(
        min_length=1,
        max_length=PLACES,
        description="what each of them must have, null for anybody",
        examples=[["senior", None]],
    ),
]
WeekDay = Annotated[Weekday, Meta(description="mon, tue, wed, thu, fri, sat or sun")]
WeekDays = Annotated[
    list[WeekDay],
    Meta(
        min_length=1, max_length=7, description="local days of the week", examples=[["sat", "sun"]]
    ),
]
PersonName = Annotated[Name, Meta(description="the name of a person", examples=["ana"])]
Number = Annotated[
    float, Meta(ge=1, le=SLOTS, multiple_of=1, description="number of a slot", examples=[1])
]


class AwayDocument(RequestModel, frozen=True):
    """When somebody can take no slot."""

    start: Start
    end: End
    reason: (
        Annotated[
            str, Meta(max_length=200, description="at most 200 characters", examples=["holiday"])
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return stretch_errors(values)


class WishDocument(RequestModel, frozen=True):
    """Slots that somebody would rather have, or would rather not: of a kind, on some days."""

    kind: Kind | None = None
    days: WeekDays | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if {"kind", "days"} <= values.keys() and values["kind"] is None and values["days"] is None:
            yield FieldError("", "has neither kind nor days")


Wishes = Annotated[
    list[WishDocument], Meta(max_length=ITEMS, description="at most 20, or kinds alone")
]


class PersonDocument(RequestModel, frozen=True, rename="camel"):
    """Somebody who can take slots."""

    name: PersonName
    skills: (
        Annotated[list[SkillName], Meta(max_length=ITEMS, description="at most 20 skills")] | None
    ) = None
    weight: (
        Annotated[
            float,
            Meta(
                ge=0.01,
                le=100,
                description="share of the load beside others, 0.01 to 100 in hundredths, 1 if "
                "absent: 0.5 is half of it",
                examples=[0.5],
            ),
        ]
        | None
    ) = None
    holidays: Calendar | None = None
    unavailable: (
        Annotated[
            list[AwayDocument],
            Meta(max_length=ABSENCES, description="absences: no slot that meets one is theirs"),
        ]
        | None
    ) = None
    joins: Start | None = None
    leaves: End | None = None
    avoid: Wishes | None = None
    prefer: Wishes | None = None
    target_hours: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=10_000,
                description="hours to have in all, in place of a share: the load is measured "
                "against it",
                examples=[40],
            ),
        ]
        | None
    ) = None

    synonyms = {  # noqa: RUF012 - as in the base class
        "person": "name",
        "user": "name",
        "absences": "unavailable",
        "away": "unavailable",
        "pto": "unavailable",
        "vacation": "unavailable",
        "contracthours": "targetHours",
        "country": "holidays",
    }

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        weight, joins, leaves = (values.get(name) for name in ("weight", "joins", "leaves"))
        if weight is not None and round(weight, 2) != weight:
            yield FieldError("/weight", "is finer than 0.01")
        if weight is not None and values.get("target_hours") is not None:
            yield FieldError("/targetHours", "is in place of weight: give one of both")
        if joins is not None and leaves is not None and leaves <= joins:
            yield FieldError("/leaves", "is not after joins")
        for name in ("joins", "leaves"):
            yield from minute_errors(values, name)
        yield from calendar_errors(values)


class SlotDocument(RequestModel, frozen=True):
    """A stretch that needs people."""

    start: Start
    end: End
    kind: Kind | None = None
    need: Need | None = None
    skills: Skills | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from stretch_errors(values)
        yield from need_errors(values)

    def slot(self) -> Slot:
        return Slot(self.start, self.end, str(self.kind or ""), needs_of(self.need, self.skills))


class PatternDocument(RequestModel, frozen=True):
    """Slots that recur by the wall clock."""

    start: Annotated[
        WindowStart, Meta(description='local time of day, such as "17:00"', examples=["17:00"])
    ]
    end: Annotated[
        str,
        Meta(
            pattern=r"^((mon|tue|wed|thu|fri|sat|sun) )?(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
            description='local time of day, on the next day if it is not after start: "09:00"; '
            'or the first such day after: "mon 09:00"',
            examples=["mon 09:00"],
        ),
    ]
    days: (
        Annotated[
            list[WeekDay],
            Meta(
                min_length=1,
                max_length=7,
                description="when slots start; absent: every day",
                examples=[["fri"]],
            ),
        ]
        | None
    ) = None
    kind: Kind | None = None
    need: Need | None = None
    skills: Skills | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return need_errors(values)

    def pattern(self) -> Pattern:
        day, _, time = self.end.rpartition(" ")
        hour, minute = time.split(":")
        return Pattern(
            frozenset(map(int, self.days or range(7))),
            int(self.start),
            (int(hour) * 60 + int(minute)) * MINUTE,
            DAYS.index(day) if day else None,
            str(self.kind or ""),
            needs_of(self.need, self.skills),
        )


def needs_of(need: float | None, skills: Sequence[Name | None] | None) -> tuple[str | None, ...]:
    """Return the skill of each place."""
    if skills is None:
        return (None,) * int(need or 1)
    return tuple(skill and str(skill) for skill in skills)


def need_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for skills that are not one a place."""
    need, skills = values.get("need"), values.get("skills")
    if need is not None and skills is not None and len(skills) != need:
        yield FieldError("/skills", f"has {len(skills)} items for a need of {int(need)}")


def stretch_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for an end that is not after its start, and for parts of minutes."""
    for name in ("start", "end"):
        yield from minute_errors(values, name)
    if {"start", "end"} <= values.keys() and values["end"] <= values["start"]:
        yield FieldError("/end", "is not after start: write a later end")


def minute_errors(values: Mapping[str, Any], name: str) -> Iterator[FieldError]:
    """Yield an error for an instant that is no whole minute."""
    if values.get(name) is not None and values[name] % MINUTE:
        yield FieldError(f"/{name}", "is not a whole minute")
