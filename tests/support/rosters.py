"""Small random rosters around a clock change, with everything that a roster can ask for."""

from datetime import UTC, datetime
from fractions import Fraction
from random import Random

from app.engine.intervals import Interval, merged
from app.engine.roster.model import (
    Apart,
    Balance,
    Broken,
    Costs,
    Counter,
    Deviation,
    Gaps,
    Level,
    MaxConsecutive,
    MaxHours,
    MaxSlots,
    MinDaysOff,
    PairBalance,
    Person,
    Rest,
    Roster,
    Rule,
    Slot,
    Term,
    Together,
)

HOUR = 3_600_000
START = round(datetime(2026, 10, 22, 22, tzinfo=UTC).timestamp()) * 1000
"""Midnight in Berlin; the clock goes back on the third day."""

KINDS = ("", "night", "weekend")
NEEDS: tuple[tuple[str | None, ...], ...] = (
    (None,),
    ("senior",),
    ("senior", None),
    (None, None),
    ("senior", "nurse"),
)


def at(hours: float) -> int:
    """Return the instant so many elapsed hours after the start."""
    return START + round(hours * HOUR)


def slot(start: float, hours: float, kind: str = "", *needs: str | None) -> Slot:
    return Slot(at(start), at(start + hours), kind, needs or (None,))


def random_roster(seed: int, places: int = 5, people: int = 3) -> Roster:
    """Make a roster of at most so many places and people."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    slots: list[Slot] = []
    while not slots or (random.random() < 0.8 and sum(len(one.needs) for one in slots) < places):
        needs = random.choice(NEEDS)
        start = random.choice(range(0, 24 * 5, random.choice([6, 12, 24])))
        length = random.choice([6, 8, 12, 12, 24, 24, 40])
        tags = frozenset({"tagged"} if random.random() < 0.3 else ())
        slots.append(Slot(at(start), at(start + length), random.choice(KINDS), needs, tags))
        if random.random() < 0.3:
            slots.append(slots[-1])
    while sum(len(one.needs) for one in slots) > places:
        slots.pop()
    slots = slots or [slot(0, 12)]
    crew = [random_person(random, number) for number in range(random.randint(1, people))]
    whole = all(who.weight.denominator == 1 for who in crew)
    rules = [random_rule(random, len(crew)) for _ in range(random.choice([0, 0, 1, 1, 2, 3]))]
    counters = random_counters(random, slots)
    terms = [
        random_term(random, slots, len(crew), random.choice(counters), whole=whole)
        for _ in range(random.randint(0, 3))
    ]
    terms.insert(random.randint(0, len(terms)), [Gaps()])
    levels = [Level(f"level {number}", tuple(own)) for number, own in enumerate(terms)]
    fixed = random_fixed(random, slots, len(crew))
    return Roster(slots, crew, levels, rules, fixed, "Europe/Berlin")


def random_person(random: Random, number: int) -> Person:
    weights = [Fraction(1), Fraction(1), Fraction(1, 2), Fraction(3, 4), Fraction(2)]
    return Person(
        f"p{number}",
        frozenset(skill for skill in ("senior", "nurse") if random.random() < 0.6),
        random.choice(weights),
        intervals(random, 1),
        intervals(random, 1),
        random.choice([None, None, None, 20 * HOUR, 40 * HOUR]),
        {"hours": random.choice([0, 0, 5, 12])},
    )


def intervals(random: Random, most: int) -> tuple[Interval, ...]:
    starts = [random.randrange(24 * 5) for _ in range(random.randint(0, most))]
    return tuple(merged(sorted((at(s), at(s + random.choice([5, 24, 48]))) for s in starts)))


def random_rule(random: Random, people: int) -> Rule:
    kind = random.choice(["", "", "night", "tagged"])
    pair = random.sample(range(people), 2) if people > 1 else (0, 0)
    rules: list[Rule] = [
        Rest(random.choice([1, 8, 12, 30]) * HOUR),
        Rest(random.choice([8, 24, 50]) * HOUR, after=kind),
        Rest(random.choice([8, 24, 50]) * HOUR, before=kind, after="weekend"),
        MaxHours(random.choice([10, 12, 24, 36]) * HOUR, random.choice([0, 1, 2, 3, 9]), kind),
        MaxSlots(random.randint(0, 2), random.choice([0, 1, 2, 4]), kind),
        MaxConsecutive(random.randint(1, 2), kind),
        MinDaysOff(random.randint(1, 2), random.choice([2, 3, 7])),
    ]
    if people > 1:
        rules += [Apart(*pair), Together(*pair)]
    return random.choice(rules)


def random_counters(random: Random, slots: list[Slot]) -> list[Counter]:
    own = {0: tuple(random.randint(0, 3) for _ in slots)} if random.random() < 0.3 else {}
    return [
        Counter("hours", tuple((one.end_at - one.start_at) // HOUR for one in slots)),
        Counter("points", tuple(random.randint(0, 3) for _ in slots), own),
    ]


def random_term(
    random: Random, slots: list[Slot], people: int, counter: Counter, *, whole: bool
) -> list[Term]:
    everybody = range(people)
    chosen = tuple(person for person in everybody if random.random() < 0.7)
    costs = {
        (person, number): random.choice([-1, 1, 2])
        for person in everybody
        for number in range(len(slots))
        if random.random() < 0.3
    }
    terms: list[Term] = [
        Balance(counter),
        Balance(counter, Fraction(1, 3), chosen),
        Deviation(counter, {person: random.randrange(40) for person in chosen}, 2),
        Costs(costs),
        Broken(random_rule(random, people), random.randint(1, 3)),
    ]
    if whole:
        terms.append(PairBalance(counter, random.choice([1, 2, 10])))
    return random.sample(terms, random.choice([1, 1, 2]))


def random_fixed(random: Random, slots: list[Slot], people: int) -> frozenset[tuple[int, int]]:
    if random.random() < 0.6:
        return frozenset()
    number = random.randrange(len(slots))
    count = random.randint(1, min(people, len(slots[number].needs)))
    return frozenset((number, person) for person in random.sample(range(people), count))
