"""The planner: a fair rotation for people who can be away, and the proof of how fair it is.

Strategy. A request becomes an assignment problem of bit masks (``problem.py``). Round robin is one
walk through the shifts (``round_robin.py``). The fair strategy seeks, in this order: few vacancies,
a small load range, a small range of holiday hours, small ranges of weekend and night hours, few
shifts in a row, the order of the cycle, and changes of it that are near to their reason
(``objective.py``).

- Without constraints on rest, runs and pairs, absences alone decide the number of vacancies, and
  the load range is minimised to proven optimality by flow (``min_spread.py``); limits of shifts and
  hours are capacities of it (``flow.py``). With such constraints, or limits of weekends, a bounded
  repair search answers (``repair.py``), the fewest vacancies are counted (``vacancies.py``), and
  the problem without constraints gives a lower bound. What is not proven by then is given to the
  solver that the caller names, which betters it or proves that it cannot be.
- Local search improves what comes after the load range (``local_search.py``), starting with the
  solution and with the simple assignments that are as good so far. So a fair plan is never worse
  than round robin, or than giving each shift to the least loaded, in any part of the objective.
- Of small rotations all assignments are searched for what local search misses
  (``small_search.py``). In the end each shift that is not as the cycle has it has a reason
  (``turns_back.py``), which ``explanations.py`` writes.

The flow is our own: it is as quick as the quickest of SciPy's HiGHS and OR-Tools or quicker, with
weights as well, in a megabyte and without 170 to 390 MB of libraries (``bench/fairness.md``).

Invariants: equal requests give equal plans, unless the time runs out; absences and fixed shifts are
never traded for fairness; a role slot that nobody can take is ``None``; ``optimal`` is set only
where it is proven. Permuted names permute the plan, because no step looks at a name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from app.engine.planning.assignment import Assignment, SearchBudget
from app.engine.planning.constraints import Constraints
from app.engine.planning.explanations import Explanations
from app.engine.planning.flow import Solution, flow_solution
from app.engine.planning.initial import least_loaded_assignment
from app.engine.planning.local_search import bring_near, local_search
from app.engine.planning.objective import holiday_loads, is_balanced, objective_of
from app.engine.planning.problem import AssignmentProblem, assignment_problem, bits
from app.engine.planning.repair import repaired_assignment
from app.engine.planning.request import BUDGET_SECONDS, Plan, PlanningRequest, Vacancy, Workload
from app.engine.planning.roles import role_slots
from app.engine.planning.round_robin import round_robin
from app.engine.planning.small_search import small_search
from app.engine.planning.staggered import staggered
from app.engine.planning.turns_back import settle
from app.engine.planning.vacancies import FewestVacancies, assignment_near, fewest_vacancies

PROOF_STEPS = 1_500_000
REPAIR_STEPS = 60_000
LOCAL_SEARCH_STEPS = 600_000
"""Steps that end a search at the same place for equal input, before the deadline does."""
PROVEN_SHIFTS, PROVEN_PEOPLE = 1_000, 100
"""The largest problem for which a round robin is compared with the best plan."""

Solve = Callable[[Solution, Constraints, FewestVacancies | None], Solution]
"""Betters a solution under constraints, or its bounds. The ways to as few vacancies as it has are
given if they are known."""
RoleSlots = Sequence[tuple[int | None, ...]]
"""One tuple a shift, with one person or ``None`` for each role."""
Timer = Callable[[], float]
"""Returns seconds since an arbitrary instant."""


def plan_of(
    request: PlanningRequest,
    timer: Timer,
    solve: Solve | None = None,
    budget_seconds: float = BUDGET_SECONDS,
) -> Plan:
    """Plan the rotation of ``request``, which its product has found valid.

    ``solve`` betters what is not proven under constraints or limits; its time is its own.

    A search that takes longer than ``budget_seconds`` by ``timer`` is ended; the plan is then the
    best one found so far.
    """
    problem = assignment_problem(request)
    constraints = Constraints(problem)
    budget = SearchBudget(timer, timer() + budget_seconds, REPAIR_STEPS)
    if request.role_order == "staggered":
        return _staggered_plan(request, constraints, budget)
    if request.strategy == "fair":
        return _fair_plan(request, problem, constraints, budget, solve)
    return _round_robin_plan(request, problem, constraints, budget)


def _round_robin_plan(
    request: PlanningRequest,
    problem: AssignmentProblem,
    constraints: Constraints,
    budget: SearchBudget,
) -> Plan:
    """Plan by round robin, with the lower bound that a fair plan could reach."""
    turns = round_robin(problem, constraints)
    small = len(problem.lengths) <= PROVEN_SHIFTS and len(problem.people) <= PROVEN_PEOPLE
    relaxed = flow_solution(problem, budget.with_steps(PROOF_STEPS)) if small else None
    solution = _judged(turns.assignment, relaxed, _unavoidable_vacancies(problem))
    slots = role_slots(solution.assignment, request.fixed)
    vacancies = _vacancies(slots)
    writer = Explanations(request, solution.assignment, constraints, vacancies)
    plan = _plan(request, solution, slots, vacancies, turns.next_person)
    return _explained(plan, writer, writer.of_round_robin(turns.changed_turns))


def _fair_plan(
    request: PlanningRequest,
    problem: AssignmentProblem,
    constraints: Constraints,
    budget: SearchBudget,
    solve: Solve | None,
) -> Plan:
    """Plan for the best objective (``objective.py``) that can be found."""
    turns = round_robin(problem, constraints).assignment
    relaxed = flow_solution(problem, budget.with_steps(PROOF_STEPS))
    if problem.depends_on_order or relaxed is None:
        solution = _constrained_solution(turns, constraints, budget, relaxed)
    else:
        solution = relaxed
    candidates = [solution.assignment, turns]
    if not problem.constrained:
        candidates.append(least_loaded_assignment(problem))
    solution = replace(solution, assignment=_improved(candidates, constraints, budget))
    if problem.constrained and not solution.proven:
        begun, known = budget.timer(), solution.assignment
        solution = _bettered(solution, constraints, solve)
        budget = budget.extended(budget.timer() - begun)
        if solution.assignment is not known:
            improved = _improved([solution.assignment], constraints, budget)
            solution = replace(solution, assignment=improved)
    best = solution.assignment
    bring_near(best, constraints, budget.with_steps(LOCAL_SEARCH_STEPS))
    settle(best, constraints)
    better = small_search(best, constraints, solution.bound, budget)
    if better is not best:
        settle(better, constraints)
    slots = role_slots(better, request.fixed)
    next_person = problem.person_at(problem.next_place)
    vacancies = _vacancies(slots)
    writer = Explanations(request, better, constraints, vacancies)
    plan = _plan(request, replace(solution, assignment=better), slots, vacancies, next_person)
    return _explained(plan, writer, writer.of_assignment(slots))


def _improved(
    candidates: Sequence[Assignment], constraints: Constraints, budget: SearchBudget
) -> Assignment:
    """Improve those with the fewest vacancies and the smallest load range; return the best."""
    reached = [objective_of(candidate)[:2] for candidate in candidates]
    improved = [
        local_search(candidate, constraints, budget.with_steps(LOCAL_SEARCH_STEPS))
        for candidate, value in zip(candidates, reached, strict=True)
        if value == min(reached)
    ]
    return min(improved, key=objective_of) if len(improved) > 1 else improved[0]


def _bettered(solution: Solution, constraints: Constraints, solve: Solve | None) -> Solution:
    """Return a better solution, or more of what is known about it.

    Whom a person may follow decides the fewest vacancies; ``solve`` does the rest.
    """
    problem, ways = constraints.problem, None
    if problem.depends_on_order:
        count, unavoidable = _vacancy_count(solution.assignment), _unavoidable_vacancies(problem)
        fewest = fewest_vacancies(constraints, count - unavoidable)
        if fewest and count == unavoidable + fewest.count:
            solution = replace(solution, full=True)
        elif fewest and not problem.limits:
            solution = Solution(assignment_near(fewest, solution.assignment), 0, full=True)
        ways = fewest if solution.full and not problem.limits else None
    return solve(solution, constraints, ways) if solve and not solution.proven else solution


def _staggered_plan(
    request: PlanningRequest, constraints: Constraints, budget: SearchBudget
) -> Plan:
    """Plan stint by stint, with the lower bound that a plan whose roles are not could reach."""
    problem = constraints.problem
    stints = staggered(request, constraints, budget.with_steps(LOCAL_SEARCH_STEPS))
    relaxed = flow_solution(problem, budget.with_steps(PROOF_STEPS))
    least = _unavoidable_vacancies(problem)
    forced = _vacancy_count(stints.assignment) - least
    if forced and (fewest := fewest_vacancies(constraints, forced)):
        least += fewest.count
    solution = _judged(stints.assignment, relaxed, least)
    slots = [tuple(people) for people in stints.slots]
    vacancies = _vacancies(slots)
    writer = Explanations(request, solution.assignment, constraints, vacancies)
    plan = _plan(request, solution, slots, vacancies, stints.next_person)
    return _explained(plan, writer, writer.of_stints(stints.explain()))


def _explained(plan: Plan, writer: Explanations, explanations: Sequence[str]) -> Plan:
    """Return ``plan`` with what there is to say of it."""
    return plan._replace(
        explanations=explanations,
        vacancy_reasons=writer.vacancy_reasons,
        vacancy_rules=writer.vacancy_rules,
    )


def _constrained_solution(
    turns: Assignment,
    constraints: Constraints,
    budget: SearchBudget,
    relaxed: Solution | None,
) -> Solution:
    """Find a good assignment under ``constraints``, no worse than ``turns``.

    The bound is that of the ``relaxed`` problem, which has no constraints on order, or no limits
    either if it is ``None``.
    """
    problem = turns.problem
    relaxed = relaxed or flow_solution(
        replace(problem, limits=None), budget.with_steps(PROOF_STEPS)
    )
    found = [
        repaired_assignment(problem, constraints, budget.with_steps(REPAIR_STEPS), in_turn=in_turn)
        for in_turn in (True, False)
    ]
    best = min([*found, turns], key=lambda assignment: objective_of(assignment)[:2])
    return _judged(best, relaxed, _unavoidable_vacancies(problem))


def _judged(assignment: Assignment, relaxed: Solution | None, least: int) -> Solution:
    """Return an assignment with what is known: none has fewer vacancies than ``least``.

    The bound of the ``relaxed`` problem holds for assignments with as few vacancies as its own.
    """
    if relaxed is None:
        return Solution(assignment, 0, full=_vacancy_count(assignment) == least)
    count, fewest = _vacancy_count(assignment), _vacancy_count(relaxed.assignment)
    bound = relaxed.bound if count == fewest else 0
    return Solution(assignment, bound, full=count == max(least, fewest))


def _vacancy_count(assignment: Assignment) -> int:
    """Count the empty role slots."""
    slots = assignment.problem.slots_per_shift * len(assignment.problem.lengths)
    return slots - sum(held.bit_count() for held in assignment.held)


def _unavoidable_vacancies(problem: AssignmentProblem) -> int:
    """Count the role slots that stay empty for absences alone."""
    return problem.slots_per_shift * len(problem.demand) - sum(problem.demand)


def _vacancies(slots: RoleSlots) -> Sequence[Vacancy]:
    """List the empty role slots, in order of time and of roles."""
    return [
        Vacancy(shift, role)
        for shift, people in enumerate(slots)
        for role, person in enumerate(people)
        if person is None
    ]


def _plan(
    request: PlanningRequest,
    solution: Solution,
    slots: RoleSlots,
    vacancies: Sequence[Vacancy],
    next_person: int,
) -> Plan:
    """Translate the solution back to names and milliseconds; nothing is explained yet."""
    assignment, problem = solution.assignment, solution.assignment.problem
    names = problem.people
    weighted = bool(request.weights or problem.membership)
    return Plan(
        slots=[
            tuple(None if person is None else names[person] for person in people)
            for people in slots
        ],
        vacancies=vacancies,
        workloads=[_workload(problem, person, held) for person, held in enumerate(assignment.held)],
        load_range_ms=Fraction(assignment.load_range, problem.scale),
        lower_bound_ms=Fraction(solution.bound, problem.scale),
        optimal=solution.proven,
        balanced=not vacancies and is_balanced(assignment, weighted=weighted),
        carry_over=_carried(problem, assignment.loads),
        carried_holidays=_carried(problem, holiday_loads(assignment)),
        next_person=names[next_person],
        not_owed=_not_owed(request, problem) if problem.membership else None,
    )


def _carried(problem: AssignmentProblem, loads: Sequence[int]) -> Mapping[str, int]:
    """Return by name how far each load is above the smallest, in milliseconds."""
    least = min(loads)
    return {
        name: round(Fraction(load - least, problem.scale))
        for name, load in zip(problem.people, loads, strict=True)
    }


def _not_owed(request: PlanningRequest, problem: AssignmentProblem) -> Mapping[str, int]:
    """Return by name the load that people who join or leave are not given."""
    return {
        name: load
        for name, load in zip(problem.people, problem.not_owed, strict=True)
        if name in request.joins or name in request.leaves
    }


def _workload(problem: AssignmentProblem, person: int, held: int) -> Workload:
    """Add up the shifts of the mask ``held``."""
    shifts = list(bits(held))
    hours = (
        sum(map(of.__getitem__, shifts))
        for of in (problem.lengths, problem.holidays, problem.weekends, problem.nights)
    )
    return Workload(problem.people[person], len(shifts), *hours)
