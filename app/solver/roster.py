"""The solver of rosters: a roster in, an assignment out, with a bound for each objective.

    greedy assignment → objective by objective: search, hold what was found, search the next

Strategy: see ``program`` for the model. The first hint is the greedy assignment, and every later
one the best assignment so far, so that there is an answer at any time and a search only betters it.
An objective is first demanded to be at its bound, which is found or refuted much faster than it is
approached: whether every place can be filled is known in an instant, and then gaps are no
alternative to anything in the searches that follow.
"""

from dataclasses import dataclass

from app.engine.roster.greedy import greedy_assignment
from app.engine.roster.model import Proof, Roster, Solution
from app.solver.cp_sat import INT_MAX
from app.solver.program import Aim, Program, Values

FIRST_SHARE = 0.5
"""The share of its time in which an objective is demanded to be at its bound."""


@dataclass(slots=True)
class _Search:
    """The best values so far, and the deterministic time that is left."""

    program: Program
    best: Values
    left: float

    def run(self, seconds: float) -> tuple[str, int]:
        """Search for better values for so long. Returns the status, and a bound."""
        model = self.program.model
        model.hint(self.best)
        outcome = model.solve(max(0.0, min(seconds, self.left)))
        self.left -= outcome.spent
        if outcome.values:
            self.best = model.completed(outcome.values)
        return outcome.status, outcome.bound


def solve_roster(roster: Roster, seconds: float) -> Solution:
    """Return the best assignment that is found in so much deterministic time.

    It is the same for the same roster and time, on any machine. Each objective is given half of
    what is left, the last one all of it.
    """
    program = Program(roster)
    search = _Search(program, program.values_of(greedy_assignment(roster)), seconds)
    proofs = []
    for number, aim in enumerate(program.aims):
        last = number == len(program.aims) - 1
        bound = _minimise(search, aim, search.left if last else search.left / 2)
        value = _sum(aim, search.best)
        proofs.append(Proof(aim.name, aim.value(value), aim.value(min(bound, value))))
        program.model.linear(aim.terms, -INT_MAX, value)
    return Solution(program.assignment_of(search.best), tuple(proofs))


def _minimise(search: _Search, aim: Aim, seconds: float) -> int:
    """Better the values of a search for an objective, and return a bound of it."""
    model = search.program.model
    bound, _ = model.range_of(aim.terms)
    until = search.left - seconds
    if _sum(aim, search.best) > bound:
        bound = _demand_bound(search, aim, bound, seconds * FIRST_SHARE)
    if _sum(aim, search.best) > bound:
        model.minimise(aim.terms)
        bound = max(bound, search.run(search.left - until)[1])
    return bound


def _demand_bound(search: _Search, aim: Aim, bound: int, seconds: float) -> int:
    """Search for values that reach the bound of an objective. Returns a better one if none do."""
    model = search.program.model
    demanded = model.boolean()
    model.linear(aim.terms, -INT_MAX, bound, only_if=demanded)
    search.best = model.completed(search.best)
    model.set_bounds(demanded, 1, 1)
    model.minimise([])
    status, _ = search.run(seconds)
    model.set_bounds(demanded, 0, 0)
    search.best = [*search.best[:-1], 0]
    return bound + 1 if status == "infeasible" else bound


def _sum(aim: Aim, values: Values) -> int:
    return sum(coefficient * values[variable] for variable, coefficient in aim.terms)
