"""One measurement: ``wrk`` against one server, and what the server used for it.

The server's processor seconds are read beside wrk's figures: they stay comparable where other work
on the machine takes turns with the server.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import msgspec

from bench.payments import Payments
from bench.servers import Server

SCRIPT = Path(__file__).with_name("load.lua")
REQUEST_SECONDS = 60
LONGEST_SECONDS = 16
REST_SECONDS = 20.0
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Order:
    """What to ask a server for: ``body`` POSTed to ``path``, and the status it must answer."""

    path: str
    body: bytes
    status: int
    paid: bool = False


class Summary(msgspec.Struct):
    """What ``load.lua`` tells about a run."""

    requests: int
    seconds: float
    bytes: float
    p50_ms: float
    p99_ms: float
    socket_errors: int
    wrong_answers: int
    payments_ran_out: bool


class Measure(msgspec.Struct):
    """One run: requests a second, latency, the server's processor time for one request."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


class BadRun(Exception):
    """A run whose answers were not those that were to be measured."""


def measured(
    server: Server, order: Order, *, connections: int, seconds: int, folder: Path
) -> Measure:
    """Load ``server`` for ``seconds``, or until it has answered, and let it come to rest.

    Raises ``BadRun`` where it did not answer as ``order`` wants.
    """
    rate = server.paid_per_second
    while True:
        payments = folder / "payments"
        if order.paid:
            count = int(rate * 1.5 * seconds) + 2 * connections + 500
            payments.write_bytes(b"\n".join(_payments(server, order, count)) + b"\n")
        before = cpu_seconds(server.pid)
        summary = _wrk(server, order, connections, seconds, folder, payments)
        used = cpu_seconds(server.pid) - before
        _rest(server.pid)
        if summary.payments_ran_out:
            rate *= 2
        elif not summary.requests and seconds < LONGEST_SECONDS:
            seconds *= 2  # none of so many callers was answered yet
        else:
            break
    if summary.wrong_answers or summary.socket_errors or not summary.requests:
        raise BadRun(f"{server.name} {order.path} with {connections} connections: {summary}")
    per_second = summary.requests / summary.seconds
    if order.paid:
        server.paid_per_second = per_second
    cpu_us = used / summary.requests * 1e6
    return Measure(per_second, summary.p50_ms, summary.p99_ms, cpu_us)


def answer_to(server: Server, order: Order) -> httpx.Response:
    """One answer, paid for where ``order`` says so."""
    headers = {"Content-Type": "application/json"}
    if order.paid:
        [payment] = _payments(server, order, 1)
        headers["PAYMENT-SIGNATURE"] = payment.decode()
    return httpx.post(server.url + order.path, content=order.body, headers=headers, timeout=30)


def _payments(server: Server, order: Order, count: int) -> Iterator[bytes]:
    """Payments for what ``server`` asks now, good for its five minutes."""
    asked = answer_to(server, replace(order, status=402, paid=False))
    return asyncio.run(Payments.of(asked.headers["PAYMENT-REQUIRED"])).headers(count)


def _wrk(
    server: Server, order: Order, connections: int, seconds: int, folder: Path, payments: Path
) -> Summary:
    body = folder / "body"
    body.write_bytes(order.body)
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={REQUEST_SECONDS}s"]
    arguments = [str(body), str(order.status), str(payments) if order.paid else ""]
    command = ["wrk", *options, "-s", str(SCRIPT), server.url + order.path, "--", *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise BadRun(f"wrk: {told.stderr}{told.stdout}")
    return msgspec.json.decode(told.stdout.splitlines()[-1], type=Summary)


def _rest(pid: int) -> None:
    """Wait until a server has done what its callers, who are gone, have left it."""
    deadline = time.monotonic() + REST_SECONDS
    used = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(0.15)
        now = cpu_seconds(pid)
        if now - used <= 1.5 / TICK:
            return
        used = now


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, in seconds to a hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mb(pid: int, what: str = "VmRSS") -> float:
    """Resident memory in MB: ``VmRSS`` now, ``VmHWM`` at its most."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{what}:"))
    return int(line.split()[1]) / 1024
