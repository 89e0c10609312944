"""Rosters with ordinary rules, as people ask for them: two months, and two years."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from random import Random

from app.engine.intervals import Interval, merged
from app.engine.roster.model import (
    Apart,
    MaxConsecutive,
    MaxHours,
    MaxSlots,
    MinDaysOff,
    Person,
    Rest,
    Roster,
    Rule,
)
from app.engine.roster.patterns import Pattern, unfolded, weekday_of
from app.engine.roster.standard import Wishes, levels_named
from app.engine.walltime import DAY, HOUR, clock_of
from app.products.roster.translation import LARGE_SECONDS, SMALL_SECONDS

ZONE = "Europe/Berlin"
CLOCK = clock_of(ZONE)
EVERY_DAY = frozenset(range(7))


def days_between(first: date, last: date) -> range:
    epoch = date(1970, 1, 1)
    return range((first - epoch).days, (last - epoch).days)


def absences(random: Random, days: range, count: int, longest: int) -> tuple[Interval, ...]:
    """Make absences of whole days, spread over the time."""
    part = len(days) // max(1, count)
    starts = [days.start + number * part + random.randrange(part) for number in range(count)]
    given = [
        (CLOCK.first_at(day * DAY), CLOCK.first_at((day + random.randint(2, longest)) * DAY))
        for day in starts
    ]
    return tuple(merged(given))


def roster_of(
    patterns: Sequence[Pattern], days: range, people: Sequence[Person], rules: Sequence[Rule]
) -> Roster:
    return Roster(unfolded(patterns, CLOCK, days), people, (), rules, timezone=ZONE)


def nights_and_weekends() -> Roster:
    """Weeknights, and weekends of two people, for a month of twelve people with wishes."""
    days, random = days_between(date(2026, 12, 1), date(2027, 1, 1)), Random(1)
    weeknights = Pattern(frozenset({0, 1, 2, 3}), 17 * HOUR, 9 * HOUR, kind="weeknight")
    weekends = Pattern(frozenset({4}), 17 * HOUR, 9 * HOUR, 0, "weekend", ("senior", None))
    people = [
        Person(
            f"p{number}",
            frozenset({"senior"} if number % 2 == 0 else ()),
            Fraction(1, 2) if number == 3 else Fraction(1),
            absences(random, days, number % 3, 8),
        )
        for number in range(12)
    ]
    rules = (
        Rest(11 * HOUR),
        MaxHours(80 * HOUR, 7),
        MaxSlots(1, 21, "weekend"),
        MaxConsecutive(2),
        MinDaysOff(1, 7),
        Rest(24 * HOUR, after="weeknight"),
        Apart(0, 1),
    )
    roster = roster_of([weeknights, weekends], days, people, rules)
    numbered = list(enumerate(roster.slots))
    wednesdays = [n for n, slot in numbered if weekday_of(CLOCK.wall(slot.start_at) // DAY) == 2]
    costs = {(person, slot): 1 for person in (1, 4) for slot in wednesdays}
    costs |= {(2, n): -1 for n, slot in numbered if slot.kind == "weekend"}
    wishes = Wishes({"weekend": Fraction(2)}, costs=costs)
    names = ["coverage", "load", "kinds", "preferences"]
    return replace(roster, levels=levels_named(roster, wishes, names))


def days_and_nights() -> Roster:
    """Twelve-hour days of two people and nights of one, in a month with a clock change."""
    days, random = days_between(date(2026, 10, 1), date(2026, 11, 1)), Random(2)
    by_day = Pattern(EVERY_DAY, 7 * HOUR, 19 * HOUR, kind="day", needs=(None, None))
    by_night = Pattern(EVERY_DAY, 19 * HOUR, 7 * HOUR, kind="night", needs=("senior",))
    people = [
        Person(
            f"p{number}",
            frozenset({"senior"} if number < 6 else ()),
            away=absences(random, days, number % 2, 8),
        )
        for number in range(12)
    ]
    rules = (Rest(11 * HOUR), MaxHours(60 * HOUR, 7), MaxConsecutive(4), MinDaysOff(1, 7))
    roster = roster_of([by_day, by_night], days, people, rules)
    return replace(roster, levels=levels_named(roster, Wishes(), ["coverage", "load", "kinds"]))


def year_of_sixty() -> Roster:
    """A year of sixty people, weekdays and long weekends with three places each."""
    days, random = days_between(date(2026, 1, 1), date(2027, 1, 1)), Random(3)
    needs = ("senior", None, None)
    weekdays = Pattern(frozenset({0, 1, 2, 3}), 9 * HOUR, 9 * HOUR, kind="weekday", needs=needs)
    weekends = Pattern(frozenset({4}), 9 * HOUR, 9 * HOUR, 0, "weekend", needs)
    people = [
        Person(
            f"p{number}",
            frozenset({"senior"} if number % 3 == 0 else ()),
            Fraction(1, 2) if number % 10 == 7 else Fraction(1),
            absences(random, days, 4, 15),
        )
        for number in range(60)
    ]
    rules = (
        Rest(24 * HOUR),
        MaxSlots(1, 14, "weekend"),
        MaxHours(96 * HOUR, 7),
        MaxConsecutive(2),
    )
    roster = roster_of([weekdays, weekends], days, people, rules)
    return replace(roster, levels=levels_named(roster, Wishes(), ["coverage", "load", "kinds"]))


def every_day_of_sixty() -> Roster:
    """A year of sixty people, three a day, whoever they are; no kinds, so weekends and nights."""
    days, random = days_between(date(2026, 1, 1), date(2027, 1, 1)), Random(3)
    daily = Pattern(EVERY_DAY, 9 * HOUR, 9 * HOUR, needs=(None, None, None))
    people = [
        Person(
            f"p{number}",
            weight=Fraction(1, 2) if number % 10 == 7 else Fraction(1),
            away=absences(random, days, 4, 15),
        )
        for number in range(60)
    ]
    rules = (Rest(24 * HOUR), MaxHours(96 * HOUR, 7), MaxConsecutive(2))
    roster = roster_of([daily], days, people, rules)
    return replace(roster, levels=levels_named(roster, Wishes(), ["coverage", "load", "kinds"]))


def year_of_seven() -> Roster:
    """A year of seven people, two a day, with a day's rest; no kinds, so weekends and nights."""
    days = days_between(date(2026, 1, 1), date(2027, 1, 1))
    daily = Pattern(EVERY_DAY, 9 * HOUR, 9 * HOUR, needs=(None, None))
    people = [Person(f"p{number}") for number in range(7)]
    roster = roster_of([daily], days, people, (Rest(24 * HOUR),))
    return replace(roster, levels=levels_named(roster, Wishes(), ["coverage", "load", "kinds"]))


CASES: Mapping[str, tuple[Callable[[], Roster], float, float]] = {
    "month, nights and weekends": (nights_and_weekends, SMALL_SECONDS, 2),
    "month, days and nights": (days_and_nights, SMALL_SECONDS, 2),
    "year of 60 people × 3": (year_of_sixty, LARGE_SECONDS, 20),
    "year of 60 people × 3, every day": (every_day_of_sixty, LARGE_SECONDS, 20),
    "year of 7 people × 2, 24 h rest": (year_of_seven, LARGE_SECONDS, 20),
}
"""By name: the roster, the deterministic time it is given, and the most seconds it may take."""
