"""The solver of rotations under constraints: the fewest vacancies, then the smallest load range.

    has[person, shift]        whether a person has a role slot of a shift
    vacant[shift]             how many of its role slots that somebody can take nobody has
    counts[person, length]    how many shifts of a length a person has

Strategy: the fewest vacancies are told by the engine, which looks at who can follow whom
(``app/engine/planning/vacancies.py``); the solver seeks them itself where that is too much, or
where limits are in the way. Loads follow from the counts alone: without times they are a small
program, whose optimum is a bound of the load range. Then assignments are searched for one that
reaches it. Where the ways to the fewest vacancies are few, an assignment is one of them; else of
shifts too near to each other a person has at most one, of shifts in a row at most so many, and of
two people kept apart one.

Invariant: what is fixed stands, even against a constraint, which then allows no more than that.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from math import gcd
from operator import or_

from app.engine.planning.assignment import Assignment
from app.engine.planning.constraints import Constraints, rest_range
from app.engine.planning.flow import Solution
from app.engine.planning.greedy import masks_by_length
from app.engine.planning.limits import NO_LIMIT, Limits
from app.engine.planning.problem import AssignmentProblem, bits
from app.engine.planning.vacancies import FewestVacancies, State, most_shifts
from app.solver.aims import Derived, extreme_of, largest_of, rest_of, total_of
from app.solver.cp_sat import INT_MAX, Linear, Model, Outcome

MOST_CHOICES = 3_000
"""The most pairs of a person and a shift that they can take: a program of more takes too long."""
MOST_STEPS = 500
"""The most steps of ways that are made variables; beyond, the solver is quicker without."""
VACANCIES_SHARE, LOADS_SHARE = 0.4, 0.1
"""The shares of the time for vacancies, and for loads without times. Assignments have the rest."""


def solve_rotation(
    solution: Solution, constraints: Constraints, fewest: FewestVacancies | None, seconds: float
) -> Solution:
    """Better ``solution``, or prove that it cannot be, in so much deterministic time.

    ``fewest`` are the ways to as few vacancies as it has, if those are known. Its assignment is
    returned if no better one is found. So is ``solution`` itself if the rotation is too large.
    """
    problem = constraints.problem
    if sum(people.bit_count() for people in problem.eligible_people) > MOST_CHOICES:
        return solution
    try:
        program = _Program(problem)
        if fewest and sum(map(len, fewest.steps)) <= MOST_STEPS:
            program.add_ways(fewest)
        else:
            program.add_order()
        return _bettered(program, solution, seconds)
    except OverflowError:
        return solution


class _Loads:
    """The loads of a program: variables for counts, for each load, and for both extremes.

    ``range`` is the largest load minus the smallest, in ``unit``.
    """

    def __init__(
        self,
        model: Model,
        problem: AssignmentProblem,
        counts: Sequence[Mapping[int, int]],
        vacant: Mapping[int, Linear],
    ) -> None:
        """Say what all have together, with what is ``vacant`` by length, and the loads."""
        self._model = model
        masks = masks_by_length(problem)
        for length, shifts in masks.items():
            count = sum(problem.demand[shift] for shift in bits(shifts))
            every = [(mine[length], 1) for mine in counts]
            model.linear([*every, *vacant[length]], count, count)
        carried = [load - min(problem.carried_load) for load in problem.carried_load]
        amounts = [each * length for each in problem.load_per_ms for length in masks]
        self.unit = gcd(*carried, *amounts) or 1
        loads = [
            self._load(
                [(count, per_ms * length // self.unit) for length, count in mine.items()],
                start // self.unit,
            )
            for mine, per_ms, start in zip(counts, problem.load_per_ms, carried, strict=True)
        ]
        most = max(model.bounds(load)[1] for load in loads)
        low, high = model.integer(0, most), model.integer(0, most)
        for load in loads:
            model.linear([(load, 1), (low, -1)], 0, INT_MAX)
            model.linear([(high, 1), (load, -1)], 0, INT_MAX)
        equally = [1] * len(loads)
        model.derive(low, extreme_of(min, loads, equally))
        model.derive(high, extreme_of(max, loads, equally))
        self.range: Linear = [(high, 1), (low, -1)]

    def _load(self, terms: Linear, start: int) -> int:
        least, most = self._model.range_of(terms)
        load = self._model.integer(start + least, start + most)
        self._model.linear([*terms, (load, -1)], -start, -start)
        return self._model.derive(load, total_of(terms, start))


class _Program:
    """The integer program of a rotation."""

    def __init__(self, problem: AssignmentProblem) -> None:
        self.problem = problem
        self.model = Model()
        self.people = range(len(problem.people))
        self.has = {
            (person, shift): self.model.boolean()
            for shift, people in enumerate(problem.eligible_people)
            for person in bits(people)
        }
        for person, fixed in enumerate(problem.fixed_shifts):
            for shift in bits(fixed):
                self.model.set_bounds(self.has[person, shift], 1, 1)
        places = [self._add_places(shift) for shift in range(len(problem.lengths))]
        self.vacancies: Linear = [(vacant, 1) for vacant in places]
        by_length = {length: list(bits(mask)) for length, mask in masks_by_length(problem).items()}
        counts = [
            {length: self._add_count(person, shifts) for length, shifts in by_length.items()}
            for person in self.people
        ]
        vacant = {
            length: [(places[shift], 1) for shift in shifts] for length, shifts in by_length.items()
        }
        self.loads = _Loads(self.model, problem, counts, vacant)
        if problem.limits:
            for person in self.people:
                self._add_limits(problem.limits, person)

    def _add_places(self, shift: int) -> int:
        """Say that the places of a shift are filled or vacant."""
        demand = self.problem.demand[shift]
        takers = [self.has[person, shift] for person in bits(self.problem.eligible_people[shift])]
        vacant = self.model.derive(self.model.integer(0, demand), rest_of(takers, demand))
        self.model.linear([*((has, 1) for has in takers), (vacant, 1)], demand, demand)
        return vacant

    def _add_count(self, person: int, shifts: Sequence[int]) -> int:
        """Count how many of ``shifts`` a person has."""
        terms = self._held(person, shifts)
        count = self.model.integer(0, len(terms))
        self.model.linear([*terms, (count, -1)], 0, 0)
        return self.model.derive(count, total_of(terms))

    def _held(self, person: int, shifts: Sequence[int]) -> Linear:
        """Return the sum of those of ``shifts`` that a person has."""
        return [(self.has[key], 1) for shift in shifts if (key := (person, shift)) in self.has]

    # What has to hold

    def add_order(self) -> None:
        """Say what may follow, and who may be together."""
        for shifts, most in self._stretches():
            for person in self.people:
                self._add_at_most(person, shifts, most)
        problem = self.problem
        for one, others in enumerate(problem.avoided):
            for other in bits(others & -1 << one):
                both = problem.eligible_shifts[one] & problem.eligible_shifts[other]
                together = problem.fixed_shifts[one] & problem.fixed_shifts[other]
                for shift in bits(both & ~together):
                    self.model.at_most_one([self.has[one, shift], self.has[other, shift]])

    def _stretches(self) -> Iterator[tuple[range, int]]:
        """Yield stretches of shifts, and how many of them a person may have."""
        problem, count = self.problem, len(self.problem.lengths)
        if problem.min_rest_ms:
            for shift in range(count):
                yield range(shift, rest_range(problem, shift)[1]), 1
        if most := problem.max_consecutive:
            for first in range(count - most):
                yield range(first, first + most + 1), most

    def _add_at_most(self, person: int, shifts: Sequence[int], most: int) -> None:
        terms = self._held(person, shifts)
        most = max(most, sum(self.problem.fixed_shifts[person] >> shift & 1 for shift in shifts))
        if len(terms) > most:
            self.model.linear(terms, 0, most)

    def _add_limits(self, limits: Limits, person: int) -> None:
        lengths, fixed = self.problem.lengths, self.problem.fixed_shifts[person]
        shifts = list(bits(self.problem.eligible_shifts[person]))
        if limits.shifts[person] < NO_LIMIT:
            self._add_at_most(person, shifts, limits.shifts[person])
        if limits.total_ms[person] < NO_LIMIT:
            terms = [(self.has[person, shift], lengths[shift]) for shift in shifts]
            held = sum(lengths[shift] for shift in bits(fixed))
            self.model.linear(terms, 0, max(limits.total_ms[person], held))
        if limits.weekends[person] < NO_LIMIT:
            self._add_weekends(limits, person)

    def _add_weekends(self, limits: Limits, person: int) -> None:
        """Let a person have shifts of so many weekends; if they have too many, no more of any."""
        fixed, able = self.problem.fixed_shifts[person], self.problem.eligible_shifts[person]
        held, most = limits.weekends_held(fixed), limits.weekends[person]
        if held > most:
            for shift in bits(reduce(or_, limits.weekend_shifts) & able & ~fixed):
                self.model.set_bounds(self.has[person, shift], 0, 0)
            return
        weekends = []
        for shifts in limits.weekend_shifts:
            if mine := self._held(person, list(bits(shifts & able))):
                any_of = largest_of([has for has, _ in mine])
                weekends.append(self.model.derive(self.model.boolean(), any_of))
                for has, _ in mine:
                    self.model.linear([(has, 1), (weekends[-1], -1)], -1, 0)
        self.model.linear([(weekend, 1) for weekend in weekends], 0, most)

    def add_ways(self, fewest: FewestVacancies) -> None:
        """Say that the assignment is one of the ways to the fewest vacancies."""
        entering: dict[State, list[int]] = {}
        for shift, steps in enumerate(fewest.steps):
            people = bits(self.problem.eligible_people[shift])
            able = {person: self.has[person, shift] for person in people}
            leaving: dict[State, list[int]] = defaultdict(list)
            reaching: dict[State, list[int]] = defaultdict(list)
            by_person: dict[int, list[int]] = defaultdict(list)
            for state, holders, reached in steps:
                held = [(has, holders >> person & 1) for person, has in able.items()]
                is_taken = _step(entering.get(state), held)
                step = self.model.derive(self.model.boolean(), is_taken)
                leaving[state].append(step)
                reaching[reached].append(step)
                for person in bits(holders):
                    by_person[person].append(step)
            for state, out in leaving.items():
                into = [(step, -1) for step in entering.get(state, ())]
                count = 0 if into else 1
                self.model.linear([*((step, 1) for step in out), *into], count, count)
            for person, has in able.items():
                self.model.linear([*((step, 1) for step in by_person[person]), (has, -1)], 0, 0)
            entering = reaching

    # Between assignments and solutions

    def minimised(self, terms: Linear, best: Sequence[int], seconds: float) -> Outcome:
        """Search for values with a smaller sum than the best known."""
        self.model.hint(best)
        self.model.minimise(terms)
        return self.model.solve(seconds)

    def values_of(self, held: Sequence[int]) -> Sequence[int]:
        """Return the values of all variables for the shifts that people hold."""
        values = [0] * self.model.size
        for (person, shift), has in self.has.items():
            values[has] = held[person] >> shift & 1
        return self.model.completed(values)

    def held_of(self, values: Sequence[int]) -> Sequence[int]:
        """Return the shifts that people hold."""
        held = [0] * len(self.people)
        for (person, shift), has in self.has.items():
            held[person] |= values[has] << shift
        return held


def _bettered(program: _Program, solution: Solution, seconds: float) -> Solution:
    """Search for fewer vacancies, then for a smaller load range among as few."""
    problem, spread = program.problem, program.loads.range
    best, full, bound = program.values_of(solution.assignment.held), solution.full, solution.bound
    if not full:
        found = program.minimised(program.vacancies, best, VACANCIES_SHARE * seconds)
        seconds -= found.spent
        if _sum(program.vacancies, found.values or best) < _sum(program.vacancies, best):
            best, bound = found.values, 0
        full = found.bound >= _sum(program.vacancies, best)
    vacant = _sum(program.vacancies, best)
    program.model.linear(program.vacancies, vacant, vacant)
    unit = program.loads.unit
    bound = max(bound, unit * _least_range(problem, vacant, LOADS_SHARE * seconds))
    if bound < unit * _sum(spread, best):
        program.model.linear(spread, -(-bound // unit), INT_MAX)
        found = program.minimised(spread, best, (1 - LOADS_SHARE) * seconds)
        bound = max(bound, unit * found.bound)
        if _sum(spread, found.values or best) < _sum(spread, best):
            best = found.values
    held = program.held_of(best)
    if held == solution.assignment.held:
        return Solution(solution.assignment, bound, full)
    return Solution(Assignment(problem, held), bound, full)


def _least_range(problem: AssignmentProblem, vacant: int, seconds: float) -> int:
    """Return a bound of the load range with so many vacancies, in the unit of loads.

    It looks at how many shifts of each length people have, and not at which.
    """
    model = Model()
    masks = masks_by_length(problem)
    counts = []
    for person, able in enumerate(problem.eligible_shifts):
        mine = {
            length: model.integer(
                (problem.fixed_shifts[person] & shifts).bit_count(), (able & shifts).bit_count()
            )
            for length, shifts in masks.items()
        }
        model.linear([(count, 1) for count in mine.values()], 0, most_shifts(problem, person))
        counts.append(mine)
    left = {length: model.integer(0, vacant) for length in masks}
    model.linear([(each, 1) for each in left.values()], vacant, vacant)
    loads = _Loads(model, problem, counts, {length: [(each, 1)] for length, each in left.items()})
    model.minimise(loads.range)
    return max(0, model.solve(seconds).bound)


def _sum(terms: Linear, values: Sequence[int]) -> int:
    return sum(coefficient * values[variable] for variable, coefficient in terms)


def _step(entering: Sequence[int] | None, held: Sequence[tuple[int, int]]) -> Derived:
    """Return what tells whether a step is taken: from where it begins, by just its holders."""

    def is_taken(values: Sequence[int]) -> int:
        begins = entering is None or any(values[step] for step in entering)
        return int(begins and all(values[has] == each for has, each in held))

    return is_taken
