"""The request for a check of a roster that exists, and what it is to the engine."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Annotated, Any, ClassVar, Protocol

from msgspec import Meta

from app.engine.intervals import Interval, merged
from app.engine.roster.checker import Violation
from app.engine.roster.loads import Points
from app.engine.roster.model import Assignment, Roster, Rule, Slot
from app.errors import FieldError
from app.http.validation import RequestModel, pointer_to, valid_items
from app.products.roster.document import HOLIDAY, point_errors, rule_errors, unknown_names
from app.products.roster.fields import ABSENCES, End, PersonName, Start, stretch_errors
from app.products.roster.held import Held, HeldRequest, HeldWork, held_in
from app.products.roster.people import engine_points
from app.products.roster.rules import (
    NamedRule,
    RulesDocument,
    kinds_in_rules,
    named_rules,
    people_in_rules,
)
from app.products.roster.understood_held import UnderstoodHeld, understood_held


class AbsentDocument(RequestModel, frozen=True):
    """When somebody can have nothing."""

    person: PersonName
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


class CheckRequest(HeldRequest, frozen=True, kw_only=True, dict=True):
    """A roster that exists, and the rules that it is held against."""

    rules: (
        Annotated[RulesDocument, Meta(description="what holds for each person and each pair")]
        | None
    ) = None
    unavailable: (
        Annotated[
            list[AbsentDocument],
            Meta(max_length=ABSENCES, description="absences by person, beside those of people"),
        ]
        | None
    ) = None
    points: (
        Annotated[
            dict[str, Any],
            Meta(
                description="what a stretch is worth, by kind, 1 if absent; holiday: one that "
                "touches a holiday of the person, if that is more",
                examples=[{"holiday": 3}],
                extra_json_schema={
                    "additionalProperties": {"type": "number", "minimum": 0, "maximum": 100}
                },
            ),
        ]
        | None
    ) = None

    synonyms: ClassVar[Mapping[str, str]] = {
        **HeldRequest.synonyms,
        "constraints": "rules",
        "absences": "unavailable",
        "away": "unavailable",
        "pto": "unavailable",
        "vacations": "unavailable",
    }

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from chain(
            super().cross_field_errors(values),
            rule_errors(values),
            point_errors(values),
            _name_errors(values),
            _kind_errors(values),
        )

    @cached_property
    def checked(self) -> "Checked":
        """What is checked. Raises ``InvalidRequest``."""
        return _checked(self)

    @property
    def understood(self) -> UnderstoodHeld:
        return understood_held(self.checked.held, str(self.timezone))


@dataclass(frozen=True)
class Checked:
    """A roster of the engine and its assignment; ``work`` has the stretches of each slot."""

    held: Held
    roster: Roster
    assignment: Assignment
    work: Sequence[Sequence[HeldWork]]
    points: Points
    rules: Mapping[Rule, NamedRule]

    def weight(self, broken: Violation) -> int:
        """Return what breaking a soft rule costs; 0 for what holds."""
        return 0 if isinstance(broken.rule, str) else self.rules[broken.rule].weight


def _name_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for names of people who have nothing and are not among ``people``."""
    if {"assignments", "people", "schedule"} <= values.keys():
        yield from unknown_names(_names(values), known_names(values))


def known_names(values: Mapping[str, Any]) -> Mapping[str, None]:
    """Return everybody who is among ``people``, or has something."""
    names = {str(person.name): None for person in values["people"] or ()}
    held = values["assignments"] or ()
    names |= {name: None for each in held for name, _ in each.places}
    return names | dict.fromkeys(values["schedule"].people if values["schedule"] else ())


def _names(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from people_in_rules(values.get("rules"))
    for index, absent in valid_items(values, "unavailable"):
        yield f"/unavailable/{index}/person", str(absent.person)


def _kind_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if "assignments" not in values:
        return
    known = {str(each.kind) for each in values["assignments"] or () if each.kind is not None}
    named = [(pointer_to("/points", kind), kind) for kind in values.get("points") or ()]
    for pointer, kind in [*kinds_in_rules(values.get("rules")), *named]:
        if kind not in known and (pointer, kind) != (f"/points/{HOLIDAY}", HOLIDAY):
            yield FieldError(pointer, "is not the kind of any assignment")


def _checked(request: CheckRequest) -> Checked:
    return checked_of(request, with_absences(held_in(request), request.unavailable or ()))


class Absence(Protocol):
    """Who can have nothing in ``[start, end)``."""

    @property
    def person(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def with_absences(held: Held, absences: Iterable[Absence]) -> Held:
    """Return who has what, with absences beside those of people."""
    away: dict[str, list[Interval]] = defaultdict(list)
    for absent in absences:
        away[str(absent.person)].append((absent.start, absent.end))
    people = {
        name: replace(person, away=tuple(merged(sorted([*person.away, *away[name]]))))
        for name, person in held.people.items()
    }
    return replace(held, people=people)


def checked_of(request: CheckRequest, held: Held) -> Checked:
    """Return the roster and the assignment that ``held`` is, with the rules of a request."""
    numbers = {name: number for number, name in enumerate(held.people)}
    slots, work = _slots(held, knows_skills=request.people is not None)
    rules = named_rules(request.rules, numbers)
    roster = Roster(
        slots,
        list(held.people.values()),
        (),
        tuple(dict.fromkeys(named.rule for named in rules)),
        timezone=str(request.timezone),
    )
    return Checked(
        held,
        roster,
        tuple(tuple(numbers[each.person] for each in own) for own in work),
        work,
        engine_points(request.points),
        {named.rule: named for named in reversed(rules)},
    )


def _slots(
    held: Held, *, knows_skills: bool
) -> tuple[Sequence[Slot], Sequence[Sequence[HeldWork]]]:
    """Return a slot for what is held at the same time and of the same kind, and who has it.

    What one person has twice is two slots: they overlap. Skills are only asked for where it is
    known who has them.
    """
    together: dict[tuple[int, int, str, int], list[HeldWork]] = defaultdict(list)
    seen: dict[tuple[int, int, str, str], int] = defaultdict(int)
    for each in held.work:
        key = (each.start_at, each.end_at, each.kind)
        together[*key, seen[*key, each.person]].append(each)
        seen[*key, each.person] += 1
    order = sorted(together.items(), key=lambda item: item[0])
    slots = [
        Slot(start, end, kind, tuple(each.skill if knows_skills else None for each in own))
        for (start, end, kind, _), own in order
    ]
    return slots, [own for _, own in order]
