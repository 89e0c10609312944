"""What a request costs by part, and what is full first as the load grows: ``python -m bench.cost``.

Strategy: the service runs as in production, on one Redis and a stub facilitator, and is asked for a
known number of answers of each kind. Processor seconds are the process's own; Redis tells what it
ran, its processor time, bytes and memory itself. Processor times are those of the usual processor
(``speed.py``). From these figures and named assumptions it is
then calculated what a load needs.
"""

import asyncio
import json
import platform
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import repeat
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import redis
from rich.console import Console
from rich.table import Table

from bench.cases import EXAMPLE_ORDER
from bench.load import cpu_seconds, memory_mb, slowness_of_servers
from bench.payments import Payments
from bench.servers import Server, Servers
from tests.support.redis_server import redis_server
from tests.support.services import NETWORK, PAY_TO

RESULTS = Path(__file__).parent / "results" / "cost.json"
REQUESTS = 1_000
"""Of a round; a request's processor time is the median of the rounds."""
ROUNDS = 7
PROCESSOR_TIMES = ("service_us", "redis_us")
WARM_UP = 300
AT_ONCE = 16
REQUESTS_A_CLIENT = 100
"""So that the limit of 120 a minute stays in the path and refuses nobody."""

BASE_PAID, BASE_UNPAID = 10, 20
"""A second. Who pays asks for the terms first; as many again only ask."""
FACILITATOR_SECONDS = 1.0
CLAIM_SECONDS = 900
"""A claim lives for the 300 s that an authorization is signed for, and 600 s more."""
BUSY = 0.7
"""The part of a core that may be planned with."""
MULTIPLES = (1, 10, 100, 1_000)


@dataclass(frozen=True)
class Cost:
    """Of one request: microseconds of processor time, scripts run, bytes, calls."""

    kind: str
    service_us: float
    redis_us: float
    redis_scripts: float
    redis_bytes: float
    facilitator_calls: float
    http_bytes: int
    slowness: float
    """How many times as long as usual the processor took; the times are divided by it."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        store = redis.Redis.from_url(stack.enter_context(redis_server(folder)))
        servers = Servers(folder, stack)
        server = started(servers, store)
        bench = Bench(server, servers.facilitator, store)
        payments = bench.payments(ROUNDS * REQUESTS + WARM_UP)
        bench.run(WARM_UP, iter(payments[-WARM_UP:]))
        unpaid = bench.cost("unpaid", repeat(None), 402)
        paid = bench.cost("paid", iter(payments), 200)
        again = bench.cost("paid, asked again", iter(payments), 200)
        memory = {
            "claim_bytes": bench.bytes_of("oncall:claim:*"),
            "limit_bytes_per_client": bench.bytes_of("oncall:limit*"),
            "worker_mb": round(memory_mb(server.pid, "VmHWM"), 1),
        }
        store.close()
    costs = [unpaid, paid, again]
    needs = [needed(multiple, unpaid, paid, memory) for multiple in MULTIPLES]
    show(costs, memory, needs)
    names = ("uvicorn", "uvloop", "redis", "limits", "aiohttp", "x402")
    versions = {"python": platform.python_version(), **{name: version(name) for name in names}}
    record = {
        "versions": versions,
        "costs": [asdict(c) for c in costs],
        "memory": memory,
    }
    RESULTS.write_text(json.dumps({**record, "needs": needs}, indent=1) + "\n")


def started(servers: Servers, store: "redis.Redis") -> Server:
    servers.start_facilitator()
    address = store.connection_pool.connection_kwargs
    servers.start_ours(
        "ours",
        ONCALL_PAYMENTS="facilitator",
        ONCALL_FACILITATOR_URL=servers.facilitator,
        ONCALL_NETWORK=NETWORK,
        ONCALL_PAY_TO=PAY_TO,
        ONCALL_REDIS_URL=f"redis://{address['host']}:{address['port']}/0",
    )
    return servers.by_name["ours"]


class Bench:
    """One service, its facilitator and its store, and what they have used."""

    def __init__(self, server: Server, facilitator: str, store: "redis.Redis") -> None:
        self._server = server
        self._url = server.url + EXAMPLE_ORDER.path
        self._facilitator = facilitator
        self._store = store
        self._clients = 0

    def payments(self, count: int) -> Sequence[str]:
        """Signed beforehand, each for one request."""
        terms = httpx.post(self._url, content=b"").headers["PAYMENT-REQUIRED"]
        return [header.decode() for header in asyncio.run(Payments.of(terms)).headers(count)]

    def cost(self, kind: str, payments: Iterator[str | None], status: int) -> Cost:
        """What a request uses, and that each is answered with ``status``."""
        rounds = [self._round(kind, payments, status) for _ in range(ROUNDS)]
        medians = {
            name: statistics.median(getattr(cost, name) for cost in rounds)
            for name in (*PROCESSOR_TIMES, "slowness")
        }
        return replace(rounds[-1], **medians)

    def _round(self, kind: str, payments: Iterator[str | None], status: int) -> Cost:
        slow, before = slowness_of_servers(), self._used()
        answer = self.run(REQUESTS, payments)
        used = {name: (now - before[name]) / REQUESTS for name, now in self._used().items()}
        slow = min(slow, slowness_of_servers())
        assert answer.status_code == status, answer.text
        return Cost(
            kind,
            service_us=round(used["service"] * 1e6 / slow),
            redis_us=round(used["redis"] * 1e6 / slow),
            redis_scripts=round(used["scripts"], 2),
            redis_bytes=round(used["redis_bytes"]),
            facilitator_calls=round(used["calls"], 2),
            http_bytes=size_of(answer),
            slowness=round(slow, 2),
        )

    def run(self, count: int, payments: Iterator[str | None]) -> httpx.Response:
        """Ask ``count`` times, each with the next payment; the answer to one request more."""
        first = self._clients
        self._clients += count // REQUESTS_A_CLIENT + 1
        asyncio.run(self._asked(count - 1, payments, first))
        return httpx.post(
            self._url, content=EXAMPLE_ORDER.body, headers=self._headers(payments, first)
        )

    async def _asked(self, count: int, payments: Iterator[str | None], first: int) -> None:
        numbers = iter(range(count))
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as callers:
            for _ in range(AT_ONCE):
                callers.create_task(self._asking(http, numbers, payments, first))

    async def _asking(
        self,
        http: aiohttp.ClientSession,
        numbers: Iterator[int],
        payments: Iterator[str | None],
        first: int,
    ) -> None:
        for number in numbers:
            headers = self._headers(payments, first + (number + 1) // REQUESTS_A_CLIENT)
            async with http.post(self._url, data=EXAMPLE_ORDER.body, headers=headers) as answer:
                await answer.read()
                assert answer.status in (200, 402), await answer.text()

    def _headers(self, payments: Iterator[str | None], client: int) -> Mapping[str, str]:
        address = f"10.{client >> 16 & 255}.{client >> 8 & 255}.{client & 255}"
        headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
        payment = next(payments)
        return headers if payment is None else {**headers, "PAYMENT-SIGNATURE": payment}

    def _used(self) -> Mapping[str, float]:
        info = self._store.info("all")
        calls = httpx.get(f"{self._facilitator}/calls").json()
        return {
            "service": cpu_seconds(self._server.pid),
            "redis": info["used_cpu_user"] + info["used_cpu_sys"],
            "scripts": sum(
                told["calls"] for name, told in info.items() if name.startswith("cmdstat_evalsha")
            ),
            "redis_bytes": info["total_net_input_bytes"] + info["total_net_output_bytes"],
            "calls": calls.get("/settle", 0) + calls.get("/verify", 0),
        }

    def bytes_of(self, pattern: str) -> int:
        """Memory of one of the keys like ``pattern``, on average."""
        sizes = [
            self._store.memory_usage(key) for key in self._store.scan_iter(pattern, count=1000)
        ]
        return round(sum(sizes) / len(sizes))


def size_of(answer: httpx.Response) -> int:
    """Bytes of a request and its answer on the wire, to within a few."""
    heads = (*answer.request.headers.raw, *answer.headers.raw)
    lines = sum(len(name) + len(value) + 4 for name, value in heads)
    return lines + len(answer.request.content) + len(answer.content) + 80


def needed(multiple: int, unpaid: Cost, paid: Cost, memory: Mapping[str, float]) -> dict[str, Any]:
    """What ``multiple`` times the base load takes."""
    asked, bought = BASE_UNPAID * multiple, BASE_PAID * multiple

    def sum_of(name: str) -> float:
        return asked * getattr(unpaid, name) + bought * getattr(paid, name)

    claims = bought * CLAIM_SECONDS
    return {
        "multiple": multiple,
        "paid_per_second": bought,
        "unpaid_per_second": asked,
        "service_cores": round(sum_of("service_us") / 1e6, 3),
        "replicas": max(3, -(-int(sum_of("service_us") / BUSY) // 10**6)),
        "redis_core": round(sum_of("redis_us") / 1e6, 3),
        "redis_scripts_per_second": round(sum_of("redis_scripts")),
        "claims": claims,
        "redis_mb": round(claims * memory["claim_bytes"] / 2**20),
        "facilitator_calls_per_second": round(sum_of("facilitator_calls")),
        "settlements_in_flight": round(bought * FACILITATOR_SECONDS),
        "http_mbit_per_second": round(sum_of("http_bytes") * 8 / 1e6, 1),
    }


def show(
    costs: Sequence[Cost], memory: Mapping[str, float], needs: Sequence[Mapping[str, Any]]
) -> None:
    """A line for each figure, a column for each kind of request or multiple of the base load."""
    console = Console()
    for columns in ([asdict(cost) for cost in costs], [memory], needs):
        table = Table("", *([""] * len(columns)), show_header=False)
        for name in columns[0]:
            table.add_row(
                name,
                *(f"{column[name]:,}" if name != "kind" else column[name] for column in columns),
            )
        console.print(table)


if __name__ == "__main__":
    main()
