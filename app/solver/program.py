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
from collections.abc import Hashable, Iterator, Mapping, Sequence
from math import gcd
from random import Random

from app.engine.roster.able import able_places
from app.engine.roster.limits import Limit, limits_of, overlap_limits
from app.engine.roster.model import (
    Apart,
    Assignment,
    Broken,
    Costs,
    Counter,
    PersonRule,
    Rest,
    Roster,
    Rule,
    Together,
    held_slots,
)
from app.engine.roster.pairs import apart_pairs, shared_slots
from app.engine.walltime import clock_of
from app.solver.aims import Aims, Derived, Values, largest_of, rest_of, total_of
from app.solver.blocks import Block, assigned, blocks_of, counters_of, kinds_of
from app.solver.cp_sat import INT_MAX, Linear

PEOPLE_CHANCE = 0.5
"""How often a part is some people, and not some time."""


class Program(Aims):
    """The integer program of a roster."""

    def __init__(self, roster: Roster) -> None:
        super().__init__(roster)
        self.blocks = blocks_of(roster)
        self._clock = clock_of(roster.timezone)
        self._block_of = {slot: n for n, block in enumerate(self.blocks) for slot in block.slots}
        self._has: dict[tuple[int, int], int] = {}
        self._takes: dict[tuple[int, int, str | None], int] = {}
        self._gaps: dict[tuple[int, str | None], int] = {}
        self._any: dict[tuple[int, ...], int] = {}
        self.fixed = {(person, self._block_of[slot]) for slot, person in roster.fixed}
        for number, block in enumerate(self.blocks):
            self._add_block(number, block)
        for limit in overlap_limits(roster.slots):
            self._add_limit(limit)
        self.kinds = kinds_of(self.blocks)
        self.counts = self._counts()
        self._add_most()
        for rule in roster.rules:
            self._add_rule(rule)
        self.aims = [self.aim(level) for level in roster.levels]

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
            if (person, number) in self.fixed:
                self.model.linear([(self._has[person, number], 1)], 1, 1)
        for skill, count in block.places.items():
            takers = able[skill]
            gap = self.model.integer(max(0, count - len(takers)), count)
            self._gaps[number, skill] = self.model.derive(gap, rest_of(takers, count))
            self.model.linear([*((one, 1) for one in takers), (gap, 1)], count, count)

    def _skills_for(self, person: int, block: Block) -> Sequence[str | None]:
        found: dict[str | None, None] = {}
        for slot in block.slots:
            needs = self.roster.slots[slot].needs
            found |= dict.fromkeys(needs[n] for n in able_places(self.roster, slot, person))
        return list(found)

    def _counts(self) -> Mapping[tuple[int, int], int]:
        """Return how many blocks of each kind a person has."""
        found = {}
        for kind, blocks in enumerate(self.kinds):
            for person in range(len(self.roster.people)):
                mine = [self._has[person, n] for n in blocks if (person, n) in self._has]
                if len(mine) == 1:
                    found[person, kind] = mine[0]
                elif mine:
                    terms = [(variable, 1) for variable in mine]
                    count = self.model.integer(0, len(mine))
                    self.model.linear([*terms, (count, -1)], 0, 0)
                    found[person, kind] = self.model.derive(count, total_of(terms))
        return found

    def coarse_counts(self, level: int) -> Mapping[int, Linear]:
        """Add sums of the counts of kinds that are one kind to the objectives up to a level.

        Returns what each is the sum of, by variable; nothing if all kinds differ to them already.
        """
        told = len(counters_of(self.roster.levels[: level + 1]))
        if len({self.blocks[kind[0]].amounts[:told] for kind in self.kinds}) == len(self.kinds):
            return {}
        parts: dict[Hashable, list[tuple[int, int]]] = defaultdict(list)
        for (person, kind), count in self.counts.items():
            amounts = self.blocks[self.kinds[kind][0]].amounts[:told]
            parts[person, amounts].append((count, 1))
        sums = {}
        for terms in parts.values():
            whole = self.model.integer(*self.model.range_of(terms))
            self.model.linear([*terms, (whole, -1)], 0, 0)
            sums[self.model.derive(whole, total_of(terms))] = terms
        return sums

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
        if both <= self._has.keys() and not both <= self.fixed:
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
                if any((person, block) in self.fixed for block in blocks)
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
        """Return what a limit counts by blocks; slots that are alike count once."""
        return {
            tuple(sorted({self._block_of[slot] for slot in slots})): amount
            for slots, amount in limit.groups
        }

    def _terms_of(self, person: int, groups: Mapping[tuple[int, ...], int]) -> Linear:
        found: dict[int, int] = defaultdict(int)
        for blocks, amount in groups.items():
            variable = self._any_of(person, blocks)
            if variable is not None:
                found[variable] += amount
        return list(found.items())

    def _any_of(self, person: int, blocks: tuple[int, ...]) -> int | None:
        """Return the variable that says whether a person has any of the blocks, if they can."""
        mine = tuple(self._has[person, block] for block in blocks if (person, block) in self._has)
        if len(mine) < 2:
            return mine[0] if mine else None
        if mine not in self._any:
            self._any[mine] = self.model.derive(self.model.boolean(), largest_of(mine))
            for variable in mine:
                self.model.linear([(variable, 1), (self._any[mine], -1)], -1, 0)
        return self._any[mine]

    # What is better

    def gap_terms(self) -> Linear:
        """Return the number of places that nobody has."""
        return [(gap, 1) for gap in self._gaps.values()]

    def held_terms(self, person: int, counter: Counter) -> Linear:
        """Return what a person has of a counter, without what they carry."""
        amounts = counter.of(person)
        return [
            (self.counts[person, kind], amounts[self.blocks[blocks[0]].slots[0]])
            for kind, blocks in enumerate(self.kinds)
            if (person, kind) in self.counts and amounts[self.blocks[blocks[0]].slots[0]]
        ]

    def missed_terms(self, counter: Counter) -> Linear:
        """Return what nobody has of a counter that is the same for all."""
        amounts = [counter.amounts[block.slots[0]] for block in self.blocks]
        return [(gap, amounts[n]) for (n, _), gap in self._gaps.items() if amounts[n]]

    def other_terms(self, term: Costs | Broken) -> Linear:
        """Return the sum of costs, or how much a rule is broken."""
        if isinstance(term, Costs):
            return self._costs(term.costs)
        return [(variable, 1) for variable in self._broken(term.rule)]

    def _costs(self, costs: Mapping[tuple[int, int], int]) -> Linear:
        return [
            (self._has[person, self._block_of[slot]], cost)
            for (person, slot), cost in costs.items()
            if (person, self._block_of[slot]) in self._has
        ]

    def _broken(self, rule: Rule) -> Sequence[int]:
        match rule:
            case Apart(one, other):
                slots = self.roster.slots
                both = [
                    ((one, self._block_of[a]), (other, self._block_of[b]))
                    for a, b in apart_pairs(slots)
                ]
                pairs = [self._both(*keys) for keys in sorted(set(both))]
                return [variable for variable in pairs if variable is not None]
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
        limits = limits_of(rule, self.roster.slots, self._clock, softly=True)
        counted = [(self._in_blocks(limit), limit) for limit in limits]
        if isinstance(rule, Rest):  # a pair of blocks is one pair of slots, whichever they are
            counted = list({tuple(groups): (groups, limit) for groups, limit in counted}.values())
        return [
            over
            for groups, limit in counted
            for person in range(len(self.roster.people))
            for over in self._excess(self._terms_of(person, groups), limit)
        ]

    def _excess(self, terms: Linear, limit: Limit) -> Iterator[int]:
        most = sum(amount for _, amount in terms)
        if most > limit.most:
            over = self.model.integer(0, -((limit.most - most) // limit.unit))
            self.model.linear([*terms, (over, -limit.unit)], -INT_MAX, limit.most)
            yield self.model.derive(over, _excess(terms, limit))

    # What is searched at a time

    def outside_of_part(self, random: Random) -> Sequence[int]:
        """Return the variables that decide what is not in a random part of the roster."""
        people, blocks = len(self.roster.people), len(self.blocks)
        if random.random() < PEOPLE_CHANCE:
            chosen = set(random.sample(range(people), min(people, random.randint(2, 5))))
            return [has for (person, _), has in self._has.items() if person not in chosen]
        length = max(4, blocks // random.randint(3, 8))
        first = random.randrange(max(1, blocks - length + 1))
        part = range(first, first + length)
        return [has for (_, block), has in self._has.items() if block not in part]

    # Between assignments and solutions

    def values_of(self, assignment: Assignment) -> Values:
        """Return the values of all variables for an assignment."""
        values = [0] * self.model.size
        for person, slots in enumerate(held_slots(self.roster, assignment)):
            for slot in slots:
                values[self._has[person, self._block_of[slot]]] = 1
        for slot, people in enumerate(assignment):
            for skill, taker in zip(self.roster.slots[slot].needs, people, strict=True):
                if taker is not None:
                    values[self._takes[taker, self._block_of[slot], skill]] = 1
        return self.model.completed(values)

    def assignment_of(self, values: Values) -> Assignment:
        """Return the assignment that a solution stands for."""
        people: list[dict[str | None, list[int]]] = [defaultdict(list) for _ in self.blocks]
        for (person, block, skill), variable in self._takes.items():
            if values[variable]:
                people[block][skill].append(person)
        return assigned(self.roster, self.blocks, people)


def _smallest(variables: Sequence[int]) -> Derived:
    return lambda values: min(values[variable] for variable in variables)


def _distance_of(terms: Linear) -> Derived:
    return lambda values: abs(sum(amount * values[variable] for variable, amount in terms))


def _excess(terms: Linear, limit: Limit) -> Derived:
    def excess(values: Values) -> int:
        total = sum(amount * values[variable] for variable, amount in terms)
        return max(0, -((limit.most - total) // limit.unit))

    return excess
