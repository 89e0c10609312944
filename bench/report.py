"""What a run comes to: two tables for the reader, one JSON file for the record."""

import json
import platform
import re
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench.cases import REDIS, Results, goals
from bench.load import Measure
from bench.profiles import Share
from bench.servers import CORES, TARGETS

PACKAGES = (
    *("uvicorn", "uvloop", "httptools", "starlette", "msgspec", "x402", "aiohttp", "coincurve"),
    *("fastapi", "httpx", "limits", "redis", "hiredis"),
)
NODE_PACKAGES = (
    *("@x402/express", "@x402/hono", "@x402/evm", "express", "hono", "@hono/node-server"),
    *("express-rate-limit", "hono-rate-limiter", "rate-limit-redis", "@redis/client"),
)


def shown(results: Results, console: Console) -> None:
    """Print what was measured, and the goals with what became of them."""
    console.print(f"\nClaims and limits in {results.store}", style="bold")
    console.print(_measures(results), _memory(results), goal_table(outcomes(results)))
    for name, shares in results.profiles.items():
        console.print(_profile(name, shares))


def record(results: Results, rounds: int, seconds: int) -> dict[str, Any]:
    """The run as JSON types; figures are medians over the rounds."""
    return {
        "store": results.store,
        "versions": {**versions(), **(_version_of_redis() if results.store == REDIS else {})},
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
        "memory_mb": {
            name: [round(mb, 1) for mb in rounds] for name, rounds in results.memory_mb.items()
        },
        "encode_ratios": [round(ratio, 2) for ratio in results.encode_ratios],
        "goals": outcomes(results),
        "profiles": msgspec.to_builtins(results.profiles),
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
        "wrk": re.findall(r"\d[\w.+-]*", wrk)[0],  # distributions put their name before it
    }


def _version_of_redis() -> Mapping[str, str]:
    told = subprocess.check_output(["redis-server", "--version"], text=True)
    return {"redis-server": re.findall(r"v=(\S+)", told)[0]}


def _medians(runs: list[Measure]) -> dict[str, Any]:
    def median(name: str) -> float:
        return float(round(statistics.median(getattr(run, name) for run in runs), 3))

    return {
        **{name: median(name) for name in Measure.__struct_fields__},
        "rounds_per_second": [round(run.per_second, 1) for run in runs],
    }


def outcomes(results: Results) -> list[dict[str, Any]]:
    """Every goal, and what became of it."""
    return [
        outcome(
            goal.text,
            goal.limit,
            goal.figure(results),
            at_least=goal.at_least,
            by_cpu=goal.by_cpu(results),
        )
        for goal in goals(results.store)
    ]


def outcome(
    text: str,
    limit: float | None,
    figure: float | None,
    *,
    at_least: bool = True,
    by_cpu: float | None = None,
) -> dict[str, Any]:
    """A goal and what was measured, as JSON types; ``None`` where it was not.

    Without a limit it is a figure to know.
    """
    return {
        "goal": text,
        "limit": limit,
        "is": "" if limit is None else "at least" if at_least else "at most",
        "measured": _rounded(figure),
        "by_processor_time": _rounded(by_cpu),
        "outcome": _became(limit, figure, at_least=at_least),
    }


def _became(limit: float | None, figure: float | None, *, at_least: bool) -> str:
    if figure is None:
        return "not measured"
    if limit is None:
        return "figure"
    return "pass" if (figure >= limit if at_least else figure <= limit) else "miss"


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 3)


def _measures(results: Results) -> Table:
    table = Table("case", "conn.", "target", title="Medians", title_justify="left")
    for name in ("requests/s", "× first", "p50 ms", "p99 ms", "CPU µs", "Redis µs", "wrong"):
        table.add_column(name, justify="right")
    for (name, connections), targets in results.measures.items():
        table.add_section()
        first = next(iter(targets))
        for target, runs in targets.items():
            row = _medians(runs)
            ratio = results.faster((name, connections, target), first)
            table.add_row(
                name if target == first else "",
                str(connections) if target == first else "",
                target,
                f"{row['per_second']:,.0f}",
                _text(ratio),
                f"{row['p50_ms']:,.2f}",
                f"{row['p99_ms']:,.2f}",
                f"{row['cpu_us']:,.0f}",
                f"{row['redis_us']:,.0f}" if row["redis_us"] else "",
                str(sum(run.wrong for run in runs) or ""),
            )
    return table


def _memory(results: Results) -> Table:
    table = Table("target", title="Resident memory after the load", title_justify="left")
    table.add_column("MB", justify="right")
    for name, mb in results.memory_mb.items():
        table.add_row(name, f"{statistics.median(mb):.0f}")
    return table


def goal_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows that ``outcome`` makes."""
    table = Table("goal", "", title="Goals", title_justify="left")
    for name in ("limit", "measured", "by CPU"):
        table.add_column(name, justify="right")
    table.add_column("")
    colours = {"pass": "green", "miss": "red", "not measured": "dim", "figure": "dim"}
    for row in rows:
        figures = [_text(row[name]) for name in ("measured", "by_processor_time")]
        said = f"[{colours[row['outcome']]}]{row['outcome']}"
        limit = "" if row["limit"] is None else f"{row['limit']:,g}"
        table.add_row(row["goal"], row["is"], limit, *figures, said)
    return table


def _profile(name: str, shares: list[Share]) -> Table:
    table = Table("function", title=f"Where ours spends its time: {name}", title_justify="left")
    table.add_column("alone", justify="right")
    table.add_column("with calls", justify="right")
    for share in shares:
        table.add_row(share.function, f"{share.alone:.1%}", f"{share.with_calls:.1%}")
    return table


def _text(figure: float | None) -> str:
    return "" if figure is None else f"{figure:,.2f}"
