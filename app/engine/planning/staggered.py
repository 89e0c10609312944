"""Staggered roles: whoever is secondary in one shift is primary in the next.

Strategy: a person takes a *stint*: the last role of one shift, the role before it in the next, and
so on up to the first. One stint begins with each shift; those under way at the first shift or at
the end of the last are shorter. Stint by stint, in order of time, a person is chosen who can take
the most of it, in turn or the least loaded. The rest of a stint that nobody can take as a whole
goes to the least loaded of those who can take the most of that. For the fair strategy stints then
change hands as long as that makes loads more even.

Invariants: no constraint is broken that fixed shifts do not break; a role slot stays empty only if
nobody can take it; if nobody is away and no constraint in the way, every stint is one person's.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import combinations

from app.engine.planning.assignment import (
    Assignment,
    BudgetExhausted,
    SearchBudget,
    load_range,
)
from app.engine.planning.blocks import Blocks
from app.engine.planning.constraints import Constraints
from app.engine.planning.objective import holiday_loads, night_loads, weekend_loads
from app.engine.planning.problem import bits
from app.engine.planning.request import PlanningRequest
from app.engine.planning.round_robin import MOST_NAMED

Place = tuple[int, int]
"""A shift and a role in it."""


class Stints:
    """The people in all roles, stint by stint; ``slots`` has one list of them a shift.

    ``phrases`` are what there is to say of shifts: who was passed over, and where roles are not
    staggered.
    """

    def __init__(self, request: PlanningRequest, constraints: Constraints) -> None:
        problem = self.problem = constraints.problem
        self.constraints, self.blocks = constraints, Blocks(request, constraints)
        self.assignment = Assignment(problem, problem.fixed_shifts)
        self.slots: list[list[int | None]] = [
            [None for _ in request.roles] for _ in problem.lengths
        ]
        index = {name: person for person, name in enumerate(problem.people)}
        self.fixed = {(item.shift, item.role): index[item.person] for item in request.fixed}
        for (shift, role), person in self.fixed.items():
            self.slots[shift][role] = person
        self.roles, self.in_turn = request.roles, request.strategy == "round-robin"
        self.owed: list[int] = []
        self.place = 0
        self.phrases: dict[int, list[str]] = {}

    def fill(self) -> None:
        """Give every stint to the people who can take the most of it."""
        for stint in range(len(self.slots) + len(self.roles) - 1):
            places = self._empty_places(stint)
            newcomer = places == self._places(stint)
            while places:
                count = self._give(places, newcomer=newcomer)
                places, newcomer = places[max(count, 1) :], False

    def _places(self, stint: int) -> Sequence[Place]:
        """List the places of a stint, in order of time."""
        first = max(0, stint - len(self.roles) + 1)
        return [(shift, stint - shift) for shift in range(first, min(stint + 1, len(self.slots)))]

    def _empty_places(self, stint: int) -> Sequence[Place]:
        return [place for place in self._places(stint) if place not in self.fixed]

    def _give(self, places: Sequence[Place], *, newcomer: bool) -> int:
        """Give the most of ``places`` that one person can take, and return how many those are."""
        people = [*self._beside(places), *self._waiting(places[0][0])]
        runs = {person: self._run(person, places) for person in people}
        most = max(runs.values(), default=0)
        if not most:
            return 0
        able = [person for person in people if runs[person] == most]
        beside = next((person for person in self._beside(places) if runs[person]), None)
        if beside is not None:
            chosen = beside
        elif newcomer and self.in_turn:
            chosen = able[0]
            self._take_turn(chosen, people, runs, places)
        else:
            chosen = min(able, key=lambda person: self.assignment.loads[person])
            self.place = self._after(chosen) if newcomer else self.place
        for shift, role in places[: runs[chosen]]:
            self._assign(chosen, shift, role)
        return runs[chosen]

    def _beside(self, places: Sequence[Place]) -> Iterator[int]:
        """Yield the people who have the same stint before or after ``places``."""
        (shift, role), (last, last_role) = places[0], places[-1]
        before = self.slots[shift - 1][role + 1 :][:1] if shift else ()
        after = self.fixed.get((last + 1, last_role - 1))
        yield from (person for person in (*before, after) if person is not None)

    def _waiting(self, shift: int) -> Sequence[int]:
        """List the people who belong to the team in ``shift``: those owed a turn, then in turn."""
        there = self.problem.membership.members[shift] if self.problem.membership else -1
        self.owed = [person for person in self.owed if there >> person & 1]
        after = (*self.problem.cycle[self.place :], *self.problem.cycle[: self.place])
        return [*self.owed, *(person for person in after if there >> person & 1)]

    def _run(self, person: int, places: Sequence[Place]) -> int:
        """Count how many of ``places``, from the first one on, ``person`` can take."""
        taken: list[int] = []
        for shift, _ in places:
            if not self._may_take(person, shift):
                break
            self.assignment.assign(shift, person)
            taken.append(shift)
        for shift in taken:
            self.assignment.unassign(shift, person)
        return len(taken)

    def _may_take(self, person: int, shift: int) -> bool:
        able = self.problem.eligible_people[shift] & ~self.assignment.holders[shift]
        return bool(able >> person & 1) and self.constraints.allows(self.assignment, person, shift)

    def _assign(self, person: int, shift: int, role: int) -> None:
        self.slots[shift][role] = person
        self.assignment.assign(shift, person)

    def _after(self, person: int) -> int:
        """Return the place in the cycle after the next turn of ``person``."""
        cycle = self.problem.cycle
        after = [*range(self.place, len(cycle)), *range(self.place)]
        found: int = next(place for place in after if cycle[place] == person)
        return found + 1

    def _take_turn(
        self,
        chosen: int,
        people: Sequence[int],
        runs: Mapping[int, int],
        places: Sequence[Place],
    ) -> None:
        """Move on to the turn of ``chosen``, and owe one to the people who are passed over."""
        names, (shift, _) = self.problem.people, places[0]
        if chosen in self.owed:
            self.owed.remove(chosen)
            self._say(shift, f"{names[chosen]}, who is owed a turn")
            return
        passed = people[len(self.owed) : people.index(chosen)]
        owing = [other for other in passed if not self.constraints.have_all(self.assignment, other)]
        self.owed += owing
        self.place = self._after(chosen)
        if passed:
            told = [f"{names[each]}, who {self._why(each, places, runs[each])}" for each in passed]
            text = f"{names[chosen]} instead of {' and '.join(told[:MOST_NAMED])}"
            text += f" and {len(told) - MOST_NAMED:,} more" if len(told) > MOST_NAMED else ""
            owed = "turns are" if len(owing) > 1 else "turn is"
            self._say(shift, f"{text}; the {owed} owed back" if owing else text)

    def _why(self, person: int, places: Sequence[Place], count: int) -> str:
        """Write why ``person`` can take the first ``count`` of ``places`` and not the next."""
        for shift, _ in places[:count]:
            self.assignment.assign(shift, person)
        text = self.blocks.why_not_yet(self.assignment, person, places[count][0])
        for shift, _ in places[:count]:
            self.assignment.unassign(shift, person)
        return text

    def _say(self, shift: int, text: str) -> None:
        self.phrases.setdefault(shift, []).append(text)

    def even_out(self, budget: SearchBudget) -> None:
        """Let whole stints change hands as long as loads, holidays, weekends and nights even out.

        People who cannot take a part of their stint keep theirs: that is because of others of them.
        """
        if self._broken() and any(self.problem.avoided):
            return
        with suppress(BudgetExhausted):
            while self._even_out_once(budget):
                pass

    def _even_out_once(self, budget: SearchBudget) -> bool:
        """Try each change once, keep those that help, and tell whether any did."""
        kept = {before for _, _, before in self._broken()}
        stints = [
            places
            for places in map(self._places, range(len(self.slots) + len(self.roles) - 1))
            if len({self.slots[shift][role] for shift, role in places}) == 1
            and not self.fixed.keys() & set(places)
            and self._holder(places) not in kept | {None}
        ]
        helped = False
        for places in stints:
            for person in set(range(len(self.problem.people))) - kept:
                budget.spend(len(self.slots))
                helped |= self._try([places], [person])
        for one, other in combinations(stints, 2):
            budget.spend(len(self.slots))
            swapped = [
                person for person in (self._holder(other), self._holder(one)) if person is not None
            ]
            helped |= self._try([one, other], swapped)
        return helped

    def _try(self, stints: Sequence[Sequence[Place]], people: Sequence[int]) -> bool:
        """Give ``stints`` to ``people`` if they can take them and that makes loads more even."""
        held = map(self._holder, stints)
        before, value = [person for person in held if person is not None], self._value()
        if before == people:
            return False
        for places in stints:
            self._clear(places)
        for places, person in zip(stints, people, strict=True):
            if self._run(person, places) == len(places):
                self._hand(places, person)
        if all(self._holder(places) is not None for places in stints) and self._value() < value:
            return True
        for places in stints:
            self._clear(places)
        for places, holder in zip(stints, before, strict=True):
            self._hand(places, holder)
        return False

    def _holder(self, places: Sequence[Place]) -> int | None:
        """Return who has the first of ``places``."""
        return self.slots[places[0][0]][places[0][1]]

    def _hand(self, places: Sequence[Place], person: int) -> None:
        for shift, role in places:
            self._assign(person, shift, role)

    def _clear(self, places: Sequence[Place]) -> None:
        for shift, role in places:
            person, self.slots[shift][role] = self.slots[shift][role], None
            if person is not None:
                self.assignment.unassign(shift, person)

    def _value(self) -> tuple[int, int, int, int]:
        """Measure how uneven loads, holidays, weekends and nights are; less is better."""
        loads = self.assignment.loads
        unsocial = (weekend_loads(self.assignment), night_loads(self.assignment))
        return (
            load_range(loads),
            sum(load * load for load in loads),
            load_range(holiday_loads(self.assignment)),
            sum(map(load_range, unsocial)),
        )

    def fill_rest(self) -> None:
        """Give each place that is still empty to the least loaded who can take it."""
        for shift, people in enumerate(self.slots):
            for role, holder in enumerate(people):
                able = [
                    person
                    for person in bits(self.problem.eligible_people[shift])
                    if holder is None and self._may_take(person, shift)
                ]
                if able:
                    self._assign(min(able, key=self.assignment.loads.__getitem__), shift, role)

    def _broken(self) -> list[tuple[int, int, int]]:
        """List the places whose stint somebody else had before: the shift, the role and who."""
        return [
            (shift, role, before)
            for shift, people in enumerate(self.slots)
            for role, before in enumerate(self.slots[shift - 1][1:] if shift else ())
            if before is not None and people[role] != before
        ]

    def explain(self) -> Mapping[int, list[str]]:
        """Return what there is to say of each shift: who was passed over, who gave up a role."""
        names = self.problem.people
        for shift, role, before in self._broken():
            person = self.slots[shift][role]
            if person is not None:
                why = "as fixed"
                if (shift, role) not in self.fixed:
                    why = f"who {self.blocks.why_not(self.assignment, before, shift, person)}"
                self._say(
                    shift,
                    f"{names[person]} is {self.roles[role]} instead of {names[before]}, {why}",
                )
        return self.phrases

    @property
    def next_person(self) -> int:
        """The person with whom the next rotation goes on: first the secondary of the last shift."""
        there = self.problem.membership.in_the_end if self.problem.membership else -1
        second = self.slots[-1][1]
        if second is not None and there >> second & 1:
            return second
        return self.problem.person_at(self.place)


def staggered(request: PlanningRequest, constraints: Constraints, budget: SearchBudget) -> Stints:
    """Fill all roles stint by stint. The request must have two roles or more."""
    stints = Stints(request, constraints)
    stints.fill()
    if not stints.in_turn:
        stints.even_out(budget)
    stints.fill_rest()
    return stints
