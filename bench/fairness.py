"""Fair rotations beside round robin and the least loaded first, on 1,000 seeded random teams.

``python -m bench.fairness`` prints two tables and writes ``bench/results/fairness.json``. Ours must
never be worse than either in the order of the aims (``app/engine/planning/objective.py``): that is
asserted for
every team. Times are of the whole plan, from the wishes to the explanations, and of the processor,
so that what else a machine does is not counted.
"""

import json
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.engine.planning.assignment import Deal
from app.engine.planning.boundaries import boundaries_of
from app.engine.planning.constraints import Rules
from app.engine.planning.initial import least_loaded
from app.engine.planning.objective import aims_of, night_loads, spread_of, weekend_loads
from app.engine.planning.planner import plan_of
from app.engine.planning.problem import Board, board_of
from app.engine.planning.request import Absence, Plan, Wishes
from app.engine.planning.round_robin import by_turns
from app.engine.walltime import clock_of

RESULTS = Path(__file__).parent / "results" / "fairness.json"
TEAMS = 1_000
HOUR, DAY = 3_600_000, 86_400_000
START = 1_767_225_600_000
"""2026-01-01T00:00:00.000Z"""
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata")
SIZES = ((200, 20, 50), (1_000, 100, 1_000))
"""Shifts, people, and the milliseconds that the issue allows."""


def team(seed: int) -> Wishes:
    """A random team with absences; some with weights, carried hours, two roles."""
    random = Random(seed)
    people = random.randint(3, 20)
    length = random.choice([12 * HOUR, DAY, DAY, DAY, 7 * DAY])
    return wishes(random, people, random.randint(20, 200), length)


def wishes(random: Random, people: int, shifts: int, length: int, roles: int = 4) -> Wishes:
    names = [f"p{number}" for number in range(people)]
    zone = random.choice(ZONES)
    boundaries = boundaries_of(clock_of(zone), START, shifts, length)
    return Wishes(
        names,
        boundaries,
        timezone=zone,
        absences=[absence for name in names for absence in absences(random, name, boundaries)],
        weights={name: Fraction(random.choice((5, 8, 10)), 10) for name in names}
        if random.random() < 0.3
        else {},
        carry_over={name: random.randrange(72) * HOUR for name in names}
        if random.random() < 0.3
        else {},
        roles=("primary", "secondary") if random.randrange(roles) == 0 else (),
        strategy="fair",
    )


def absences(random: Random, name: str, boundaries: Sequence[int]) -> list[Absence]:
    """Up to four, of up to three weeks; holidays are often at the same time."""
    whole = boundaries[-1] - boundaries[0]
    found = []
    for _ in range(random.randint(0, 4)):
        at = boundaries[0] + round(whole * random.betavariate(2, 3))
        found.append(Absence(name, at, at + random.randint(1, 21) * DAY))
    return found


def deal_of(plan: Plan, board: Board) -> Deal:
    """A plan's seats as a deal, to be measured by the same rule as the others."""
    index = {name: person for person, name in enumerate(board.people)}
    held = [0] * len(index)
    for shift, people in enumerate(plan.seats):
        for person in people:
            if person is not None:
                held[index[person]] |= 1 << shift
    return Deal(board, held)


RULES: dict[str, Callable[[Board], Deal]] = {
    "round robin": lambda board: by_turns(board, Rules(board)).deal,
    "least loaded first": least_loaded,
}


def compared(seed: int) -> dict[str, Any]:
    """One team by each rule. Raises ``AssertionError`` if ours is worse than another."""
    asked = team(seed)
    board = board_of(asked)
    started = process_time()
    plan = plan_of(asked, perf_counter)
    taken = process_time() - started
    deals = {name: rule(board) for name, rule in RULES.items()} | {"ours": deal_of(plan, board)}
    ours = aims_of(deals["ours"])
    for name, deal in deals.items():
        assert ours <= aims_of(deal), f"team {seed}: {name} is better"
    rows = {name: figures(deal) for name, deal in deals.items()}
    return {"rules": rows, "optimal": plan.optimal, "ms": taken * 1e3}


def figures(deal: Deal) -> dict[str, float]:
    aims, hour = aims_of(deal), deal.board.scale * HOUR
    return {
        "uncovered": aims.vacancies,
        "spread_hours": aims.spread / hour,
        "weekend_spread_hours": spread_of(weekend_loads(deal)) / hour,
        "night_spread_hours": spread_of(night_loads(deal)) / hour,
        "in_a_row": aims.consecutive,
    }


def sized(shifts: int, people: int, allowed_ms: int) -> dict[str, Any]:
    """Five teams of the issue's size: the median and the longest time."""
    taken, proven = [], 0
    for seed in range(5):
        asked = replace(wishes(Random(seed), people, shifts, DAY), strategy="fair")
        started = process_time()
        proven += plan_of(asked, perf_counter).optimal
        taken.append((process_time() - started) * 1e3)
    return {
        "shifts": shifts,
        "people": people,
        "median_ms": statistics.median(taken),
        "longest_ms": max(taken),
        "allowed_ms": allowed_ms,
        "proven": proven / len(taken),
    }


def main() -> None:
    console = Console()
    rows = [
        compared(seed) for seed in track(range(TEAMS), "random teams", console=Console(stderr=True))
    ]
    means = {
        rule: {
            name: round(statistics.fmean(row["rules"][rule][name] for row in rows), 2)
            for name in rows[0]["rules"][rule]
        }
        for rule in rows[0]["rules"]
    }
    times = sorted(row["ms"] for row in rows)
    result = {
        "python": platform.python_version(),
        "teams": TEAMS,
        "means": means,
        "never_worse": True,
        "proven_optimal": statistics.fmean(row["optimal"] for row in rows),
        "ms": {"median": statistics.median(times), "p95": times[len(times) * 95 // 100],
               "longest": times[-1]},
        "sizes": [sized(*size) for size in SIZES],
    }  # fmt: skip
    shown(result, console)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


def shown(result: dict[str, Any], console: Console) -> None:
    table = Table("rule", title=f"Means of {result['teams']:,} teams", title_justify="left")
    for name in next(iter(result["means"].values())):
        table.add_column(name.replace("_", " "), justify="right")
    for rule, row in result["means"].items():
        table.add_row(rule, *(f"{figure:,.2f}" for figure in row.values()))
    ms = result["ms"]
    console.print(table)
    console.print(
        f"Ours is never worse; {result['proven_optimal']:.1%} proven optimal; "
        f"{ms['median']:.1f} ms (median), {ms['p95']:.1f} ms (95 %), {ms['longest']:.1f} ms at most"
    )
    for size in result["sizes"]:
        console.print(
            f"{size['shifts']:,} shifts × {size['people']} people: {size['median_ms']:.0f} ms "
            f"(longest {size['longest_ms']:.0f}), allowed {size['allowed_ms']:,}, "
            f"{size['proven']:.0%} proven"
        )


if __name__ == "__main__":
    sys.exit(main())
