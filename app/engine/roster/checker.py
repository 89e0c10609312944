"""What an assignment breaks, found by looking at each person's slots one rule at a time.

Strategy: nothing of what searches for assignments is used, so that this can be held against it.
Each rule has a function that goes through the slots of one person in their order. Of runs of days
that follow each other and are all over the limit, the one that is most over it is told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from app.engine.roster.model import (
    Apart,
    Assignment,
    MaxConsecutive,
    MaxHours,
    MaxSlots,
    MinDaysOff,
    PersonRule,
    Rest,
    Roster,
    Rule,
    Slot,
    Together,
)
from app.engine.walltime import DAY, ZoneClock, clock_of

Always = str
"""What holds without a rule: ``overlap``, ``away``, ``skill`` or ``most``."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that an assignment breaks.

    ``rule`` is the rule, or what always holds. ``slots`` are those concerned, in ``[start_at,
    end_at)``. There is ``amount`` where ``allowed`` is the limit: milliseconds of rest or of hours,
    slots or days. ``fixed`` says that fixed assignments alone break the rule as much.
    """

    rule: Rule | Always
    people: tuple[int, ...]
    slots: tuple[int, ...]
    start_at: int
    end_at: int
    amount: int = 0
    allowed: int = 0
    fixed: bool = False


Found = tuple[Sequence[int], int, int]
"""The slots of a violation, the amount, and what is allowed."""


def violations(roster: Roster, assignment: Assignment) -> list[Violation]:
    """Return everything that an assignment breaks: what always holds first, then rule by rule."""
    held = _held(assignment, len(roster.people))
    found = [*_always_broken(roster, assignment, held)]
    for rule in roster.rules:
        found += _broken(roster, rule, held)
    return found


def _held(assignment: Assignment, people: int) -> list[list[int]]:
    held: list[list[int]] = [[] for _ in range(people)]
    for slot, places in enumerate(assignment):
        for person in places:
            if person is not None:
                held[person].append(slot)
    return held


def _always_broken(
    roster: Roster, assignment: Assignment, held: Sequence[Sequence[int]]
) -> Iterator[Violation]:
    for slot, places in enumerate(assignment):
        for place, person in enumerate(places):
            if person is not None:
                yield from _unable(roster, slot, place, person)
    for person, slots in enumerate(held):
        for one, other in combinations(slots, 2):
            if one == other or _overlap(roster.slots[one], roster.slots[other]):
                yield _violation(roster, "overlap", (person,), (sorted({one, other}), 2, 1))
        most = roster.people[person].most_ms
        total = sum(roster.slots[slot].length for slot in slots)
        if most is not None and total > most:
            yield _violation(roster, "most", (person,), (slots, total, most))


def _unable(roster: Roster, slot: int, place: int, person: int) -> Iterator[Violation]:
    given, who = roster.slots[slot], roster.people[person]
    if any(start < given.end_at and given.start_at < end for start, end in who.away):
        yield _violation(roster, "away", (person,), ([slot], 1, 0))
    if given.needs[place] is not None and given.needs[place] not in who.skills:
        yield _violation(roster, "skill", (person,), ([slot], 1, 0))


def _broken(roster: Roster, rule: Rule, held: Sequence[Sequence[int]]) -> Iterator[Violation]:
    match rule:
        case Apart():
            yield from _not_apart(roster, rule, held)
        case Together(one, other):
            for slot in sorted(set(held[one]) ^ set(held[other])):
                if _both_can(roster, slot, one, other):
                    yield _violation(roster, rule, (one, other), ([slot], 1, 2))
        case _:
            clock = clock_of(roster.timezone)
            for person, slots in enumerate(held):
                order = sorted(slots, key=lambda slot: roster.slots[slot].start_at)
                for found in _broken_alone(rule, roster.slots, order, clock):
                    yield _violation(roster, rule, (person,), found)


def _not_apart(roster: Roster, rule: Apart, held: Sequence[Sequence[int]]) -> Iterator[Violation]:
    for a in held[rule.one]:
        for b in held[rule.other]:
            if _overlap(roster.slots[a], roster.slots[b]):
                yield _violation(roster, rule, (rule.one, rule.other), (sorted({a, b}), 2, 1))


def _broken_alone(
    rule: PersonRule, slots: Sequence[Slot], held: Sequence[int], clock: ZoneClock
) -> Iterator[Found]:
    match rule:
        case Rest():
            yield from _short_rests(rule, slots, held)
        case MaxHours():
            yield from _too_many_hours(rule, slots, held, clock)
        case MaxSlots():
            yield from _too_many_slots(rule, slots, held, clock)
        case MaxConsecutive():
            yield from _too_many_in_a_row(rule, slots, held, clock)
        case _:
            yield from _too_few_days_off(rule, slots, held, clock)


def _short_rests(rule: Rest, slots: Sequence[Slot], held: Sequence[int]) -> Iterator[Found]:
    for number, one in enumerate(held):
        for other in held[number + 1 :]:
            rest = slots[other].start_at - slots[one].end_at
            if rest >= rule.ms:
                break
            if rest >= 0 and slots[one].is_of(rule.after) and slots[other].is_of(rule.before):
                yield [one, other], rest, rule.ms


def _too_many_hours(
    rule: MaxHours, slots: Sequence[Slot], held: Sequence[int], clock: ZoneClock
) -> Iterator[Found]:
    mine = [slot for slot in held if slots[slot].is_of(rule.kind)]

    def inside(first: int, last: int) -> Found:
        opens, closes = clock.first_at(first * DAY), clock.first_at(last * DAY)
        parts = {
            slot: min(closes, slots[slot].end_at) - max(opens, slots[slot].start_at)
            for slot in mine
        }
        within = [slot for slot in mine if parts[slot] > 0]
        return within, sum(parts[slot] for slot in within), rule.ms

    if not rule.days:
        total = sum(slots[slot].length for slot in mine)
        yield from [(mine, total, rule.ms)] if total > rule.ms else []
    else:
        touched = sorted({day for slot in mine for day in _touched(slots[slot], clock)})
        yield from _worst(inside(day, day + rule.days) for day in _first_days(touched, rule.days))


def _too_many_slots(
    rule: MaxSlots, slots: Sequence[Slot], held: Sequence[int], clock: ZoneClock
) -> Iterator[Found]:
    mine = [slot for slot in held if slots[slot].is_of(rule.kind)]
    if not rule.days:
        yield from [(mine, len(mine), rule.count)] if len(mine) > rule.count else []
        return
    day_of = {slot: clock.wall(slots[slot].start_at) // DAY for slot in mine}
    windows = (
        [slot for slot in mine if day <= day_of[slot] < day + rule.days]
        for day in _first_days(sorted(day_of.values()), rule.days)
    )
    yield from _worst((within, len(within), rule.count) for within in windows)


def _too_many_in_a_row(
    rule: MaxConsecutive, slots: Sequence[Slot], held: Sequence[int], clock: ZoneClock
) -> Iterator[Found]:
    mine = [slot for slot in held if slots[slot].is_of(rule.kind)]
    day_of = {slot: clock.wall(slots[slot].start_at) // DAY for slot in mine}
    days = sorted(set(day_of.values()))
    begins = [day for day in days if day - 1 not in days]
    for begin in begins:
        length = next(run for run in range(1, len(days) + 2) if begin + run not in days)
        if length > rule.days:
            run = range(begin, begin + length)
            yield [slot for slot in mine if day_of[slot] in run], length, rule.days


def _too_few_days_off(
    rule: MinDaysOff, slots: Sequence[Slot], held: Sequence[int], clock: ZoneClock
) -> Iterator[Found]:
    touched = {slot: _touched(slots[slot], clock) for slot in held}
    worked = sorted({day for days in touched.values() for day in days})
    windows: list[Found] = []
    for first in _first_days(worked, rule.days):
        run = range(first, first + rule.days)
        within = [slot for slot in held if any(day in run for day in touched[slot])]
        windows.append((within, sum(day in run for day in worked), rule.days - rule.count))
    for concerned, days, most in _worst(iter(windows)):
        yield concerned, rule.days - days, rule.days - most


def _first_days(days: Sequence[int], length: int) -> Sequence[int]:
    """Return the first days of all runs of ``length`` that have one of ``days``."""
    return sorted({first for day in days for first in range(day - length + 1, day + 1)})


def _worst(windows: Iterator[Found]) -> Iterator[Found]:
    """Yield the windows over their limit; of those that follow each other, the one most over it."""
    worst: Found | None = None
    for window in windows:
        if window[1] <= window[2]:
            if worst:
                yield worst
            worst = None
        elif worst is None or window[1] > worst[1]:
            worst = window
    if worst:
        yield worst


def _touched(slot: Slot, clock: ZoneClock) -> range:
    return range(clock.wall(slot.start_at) // DAY, clock.wall(slot.end_at - 1) // DAY + 1)


def _overlap(one: Slot, other: Slot) -> bool:
    return one.start_at < other.end_at and other.start_at < one.end_at


def _both_can(roster: Roster, slot: int, one: int, other: int) -> bool:
    """Tell whether two people can have two different places of a slot."""
    given = roster.slots[slot]
    can = []
    for who in (roster.people[one], roster.people[other]):
        away = any(start < given.end_at and given.start_at < end for start, end in who.away)
        fits = {n for n, skill in enumerate(given.needs) if skill is None or skill in who.skills}
        can.append(set() if away else fits)
    return any(a != b for a in can[0] for b in can[1])


def _violation(
    roster: Roster, rule: Rule | Always, people: tuple[int, ...], found: Found
) -> Violation:
    slots, amount, allowed = found
    return Violation(
        rule,
        people,
        tuple(slots),
        min(roster.slots[slot].start_at for slot in slots),
        max(roster.slots[slot].end_at for slot in slots),
        amount,
        allowed,
        _is_fixed(roster, rule, people, slots),
    )


def _is_fixed(
    roster: Roster, rule: Rule | Always, people: Sequence[int], slots: Sequence[int]
) -> bool:
    """Tell whether fixed assignments alone break a rule as much.

    For two people one of them is enough, and where days are counted what adds no day does not.
    """
    if isinstance(rule, Apart | Together):
        return all(any((slot, person) in roster.fixed for person in people) for slot in slots)
    fixed = [slot for slot in slots if (slot, people[0]) in roster.fixed]
    if isinstance(rule, MaxConsecutive | MinDaysOff):
        return _days_of(roster, rule, fixed) == _days_of(roster, rule, slots)
    return len(fixed) == len(slots)


def _days_of(roster: Roster, rule: MaxConsecutive | MinDaysOff, slots: Sequence[int]) -> set[int]:
    clock = clock_of(roster.timezone)
    touched = [_touched(roster.slots[slot], clock) for slot in slots]
    if isinstance(rule, MaxConsecutive):
        return {days.start for days in touched}
    return {day for days in touched for day in days}
