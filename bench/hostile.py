"""Ten minutes of hostile traffic beside an honest buyer: ``python -m bench.hostile``.

Strategy: one worker as in production, with Redis, a database and a facilitator that keeps a ledger,
is attacked by a program of its own (``tests/support/hostile_callers.py``), from one address and
from many. Meanwhile somebody buys: light rotations steadily, and now and then a plan and a
calendar; where he is told to come back, he does, and the wait counts. Once the attackers are gone,
the books are compared: what the facilitator settled, and what buyers and attackers were told. The
memory that counts is that of the process and its workers, what they share counted once.
"""

import argparse
import base64
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import yaml
from msgspec import Struct, field
from rich.console import Console
from rich.table import Table

from bench import process_tree
from bench.abuse import PUBLIC_URL
from bench.abuse_cases import ROTATIONS, calendar, event, rotation, with_calendar
from bench.payments import Payments
from bench.report import goal_table, outcome
from bench.servers import LOAD_CORE, Servers, on_core
from tests.support.processes import ROOT, environment
from tests.support.redis_server import redis_server

RESULTS = Path(__file__).parent / "results" / "hostile.json"
MANIFEST = ROOT / "deploy" / "k8s" / "deployment.yaml"
SERVICE = "attacked"
BUYERS = [f"127.0.0.{number}" for number in range(101, 106)]
"""One honest buyer at five addresses, because an address may buy twice a second at most."""
PAUSE_SECONDS = 0.6
PLAN_EVERY, CALENDAR_EVERY = 23, 31
"""Every so many purchases of an address are a plan or a calendar."""
PATIENCE_SECONDS = 60.0
SAMPLE_SECONDS = 0.5
ALONE_SECONDS = 6.0
REST_SECONDS = 12.0
"""A connection whose head does not end is closed by then."""
MOST_MS = 1000.0
WAIT = "the honest buyer's p99, ms"

DOCUMENTS: Mapping[str, bytes] = {
    "light": json.dumps(rotation()).encode(),
    "plan": json.dumps(
        rotation(people=[f"person {at}" for at in range(8)], shifts=60, strategy="fair")
    ).encode(),
    "calendar": json.dumps(with_calendar(calendar(*event("RRULE:FREQ=WEEKLY;COUNT=20")))).encode(),
}


class Purchase(Struct):
    """What one payment was answered, and how long it took in all."""

    kind: str
    nonce: str
    ms: float
    transaction: str = ""
    told_to_wait: int = 0
    wrong: str = ""


class Outcome(Struct):
    """What became of it all. ``alone_ms`` is what purchases took before there was an attack."""

    seconds: float
    alone_ms: list[float]
    purchases: list[Purchase]
    attacks: Mapping[str, int]
    answers: Mapping[str, int]
    attackers_paid: Mapping[str, Sequence[str]]
    ledger: Mapping[str, int]
    memory_mb: list[float]
    memory_limit_mb: float
    defects: int
    healthy: bool
    problems: list[str] = field(default_factory=list)


class Buyer:
    """The honest buyer at one of his addresses."""

    def __init__(self, url: str, address: str, payments: Payments) -> None:
        self.address = address
        transport = httpx.HTTPTransport(local_address=address)
        self.http = httpx.Client(base_url=url, transport=transport, timeout=PATIENCE_SECONDS)
        self._payments = payments
        self.purchases: list[Purchase] = []

    def buy_until(self, over: threading.Event) -> None:
        """Buy one answer after the other."""
        number = 0
        while not over.wait(PAUSE_SECONDS):
            number += 1
            kind = "plan" if number % PLAN_EVERY == 0 else "light"
            self.buy("calendar" if number % CALENDAR_EVERY == 0 else kind)

    def buy(self, kind: str) -> None:
        """Buy one answer, with the same payment until it is given or refused."""
        [header] = self._payments.headers(1)
        nonce = json.loads(base64.b64decode(header))["payload"]["authorization"]["nonce"]
        headers = {"PAYMENT-SIGNATURE": header.decode(), "Content-Type": "application/json"}
        bought = Purchase(kind, nonce, 0.0)
        self.purchases.append(bought)
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE_SECONDS:
            try:
                answer = self.http.post(ROTATIONS, content=DOCUMENTS[kind], headers=headers)
            except httpx.TransportError as error:
                bought.wrong = repr(error)
                break
            if answer.status_code not in (429, 503):
                break
            bought.told_to_wait += 1
            time.sleep(float(answer.headers["Retry-After"]))
        bought.ms = (time.perf_counter() - began) * 1000
        if bought.wrong:
            return
        if answer.status_code == 200:
            receipt = json.loads(base64.b64decode(answer.headers["PAYMENT-RESPONSE"]))
            bought.transaction = receipt["transaction"]
        else:
            bought.wrong = f"{answer.status_code} {answer.text[:200]}"


def run(folder: Path, seconds: float, progress: Any = print) -> Outcome:
    """Attack a service for so many seconds, and see what becomes of it."""
    with ExitStack() as stack:
        servers = Servers(folder, stack)
        servers.start_facilitator("--ledger")
        database = folder / "hostile.db"
        servers.start_ours(
            SERVICE,
            ONCALL_ENV="production",
            ONCALL_PUBLIC_URL=PUBLIC_URL,
            ONCALL_REDIS_URL=stack.enter_context(redis_server(folder)),
            ONCALL_DATABASE_URL=f"sqlite:///{database}",
            ONCALL_TRUSTED_PROXIES="",
            ONCALL_DRAIN="0",
        )
        service = servers.by_name[SERVICE]
        terms = httpx.post(service.url + ROTATIONS).headers["PAYMENT-REQUIRED"]
        buyers = [Buyer(service.url, address, _payments(terms)) for address in BUYERS]
        for buyer in buyers:
            stack.enter_context(buyer.http)
        for kind in DOCUMENTS:
            buyers[0].buy(kind)  # the workers start
        with _buying(buyers):
            time.sleep(ALONE_SECONDS)
        before = {buyer.address: len(buyer.purchases) for buyer in buyers}
        alone = [each.ms for buyer in buyers[1:] for each in buyer.purchases]
        memory: list[float] = []
        with _sampled(service.pid, memory), _buying(buyers):
            told = _attacked(service.url, seconds, terms, memory, progress)
        time.sleep(REST_SECONDS)
        healthy = service.is_running and all(
            httpx.get(service.url + path, timeout=5).status_code == 200
            for path in ("/healthz", "/readyz")
        )
        buyers[0].buy("light")
        purchases = [each for buyer in buyers for each in buyer.purchases]
        measured = [each for buyer in buyers for each in buyer.purchases[before[buyer.address] :]]
        ledger = httpx.get(f"{servers.facilitator}/ledger").json()
        outcome = Outcome(
            seconds,
            alone,
            measured,
            told["begun"],
            told["answered"],
            told["paid"],
            ledger,
            memory,
            memory_limit_mb(),
            defects_in(folder / f"{SERVICE}.log"),
            healthy,
        )
        outcome.problems = list(problems_in(outcome, purchases))
        return outcome


def _payments(terms: str) -> Payments:
    import asyncio  # noqa: PLC0415

    return asyncio.run(Payments.of(terms))


@contextmanager
def _buying(buyers: Sequence[Buyer]) -> Iterator[None]:
    over = threading.Event()
    threads = [threading.Thread(target=buyer.buy_until, args=(over,)) for buyer in buyers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def _sampled(pid: int, memory: list[float]) -> Iterator[None]:
    """Read the memory of the process and its workers again and again."""
    over = threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            memory.append(round(process_tree.resident_mb(pid), 1))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _attacked(
    url: str, seconds: float, terms: str, memory: Sequence[float], progress: Any
) -> Mapping[str, Any]:
    """What the attackers report once their time is over."""
    command = [sys.executable, "-m", "tests.support.hostile_callers"]
    options = ["--port", url.rpartition(":")[2], "--seconds", f"{seconds:g}", "--terms", terms]
    with (
        tempfile.TemporaryFile() as said,  # a pipe would be full before anybody reads it
        subprocess.Popen(
            [*command, *options], stdout=said, env=environment(), cwd=ROOT
        ) as attackers,
    ):
        began = time.monotonic()
        while attackers.poll() is None:
            time.sleep(min(15.0, seconds / 4))
            progress(f"{time.monotonic() - began:4.0f} s, {max(memory, default=0):.0f} MB at most")
            if time.monotonic() - began > seconds + PATIENCE_SECONDS:
                attackers.kill()
        said.seek(0)
        told: Mapping[str, Any] = msgspec.json.decode(said.read())
        return told


def memory_limit_mb() -> float:
    """What Kubernetes lets the service have, as the manifest says."""
    manifest = yaml.safe_load(MANIFEST.read_text())
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    text: str = container["resources"]["limits"]["memory"]
    return float(text.removesuffix("Mi")) if text.endswith("Mi") else float(text[:-2]) * 1024


def defects_in(log: Path) -> int:
    """How many requests were answered 500, and how many errors nobody expected."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return sum(line.get("status") == 500 or line.get("event") == "unhandled" for line in lines)


def problems_in(outcome: Outcome, purchases: Sequence[Purchase]) -> Iterator[str]:
    """What is wrong with the books: nothing, if all is well."""
    for each in purchases:
        if each.wrong:
            yield f"{each.kind}: {each.wrong}"
        elif outcome.ledger.get(each.nonce) != 1 or each.transaction != each.nonce:
            yield f"{each.nonce}: settled {outcome.ledger.get(each.nonce)}, told {each.transaction}"
    for nonce, times in outcome.ledger.items():
        if times != 1:
            yield f"{nonce}: settled {times} times"
    known = {each.nonce for each in purchases} | outcome.attackers_paid.keys()
    yield from (f"{nonce}: settled and unknown" for nonce in outcome.ledger.keys() - known)
    for nonce, told in outcome.attackers_paid.items():
        if len(told) > 1 or (told and outcome.ledger.get(nonce) != 1):
            yield f"{nonce}: told {told}, settled {outcome.ledger.get(nonce)}"


def percentile(figures: Sequence[float], share: float) -> float:
    return sorted(figures)[min(int(len(figures) * share), len(figures) - 1)]


def outcomes(outcome_: Outcome) -> list[dict[str, Any]]:
    """What is asked of the service, and what became of it."""
    waits = [each.ms for each in outcome_.purchases]
    most_mb = max(outcome_.memory_mb)
    figures = (
        (WAIT, MOST_MS, percentile(waits, 0.99)),
        ("wrong answers to him, and charges that do not fit", 0, len(outcome_.problems)),
        ("memory at its most, MB", outcome_.memory_limit_mb, most_mb),
        ("answers of 500 and unexpected errors", 0, outcome_.defects),
        ("unhealthy afterwards", 0, int(not outcome_.healthy)),
    )
    return [outcome(what, limit, figure, at_least=False) for what, limit, figure in figures]


def record(outcome_: Outcome) -> dict[str, Any]:
    """The run as JSON types."""
    return {
        "seconds": outcome_.seconds,
        "alone_p50_ms": round(statistics.median(outcome_.alone_ms), 1),
        "purchases": purchases_by_kind(outcome_),
        "attacks": outcome_.attacks,
        "answers": dict(sorted(outcome_.answers.items())),
        "payments_of_attackers": len(outcome_.attackers_paid),
        "settled": len(outcome_.ledger),
        "memory_mb": [
            round(each) for each in outcome_.memory_mb[:: max(len(outcome_.memory_mb) // 40, 1)]
        ],
        "most_memory_mb": max(outcome_.memory_mb),
        "problems": outcome_.problems[:20],
        "goals": outcomes(outcome_),
    }


def purchases_by_kind(outcome_: Outcome) -> list[dict[str, Any]]:
    rows = []
    for kind in DOCUMENTS:
        waits = [each.ms for each in outcome_.purchases if each.kind == kind] or [0.0]
        told = [each.told_to_wait for each in outcome_.purchases if each.kind == kind]
        rows.append(
            {
                "kind": kind,
                "purchases": len(told),
                "told_to_wait": sum(told),
                "p50_ms": round(statistics.median(waits), 1),
                "p99_ms": round(percentile(waits, 0.99), 1),
                "most_ms": round(max(waits), 1),
            }
        )
    return rows


def shown(outcome_: Outcome, console: Console) -> None:
    attacks = Table("attack", "begun", "answers", title="Attacks", title_justify="left")
    for name, begun in sorted(outcome_.attacks.items()):
        mine: Counter[str] = Counter()
        for answer, times in outcome_.answers.items():
            if answer.startswith(name):
                mine[answer.rpartition(" ")[2]] += times
        told = ", ".join(f"{times:,} × {status}" for status, times in mine.most_common())
        attacks.add_row(name, f"{begun:,}", told)
    bought = Table(title="The honest buyer", title_justify="left")
    rows = purchases_by_kind(outcome_)
    for name in rows[0]:
        bought.add_column(name.replace("_", " "))
    for row in rows:
        bought.add_row(*map(str, row.values()))
    bought.caption = f"alone, a light one took {statistics.median(outcome_.alone_ms):.1f} ms"
    console.print(attacks, bought, goal_table(outcomes(outcome_)), *outcome_.problems[:20])


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.hostile", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="under 10 is not recorded")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    with on_core(LOAD_CORE), tempfile.TemporaryDirectory() as name:
        became = run(Path(name), options.minutes * 60, console.print)
    shown(became, console)
    if options.minutes >= 10:
        RESULTS.write_text(json.dumps(record(became), indent=1) + "\n")
    sys.exit(any(goal["outcome"] != "pass" for goal in outcomes(became)))


if __name__ == "__main__":
    main()
