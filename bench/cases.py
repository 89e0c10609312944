"""What is measured and what it should come to: the cases and the goals, as data.

A goal is a ratio within one run, the median of the rounds' ratios, or a figure of ours. There is a
run with claims and limits in Redis, as in production, and one with everything in memory.
"""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.load import Measure, Order
from bench.profiles import Share
from tests.support.services import EXAMPLE, PATH

REDIS, MEMORY = "redis", "memory"
STORES = (REDIS, MEMORY)
OURS, FREE, BARE, PLAIN = "ours", "ours, free", "bare", "plain"
FASTAPI, EXPRESS, HONO = "fastapi", "express", "hono"
SELLERS = (OURS, FASTAPI, EXPRESS, HONO)
FREE_PATHS = {PLAIN: "/rotation", HONO: "/rotation"}

UNPAID, EMPTY, PAID, PAID_SLOWLY = "unpaid", "unpaid, no document", "paid", "paid, 20 ms"
SLOW_MS = 20.0
FEW, SOME, MANY = 8, 32, 256
"""Connections."""
MOST_SHIFTS = 10_000
EXAMPLE_ORDER = Order(PATH, json.dumps(EXAMPLE).encode())
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


def cases(store: str) -> Sequence[Case]:
    """Every case, in the order in which they are measured; with Redis those that ask it."""
    everybody = (OURS, BARE, FASTAPI, EXPRESS, HONO)
    unpaid = [Case(UNPAID, count, everybody, status=402) for count in (SOME, MANY)]
    paid = [Case(PAID, count, SELLERS, paid=True) for count in (SOME, MANY)]
    if store == REDIS:
        return [*unpaid, *paid, _slow(FEW)]
    return [
        *unpaid,
        Case(EMPTY, SOME, (OURS, BARE), body=b"", status=402),
        *paid,
        *(_slow(count) for count in (FEW, SOME, MANY)),
        *(_free(shifts, count) for shifts in SHIFTS for count in (SOME, MANY)),
    ]


def _slow(connections: int) -> Case:
    return Case(PAID_SLOWLY, connections, SELLERS, paid=True, delay_ms=SLOW_MS)


def _free(shifts: int, connections: int) -> Case:
    """A rotation for nothing; 256 callers of a slow target would wait for longer than a round."""
    body = json.dumps({**EXAMPLE, "shifts": shifts}).encode()
    targets = (FREE, BARE, PLAIN, HONO) if connections == SOME else (FREE, BARE)
    return Case(f"{shifts:,} shifts", connections, targets, body)


Question = tuple[str, int, str]
"""The name of a case, its connections, and who is asked."""


@dataclass
class Results:
    """What was measured: ``measures[case, connections][target]`` has one ``Measure`` a round.

    ``store`` is where ours and the sellers kept what they remember.

    ``encode_ratios`` is what 10,000 shifts cost beside ``msgspec.json.encode``, ``memory_mb`` each
    server's resident memory at the end of a round, ``profiles`` where ours spends its time.
    """

    store: str
    measures: dict[tuple[str, int], dict[str, list[Measure]]] = field(default_factory=dict)
    encode_ratios: list[float] = field(default_factory=list)
    memory_mb: dict[str, list[float]] = field(default_factory=dict)
    profiles: dict[str, list[Share]] = field(default_factory=dict)

    def add(self, case: Case, target: str, measure: Measure) -> None:
        targets = self.measures.setdefault((case.name, case.connections), {})
        targets.setdefault(target, []).append(measure)

    def runs(self, question: Question) -> list[Measure]:
        """What was measured for a question; nothing if it was not asked."""
        case, connections, target = question
        return self.measures.get((case, connections), {}).get(target, [])

    def faster(self, question: Question, than: str) -> float | None:
        """How often more requests a target answers than another; ``None`` if not measured."""
        return self._ratio(question, than, lambda one, two: one.per_second / two.per_second)

    def cheaper(self, question: Question, than: str) -> float | None:
        """As ``faster``, by processor time for one request: steadier where others work, too."""
        return self._ratio(question, than, lambda one, two: two.cpu_us / one.cpu_us)

    def _ratio(
        self, question: Question, than: str, ratio: Callable[[Measure, Measure], float]
    ) -> float | None:
        """The median over the rounds in which both answered anything."""
        pairs = zip(self.runs(question), self.runs((*question[:2], than)), strict=False)
        ratios = [ratio(*pair) for pair in pairs if all(run.per_second for run in pair)]
        return statistics.median(ratios) if ratios else None


Figure = Callable[[Results], float | None]


@dataclass(frozen=True)
class Goal:
    """What the issue asks for. A figure is ``None`` where it was not measured.

    Without a ``limit`` it is a figure to know.
    ``question`` is the case to profile where the goal is missed; ``by_cpu`` the same ratio by
    processor time.
    """

    text: str
    limit: float | None
    figure: Figure
    at_least: bool = True
    question: Question | None = None
    by_cpu: Figure = field(default=lambda _: None)

    def met(self, figure: float) -> bool:
        if self.limit is None:
            return True
        return figure >= self.limit if self.at_least else figure <= self.limit


UNPAID_BY_OURS, PAID_BY_OURS = (UNPAID, SOME, OURS), (PAID, SOME, OURS)


def goals(store: str) -> Sequence[Goal]:
    """Every goal of the issue for the run with ``store``."""
    return _goals_with_redis() if store == REDIS else _goals_in_memory()


def _goals_with_redis() -> Sequence[Goal]:
    return [
        _microseconds("unpaid 402, µs", 95, UNPAID_BY_OURS),
        _microseconds("paid, µs", 420, PAID_BY_OURS),
        _memory(90),
        _p50_slowly(),
        *_ratios(None, None, None, None, None),
    ]


def _goals_in_memory() -> Sequence[Goal]:
    many = (f"{MOST_SHIFTS:,} shifts", SOME, FREE)
    return [
        *_ratios(0.6, 2, 4, 3.5, 14),
        _p50_slowly(),
        _at_most(
            "10,000 shifts, × the time to encode them", 6, lambda results: results.encode_ratios
        ),
        _faster("10,000 shifts, × plain Starlette", 5, many, PLAIN),
        _memory(110),
    ]


def _ratios(*limits: float | None) -> Sequence[Goal]:
    """Ours beside the others, each with its limit."""
    compared = [
        ("unpaid 402, × bare", UNPAID_BY_OURS, BARE),
        ("unpaid 402, × Hono", UNPAID_BY_OURS, HONO),
        ("paid, × Express", PAID_BY_OURS, EXPRESS),
        ("paid, × Hono", PAID_BY_OURS, HONO),
        ("paid, × FastAPI with the SDK", PAID_BY_OURS, FASTAPI),
    ]
    return [
        _faster(text, limit, question, than)
        for (text, question, than), limit in zip(compared, limits, strict=True)
    ]


def _p50_slowly() -> Goal:
    slowly = (PAID_SLOWLY, FEW, OURS)
    return _at_most(
        "paid p50 at 20 ms and 8 connections, ms",
        SLOW_MS + 4,
        lambda results: [run.p50_ms for run in results.runs(slowly)],
        slowly,
    )


def _microseconds(text: str, limit: float, question: Question) -> Goal:
    """The processor time of a request, as the processor usually is."""
    return _at_most(
        text, limit, lambda results: [run.cpu_us for run in results.runs(question)], question
    )


def _memory(most_mb: float) -> Goal:
    return _at_most(
        "memory of a worker, MB", most_mb, lambda results: results.memory_mb.get(OURS, [])
    )


def _faster(text: str, limit: float | None, question: Question, than: str) -> Goal:
    return Goal(
        text,
        limit,
        lambda results: results.faster(question, than),
        question=question,
        by_cpu=lambda results: results.cheaper(question, than),
    )


def _at_most(
    text: str,
    limit: float,
    figures: Callable[[Results], Sequence[float]],
    question: Question | None = None,
) -> Goal:
    def median(results: Results) -> float | None:
        measured = figures(results)
        return statistics.median(measured) if measured else None

    return Goal(text, limit, median, at_least=False, question=question)
