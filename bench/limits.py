"""What counting a request costs beside a bare moving window, measured in one run.

The bare window is how the service counted before ``slowapi`` held its limits: an ``OrderedDict`` of
arrays, asked directly. ``slowapi``'s own check, over the memory storage of ``limits``, is measured
for comparison. Figures are microseconds of processor time, medians of interleaved rounds. Prints a
table and writes it to ``bench/results``.
"""

import itertools
import json
import math
import platform
import statistics
import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from limits import parse
from rich.console import Console
from rich.table import Table
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address
from starlette.requests import Request
from starlette.responses import Response

from app.http.rate_limits import Allowance, RateLimits
from bench.report import goal_table, outcome

RESULTS = Path(__file__).parent / "results" / "limits.json"
ROUNDS = 31
REQUESTS = 5_000
CLIENTS = {"granted": 2_000, "refused": 1}
"""So many clients that none meets its limit; one that has met it."""
ROUTE, LIMIT = "/v1/scheduling/oncall-rotation", parse("120/minute")
MOST_MICROSECONDS = 3.0

Count = Callable[[str], Any]


def main() -> None:
    rows = [measured(case, clients) for case, clients in CLIENTS.items()]
    goals = [
        outcome(f"µs more, {row['case']}", MOST_MICROSECONDS, row["more_us"], at_least=False)
        for row in rows
    ]
    table = Table("requests", "bare µs", "ours µs", "more µs", "slowapi's check µs")
    for row in rows:
        figures = [f"{row[name]:.2f}" for name in ("bare_us", "ours_us", "more_us", "slowapi_us")]
        table.add_row(row["case"], *figures)
    Console().print(table, goal_table(goals))
    versions = {
        "python": platform.python_version(),
        **{name: version(name) for name in ("slowapi", "limits")},
    }
    record = {"versions": versions, "rows": rows, "goals": goals}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")


def measured(case: str, clients: int) -> dict[str, Any]:
    """Medians over interleaved rounds, so that noise falls on all alike."""
    counts = {"bare": bare(), "ours": ours(), "slowapi": slowapis()}
    times: dict[str, list[float]] = {name: [] for name in counts}
    addresses = [f"10.0.{number // 256}.{number % 256}" for number in range(clients)]
    for _ in range(ROUNDS):
        for name, count in counts.items():
            times[name].append(microseconds(count, addresses))
    medians = {f"{name}_us": round(statistics.median(each), 3) for name, each in times.items()}
    more = statistics.median(map(float.__sub__, times["ours"], times["bare"]))
    return {"case": case, "clients": clients, **medians, "more_us": round(more, 3)}


def microseconds(count: Count, addresses: list[str]) -> float:
    """Of processor time for each of many requests."""
    asking = list(itertools.islice(itertools.cycle(addresses), REQUESTS))
    started = time.process_time()
    for address in asking:
        count(address)
    return (time.process_time() - started) / REQUESTS * 1_000_000


def ours() -> Count:
    limits = RateLimits(time.time)
    return lambda client: answer_of(limits.spend(client, ROUTE, LIMIT, paying=False))


def bare() -> Count:
    limits = BareLimits(time.time)
    return lambda client: answer_of(limits.spend(client, ROUTE, LIMIT.amount, paying=False))


def slowapis() -> Count:
    """The check that slowapi's decorator makes before it calls an endpoint."""
    limiter = Limiter(key_func=get_remote_address, strategy="moving-window")

    @limiter.limit("120/minute")
    def endpoint(request: Request) -> Response:
        raise NotImplementedError

    def count(client: str) -> None:
        request = Request({"type": "http", "method": "POST", "path": ROUTE, "client": (client, 1)})
        with suppress(RateLimitExceeded):
            limiter._check_request_limit(request, endpoint, in_middleware=False)  # noqa: SLF001 - what its decorator calls

    return count


def answer_of(counting: Coroutine[None, None, Allowance]) -> Allowance:
    """What a count that never waits comes to."""
    try:
        counting.send(None)
    except StopIteration as end:
        allowance: Allowance = end.value
        return allowance
    raise AssertionError("it waited for something")


class BareLimits:
    """A moving window of a minute and nothing else."""

    def __init__(self, clock: Callable[[], float], max_keys: int = 20_000) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._windows: OrderedDict[tuple[str, str, str], array[float]] = OrderedDict()

    async def spend(self, client: str, route: str, per_minute: int, *, paying: bool) -> Allowance:
        policy = ("without-payment", "with-payment")[paying]
        granted, reset_time, left = self._spent((policy, route, client), per_minute)
        reset_seconds = max(math.ceil(reset_time - self._clock()), 1)
        return Allowance(granted, policy, LIMIT, left, reset_seconds)

    def _spent(self, key: tuple[str, str, str], limit: int) -> tuple[bool, float, int]:
        now = self._clock()
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = array("d")
            if len(self._windows) > self._max_keys:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(key)
        left = now - 60
        if window and window[0] <= left:
            del window[: bisect_right(window, left)]
        granted = len(window) < limit
        if granted:
            window.append(now)
        return granted, window[0] + 60, limit - len(window)


if __name__ == "__main__":
    main()
