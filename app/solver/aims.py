"""Objectives as sums of variables, over whatever says how much of a counter each person has.

Strategy: sums that are balanced are variables of their own, so that a balance costs two constraints
a person and not two a pair of people and slot. Amounts are divided by their greatest common
divisor; ``Aim.scale`` turns the solver's whole numbers into the values of ``objectives``.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import gcd, lcm

from app.engine.roster.model import (
    Balance,
    Broken,
    Costs,
    Counter,
    Deviation,
    Gaps,
    Level,
    PairBalance,
    Roster,
    Term,
)
from app.solver.cp_sat import INT_MAX, Linear, Model

Values = Sequence[int]


@dataclass(frozen=True, slots=True)
class Aim:
    """An objective: a sum of variables; its value is ``scale × sum + constant``.

    The sum is at most the variable ``held``, by whose bounds the objective is held.
    """

    name: str
    terms: Linear
    scale: Fraction
    constant: Fraction
    held: int

    def total(self, values: Values) -> int:
        """Return the sum for values of all variables."""
        return sum(coefficient * values[variable] for variable, coefficient in self.terms)

    def value(self, total: int) -> Fraction:
        """Return the objective's value for a sum."""
        return self.scale * total + self.constant


class Aims(ABC):
    """The objectives of a roster over a model."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.model = Model()
        self._sums: dict[str, tuple[Sequence[int], int]] = {}

    @abstractmethod
    def gap_terms(self) -> Linear:
        """Return the number of places that nobody has."""

    @abstractmethod
    def held_terms(self, person: int, counter: Counter) -> Linear:
        """Return what a person has of a counter, without what they carry."""

    @abstractmethod
    def missed_terms(self, counter: Counter) -> Linear:
        """Return what nobody has of a counter that is the same for all."""

    @abstractmethod
    def other_terms(self, term: Costs | Broken) -> Linear:
        """Return the sum of costs, or how much a rule is broken."""

    def aim(self, level: Level) -> Aim:
        parts = [(term.weight, *self._term(term)) for term in level.terms]
        constant = sum((weight * fixed for weight, _, _, fixed in parts), Fraction(0))
        scales = [weight * scale for weight, _, scale, _ in parts]
        unit = Fraction(
            gcd(*(scale.numerator for scale in scales)) or 1,
            lcm(*(scale.denominator for scale in scales)),
        )
        total: dict[int, int] = defaultdict(int)
        for scale, (_, terms, _, _) in zip(scales, parts, strict=True):
            for variable, coefficient in terms:
                total[variable] += coefficient * int(scale / unit)
        terms = list(total.items())
        held = self.model.derive(self.model.integer(*self.model.range_of(terms)), total_of(terms))
        self.model.linear([*terms, (held, -1)], -INT_MAX, 0)
        return Aim(level.name, terms, unit, constant, held)

    def _term(self, term: Term) -> tuple[Linear, Fraction, Fraction]:
        """Return a sum, the value of one of it, and a constant."""
        one, zero = Fraction(1), Fraction(0)
        match term:
            case Gaps():
                return self.gap_terms(), one, zero
            case Balance():
                return self._balance(term)
            case PairBalance(counter, per):
                return [(self._pair_balance(counter, per), 1)], one, zero
            case Deviation(counter, targets):
                return self._deviation(counter, targets)
            case _:
                return self.other_terms(term), one, zero

    def _sums_of(self, counter: Counter) -> tuple[Sequence[int], int]:
        """Return for each person the variable of what they have of a counter, and its unit.

        What they carry is in it.
        """
        if counter.name not in self._sums:
            people = self.roster.people
            carried = [person.carried.get(counter.name, 0) for person in people]
            amounts = [counter.of(person) for person in range(len(people))]
            unit = gcd(*carried, *{amount for row in amounts for amount in row}) or 1
            found = []
            for person in range(len(people)):
                terms = [
                    (variable, amount // unit)
                    for variable, amount in self.held_terms(person, counter)
                ]
                start = carried[person] // unit
                least, most = self.model.range_of(terms)
                variable = self.model.integer(start + least, start + most)
                self.model.linear([*terms, (variable, -1)], -start, -start)
                found.append(self.model.derive(variable, total_of(terms, start)))
            self._sums[counter.name] = found, unit
            if not counter.own:
                self._add_total(counter, found, unit, sum(carried) // unit)
        return self._sums[counter.name]

    def _add_total(self, counter: Counter, sums: Sequence[int], unit: int, carried: int) -> None:
        """Say what all have together, which the solver would not see at once."""
        slots = zip(self.roster.slots, counter.amounts, strict=True)
        whole = carried + sum(amount // unit * len(slot.needs) for slot, amount in slots)
        missed = [(gap, amount // unit) for gap, amount in self.missed_terms(counter)]
        self.model.linear([*((one, 1) for one in sums), *missed], whole, whole)

    def _balance(self, term: Balance) -> tuple[Linear, Fraction, Fraction]:
        every, unit = self._sums_of(term.counter)
        among = range(len(every)) if term.among is None else term.among
        if not among:
            return [], Fraction(1), Fraction(0)
        sums = [every[person] for person in among]
        weights = [self.roster.people[person].weight for person in among]
        scale = lcm(*(weight.numerator for weight in weights))
        factors = [int(scale / weight) for weight in weights]
        common = gcd(*factors)
        factors = [factor // common for factor in factors]
        ranges = [
            self.model.range_of([(variable, factor)])
            for variable, factor in zip(sums, factors, strict=True)
        ]
        least, most = min(low for low, _ in ranges), max(high for _, high in ranges)
        low = self.model.derive(self.model.integer(least, most), extreme_of(min, sums, factors))
        high = self.model.derive(self.model.integer(least, most), extreme_of(max, sums, factors))
        for variable, factor in zip(sums, factors, strict=True):
            self.model.linear([(variable, factor), (low, -1)], 0, INT_MAX)
            self.model.linear([(variable, factor), (high, -1)], -INT_MAX, 0)
        return [(high, 1), (low, -1)], Fraction(unit * common, scale), Fraction(0)

    def _pair_balance(self, counter: Counter, per: int) -> int:
        sums, unit = self._sums_of(counter)
        weights = [int(person.weight) * unit for person in self.roster.people]
        common = gcd(per, *weights)
        weights, per = [weight // common for weight in weights], per // common
        pairs = list(combinations(range(len(sums)), 2))
        most = max(
            (
                abs(bound)
                for i, j in pairs
                for bound in self.model.range_of([(sums[j], weights[i]), (sums[i], -weights[j])])
            ),
            default=0,
        )
        worst = self.model.integer(0, -(-most // per))
        for i, j in pairs:
            difference = [(sums[j], weights[i]), (sums[i], -weights[j])]
            self.model.linear([*difference, (worst, -per)], -INT_MAX, 0)
            self.model.linear([*difference, (worst, per)], 0, INT_MAX)
        return self.model.derive(worst, _worst_pair(sums, weights, per))

    def _deviation(
        self, counter: Counter, targets: Mapping[int, int]
    ) -> tuple[Linear, Fraction, Fraction]:
        sums, unit = self._sums_of(counter)
        fine = gcd(unit, *targets.values())
        factor = unit // fine
        found = []
        for person, target in targets.items():
            aim = target // fine
            low, high = self.model.range_of([(sums[person], factor)])
            off = self.model.integer(0, max(abs(low - aim), abs(high - aim)))
            self.model.linear([(sums[person], factor), (off, -1)], -INT_MAX, aim)
            self.model.linear([(sums[person], factor), (off, 1)], aim, INT_MAX)
            found.append(self.model.derive(off, _distance(sums[person], factor, aim)))
        return [(off, 1) for off in found], Fraction(fine), Fraction(0)


Derived = Callable[[Values], int]


def total_of(terms: Linear, start: int = 0) -> Derived:
    """Return what computes a sum."""
    terms = list(terms)
    return lambda values: start + sum(amount * values[variable] for variable, amount in terms)


def extreme_of(
    pick: Callable[..., int], variables: Sequence[int], factors: Sequence[int]
) -> Derived:
    """Return what computes the least or the most of variables, each by its factor."""
    pairs = list(zip(variables, factors, strict=True))
    return lambda values: pick(factor * values[variable] for variable, factor in pairs)


def largest_of(variables: Sequence[int]) -> Derived:
    """Return what computes the most of variables."""
    return lambda values: max(values[variable] for variable in variables)


def _worst_pair(variables: Sequence[int], weights: Sequence[int], per: int) -> Derived:
    def worst(values: Values) -> int:
        sums = [values[variable] for variable in variables]
        pairs = combinations(zip(sums, weights, strict=True), 2)
        most = max((abs(w * other - v * one) for (one, w), (other, v) in pairs), default=0)
        return -(-most // per)

    return worst


def _distance(variable: int, factor: int, aim: int) -> Derived:
    return lambda values: abs(factor * values[variable] - aim)


def rest_of(variables: Sequence[int], count: int) -> Derived:
    """Return what computes what a sum leaves of ``count``."""
    return lambda values: count - sum(values[variable] for variable in variables)
