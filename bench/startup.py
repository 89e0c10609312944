"""How soon the service answers after it is started, and how soon ``--help`` is there.

Every start is a process of its own; the median of several counts, because the first reads the disk.
Seconds are those of the usual processor: what was measured is divided by how many times as long as
there a fixed job takes beside it (``speed.py``).
"""

import http.client
import json
import operator
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.report import versions
from bench.speed import slowness
from tests.support.processes import ROOT, environment, free_port
from tests.support.services import PATH

RESULTS = Path(__file__).parent / "results" / "startup.json"
RUNS = 7
GOALS = {"--help": 0.25, "first answer (healthz)": 1.0, "first 402": 1.0}
GIVE_UP_SECONDS = 30.0


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in GOALS}
    slow: list[float] = []
    for _ in range(RUNS):
        slow.append(slowness())
        measured = help_seconds(), *start_seconds()
        for runs, by_clock in zip(seconds.values(), measured, strict=True):
            runs.append(by_clock / slow[-1])
    medians = {name: statistics.median(runs) for name, runs in seconds.items()}
    table = Table("", "median s", "fastest s", "at most", "", "by the clock", title="Start-up")
    for name, median in medians.items():
        met = "pass" if median <= GOALS[name] else "miss"
        fastest = min(seconds[name])
        by_clock = statistics.median(map(operator.mul, seconds[name], slow))
        table.add_row(
            name, f"{median:.2f}", f"{fastest:.2f}", f"{GOALS[name]}", met, f"{by_clock:.2f}"
        )
    Console().print(
        table, f"this processor is {statistics.median(slow):.2f} times as slow as usual"
    )
    record = {
        "versions": versions(),
        "goals": GOALS,
        "slowness": slow,
        "medians": medians,
        "seconds": seconds,
    }
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")


def help_seconds() -> float:
    return seconds_until(
        lambda: bool(
            subprocess.run(
                [sys.executable, "-m", "app", "--help"], cwd=ROOT, check=True, capture_output=True
            ).stdout
        )
    )


def start_seconds() -> tuple[float, float]:
    """Until ``/healthz`` is answered, and until a paid route names its price."""
    port = free_port()
    begun = time.perf_counter()
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL
    ) as process:
        try:
            seconds_until(lambda: status(port, "GET", "/healthz") == 200)
            healthy = time.perf_counter() - begun
            seconds_until(lambda: status(port, "POST", PATH) == 402)
            return healthy, time.perf_counter() - begun
        finally:
            process.terminate()


def seconds_until(done: Callable[[], bool]) -> float:
    begun = time.perf_counter()
    while not done():
        if time.perf_counter() - begun > GIVE_UP_SECONDS:
            raise TimeoutError(f"not done within {GIVE_UP_SECONDS} s")
        time.sleep(0.005)
    return time.perf_counter() - begun


def status(port: int, method: str, path: str) -> int | None:
    """The status of one request; ``None`` where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_SECONDS)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


if __name__ == "__main__":
    main()
