"""The fewest vacancies that constraints on rest, runs and pairs leave, and all ways to have them.

Strategy: these constraints look back over few shifts, so what can follow depends only on who held
the last of them: a state. From shift to shift each state is followed by all people who may take the
next one, with the fewest vacancies until there. Limits are not looked at, nor is whom a fixed shift
ends a run of: so there may be no assignment that has as few vacancies, but none has fewer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, islice
from math import comb
from operator import or_

from app.engine.planning.assignment import Assignment
from app.engine.planning.constraints import Constraints, rest_range
from app.engine.planning.problem import AssignmentProblem, bits

MOST_STEPS = 150_000
"""The most steps from a state to another that are looked at; beyond, it would take too long."""
MOST_GROUPS = 5_000
"""The most groups of people who could hold one shift: they are listed before any step is."""

State = tuple[int, ...]
"""Masks of people. With constraints on rest, who held the last shift, who the one before, and so
on; else who held the last, who the last two, and so on."""
Step = tuple[State, int, State]
"""A state before a shift, the mask of who then holds the shift, and the state after it."""


@dataclass(frozen=True, slots=True)
class FewestVacancies:
    """The fewest vacancies beside those of absences, and by shift the steps of all ways to them."""

    count: int
    steps: Sequence[Sequence[Step]]


def fewest_vacancies(constraints: Constraints, most: int) -> FewestVacancies | None:
    """Find the fewest vacancies, where there is a way to have ``most``.

    ``None`` if there are more than ``MOST_GROUPS`` or ``MOST_STEPS`` to look at.
    """
    demand = constraints.problem.demand
    rules = _Rules(constraints)
    if rules.most_groups(most) > MOST_GROUPS:
        return None
    vacancies: dict[State, int] = {(): 0}
    ways: list[Sequence[Step]] = []
    left = MOST_STEPS
    for shift in range(len(demand)):
        steps = list(islice(rules.steps_from(vacancies, shift, most), left + 1))
        left -= len(steps)
        if left < 0:
            return None
        vacancies, before = {}, vacancies
        for state, holders, reached in steps:
            count = before[state] + demand[shift] - holders.bit_count()
            vacancies[reached] = min(count, vacancies.get(reached, count))
        ways.append(
            [
                step
                for step in steps
                if before[step[0]] + demand[shift] - step[1].bit_count() == vacancies[step[2]]
            ]
        )
    fewest = min(vacancies.values())
    wanted = {state for state, count in vacancies.items() if count == fewest}
    for shift in reversed(range(len(ways))):
        ways[shift] = [step for step in ways[shift] if step[2] in wanted]
        wanted = {state for state, _, _ in ways[shift]}
    return FewestVacancies(fewest, ways)


def most_shifts(problem: AssignmentProblem, person: int) -> int:
    """Count the shifts that ``person`` could have if nobody else were there, fixed ones included.

    It is a bound: fixed shifts are counted beside as many others as constraints let them have.
    """
    able, fixed = problem.eligible_shifts[person], problem.fixed_shifts[person].bit_count()
    count = rested = run = 0
    last = -1
    for shift in bits(able):  # as early as can be is best
        run = run + 1 if shift == last + 1 else 1
        if shift < rested or 0 < problem.max_consecutive < run:
            continue
        count, last = count + 1, shift
        rested = rest_range(problem, shift)[1] if problem.min_rest_ms else 0
    most = min(able.bit_count(), count + fixed)
    return min(most, max(fixed, problem.limits.shifts[person])) if problem.limits else most


def assignment_near(fewest: FewestVacancies, other: Assignment) -> Assignment:
    """Return an assignment with the fewest vacancies, as much like another as can be told."""
    found = Assignment(other.problem, [0] * len(other.held))
    state: State = ()
    for shift, steps in enumerate(fewest.steps):
        _, holders, state = max(
            (step for step in steps if step[0] == state),
            key=lambda step: (step[1] & other.holders[shift]).bit_count(),
        )
        for person in bits(holders):
            found.assign(shift, person)
    return found


class _Rules:
    """What may follow a state."""

    def __init__(self, constraints: Constraints) -> None:
        self.problem = problem = constraints.problem
        shifts = range(len(problem.lengths))
        self.fixed = [
            sum(1 << each for each, held in enumerate(problem.fixed_shifts) if held >> shift & 1)
            for shift in shifts
        ]
        self.kept_for_later = [
            sum(
                1 << each
                for each, held in enumerate(problem.fixed_shifts)
                if held & constraints.rest_conflicts[shift]
            )
            for shift in shifts
        ]
        self.near = [shift - rest_range(problem, shift)[0] for shift in shifts]
        self._groups: dict[tuple[int, int, range], Sequence[int]] = {}
        self.memory = max(self.near) if problem.min_rest_ms else problem.max_consecutive

    def steps_from(self, states: Mapping[State, int], shift: int, most: int) -> Iterator[Step]:
        """Yield the steps over ``shift`` from states with so many vacancies to ``most`` at most."""
        demand = self.problem.demand[shift]
        for state, vacant in states.items():
            for holders in self._holders_after(state, shift, demand - (most - vacant)):
                yield state, holders, self._reached(state, holders)

    def _reached(self, state: State, holders: int) -> State:
        before = state if self.problem.min_rest_ms else [holders & held for held in state]
        return (holders, *before)[: self.memory]

    def most_groups(self, vacant: int) -> int:
        """Count the groups that could hold one shift, with ``vacant`` empty places at most."""
        problem = self.problem
        return max(
            sum(
                comb(able.bit_count(), count)
                for count in range(max(0, demand - vacant), demand + 1)
            )
            for able, demand in zip(problem.eligible_people, problem.demand, strict=True)
        )

    def _holders_after(self, state: State, shift: int, least: int) -> Sequence[int]:
        """Return the masks of at least so many people who may hold ``shift``."""
        problem, fixed = self.problem, self.fixed[shift]
        able = problem.eligible_people[shift] & ~fixed & ~self.kept_for_later[shift]
        if problem.min_rest_ms:
            able &= ~reduce(or_, state[: self.near[shift]], 0)
        elif 0 < problem.max_consecutive == len(state):
            able &= ~state[-1]
        held = fixed.bit_count()
        counts = range(max(0, least - held), problem.demand[shift] - held + 1)
        if (key := (able, fixed, counts)) not in self._groups:
            self._groups[key] = [fixed | people for people in self._groups_of(able, fixed, counts)]
        return self._groups[key]

    def _groups_of(self, able: int, fixed: int, counts: range) -> Iterator[int]:
        """Yield the masks of so many people who may be together, and with ``fixed``."""
        avoided = self.problem.avoided
        for person in bits(fixed):
            able &= ~avoided[person]
        for count in counts:
            for people in combinations(bits(able), count):
                chosen = sum(1 << person for person in people)
                if not any(avoided[person] & chosen for person in people):
                    yield chosen
