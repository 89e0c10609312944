"""Published rostering instances, read from files and translated into rosters of ours.

Two sets are known; what each asks for is said in ``bench/README.md``. Nothing here solves.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from app.engine.roster.model import (
    Assignment,
    Broken,
    Counter,
    Deviation,
    Gaps,
    Level,
    MaxConsecutive,
    MaxSlots,
    PairBalance,
    Person,
    Rest,
    Roster,
    Slot,
    held_slots,
)

HOUR, DAY = 3_600_000, 86_400_000

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """An instance: a roster, and what an assignment is worth by the set's own statement.

    ``worth`` counts from the published data and not from the roster. It raises ``AssertionError``
    for an assignment that breaks what the statement demands. ``bound`` translates a bound of the
    last objective into one of that worth.
    """

    roster: Roster
    worth: Callable[[Assignment], int]
    bound: Callable[[Fraction], int]


def parsed(path: Path) -> Data:
    """Read the data of an instance, as MiniZinc or as JSON."""
    text = path.read_text()
    if path.suffix == ".json":
        return {name: _plain(value) for name, value in json.loads(text).items()}
    statements = re.sub(r"%.*", "", text).split(";")
    named = [statement.split("=", 1) for statement in statements if "=" in statement]
    return {
        name.strip(): json.loads(value.translate(str.maketrans("{}", "[]")))
        for name, value in named
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value["set"] if isinstance(value, dict) else value


def on_call_instance(data: Data) -> Instance:
    """Translate an instance of set A: one person a day, few days in a row, even loads."""
    days, last = range(1, data["num_days"] + 1), data["num_days"]
    offset = data["weekend_offset"]
    weekends = [day for day in days if day > offset and (day - offset - 1) % 5 == 0]

    def slot(day: int) -> Slot:
        kind = "weekend" if day in weekends else "weekday"
        tags = {"counted"} if day < last else set()
        tags |= {"two before"} if day + 2 in weekends else set()
        return Slot(day * DAY, (day + 1) * DAY, kind, tags=frozenset(tags))

    slots = [slot(day) for day in days]
    people = [
        Person(
            str(number), weight=Fraction(load), away=tuple((d * DAY, (d + 1) * DAY) for d in away)
        )
        for number, (load, away) in enumerate(
            zip(data["work_load"], data["unavailable"], strict=True)
        )
    ]
    rules = (
        MaxConsecutive(2),
        Rest(HOUR, after="weekend"),
        Rest(HOUR, before="weekend"),
        MaxSlots(1, days=6, kind="weekend"),
    )
    fixed = {(day - 1, n) for n, own in enumerate(data["fixed"]) for day in own}
    counters = [
        Counter(kind, tuple(int(given.kind == kind) for given in slots))
        for kind in ("weekday", "weekend")
    ]
    cost = Level(
        "cost",
        (
            Broken(Rest(HOUR, after="counted", before="counted"), data["adj_days_str"]),
            Broken(
                Rest(DAY + HOUR, after="two before", before="weekend"),
                data["wed_before_weekend_str"],
            ),
            *(PairBalance(counter, per=100) for counter in counters),
        ),
    )
    roster = Roster(slots, people, (Level("coverage", (Gaps(),)), cost), rules, frozenset(fixed))
    return Instance(roster, lambda assignment: _cost_of(data, weekends, assignment), int)


def _cost_of(data: Data, weekends: Sequence[int], assignment: Assignment) -> int:
    """Compute the cost of an assignment of set A by its statement."""
    who = {day: people[0] for day, people in enumerate(assignment, 1)}
    last, loads = data["num_days"], data["work_load"]
    fixed = [set(days) for days in data["fixed"]]
    for day, person in who.items():
        assert person is not None, f"day {day} has nobody"
        assert day not in data["unavailable"][person] or day in fixed[person]

    def free(person: int, *days: int) -> bool:
        return all(who.get(day) == person for day in days) and not set(days) <= fixed[person]

    for person, own in enumerate(fixed):
        assert all(who[day] == person for day in own)
        for day in who:
            assert not free(person, day, day + 1, day + 2)
        for day in weekends:
            assert not free(person, day - 1, day)
            assert not free(person, day, day + 1)
            assert not free(person, day, day + 5)
    adjacent = sum(who[day] == who[day + 1] for day in range(1, last - 1))
    wednesdays = sum(who[day] == who[day - 2] for day in weekends if day > 2)
    uneven = 0
    for kind in (set(who) - set(weekends), set(weekends)):
        counts = [sum(who[day] == person for day in kind) for person in range(len(loads))]
        uneven += max(
            -(-abs(loads[i] * counts[j] - loads[j] * counts[i]) // 100)
            for i in range(len(loads))
            for j in range(len(loads))
        )
    return int(
        data["adj_days_str"] * adjacent + data["wed_before_weekend_str"] * wednesdays + uneven
    )


def shift_instance(data: Data) -> Instance:
    """Translate an instance of set B: as many shifts as can be, hours as contracts have them."""
    times = list(zip(data["start_time"], data["stop_time"], strict=True))
    contracts = data["contract"]
    slots = [
        Slot(start * HOUR, stop * HOUR, needs=(str(skill),))
        for (start, stop), skill in zip(times, data["req_expertise"], strict=True)
    ]
    people = [
        Person(
            str(number),
            frozenset(str(skill) for skill in skills),
            most_ms=contract * 130 // 100 * HOUR if contract > 0 else None,
        )
        for number, (contract, skills) in enumerate(
            zip(contracts, data["employee_expertises"], strict=True)
        )
    ]
    weight = 1 + max(*contracts, *(stop - start for start, stop in times))
    worked = Counter("worked", tuple(stop - start for start, stop in times))
    level = Level("all", (Gaps(weight), Deviation(worked, dict(enumerate(contracts)))))
    roster = Roster(slots, people, (level,))

    def worth(assignment: Assignment) -> int:
        return _worth_of(data, weight, roster, assignment)

    return Instance(roster, worth, lambda bound: weight * len(times) - int(bound))


def _worth_of(data: Data, weight: int, roster: Roster, assignment: Assignment) -> int:
    """Compute the worth of an assignment of set B by its statement."""
    times = list(zip(data["start_time"], data["stop_time"], strict=True))
    total = weight * sum(people != (None,) for people in assignment)
    for person, shifts in enumerate(held_slots(roster, assignment)):
        own = sorted(times[shift] for shift in shifts)
        assert all(one[1] <= other[0] for one, other in pairwise(own))
        for shift in shifts:
            assert data["req_expertise"][shift] in data["employee_expertises"][person]
        contract, worked = data["contract"][person], sum(stop - start for start, stop in own)
        assert contract == 0 or 100 * worked <= 130 * contract
        total -= abs(worked - contract)
    return int(total)
