"""What the most expensive requests cost, beside their budgets: ``python -m bench.abuse``.

Strategy: one worker as in production, with Redis, a database and a facilitator that answers at
once, is sent one request at a time. For each the processor time of the process and its workers is
read, the memory that they take at their most, the longest stall of the event loop, and how long a
payer of a light rotation waits meanwhile. Requests that can be repeated are sent three times: of
processor time and stalls the least counts, because other work on the machine only adds to them, of
memory the most. Processor time and stalls are divided by how much slower than the usual processor
this one is just then (``bench/speed.py``). Both workers have started and have done a job of either
kind before anything is measured, and after every request that cost one its life.

``--search SECONDS`` looks for worse requests than the known ones first (``bench/abuse_search.py``).
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.workers.pool import PROCESSES
from bench import abuse_search, process_tree
from bench.abuse_budgets import MAX_ANSWER_BYTES, MAX_STALL_MS
from bench.abuse_cases import (
    MCP,
    ROTATIONS,
    TOOL,
    Ask,
    Case,
    cases,
    message,
    rotation,
    with_calendar,
)
from bench.abuse_payments import Purse
from bench.abuse_server import STALL
from bench.abuse_store import LargeOrganisation
from bench.report import goal_table, outcome
from bench.servers import LOAD_CORE, Servers, on_core
from bench.speed import slowness
from tests.support.redis_server import redis_server

RESULTS = Path(__file__).parent / "results" / "abuse.json"
PUBLIC_URL = "https://oncall.test"
ANSWER_SECONDS = 120.0
KEPT_MB = 8.0
"""A process that has kept so much more is started anew before the next request: what it kept would
hide what that one takes."""
REPEATS = 3
TIMERS = 1.02
"""The timer that stops a worker is so exact: a job that is stopped is within its budget."""
SAMPLE_SECONDS = 0.02
QUIET_SECONDS = 2.0
HONEST_SECONDS = 0.02
LIGHT = json.dumps(rotation()).encode()
WRONG = frozenset((500, 502, 504))


class Cost(Struct):
    """What one request took."""

    status: int
    bytes_in: int
    bytes_out: int
    cpu_ms: float
    memory_mb: float
    stall_ms: float


class Row(Struct):
    """A case with what it took, and what another caller waited meanwhile."""

    case: str
    charged_to: str
    status: int
    bytes_in: int
    bytes_out: int
    cpu_ms: float
    cpu_budget_ms: float
    memory_mb: float
    memory_budget_mb: float
    stall_ms: float
    other_p50_ms: float
    other_most_ms: float
    over: list[str]
    slowness: float = 1.0
    """How many times as long as a usual processor this one took."""


class Target:
    """The service and what it needs, with callers that are each a new client."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._servers = Servers(folder, stack)
        self._servers.start_facilitator()
        self.store = LargeOrganisation(folder / "abuse.db")
        self._server = self._servers.start_module(
            "watched",
            "bench.abuse_server",
            ONCALL_ENV="production",
            ONCALL_PUBLIC_URL=PUBLIC_URL,
            ONCALL_REDIS_URL=stack.enter_context(redis_server(folder)),
            ONCALL_DATABASE_URL=self.store.url,
            ONCALL_DRAIN="0",
        )
        self._clients = 0
        self._http = stack.enter_context(httpx.Client(timeout=ANSWER_SECONDS))
        self.purse = Purse(self)
        self.warm_up()
        self._idle_cpu = self._idle_cpu_per_second()
        self._resident_mb = process_tree.resident_mb(self.pid)

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def url(self) -> str:
        return self._server.url

    def send(self, ask: Ask, http: httpx.Client | None = None) -> httpx.Response:
        """One answer, to a client of its own."""
        self._clients += 1
        number = self._clients
        headers = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
        body = ask.body
        if body is not None:
            headers["Content-Type"] = "application/json"
        if ask.key:
            headers["X-API-Key"] = self.store.key(number)
        if ask.payment and ask.path == MCP:
            body = self.purse.with_payment(body or b"", ask.payment)
        elif ask.payment:
            headers["PAYMENT-SIGNATURE"] = self.purse.header(ask.path, ask.payment)
        if ask.path == MCP:
            headers["Host"] = PUBLIC_URL.rpartition("/")[2]
        headers |= ask.headers
        url = self.url + ask.path
        return (http or self._http).request(ask.method, url, content=body, headers=headers)

    def warm_up(self) -> None:
        """Let both workers start and import what their jobs need, and the loop what it needs."""
        empty = with_calendar("BEGIN:VCALENDAR\r\nEND:VCALENDAR")
        free = Ask(ROTATIONS, json.dumps(empty).encode())
        paid = Ask(ROTATIONS, json.dumps({**empty, "strategy": "fair"}).encode(), payment="good")
        tools = Ask(MCP, message("tools/list", {}), headers=TOOL)
        for _ in range(3):
            asks = [paid, free, paid, tools]
            threads = [threading.Thread(target=self._ignoring, args=(ask,)) for ask in asks]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _ignoring(self, ask: Ask) -> None:
        with httpx.Client(timeout=ANSWER_SECONDS) as http:
            self.send(ask, http)

    def rested(self) -> None:
        """Bring the process to the state in which it is measured."""
        self._settle()
        if process_tree.resident_mb(self.pid) > self._resident_mb + KEPT_MB:
            self._server.start()
            self.purse.renew()
            self.warm_up()
            self._settle()
        elif len(process_tree.tree(self.pid)) <= PROCESSES:  # a worker was ended
            self.warm_up()
            self._settle()

    def _settle(self) -> None:
        """Wait until nothing is done any more, at most some seconds."""
        deadline = time.monotonic() + 30
        before = process_tree.cpu_seconds(self.pid)
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = process_tree.cpu_seconds(self.pid)
            if now - before < 0.01:
                return
            before = now

    def _idle_cpu_per_second(self) -> float:
        self._settle()
        before = process_tree.cpu_seconds(self.pid)
        time.sleep(QUIET_SECONDS)
        return (process_tree.cpu_seconds(self.pid) - before) / QUIET_SECONDS

    def cost(self, ask: Ask) -> Cost:
        """Send ``ask`` once, alone, and read what it took."""
        self._http.get(self.url + STALL)
        idle_mb = process_tree.reset_peaks(self.pid)
        began, before = time.perf_counter(), process_tree.cpu_seconds(self.pid)
        with self._peak() as peaks:
            answer = self.send(ask)
            self._settle_shortly()
        seconds = time.perf_counter() - began
        used = process_tree.cpu_seconds(self.pid) - before - self._idle_cpu * seconds
        stall_ms = float(self._http.get(self.url + STALL).text)
        head = len(str(answer.request.headers))
        return Cost(
            answer.status_code,
            head + len(answer.request.content),
            len(answer.content),
            max(used * 1000, 0.0),
            max(max(peaks) - idle_mb, 0.0),
            stall_ms,
        )

    @contextmanager
    def _peak(self) -> Iterator[list[float]]:
        """Sums of the peaks so far, read again and again, because a worker may be ended."""
        over = threading.Event()
        peaks: list[float] = []

        def sample() -> None:
            while not over.wait(SAMPLE_SECONDS):
                peaks.append(process_tree.peak_mb(self.pid))

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield peaks
            peaks.append(process_tree.peak_mb(self.pid))
        finally:
            over.set()
            thread.join()

    def _settle_shortly(self) -> None:
        """Wait for what the answer left to be done, such as a worker that is still at work."""
        before = process_tree.cpu_seconds(self.pid)
        for _ in range(200):
            time.sleep(0.02)
            now = process_tree.cpu_seconds(self.pid)
            if now - before < 0.004:
                return
            before = now

    @contextmanager
    def honest(self) -> Iterator[list[float]]:
        """Somebody who buys light rotations meanwhile; how long each took, in milliseconds."""
        over = threading.Event()
        waits: list[float] = []

        def buy() -> None:
            with httpx.Client(timeout=ANSWER_SECONDS) as http:
                while not over.is_set():
                    header = self.purse.header(ROTATIONS, "good")
                    began = time.perf_counter()
                    answer = self.send(
                        Ask(ROTATIONS, LIGHT, headers={"PAYMENT-SIGNATURE": header}), http
                    )
                    waits.append((time.perf_counter() - began) * 1000)
                    if answer.status_code != 200:
                        waits[-1] = ANSWER_SECONDS * 1000
                    over.wait(HONEST_SECONDS)

        buyer = threading.Thread(target=buy)
        buyer.start()
        time.sleep(5 * HONEST_SECONDS)
        waits.clear()
        try:
            yield waits
            while not waits and buyer.is_alive():  # one purchase began before and is not over yet
                time.sleep(HONEST_SECONDS)
        finally:
            over.set()
            buyer.join()


def row_of(target: Target, case: Case, repeats: int) -> Row:
    """Measure one case."""
    costs: list[Cost] = []
    slow = [slowness()]
    for _ in range(repeats):
        target.rested()
        costs.append(target.cost(case.ask()))
        slow.append(slowness())
    target.rested()
    with target.honest() as waits:
        target.send(case.ask())
    budget = case.budget
    status = costs[-1].status
    row = Row(
        case.name,
        budget.name,
        status,
        costs[-1].bytes_in,
        max(cost.bytes_out for cost in costs),
        round(min(cost.cpu_ms for cost in costs) / min(slow), 1),
        budget.cpu_seconds * 1000,
        round(max(cost.memory_mb for cost in costs), 1),
        budget.memory_mb,
        round(min(cost.stall_ms for cost in costs) / min(slow), 1),
        round(statistics.median(waits), 1),
        round(max(waits), 1),
        [],
        round(min(slow), 2),
    )
    row.over = list(over_in(row))
    return row


def over_in(row: Row) -> Iterator[str]:
    """What of a row is over its budget."""
    if row.status in WRONG:
        yield "status"
    if row.cpu_ms > row.cpu_budget_ms * TIMERS:
        yield "CPU"
    if row.memory_mb > row.memory_budget_mb:
        yield "memory"
    if row.stall_ms > MAX_STALL_MS:
        yield "stall"
    if row.bytes_out > MAX_ANSWER_BYTES:
        yield "answer"


def main() -> None:
    options = parsed_options()
    console = Console(width=None if sys.stdout.isatty() else 160)
    with on_core(LOAD_CORE), tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        target = Target(Path(name), stack)
        if options.search:
            abuse_search.search(target, options.search, options.only, console)
        chosen = [case for case in cases() if options.only in case.name]
        if any(case.stored for case in chosen):
            target.store.fill(target, console)
        rows = measured(target, chosen, options.repeats, console)
    console.print(measures(rows), goal_table(outcomes(rows)))
    if options.repeats >= REPEATS:
        all_rows = rows if not options.only else [*recorded_rows(), *rows]
        RESULTS.write_text(json.dumps(record(all_rows), indent=1) + "\n")
    sys.exit(any(row.over for row in rows))


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.abuse", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="what has this in its name")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="fewer is not recorded")
    parser.add_argument("--search", type=float, default=0, help="seconds to look for worse ones")
    return parser.parse_args()


def measured(target: Target, chosen: Sequence[Case], repeats: int, console: Console) -> list[Row]:
    """Measure the cases one after the other, with progress."""
    columns = (MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    rows = []
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=len(chosen))
        for case in chosen:
            bar.update(task, description=case.name)
            row = row_of(target, case, repeats)
            rows.append(row)
            bar.advance(task)
            if not console.is_terminal or row.over:
                said = ", ".join(row.over) or "within"
                console.print(
                    f"{row.case}: {row.status}, {row.cpu_ms:,.0f} ms, {row.memory_mb:,.1f} MB, "
                    f"stall {row.stall_ms:.1f} ms, slowness {row.slowness:.1f}, "
                    f"other {row.other_most_ms:,.0f} ms: {said}",
                    highlight=False,
                )
    return rows


def outcomes(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What is asked of all cases together, and what became of it."""
    by_charge: dict[str, list[Row]] = {}
    for row in rows:
        by_charge.setdefault(row.charged_to, []).append(row)
    goals = []
    for name, group in by_charge.items():
        figures = (
            ("CPU, ms", group[0].cpu_budget_ms, max(row.cpu_ms for row in group)),
            ("memory, MB", group[0].memory_budget_mb, max(row.memory_mb for row in group)),
        )
        goals += [
            outcome(f"{name}: {what}", limit, most, at_least=False) for what, limit, most in figures
        ]
    stall = max(row.stall_ms for row in rows)
    answer = max(row.bytes_out for row in rows)
    return [
        *goals,
        outcome("stall of the loop, ms", MAX_STALL_MS, stall, at_least=False),
        outcome("answer, bytes", MAX_ANSWER_BYTES, answer, at_least=False),
        outcome("defects", 0, sum(row.status in WRONG for row in rows), at_least=False),
    ]


def recorded_rows() -> list[Row]:
    """The rows of the last record."""
    rows = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    return msgspec.convert(rows, list[Row])


def record(rows: Sequence[Row]) -> dict[str, Any]:
    """The run as JSON types: the newest row of every case, in the order of the cases."""
    newest = {row.case: row for row in rows}
    rows = [newest[case.name] for case in cases() if case.name in newest]
    packages = ("uvicorn", "starlette", "msgspec", "icalendar", "mcp")
    return {
        "versions": {
            "python": platform.python_version(),
            **{each: version(each) for each in packages},
        },
        "cores": os.cpu_count(),
        "repeats": REPEATS,
        "rows": msgspec.to_builtins(rows),
        "goals": outcomes(rows),
    }


def measures(rows: Sequence[Row]) -> Table:
    """A line for each case, what is over in red."""
    table = Table("request", "charged to", title="What each request cost", title_justify="left")
    for name in (
        "",
        "KB in",
        "KB out",
        "CPU ms",
        "of",
        "MB",
        "of",
        "stall ms",
        "other p50",
        "most",
    ):
        table.add_column(name, justify="right")
    for row in rows:

        def marked(text: str, what: str, over: Sequence[str] = row.over) -> str:
            return f"[red]{text}[/]" if what in over else text

        table.add_row(
            row.case,
            row.charged_to,
            marked(str(row.status), "status"),
            f"{row.bytes_in / 1000:,.1f}",
            marked(f"{row.bytes_out / 1000:,.1f}", "answer"),
            marked(f"{row.cpu_ms:,.1f}", "CPU"),
            f"{row.cpu_budget_ms:,.0f}",
            marked(f"{row.memory_mb:,.1f}", "memory"),
            f"{row.memory_budget_mb:,.0f}",
            marked(f"{row.stall_ms:,.1f}", "stall"),
            f"{row.other_p50_ms:,.1f}",
            f"{row.other_most_ms:,.0f}",
        )
    return table


if __name__ == "__main__":
    main()
