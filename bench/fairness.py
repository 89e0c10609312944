"""Fair rotations beside round robin and the least loaded first, on 1,000 seeded random teams.

``python -m bench.fairness`` prints two tables and writes ``bench/results/fairness.json``. It
asserts for every team that ours is never worse than either by the objective
(``app/engine/planning/objective.py``). As many teams under constraints on rest, runs and pairs are
planned with and without CP-SAT, which is never worse. Times are of the whole plan, from the request
to the explanations, and of the processor, so that other work on the machine is not counted.
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

from app.engine.planning.assignment import Assignment
from app.engine.planning.boundaries import boundaries_of
from app.engine.planning.constraints import Constraints
from app.engine.planning.initial import least_loaded_assignment
from app.engine.planning.objective import load_range, night_loads, objective_of, weekend_loads
from app.engine.planning.planner import plan_of
from app.engine.planning.problem import AssignmentProblem, assignment_problem
from app.engine.planning.request import Absence, Plan, PlanningRequest
from app.engine.planning.round_robin import round_robin
from app.engine.walltime import clock_of
from app.products.rotation.planning import solve_constrained

RESULTS = Path(__file__).parent / "results" / "fairness.json"
TEAMS = 1_000
HOUR, DAY = 3_600_000, 86_400_000
START = 1_767_225_600_000
"""2026-01-01T00:00:00.000Z"""
MARCH = 1_772_319_600_000
"""2026-03-01T00:00:00.000+01:00, four weeks before clocks change"""
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata")
SIZES = ((200, 20, 50), (1_000, 100, 1_000))
"""Shifts, people, and the milliseconds that the issue allows."""


def team(seed: int) -> PlanningRequest:
    """Make a random team with absences; some have weights, carried hours or two roles."""
    random = Random(seed)
    people = random.randint(3, 20)
    length = random.choice([12 * HOUR, DAY, DAY, DAY, 7 * DAY])
    return random_request(random, people, random.randint(20, 200), length)


def random_request(
    random: Random, people: int, shifts: int, length: int, roles: int = 4
) -> PlanningRequest:
    names = [f"p{number}" for number in range(people)]
    zone = random.choice(ZONES)
    boundaries = boundaries_of(clock_of(zone), START, shifts, length)
    return PlanningRequest(
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
    """Make up to four absences of up to three weeks, often at the same time as others'."""
    whole = boundaries[-1] - boundaries[0]
    found = []
    for _ in range(random.randint(0, 4)):
        at = boundaries[0] + round(whole * random.betavariate(2, 3))
        found.append(Absence(name, at, at + random.randint(1, 21) * DAY))
    return found


def assignment_of(plan: Plan, problem: AssignmentProblem) -> Assignment:
    """Translate a plan back into an assignment, to be measured as the others are."""
    index = {name: person for person, name in enumerate(problem.people)}
    held = [0] * len(index)
    for shift, people in enumerate(plan.slots):
        for person in people:
            if person is not None:
                held[index[person]] |= 1 << shift
    return Assignment(problem, held)


BASELINES: dict[str, Callable[[AssignmentProblem], Assignment]] = {
    "round robin": lambda problem: round_robin(problem, Constraints(problem)).assignment,
    "least loaded first": least_loaded_assignment,
}


def compared(seed: int) -> dict[str, Any]:
    """Plan one team by each method. Raises ``AssertionError`` if ours is worse than another."""
    asked = team(seed)
    problem = assignment_problem(asked)
    started = process_time()
    plan = plan_of(asked, perf_counter)
    taken = process_time() - started
    assignments = {name: rule(problem) for name, rule in BASELINES.items()} | {
        "ours": assignment_of(plan, problem)
    }
    ours = objective_of(assignments["ours"])
    for name, assignment in assignments.items():
        assert ours <= objective_of(assignment), f"team {seed}: {name} is better"
    rows = {name: figures(assignment) for name, assignment in assignments.items()}
    return {"rules": rows, "optimal": plan.optimal, "ms": taken * 1e3}


def constrained_team(seed: int) -> PlanningRequest:
    """Make a small team often away, most of them with rest, runs or a pair kept apart."""
    random = Random(seed)
    names = [f"p{number}" for number in range(random.randint(3, 7))]
    shifts = random.randint(15, 60)
    boundaries = boundaries_of(clock_of("Europe/Berlin"), MARCH, shifts, DAY)
    away = [(name, random.randrange(shifts)) for name in names * random.randint(1, 4)]
    two = random.random() < 0.5
    return PlanningRequest(
        names,
        boundaries,
        timezone="Europe/Berlin",
        absences=[
            Absence(name, boundaries[first], boundaries[first] + random.randint(1, 6) * DAY)
            for name, first in away
        ],
        min_rest_ms=random.choice([0, 24, 48]) * HOUR,
        max_consecutive=random.choice([0, 1, 2]),
        roles=("first", "second") if two else (),
        avoid_pairs=[(names[0], names[1])] if two else (),
        strategy="fair",
    )


def constrained(seed: int) -> dict[str, Any]:
    """Plan a team under constraints. Raises ``AssertionError`` if CP-SAT made it worse."""
    asked = constrained_team(seed)
    alone = plan_of(asked, no_time)
    started = process_time()
    plan = plan_of(asked, no_time, solve_constrained)
    taken = process_time() - started
    values = [
        (len(each.vacancies), float(each.load_range_ms) / HOUR, each.optimal)
        for each in (alone, plan)
    ]
    assert values[1][:2] <= values[0][:2], f"team {seed}: it is worse"
    return {"values": values, "ms": taken * 1e3}


def constrained_teams(console: Console) -> dict[str, Any]:
    """Plan the teams under constraints; the means of those without CP-SAT come first."""
    rows = [constrained(seed) for seed in track(range(TEAMS), "under constraints", console=console)]
    times = sorted(row["ms"] for row in rows)
    return {
        name: {
            "uncovered": statistics.fmean(row["values"][which][0] for row in rows),
            "spread_hours": statistics.fmean(row["values"][which][1] for row in rows),
            "proven_optimal": statistics.fmean(row["values"][which][2] for row in rows),
        }
        for which, name in enumerate(("search alone", "with CP-SAT"))
    } | {"ms": times_of(times)}


def times_of(times: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the longest of ascending times."""
    return {
        "median": statistics.median(times),
        "p95": times[len(times) * 95 // 100],
        "longest": times[-1],
    }


def no_time() -> float:
    """A clock that stands still: searches end by their steps."""
    return 0.0


def figures(assignment: Assignment) -> dict[str, float]:
    objective, hour = objective_of(assignment), assignment.problem.scale * HOUR
    return {
        "uncovered": objective.vacancies,
        "spread_hours": objective.load_range / hour,
        "weekend_spread_hours": load_range(weekend_loads(assignment)) / hour,
        "night_spread_hours": load_range(night_loads(assignment)) / hour,
        "in_a_row": objective.consecutive,
    }


def sized(shifts: int, people: int, allowed_ms: int) -> dict[str, Any]:
    """Measure the median and the longest time for five teams of the issue's size."""
    taken, proven = [], 0
    for seed in range(5):
        asked = replace(random_request(Random(seed), people, shifts, DAY), strategy="fair")
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
        "ms": times_of(times),
        "constrained": constrained_teams(Console(stderr=True)),
        "sizes": [sized(*size) for size in SIZES],
    }
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
    under = result["constrained"]
    for name, row in under.items():
        if name != "ms":
            console.print(
                f"Under constraints, {name}: {row['uncovered']:.2f} uncovered, "
                f"{row['spread_hours']:.1f} h spread, {row['proven_optimal']:.1%} proven optimal"
            )
    console.print(f"{under['ms']['median']:.1f} ms (median), {under['ms']['longest']:.0f} at most")
    for size in result["sizes"]:
        console.print(
            f"{size['shifts']:,} shifts × {size['people']} people: {size['median_ms']:.0f} ms "
            f"(longest {size['longest_ms']:.0f}), allowed {size['allowed_ms']:,}, "
            f"{size['proven']:.0%} proven"
        )


if __name__ == "__main__":
    sys.exit(main())
