"""Numbers for operators (Prometheus), and the money ledger: one log line and one count per outcome.

Strategy: a registry of this application's own, handed in where something is counted; nothing is
global. Each process counts for itself, so scrape each worker.
"""

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from app.limits import RateLimits
from app.payments.gate import Payment
from app.payments.receipts import Receipt

log = structlog.get_logger()


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
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
