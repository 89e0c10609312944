"""The request for a rotation, and its conversion to the engine's rotation.

The ``description`` of a field is its rule in words. It is part of the schema, of the catalogue and
of each error at the field.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from app.engine.rotation import Rotation, rotation_errors, rotation_of
from app.engine.walltime import clock_of
from app.errors import FieldError
from app.http.scalars import Instant, Name, WindowStart, Zone
from app.http.validation import RequestModel
from app.products.holiday_calendars import local_days
from app.products.local_times import ENDS, with_instants
from app.products.numbers import hours_text
from app.products.rotation.planning_fields import (
    ABSENCES,
    PAIRS,
    PEOPLE,
    ROLES,
    AbsenceDocument,
    FixedDocument,
    LimitsDocument,
    Person,
    planning_errors,
)
from app.products.rotation.rhythm_fields import (
    SHIFTS,
    ShiftLength,
    boundaries_in,
    counted,
    length_hours_in,
    rhythm_errors,
    varies,
)
from app.products.rotation.understood import (
    Membership,
    UnderstoodRotation,
    understood_rotation,
    with_limits,
    with_members,
)
from app.products.rotation.understood_calendars import UnderstoodCalendar

START_RULE = (
    "an RFC 3339 instant with Z or an offset, to the millisecond, or a date, which means its "
    "midnight; with timezone also a local time such as 2026-06-04T09:00; years 1970 to 9999"
)

TIME_RULE = "an instant, a local time or a date, as `start` of the rotation"

LIMITS_RULE = 'an object such as {"shifts": 10, "hours": 240, "weekends": 1}, of which one will do'

PLAIN = frozenset(
    (
        *("start", "people", "shifts", "until"),
        *("shift_length_hours", "shift_length", "handoff_offset_hours"),
    )
)
"""The fields of a rotation by turns. Every other field needs a plan, and so do months."""

CARRIED_HOURS = {"additionalProperties": {"type": "number", "minimum": 0, "maximum": 1_000_000}}

DEFAULT_HOURS = float("24")
"""Known by its identity: hours that a request gives, even 24, must not meet another length."""


class RotationRequest(RequestModel, frozen=True, rename="camel"):
    """Who takes turns, from when, how often and for how long."""

    start: Annotated[
        Instant,
        Meta(
            title="when the first shift begins",
            description=START_RULE,
            examples=["2026-06-04T00:00:00Z"],
        ),
    ]
    people: Annotated[
        list[Annotated[Name, Meta(description="a name of 1 to 200 characters after trimming")]],
        Meta(
            min_length=1,
            max_length=PEOPLE,
            title="who takes turns",
            description="1 to 1,000 names in the order of their turns; a name given twice takes "
            "two turns per cycle",
            examples=[["alice", "bob"]],
        ),
    ]
    shifts: (
        Annotated[
            float,
            Meta(
                ge=1,
                le=SHIFTS,
                multiple_of=1,
                title="number of shifts",
                description="a whole number from 1 to 10,000",
                examples=[3],
            ),
        ]
        | None
    ) = None
    shift_length_hours: Annotated[
        float,
        Meta(
            gt=0,
            le=8_760,
            title="length of each shift in hours, 24 if absent",
            description="hours above 0 and at most 8,760, exact to the millisecond",
            examples=[24],
        ),
    ] = DEFAULT_HOURS
    handoff_offset_hours: Annotated[
        float,
        Meta(
            ge=-8_760,
            le=8_760,
            description="hours from a shift's end to the moment the incoming person takes over; "
            "negative is before; at most shiftLengthHours either way",
            examples=[0],
        ),
    ] = 0

    until: (
        Annotated[
            Instant,
            Meta(
                title="end of the rotation, a bare date included",
                description="in place of shifts: the last shift starts before it and is not cut; "
                "a bare date includes that day",
                examples=["2026-06-30"],
                extra=ENDS,
            ),
        ]
        | None
    ) = None
    shift_length: ShiftLength | None = None
    handoff_times: (
        Annotated[
            list[
                Annotated[
                    WindowStart,
                    Meta(description='a time of day such as "08:00"', examples=["08:00"]),
                ]
            ],
            Meta(
                min_length=1,
                max_length=24,
                title="times of day at which shifts begin",
                description="in place of a length: shifts begin every day at these times on the "
                "wall, the first at or after start; they stay there across clock changes",
                examples=[["08:00", "20:00"]],
            ),
        ]
        | None
    ) = None
    timezone: (
        Annotated[
            Zone,
            Meta(
                title="whose clock is meant",
                description="an IANA time zone, or a city or a zone of Windows that is one: dates, "
                "and times without offset, are then local, shifts of whole days keep their local "
                "time of day across clock changes, and nights and weekends are local",
                examples=["Europe/Berlin"],
            ),
        ]
        | None
    ) = None
    strategy: (
        Annotated[
            Literal["round-robin", "fair"],
            Meta(
                title="how shifts are shared out",
                description='"round-robin" (the default): the turn of who is away passes to the '
                'next and is owed back; "fair", up to 1,000 shifts and 100 people: as few gaps, '
                "then hours as even as can be, then holidays, then weekends and nights, then few "
                "shifts in a row. Rests, limits and absences hold for both",
                examples=["fair"],
            ),
        ]
        | None
    ) = None
    unavailable: (
        Annotated[
            list[AbsenceDocument],
            Meta(
                max_length=ABSENCES,
                title="when people are away",
                description="at most 10,000 absences: nobody gets a shift that meets one of theirs",
            ),
        ]
        | None
    ) = None
    unavailable_ics: (
        Annotated[
            dict[str, Any],
            Meta(
                title="calendars of people's absences",
                description="by person, an iCalendar text of at most 2,097,152 bytes, recurring "
                "events included, with at most 50,000 events within the rotation in all; "
                "calendarEvents says which of them are absences",
                examples=[{"bob": "BEGIN:VCALENDAR…END:VCALENDAR"}],
                extra_json_schema={"additionalProperties": {"type": "string"}},
            ),
        ]
        | None
    ) = None
    calendar_events: (
        Annotated[
            Literal["away", "busy", "all"],
            Meta(
                description='which events of calendars are absences: "away" (the default): all '
                "day, out of office, or at least minAbsenceHours long, unless marked as free; "
                '"busy": all that are not marked as free; "all": those as well, as in the feed of '
                "another rotation. Cancelled ones never are"
            ),
        ]
        | None
    ) = None
    min_absence_hours: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=8_760,
                description="hours from which on an event of a calendar is an absence, 4 if "
                'absent; for calendarEvents "away"',
                examples=[4],
            ),
        ]
        | None
    ) = None
    email: (
        Annotated[
            Any,
            Meta(
                description="by person, the address under which their calendar has them as an "
                "attendee: what they have declined is no absence. With one calendar, the address "
                "alone",
                examples=[{"alice": "alice@example.org"}],
                extra_json_schema={
                    "anyOf": [
                        {"type": "string"},
                        {"type": "object", "additionalProperties": {"type": "string"}},
                        {"type": "null"},
                    ]
                },
            ),
        ]
        | None
    ) = None
    weights: (
        Annotated[
            dict[str, Any],
            Meta(
                title="share of the load by person, 1 if absent",
                description="by person, 0.01 to 100 in hundredths, 1 if absent: half the weight is "
                'half the hours; only "fair" shares out by it',
                examples=[{"bob": 0.5}],
                extra_json_schema={
                    "additionalProperties": {"type": "number", "minimum": 0.01, "maximum": 100}
                },
            ),
        ]
        | None
    ) = None
    carry_over: (
        Annotated[
            dict[str, Any],
            Meta(
                description="by person, hours of load carried over: carryOver of the last answer; "
                'only "fair" makes up for it',
                examples=[{"alice": 24}],
                extra_json_schema=CARRIED_HOURS,
            ),
        ]
        | None
    ) = None
    holidays: (
        Annotated[
            str,
            Meta(
                max_length=200,
                title="public holidays that count",
                description="public holidays of a country (ISO 3166), or of a part of it: DE, "
                'DE-BY; local days. "fair" evens out the hours on them before those of weekends '
                "and nights",
                examples=["DE-BY"],
            ),
        ]
        | None
    ) = None
    carry_over_holidays: (
        Annotated[
            dict[str, Any],
            Meta(
                description="by person, hours of load on holidays carried over: "
                "carryOverHolidays of the last answer; with holidays",
                examples=[{"alice": 24}],
                extra_json_schema=CARRIED_HOURS,
            ),
        ]
        | None
    ) = None
    joins: (
        Annotated[
            dict[str, Annotated[Instant, Meta(description=TIME_RULE)]],
            Meta(
                max_length=PEOPLE,
                description="by person, when they join the team: before it they have no shifts, "
                "and what the others do until then is not owed back",
                examples=[{"bob": "2026-06-10"}],
            ),
        ]
        | None
    ) = None
    leaves: (
        Annotated[
            dict[str, Annotated[Instant, Meta(description=TIME_RULE)]],
            Meta(
                max_length=PEOPLE,
                description="by person, when they leave the team; a bare date is their last day",
                examples=[{"alice": "2026-06-30"}],
                extra=ENDS,
            ),
        ]
        | None
    ) = None
    limits: (
        Annotated[
            dict[str, Annotated[LimitsDocument, Meta(description=LIMITS_RULE)]],
            Meta(
                max_length=PEOPLE,
                description="by person, the most in the whole rotation: shifts, hours, weekends; "
                "never exceeded, so that places may stay empty",
                examples=[{"bob": {"shifts": 10, "weekends": 1}}],
            ),
        ]
        | None
    ) = None
    min_rest_hours: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=8_760,
                description="hours that pass between two shifts of one person, at least",
                examples=[24],
            ),
        ]
        | None
    ) = None
    max_consecutive: (
        Annotated[
            float,
            Meta(
                ge=1,
                le=10_000,
                multiple_of=1,
                description="shifts in a row that one person has, at most",
                examples=[1],
            ),
        ]
        | None
    ) = None
    roles: (
        Annotated[
            list[Annotated[Name, Meta(description="a role of 1 to 200 characters")]],
            Meta(
                min_length=1,
                max_length=ROLES,
                title="tasks in each shift, each with another person",
                description="1 to 10 roles, the most important first: each shift has another "
                "person for each",
                examples=[["primary", "secondary"]],
            ),
        ]
        | None
    ) = None
    role_order: (
        Annotated[
            Literal["even", "staggered"],
            Meta(
                description='"even" (the default): each role goes to who has had it least; '
                '"staggered": whoever has a role has the one before it in the next shift, so that '
                "the secondary is primary next; up to 1,000 shifts and 100 people, without "
                "minRestHours"
            ),
        ]
        | None
    ) = None
    avoid_pairs: (
        Annotated[
            list[
                Annotated[
                    list[Person],
                    Meta(min_length=2, max_length=2, description="two different people"),
                ]
            ],
            Meta(
                max_length=PAIRS,
                description="at most 5,000 pairs of people who are not on call together",
                examples=[[["alice", "bob"]]],
            ),
        ]
        | None
    ) = None
    fixed: (
        Annotated[
            list[FixedDocument],
            Meta(
                max_length=10_000,
                title="shifts that are given to somebody",
                description="at most 10,000 shifts that are decided; they stand whatever else "
                "is asked for",
            ),
        ]
        | None
    ) = None

    synonyms: ClassVar[Mapping[str, str]] = {
        "absences": "unavailable",
        "away": "unavailable",
        "pto": "unavailable",
        "timeoff": "unavailable",
        "unavailability": "unavailable",
        "vacations": "unavailable",
        "country": "holidays",
        "publicholidays": "holidays",
        "calendars": "unavailableIcs",
        "ics": "unavailableIcs",
        "members": "people",
        "names": "people",
        "participants": "people",
        "team": "people",
        "users": "people",
        "from": "start",
        "startat": "start",
        "startdate": "start",
        "tz": "timezone",
        "zone": "timezone",
        "count": "shifts",
        "numberofshifts": "shifts",
        "numshifts": "shifts",
        "end": "until",
        "enddate": "until",
        "to": "until",
        "cadence": "shiftLength",
        "duration": "shiftLength",
        "every": "shiftLength",
        "frequency": "shiftLength",
        "interval": "shiftLength",
        "length": "shiftLength",
        "rotationtype": "shiftLength",
        "shiftlengthdays": "shiftLength",
        "handofftime": "handoffTimes",
        "joined": "joins",
        "joining": "joins",
        "availablefrom": "joins",
        "leaving": "leaves",
        "caps": "limits",
        "maximum": "limits",
        "maxshifts": "limits",
        "maxhours": "limits",
        "maxweekends": "limits",
        "left": "leaves",
        "availableuntil": "leaves",
    }

    @classmethod
    def completed(cls, value: dict[str, Any], now: int | None) -> dict[str, Any]:  # noqa: ARG003 - as in the base class
        return with_instants(value, cls)

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from rhythm_errors(values, DEFAULT_HOURS)
        planned = varies(values) or any(values.get(name) is not None for name in PLANNING)
        values = counted(values, DEFAULT_HOURS)
        yield from rotation_errors(
            values.get("start"),
            values.get("shifts"),
            values.get("shift_length_hours"),
            values.get("handoff_offset_hours"),
        )
        if "until" in values and (values.get("shifts") or 0) > SHIFTS:
            yield FieldError("/until", f"is more than {SHIFTS:,} shifts after start")
        elif planned:
            yield from planning_errors(values)

    @property
    def understood(self) -> UnderstoodRotation:
        return self.understood_with(())

    def understood_with(self, calendars: Sequence[UnderstoodCalendar]) -> UnderstoodRotation:
        """Return what was understood, with what was taken from the ``calendars``."""
        absences = [absence.absence() for absence in self.unavailable or ()]
        understood = understood_rotation(self.timezone, self.boundaries, absences, calendars)
        understood = with_members(understood, self.timezone, self.boundaries, self.membership)
        limits = {name: limits.limits() for name, limits in (self.limits or {}).items()}
        people = len(set(map(str, self.people)))
        return with_limits(understood, self.boundaries, limits, people, len(self.roles or ()) or 1)

    @property
    def days(self) -> range:
        """The local days of the rotation, counted from 1970-01-01."""
        clock, boundaries = clock_of(self.timezone or "UTC"), self.boundaries
        return local_days(clock, boundaries[0], boundaries[-1])

    @property
    def membership(self) -> Mapping[str, Membership]:
        """When people join or leave, by name in the order of turns."""
        joins, leaves = self.joins or {}, self.leaves or {}
        return {
            name: (joins.get(name), leaves.get(name))
            for name in dict.fromkeys(map(str, self.people))
            if name in joins or name in leaves
        }

    @property
    def boundaries(self) -> Sequence[int]:
        """The start of each shift and the end of the last, in milliseconds."""
        return boundaries_in(msgspec.structs.asdict(self))

    @property
    def length_hours(self) -> float:
        """The length of a shift in hours; 0 if that is not always the same."""
        return length_hours_in(msgspec.structs.asdict(self)) or 0

    @property
    def length_text(self) -> str:
        """The length of shifts in words: "of 24h", "of 2 months", "from 08:00 and 20:00"."""
        if self.length_hours:
            return f"of {hours_text(self.length_hours)}h"
        if self.shift_length is not None:
            count = int(self.shift_length.count)
            return f"of {count} {'month' if count == 1 else 'months'}"
        times = [f"{at // 3_600_000:02}:{at // 60_000 % 60:02}" for at in self.handoff_times or ()]
        return f"from {' and '.join(times)}"

    @property
    def is_heavy(self) -> bool:
        return self.needs_plan

    @property
    def is_examined(self) -> bool:
        return bool(self.unavailable_ics)

    @property
    def needs_plan(self) -> bool:
        """Whether the request needs a plan, not only turns of one length."""
        needed = any(getattr(self, name) is not None for name in PLANNING)
        return needed or not self.length_hours

    def rotation(self) -> Rotation:
        """Return the rotation by turns. The request must not need a plan."""
        return rotation_of(
            start_at=self.start,
            people=[str(name) for name in self.people],
            shifts=len(self.boundaries) - 1,
            length_hours=self.length_hours,
            offset_hours=self.handoff_offset_hours,
        )


PLANNING: Mapping[str, str] = {
    field.name: field.encode_name
    for field in msgspec.structs.fields(RotationRequest)
    if field.name not in PLAIN
}
"""The fields that need a plan, with their JSON names.

It is derived from the struct, because a field that is missing here would be paid for and ignored.
"""
