"""Fair rotations under what people cannot do: the plan for a request, and how good it is.

Strategy. A rotation is a problem on a board of bit masks (``board.py``). Round robin is one walk
(``turns.py``). The fair strategy aims, in this order, at: few vacancies, a small spread of loads,
small spreads of weekend and night hours, few shifts in a row, and the order of the cycle
(``aims.py``).

- Without rules on rest, runs and pairs, vacancies are what absences leave, and the spread is
  solved to proven optimality by flow (``spread.py``). With them a bounded search (``search.py``)
  answers, all deals of a small rotation are looked at (``exhaustive.py``), and otherwise the
  problem without the rules is the bound.
- What comes after the spread is bettered by local search (``polish.py``), from the solved deal and
  from the simple ones that happen to be as good so far: so a fair plan is never worse than turns or
  the least loaded first, in any of the aims.

The flow is our own: it is as quick as the quickest of SciPy's HiGHS and OR-Tools or quicker, with
weights as well, in a megabyte and without 170 to 390 MB of libraries (``bench/fairness.md``).

Invariants: equal requests give equal plans, unless the time runs out; absences and fixed shifts are
never traded for fairness; a role slot that nobody can take is ``None``; ``optimal`` is set only
where it is proven. Permuted names permute the plan, because no step looks at a name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from app.engine.planning.assignment import Assignment, SearchBudget
from app.engine.planning.branch_and_bound import BranchAndBound
from app.engine.planning.constraints import Constraints
from app.engine.planning.explanations import Explanations
from app.engine.planning.initial import cycle_assignment, least_loaded_assignment
from app.engine.planning.local_search import local_search
from app.engine.planning.min_spread import minimise_load_range
from app.engine.planning.objective import objective_of
from app.engine.planning.problem import AssignmentProblem, assignment_problem, bits
from app.engine.planning.repair import least_vacancies, repaired_assignment
from app.engine.planning.request import BUDGET_SECONDS, Plan, PlanningRequest, Vacancy, Workload
from app.engine.planning.roles import role_slots
from app.engine.planning.round_robin import round_robin

PROOF_STEPS = 1_500_000
REPAIR_STEPS = 60_000
LOCAL_SEARCH_STEPS = 600_000
"""Steps that end a search for equal input at an equal place, before the deadline does."""
PROVEN_SHIFTS, PROVEN_PEOPLE = 1_000, 100
"""What is fair is looked for, and a round robin is compared with it, up to this size."""

RoleSlots = Sequence[tuple[int | None, ...]]
Timer = Callable[[], float]
"""Seconds since whenever."""


def plan_of(request: PlanningRequest, timer: Timer, budget_seconds: float = BUDGET_SECONDS) -> Plan:
    """The plan for ``request``, which must be right (``schemas.py`` names what is not).

    A search that takes longer than ``budget_seconds`` by ``timer`` is ended: the plan is then the
    best found so far.
    """
    problem = assignment_problem(request)
    constraints = Constraints(problem)
    budget = SearchBudget(timer, timer() + budget_seconds, REPAIR_STEPS)
    if request.strategy == "fair":
        return _fair(request, problem, constraints, budget)
    return _round_robin(request, problem, constraints, budget)


def _round_robin(
    request: PlanningRequest,
    problem: AssignmentProblem,
    constraints: Constraints,
    budget: SearchBudget,
) -> Plan:
    """The plan of turns, held against what a fair one could reach."""
    turns = round_robin(problem, constraints)
    small = len(problem.lengths) <= PROVEN_SHIFTS and len(problem.people) <= PROVEN_PEOPLE
    bound = (
        minimise_load_range(cycle_assignment(problem), budget.with_steps(PROOF_STEPS)).lower_bound
        if small
        else 0
    )
    full = _vacant(turns.assignment) == _unavoidable(problem)
    solution = _Solution(turns.assignment, bound if full else 0, full=full)
    slots = role_slots(solution.assignment, request.fixed)
    explanations = Explanations(request, problem).of_round_robin(
        turns.changed_turns, _vacancies(slots)
    )
    return _plan(solution, slots, explanations, turns.next_person)


def _fair(
    request: PlanningRequest,
    problem: AssignmentProblem,
    constraints: Constraints,
    budget: SearchBudget,
) -> Plan:
    """The plan that is best by ``aims.py``, as far as could be found."""
    turns = round_robin(problem, constraints).assignment
    solution = (
        _constrained(turns, constraints, budget)
        if problem.constrained
        else _unconstrained(problem, budget)
    )
    assignments = (
        [solution.assignment, turns]
        if problem.constrained
        else [solution.assignment, turns, least_loaded_assignment(problem)]
    )
    reached = min(objective_of(assignment)[:2] for assignment in assignments)
    assignments = [
        assignment for assignment in assignments if objective_of(assignment)[:2] == reached
    ]
    best = min(
        (
            local_search(assignment, constraints, budget.with_steps(LOCAL_SEARCH_STEPS))
            for assignment in assignments
        ),
        key=objective_of,
    )
    slots = role_slots(best, request.fixed)
    explanations = Explanations(request, problem).of_assignment(slots, _vacancies(slots))
    next_person = problem.cycle[len(problem.lengths) * problem.slots_per_shift % len(problem.cycle)]
    return _plan(replace(solution, assignment=best), slots, explanations, next_person)


@dataclass(frozen=True, slots=True)
class _Solution:
    """A deal; none with as few vacancies has a smaller spread than ``bound``; ``full`` if none has
    fewer vacancies."""

    assignment: Assignment
    bound: int
    full: bool


def _unconstrained(problem: AssignmentProblem, budget: SearchBudget) -> _Solution:
    found = minimise_load_range(cycle_assignment(problem), budget.with_steps(PROOF_STEPS))
    return _Solution(found.assignment, found.lower_bound, full=True)


def _constrained(turns: Assignment, constraints: Constraints, budget: SearchBudget) -> _Solution:
    """The best of what searches find; the problem without the rules is the bound, unless all deals
    could be looked at."""
    problem = turns.problem
    relaxed = minimise_load_range(
        cycle_assignment(problem), budget.with_steps(PROOF_STEPS)
    ).lower_bound
    found = [
        repaired_assignment(problem, constraints, budget.with_steps(REPAIR_STEPS), in_turn=way)
        for way in (True, False)
    ]
    best = min([*found, turns], key=lambda assignment: objective_of(assignment)[:2])
    lacking, least = _vacant(best) - _unavoidable(problem), least_vacancies(problem)
    solution = _Solution(best, 0 if lacking else relaxed, full=lacking == least)
    if solution.full and best.load_range == solution.bound:
        return solution
    search = BranchAndBound(best, constraints, budget.with_steps(PROOF_STEPS))
    if search.run():
        return _Solution(search.best, search.best.load_range, full=True)
    lacking = _vacant(search.best) - _unavoidable(problem)
    return _Solution(search.best, 0 if lacking else relaxed, full=lacking == least)


def _vacant(assignment: Assignment) -> int:
    return objective_of(assignment).vacancies


def _unavoidable(problem: AssignmentProblem) -> int:
    """How many seats absences alone leave empty."""
    return problem.slots_per_shift * len(problem.demand) - sum(problem.demand)


def _vacancies(slots: RoleSlots) -> Sequence[Vacancy]:
    return [
        Vacancy(shift, role)
        for shift, people in enumerate(slots)
        for role, person in enumerate(people)
        if person is None
    ]


def _plan(
    solution: _Solution, slots: RoleSlots, explanations: Sequence[str], next_person: int
) -> Plan:
    assignment, problem = solution.assignment, solution.assignment.problem
    names, least = problem.people, min(assignment.loads)
    return Plan(
        slots=[
            tuple(None if person is None else names[person] for person in people)
            for people in slots
        ],
        vacancies=_vacancies(slots),
        workloads=[_workload(problem, person, held) for person, held in enumerate(assignment.held)],
        load_range_ms=Fraction(assignment.load_range, problem.scale),
        lower_bound_ms=Fraction(solution.bound, problem.scale),
        optimal=solution.full and assignment.load_range == solution.bound,
        explanations=explanations,
        carry_over={
            name: round(Fraction(load - least, problem.scale))
            for name, load in zip(names, assignment.loads, strict=True)
        },
        next_person=names[next_person],
    )


def _workload(problem: AssignmentProblem, person: int, held: int) -> Workload:
    shifts = list(bits(held))
    hours = (
        sum(map(of.__getitem__, shifts))
        for of in (problem.lengths, problem.weekends, problem.nights)
    )
    return Workload(problem.people[person], len(shifts), *hours)
