"""A roster without times: how many slots of each kind each person has.

Strategy: slots that count the same are one kind. Whatever rules there are, the slots of each kind
are shared out among people, of whom nobody has more than they are able to take. So no assignment is
better than the best such totals, which are found in a small model; and an assignment that has
exactly these totals, if there is one, is found much faster than totals and assignment together.
There is likely to be one if the totals are even in each kind, too: that is asked for in the end.
"""

from collections.abc import Mapping
from math import ceil, floor

from app.engine.roster.model import Broken, Costs, Counter
from app.solver.aims import Aim, Aims, Derived, Values, rest_of
from app.solver.cp_sat import INT_MAX, Linear
from app.solver.program import Program


class Totals(Aims):
    """The totals of a roster, with as many of its objectives as depend on nothing else.

    ``aims`` ends before the first objective with costs. How much a rule is broken counts nothing,
    which is the least that it can.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program.roster)
        self._blocks = program.blocks
        self._kinds = program.kinds
        self.counts = {key: self._count(program, *key) for key in program.counts}
        self._gaps = [self._shared_out(kind) for kind in range(len(self._kinds))]
        self.aims: list[Aim] = []
        for level in self.roster.levels:
            if any(isinstance(term, Costs) for term in level.terms):
                break
            self.aims.append(self.aim(level))
        self.unevenness: Linear = [
            (self._off_share(person, kind), 1) for person, kind in self.counts
        ]

    def _off_share(self, person: int, kind: int) -> int:
        """Return by how much a person has more or less of a kind than their share, rounded."""
        count = self.counts[person, kind]
        whole = sum(who.weight for who in self.roster.people)
        share = sum(self._places(kind).values()) * self.roster.people[person].weight / whole
        least, most = floor(share), ceil(share)
        off = self.model.integer(0, max(least, self.model.bounds(count)[1]))
        self.model.linear([(count, 1), (off, -1)], -INT_MAX, most)
        self.model.linear([(count, 1), (off, 1)], least, INT_MAX)
        return self.model.derive(off, _outside(count, least, most))

    def _count(self, program: Program, person: int, kind: int) -> int:
        fixed = sum((person, block) in program.fixed for block in self._kinds[kind])
        _, most = program.model.bounds(program.counts[person, kind])
        return self.model.integer(fixed, most)

    def _shared_out(self, kind: int) -> int:
        """Say that the places of a kind are shared out. Returns the number that is not."""
        people = range(len(self.roster.people))
        places = self._places(kind)
        takers = {p: self.counts[p, kind] for p in people if (p, kind) in self.counts}
        whole = sum(places.values())
        gaps = self.model.derive(
            self.model.integer(0, whole), rest_of(list(takers.values()), whole)
        )
        self.model.linear([*((count, 1) for count in takers.values()), (gaps, 1)], whole, whole)
        if not self.roster.fixed:  # whoever is fixed needs no skill
            self._keep_to_skills(places, takers)
        return gaps

    def _keep_to_skills(self, places: Mapping[str | None, int], takers: Mapping[int, int]) -> None:
        for skill, wanted in places.items():
            if skill is not None:
                others = [
                    (count, 1)
                    for person, count in takers.items()
                    if skill not in self.roster.people[person].skills
                ]
                self.model.linear(others, -INT_MAX, sum(places.values()) - wanted)

    def _places(self, kind: int) -> Mapping[str | None, int]:
        places: dict[str | None, int] = {}
        for number in self._kinds[kind]:
            for skill, count in self._blocks[number].places.items():
                places[skill] = places.get(skill, 0) + count
        return places

    def values_of(self, counts: Mapping[tuple[int, int], int]) -> Values:
        """Return the values of all variables for totals by person and kind."""
        values = [0] * self.model.size
        for key, count in counts.items():
            values[self.counts[key]] = count
        return self.model.completed(values)

    def gap_terms(self) -> Linear:
        """Return the number of places that nobody has."""
        return [(gap, 1) for gap in self._gaps]

    def held_terms(self, person: int, counter: Counter) -> Linear:
        """Return what a person has of a counter, without what they carry."""
        amounts = counter.of(person)
        terms = [
            (self.counts[person, kind], amounts[self._first_slot(kind)])
            for kind in range(len(self._kinds))
            if (person, kind) in self.counts
        ]
        return [(variable, amount) for variable, amount in terms if amount]

    def missed_terms(self, counter: Counter) -> Linear:
        """Return what nobody has of a counter that is the same for all."""
        terms = [(gap, counter.amounts[self._first_slot(n)]) for n, gap in enumerate(self._gaps)]
        return [(gap, amount) for gap, amount in terms if amount]

    def other_terms(self, term: Costs | Broken) -> Linear:  # noqa: ARG002
        """Return nothing: no rule is broken less than not at all."""
        return []

    def _first_slot(self, kind: int) -> int:
        return self._blocks[self._kinds[kind][0]].slots[0]


def _outside(variable: int, least: int, most: int) -> Derived:
    return lambda values: max(0, least - values[variable], values[variable] - most)
