"""One measurement: ``wrk`` against one server, and what the server used for it.

The server's processor seconds, and those of its Redis, are read beside wrk's figures: they stay
comparable where other work on the machine takes turns with the server. They are divided by how many
times as long as on the usual processor a fixed job takes on the server's (``speed.py``), before or
after the load, whichever is less: so a goal in microseconds means the same while neighbours slow
the processor down.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import msgspec

from bench.payments import Payments
from bench.servers import SERVER_CORE, Server, on_core
from bench.speed import slowness

SCRIPT = Path(__file__).with_name("load.lua")
REQUEST_SECONDS = 60
LONGEST_SECONDS = 8
REST_SECONDS = 15.0
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Order:
    """What to ask a server for: ``body`` sent to ``path``, and the status it must answer.

    With ``keyed`` each comes with the next key of an organisation, for what is stored.
    """

    path: str
    body: bytes
    status: int = 200
    paid: bool = False
    method: str = "POST"
    keyed: bool = False

    def unpaid(self) -> "Order":
        """The same without a payment, answered with the terms."""
        return replace(self, status=402, paid=False)

    def sale(self) -> "Order":
        """The same with a payment."""
        return replace(self, status=200, paid=True)


class Summary(msgspec.Struct):
    """What ``load.lua`` tells about a run."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    answers_200: int
    answers_402: int
    socket_errors: int
    wrong_answers: int
    payments_ran_out: bool


class Measure(msgspec.Struct):
    """One run: good answers a second, latency, processor time for one of them.

    ``cpu_us`` is the server's and ``redis_us`` that of Redis (0 without), on a usual processor:
    what was measured is ``slowness`` times as much. ``wrong`` answers and broken connections count
    for nothing.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    redis_us: float
    slowness: float
    wrong: int


class BadRun(Exception):
    """Nothing that could be measured: ``wrk`` failed, or targets that should be alike are not."""


def measured(
    server: Server,
    order: Order,
    *,
    connections: int,
    seconds: int,
    folder: Path,
    redis_pid: int | None = None,
) -> Measure:
    """Load ``server`` for ``seconds`` or, within reason, until it answers; let it come to rest.

    A server that answers none of so many callers for a while answers 0 a second.
    """
    rate = server.paid_per_second
    while True:
        payments: Sequence[bytes] = ()
        if order.paid:
            count = int(rate * 1.5 * seconds) + 2 * connections + 500
            payments = list(payments_for(server, order, count))
        slow = slowness_of_servers()
        before = cpu_seconds(server.pid), cpu_seconds(redis_pid)
        load = Load([order], connections, seconds)
        summary = load.summary(server.url, payments, folder)
        used = cpu_seconds(server.pid) - before[0], cpu_seconds(redis_pid) - before[1]
        if not comes_to_rest(server.pid):
            server.start()
        slow = min(slow, slowness_of_servers())
        if summary.payments_ran_out:
            rate *= 2
        elif not summary.requests and seconds < LONGEST_SECONDS:
            seconds *= 2  # none of so many callers was answered yet
        else:
            break
    good = max(summary.requests - summary.wrong_answers, 0)
    per_second = good / summary.seconds
    if order.paid:
        server.paid_per_second = max(per_second, server.paid_per_second)
    wrong = summary.wrong_answers + summary.socket_errors
    cpu_us, redis_us = (each / max(good, 1) * 1e6 / slow for each in used)
    return Measure(per_second, summary.p50_ms, summary.p99_ms, cpu_us, redis_us, slow, wrong)


def slowness_of_servers() -> float:
    """How much slower than the usual one the servers' processor is now, which nothing loads."""
    with on_core(SERVER_CORE):
        return slowness()


@dataclass(frozen=True)
class Load:
    """Orders taken in turn over ``connections``; ``per_second`` of them, or as many as can be.

    ``keys`` are used in turn by those that are ``keyed``.
    """

    orders: Sequence[Order]
    connections: int
    seconds: int
    per_second: float = 0.0
    keys: Sequence[str] = ()

    def summary(self, url: str, payments: Sequence[bytes], folder: Path) -> Summary:
        """What became of it. ``payments`` are used once each; raises ``BadRun``."""
        statuses = sorted({order.status for order in self.orders})
        papers, keys = folder / "payments", folder / "keys"
        papers.write_bytes(b"".join(payment + b"\n" for payment in payments))
        keys.write_text("".join(f"{key}\n" for key in self.keys))
        turns = [_turn(number, order, url, folder) for number, order in enumerate(self.orders)]
        told = subprocess.run(
            [
                *("wrk", "-t1", f"-c{self.connections}", f"-d{self.seconds}s"),
                *(f"--timeout={REQUEST_SECONDS}s", "-s", str(SCRIPT), url, "--"),
                *(f"{self.per_second:g}", ",".join(map(str, statuses)), str(papers), str(keys)),
                *turns,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise BadRun(f"wrk: {told.stderr}{told.stdout}")
        return msgspec.json.decode(told.stdout.splitlines()[-1], type=Summary)


def _turn(number: int, order: Order, url: str, folder: Path) -> str:
    """A turn as ``load.lua`` reads it; what is sent is in a file."""
    lines = [
        f"{order.method} {order.path} HTTP/1.1",
        f"Host: {httpx.URL(url).netloc.decode()}",
        *(["Content-Type: application/json"] if order.body else []),
        f"Content-Length: {len(order.body)}",
    ]
    request = folder / f"request-{number}"
    request.write_bytes("\r\n".join(lines).encode() + b"\r\n\r\n" + order.body)
    kind = "paid" if order.paid else "keyed" if order.keyed else "unpaid"
    return f"{kind}:{request}"


def answer_to(server: Server, order: Order) -> httpx.Response:
    """One answer, paid for where ``order`` says so."""
    headers = {"Content-Type": "application/json"}
    if order.paid:
        [payment] = payments_for(server, order, 1)
        headers["PAYMENT-SIGNATURE"] = payment.decode()
    return httpx.post(server.url + order.path, content=order.body, headers=headers, timeout=30)


def payments_for(server: Server, order: Order, count: int) -> Iterator[bytes]:
    """Payments for what ``server`` asks now, good for its five minutes."""
    asked = answer_to(server, order.unpaid())
    return asyncio.run(Payments.of(asked.headers["PAYMENT-REQUIRED"])).headers(count)


def comes_to_rest(pid: int) -> bool:
    """Wait for a server to do what its callers, who are gone, have left it; whether it ends."""
    deadline = time.monotonic() + REST_SECONDS
    used = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(0.15)
        now = cpu_seconds(pid)
        if now - used <= 1.5 / TICK:
            return True
        used = now
    return False


def cpu_seconds(pid: int | None) -> float:
    """Processor time that a process has used, in seconds to a hundredth; 0 without a process."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mb(pid: int, what: str = "VmRSS") -> float:
    """Resident memory in MB: ``VmRSS`` now, ``VmHWM`` at its most."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{what}:"))
    return int(line.split()[1]) / 1024


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
