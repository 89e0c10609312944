"""The solver of rosters: a roster in, an assignment out, with a bound for each objective.

    greedy assignment → objective by objective: totals → search → hold what was found

Strategy: see ``program`` for the model, and ``totals`` for the bounds. The first hint is the greedy
assignment, and every later one the best assignment so far, so that there is an answer at any time
and a search only betters it. An objective is searched in four ways, each only if those before it
have not reached its bound: with the best totals, which is quick where they can be had; at its
bound, which is found or refuted faster than it is approached; part by part; and as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from app.engine.roster.greedy import greedy_assignment
from app.engine.roster.model import Proof, Roster, Solution
from app.solver.aims import Aim, Aims, Values
from app.solver.cp_sat import Linear, Outcome, Status
from app.solver.program import Program
from app.solver.totals import Totals

TOTALS_SHARE, EVEN_SHARE = 0.45, 0.05
"""The shares of an objective's time for each search for totals, and for even ones among the best:
those are only likelier to be had, and nothing is proven by them."""
WITH_TOTALS_SHARE, AT_BOUND_SHARE, IN_PARTS_SHARE = 0.5, 0.25, 0.7
"""The shares of an objective's time for the other ways."""

PART_SHARE = 0.05
"""The share of an objective's time for one part."""

VAIN = 30
"""After so many parts in vain no others are searched."""

ROUND_SECONDS, VARIABLE_SECONDS = 0.002, 5e-6
"""What a search takes beside its deterministic time: of a part, and for each variable."""


def solve_roster(roster: Roster, seconds: float) -> Solution:
    """Return the best assignment that is found in so much deterministic time.

    It is the same for the same roster and time, on any machine. Each objective is given half of
    what is left, the last one all of it.
    """
    return _Search(roster, seconds).solution()


@dataclass(frozen=True, slots=True)
class _Plan:
    """The best totals, by variable of the program; the sums of objectives they have, and bounds.

    A bound is one for all assignments that are at most ``held`` in the objectives before it.
    """

    held: list[int]
    bounds: list[int]
    counts: Mapping[int, int]


class _Search:
    """The best values so far, and the deterministic time that is left."""

    def __init__(self, roster: Roster, seconds: float) -> None:
        self._program = Program(roster)
        self._totals = Totals(self._program)
        self._best: Values = self._program.values_of(greedy_assignment(roster))
        self._left = seconds
        self._bounds = [_least(self._program, aim) for aim in self._program.aims]
        self._plan: _Plan | None = None

    def solution(self) -> Solution:
        """Search objective by objective."""
        proofs = []
        aims = self._program.aims
        for level, aim in enumerate(aims):
            self._minimise(level, self._left if aim is aims[-1] else self._left / 2)
            value = aim.total(self._best)
            bound = min(value, self._bounds[level])
            proofs.append(Proof(aim.name, aim.value(value), aim.value(bound)))
            _hold(self._program, aim, value)
        return Solution(self._program.assignment_of(self._best), tuple(proofs))

    def _minimise(self, level: int, seconds: float) -> None:
        """Better the values and the bound for one objective, the ones before it being held."""
        aim = self._program.aims[level]
        end = self._left - seconds
        self._take_bound(level)
        for way in (self._with_totals, self._at_bound, self._in_parts, self._as_it_is):
            if aim.total(self._best) > self._bounds[level]:
                way(level, self._left - end)

    def _with_totals(self, level: int, seconds: float) -> None:
        """Search with the best totals for this objective and the next ones.

        If nobody can have them, only what the objectives so far tell apart is held to them.
        """
        held = self._held(level)
        if self._plan is None or self._plan.held[:level] != held:
            self._plan = self._planned(level, seconds)
            self._take_bound(level)
        counts = self._plan.counts
        if not counts or self._program.aims[level].total(self._best) <= self._bounds[level]:
            return
        status = self._run_with(counts, level, seconds)
        if status == "infeasible":
            coarse = self._program.coarse_counts(level)
            sums = {
                whole: sum(counts[count] for count, _ in terms) for whole, terms in coarse.items()
            }
            if sums:
                self._run_with(sums, level, seconds)

    def _run_with(self, counts: Mapping[int, int], level: int, seconds: float) -> Status:
        """Search for better values while some variables are what they are in the best totals."""
        model = self._program.model
        before = {variable: model.bounds(variable) for variable in counts}
        for variable, count in counts.items():
            model.set_bounds(variable, count, count)
        outcome = self._run(self._program.aims[level].terms, seconds * WITH_TOTALS_SHARE)
        for variable, bounds in before.items():
            model.set_bounds(variable, *bounds)
        return outcome.status

    def _held(self, level: int) -> list[int]:
        return [aim.total(self._best) for aim in self._program.aims[:level]]

    def _planned(self, level: int, seconds: float) -> _Plan:
        """Search for the best totals from an objective on, within shares of its time."""
        totals, counts = self._totals, self._program.counts
        held, bounds = self._held(level), [*self._bounds[:level]]
        best = {key: self._best[variable] for key, variable in counts.items()}
        values, found = totals.values_of(best), False
        for aim, most in zip(totals.aims, held, strict=False):
            _hold(totals, aim, most)
        for aim in totals.aims[level:]:
            outcome = self._search_totals(aim.terms, values, seconds * TOTALS_SHARE)
            bounds.append(outcome.bound)
            if not outcome.values:
                break
            values, found = totals.model.completed(outcome.values), True
            held.append(aim.total(values))
            _hold(totals, aim, held[-1])
        if found:
            outcome = self._search_totals(totals.unevenness, values, seconds * EVEN_SHARE)
            values = outcome.values or values
        for aim in totals.aims:
            totals.model.set_bounds(aim.held, *totals.model.range_of(aim.terms))
        chosen = {variable: values[totals.counts[key]] for key, variable in counts.items()}
        return _Plan(held, bounds, chosen if found else {})

    def _search_totals(self, objective: Linear, values: Values, seconds: float) -> Outcome:
        model = self._totals.model
        model.minimise(objective)
        model.hint(values)
        outcome = model.solve(seconds)
        self._left -= outcome.spent
        return outcome

    def _take_bound(self, level: int) -> None:
        """Raise the bound of an objective to that of totals which are not better before it."""
        plan = self._plan
        if plan and len(plan.bounds) > level:
            values = self._held(level)
            if all(value <= most for value, most in zip(values, plan.held, strict=False)):
                self._bounds[level] = max(self._bounds[level], plan.bounds[level])

    def _at_bound(self, level: int, seconds: float) -> None:
        """Search for values at the bound of an objective, and raise it if there are none."""
        aim, bound = self._program.aims[level], self._bounds[level]
        before = self._program.model.bounds(aim.held)
        _hold(self._program, aim, bound)
        outcome = self._run([], seconds * AT_BOUND_SHARE)
        self._program.model.set_bounds(aim.held, *before)
        self._bounds[level] += outcome.status == "infeasible"

    def _in_parts(self, level: int, seconds: float) -> None:
        """Search again and again for better values of a part, everything else being as it is.

        A part is some people, or the slots of some time.
        """
        aim, model = self._program.aims[level], self._program.model
        random = Random(level)  # noqa: S311 - seeded, to find the same again
        end, vain = self._left - seconds * IN_PARTS_SHARE, 0
        while self._left > end and vain < VAIN and aim.total(self._best) > self._bounds[level]:
            before = aim.total(self._best)
            kept = self._program.outside_of_part(random)
            for variable in kept:
                model.set_bounds(variable, self._best[variable], self._best[variable])
            self._run(aim.terms, min(seconds * PART_SHARE, self._left - end))
            for variable in kept:
                model.set_bounds(variable, 0, 1)
            self._left -= ROUND_SECONDS
            vain = 0 if aim.total(self._best) < before else vain + 1

    def _as_it_is(self, level: int, seconds: float) -> None:
        """Search for values as good as can be."""
        outcome = self._run(self._program.aims[level].terms, seconds)
        self._bounds[level] = max(self._bounds[level], outcome.bound)

    def _run(self, objective: Linear, seconds: float) -> Outcome:
        """Search for values that are better by an objective, and keep them."""
        model = self._program.model
        model.minimise(objective)
        model.hint(model.completed(self._best))
        outcome = model.solve(seconds)
        self._left -= outcome.spent + VARIABLE_SECONDS * model.size
        if outcome.values:
            self._best = model.completed(outcome.values)
        return outcome


def _hold(aims: Aims, aim: Aim, most: int) -> None:
    """Demand that an objective is at most so much, from now on."""
    aims.model.set_bounds(aim.held, _least(aims, aim), most)


def _least(aims: Aims, aim: Aim) -> int:
    return aims.model.range_of(aim.terms)[0]
