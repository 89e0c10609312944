"""What a run comes to: two tables for the reader, one JSON file for the record."""

import json
import platform
import statistics
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.cases import Goal, Results, goals
from bench.load import Measure
from bench.servers import CORES, TARGETS

PACKAGES = (
    *("uvicorn", "uvloop", "httptools", "starlette", "msgspec", "x402", "aiohttp", "coincurve"),
    *("fastapi", "httpx"),
)
NODE_PACKAGES = ("@x402/express", "@x402/hono", "@x402/evm", "express", "hono", "@hono/node-server")


def shown(results: Results, console: Console) -> None:
    """Print what was measured, and the goals with what became of them."""
    console.print(_measures(results), _memory(results), _goals(results))


def record(results: Results, rounds: int, seconds: int) -> dict[str, Any]:
    """The run as JSON types; figures are medians over the rounds."""
    return {
        "versions": versions(),
        "cores": len(CORES),
        "rounds": rounds,
        "seconds": seconds,
        "cases": [
            {
                "case": name,
                "connections": connections,
                "targets": {target: _medians(runs) for target, runs in targets.items()},
            }
            for (name, connections), targets in results.measures.items()
        ],
        "memory_mb": {name: round(mb, 1) for name, mb in results.memory_mb.items()},
        "goals": [_outcome(goal, results) for goal in goals()],
    }


def versions() -> Mapping[str, str]:
    """Of everything that was measured or measured with."""
    locked = json.loads((TARGETS / "package-lock.json").read_text())["packages"]
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "node": subprocess.check_output(["node", "--version"], text=True).strip().lstrip("v"),
        **{name: locked[f"node_modules/{name}"]["version"] for name in NODE_PACKAGES},
        "wrk": wrk.split()[1],
    }


def _medians(runs: list[Measure]) -> dict[str, Any]:
    def median(name: str) -> float:
        return round(statistics.median(getattr(run, name) for run in runs), 3)

    return {
        **{name: median(name) for name in Measure.__struct_fields__},
        "rounds_per_second": [round(run.per_second, 1) for run in runs],
    }


def _outcome(goal: Goal, results: Results) -> dict[str, Any]:
    figure = goal.figure(results)
    outcome = None if figure is None else "pass" if goal.met(figure) else "miss"
    return {
        "goal": goal.text,
        "limit": goal.limit,
        "is": "at least" if goal.at_least else "at most",
        "measured": figure and round(figure, 3),
        "outcome": outcome,
    }


def _measures(results: Results) -> Table:
    table = Table("case", "connections", "target", title="Medians", title_justify="left")
    for name in ("requests/s", "× the first", "p50 ms", "p99 ms", "server CPU µs"):
        table.add_column(name, justify="right")
    for (name, connections), targets in results.measures.items():
        table.add_section()
        first = next(iter(targets))
        for target, runs in targets.items():
            row = _medians(runs)
            ratio = results.faster(name, target, first, connections)
            table.add_row(
                name if target == first else "",
                str(connections) if target == first else "",
                target,
                f"{row['per_second']:,.0f}",
                f"{ratio:.2f}",
                f"{row['p50_ms']:,.2f}",
                f"{row['p99_ms']:,.2f}",
                f"{row['cpu_us']:,.0f}",
            )
    return table


def _memory(results: Results) -> Table:
    table = Table("target", title="Resident memory after the load", title_justify="left")
    table.add_column("MB", justify="right")
    for name, mb in results.memory_mb.items():
        table.add_row(name, f"{mb:.0f}")
    return table


def _goals(results: Results) -> Table:
    table = Table("goal", "", title="Goals", title_justify="left")
    for name in ("limit", "measured"):
        table.add_column(name, justify="right")
    table.add_column("")
    colours = {"pass": "green", "miss": "red", None: "dim"}
    for goal in goals():
        row = _outcome(goal, results)
        colour, said = colours[row["outcome"]], row["outcome"] or "not measured"
        measured = "" if row["measured"] is None else f"{row['measured']:.2f}"
        table.add_row(
            goal.text, row["is"], f"{goal.limit:g}", measured, f"[{colour}]{said}[/{colour}]"
        )
    return table
