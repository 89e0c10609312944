"""Loads by hand, over a clock change and with two calendars of holidays."""

from fractions import Fraction

from app.engine.roster.loads import Load, loads_of, measures_of
from app.engine.roster.model import Person, Roster
from app.engine.roster.standard import NAMES, Wishes, levels_named
from app.engine.walltime import HOUR
from tests.support import roster_oracle as oracle
from tests.support.rosters import at, slot

SUNDAY = (at(48), at(73))
"""The Sunday of 25 hours on which the clock goes back."""


def roster(*people: Person) -> Roster:
    """A Friday night, a weekend from Saturday 9:00 for 24 hours, and a Monday by day."""
    slots = [slot(20, 8, "night"), slot(33, 24, "weekend", "senior", None), slot(82, 8, "day")]
    return Roster(slots, people, (), timezone="Europe/Berlin")


def test_loads_are_counted_by_hand() -> None:
    given = roster(Person("ana", holidays=(SUNDAY,)), Person("ben"))
    points = {"weekend": Fraction(2), "holiday": Fraction(3)}
    assert loads_of(given, ((0,), (0, 1), (None,)), points) == [
        Load(2, 32 * HOUR, Fraction(4), (6 + 9) * HOUR, (4 + 24) * HOUR, 9 * HOUR,
             {"night": 1, "weekend": 1}),
        Load(1, 24 * HOUR, Fraction(2), 9 * HOUR, 24 * HOUR, 0, {"weekend": 1}),
    ]  # fmt: skip


def test_holidays_are_measured_by_person() -> None:
    holidays = measures_of(roster(Person("ana"), Person("ben", holidays=(SUNDAY,)))).holidays
    assert holidays.of(0) == (0, 0, 0)
    assert holidays.of(1) == (0, 9 * HOUR, 0)


def test_a_roster_without_slots_or_people_counts_nothing() -> None:
    empty = Roster((), (), ())
    assert measures_of(empty).hours.amounts == ()
    assert loads_of(empty, (), {}) == []


def test_standard_objectives_say_what_they_are() -> None:
    given = roster(Person("ana", holidays=(SUNDAY,)), Person("ben"), Person("eva"))
    wishes = Wishes(
        {"weekend": Fraction(2), "holiday": Fraction(3)},
        {2: 30 * HOUR},
        {(0, 0): 1, (1, 1): -1},
        before=frozenset({(1, 0), (0, 1)}),
    )
    levels = levels_named(given, wishes, NAMES)
    assert [level.name for level in levels] == list(NAMES)
    values = oracle.values(replace_levels(given, levels), ((0,), (0, 1), (None,)))
    assert [float(value) for value in values] == [
        1,  # Monday
        8 + 30,  # ana has 32 hours and ben 24; eva should have 30
        3 * 1 + 2 * 1 + 1 + 0,  # a holiday, weekends, nights, days
        0,
        1 - 1,
        2,  # ana instead of ben, and ben beside ana
    ]


def test_without_kinds_weekends_and_nights_are_evened() -> None:
    given = Roster([slot(20, 8), slot(33, 24)], [Person("ana"), Person("ben")], ())
    levels = levels_named(given, Wishes(), ["kinds"])
    (value,) = oracle.values(replace_levels(given, levels), ((0,), (1,)))
    assert value > 0
    assert len(levels[0].terms) == 2


def test_a_single_kind_is_evened_by_the_load_alone() -> None:
    given = Roster([slot(20, 8, "night")], [Person("ana")], ())
    assert levels_named(given, Wishes(targets={0: HOUR}), ["load", "kinds"])[1].terms == ()


def replace_levels(given: Roster, levels: object) -> Roster:
    return Roster(given.slots, given.people, levels, timezone=given.timezone)  # type: ignore[arg-type]
