"""The stored APIs beside the limit, and a large database beside a small.

``python -m bench.stored`` prints and records both.

Strategy: SQLite is measured against a bare Starlette route that sends the recorded bytes of the
same answer, under the same uvicorn: a figure to know, without a goal. PostgreSQL is measured
against itself: one service on a database with 100 schedules and one on a database with 10,000 and a
million entries, each schedule having as many entries in both, first without and then with the
planner's statistics. As everywhere, the servers have one core and ``wrk`` the other, and within a
round each target is asked right after the other. Our limiter stays in the path: the load comes with
2,000 keys. A request's cost is the time between answers under a constant number of callers.
"""

import argparse
import base64
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import profiles
from bench.load import BadRun, comes_to_rest, cpu_seconds
from bench.report import goal_table, outcome, versions
from bench.servers import LOAD_CORE, Server, Servers, on_core
from bench.stored_rows import TEAM_SCHEDULES, analyze, fill
from tests.support.databases import administer
from tests.support.postgres_server import postgres_server

RESULTS = Path(__file__).parent / "results" / "stored.json"
SCRIPT = Path(__file__).with_name("stored.lua")
CONNECTIONS = 32
KEYS = 2_000
ROUNDS, SECONDS = 5, 2
WARM_UP_SECONDS = 5
"""Every key should have been seen by then."""

BARE, SQLITE = "bare route", "SQLite"
FEW, MANY = 100, 10_000
ENTRIES = 100
"""Of each schedule: a million in the large database."""
ON_CALL = "GET /api/v1/schedules/{id}/on-call"
CURRENT = "GET /api/v2/oncall/current/{team_id}"
ON_CALL_PATH = "/api/v1/schedules/sched_7/on-call"
AT = "?at=2030-01-01T00:00:00Z"

GOALS: Mapping[str, tuple[str, float]] = {
    "without statistics": (f"{CURRENT}, cost with 10,000 ÷ with 100, no ANALYZE", 1.5),
    "with statistics": (f"{CURRENT}, cost with 10,000 ÷ with 100, after ANALYZE", 1.5),
}
"""By case: the goal and the most that meets it. A case without a goal is only measured."""


class Run(msgspec.Struct):
    """One run of wrk, with the processor time of the server for one answer."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    wrong: int
    cpu_us: float = 0.0

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


@dataclass
class Case:
    """Targets that are asked in turn, round by round. The ratio is first ÷ second, a median."""

    name: str
    targets: Sequence[str]
    runs: dict[str, list[Run]] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        first, second = (self.runs[name] for name in self.targets)
        return statistics.median(
            one.per_second / other.per_second for one, other in zip(first, second, strict=True)
        )


class Bench:
    """What runs during the benchmark, and what was measured."""

    def __init__(self, stack: ExitStack, folder: Path, begun: Callable[[str], None]) -> None:
        self._servers = Servers(folder, stack)
        self._stack = stack
        self._folder = folder
        self._begun = begun
        self._keys = folder / "keys"
        self.cases: list[Case] = []

    def sqlite(self, rounds: int, seconds: int, *, profile: bool) -> Case:
        """Our answer beside the same bytes from a bare route."""
        self._begun("filling SQLite")
        url = f"sqlite:///{self._folder / 'bench.db'}"
        keys = fill(url, schedules=FEW, entries=ENTRIES, keys=KEYS)
        ours = self._ours(SQLITE, url)
        path = ON_CALL_PATH + AT
        told = httpx.get(ours.url + path, headers={"Authorization": f"Bearer {keys[0]}"})
        self._start_bare(told)
        bare = httpx.get(self._servers.by_name[BARE].url + path)
        if (told.status_code, told.content) != (200, bare.content):
            raise BadRun(f"{path}: {told.text}, {bare.text}")
        case = self._measured(Case(ON_CALL, (SQLITE, BARE)), keys, [path], rounds, seconds)
        if profile:
            self._profile(SQLITE, [path])
        return case

    def postgres(self, rounds: int, seconds: int, *, profile: bool) -> None:
        """A large database beside a small one on the same server."""
        server = self._stack.enter_context(
            postgres_server(options=("autovacuum=off", "shared_buffers=512MB", "fsync=off"))
        )
        few, many = f"{FEW:,}", f"{MANY:,}"
        urls = {name: f"{server}/oncall_{name.replace(',', '')}" for name in (few, many)}
        keys: dict[str, list[str]] = {}
        for name, url in urls.items():
            self._begun(f"filling PostgreSQL with {name} schedules")
            administer(server, "createdb", url.rpartition("/")[2])
            number = int(name.replace(",", ""))
            keys[name] = fill(url, schedules=number, entries=ENTRIES, keys=KEYS)
        for name, url in urls.items():
            self._ours(name, url)
        for what in ("without statistics", "with statistics"):
            if what == "with statistics":
                for url in urls.values():
                    analyze(url)
            case = Case(what, (few, many))
            self._measured(case, keys, None, rounds, seconds)
        if profile:
            self._profile(many, team_paths(MANY))

    def _measured(
        self,
        case: Case,
        keys: Sequence[str] | Mapping[str, Sequence[str]],
        paths: Sequence[str] | None,
        rounds: int,
        seconds: int,
    ) -> Case:
        self.cases.append(case)
        for number in range(rounds + 1):
            for target in case.targets:
                self._begun(f"{case.name}: {target}, round {number or 'to warm up'}")
                own = keys[target] if isinstance(keys, Mapping) else keys
                asked = paths or team_paths(int(target.replace(",", "")))
                duration = seconds if number else WARM_UP_SECONDS
                run = self._asked(self._servers.by_name[target], own, asked, duration)
                if number:
                    case.runs.setdefault(target, []).append(run)
        return case

    def _asked(
        self, server: Server, keys: Sequence[str], paths: Sequence[str], seconds: int
    ) -> Run:
        asked = self._folder / "paths"
        asked.write_text("".join(f"{path}\n" for path in paths))
        self._keys.write_text("".join(f"{key}\n" for key in keys))
        before = cpu_seconds(server.pid)
        told = subprocess.run(
            [
                *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout=30s", "--latency"),
                *("-s", str(SCRIPT), server.url, "--", str(self._keys), str(asked)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise BadRun(f"wrk: {told.stderr}{told.stdout}")
        run = msgspec.json.decode(told.stdout.splitlines()[-1], type=Run)
        run.cpu_us = (cpu_seconds(server.pid) - before) / max(run.requests, 1) * 1e6
        comes_to_rest(server.pid)
        return run

    def _ours(self, name: str, url: str) -> Server:
        self._servers.facilitator = self._servers.facilitator or "http://127.0.0.1:9"
        self._servers.start_ours(
            name.replace(",", ""), ONCALL_DATABASE_URL=url, ONCALL_PAYMENTS="off"
        )
        server = self._servers.by_name[name.replace(",", "")]
        self._servers.by_name[name] = server
        return server

    def _start_bare(self, told: httpx.Response) -> None:
        """The route, with the bytes and headers that ours sent."""
        dropped = ("date", "content-length")
        headers = [[name, value] for name, value in told.headers.items() if name not in dropped]
        answer = self._folder / "answer.json"
        answer.write_text(json.dumps([headers, base64.b64encode(told.content).decode()]))
        path = "/api/v1/schedules/{id}/on-call"
        self._servers.start_python(BARE, "starlette_route", "--path", path, "--answer", str(answer))

    def _profile(self, target: str, paths: Sequence[str]) -> None:
        self._begun(f"profiling {target}")
        server = self._servers.by_name[target]
        keys = self._keys.read_text().split()
        shares = profiles.profile_of(
            server.pid, lambda: self._asked(server, keys, paths, profiles.SECONDS), self._folder
        )
        for share in shares:
            print(f"{share.alone:6.1%} {share.with_calls:6.1%} {share.function}")


def main() -> None:
    options = parsed_options()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: on Debian and Ubuntu, apt-get install wrk")
    console = Console(width=None if sys.stdout.isatty() else 120)
    columns = (MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    steps = 3 + 3 * 2 * (options.rounds + 1)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=steps)

        def begun(what: str) -> None:
            bar.update(task, advance=1, description=what)
            if not console.is_terminal:
                print(what, flush=True)

        cases = run(options, begun)
    console.print(measures(cases), goal_table(outcomes(cases)))
    if not options.only:
        RESULTS.write_text(json.dumps(record(cases, options), indent=1) + "\n")


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.stored", description="Measure the stored APIs; write bench/results."
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of each measurement")
    parser.add_argument("--only", choices=("sqlite", "postgres"), help="not recorded")
    parser.add_argument("--profile", action="store_true", help="see where ours spends its time")
    return parser.parse_args()


def run(options: argparse.Namespace, begun: Callable[[str], None]) -> Sequence[Case]:
    """Measure with everything that it needs started, and ended again. Raises ``BadRun``."""
    with on_core(LOAD_CORE), tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        bench = Bench(stack, Path(name), begun)
        if options.only != "postgres":
            bench.sqlite(options.rounds, options.seconds, profile=options.profile)
        if options.only != "sqlite":
            bench.postgres(options.rounds, options.seconds, profile=options.profile)
        return bench.cases


def team_paths(schedules: int) -> Sequence[str]:
    return [
        f"/api/v2/oncall/current/team_{number}" for number in range(schedules // TEAM_SCHEDULES)
    ]


def outcomes(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Every goal of ``cases``, and what became of it."""
    rows = []
    for case in (each for each in cases if each.name in GOALS):
        text, limit = GOALS[case.name]
        first, second = (
            statistics.median(run.cpu_us for run in case.runs[name]) for name in case.targets
        )
        by_cpu = second / first
        rows.append(outcome(text, limit, case.ratio, at_least=False, by_cpu=by_cpu))
    return rows


def record(cases: Sequence[Case], options: argparse.Namespace) -> dict[str, Any]:
    """The run as JSON types."""
    return {
        "versions": versions(),
        "connections": CONNECTIONS,
        "keys": KEYS,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "cases": [{"case": case.name, "runs": msgspec.to_builtins(case.runs)} for case in cases],
        "goals": outcomes(cases),
    }


def measures(cases: Sequence[Case]) -> Table:
    """The medians of the rounds."""
    table = Table("case", "target", title="Medians", title_justify="left")
    for name in ("requests/s", "p50 ms", "p99 ms", "CPU µs", "wrong"):
        table.add_column(name, justify="right")
    for case in cases:
        table.add_section()
        for target, runs in case.runs.items():
            medians = [
                statistics.median(getattr(run, name) for run in runs)
                for name in ("per_second", "p50_ms", "p99_ms", "cpu_us")
            ]
            wrong = sum(run.wrong for run in runs)
            row = [f"{medians[0]:,.0f}", *(f"{figure:,.2f}" for figure in medians[1:])]
            table.add_row(case.name, target, *row, str(wrong))
    return table


if __name__ == "__main__":
    main()
