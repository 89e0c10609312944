"""The rules for a person as linear limits, for whoever looks for assignments.

Strategy: every rule of one person is "at most so much of these groups", where a group counts its
amount as soon as the person has one of its slots. Rest is "at most one" of the slots that are in
each other's way; hours, slots and days in a row are sums over windows. Only windows that can be
broken are kept, and none that lies within another.

Invariant: somebody's slots break no limit if, and only if, they break no rule (``checker``, which
shares no code with this). Softly, the excesses over all limits of a rule are how much it is broken.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.engine.roster.days import days_touched, midnight, start_day
from app.engine.roster.model import (
    MaxConsecutive,
    MaxHours,
    MaxSlots,
    MinDaysOff,
    PersonRule,
    Rest,
    Slot,
)
from app.engine.walltime import HOUR, ZoneClock

Window = Sequence[tuple[tuple[int, ...], int]]
"""What counts in some days: groups of slots, and the amount of each."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` of ``groups``: each a set of slots, in order, and the amount it counts.

    ``unit`` is the amount that is one when the limit is broken softly, begun ones whole.
    """

    groups: tuple[tuple[tuple[int, ...], int], ...]
    most: int
    unit: int = 1


def overlap_limits(slots: Sequence[Slot]) -> Sequence[Limit]:
    """Return what keeps a person from slots that overlap."""
    return tuple(_at_most_one(slots, 0))


def limits_of(
    rule: PersonRule, slots: Sequence[Slot], clock: ZoneClock, *, softly: bool = False
) -> Sequence[Limit]:
    """Return the limits that ``rule`` sets to each person.

    ``softly`` for the limits whose excesses tell how much the rule is broken.
    """
    match rule:
        case Rest(ms, "", "") if not softly:
            return tuple(_at_most_one(slots, ms))
        case Rest():
            return tuple(Limit((((a,), 1), ((b,), 1)), 1) for a, b in short_rests(rule, slots))
        case MaxHours():
            windows, most, unit = _most_hours(rule, slots, clock), rule.ms, HOUR
        case MaxSlots():
            windows, most, unit = _most_slots(rule, slots, clock), rule.count, 1
        case MaxConsecutive():
            windows, most, unit = _most_consecutive(rule, slots, clock), rule.days, 1
        case _:
            windows, most, unit = _days_worked(rule, slots, clock), rule.days - rule.count, 1
    return _limits(windows, most, unit, softly=softly)


def short_rests(rule: Rest, slots: Sequence[Slot]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of slots with too little rest between them, the earlier one first."""
    later = sorted(
        (slot.start_at, index) for index, slot in enumerate(slots) if slot.is_of(rule.before)
    )
    for index, slot in enumerate(slots):
        if slot.is_of(rule.after):
            first = bisect_left(later, (slot.end_at, -1))
            last = bisect_left(later, (slot.end_at + rule.ms, -1))
            yield from ((index, other) for _, other in later[first:last])


def _at_most_one(slots: Sequence[Slot], rest_ms: int) -> Iterator[Limit]:
    """Yield the largest sets of slots of which each two overlap or have too little rest."""
    order = sorted(range(len(slots)), key=lambda index: slots[index].start_at)
    open_now: list[int] = []
    pending = False  # whether slots were added since the last set
    for index in order:
        at = slots[index].start_at
        still = [other for other in open_now if slots[other].end_at + rest_ms > at]
        if pending and len(still) < len(open_now):
            yield from _one_of(open_now)
            pending = False
        open_now = [*still, index]
        pending = True
    yield from _one_of(open_now)


def _one_of(slots: Sequence[int]) -> Iterator[Limit]:
    if len(slots) > 1:
        yield Limit(tuple(((slot,), 1) for slot in sorted(slots)), 1)


def _most_hours(rule: MaxHours, slots: Sequence[Slot], clock: ZoneClock) -> Iterator[Window]:
    of_kind = [index for index, slot in enumerate(slots) if slot.is_of(rule.kind)]
    if not rule.days:
        yield [((index,), slots[index].length) for index in of_kind]
        return
    by_day: dict[int, list[int]] = defaultdict(list)
    for index in of_kind:
        for day in days_touched(clock, slots[index]):
            by_day[day].append(index)
    for run in _runs(by_day, rule.days):
        opens, closes = midnight(clock, run.start), midnight(clock, run.stop)
        inside = sorted({index for day in run for index in by_day.get(day, ())})
        yield [
            ((index,), min(slots[index].end_at, closes) - max(slots[index].start_at, opens))
            for index in inside
        ]


def _most_slots(rule: MaxSlots, slots: Sequence[Slot], clock: ZoneClock) -> Iterator[Window]:
    by_day = _by_start_day(rule.kind, slots, clock)
    for run in _runs(by_day, rule.days) if rule.days else [sorted(by_day)]:
        yield [((index,), 1) for day in run for index in by_day.get(day, ())]


def _most_consecutive(
    rule: MaxConsecutive, slots: Sequence[Slot], clock: ZoneClock
) -> Iterator[Window]:
    by_day = _by_start_day(rule.kind, slots, clock)
    for run in _runs(by_day, rule.days + 1):
        if all(day in by_day for day in run):
            yield [(tuple(by_day[day]), 1) for day in run]


def _days_worked(rule: MinDaysOff, slots: Sequence[Slot], clock: ZoneClock) -> Iterator[Window]:
    by_day: dict[int, list[int]] = defaultdict(list)
    for index, slot in enumerate(slots):
        for day in days_touched(clock, slot):
            by_day[day].append(index)
    for run in _runs(by_day, rule.days):
        yield [(tuple(by_day[day]), 1) for day in run if day in by_day]


def _by_start_day(kind: str, slots: Sequence[Slot], clock: ZoneClock) -> dict[int, list[int]]:
    by_day: dict[int, list[int]] = defaultdict(list)
    for index, slot in enumerate(slots):
        if slot.is_of(kind):
            by_day[start_day(clock, slot)].append(index)
    return by_day


def _runs(days: Iterable[int], length: int) -> Iterator[range]:
    """Yield the runs of ``length`` days within ``days``; one that begins with them if all fit."""
    known = sorted(days)
    if known:
        for day in range(known[0], max(known[0], known[-1] - length + 1) + 1):
            yield range(day, day + length)


def _limits(windows: Iterable[Window], most: int, unit: int, *, softly: bool) -> Sequence[Limit]:
    """Return limits of the windows that could be broken.

    Of two in a row, one that lies within the other is left out, unless each is to be counted.
    """
    found: list[Limit] = []
    for window in windows:
        if sum(amount for _, amount in window) <= most:
            continue
        amounts: dict[tuple[int, ...], int] = defaultdict(int)
        for group, amount in window:  # one slot may be all that there is on several days
            amounts[group] += amount
        limit = Limit(tuple(amounts.items()), most, unit)
        if found and not softly and _lies_within(limit, found[-1]):
            continue
        if found and not softly and _lies_within(found[-1], limit):
            found.pop()
        found.append(limit)
    return found


def _lies_within(inner: Limit, outer: Limit) -> bool:
    amounts = dict(outer.groups)
    return all(amount <= amounts.get(group, 0) for group, amount in inner.groups)
