"""The rules of a roster in a document, and what they are to the engine, each with its pointer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from app.engine.roster.model import (
    Apart,
    MaxConsecutive,
    MaxHours,
    MaxSlots,
    MinDaysOff,
    PairRule,
    Rest,
    Rule,
    Together,
)
from app.engine.rotation import milliseconds
from app.errors import FieldError
from app.http.validation import RequestModel
from app.products.numbers import hours_text
from app.products.roster.fields import ITEMS, Kind, PersonName

PAIRS = 200
DAYS = 366
MAX_HOURS = 8_784
WEIGHT = 1_000

Hours = Annotated[
    float, Meta(gt=0, le=MAX_HOURS, description="hours, exact to the minute", examples=[48])
]
RunOfDays = Annotated[
    float,
    Meta(ge=1, le=DAYS, multiple_of=1, description="in any so many days in a row", examples=[7]),
]
SomeDays = Annotated[
    float,
    Meta(
        ge=1,
        le=DAYS,
        multiple_of=1,
        description="in any so many days in a row; absent: in the whole roster",
        examples=[7],
    ),
]
OfKind = Annotated[Kind, Meta(description="of slots of this kind; absent: of all")]
Pair = Annotated[
    list[PersonName], Meta(min_length=2, max_length=2, description="two different people")
]


class MaxHoursDocument(RequestModel, frozen=True):
    """The most hours of one person."""

    hours: Hours
    days: SomeDays | None = None
    kind: OfKind | None = None


class MaxSlotsDocument(RequestModel, frozen=True):
    """The most slots of one person that start in some days."""

    count: Annotated[
        float,
        Meta(ge=0, le=1_000, multiple_of=1, description="how many slots at most", examples=[1]),
    ]
    days: SomeDays | None = None
    kind: OfKind | None = None


class MinDaysOffDocument(RequestModel, frozen=True):
    """The fewest whole days, from midnight to midnight, without any part of a slot."""

    count: Annotated[
        float, Meta(ge=1, le=DAYS, multiple_of=1, description="how many days", examples=[1])
    ]
    days: RunOfDays

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if {"count", "days"} <= values.keys() and values["count"] > values["days"]:
            yield FieldError("/count", "is more than days")


class RestAfterDocument(RequestModel, frozen=True):
    """Rest after slots of a kind."""

    kind: Kind
    hours: Hours


class RuleSet(RequestModel, frozen=True, rename="camel"):
    """Rules for each person, and for pairs of people. Nothing legal is assumed."""

    min_rest_hours: (
        Annotated[
            float,
            Meta(
                gt=0,
                le=MAX_HOURS,
                description="hours that pass between two slots of a person, at least",
                examples=[11],
            ),
        ]
        | None
    ) = None
    max_hours: (
        Annotated[
            list[MaxHoursDocument],
            Meta(max_length=ITEMS, description="at most so many hours"),
        ]
        | None
    ) = None
    max_slots: (
        Annotated[list[MaxSlotsDocument], Meta(max_length=ITEMS, description="at most so many")]
        | None
    ) = None
    max_consecutive: (
        Annotated[
            float,
            Meta(
                ge=1,
                le=DAYS,
                multiple_of=1,
                description="days in a row on which slots of a person start, at most",
                examples=[2],
            ),
        ]
        | None
    ) = None
    min_days_off: (
        Annotated[list[MinDaysOffDocument], Meta(max_length=ITEMS, description="days without")]
        | None
    ) = None
    rest_after: (
        Annotated[
            list[RestAfterDocument], Meta(max_length=ITEMS, description="rest after a kind of slot")
        ]
        | None
    ) = None
    apart: (
        Annotated[
            list[Pair],
            Meta(
                max_length=PAIRS,
                description="pairs of people who never have a slot at the same time",
                examples=[[["ana", "ben"]]],
            ),
        ]
        | None
    ) = None
    together: (
        Annotated[
            list[Pair],
            Meta(
                max_length=PAIRS,
                description="pairs of which one has a slot of several places only with the other",
                examples=[[["ana", "ben"]]],
            ),
        ]
        | None
    ) = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        for name in ("apart", "together"):
            for index, pair in enumerate(values.get(name) or ()):
                if pair[0] == pair[1]:
                    yield FieldError(f"/{name}/{index}/1", "is the same person")


class SoftRuleDocument(RequestModel, frozen=True):
    """Rules that may be broken, at a cost."""

    rule: Annotated[RuleSet, Meta(description="one rule, or several")]
    weight: (
        Annotated[
            float,
            Meta(
                ge=1,
                le=WEIGHT,
                multiple_of=1,
                description="what breaking it once costs, 1 if absent: the objective rules",
                examples=[3],
            ),
        ]
        | None
    ) = None


class RulesDocument(RuleSet, frozen=True, rename="camel"):
    """Rules that hold, and in ``soft`` those that may be broken at a cost."""

    soft: (
        Annotated[
            list[SoftRuleDocument],
            Meta(max_length=ITEMS, description="rules that may be broken at a cost"),
        ]
        | None
    ) = None


class NamedRule(NamedTuple):
    """A rule of the engine, where it stands in the document, and what it says."""

    rule: Rule
    pointer: str
    text: str
    weight: int = 0
    """What it costs to break it; 0 for a rule that holds."""


def named_rules(document: RulesDocument | None, numbers: Mapping[str, int]) -> list[NamedRule]:
    """Return the rules of a document; ``numbers`` has the people. The soft ones come last."""
    if document is None:
        return []
    found = list(_of_set(document, "/rules", numbers))
    for index, soft in enumerate(document.soft or ()):
        weight = int(soft.weight or 1)
        of_set = _of_set(soft.rule, f"/rules/soft/{index}/rule", numbers)
        found += [named._replace(weight=weight) for named in of_set]
    return found


def _of_set(rules: RuleSet, at: str, numbers: Mapping[str, int]) -> Iterator[NamedRule]:
    if rules.min_rest_hours is not None:
        yield NamedRule(
            Rest(milliseconds(rules.min_rest_hours)),
            f"{at}/minRestHours",
            f"minRestHours {hours_text(rules.min_rest_hours)}",
        )
    for n, most in enumerate(rules.max_hours or ()):
        rule = MaxHours(milliseconds(most.hours), int(most.days or 0), str(most.kind or ""))
        text = f"maxHours {hours_text(most.hours)}{_kind(rule.kind)}{_days(rule.days)}"
        yield NamedRule(rule, f"{at}/maxHours/{n}", text)
    for n, slots in enumerate(rules.max_slots or ()):
        counted = MaxSlots(int(slots.count), int(slots.days or 0), str(slots.kind or ""))
        text = f"maxSlots {counted.count}{_kind(counted.kind)}{_days(counted.days)}"
        yield NamedRule(counted, f"{at}/maxSlots/{n}", text)
    if rules.max_consecutive is not None:
        days = int(rules.max_consecutive)
        yield NamedRule(MaxConsecutive(days), f"{at}/maxConsecutive", f"maxConsecutive {days}")
    for n, off in enumerate(rules.min_days_off or ()):
        free = MinDaysOff(int(off.count), int(off.days))
        text = f"minDaysOff {free.count}{_days(free.days)}"
        yield NamedRule(free, f"{at}/minDaysOff/{n}", text)
    for n, after in enumerate(rules.rest_after or ()):
        rest = Rest(milliseconds(after.hours), after=str(after.kind))
        text = f"restAfter {after.kind} {hours_text(after.hours)}"
        yield NamedRule(rest, f"{at}/restAfter/{n}", text)
    yield from _pairs(Apart, rules.apart or (), f"{at}/apart", numbers)
    yield from _pairs(Together, rules.together or (), f"{at}/together", numbers)


def _pairs(
    kind: type[PairRule], pairs: Sequence[Sequence[str]], at: str, numbers: Mapping[str, int]
) -> Iterator[NamedRule]:
    for n, (one, other) in enumerate(pairs):
        text = f"{kind.__name__.lower()} {one} and {other}"
        yield NamedRule(kind(numbers[str(one)], numbers[str(other)]), f"{at}/{n}", text)


def _kind(kind: str) -> str:
    return f" of {kind}" if kind else ""


def _days(days: int) -> str:
    return f" in {days} days" if days else ""


def people_in_rules(rules: RulesDocument | None) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the name of every person in rules."""
    for at, each in _sets(rules):
        for name in ("apart", "together"):
            for index, pair in enumerate(getattr(each, name) or ()):
                for place, person in enumerate(pair):
                    yield f"{at}/{name}/{index}/{place}", str(person)


def kinds_in_rules(rules: RulesDocument | None) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the name of every kind in rules."""
    names = {"max_hours": "maxHours", "max_slots": "maxSlots", "rest_after": "restAfter"}
    for at, each in _sets(rules):
        for name, encoded in names.items():
            for index, item in enumerate(getattr(each, name) or ()):
                if item.kind is not None:
                    yield f"{at}/{encoded}/{index}/kind", str(item.kind)


def minutes_in_rules(rules: RulesDocument | None) -> Iterator[FieldError]:
    """Yield an error for hours that are no whole minutes."""
    for at, each in _sets(rules):
        given = [(f"{at}/minRestHours", each.min_rest_hours)]
        given += [
            (f"{at}/maxHours/{n}/hours", it.hours) for n, it in enumerate(each.max_hours or ())
        ]
        given += [
            (f"{at}/restAfter/{n}/hours", it.hours) for n, it in enumerate(each.rest_after or ())
        ]
        for pointer, hours in given:
            if hours is not None and milliseconds(hours) % 60_000:
                yield FieldError(pointer, "is not a whole number of minutes")


def _sets(rules: RulesDocument | None) -> Iterator[tuple[str, RuleSet]]:
    """Yield each set of rules with its pointer."""
    if rules is not None:
        yield "/rules", rules
        for index, soft in enumerate(rules.soft or ()):
            yield f"/rules/soft/{index}/rule", soft.rule
