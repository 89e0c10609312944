"""Ten minutes at half of what the service can do: ``python -m bench.soak``.

Strategy: one worker as in production, with its claims and limits in Redis and its schedules in
PostgreSQL, is asked for terms, for paid rotations, for who is on call, and now and then for a long
paid rotation and to rename a schedule. First as fast as it answers, which gives the
maximum; then at half of it, paced by a schedule that does not wait for slow answers, stretch after
stretch, until the time is over and enough requests were answered. Between stretches the callers
hang up, and what the worker holds on to is read: memory and descriptors. The payments of the next
stretch are signed while one runs.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench import postgres
from bench.cases import EXAMPLE_ORDER, OURS
from bench.load import (
    Load,
    Order,
    Summary,
    comes_to_rest,
    cpu_seconds,
    descriptors,
    memory_mb,
    payments_for,
)
from bench.report import goal_table, outcome, versions
from bench.servers import LOAD_CORE, Servers, lacking, on_core
from bench.stored_rows import fill
from tests.support.databases import administer
from tests.support.postgres_server import postgres_server
from tests.support.redis_server import redis_server
from tests.support.services import EXAMPLE

RESULTS = Path(__file__).parent / "results" / "soak.json"
CONNECTIONS = 64
TRIES, TRY_SECONDS, GUESS_PER_SECOND = 3, 5, 1500.0
STRETCH_SECONDS = 15
MOST_MB = 90.0
FLAT_MB = 5.0
"""What memory may grow by, once a fifth of the requests was answered."""

TERMS = EXAMPLE_ORDER.unpaid()
SALE = EXAMPLE_ORDER.sale()
LONG_SALE = replace(SALE, body=json.dumps({**EXAMPLE, "shifts": 1_000}).encode())
BOUGHT = (TERMS, TERMS, SALE)
DATABASE, SCHEDULES, ENTRIES, KEYS = "soak", 100, 100, 2_000
"""Each key is asked with for less than its limit."""

CURRENT = Order("/api/v2/oncall/current/team_1", b"", method="GET", keyed=True)
RENAMED = [
    replace(CURRENT, path="/api/v2/oncall/schedules/sched_9", method="PATCH", body=body)
    for body in (b'{"name":"First"}', b'{"name":"Second"}')
]
TURNS = (
    *(*[*BOUGHT, CURRENT] * 6, TERMS, RENAMED[0]),
    *(*[*BOUGHT, CURRENT] * 6, LONG_SALE, RENAMED[1]),
)
PAID_SHARE = sum(order.paid for order in TURNS) / len(TURNS)


class Stretch(msgspec.Struct):
    """Some seconds of the soak, and what the worker held on to after them."""

    ended_seconds: float
    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    answers_200: int
    answers_402: int
    wrong: int
    cpu_us: float
    memory_mb: float
    descriptors: int


class Soak:
    """One worker, its Redis, PostgreSQL and facilitator, and the callers."""

    def __init__(
        self, folder: Path, stack: ExitStack, stretch_seconds: int = STRETCH_SECONDS
    ) -> None:
        self._folder = folder
        self._stretch_seconds = stretch_seconds
        servers = Servers(folder, stack)
        servers.start_facilitator()
        redis_url = stack.enter_context(redis_server(folder))
        postgres_url = stack.enter_context(postgres_server())
        administer(postgres_url, "createdb", DATABASE)
        url = f"{postgres_url}/{DATABASE}"
        self._keys = fill(url, schedules=SCHEDULES, entries=ENTRIES, keys=KEYS)
        servers.start_ours(OURS, ONCALL_REDIS_URL=redis_url, ONCALL_DATABASE_URL=url)
        self._worker = servers.by_name[OURS]
        self._signer = stack.enter_context(ThreadPoolExecutor(1))

    def most_per_second(self) -> float:
        """How many requests are answered when nobody waits: the median of three tries."""
        rate = GUESS_PER_SECOND
        rates: list[float] = []
        while len(rates) < TRIES:
            payments = self._payments(2 * rate * TRY_SECONDS)
            summary = self._load(TRY_SECONDS, payments)
            if summary.payments_ran_out:
                rate *= 2
            else:
                rates.append((summary.requests - summary.wrong_answers) / summary.seconds)
        return statistics.median(rates)

    def stretches(self, per_second: float) -> Iterator[Stretch]:
        """Stretch after stretch at ``per_second``, for as long as they are asked for."""
        requests = 1.1 * per_second * self._stretch_seconds
        started = time.monotonic()
        signed = self._signer.submit(self._payments, requests)
        while True:
            payments = signed.result()
            signed = self._signer.submit(self._payments, requests)
            before = cpu_seconds(self._worker.pid)
            summary = self._load(self._stretch_seconds, payments, per_second)
            comes_to_rest(self._worker.pid)
            used = cpu_seconds(self._worker.pid) - before
            yield Stretch(
                time.monotonic() - started,
                summary.requests,
                summary.requests / summary.seconds,
                summary.p50_ms,
                summary.p99_ms,
                summary.answers_200,
                summary.answers_402,
                summary.wrong_answers + summary.socket_errors,
                used / max(summary.requests, 1) * 1e6,
                memory_mb(self._worker.pid),
                descriptors(self._worker.pid),
            )

    def _payments(self, requests: float) -> Sequence[bytes]:
        """Enough payments for so many requests."""
        count = int(requests * PAID_SHARE) + CONNECTIONS + 100
        return list(payments_for(self._worker, SALE, count))

    def _load(self, seconds: int, payments: Sequence[bytes], per_second: float = 0.0) -> Summary:
        load = Load(TURNS, CONNECTIONS, seconds, per_second, self._keys)
        return load.summary(self._worker.url, payments, self._folder)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--requests", type=int, default=500_000, help="at least so many")
    options = parser.parse_args()
    if lack := lacking("wrk", "redis-server") or postgres.lacking():
        sys.exit(lack)
    console = Console(width=None if sys.stdout.isatty() else 120)
    with on_core(LOAD_CORE), tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        soak = Soak(Path(name), stack)
        console.print("looking for the maximum")
        most = soak.most_per_second()
        console.print(f"{most:,.0f} requests/s at most; soaking at {most / 2:,.0f}")
        stretches = soaked(soak, most / 2, options.minutes * 60, options.requests, console)
    shown(stretches, console)
    if options.minutes >= 10:
        text = json.dumps(record(most, stretches), indent=1)
        RESULTS.write_text(text + "\n")


def soaked(
    soak: Soak, per_second: float, seconds: float, requests: int, console: Console
) -> list[Stretch]:
    """Stretches for ``seconds`` and until ``requests`` were answered; at most thrice as long."""
    stretches: list[Stretch] = []
    for stretch in soak.stretches(per_second):
        stretches.append(stretch)
        answered = sum(stretch.requests for stretch in stretches)
        console.print(
            f"{stretch.ended_seconds:4.0f} s {answered:9,} requests, "
            f"p50 {stretch.p50_ms:.2f} ms, p99 {stretch.p99_ms:.2f} ms, "
            f"{stretch.memory_mb:.1f} MB, {stretch.descriptors} descriptors"
        )
        enough = stretch.ended_seconds >= seconds and answered >= requests
        if enough or stretch.ended_seconds >= 3 * seconds:
            break
    return stretches


def outcomes(stretches: Sequence[Stretch]) -> list[dict[str, Any]]:
    """What is asked of the worker, and what became of it."""
    first, last = stretches[0], stretches[-1]
    settled = stretches[len(stretches) // 5]
    return [
        outcome("requests", 500_000, sum(stretch.requests for stretch in stretches)),
        outcome("wrong answers", 0, sum(stretch.wrong for stretch in stretches), at_least=False),
        outcome("memory at the end, MB", MOST_MB, last.memory_mb, at_least=False),
        outcome(
            "memory gained in the last four fifths, MB",
            FLAT_MB,
            last.memory_mb - settled.memory_mb,
            at_least=False,
        ),
        outcome(
            "descriptors gained",
            CONNECTIONS,
            last.descriptors - first.descriptors,
            at_least=False,
        ),
    ]


def record(most: float, stretches: Sequence[Stretch]) -> dict[str, Any]:
    """The soak as JSON types."""
    return {
        "versions": versions(),
        "connections": CONNECTIONS,
        "paid_share": PAID_SHARE,
        "most_per_second": round(most, 1),
        "start": rounded(stretches[0]),
        "end": rounded(stretches[-1]),
        "goals": outcomes(stretches),
        "stretches": [rounded(stretch) for stretch in stretches],
    }


def rounded(stretch: Stretch) -> dict[str, float]:
    return {name: round(figure, 2) for name, figure in msgspec.structs.asdict(stretch).items()}


def shown(stretches: Sequence[Stretch], console: Console) -> None:
    table = Table("", title="At the start and at the end", title_justify="left")
    for name in Stretch.__struct_fields__:
        table.add_column(name.replace("_", " "), justify="right")
    for name, stretch in (("start", stretches[0]), ("end", stretches[-1])):
        table.add_row(name, *(f"{figure:,.5g}" for figure in rounded(stretch).values()))
    console.print(table, goal_table(outcomes(stretches)))


if __name__ == "__main__":
    main()
