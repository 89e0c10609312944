"""What is measured and what it should come to: the cases and the goals, as data.

A goal is a ratio within one run, the median of the rounds' ratios, or a figure of ours.
"""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.load import Measure, Order
from tests.services import EXAMPLE, PATH

OURS, FREE, BARE, PLAIN = "ours", "ours, free", "bare", "plain"
FASTAPI, EXPRESS, HONO = "fastapi", "express", "hono"
SELLERS = (OURS, FASTAPI, EXPRESS, HONO)
FREE_PATHS = {PLAIN: "/rotation", HONO: "/rotation"}

UNPAID, EMPTY, PAID, PAID_SLOWLY = "unpaid", "unpaid, no document", "paid", "paid, 20 ms"
SLOW_MS = 20.0
FEW, SOME, MANY = 8, 32, 256
"""Connections."""
MOST_SHIFTS = 10_000
EXAMPLE_ORDER = Order(PATH, json.dumps(EXAMPLE).encode(), 200)
SHIFTS = (3, 100, 1_000, MOST_SHIFTS)


@dataclass(frozen=True)
class Case:
    """One question, put to each of ``targets`` over ``connections``."""

    name: str
    connections: int
    targets: Sequence[str]
    body: bytes = EXAMPLE_ORDER.body
    status: int = 200
    paid: bool = False
    delay_ms: float = 0.0

    def order(self, target: str) -> Order:
        path = PATH
        if target == BARE:
            path = "/" + self.name.replace(" ", "-").replace(",", "")
        elif self.status == 200 and not self.paid:
            path = FREE_PATHS.get(target, PATH)
        return Order(path, self.body, self.status, paid=self.paid)


def cases() -> Sequence[Case]:
    """Every case, in the order in which they are measured."""
    everybody = (OURS, BARE, FASTAPI, EXPRESS, HONO)
    slow = {"paid": True, "delay_ms": SLOW_MS}
    return [
        *(Case(UNPAID, count, everybody, status=402) for count in (SOME, MANY)),
        Case(EMPTY, SOME, (OURS, BARE), body=b"", status=402),
        *(Case(PAID, count, SELLERS, paid=True) for count in (SOME, MANY)),
        *(Case(PAID_SLOWLY, count, SELLERS, **slow) for count in (FEW, SOME, MANY)),  # type: ignore[arg-type]
        *(_free(shifts, count) for shifts in SHIFTS for count in (SOME, MANY)),
    ]


def _free(shifts: int, connections: int) -> Case:
    """A rotation for nothing. 256 callers of a slow target would wait for longer than a round."""
    body = json.dumps({**EXAMPLE, "shifts": shifts}).encode()
    quick = shifts <= 100 or connections == SOME
    targets = (FREE, BARE, PLAIN, HONO) if quick else (FREE, BARE)
    return Case(f"{shifts:,} shifts", connections, targets, body)


@dataclass
class Results:
    """What was measured: ``measures[case, connections][target]`` has one ``Measure`` a round.

    ``encode_ratios`` is what 10,000 shifts cost beside ``msgspec.json.encode``, ``memory_mb`` each
    server's resident memory after the last round.
    """

    measures: dict[tuple[str, int], dict[str, list[Measure]]] = field(default_factory=dict)
    encode_ratios: list[float] = field(default_factory=list)
    memory_mb: dict[str, float] = field(default_factory=dict)

    def add(self, case: Case, target: str, measure: Measure) -> None:
        targets = self.measures.setdefault((case.name, case.connections), {})
        targets.setdefault(target, []).append(measure)

    def faster(self, case: str, target: str, than: str, connections: int = SOME) -> float | None:
        """How often more requests ``target`` answers; ``None`` where one was not measured."""
        runs = self.measures.get((case, connections), {})
        if target not in runs or than not in runs:
            return None
        pairs = zip(runs[target], runs[than], strict=True)
        return statistics.median(one.per_second / other.per_second for one, other in pairs)

    def p50_ms(self, case: str, target: str, connections: int) -> float | None:
        runs = self.measures.get((case, connections), {}).get(target)
        return statistics.median(run.p50_ms for run in runs) if runs else None


@dataclass(frozen=True)
class Goal:
    """What the issue asks for. ``figure`` is ``None`` where it was not measured."""

    text: str
    limit: float
    figure: Callable[[Results], float | None]
    at_least: bool = True

    def met(self, figure: float) -> bool:
        return figure >= self.limit if self.at_least else figure <= self.limit


def goals() -> Sequence[Goal]:
    """Every goal of the issue."""
    return [
        Goal("unpaid 402, × bare (0.7 is the aim)", 0.6, lambda r: r.faster(UNPAID, OURS, BARE)),
        Goal("unpaid 402, × Hono", 2, lambda r: r.faster(UNPAID, OURS, HONO)),
        Goal("paid, × Express", 4, lambda r: r.faster(PAID, OURS, EXPRESS)),
        Goal("paid, × Hono", 4, lambda r: r.faster(PAID, OURS, HONO)),
        Goal("paid, × FastAPI with the SDK", 15, lambda r: r.faster(PAID, OURS, FASTAPI)),
        Goal(
            "paid p50 at 20 ms and 8 connections, ms",
            SLOW_MS + 4,
            lambda r: r.p50_ms(PAID_SLOWLY, OURS, FEW),
            at_least=False,
        ),
        Goal(
            "10,000 shifts, × the time to encode them",
            6,
            lambda r: statistics.median(r.encode_ratios) if r.encode_ratios else None,
            at_least=False,
        ),
        Goal(
            "10,000 shifts, × plain Starlette",
            5,
            lambda r: r.faster(f"{MOST_SHIFTS:,} shifts", FREE, PLAIN),
        ),
        Goal("memory of a worker, MB", 110, lambda r: r.memory_mb.get(OURS), at_least=False),
    ]
