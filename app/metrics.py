"""Metrics for operators (Prometheus), and log lines for settlements and what facilitators answer.

Strategy: the registry belongs to one application and is passed to the parts that count; nothing is
global. Each service process counts for itself, so scrape each. Requests are counted on the event
loop in plain numbers, without the locks of the library's own counters (at less than half of their
cost), and become metrics when they are read. Labels are routes, never paths: callers choose paths.
"""

from bisect import bisect_left
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import accumulate

import msgspec
import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app.http.rate_limits import POLICIES, RateLimits
from app.payments.authorization import Payment
from app.payments.claims.receipt import Receipt
from app.payments.facilitators.call import FacilitatorCall
from app.workers import pool

log = structlog.get_logger()

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper bounds of the latency buckets: from a 402 to more than the deadline of a settlement."""

OUTCOMES = ("settled", "refused", "unknown")
EXTENSIONS = ("bazaar", "payment-identifier")
EXTENSION_STATUSES = ("success", "processing", "rejected")
LOOKED_UP = ("settled", "unpaid", "unknown", "expired")
LEDGER_PARTS = ("write", "look_up")
OTHER = "other"
"""The label of what a facilitator calls by a name that is not known here: labels are bounded."""


class Metrics:
    """The metrics of one application. ``count_request`` is told of each request."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        requests = _Requests()
        self._registry.register(requests)
        self.count_request = requests.count
        self._settlements = Counter(
            "oncall_settlements",
            f"Settlements by outcome: {', '.join(OUTCOMES)}.",
            ["outcome", "network"],
            registry=self._registry,
        )
        self._revenue = Counter(
            "oncall_revenue_atomic",
            "Money received, in atomic units of the network's stablecoin.",
            ["network"],
            registry=self._registry,
        )
        self._calls = Counter(
            "oncall_facilitator_calls",
            "Calls to facilitators by operation and status; none if there was no answer.",
            ["facilitator", "operation", "status"],
            registry=self._registry,
        )
        self._extensions = Counter(
            "oncall_facilitator_extensions",
            f"What facilitators did with extensions: {', '.join(EXTENSION_STATUSES)}.",
            ["facilitator", "extension", "status"],
            registry=self._registry,
        )
        self._ledger_writes = Counter(
            "oncall_ledger_writes",
            "Settlements that were written into the database.",
            registry=self._registry,
        )
        self._ledger_failures = Counter(
            "oncall_ledger_failures",
            "Times that the ledger could not be kept, by what could not be done.",
            ["part"],
            registry=self._registry,
        )
        for part in LEDGER_PARTS:
            self._ledger_failures.labels(part)
        self._ledger_lag = Gauge(
            "oncall_ledger_lag_seconds",
            "Age of the oldest settlement that is not in the database; 0 where none is used.",
            registry=self._registry,
        )
        self._claims = Counter(
            "oncall_claims_looked_up",
            f"Claims with an unknown outcome that were looked up: {', '.join(LOOKED_UP)}.",
            ["outcome"],
            registry=self._registry,
        )
        for outcome in LOOKED_UP:
            self._claims.labels(outcome)
        self._limits_local = Gauge(
            "oncall_rate_limits_local",
            "1 while the shared count of requests cannot be reached.",
            registry=self._registry,
        )
        self._jobs = Counter(
            "oncall_jobs",
            f"Jobs for worker processes by outcome: {', '.join(pool.OUTCOMES)}.",
            ["outcome"],
            registry=self._registry,
        )
        for outcome in pool.OUTCOMES:
            self._jobs.labels(outcome)
        self._job_wait = Histogram(
            "oncall_job_wait_seconds",
            "Time that a job waited for its turn.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._job_run = Histogram(
            "oncall_job_run_seconds",
            "Time that a job took once its turn had come, with the start of a worker.",
            buckets=SECONDS,
            registry=self._registry,
        )

    def count_job(self, outcome: str, waited: float, ran: float | None) -> None:
        """Count one job of the workers; ``ran`` is ``None`` for one that was not begun."""
        self._jobs.labels(outcome).inc()
        self._job_wait.observe(waited)
        if ran is not None:
            self._job_run.observe(ran)

    def watch_limits(self, limits: RateLimits) -> None:
        """Show the refusals of ``limits``, and whether its shared count can be reached."""
        self._limits_local.set_function(lambda: limits.problem is not None)
        self._registry.register(_Refusals(limits))

    def expect(self, network: str) -> None:
        """Start the metrics of ``network`` at zero, because an increase needs an earlier value."""
        for outcome in OUTCOMES:
            self._settlements.labels(outcome, network)
        self._revenue.labels(network)

    def record_settlement(
        self, outcome: str, payment: Payment, end: Receipt | BaseException
    ) -> None:
        """Count and log one outcome: payer, amount, network, and the transaction or the reason."""
        self._settlements.labels(outcome, payment.network).inc()
        entry = {
            "outcome": outcome,
            "payer": payment.signed.payer,
            "amount": payment.signed.amount,
            "network": payment.network,
        }
        if isinstance(end, Receipt):
            self._revenue.labels(payment.network).inc(int(end.amount))
            log.info("settlement", **entry, transaction=end.transaction)
        else:
            log.warning("settlement", **entry, transaction="", reason=str(end))

    def count_ledger_writes(self, settlements: int) -> None:
        """Count settlements that the database has taken."""
        self._ledger_writes.inc(settlements)

    def count_ledger_failure(self, part: str) -> None:
        """Count one time that a part of the ledger could not do its work."""
        self._ledger_failures.labels(part).inc()

    def set_ledger_lag(self, seconds: float) -> None:
        """Show how old the oldest settlement is that is not in the database."""
        self._ledger_lag.set(seconds)

    def count_claim(self, outcome: str) -> None:
        """Count one claim that was looked up because nobody knew its outcome."""
        self._claims.labels(outcome).inc()

    def record_facilitator_call(self, call: FacilitatorCall) -> None:
        """Count one call, and log one that went wrong and what became of extensions."""
        answer, names = call.answer, {"facilitator": call.facilitator, "operation": call.operation}
        status = "none" if answer is None else str(answer.status)
        self._calls.labels(*names.values(), status).inc()
        if answer is None:
            log.warning("facilitator", **names, status=None, error=call.failure)
            return
        for said in answer.extensions:
            self._extensions.labels(
                call.facilitator,
                said.extension if said.extension in EXTENSIONS else OTHER,
                said.status if said.status in EXTENSION_STATUSES else OTHER,
            ).inc()
            log.info("extension", **names, **msgspec.structs.asdict(said))
        if answer.status != HTTPStatus.OK:
            log.warning(
                "facilitator",
                **names,
                status=answer.status,
                error=answer.error_type,
                correlation_id=answer.correlation_id,
                transaction=answer.transaction,
                redirect=answer.redirect,
            )

    def text(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self._registry)


@dataclass(slots=True)
class _Latency:
    """The latency of requests; the last bucket counts those above the last bound."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    seconds: float = 0.0


class _Requests(Collector):
    """Requests by route and status, errors by route and code, and latency by route."""

    def __init__(self) -> None:
        self._answers: Tally[tuple[str, int | None]] = Tally()
        self._errors: Tally[tuple[str, str]] = Tally()
        self._latency: defaultdict[str, _Latency] = defaultdict(_Latency)

    def count(self, route: str, status: int | None, seconds: float, code: str = "") -> None:
        """Count one request.

        ``status`` is ``None`` if the client disconnected before an answer, and ``code`` is that of
        the error which was answered.
        """
        self._answers[route, status] += 1
        if code:
            self._errors[route, code] += 1
        latency = self._latency[route]
        latency.buckets[bisect_left(SECONDS, seconds)] += 1
        latency.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        answers = CounterMetricFamily(
            "oncall_requests",
            "Requests by route and status; 402 is an offer, 429 is over the limit.",
            labels=["route", "status"],
        )
        for (route, status), count in self._answers.items():
            answers.add_metric([route, "none" if status is None else str(status)], count)
        yield answers
        errors = CounterMetricFamily(
            "oncall_errors",
            "Errors that were answered, by route and code.",
            labels=["route", "code"],
        )
        for (route, code), count in self._errors.items():
            errors.add_metric([route, code], count)
        yield errors
        took = HistogramMetricFamily(
            "oncall_request_seconds",
            "Time from a request's head to the end of its answer.",
            labels=["route"],
        )
        bounds = [*(str(float(bound)) for bound in SECONDS), "+Inf"]
        for route, latency in self._latency.items():
            buckets = list(zip(bounds, accumulate(latency.buckets), strict=True))
            took.add_metric([route], buckets, latency.seconds)
        yield took


class _Refusals(Collector):
    """Requests over the rate limit, by policy."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        refusals = CounterMetricFamily(
            "oncall_rate_limit_refusals",
            f"Requests over a rate limit, by policy: {', '.join(POLICIES)}.",
            labels=["policy"],
        )
        for policy, count in self._limits.refusals.items():
            refusals.add_metric([policy], count)
        yield refusals
