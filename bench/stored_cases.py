"""What is asked of the stored APIs, what was measured of it, and the goals."""

import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from bench.postgres import Calls
from bench.report import outcome
from bench.stored_rows import PEOPLE, TEAM_SCHEDULES

ON_CALL = "GET /api/v1/schedules/{id}/on-call"
CURRENT = "GET /api/v2/oncall/current/{team_id}"
UNANALYZED = f"{CURRENT}, no ANALYZE"
POST = "POST /api/v2/oncall/schedules/{id}/entries"
ON_SQLITE = f"{ON_CALL}, SQLite"
ON_CALL_PATH = "/api/v1/schedules/sched_7/on-call?at=2030-01-01T00:00:00Z"
FIRST_HOUR = datetime(2031, 1, 1, tzinfo=UTC)

STATEMENTS, SERVICE_US, RATIO = "statements", "service µs", "large ÷ small"
GOALS: Sequence[tuple[str, str, float]] = (
    (CURRENT, STATEMENTS, 3),
    (CURRENT, SERVICE_US, 700),
    (ON_CALL, STATEMENTS, 3),
    (ON_CALL, SERVICE_US, 500),
    (POST, STATEMENTS, 10),
    (UNANALYZED, RATIO, 1.3),
    (CURRENT, RATIO, 1.3),
)
"""A case, what of it, and the most that meets the goal. Only ratios ask for the large database."""

Orders = Callable[[int], Iterable[str]]
"""What to ask a database with so many schedules, as ``stored.lua`` reads it."""


class Run(msgspec.Struct):
    """One run of wrk, with the processor times of the service and of PostgreSQL for one answer.

    The times are those of a processor that is not ``slowness`` times as slow as the usual one.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    wrong: int
    cpu_us: float = 0.0
    postgres_us: float = 0.0
    slowness: float = 1.0

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def both_us(self) -> float:
        return self.cpu_us + self.postgres_us


@dataclass
class Case:
    """Targets that are asked in turn, round by round; ``calls`` are PostgreSQL's for a request."""

    name: str
    targets: Sequence[str]
    runs: dict[str, list[Run]] = field(default_factory=dict)
    calls: dict[str, Calls] = field(default_factory=dict)

    def median(self, figure: str, target: str = "") -> float:
        """Of the rounds of ``target``, or else of the first one."""
        runs = self.runs[target or self.targets[0]]
        return statistics.median(getattr(run, figure) for run in runs)

    def ratio(self, cost: Callable[[Run], float]) -> float:
        """The second target's ÷ the first one's, the median of the rounds."""
        first, second = (self.runs[name] for name in self.targets)
        return statistics.median(
            cost(other) / cost(one) for one, other in zip(first, second, strict=True)
        )


def on_call_orders(_: int) -> Sequence[str]:
    return [ON_CALL_PATH]


def team_orders(schedules: int) -> Sequence[str]:
    return [
        f"/api/v2/oncall/current/team_{number}" for number in range(schedules // TEAM_SCHEDULES)
    ]


def entry_orders(hours: Iterator[int], most: int, schedules: int) -> Iterator[str]:
    """Entries that overlap nothing: each of the ``hours`` from ``FIRST_HOUR`` on is used once."""
    for hour in islice(hours, most):
        start = FIRST_HOUR + timedelta(hours=hour)
        entry = {
            "user_id": f"user_{hour % PEOPLE}",
            "start": start.isoformat(),
            "end": (start + timedelta(hours=1)).isoformat(),
        }
        yield f"/api/v2/oncall/schedules/sched_{hour % schedules}/entries {json.dumps(entry)}"


def outcomes(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Every goal of ``cases``, and what became of it."""
    by_name = {case.name: case for case in cases}
    return [
        goal_outcome(by_name[name], what, limit) for name, what, limit in GOALS if name in by_name
    ]


def goal_outcome(case: Case, what: str, limit: float) -> dict[str, Any]:
    """One goal of ``case``."""
    text, by_cpu = f"{case.name}, {what}", None
    if what == STATEMENTS:
        figure = case.calls[case.targets[0]].statements
    elif what == SERVICE_US:
        figure = case.median("cpu_us")
    else:
        first, second = case.targets
        text = f"{case.name}, cost with {second} ÷ with {first}"
        figure = case.ratio(lambda run: 1 / run.per_second)
        by_cpu = case.ratio(lambda run: run.both_us)
    return outcome(text, limit, figure, at_least=False, by_cpu=by_cpu)
