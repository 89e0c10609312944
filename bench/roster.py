"""Rosters: published instances beside the best values known, and ordinary ones beside a goal.

``python -m bench.roster FOLDER`` reads the published instances from ``FOLDER``, which holds
``on-call-rostering`` and ``roster-shifts`` (``ONCALL_ROSTER_DATA`` names it otherwise). They are
not part of the repository; without them only the ordinary rosters are solved, and it says so. Each
roster is solved in a process of its own by the solver of the products, with one worker. Seconds are
of the processor, because the wall clock also tells what else a machine does; both are recorded.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from rich.console import Console
from rich.table import Table

from app.engine.roster.checker import violations
from app.engine.roster.model import Roster, Solution
from app.engine.roster.objectives import values_of
from app.solver.roster import solve_roster
from bench.roster_cases import CASES
from bench.roster_instances import on_call_instance, parsed, shift_instance

RESULTS = Path(__file__).parent / "results" / "roster.json"
BUDGET = 60.0
"""Seconds for a published instance: of the solver's deterministic time, and of the processor."""

Best = tuple[int, bool]
"""The best value known, and whether it is proven to be the best there is."""

ON_CALL: dict[str, Best] = {
    "4s-10d": (1, True),
    "4s-23d": (2, True),
    "10s-50d": (0, True),
    "10s-150d": (5, True),
    "4s-100d": (2, True),
    "2s-200d": (63, True),
    "10s-100d-C": (47, True),
    "20s-100d-B": (15, True),
    "20s-200d": (2, False),
    "30s-400d-A": (2, True),
}
SHIFTS: dict[str, Best] = {
    "small": (5281, True),
    "s50_e50_c3": (5312, True),
    "s100_e20_c8": (4955, True),
    "s200_e50_c8": (5190, True),
    "large": (56378, True),
}
SETS = {
    "on-call-rostering": (ON_CALL, on_call_instance),
    "roster-shifts": (SHIFTS, shift_instance),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Solve rosters and hold them against goals.")
    parser.add_argument("folder", nargs="?", default=os.environ.get("ONCALL_ROSTER_DATA"))
    parser.add_argument("--one", help="solve one roster and print its row")
    parser.add_argument("--only", help="solve the rosters whose names have this")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(row_of(asked.one)))
        return
    names = [name for name in [*published(asked.folder), *CASES] if (asked.only or "") in name]
    rows = [in_own_process(name) for name in names]
    show(rows)
    if asked.only is None:
        versions = {"python": platform.python_version(), "ortools": version("ortools")}
        RESULTS.write_text(json.dumps({"versions": versions, "rows": rows}, indent=2) + "\n")
    missed = [row["name"] for row in rows if not row["reached"]]
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


def published(folder: str | None) -> list[str]:
    """List the published instances as paths, and say which are absent."""
    if folder is None or not Path(folder).is_dir():
        print("no published instances: name the folder that has them (see bench/README.md)")
        return []
    wanted = [(Path(folder) / part, name) for part, (best, _) in SETS.items() for name in best]
    found = [str(path) for part, name in wanted for path in sorted(part.glob(f"{name}.*"))]
    print(f"{len(found)} of {len(wanted)} published instances found")
    return found


def in_own_process(name: str) -> dict[str, Any]:
    run = [sys.executable, "-m", "bench.roster", "--one", name]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout)
    print(f"{row['name']}: {row['value']} in {row['cpu_seconds']} s", flush=True)
    return row


def row_of(name: str) -> dict[str, Any]:
    return ordinary_row(name) if name in CASES else published_row(Path(name))


def published_row(path: Path) -> dict[str, Any]:
    best, translate = SETS[path.parent.name]
    known, proven = best[path.stem]
    instance = translate(parsed(path))
    solution, measured = solved(instance.roster, BUDGET)
    worth, bound = instance.worth(solution.assignment), instance.bound(solution.proofs[-1].bound)
    optimal = all(proof.optimal for proof in solution.proofs)
    better = worth > known if path.parent.name == "roster-shifts" else worth < known
    return {
        "name": f"{path.parent.name}/{path.stem}",
        "value": worth,
        "bound": bound,
        "optimal": optimal,
        "best_known": known,
        "known_proven": proven,
        **measured,
        "reached": (worth == known or better)
        and (optimal or not proven)
        and measured["cpu_seconds"] <= BUDGET,
    }


def ordinary_row(name: str) -> dict[str, Any]:
    make, budget, goal = CASES[name]
    solution, measured = solved(make(), budget)
    return {
        "name": name,
        "value": {proof.name: float(proof.value) for proof in solution.proofs},
        "bound": {proof.name: float(proof.bound) for proof in solution.proofs},
        "optimal": all(proof.optimal for proof in solution.proofs),
        "goal_seconds": goal,
        **measured,
        "reached": measured["cpu_seconds"] <= goal,
    }


def solved(roster: Roster, budget: float) -> tuple[Solution, dict[str, Any]]:
    """Solve a roster and check the answer. Raises ``AssertionError`` if it is not what it says."""
    wall, cpu = perf_counter(), process_time()
    solution = solve_roster(roster, budget)
    measured = {
        "cpu_seconds": round(process_time() - cpu, 2),
        "wall_seconds": round(perf_counter() - wall, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "address_space_mb": _peak_address_space() // 1024,
    }
    assert all(found.fixed for found in violations(roster, solution.assignment))
    values = tuple(proof.value for proof in solution.proofs)
    assert values == values_of(roster, solution.assignment)
    return solution, measured


def _peak_address_space() -> int:
    """Return the most that this process has mapped, in KiB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmPeak"))


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("roster", "best known", "value", "bound", "proven", "CPU s", "wall s", "MB", "")
    for row in rows:
        table.add_row(
            row["name"],
            str(row.get("best_known", "")),
            _short(row["value"]),
            _short(row["bound"]),
            "yes" if row["optimal"] else "no",
            f"{row['cpu_seconds']:.1f}",
            f"{row['wall_seconds']:.1f}",
            str(row["peak_mb"]),
            "pass" if row["reached"] else "miss",
        )
    Console(width=150).print(table)


def _short(figure: Any) -> str:
    if isinstance(figure, dict):
        return ", ".join(f"{name} {value:g}" for name, value in figure.items())
    return str(figure)


if __name__ == "__main__":
    main()
