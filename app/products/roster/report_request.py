"""The request for a report of hours and money, and its rates for the engine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from app.engine.layered.model import Restriction
from app.engine.layered.restrictions import recurring_windows, windows_between
from app.engine.layered.tally import WEEKEND
from app.engine.pay import Rate, Within
from app.engine.walltime import DAY
from app.errors import FieldError
from app.http.scalars import Name, WindowEnd
from app.http.validation import RequestModel, valid_items
from app.products.holiday_calendars import holiday_intervals
from app.products.roster.document import unknown_name
from app.products.roster.fields import Kind, PersonName, WeekDay
from app.products.roster.held import Held, HeldRequest, held_in
from app.products.roster.understood_held import UnderstoodHeld, understood_held

RATES = 50
MAX_MONEY = 1_000_000
DECIMALS = 4
PAYMENTS = ("rate", "perHour", "perShift", "multiplier")

Money = Annotated[
    float,
    Meta(ge=0, le=MAX_MONEY, description="money, at most 6 decimals, at most 1,000,000"),
]


class WhenDocument(RequestModel, frozen=True):
    """What a rate is for: everything that is said must hold."""

    holiday: (
        Annotated[
            bool,
            Meta(
                description="on a public holiday of the person; false: not on one", examples=[True]
            ),
        ]
        | None
    ) = None
    weekend: (
        Annotated[
            bool,
            Meta(
                description="on Saturday and Sunday, local; false: on other days", examples=[True]
            ),
        ]
        | None
    ) = None
    between: (
        Annotated[
            list[Annotated[WindowEnd, Meta(description='a local time such as "22:00"')]],
            Meta(
                min_length=2,
                max_length=2,
                description="local times of day, over midnight if the second is not later",
                examples=[["22:00", "06:00"]],
            ),
        ]
        | None
    ) = None
    days: (
        Annotated[
            list[WeekDay],
            Meta(
                min_length=1,
                max_length=7,
                description="local days of the week; with between: on which it begins",
                examples=[["sun"]],
            ),
        ]
        | None
    ) = None
    kind: Kind | None = None
    role: (
        Annotated[Name, Meta(description="a role of assignments", examples=["primary"])] | None
    ) = None
    person: PersonName | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        between = values.get("between")
        if between is not None and between[0] in (DAY, between[1]):
            yield FieldError("/between", "is no part of a day: write two different times")
        names = cls.__struct_fields__
        if values.keys() >= set(names) and all(values[name] is None for name in names):
            yield FieldError("", "is empty: leave when out for what is left")


class RateDocument(RequestModel, frozen=True, rename="camel"):
    """A rule of pay. Time goes to the first that it is for."""

    name: (
        Annotated[
            Name,
            Meta(
                description="what it is called; absent: rate and its number", examples=["holiday"]
            ),
        ]
        | None
    ) = None
    when: (
        Annotated[WhenDocument, Meta(description="what it is for; absent: for all that is left")]
        | None
    ) = None
    rate: (
        Annotated[Money, Meta(description="money an hour; the same as perHour", examples=[4.5])]
        | None
    ) = None
    per_hour: Annotated[Money, Meta(description="money an hour", examples=[4.5])] | None = None
    per_shift: (
        Annotated[
            Money, Meta(description="money for each shift that has a part in it", examples=[50])
        ]
        | None
    ) = None
    multiplier: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=100,
                description="times the base: rate of the request, or of the rule without when",
                examples=[2],
            ),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        names = {"rate": "rate", "per_hour": "perHour", "per_shift": "perShift"}
        names["multiplier"] = "multiplier"
        given = [encoded for name, encoded in names.items() if values.get(name) is not None]
        if len(given) > 1:
            yield FieldError(f"/{given[1]}", f"says what is paid, as {given[0]} does")
        elif not given and names.keys() <= values.keys():
            yield FieldError("", f"says nothing of pay: one of {', '.join(PAYMENTS)} is required")
        for name, encoded in names.items():
            number = values.get(name)
            if number is not None and round(number, 6) != number:
                yield FieldError(f"/{encoded}", "is finer than six decimals")

    @property
    def hourly(self) -> Decimal | None:
        """The money an hour; ``None`` if it is paid by the shift, or by the base."""
        given = self.rate if self.rate is not None else self.per_hour
        return None if given is None else decimal_of(given)


class ReportRequest(HeldRequest, frozen=True, kw_only=True, dict=True):
    """A roster that exists, and what its hours are paid."""

    rates: Annotated[
        list[RateDocument],
        Meta(
            min_length=1,
            max_length=RATES,
            description="1 to 50 rules in their order: the first that time is for has it",
        ),
    ]
    rate: (
        Annotated[Money, Meta(description="the base of multipliers, an hour", examples=[4.5])]
        | None
    ) = None
    currency: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=10,
                description="of all money, given back as it is",
                examples=["EUR"],
            ),
        ]
        | None
    ) = None
    decimals: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=DECIMALS,
                description="of amounts, which are rounded half up, one by one; 2 if absent",
                examples=[2],
            ),
        ]
        | None
    ) = None

    synonyms: ClassVar[Mapping[str, str]] = {
        **HeldRequest.synonyms,
        "rules": "rates",
        "payrules": "rates",
        "base": "rate",
        "hourlyrate": "rate",
    }

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from chain(
            super().cross_field_errors(values), _reach_errors(values), _base_errors(values)
        )
        yield from _name_errors(values)

    @cached_property
    def held(self) -> Held:
        """Who has what. Raises ``InvalidRequest``."""
        return held_in(self)

    @property
    def understood(self) -> UnderstoodHeld:
        return understood_held(self.held, str(self.timezone))

    @property
    def base(self) -> Decimal:
        """The money an hour that multipliers are of."""
        if self.rate is not None:
            return decimal_of(self.rate)
        plain = (each.hourly for each in self.rates if each.when is None)
        return next((hourly for hourly in plain if hourly is not None), Decimal(0))

    def engine_rates(self) -> Sequence[Rate]:
        """Return the rules of pay for the engine."""
        return [_engine_rate(each.when or WhenDocument(), self.held) for each in self.rates]


def _reach_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each rule that comes after one for everything."""
    reached = True
    for index, rate in enumerate(values.get("rates") or ()):
        if not reached:
            yield FieldError(f"/rates/{index}", "is never reached: a rule before has no when")
        reached = reached and rate.when is not None


def _base_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for multipliers of nothing."""
    if "rates" not in values or values.get("rate", 0) is not None:
        return
    if any(each.when is None and each.hourly is not None for each in values["rates"]):
        return
    for index, rate in enumerate(values["rates"]):
        if rate.multiplier is not None:
            yield FieldError(
                f"/rates/{index}/multiplier",
                "is of no base: give rate, or a last rule without when that has one",
            )


def _name_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for kinds and roles that no assignment has, and for people who are not any."""
    if "assignments" not in values:
        return
    held = values["assignments"] or ()
    known = {
        "kind": {str(each.kind) for each in held if each.kind is not None},
        "role": {str(each.role) for each in held if each.role is not None},
    }
    people = _people_in(values)
    for index, rate in valid_items(values, "rates"):
        for name, names in known.items():
            said = rate.when and getattr(rate.when, name)
            if said is not None and said not in names:
                where = f"/rates/{index}/when/{name}"
                yield FieldError(where, f"is not the {name} of any assignment")
        person = rate.when and rate.when.person
        wrong = unknown_name(str(person), people) if person is not None and people else None
        if wrong:
            yield FieldError(f"/rates/{index}/when/person", wrong)


def _people_in(values: Mapping[str, Any]) -> Mapping[str, None]:
    """Return the names of all people; none if they are not known before a schedule is laid out."""
    if values.get("people"):
        return {str(person.name): None for person in values["people"]}
    held = values["assignments"] or ()
    return {name: None for each in held for name, _ in each.places}


def decimal_of(number: float) -> Decimal:
    """Return a number exactly as written: 0.1 is a tenth."""
    return Decimal(str(number))


def _engine_rate(when: WhenDocument, held: Held) -> Rate:
    """Return what a rule is for, with its windows laid out over the time of the roster."""
    fixed: list[Within] = []
    if when.weekend is not None:
        fixed.append(Within(_windows(WEEKEND, held), outside=not when.weekend))
    if when.between is not None or when.days is not None:
        start, end = map(int, when.between or (0, DAY))
        days = tuple(sorted(map(int, when.days))) if when.days else ()
        fixed.append(Within(_windows(Restriction(start, end, days), held)))
    return Rate(
        str(when.person or ""),
        str(when.kind or ""),
        str(when.role or ""),
        _times(when, held, fixed),
    )


def _times(
    when: WhenDocument, held: Held, fixed: Sequence[Within]
) -> Callable[[str], Sequence[Within]]:
    """Return what tells when a rule is for somebody: holidays are by person."""
    if when.holiday is None:
        return lambda _: fixed
    by_calendar = {
        code: Within(
            holiday_intervals(code, held.days, held.clock) if code else (),
            outside=not when.holiday,
        )
        for code in {*held.calendars.values()}
    }
    return lambda person: [*fixed, by_calendar[held.calendars[person]]]


def _windows(restriction: Restriction, held: Held) -> Sequence[tuple[int, int]]:
    recurring = recurring_windows([restriction])
    return windows_between(recurring, held.clock, held.start_at, held.end_at)
