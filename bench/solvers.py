"""The smallest spread of hours by our flow, beside SciPy's HiGHS and OR-Tools, on the same teams.

Neither is a dependency. In an environment of its own, which only needs Python:

    python -m venv /tmp/solvers && /tmp/solvers/bin/pip install scipy ortools tzdata
    PYTHONPATH=. /tmp/solvers/bin/python bench/solvers.py

Each solver runs in a process of its own, so that its import and its memory are its own too. All
prove the same spread, or say that they did not within the time.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

HOUR, DAY = 3_600_000, 86_400_000
START = 1_780_531_200_000
SECONDS = 20.0
SIZES = ((200, 20), (1_000, 100))


def board(shifts: int, people: int, *, weighted: bool) -> Any:
    """A seeded team with absences; a third of it works four days of five if ``weighted``."""
    from app.engine.planning.problem import board_of
    from app.engine.planning.request import Absence, Wishes

    random = Random(shifts)
    names = [f"p{number}" for number in range(people)]
    absences = []
    for name in names:
        for _ in range(random.randint(0, 5)):
            start = START + random.randrange(shifts) * DAY
            absences.append(Absence(name, start, start + random.randint(1, 21) * DAY))
    weights = {name: Fraction(4, 5) for name in names[::3]} if weighted else {}
    boundaries = range(START, START + shifts * DAY + 1, DAY)
    return board_of(Wishes(names, boundaries, absences=absences, weights=weights))


def ours(problem: Any) -> float | None:
    from app.engine.planning.assignment import Pace
    from app.engine.planning.initial import in_turn
    from app.engine.planning.min_spread import evened

    pace = Pace(perf_counter, perf_counter() + SECONDS, 10**9)
    found = evened(in_turn(problem), pace)
    return hours(problem, found.deal.spread) if found.deal.spread == found.lower_bound else None


def highs(problem: Any) -> float | None:
    """A mixed-integer program: who has which shift, and the window that holds all loads."""
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_matrix

    edges = edges_of(problem)
    count, people, shifts = len(edges), len(problem.people), len(problem.demand)
    units = [price * DAY / problem.scale / HOUR for price in problem.price]
    rows, columns, values = [], [], []
    for column, (person, shift) in enumerate(edges):
        rows += [shift, shifts + person, shifts + people + person]
        columns += [column] * 3
        values += [1, units[person], units[person]]
    for person in range(people):  # load - high <= 0 and load - low >= 0
        rows += [shifts + person, shifts + people + person]
        columns += [count, count + 1]
        values += [-1, -1]
    matrix = coo_matrix((values, (rows, columns)), shape=(shifts + 2 * people, count + 2))
    endless = np.inf
    least = [*problem.demand, *[-endless] * people, *[0] * people]
    most = [*problem.demand, *[0] * people, *[endless] * people]
    found = milp(
        [*[0] * count, 1, -1],
        constraints=LinearConstraint(matrix.tocsr(), least, most),
        integrality=[*[1] * count, 0, 0],
        bounds=Bounds([0] * (count + 2), [*[1] * count, endless, endless]),
        options={"time_limit": SECONDS},
    )
    return round(float(found.fun), 3) if found.status == 0 else None


def flow(problem: Any) -> float | None:
    """OR-Tools' min-cost flow, squares of counts as costs of parallel arcs: for equal weights."""
    from ortools.graph.python import min_cost_flow

    if len(set(problem.price)) > 1:
        return None  # one flow does not tell: which sum of squares is small is another question
    solver = min_cost_flow.SimpleMinCostFlow()
    people, shifts = len(problem.people), len(problem.demand)
    sink = people + shifts
    for person, shift in edges_of(problem):
        solver.add_arc_with_capacity_and_unit_cost(people + shift, person, 1, 0)
    for person, can in enumerate(problem.can):
        for turn in range(can.bit_count()):
            solver.add_arc_with_capacity_and_unit_cost(person, sink, 1, 2 * turn + 1)
    for shift, demand in enumerate(problem.demand):
        solver.set_node_supply(people + shift, demand)
    solver.set_node_supply(sink, -sum(problem.demand))
    if solver.solve() != solver.OPTIMAL:
        return None
    taken = [arc for arc in range(solver.num_arcs()) if solver.head(arc) == sink]
    counts = [0] * people
    for arc in taken:
        counts[solver.tail(arc)] += solver.flow(arc)
    return (max(counts) - min(counts)) * 24.0


def cp_sat(problem: Any) -> float | None:
    """OR-Tools' constraint solver, two workers."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    taken = {edge: model.new_bool_var("") for edge in edges_of(problem)}
    by_shift: dict[int, list[Any]] = {shift: [] for shift in range(len(problem.demand))}
    by_person: dict[int, list[Any]] = {person: [] for person in range(len(problem.people))}
    for (person, shift), variable in taken.items():
        by_shift[shift].append(variable)
        by_person[person].append(variable)
    for shift, demand in enumerate(problem.demand):
        model.add(sum(by_shift[shift]) == demand)
    most = max(problem.price) * len(problem.demand)
    low, high = model.new_int_var(0, most, ""), model.new_int_var(0, most, "")
    for person, variables in by_person.items():
        model.add(sum(variables) * problem.price[person] <= high)
        model.add(sum(variables) * problem.price[person] >= low)
    model.minimize(high - low)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = SECONDS
    solver.parameters.num_workers = 2
    if solver.solve(model) != cp_model.OPTIMAL:
        return None
    return hours(problem, int(solver.objective_value) * DAY)


SOLVERS: dict[str, Callable[[Any], float | None]] = {
    "ours": ours,
    "HiGHS (SciPy)": highs,
    "min-cost flow (OR-Tools)": flow,
    "CP-SAT (OR-Tools)": cp_sat,
}


def edges_of(problem: Any) -> list[tuple[int, int]]:
    return [
        (person, shift)
        for person, can in enumerate(problem.can)
        for shift in range(len(problem.demand))
        if can >> shift & 1
    ]


def hours(problem: Any, load: int) -> float:
    return round(float(Fraction(load, problem.scale * HOUR)), 3)


def measured(name: str, shifts: int, people: int, *, weighted: bool) -> dict[str, Any]:
    problem = board(shifts, people, weighted=weighted)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    taken = []
    for _ in range(2):  # the first call brings the imports
        started = perf_counter()
        spread = SOLVERS[name](problem)
        taken.append(perf_counter() - started)
    return {
        "solver": name,
        "shifts": shifts,
        "people": people,
        "weighted": weighted,
        "spread_hours": spread,
        "first_ms": round(taken[0] * 1e3, 1),
        "ms": round(taken[1] * 1e3, 1),
        "more_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before, 1),
    }


def main() -> None:
    if len(sys.argv) > 1:
        name, shifts, people, weighted = json.loads(sys.argv[1])
        print(json.dumps(measured(name, shifts, people, weighted=weighted)))
        return
    print(f"{'solver':26}{'shifts':>8}{'people':>8}{'weights':>9}{'spread':>9}{'ms':>10}{'MB':>8}")
    rows = []
    for shifts, people in SIZES:
        for weighted in (False, True):
            for name in SOLVERS:
                case = json.dumps([name, shifts, people, weighted])
                done = subprocess.run(
                    [sys.executable, __file__, case], capture_output=True, text=True, check=True
                )
                row = json.loads(done.stdout)
                rows.append(row)
                spread = "-" if row["spread_hours"] is None else f"{row['spread_hours']:g} h"
                print(
                    f"{name:26}{shifts:8,}{people:8,}{weighted!s:>9}{spread:>9}"
                    f"{row['ms']:10,.1f}{row['more_mb']:8.1f}",
                    flush=True,
                )
    results = Path(__file__).parent / "results" / "solvers.json"
    results.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
