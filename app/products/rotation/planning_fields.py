"""The fields of a request for a planned rotation, and the rules across them.

Strategy: each rule is one small function over ``values``, the fields that are each valid alone
(``http/validation.py``). The members of objects with people as keys are checked here too, because
their names are data. Of the errors that one function finds the first are reported
(``first_errors``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Annotated, Any

from msgspec import Meta

from app.engine.planning.request import Absence, FixedShift, PersonLimits
from app.engine.rotation import HOUR_MS, LAST_INSTANT_MS, milliseconds
from app.engine.walltime import DAY
from app.errors import FieldError
from app.http.scalars import Instant, Name
from app.http.validation import RequestModel, first_errors, pointer_to, valid_items, valid_members
from app.products.holiday_fields import calendar_errors
from app.products.local_times import ENDS
from app.products.words import END, PERSON, START, meant_by
from app.similar import most_similar

PEOPLE = 1_000
ABSENCES = 10_000
FAIR_SHIFTS, FAIR_PEOPLE = 1_000, 100
SPAN_YEARS = 100
ROLES = 10
PAIRS = 5_000
CALENDAR_BYTES = 2 * 1024 * 1024
MIN_ABSENCE_HOURS = 4
MAX_ADDRESS = 254
WEIGHTS = (Fraction(1, 100), Fraction(100))
CARRY_HOURS = 1_000_000

Person = Annotated[Name, Meta(description="one of `people`", examples=["bob"])]


class AbsenceDocument(RequestModel, frozen=True):
    """When somebody cannot be on call."""

    person: Person
    start: Annotated[
        Instant,
        Meta(
            title="when it begins",
            description="an instant, a local time or a date, as `start` of the rotation",
            examples=["2026-06-10"],
        ),
    ]
    end: Annotated[
        Instant,
        Meta(
            title="when it ends, a bare date included",
            description="the first instant after it; a bare date is the last day of it, so that "
            "start and end may be one day",
            examples=["2026-06-15"],
            extra=ENDS,
        ),
    ]
    reason: (
        Annotated[
            str,
            Meta(
                max_length=200,
                title="why",
                description="at most 200 characters; explained with",
                examples=["holiday"],
            ),
        ]
        | None
    ) = None

    synonyms = meant_by({"person": PERSON, "start": START, "end": END})

    def absence(self) -> Absence:
        return Absence(str(self.person), self.start, self.end, self.reason)


class FixedDocument(RequestModel, frozen=True):
    """A shift that is given to somebody, whatever else is asked for."""

    shift: Annotated[
        float,
        Meta(
            ge=1,
            le=10_000,
            multiple_of=1,
            description="number of the shift, from 1",
            examples=[1],
        ),
    ]
    person: Person
    role: (
        Annotated[
            Name,
            Meta(description="one of `roles`; absent: the first of them", examples=["primary"]),
        ]
        | None
    ) = None

    synonyms = meant_by({"person": PERSON, "shift": ("index", "number")})

    def fixed(self, roles: Sequence[str]) -> FixedShift:
        role = roles.index(str(self.role)) if self.role else 0
        return FixedShift(int(self.shift) - 1, str(self.person), role)


class LimitsDocument(RequestModel, frozen=True):
    """The most that one person has in the whole rotation."""

    shifts: (
        Annotated[
            float,
            Meta(ge=0, le=10_000, multiple_of=1, description="shifts at most, 0 to 10,000"),
        ]
        | None
    ) = None
    hours: (
        Annotated[float, Meta(ge=0, le=CARRY_HOURS, description="elapsed hours at most")] | None
    ) = None
    weekends: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=10_000,
                multiple_of=1,
                description="weekends with any shift at most, 0 to 10,000",
            ),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if all(values.get(name, 0) is None for name in ("shifts", "hours", "weekends")):
            yield FieldError("", "has no limit: write shifts, hours or weekends")

    def limits(self) -> PersonLimits:
        return PersonLimits(
            None if self.shifts is None else int(self.shifts),
            None if self.hours is None else milliseconds(self.hours),
            None if self.weekends is None else int(self.weekends),
        )


def planning_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Return the errors across the fields of a planned rotation, each of which is valid alone."""
    checks = (
        _absence_errors,
        _person_errors,
        _number_errors,
        _holiday_errors,
        _membership_errors,
        _role_errors,
        _order_errors,
        _pair_errors,
        _fixed_errors,
        _calendar_errors,
        _email_errors,
        _size_errors,
    )
    return first_errors(checks, values)


def _absence_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each end that is not after its start."""
    for index, absence in valid_items(values, "unavailable"):
        if absence.end <= absence.start:
            yield FieldError(f"/unavailable/{index}/end", "is not after start: write a later end")


def _person_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if "people" not in values:
        return
    people = dict.fromkeys(map(str, values["people"]))
    for pointer, name in _named(values):
        if name not in people:
            similar = most_similar(name, people)
            hint = f"; did you mean {similar!r}?" if similar else ""
            yield FieldError(pointer, f"is not one of people{hint}")


def _named(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the name of every person outside of ``people``."""
    for field in ("unavailable", "fixed"):
        for index, item in valid_items(values, field):
            yield f"/{field}/{index}/person", str(item.person)
    for field, json_name in KEYED.items():
        for name in _members(values, field):
            yield pointer_to(f"/{json_name}", name), name
    for index, pair in valid_items(values, "avoid_pairs"):
        for place, name in enumerate(pair):
            yield f"/avoidPairs/{index}/{place}", str(name)


KEYED = {
    "unavailable_ics": "unavailableIcs",
    "email": "email",
    "weights": "weights",
    "carry_over": "carryOver",
    "carry_over_holidays": "carryOverHolidays",
    "joins": "joins",
    "leaves": "leaves",
    "limits": "limits",
}
"""The fields that are objects with people as keys, with their JSON names."""


def _number_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of weights and of hours carried over."""
    for name, weight in _by_person(values, "weights"):
        if not _is_number(weight) or not WEIGHTS[0] <= weight <= WEIGHTS[1]:
            yield FieldError(pointer_to("/weights", name), "is not a number from 0.01 to 100")
        elif round(weight, 2) != weight:
            yield FieldError(pointer_to("/weights", name), "is finer than 0.01")
    for field in ("carry_over", "carry_over_holidays"):
        for name, hours in _by_person(values, field):
            if not _is_number(hours) or not 0 <= hours <= CARRY_HOURS:
                detail = f"is not a number of hours from 0 to {CARRY_HOURS:,}"
                yield FieldError(pointer_to(f"/{KEYED[field]}", name), detail)


def _holiday_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from calendar_errors(values)
    if values.get("carry_over_holidays") and values.get("holidays", "") is None:
        yield FieldError("/carryOverHolidays", "has no effect without holidays: write them, too")


def _membership_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each person who leaves before they have joined."""
    joins = valid_members(values, "joins")
    for name, leaves in valid_members(values, "leaves").items():
        if name in joins and leaves <= joins[name]:
            where = pointer_to("/leaves", name)
            yield FieldError(where, "is not after the same person's joins: write a later time")


def _by_person(values: Mapping[str, Any], field: str) -> Iterator[tuple[str, Any]]:
    """Yield the members of an object by person, as many as there can be people."""
    return islice(_members(values, field).items(), PEOPLE)


def _members(values: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return the members of a field that is an object by person; none if it is something else."""
    value = valid_members(values, field)
    return value if isinstance(value, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def weight_of(number: float) -> Fraction:
    """Return a weight exactly as written: 0.1 is a tenth."""
    return Fraction(str(number))


def _role_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    roles = list(values.get("roles") or ())
    for index, role in enumerate(roles):
        if role in roles[:index]:
            yield FieldError(f"/roles/{index}", "is a role already")


def _order_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of roles that are staggered: a person then has shifts in a row."""
    if values.get("role_order") != "staggered" or "roles" not in values:
        return
    roles = len(values["roles"] or ())
    if roles < 2:
        yield FieldError("/roleOrder", '"staggered" has no effect without two roles')
    if values.get("min_rest_hours"):
        yield FieldError(
            "/minRestHours", 'rules out two shifts in a row, which roleOrder "staggered" is about'
        )
    if 0 < (values.get("max_consecutive") or 0) < roles:
        yield FieldError(
            "/maxConsecutive",
            f'is less than the {roles} shifts in a row that "staggered" roles take',
        )


def _pair_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    pairs = values.get("avoid_pairs") or ()
    if pairs and "roles" in values and len(values["roles"] or ()) < 2:
        yield FieldError(
            "/avoidPairs", "has no effect without two roles: nobody is on call together"
        )
    for index, pair in valid_items(values, "avoid_pairs"):
        if pair[0] == pair[1]:
            yield FieldError(f"/avoidPairs/{index}/1", "is the same person")


def _fixed_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for fixed shifts that do not exist, and for two in the same slot."""
    if not {"roles", "shifts"} <= values.keys():
        return
    roles = [str(role) for role in values["roles"] or ()]
    slots: set[tuple[int, str]] = set()
    people: set[tuple[int, str]] = set()
    for index, item in valid_items(values, "fixed"):
        where = f"/fixed/{index}"
        role = str(item.role) if item.role else next(iter(roles), "")
        if item.shift > values["shifts"]:
            yield FieldError(
                f"{where}/shift", f"is after the last shift, {int(values['shifts']):,}"
            )
        if item.role and role not in roles:
            yield FieldError(f"{where}/role", "is not one of roles")
        if (item.shift, role) in slots:
            yield FieldError(where, "gives a shift away that an earlier one gives to somebody")
        elif (item.shift, str(item.person)) in people:
            yield FieldError(f"{where}/person", "has another role in that shift already")
        slots.add((item.shift, role))
        people.add((item.shift, str(item.person)))


def _calendar_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    for name, text in _by_person(values, "unavailable_ics"):
        where = pointer_to("/unavailableIcs", name)
        if not isinstance(text, str):
            yield FieldError(
                where, "is not a string: an iCalendar text begins with BEGIN:VCALENDAR"
            )
        else:
            size = len(text.encode(errors="surrogatepass"))
            if size > CALENDAR_BYTES:
                over = f"{size - CALENDAR_BYTES:,} more than the {CALENDAR_BYTES:,} of a calendar"
                yield FieldError(where, f"has {size:,} bytes, {over}")


def _email_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    for name, address in _by_person(values, "email"):
        if not _is_address(address):
            yield FieldError(pointer_to("/email", name), NO_ADDRESS)
    email = values.get("email")
    if email is None or isinstance(email, dict):
        return
    if not _is_address(email):
        yield FieldError("/email", f"{NO_ADDRESS}, nor an object with one by person")
    elif len(values.get("unavailable_ics") or ()) > 1:
        yield FieldError("/email", 'is of one person: write an object, {"person": "address"}')


NO_ADDRESS = "is not an address such as ana@example.org"


def _is_address(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_ADDRESS and "@" in value.strip()[1:-1]


def owner_addresses(email: object, calendars: Iterable[str]) -> Mapping[str, str]:
    """Return the owners' addresses by person, in small letters, from the field ``email``.

    An address alone is that of the one person whose calendar is given.
    """
    by_person = email if isinstance(email, dict) else dict.fromkeys(calendars, email or "")
    return {person: str(address).strip().lower() for person, address in by_person.items()}


def _size_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of requests that would take too long to plan."""
    shifts, length = values.get("shifts"), values.get("shift_length_hours")
    if shifts and length and shifts * length * HOUR_MS > SPAN_YEARS * 366 * DAY:
        yield FieldError("/shifts", f"a rotation that is planned spans at most {SPAN_YEARS} years")
    if shifts and length and "start" in values and values.get("timezone"):
        longest = shifts * length + max(0, values.get("handoff_offset_hours", 0))
        if values["start"] + longest * HOUR_MS > LAST_INSTANT_MS - 31 * DAY:
            yield FieldError(
                "/shifts", "with timezone, the last handoff must be before December 9999"
            )
    if shifts and shifts * len(values.get("roles") or ()) > 10_000:
        yield FieldError("/roles", "shifts times roles is more than 10,000")
    for name, value in (("strategy", "fair"), ("role_order", "staggered")):
        what = f'{"roleOrder" if name == "role_order" else name} "{value}" takes at most'
        if values.get(name) == value and shifts and shifts > FAIR_SHIFTS:
            yield FieldError("/shifts", f"{what} {FAIR_SHIFTS:,} shifts")
        if values.get(name) == value and len(set(values.get("people") or ())) > FAIR_PEOPLE:
            yield FieldError("/people", f"{what} {FAIR_PEOPLE} people")
