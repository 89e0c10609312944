"""What an assignment is worth: the value of each objective, computed from what it says alone."""

from fractions import Fraction
from itertools import combinations

from app.engine.roster.limits import Limit, limits_of
from app.engine.roster.model import (
    Apart,
    Assignment,
    Balance,
    Costs,
    Counter,
    Deviation,
    Gaps,
    PairBalance,
    Roster,
    Rule,
    Term,
    Together,
    held_slots,
)
from app.engine.roster.pairs import apart_pairs, shared_slots
from app.engine.walltime import clock_of


def values_of(roster: Roster, assignment: Assignment) -> tuple[Fraction, ...]:
    """Return the value of each objective, in order."""
    return tuple(
        sum(
            (term.weight * term_value(roster, term, assignment) for term in level.terms),
            Fraction(0),
        )
        for level in roster.levels
    )


def sums_of(roster: Roster, counter: Counter, assignment: Assignment) -> list[int]:
    """Return what each person has of a counter, with what they carry."""
    return [
        person.carried.get(counter.name, 0) + sum(counter.of(index)[slot] for slot in held)
        for index, (person, held) in enumerate(
            zip(roster.people, held_slots(roster, assignment), strict=True)
        )
    ]


def term_value(roster: Roster, term: Term, assignment: Assignment) -> Fraction:
    """Return the value of one term, without its weight."""
    match term:
        case Gaps():
            return Fraction(sum(people.count(None) for people in assignment))
        case Balance():
            return _range(roster, term, assignment)
        case PairBalance(counter, per):
            return Fraction(_pair_balance(roster, counter, per, assignment))
        case Deviation(counter, targets):
            sums = sums_of(roster, counter, assignment)
            return Fraction(sum(abs(sums[person] - aim) for person, aim in targets.items()))
        case Costs(costs):
            held = held_slots(roster, assignment)
            return Fraction(
                sum(cost for (person, slot), cost in costs.items() if slot in held[person])
            )
        case _:
            return Fraction(broken_by(roster, term.rule, assignment))


def broken_by(roster: Roster, rule: Rule, assignment: Assignment) -> int:
    """Return how much a rule is broken, in its own unit."""
    held = [frozenset(slots) for slots in held_slots(roster, assignment)]
    match rule:
        case Apart(one, other):
            pairs = apart_pairs(roster.slots)
            return sum(a in held[one] and b in held[other] for a, b in pairs)
        case Together(one, other):
            shared = shared_slots(roster, one, other)
            return sum((slot in held[one]) != (slot in held[other]) for slot in shared)
    limits = limits_of(rule, roster.slots, clock_of(roster.timezone), softly=True)
    return sum(excess(limit, slots) for limit in limits for slots in held)


def excess(limit: Limit, slots: frozenset[int]) -> int:
    """Return by how much slots of a person are over a limit, in its unit, begun ones whole."""
    total = sum(amount for group, amount in limit.groups if not slots.isdisjoint(group))
    return max(0, -((limit.most - total) // limit.unit))


def _range(roster: Roster, term: Balance, assignment: Assignment) -> Fraction:
    sums = sums_of(roster, term.counter, assignment)
    among = range(len(sums)) if term.among is None else term.among
    loads = [sums[person] / roster.people[person].weight for person in among]
    return max(loads) - min(loads) if loads else Fraction(0)


def _pair_balance(roster: Roster, counter: Counter, per: int, assignment: Assignment) -> int:
    sums = sums_of(roster, counter, assignment)
    weights = [int(person.weight) for person in roster.people]
    most = max(
        (
            abs(weights[i] * sums[j] - weights[j] * sums[i])
            for i, j in combinations(range(len(sums)), 2)
        ),
        default=0,
    )
    return -(-most // per)
