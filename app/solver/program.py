"""A roster as an integer program: what is decided, what has to hold, and what each objective is.

    has[person, block]           whether a person has one of the slots of a block
    takes[person, block, skill]  for which skill, where its places ask for several
    gaps[block, skill]           how many places nobody has

Strategy: everything is one model, in which the solver's objective is set level by level. Sums that
are balanced are variables of their own, so that a balance costs two constraints a person and not
two a pair of people and slot. Every variable beside the decisions says how it follows from them, so
that any assignment can be given to the solver as a whole solution.

Amounts are divided by their greatest common divisor. ``Aim.scale`` turns the solver's whole numbers
into the values of ``objectives``.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import gcd, lcm

from app.engine.roster.able import able_places
from app.engine.roster.limits import Limit, limits_of, overlap_limits
from app.engine.roster.model import (
    Apart,
    Assignment,
    Balance,
    Broken,
    Costs,
    Counter,
    Deviation,
    Gaps,
    Level,
    PairBalance,
    PersonRule,
    Roster,
    Rule,
    Term,
    Together,
    held_slots,
)
from app.engine.roster.pairs import apart_pairs, shared_slots
from app.engine.walltime import clock_of
from app.solver.blocks import Block, assigned, blocks_of
from app.solver.cp_sat import INT_MAX, Linear, Model

Values = Sequence[int]


@dataclass(frozen=True, slots=True)
class Aim:
    """An objective: a sum of variables; its value is ``scale × sum + constant``."""

    name: str
    terms: Linear
    scale: Fraction
    constant: Fraction = Fraction(0)

    def value(self, total: int) -> Fraction:
        """Return the objective's value for a sum."""
        return self.scale * total + self.constant


class Program:
    """The integer program of a roster."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.model = Model()
        self.blocks = blocks_of(roster)
        self._clock = clock_of(roster.timezone)
        self._block_of = {slot: n for n, block in enumerate(self.blocks) for slot in block.slots}
        self._has: dict[tuple[int, int], int] = {}
        self._takes: dict[tuple[int, int, str | None], int] = {}
        self._gaps: dict[tuple[int, str | None], int] = {}
        self._any: dict[tuple[int, tuple[int, ...]], int | None] = {}
        self._sums: dict[str, tuple[Sequence[int], int]] = {}
        self._fixed = {(person, self._block_of[slot]) for slot, person in roster.fixed}
        for number, block in enumerate(self.blocks):
            self._add_block(number, block)
        for limit in overlap_limits(roster.slots):
            self._add_limit(limit)
        self._add_most()
        for rule in roster.rules:
            self._add_rule(rule)
        self.aims = [self._aim(level) for level in roster.levels]

    # What is decided

    def _add_block(self, number: int, block: Block) -> None:
        able: dict[str | None, list[int]] = defaultdict(list)
        for person in range(len(self.roster.people)):
            skills = self._skills_for(person, block)
            if skills:
                self._has[person, number] = self.model.boolean()
            for skill in skills:
                alone = len(block.places) == 1
                taken = self._has[person, number] if alone else self.model.boolean()
                self._takes[person, number, skill] = taken
                able[skill].append(taken)
            if len(block.places) > 1 and skills:
                terms = [(self._takes[person, number, skill], 1) for skill in skills]
                self.model.linear([*terms, (self._has[person, number], -1)], 0, 0)
            if (person, number) in self._fixed:
                self.model.linear([(self._has[person, number], 1)], 1, 1)
        for skill, count in block.places.items():
            takers = able[skill]
            gap = self.model.integer(max(0, count - len(takers)), count)
            self._gaps[number, skill] = self.model.derive(gap, _rest(takers, count))
            self.model.linear([*((one, 1) for one in takers), (gap, 1)], count, count)

    def _skills_for(self, person: int, block: Block) -> Sequence[str | None]:
        found: dict[str | None, None] = {}
        for slot in block.slots:
            needs = self.roster.slots[slot].needs
            found |= dict.fromkeys(needs[n] for n in able_places(self.roster, slot, person))
        return list(found)

    # What has to hold

    def _add_rule(self, rule: Rule) -> None:
        match rule:
            case Apart(one, other):
                for a, b in self._apart_blocks():
                    self._add_not_both(one, a, other, b)
            case Together(one, other):
                for slot in shared_slots(self.roster, one, other):
                    block = self._block_of[slot]
                    pair = [(self._has[one, block], 1), (self._has[other, block], -1)]
                    self.model.linear(pair, 0, 0)
            case _:
                for limit in limits_of(rule, self.roster.slots, self._clock):
                    self._add_limit(limit)

    def _apart_blocks(self) -> Sequence[tuple[int, int]]:
        pairs = apart_pairs(self.roster.slots)
        return sorted({(self._block_of[a], self._block_of[b]) for a, b in pairs})

    def _add_not_both(self, one: int, a: int, other: int, b: int) -> None:
        both = {(one, a), (other, b)}
        if both <= self._has.keys() and not both <= self._fixed:
            self.model.at_most_one([self._has[key] for key in both])

    def _add_most(self) -> None:
        slots = self.roster.slots
        for person, who in enumerate(self.roster.people):
            if who.most_ms is not None:
                every = [((slot,), given.length) for slot, given in enumerate(slots)]
                self._add_limit(Limit(tuple(every), who.most_ms), [person])

    def _add_limit(self, limit: Limit, people: Sequence[int] | None = None) -> None:
        groups = self._in_blocks(limit)
        for person in range(len(self.roster.people)) if people is None else people:
            terms = self._terms_of(person, groups)
            fixed = sum(
                amount
                for blocks, amount in groups.items()
                if any((person, block) in self._fixed for block in blocks)
            )
            most = max(limit.most, fixed)
            if sum(amount for _, amount in terms) > most:
                self._add_at_most(terms, most)

    def _add_at_most(self, terms: Linear, most: int) -> None:
        if most == 1 and all(amount == 1 for _, amount in terms):
            self.model.at_most_one([variable for variable, _ in terms])
            return
        unit = gcd(*(amount for _, amount in terms))
        scaled = [(variable, amount // unit) for variable, amount in terms]
        self.model.linear(scaled, -INT_MAX, most // unit)

    def _in_blocks(self, limit: Limit) -> Mapping[tuple[int, ...], int]:
        return {
            tuple(sorted({self._block_of[slot] for slot in slots})): amount
            for slots, amount in limit.groups
        }

    def _terms_of(self, person: int, groups: Mapping[tuple[int, ...], int]) -> Linear:
        found = [(self._any_of(person, blocks), amount) for blocks, amount in groups.items()]
        return [(variable, amount) for variable, amount in found if variable is not None]

    def _any_of(self, person: int, blocks: tuple[int, ...]) -> int | None:
        """Return the variable that says whether a person has any of the blocks, if they can."""
        mine = tuple(self._has[person, block] for block in blocks if (person, block) in self._has)
        if len(mine) < 2:
            return mine[0] if mine else None
        key = (person, mine)
        if key not in self._any:
            any_of = self.model.derive(self.model.boolean(), _largest(mine))
            for variable in mine:
                self.model.linear([(variable, 1), (any_of, -1)], -1, 0)
            self.model.linear([*((v, 1) for v in mine), (any_of, -1)], 0, len(mine))
            self._any[key] = any_of
        return self._any[key]

    # What is better

    def _aim(self, level: Level) -> Aim:
        parts = [(term.weight, *self._term(term)) for term in level.terms]
        constant = sum((weight * fixed for weight, _, _, fixed in parts), Fraction(0))
        scales = [weight * scale for weight, _, scale, _ in parts]
        unit = Fraction(
            gcd(*(scale.numerator for scale in scales)),
            lcm(*(scale.denominator for scale in scales)),
        )
        total: dict[int, int] = defaultdict(int)
        for scale, (_, terms, _, _) in zip(scales, parts, strict=True):
            for variable, coefficient in terms:
                total[variable] += coefficient * int(scale / unit)
        return Aim(level.name, list(total.items()), unit, constant)

    def _term(self, term: Term) -> tuple[Linear, Fraction, Fraction]:
        """Return a sum, the value of one of it, and a constant."""
        one, zero = Fraction(1), Fraction(0)
        match term:
            case Gaps():
                return [(gap, 1) for gap in self._gaps.values()], one, zero
            case Balance():
                return self._balance(term)
            case PairBalance(counter, per):
                return [(self._pair_balance(counter, per), 1)], one, zero
            case Deviation(counter, targets):
                return self._deviation(counter, targets)
            case Costs(costs):
                return self._costs(costs), one, zero
            case Broken(rule):
                return [(variable, 1) for variable in self._broken(rule)], one, zero

    def _costs(self, costs: Mapping[tuple[int, int], int]) -> Linear:
        return [
            (self._has[person, self._block_of[slot]], cost)
            for (person, slot), cost in costs.items()
            if (person, self._block_of[slot]) in self._has
        ]

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
            for person, mine in enumerate(amounts):
                terms = [
                    (self._has[person, n], mine[block.slots[0]] // unit)
                    for n, block in enumerate(self.blocks)
                    if (person, n) in self._has and mine[block.slots[0]]
                ]
                start = carried[person] // unit
                least, most = self.model.range_of(terms)
                variable = self.model.integer(start + least, start + most)
                self.model.linear([*terms, (variable, -1)], -start, -start)
                found.append(self.model.derive(variable, _total(terms, start)))
            self._sums[counter.name] = found, unit
        return self._sums[counter.name]

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
        low = self.model.derive(self.model.integer(least, most), _extreme(min, sums, factors))
        high = self.model.derive(self.model.integer(least, most), _extreme(max, sums, factors))
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

    def _broken(self, rule: Rule) -> Sequence[int]:
        match rule:
            case Apart(one, other):
                slots = self.roster.slots
                both = [
                    ((one, self._block_of[a]), (other, self._block_of[b]))
                    for a, b in apart_pairs(slots)
                ]
                found = [self._both(*keys) for keys in sorted(set(both))]
                return [variable for variable in found if variable is not None]
            case Together(one, other):
                return [
                    self._differ(one, other, slot) for slot in shared_slots(self.roster, one, other)
                ]
            case _:
                return self._excesses(rule)

    def _both(self, one: tuple[int, int], other: tuple[int, int]) -> int | None:
        if one not in self._has or other not in self._has:
            return None
        pair = self._has[one], self._has[other]
        both = self.model.derive(self.model.boolean(), _smallest(pair))
        self.model.linear([*((variable, 1) for variable in pair), (both, -1)], 0, 1)
        return both

    def _differ(self, one: int, other: int, slot: int) -> int:
        block = self._block_of[slot]
        pair = [(self._has[one, block], 1), (self._has[other, block], -1)]
        differ = self.model.boolean()
        self.model.linear([*pair, (differ, -1)], -2, 0)
        self.model.linear([*pair, (differ, 1)], 0, 2)
        return self.model.derive(differ, _distance_of(pair))

    def _excesses(self, rule: PersonRule) -> Sequence[int]:
        found = []
        for limit in limits_of(rule, self.roster.slots, self._clock, softly=True):
            groups = self._in_blocks(limit)
            for person in range(len(self.roster.people)):
                terms = self._terms_of(person, groups)
                most = sum(amount for _, amount in terms)
                if most > limit.most:
                    bound = -((limit.most - most) // limit.unit)
                    over = self.model.integer(0, bound)
                    self.model.linear([*terms, (over, -limit.unit)], -INT_MAX, limit.most)
                    found.append(self.model.derive(over, _excess(terms, limit)))
        return found

    # Between assignments and solutions

    def values_of(self, assignment: Assignment) -> Values:
        """Return the values of all variables for an assignment."""
        values = [0] * self.model.size
        for person, slots in enumerate(held_slots(self.roster, assignment)):
            for slot in slots:
                values[self._has[person, self._block_of[slot]]] = 1
        for slot, people in enumerate(assignment):
            for skill, person in zip(self.roster.slots[slot].needs, people, strict=True):
                if person is not None:
                    values[self._takes[person, self._block_of[slot], skill]] = 1
        return self.model.completed(values)

    def assignment_of(self, values: Values) -> Assignment:
        """Return the assignment that a solution stands for."""
        people: list[dict[str | None, list[int]]] = [defaultdict(list) for _ in self.blocks]
        for (person, block, skill), variable in self._takes.items():
            if values[variable]:
                people[block][skill].append(person)
        return assigned(self.roster, self.blocks, people)


Derived = Callable[[Values], int]


def _rest(variables: Sequence[int], count: int) -> Derived:
    return lambda values: count - sum(values[variable] for variable in variables)


def _largest(variables: Sequence[int]) -> Derived:
    return lambda values: max(values[variable] for variable in variables)


def _smallest(variables: Sequence[int]) -> Derived:
    return lambda values: min(values[variable] for variable in variables)


def _total(terms: Linear, start: int) -> Derived:
    return lambda values: start + sum(amount * values[variable] for variable, amount in terms)


def _extreme(pick: Callable[..., int], variables: Sequence[int], factors: Sequence[int]) -> Derived:
    pairs = list(zip(variables, factors, strict=True))
    return lambda values: pick(factor * values[variable] for variable, factor in pairs)


def _worst_pair(variables: Sequence[int], weights: Sequence[int], per: int) -> Derived:
    def worst(values: Values) -> int:
        sums = [values[variable] for variable in variables]
        pairs = combinations(zip(sums, weights, strict=True), 2)
        most = max((abs(w * other - v * one) for (one, w), (other, v) in pairs), default=0)
        return -(-most // per)

    return worst


def _distance(variable: int, factor: int, aim: int) -> Derived:
    return lambda values: abs(factor * values[variable] - aim)


def _distance_of(terms: Linear) -> Derived:
    return lambda values: abs(sum(amount * values[variable] for variable, amount in terms))


def _excess(terms: Linear, limit: Limit) -> Derived:
    def excess(values: Values) -> int:
        total = sum(amount * values[variable] for variable, amount in terms)
        return max(0, -((limit.most - total) // limit.unit))

    return excess
