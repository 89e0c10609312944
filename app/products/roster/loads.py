"""What people have, as answers about rosters show it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated

from msgspec import Meta, Struct

from app.engine.roster.loads import Points, loads_of, touches_holiday
from app.engine.roster.model import Assignment, Roster, held_slots
from app.engine.roster.standard import SLOT
from app.engine.walltime import HOUR
from app.products.numbers import Number, number


class RosterLoad(Struct, frozen=True, rename="camel"):
    """What one person has. Hours are elapsed time."""

    slots: Annotated[int, Meta(description="How many slots.")]
    hours: Number
    points: Annotated[Number, Meta(description="Slots by what they are worth.")]
    nights: Annotated[Number, Meta(description="Hours from 22:00 to 06:00, local.")]
    weekends: Annotated[Number, Meta(description="Hours on Saturday and Sunday, local.")]
    holidays: Annotated[Number, Meta(description="Hours on their own public holidays.")]
    holiday_slots: Annotated[int, Meta(description="Slots that touch one of these.")]
    kinds: Annotated[Mapping[str, int], Meta(description="Slots by kind.")]


class CarriedLoad(Struct, frozen=True, rename="camel"):
    """What one person has above the least burdened, by weight."""

    hours: Number
    nights: Number
    weekends: Number
    holidays: Number
    holiday_slots: Number
    kinds: Mapping[str, Number]


def roster_loads(
    roster: Roster, assignment: Assignment, points: Points
) -> Mapping[str, RosterLoad]:
    """Return the load of each person."""
    held = held_slots(roster, assignment)
    return {
        person.name: RosterLoad(
            load.slots,
            in_hours(load.total_ms),
            rounded(load.points),
            in_hours(load.night_ms),
            in_hours(load.weekend_ms),
            in_hours(load.holiday_ms),
            sum(touches_holiday(person, roster.slots[slot]) for slot in own),
            {kind: count for kind, count in load.by_kind.items() if kind},
        )
        for person, load, own in zip(
            roster.people, loads_of(roster, assignment, points), held, strict=True
        )
    }


def carried_loads(
    people: Sequence[str], carried: Sequence[Mapping[str, Fraction]]
) -> Mapping[str, CarriedLoad]:
    """Return what people carry over, by the names of the engine's counters."""
    return {
        name: CarriedLoad(
            *(in_hours(own["hours"]), in_hours(own["nights"]), in_hours(own["weekends"])),
            in_hours(own["holidays"]),
            rounded(own["holiday slots"] / SLOT),
            {
                counter.removeprefix("kind "): rounded(amount / SLOT)
                for counter, amount in own.items()
                if counter.startswith("kind ")
            },
        )
        for name, own in zip(people, carried, strict=True)
    }


def in_hours(ms: int | Fraction) -> Number:
    """Return milliseconds as hours."""
    return rounded(Fraction(ms, HOUR))


def rounded(value: Fraction | float) -> Number:
    """Return a value to four decimals, whole ones as ``int``."""
    return number(round(float(value), 4))
