"""Integer models for CP-SAT of OR-Tools, by the solver's own messages.

Strategy: ``cp_model_pb2``'s messages, as OR-Tools' compiled module has them, are written directly.
The modelling layer above them (``ortools.sat.python.cp_model``) imports pandas and NumPy, which
take three times the memory and seven times the time to load, for nothing that is used here
(``docs/decisions/0020-roster-solver.md``).

Invariant: the same model and the same limits give the same result, on any machine: one worker, a
fixed seed, and a limit in the solver's deterministic time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from ortools.sat.python import cp_model_helper as cp

Linear = Sequence[tuple[int, int]]
"""A sum: pairs of a variable and its coefficient."""

Status = Literal["optimal", "feasible", "infeasible", "unknown"]

INT_MAX = (1 << 62) - 1
"""Beyond every sum. CP-SAT counts in 64 bits."""

MOST = 1 << 53
"""The most that a variable can be: up to here CP-SAT's bounds, which are floats, are exact."""

ROUNDING = 1e-6
"""CP-SAT tells the bound of a whole number as a float."""

STATUSES: Mapping[Any, Status] = {
    cp.OPTIMAL: "optimal",
    cp.FEASIBLE: "feasible",
    cp.INFEASIBLE: "infeasible",
    cp.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search has found.

    ``values`` by variable, empty if no solution was found. No solution has an objective below
    ``bound``. ``spent`` is the deterministic time.
    """

    status: Status
    values: Sequence[int]
    bound: int
    spent: float


class Model:
    """Variables, constraints and an objective. Variables are numbers from 0."""

    def __init__(self) -> None:
        self._proto = cp.CpModelProto()
        self._derived: list[tuple[int, Callable[[Sequence[int]], int]]] = []
        self._bounds: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        """The number of variables."""
        return len(self._bounds)

    def boolean(self) -> int:
        """Add a variable that is 0 or 1."""
        return self.integer(0, 1)

    def integer(self, least: int, most: int) -> int:
        """Add a variable from ``least`` to ``most``. Raises ``OverflowError`` beyond ``MOST``."""
        if max(-least, most) > MOST:
            raise OverflowError("the amounts or weights of the roster are too large")
        self._proto.variables.add().domain.extend([least, most])
        self._bounds.append((least, most))
        return len(self._bounds) - 1

    def bounds(self, variable: int) -> tuple[int, int]:
        """Return the least and the most that a variable can be."""
        return self._bounds[variable]

    def set_bounds(self, variable: int, least: int, most: int) -> None:
        """Let a variable be from ``least`` to ``most`` from now on."""
        domain = self._proto.variables[variable].domain
        domain.clear()
        domain.extend([least, most])
        self._bounds[variable] = least, most

    def derive(self, variable: int, value: Callable[[Sequence[int]], int]) -> int:
        """Say how a variable follows from those before it, to complete hints. Returns it."""
        self._derived.append((variable, value))
        return variable

    def linear(self, terms: Linear, least: int, most: int) -> None:
        """Demand that a sum is from ``least`` to ``most``."""
        message = self._proto.constraints.add().linear
        message.vars.extend([variable for variable, _ in terms])
        message.coeffs.extend([coefficient for _, coefficient in terms])
        message.domain.extend([least, most])

    def at_most_one(self, variables: Sequence[int]) -> None:
        """Demand that at most one boolean variable is 1."""
        self._proto.constraints.add().at_most_one.literals.extend(variables)

    def range_of(self, terms: Linear) -> tuple[int, int]:
        """Return the least and the most that a sum can be by the bounds of its variables."""
        least = most = 0
        for variable, coefficient in terms:
            low, high = (coefficient * bound for bound in self._bounds[variable])
            least, most = least + min(low, high), most + max(low, high)
        return least, most

    def completed(self, values: Sequence[int]) -> list[int]:
        """Return values of all variables, those that are derived computed anew."""
        whole = [*values, *[0] * (self.size - len(values))]
        for variable, value in self._derived:
            whole[variable] = value(whole)
        return whole

    def hint(self, values: Sequence[int]) -> None:
        """Let searches begin with a solution: values of all variables."""
        self._proto.clear_solution_hint()
        message = self._proto.solution_hint
        message.vars.extend(range(self.size))
        message.values.extend(values)

    def minimise(self, terms: Linear) -> None:
        """Set the objective; nothing is better without terms."""
        self._proto.clear_objective()
        if not terms:
            return
        message = self._proto.objective
        message.vars.extend([variable for variable, _ in terms])
        message.coeffs.extend([coefficient for _, coefficient in terms])

    def solve(self, seconds: float) -> Outcome:
        """Search for ``seconds`` of deterministic time at most; not at all without any."""
        solver = cp.SolveWrapper()
        chosen = cp.SatParameters()
        chosen.num_workers = 1
        chosen.random_seed = 1
        chosen.max_deterministic_time = max(0.0, seconds)
        solver.set_parameters(chosen)
        response: cp.CpSolverResponse = solver.solve(self._proto)  # type: ignore[no-untyped-call]
        status = STATUSES[response.status]
        return Outcome(
            status,
            list(response.solution) if status in ("optimal", "feasible") else [],
            ceil(response.best_objective_bound - ROUNDING),
            response.deterministic_time,
        )
