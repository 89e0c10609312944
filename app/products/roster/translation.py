"""What a request for a roster means to the engine, with the errors that only slots can show.

Strategy: everything that names a slot, a kind or a person becomes a number here, once for all
products; answers are written from what is found here and nothing is looked up again.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from app.engine.roster.able import choice_count
from app.engine.roster.keeping import still_possible
from app.engine.roster.loads import Points
from app.engine.roster.model import Person, Roster, Rule, Slot
from app.engine.roster.patterns import unfolded, weekday_of
from app.engine.roster.standard import NAMES, SLOT, Wishes, levels_named
from app.engine.walltime import DAY, ZoneClock, clock_of
from app.errors import FieldError, InvalidRequest
from app.formats.instants import local_iso_texts
from app.products.holiday_calendars import local_days
from app.products.holiday_fields import years_without_holidays
from app.products.roster.document import (
    FixedSlotDocument,
    PreviousSlotDocument,
    RosterDocument,
)
from app.products.roster.fields import WishDocument
from app.products.roster.people import (
    calendars_in,
    engine_person,
    engine_points,
    minutes_ms,
)
from app.products.roster.rules import NamedRule, named_rules

CHOICES = 35_000
"""The most pairs of a place and a person who can take it: what a worker has the memory for."""
PLACES = 10_000
"""The most places in all, whoever can take them."""
PAIRS = 150_000
"""The most pairs of a slot and a person of whom it is asked whether they can take it."""
SMALL = 2_500
SMALL_SECONDS, LARGE_SECONDS = 2.0, 8.0
"""The deterministic time for rosters of at most ``SMALL`` choices, and for larger ones."""
MAX_WARNINGS = 50


@dataclass(frozen=True)
class Translated:
    """A roster of the engine, and what the document calls its parts.

    ``base`` is the roster without objectives. ``before`` are the pairs of person and slot that
    were, ``slots_before`` the slots of which it was said who had them, if anybody, and ``kept``
    those of slot and person that have to stay.
    """

    base: Roster
    objectives: Sequence[str]
    points: Points
    rules: Mapping[Rule, NamedRule]
    soft: Sequence[NamedRule]
    wishes: Wishes
    before: frozenset[tuple[int, int]]
    slots_before: frozenset[int]
    kept: frozenset[tuple[int, int]]
    has_previous: bool
    days: range
    calendars: Sequence[str]
    choices: int
    warnings: Sequence[str]

    @cached_property
    def roster(self) -> Roster:
        """The roster with its objectives, which take as long to find as all else."""
        return replace(self.base, levels=levels_named(self.base, self.wishes, self.objectives))

    @property
    def seconds(self) -> float:
        """The deterministic time that the solver is given."""
        return SMALL_SECONDS if self.choices <= SMALL else LARGE_SECONDS


def translated(request: RosterDocument) -> Translated:
    """Translate a request. Raises ``InvalidRequest``."""
    slots = slots_of(request)
    if not slots:
        raise InvalidRequest([FieldError("/pattern", "has no slot from from to to")])
    places = sum(len(slot.needs) for slot in slots)
    if places > PLACES:
        more = f"has {places:,} places in all: at most {PLACES:,} are solved"
        raise InvalidRequest([FieldError("", more)])
    if len(slots) * len(request.people) > PAIRS:
        raise InvalidRequest([_too_many(f"{len(slots) * len(request.people):,} of all", PAIRS)])
    clock = clock_of(request.timezone)
    window = slots[0].start_at, max(slot.end_at for slot in slots)
    days = local_days(clock, *window)
    people = [
        engine_person(person, window, request.holidays, days, clock) for person in request.people
    ]
    return _Translator(request, slots, people, days, clock).translated()


def slots_of(request: RosterDocument) -> Sequence[Slot]:
    """Return the slots of a request in order of their start: those of patterns, and single ones."""
    single = [slot.slot() for slot in request.slots or ()]
    patterns = [pattern.pattern() for pattern in request.pattern or ()]
    recurring: Sequence[Slot] = ()
    if patterns and request.from_at is not None and request.to_at is not None:
        clock, start, end = clock_of(request.timezone), request.from_at, request.to_at
        days = range(clock.wall(start) // DAY, clock.wall(end - 1) // DAY + 1)
        recurring = [
            slot for slot in unfolded(patterns, clock, days) if start <= slot.start_at < end
        ]
    return sorted([*recurring, *single], key=lambda slot: (slot.start_at, slot.end_at))


def _too_many(count: str, most: int) -> FieldError:
    return FieldError(
        "",
        f"has {count} pairs of a place and a person who can take it (`understood.choices`): at "
        f"most {most:,} are solved. Ask for less time, or for fewer people at once",
    )


@dataclass(frozen=True)
class _Translator:
    request: RosterDocument
    slots: Sequence[Slot]
    people: Sequence[Person]
    days: range
    clock: ZoneClock

    def translated(self) -> Translated:
        numbers = {person.name: number for number, person in enumerate(self.people)}
        rules = named_rules(self.request.rules, numbers)
        hard = [named for named in rules if not named.weight]
        errors: list[FieldError] = []
        fixed = self._fixed(numbers, errors)
        warnings: list[str] = []
        people = self._carrying(numbers, warnings)
        roster = Roster(
            self.slots,
            people,
            (),
            tuple(dict.fromkeys(named.rule for named in hard)),
            fixed,
            self.request.timezone,
        )
        before = self._before(numbers, errors, warnings)
        choices = choice_count(roster)
        if choices > CHOICES:
            errors.append(_too_many(f"{choices:,}", CHOICES))
        if errors:
            raise InvalidRequest(errors)
        return self._whole(roster, rules, before, choices, warnings)

    def _whole(
        self,
        roster: Roster,
        rules: Sequence[NamedRule],
        before: "_Before",
        choices: int,
        warnings: list[str],
    ) -> Translated:
        """Return the translation with objectives, and with what has to stay."""
        soft = [named for named in rules if named.weight]
        points = engine_points(self.request.points)
        wishes = Wishes(
            points,
            {
                number: minutes_ms(person.target_hours)
                for number, person in enumerate(self.request.people)
                if person.target_hours is not None
            },
            dict(self._costs()),
            [(named.rule, named.weight) for named in soft],
            before.pairs,
        )
        previous = self.request.previous
        kept: frozenset[tuple[int, int]] = frozenset()
        if previous and previous.keep == "must":
            kept = still_possible(roster, [(slot, person) for person, slot in before.pairs])
        objectives = self._objectives(wishes)
        calendars = calendars_in(self.request.people, self.request.holidays)
        warnings += [
            f"No holiday of {code} is known around these days."
            for code in years_without_holidays(calendars, self.days)
        ]
        if objectives[0] != "coverage":
            warnings.append(f"{objectives[0]} comes before coverage: empty slots make it better.")
        return Translated(
            base=replace(roster, fixed=roster.fixed | kept),
            objectives=objectives,
            points=points,
            rules={named.rule: named for named in reversed(rules)},
            soft=soft,
            wishes=wishes,
            before=before.pairs,
            slots_before=before.slots,
            kept=kept,
            has_previous=previous is not None and previous.assignments is not None,
            days=self.days,
            calendars=calendars,
            choices=choices,
            warnings=warnings[:MAX_WARNINGS],
        )

    def _objectives(self, wishes: Wishes) -> Sequence[str]:
        """Return the objectives in their order; without any given, those that say something."""
        if self.request.objectives is not None:
            return self.request.objectives
        keep = self.request.previous and self.request.previous.keep
        idle = {
            "rules": not wishes.soft,
            "preferences": not wishes.costs,
            "stability": keep != "prefer",
        }
        return [name for name in NAMES if not idle.get(name)]

    def _fixed(
        self, numbers: Mapping[str, int], errors: list[FieldError]
    ) -> frozenset[tuple[int, int]]:
        found: set[tuple[int, int]] = set()
        counts: dict[int, int] = defaultdict(int)
        for index, item in enumerate(self.request.fixed or ()):
            slot = self._slot(item)
            if isinstance(slot, str):
                errors.append(FieldError(f"/fixed/{index}", slot))
                continue
            pair = slot, numbers[str(item.person)]
            if pair in found:
                errors.append(FieldError(f"/fixed/{index}", "is fixed already"))
            elif counts[slot] >= len(self.slots[slot].needs):
                errors.append(FieldError(f"/fixed/{index}", "is one more than the slot has places"))
            else:
                found.add(pair)
                counts[slot] += 1
        return frozenset(found)

    def _slot(self, item: FixedSlotDocument | PreviousSlotDocument) -> int | str:
        """Return the slot that is meant, or what is wrong."""
        if item.start is not None:
            found = self._starting.get(item.start, [])
            if item.kind is not None:
                found = [slot for slot in found if self.slots[slot].kind == item.kind]
            if item.slot is not None and int(item.slot) - 1 in found:
                return int(item.slot) - 1
            if len(found) == 1:
                return found[0]
            if found:
                return f"is one of {len(found)} slots that start then: say its kind, or its number"
            kind = f" of kind {item.kind}" if item.kind is not None else ""
            return f"is no slot{kind}: none starts then"
        number = int(item.slot or 0)
        if number > len(self.slots):
            return f"is after the last slot, {len(self.slots):,}"
        return number - 1

    @cached_property
    def _starting(self) -> Mapping[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for number, slot in enumerate(self.slots):
            found[slot.start_at].append(number)
        return found

    def _before(
        self, numbers: Mapping[str, int], errors: list[FieldError], warnings: list[str]
    ) -> "_Before":
        """Return who had which slots in the roster before.

        A slot that is there no more, or a person who is not, is only warned of.
        """
        previous = self.request.previous
        found: set[tuple[int, int]] = set()
        slots: set[int] = set()
        for index, item in enumerate((previous and previous.assignments) or ()):
            slot = self._slot(item)
            where = f"/previous/assignments/{index}"
            if isinstance(slot, str):
                if slot.startswith("is one of"):
                    errors.append(FieldError(where, slot))
                else:
                    warnings.append(f"{where} {slot}.")
                continue
            slots.add(slot)
            for name in item.names:
                if name in numbers:
                    found.add((numbers[name], slot))
                else:
                    warnings.append(f"{where}: {name} is not one of people any more.")
        return _Before(frozenset(found), frozenset(slots))

    def _carrying(self, numbers: Mapping[str, int], warnings: list[str]) -> Sequence[Person]:
        """Return the people with what they carry over."""
        previous = self.request.previous
        carried = (previous and previous.carry_over) or {}
        people = list(self.people)
        for name, own in carried.items():
            if name in numbers:
                number = numbers[name]
                people[number] = replace(people[number], carried=engine_carried(own))
            else:
                warnings.append(f"/previous/carryOver: {name} is not one of people any more.")
        return people

    def _costs(self) -> Iterator[tuple[tuple[int, int], int]]:
        """Yield 1 for each person and slot that is avoided, -1 for each that is preferred."""
        weekdays = [weekday_of(self.clock.wall(slot.start_at) // DAY) for slot in self.slots]
        for number, person in enumerate(self.request.people):
            for slot, weekday in enumerate(weekdays):
                avoided, preferred = (
                    any(_is_meant(wish, self.slots[slot], weekday) for wish in wishes or ())
                    for wishes in (person.avoid, person.prefer)
                )
                if avoided != preferred:
                    yield (number, slot), 1 if avoided else -1


class _Before(NamedTuple):
    """The pairs of person and slot of a roster before, and the slots that it tells of."""

    pairs: frozenset[tuple[int, int]]
    slots: frozenset[int]


def _is_meant(wish: WishDocument, slot: Slot, weekday: int) -> bool:
    """Tell whether a wish is about a slot that starts on a day of the week."""
    is_kind = wish.kind is None or slot.kind == wish.kind
    return is_kind and (wish.days is None or weekday in wish.days)


def engine_carried(own: Mapping[str, Any]) -> Mapping[str, int]:
    """Return what one person carries over by the names of the engine's counters."""
    lengths = ("hours", "nights", "weekends", "holidays")
    found = {name: minutes_ms(own[name]) for name in lengths if name in own}
    if "holidaySlots" in own:
        found["holiday slots"] = round(Fraction(str(own["holidaySlots"])) * SLOT)
    for kind, count in own.get("kinds", {}).items():
        found[f"kind {kind}"] = round(Fraction(str(count)) * SLOT)
    return found


def local_texts(clock: ZoneClock, slots: Sequence[Slot]) -> Sequence[tuple[str, str]]:
    """Return start and end of each slot in local time."""
    starts = local_iso_texts(clock, [slot.start_at for slot in slots])
    ends = local_iso_texts(clock, [slot.end_at for slot in slots])
    return list(zip(starts, ends, strict=True))
