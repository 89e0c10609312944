"""The layered engine beside a naive one, on the follow-the-sun year of the issue and around it.

``python -m bench.engine`` prints the table and writes ``bench/results/engine.json``. Every case
repeats in short bursts with a pause in between, so that one slow spell of a shared machine does
not colour all of it; the figure is the fastest burst, the median stands beside it. Cold means:
from the ``Schedule`` value, with nothing kept from earlier calls but the zone's table of clock
changes.
"""

import hashlib
import json
import platform
import zoneinfo
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any
from zoneinfo import ZoneInfo

zoneinfo.reset_tzpath(to=())  # the naive engine reads the same zone data

from app.engine.layered.model import FinalSchedule, Layer, Override, Restriction, Schedule  # noqa: E402
from app.engine.layered.resolve import final_schedule, on_call_at  # noqa: E402
from app.engine.layered.tally import tallies  # noqa: E402
from app.engine.walltime import Clock  # noqa: E402
from bench import naive  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "engine.json"
HOUR, DAY, WEEK = 3_600_000, 86_400_000, 604_800_000
ZONE = "America/New_York"


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


START, END = at("2025-01-06T00:00-05:00"), at("2026-01-05T00:00-05:00")
INSTANT, FAR = at("2025-07-01T15:00+00:00"), at("2075-07-01T15:00+00:00")


def sun(people: int = 1, below: int = 0, overrides: int = 0, windows: int = 3) -> Schedule:
    """Weekly layers of 4, 3 and 5 people that follow the sun, ``below`` them others never seen."""
    length = 24 * HOUR // windows
    layers = [
        Layer(f"sun {i}", tuple(f"{i}.{p}" for p in range(count * people)), "weeks", 1, START,
              restrictions=(Restriction(i * length, (i + 1) * length),))
        for i, count in zip(range(windows), (4, 3, 5) * windows, strict=False)
    ]  # fmt: skip
    hidden = [Layer(f"hidden {i}", ("x", "y"), "hours", 1, START) for i in range(below)]
    step = (END - START) // max(overrides, 1)
    covers = [
        Override("o", START + i * step, START + i * step + HOUR // 2) for i in range(overrides)
    ]
    return Schedule(ZONE, tuple(layers + hidden), tuple(covers))


def seconds(
    call: Callable[[], object], bursts: int = 150, burst_s: float = 0.006
) -> tuple[float, float]:
    """The fastest and the median burst, per call."""
    once = min(_timed(call, 1) for _ in range(3))
    calls = max(1, int(burst_s / once))
    taken = []
    for _ in range(bursts):
        taken.append(_timed(call, calls) / calls)
        sleep(0.01)
    return min(taken), median(taken)


def _timed(call: Callable[[], object], calls: int) -> float:
    start = perf_counter()
    for _ in range(calls):
        call()
    return perf_counter() - start


def digest(rows: list[Any]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def told(final: FinalSchedule) -> list[Any]:
    return [[part.start_at, part.end_at, part.user_id, part.layer] for part in final.segments]


def case(
    name: str, ours: Callable[[], object], theirs: Callable[[], object] | None
) -> dict[str, Any]:
    best, middle = seconds(ours)
    row: dict[str, Any] = {"case": name, "ours_us": best * 1e6, "ours_median_us": middle * 1e6}
    if theirs is not None:
        row["naive_us"] = seconds(theirs, bursts=3, burst_s=0)[0] * 1e6
        row["ratio"] = row["naive_us"] / row["ours_us"]
    return row


def cases() -> list[dict[str, Any]]:
    year = sun()
    quarter = START + 13 * WEEK
    return [
        case("a year, 1,092 segments", lambda: final_schedule(year, START, END),
             lambda: naive.final_schedule(year, START, END)),
        case("a quarter, 273 segments", lambda: final_schedule(year, START, quarter),
             lambda: naive.final_schedule(year, START, quarter)),
        case("an instant, cold", lambda: on_call_at(year, INSTANT),
             lambda: naive.on_call_at(year, INSTANT)),
        case("an instant 50 years on, cold", lambda: on_call_at(year, FAR),
             lambda: naive.on_call_at(year, FAR)),
        case("a year with its tally",
             lambda: tallies(year, final_schedule(year, START, END)), None),
        case("a zone's first year", lambda: Clock(ZONE, ZoneInfo(ZONE)).wall(INSTANT), None),
    ]  # fmt: skip


def curve() -> list[dict[str, Any]]:
    """What a window costs as segments grow, and as layers, people and days that are not seen
    grow."""
    points = [(f"{weeks} weeks", sun(), START + weeks * WEEK) for weeks in (1, 4, 13, 26, 52, 104)]
    points += [(f"52 weeks, {n} layers", sun(windows=n), END) for n in (1, 2, 6, 12, 24)]
    points += [(f"52 weeks, {n} hidden layers", sun(below=n), END) for n in (1, 10, 26, 47)]
    points += [(f"52 weeks, {12 * n} people", sun(people=n), END) for n in (10, 100)]
    points += [(f"52 weeks, {n} overrides", sun(overrides=n), END) for n in (100, 1_000, 10_000)]
    rows = []
    for name, schedule, to_at in points:
        best, _ = seconds(lambda: final_schedule(schedule, START, to_at), bursts=15)  # noqa: B023 - called at once
        segments = len(final_schedule(schedule, START, to_at).segments)
        rows.append({"case": name, "segments": segments, "us": best * 1e6,
                     "us_per_segment": best * 1e6 / segments})  # fmt: skip
    return rows


def main() -> None:
    year = sun()
    ours = told(final_schedule(year, START, END))
    assert ours == [list(row) for row in naive.final_schedule(year, START, END)]
    for instant in (INSTANT, FAR):
        duty, row = on_call_at(year, instant), naive.on_call_at(year, instant)
        assert (duty.since, duty.until, duty.user_id) == (row and row[:3])
    result = {
        "python": platform.python_version(),
        "tzdata": version("tzdata"),
        "machine": platform.machine(),
        "segments": len(ours),
        "sha256": digest(ours),
        "cases": cases(),
        "curve": curve(),
    }
    print(f"Python {result['python']}, tzdata {result['tzdata']}")
    print(f"{result['segments']} segments, sha256 {result['sha256']}, as the naive engine says\n")
    print(f"{'case':32}{'ours':>12}{'median':>12}{'naive':>14}{'ratio':>9}")
    for row in result["cases"]:
        other = f"{row['naive_us']:11.0f} µs{row['ratio']:8.0f}×" if "ratio" in row else ""
        print(f"{row['case']:32}{row['ours_us']:9.1f} µs{row['ours_median_us']:9.1f} µs{other}")
    print(f"\n{'window':32}{'segments':>12}{'ours':>12}{'a segment':>14}")
    for row in result["curve"]:
        figures = f"{row['segments']:12}{row['us']:9.0f} µs{row['us_per_segment']:11.2f} µs"
        print(f"{row['case']:32}{figures}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
