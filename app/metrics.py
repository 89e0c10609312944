"""Numbers for operators (Prometheus), and the money ledger: one log line and one count per outcome.

Strategy: a registry of this application's own, handed in where something is counted; nothing is
global. Each process counts for itself, so scrape each worker. Every request is counted, so what its
route and status count on is looked up once; label values are routes and never paths, which callers
choose.
"""

from collections.abc import Callable, Iterator

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from app.limits import RateLimits
from app.payments.gate import Payment
from app.payments.receipts import Receipt

log = structlog.get_logger()

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Bounds of the buckets of the latency: from a 402 to the deadline of a settlement."""


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "oncall_requests",
            "Requests by route and status; 402 is an offer, 429 is over the limit.",
            ["route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "oncall_request_seconds",
            "Time from a request's head to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._counts: dict[
            tuple[str, int | None], tuple[Callable[[], None], Callable[[float], None]]
        ] = {}
        self._settlements = Counter(
            "oncall_settlements",
            "Settlements by outcome: settled, refused or unknown.",
            ["outcome", "network"],
            registry=self._registry,
        )
        self._revenue = Counter(
            "oncall_revenue_atomic",
            "Money received, in atomic units of the network's stablecoin.",
            ["network"],
            registry=self._registry,
        )
        self._limits_local = Gauge(
            "oncall_rate_limits_local",
            "1 while the shared count of requests cannot be reached.",
            registry=self._registry,
        )

    def watch_limits(self, limits: RateLimits) -> None:
        self._limits_local.set_function(lambda: limits.problem is not None)
        self._registry.register(_Refusals(limits))

    def request(self, route: str, status: int | None, seconds: float) -> None:
        """Count one request; its ``status`` is ``None`` if the caller hung up before an answer."""
        counts = self._counts.get((route, status))
        if counts is None:
            counter = self._requests.labels(route, "none" if status is None else status)
            counts = counter.inc, self._seconds.labels(route).observe
            self._counts[route, status] = counts
        count, observe = counts
        count()
        observe(seconds)

    def ledger(self, outcome: str, payment: Payment, end: Receipt | BaseException) -> None:
        """Write one outcome down: who, how much, where, by which transaction, or why not."""
        self._settlements.labels(outcome, payment.network).inc()
        entry = {
            "outcome": outcome,
            "payer": payment.authorization.payer,
            "amount": payment.authorization.value,
            "network": payment.network,
        }
        if isinstance(end, Receipt):
            self._revenue.labels(payment.network).inc(int(end.amount))
            log.info("settlement", **entry, transaction=end.transaction)
        else:
            log.warning("settlement", **entry, transaction="", reason=str(end))

    def text(self) -> bytes:
        """Everything in the Prometheus text format."""
        return generate_latest(self._registry)


class _Refusals(Collector):
    """What the rate limits have counted, read when the metrics are."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        refusals = CounterMetricFamily(
            "oncall_rate_limit_refusals",
            "Requests over the rate limit, by policy: with-payment or without-payment.",
            labels=["policy"],
        )
        for policy, count in self._limits.refusals.items():
            refusals.add_metric([policy], count)
        yield refusals
