"""The same integer programs of rosters by CP-SAT and by HiGHS, each on one core.

HiGHS is no dependency. In an environment of its own:

    python -m venv /tmp/solvers && /tmp/solvers/bin/pip install highspy ortools tzdata
    PYTHONPATH=. /tmp/solvers/bin/python -m bench.roster_solvers FOLDER NAME...

Both get the program that ``app/solver/program.py`` makes of a published instance, the places all to
be filled, and no hint: what is compared is the solver alone.
"""

import json
import sys
from pathlib import Path
from time import process_time
from typing import Any

import highspy

from app.solver.aims import Aim
from app.solver.program import Program
from bench.roster_instances import on_call_instance, parsed, shift_instance

SECONDS = 60.0
"""Of deterministic time for CP-SAT."""

WALL_SECONDS = 200.0
"""For HiGHS, which only knows the wall clock; its processor time is recorded, too."""
TRANSLATE = {"on-call-rostering": on_call_instance, "roster-shifts": shift_instance}


def main() -> None:
    folder = Path(sys.argv[1])
    for path in sorted(folder.glob("*/*")):
        if path.stem in sys.argv[2:]:
            for solve in (by_cp_sat, by_highs):
                program = Program(TRANSLATE[path.parent.name](parsed(path)).roster)
                for aim in program.aims[:-1]:
                    program.model.set_bounds(aim.held, 0, 0)
                began = process_time()
                found = solve(program, program.aims[-1])
                row = {"name": path.stem, "solver": solve.__name__, **found}
                print(json.dumps({**row, "cpu_seconds": round(process_time() - began, 1)}))


def by_cp_sat(program: Program, aim: Aim) -> dict[str, Any]:
    program.model.minimise(aim.terms)
    found = program.model.solve(SECONDS)
    value = float(aim.value(aim.total(found.values))) if found.values else None
    return {"status": found.status, "value": value, "bound": float(aim.value(found.bound))}


def by_highs(program: Program, aim: Aim) -> dict[str, Any]:
    """Solve the program's messages as rows and columns."""
    proto = program.model._proto  # noqa: SLF001 - nobody else reads a model
    solver = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("time_limit", WALL_SECONDS)):
        solver.setOptionValue(option, value)
    for variable in proto.variables:
        low, high = list(variable.domain)
        solver.addVar(low, high)
    count = len(proto.variables)
    kinds = [highspy.HighsVarType.kInteger] * count
    solver.changeColsIntegrality(count, list(range(count)), kinds)
    for constraint in proto.constraints:
        if constraint.has_at_most_one():
            columns = list(constraint.at_most_one.literals)
            solver.addRow(-highspy.kHighsInf, 1, len(columns), columns, [1.0] * len(columns))
        else:
            linear = constraint.linear
            low, high = list(linear.domain)
            columns, amounts = list(linear.vars), [float(amount) for amount in linear.coeffs]
            solver.addRow(low, high, len(columns), columns, amounts)
    for variable, amount in aim.terms:
        solver.changeColCost(variable, float(amount))
    solver.run()
    info = solver.getInfo()
    return {
        "status": solver.modelStatusToString(solver.getModelStatus()),
        "value": float(aim.scale) * info.objective_function_value,
        "bound": float(aim.scale) * info.mip_dual_bound,
    }


if __name__ == "__main__":
    main()
