"""The stored APIs on PostgreSQL: what a request costs, and a large database beside a small.

``python -m bench.stored`` prints and records both.

Strategy: one service is on a database with 100 schedules and one on a database with 10,000 and a
million entries, each schedule having as many entries in both. The two are compared first without
and then with the planner's statistics; then the small one is read and written to. As everywhere,
the servers have one core, ``wrk`` and PostgreSQL the other, and within a round each target is asked
right after the other. Our limiter stays in the path: the load comes with 2,000 keys. The processor
times of the service and of PostgreSQL are divided by how much slower than usual the processor is,
before or after the run, whichever is less (``bench/speed.py``). A ratio compares the time between
answers under a constant number of callers and, as ``by CPU``, the time of both processors. What
PostgreSQL is asked is counted over some requests that come one at a time.

SQLite is measured last, beside a bare Starlette route that sends the recorded bytes of the same
answer, under the same uvicorn: a figure to know, without a goal.
"""

import argparse
import base64
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import profiles
from bench.load import BadRun, comes_to_rest
from bench.postgres import Calls, CountingPostgres, counting_postgres, lacking
from bench.process_tree import cpu_seconds
from bench.report import goal_table, versions
from bench.servers import LOAD_CORE, Server, Servers, on_core
from bench.speed import slowness
from bench.stored_cases import (
    CURRENT,
    ON_CALL,
    ON_CALL_PATH,
    ON_SQLITE,
    POST,
    UNANALYZED,
    Case,
    Orders,
    Run,
    entry_orders,
    on_call_orders,
    outcomes,
    team_orders,
)
from bench.stored_rows import analyze, fill
from tests.support.databases import administer

RESULTS = Path(__file__).parent / "results" / "stored.json"
SCRIPT = Path(__file__).with_name("stored.lua")
READERS, WRITERS = 32, 8
KEYS = 2_000
ROUNDS, SECONDS = 5, 2
WARM_UP_SECONDS = 5
"""Every key should have been seen by then."""
SETTLING, COUNTED = 20, 200
"""Requests over which PostgreSQL's statements are counted, and those before them, which wait until
nothing is left of the load.
"""
MOST_WRITES = 2_000
"""A second; where there are more, they would overlap and be told as wrong."""

BARE, SQLITE = "bare route", "SQLite"
FEW, MANY = 100, 10_000
ENTRIES = 100
"""Of each schedule: a million in the large database."""


@dataclass
class Target:
    """A server; ``database`` is the name of its PostgreSQL database, if it has one."""

    server: Server
    keys: Sequence[str]
    schedules: int = FEW
    database: str = ""


class Bench:
    """What runs during the benchmark, and what was measured."""

    def __init__(
        self,
        stack: ExitStack,
        folder: Path,
        options: argparse.Namespace,
        begun: Callable[[str], None],
    ) -> None:
        self._servers = Servers(folder, stack, "http://127.0.0.1:9")
        self._stack = stack
        self._folder = folder
        self._options = options
        self._begun = begun
        self._targets: dict[str, Target] = {}
        self._postgres: CountingPostgres | None = None
        self.cases: list[Case] = []

    def postgres(self) -> None:
        """A large database beside a small one on the same server, then the small one alone."""
        self._postgres = self._stack.enter_context(counting_postgres())
        few, many = (self._on_postgres(number) for number in (FEW, self._options.schedules))
        self._measure(Case(UNANALYZED, (few, many)), team_orders)
        for name in (few, many):
            analyze(f"{self._postgres.url}/{self._targets[name].database}")
        self._measure(Case(CURRENT, (few, many)), team_orders)
        self._measure(Case(ON_CALL, (few,)), on_call_orders)
        most = MOST_WRITES * max(self._options.seconds, WARM_UP_SECONDS)
        self._measure(Case(POST, (few,)), partial(entry_orders, count(), most), WRITERS)

    def sqlite(self) -> None:
        """Our answer beside the same bytes from a bare route."""
        self._begun("filling SQLite")
        url = f"sqlite:///{self._folder / 'bench.db'}"
        keys = fill(url, schedules=FEW, entries=ENTRIES, keys=KEYS)
        ours = self._ours(SQLITE, url, keys)
        authorized = {"Authorization": f"Bearer {keys[0]}"}
        told = httpx.get(ours.server.url + ON_CALL_PATH, headers=authorized)
        self._targets[BARE] = Target(self._bare(told), keys)
        bare = httpx.get(self._targets[BARE].server.url + ON_CALL_PATH)
        if (told.status_code, told.content) != (200, bare.content):
            raise BadRun(f"{ON_CALL_PATH}: {told.text}, {bare.text}")
        self._measure(Case(ON_SQLITE, (SQLITE, BARE)), on_call_orders)

    def _on_postgres(self, schedules: int) -> str:
        """The name of a new target on a full database."""
        assert self._postgres is not None
        name, database = f"{schedules:,}", f"oncall_{schedules}"
        self._begun(f"filling PostgreSQL with {name} schedules")
        administer(self._postgres.url, "createdb", database)
        url = f"{self._postgres.url}/{database}"
        keys = fill(url, schedules=schedules, entries=ENTRIES, keys=KEYS)
        target = self._ours(name, url, keys)
        target.schedules, target.database = schedules, database
        return name

    def _measure(self, case: Case, orders: Orders, connections: int = READERS) -> None:
        self.cases.append(case)
        for number in range(self._options.rounds + 1):
            for name in case.targets:
                self._begun(f"{case.name}: {name}, round {number or 'to warm up'}")
                seconds = self._options.seconds if number else WARM_UP_SECONDS
                run = self._run(self._targets[name], orders, connections, seconds)
                if number:
                    case.runs.setdefault(name, []).append(run)
        for name in case.targets:
            if self._targets[name].database:
                case.calls[name] = self._calls(self._targets[name], orders)
        if self._options.profile:
            self._profile(case.targets[0], orders, connections)

    def _run(self, target: Target, orders: Orders, connections: int, seconds: int) -> Run:
        asked, keys = self._folder / "orders", self._folder / "keys"
        asked.write_text("".join(f"{order}\n" for order in orders(target.schedules)))
        keys.write_text("".join(f"{key}\n" for key in target.keys))
        slow, before = slowness(), self._used(target)
        told = subprocess.run(
            [
                *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=30s", "--latency"),
                *("-s", str(SCRIPT), target.server.url, "--", str(keys), str(asked)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        after, slow = self._used(target), min(slow, slowness())
        if told.returncode:
            raise BadRun(f"wrk: {told.stderr}{told.stdout}")
        run = msgspec.json.decode(told.stdout.splitlines()[-1], type=Run)
        if not run.requests:
            raise BadRun(f"{target.server.name} answered nothing in {seconds} s")
        run.cpu_us, run.postgres_us = (
            (now - then) / run.requests * 1e6 / slow
            for then, now in zip(before, after, strict=True)
        )
        run.slowness = slow
        comes_to_rest(target.server.pid)
        return run

    def _used(self, target: Target) -> tuple[float, float]:
        """The processor seconds of the service and of PostgreSQL so far."""
        postgres = self._postgres.cpu_seconds() if self._postgres and target.database else 0.0
        return cpu_seconds(target.server.pid), postgres

    def _calls(self, target: Target, orders: Orders) -> Calls:
        """What PostgreSQL is asked for one request; they come one at a time."""
        assert self._postgres is not None
        asked = zip(cycle(target.keys), cycle(orders(target.schedules)), strict=False)
        with httpx.Client(base_url=target.server.url) as client:
            for number, (key, order) in enumerate(islice(asked, SETTLING + COUNTED)):
                if number == SETTLING:
                    self._postgres.forget()
                path, _, body = order.partition(" ")
                headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
                method = "POST" if body else "GET"
                client.request(method, path, content=body, headers=headers).raise_for_status()
        return self._postgres.calls(target.database).per_request(COUNTED)

    def _ours(self, name: str, url: str, keys: Sequence[str]) -> Target:
        service = name.replace(",", "")
        self._servers.start_ours(service, ONCALL_DATABASE_URL=url, ONCALL_PAYMENTS="off")
        self._targets[name] = Target(self._servers.by_name[service], keys)
        return self._targets[name]

    def _bare(self, told: httpx.Response) -> Server:
        """The route, with the bytes and headers that ours sent."""
        dropped = ("date", "content-length")
        headers = [[name, value] for name, value in told.headers.items() if name not in dropped]
        answer = self._folder / "answer.json"
        answer.write_text(json.dumps([headers, base64.b64encode(told.content).decode()]))
        path = "/api/v1/schedules/{id}/on-call"
        self._servers.start_python(BARE, "starlette_route", "--path", path, "--answer", str(answer))
        return self._servers.by_name[BARE]

    def _profile(self, name: str, orders: Orders, connections: int) -> None:
        self._begun(f"profiling {name}")
        target = self._targets[name]
        shares = profiles.profile_of(
            target.server.pid,
            lambda: self._run(target, orders, connections, profiles.SECONDS),
            self._folder,
        )
        for share in shares:
            print(f"{share.alone:6.1%} {share.with_calls:6.1%} {share.function}")


def main() -> None:
    options = parsed_options()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: on Debian and Ubuntu, apt-get install wrk")
    if options.only != "sqlite" and (missing := lacking()):
        sys.exit(missing)
    console = Console(width=None if sys.stdout.isatty() else 150)
    columns = (MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    steps = 3 + 8 * (options.rounds + 1)
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
    parser.add_argument("--schedules", type=int, default=MANY, help="of the large database")
    parser.add_argument("--only", choices=("sqlite", "postgres"), help="not recorded")
    parser.add_argument("--profile", action="store_true", help="see where ours spends its time")
    return parser.parse_args()


def run(options: argparse.Namespace, begun: Callable[[str], None]) -> Sequence[Case]:
    """Measure with everything that it needs started, and ended again. Raises ``BadRun``."""
    with on_core(LOAD_CORE), tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        bench = Bench(stack, Path(name), options, begun)
        if options.only != "sqlite":
            bench.postgres()
        if options.only != "postgres":
            bench.sqlite()
        return bench.cases


def record(cases: Sequence[Case], options: argparse.Namespace) -> dict[str, Any]:
    """The run as JSON types."""
    return {
        "versions": versions(),
        "readers": READERS,
        "writers": WRITERS,
        "keys": KEYS,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "cases": [
            {"case": case.name, **msgspec.to_builtins({"runs": case.runs, "calls": case.calls})}
            for case in cases
        ],
        "goals": outcomes(cases),
    }


def measures(cases: Sequence[Case]) -> Table:
    """The medians of the rounds."""
    table = Table("case", "target", title="Medians", title_justify="left")
    figures = {
        "requests/s": "per_second",
        "p50 ms": "p50_ms",
        "p99 ms": "p99_ms",
        "service µs": "cpu_us",
        "PostgreSQL µs": "postgres_us",
    }
    for name in (*figures, "statements", "trips", "wrong"):
        table.add_column(name, justify="right")
    for case in cases:
        table.add_section()
        for target, runs in case.runs.items():
            medians = [case.median(figure, target) for figure in figures.values()]
            calls = case.calls.get(target)
            table.add_row(
                case.name,
                target,
                *(
                    f"{median:,.{0 if median >= 100 else 2}f}" if median else ""
                    for median in medians
                ),
                *((f"{calls.statements:g}", f"{calls.round_trips:g}") if calls else ("", "")),
                str(sum(run.wrong for run in runs)),
            )
    return table


if __name__ == "__main__":
    main()
