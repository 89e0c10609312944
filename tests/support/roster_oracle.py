"""Rosters judged by their words alone: an own checker, own objective values, brute force.

Nothing of the engine is imported. Rosters are read by the names of their fields, days and holidays
by ``datetime``.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import combinations, permutations, product
from typing import Any
from zoneinfo import ZoneInfo

HOUR = 3_600_000
EPOCH = date(1970, 1, 1)

Assignment = tuple[tuple[int | None, ...], ...]


def kind(thing: Any) -> str:
    return type(thing).__name__


def local(roster: Any, at: int) -> datetime:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return instant.astimezone(ZoneInfo(roster.timezone))


def start_day(roster: Any, slot: int) -> int:
    return (local(roster, roster.slots[slot].start_at).date() - EPOCH).days


def touched(roster: Any, slot: int) -> set[int]:
    last = (local(roster, roster.slots[slot].end_at - 1).date() - EPOCH).days
    return set(range(start_day(roster, slot), last + 1))


def midnight(roster: Any, day: int) -> int:
    naive = datetime.combine(EPOCH + timedelta(days=day), datetime.min.time())
    at = naive.replace(tzinfo=ZoneInfo(roster.timezone)).astimezone(UTC)
    return round(at.timestamp() * 1000)


def slots_of(assignment: Assignment, person: int) -> list[int]:
    return [slot for slot, people in enumerate(assignment) if person in people]


def about(slot: Any, name: str) -> bool:
    return name in ("", slot.kind) or name in slot.tags


def overlapping(one: Any, other: Any) -> bool:
    return max(one.start_at, other.start_at) < min(one.end_at, other.end_at)


def windows(roster: Any, rule: Any, held: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield what somebody has of a rule in each window that the roster has, and what is allowed."""
    slots = roster.slots
    if kind(rule) == "Rest":
        for one, other in permutations(range(len(slots)), 2):
            rest = slots[other].start_at - slots[one].end_at
            named = about(slots[one], rule.after) and about(slots[other], rule.before)
            if named and 0 <= rest < rule.ms:
                yield (one in held) + (other in held), 1
    elif kind(rule) == "MinDaysOff":
        worked = {day for slot in held for day in touched(roster, slot)}
        every = {day for slot in range(len(slots)) for day in touched(roster, slot)}
        for run in runs(every, rule.days):
            yield len(worked & run), rule.days - rule.count
    else:
        yield from windows_of_kind(roster, rule, held)


def windows_of_kind(roster: Any, rule: Any, held: Sequence[int]) -> Iterator[tuple[int, int]]:
    slots = roster.slots
    named = [slot for slot in range(len(slots)) if about(slots[slot], rule.kind)]
    mine = [slot for slot in named if slot in held]
    starts = {start_day(roster, slot) for slot in named}
    if kind(rule) == "MaxConsecutive":
        for run in runs(starts, rule.days + 1):
            if run <= starts:
                yield len({start_day(roster, slot) for slot in mine} & run), rule.days
    elif kind(rule) == "MaxSlots":
        for run in runs(starts, rule.days) if rule.days else [starts]:
            yield sum(start_day(roster, slot) in run for slot in mine), rule.count
    elif not rule.days:
        yield sum(slots[slot].end_at - slots[slot].start_at for slot in mine), rule.ms
    else:
        for run in runs({day for slot in named for day in touched(roster, slot)}, rule.days):
            opens, closes = midnight(roster, min(run)), midnight(roster, max(run) + 1)
            parts = [
                min(slots[slot].end_at, closes) - max(slots[slot].start_at, opens) for slot in mine
            ]
            yield sum(part for part in parts if part > 0), rule.ms


def runs(days: set[int], length: int) -> list[set[int]]:
    if not days:
        return []
    last = max(min(days), max(days) - length + 1)
    return [set(range(day, day + length)) for day in range(min(days), last + 1)]


def places_for(roster: Any, slot: int, person: int) -> set[int]:
    """Return the places that a person can have, as the model's words say."""
    given, who = roster.slots[slot], roster.people[person]
    skilled = {n for n, skill in enumerate(given.needs) if skill is None or skill in who.skills}
    if (slot, person) not in roster.fixed:
        away = any(a < given.end_at and given.start_at < b for a, b in who.away)
        return set() if away else skilled
    fixed = [other for place, other in roster.fixed if place == slot]
    fits = any(
        all(
            given.needs[place] in (None, *roster.people[other].skills)
            for place, other in zip(places, fixed, strict=True)
        )
        for places in permutations(range(len(given.needs)), len(fixed))
    )
    return skilled if fits else set(range(len(given.needs)))


def shared(roster: Any, slot: int, one: int, other: int) -> bool:
    if (slot, one) in roster.fixed or (slot, other) in roster.fixed:
        return False
    pairs = product(places_for(roster, slot, one), places_for(roster, slot, other))
    return any(a != b for a, b in pairs)


def is_legal(roster: Any, assignment: Assignment) -> bool:
    """Tell whether an assignment breaks nothing but what is broken by fixed assignments alone."""
    for slot, people in enumerate(assignment):
        given = [person for person in people if person is not None]
        if len(set(given)) < len(given) or len(people) != len(roster.slots[slot].needs):
            return False
        for place, person in enumerate(people):
            if person is not None and place not in places_for(roster, slot, person):
                return False
    if any(person not in assignment[slot] for slot, person in roster.fixed):
        return False
    return all(
        is_legal_for(roster, assignment, person) for person in range(len(roster.people))
    ) and all(is_legal_for_pair(roster, assignment, rule) for rule in roster.rules)


def is_legal_for(roster: Any, assignment: Assignment, person: int) -> bool:
    held = slots_of(assignment, person)
    fixed = [slot for slot in held if (slot, person) in roster.fixed]
    for one, other in combinations(held, 2):
        if overlapping(roster.slots[one], roster.slots[other]) and not {one, other} <= set(fixed):
            return False
    most = roster.people[person].most_ms
    lengths = [slot.end_at - slot.start_at for slot in roster.slots]
    total = sum(lengths[slot] for slot in held)
    if most is not None and total > max(most, sum(lengths[slot] for slot in fixed)):
        return False
    for rule in roster.rules:
        if kind(rule) not in ("Apart", "Together"):
            facts = windows(roster, rule, fixed)
            for (has, allowed), (fact, _) in zip(windows(roster, rule, held), facts, strict=True):
                if has > max(allowed, fact):
                    return False
    return True


def is_legal_for_pair(roster: Any, assignment: Assignment, rule: Any) -> bool:
    if kind(rule) == "Apart":
        for a in slots_of(assignment, rule.one):
            for b in slots_of(assignment, rule.other):
                if overlapping(roster.slots[a], roster.slots[b]) and not (
                    (a, rule.one) in roster.fixed and (b, rule.other) in roster.fixed
                ):
                    return False
    elif kind(rule) == "Together":
        for slot, people in enumerate(assignment):
            if (rule.one in people) != (rule.other in people) and shared(
                roster, slot, rule.one, rule.other
            ):
                return False
    return True


def broken(roster: Any, assignment: Assignment, rule: Any) -> int:
    if kind(rule) == "Apart":
        return sum(
            overlapping(roster.slots[a], roster.slots[b])
            for a in slots_of(assignment, rule.one)
            for b in slots_of(assignment, rule.other)
        )
    if kind(rule) == "Together":
        return sum(
            (rule.one in people) != (rule.other in people)
            and shared(roster, slot, rule.one, rule.other)
            for slot, people in enumerate(assignment)
        )
    unit = HOUR if kind(rule) == "MaxHours" else 1
    return sum(
        max(0, -((allowed - has) // unit))
        for person in range(len(roster.people))
        for has, allowed in windows(roster, rule, slots_of(assignment, person))
    )


def term_value(roster: Any, assignment: Assignment, term: Any) -> Fraction:
    name = kind(term)
    if name == "Gaps":
        return Fraction(sum(people.count(None) for people in assignment))
    if name == "Costs":
        return Fraction(
            sum(cost for (person, slot), cost in term.costs.items() if person in assignment[slot])
        )
    if name == "Broken":
        return Fraction(broken(roster, assignment, term.rule))
    counter, people = term.counter, roster.people
    sums = [
        people[person].carried.get(counter.name, 0)
        + sum(counter.own.get(person, counter.amounts)[n] for n in slots_of(assignment, person))
        for person in range(len(people))
    ]
    if name == "Deviation":
        return Fraction(sum(abs(sums[person] - aim) for person, aim in term.targets.items()))
    if name == "Balance":
        among = range(len(people)) if term.among is None else term.among
        loads = [sums[person] / people[person].weight for person in among]
        return Fraction(max(loads) - min(loads)) if loads else Fraction(0)
    weights = [int(who.weight) for who in people]
    pairs = combinations(range(len(people)), 2)
    return Fraction(
        max(
            (-(-abs(weights[i] * sums[j] - weights[j] * sums[i]) // term.per) for i, j in pairs),
            default=0,
        )
    )


def values(roster: Any, assignment: Assignment) -> tuple[Fraction, ...]:
    return tuple(
        sum(
            (term.weight * term_value(roster, assignment, term) for term in level.terms),
            Fraction(0),
        )
        for level in roster.levels
    )


def all_assignments(roster: Any) -> Iterator[Assignment]:
    """Yield every assignment of people to places that nobody is in twice."""
    people = [None, *range(len(roster.people))]
    choices = [
        [
            chosen
            for chosen in product(people, repeat=len(slot.needs))
            if len({one for one in chosen if one is not None})
            == sum(one is not None for one in chosen)
        ]
        for slot in roster.slots
    ]
    yield from product(*choices)


def best_values(roster: Any) -> tuple[Fraction, ...]:
    """Return the best values of all legal assignments."""
    return min(values(roster, one) for one in all_assignments(roster) if is_legal(roster, one))
