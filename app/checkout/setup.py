"""Builds what takes payments from the settings: facilitator, claims and payment contexts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import structlog
from x402.schemas import ResourceInfo

from app.checkout.purchase import PaymentContext
from app.discovery.bazaar import MAX_TAGS, SERVICE_NAME, bazaar_extension
from app.errors import ConfigurationError
from app.http.readiness import NOT_USED, is_ready
from app.metrics import Metrics
from app.payments.chain import Chain
from app.payments.claims.claim import PaymentClaims
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.redis import RedisClaims
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.settlement import SettlementService
from app.payments.terms import payee_errors, payment_terms_of, resource_server, stablecoin
from app.products.endpoint import JSON, Endpoint
from app.products.registry import rate_limit_errors
from app.settings import Settings
from app.teams.quotas.quota import quotas_in

log = structlog.get_logger()

Facilitator = RemoteFacilitator | SandboxFacilitator

NO_CHAIN = (
    "a payer whose settlement the facilitator loses may have to wait for ever: "
    "only the chain could tell that the payment arrived"
)

REFRESH_SECONDS = 60.0
RETRY_SECONDS = 5.0
LEASE_MARGIN_SECONDS = 10
"""Longer than two operations of the store: one binds the identifier, one ends the claim."""


def setting_errors(settings: Settings) -> Iterator[str]:
    """Yield the errors of settings that are well-formed one by one."""
    yield from rate_limit_errors(settings.rate_limit)
    yield from quotas_in(settings.quota)[1]
    if settings.payments != "off":
        yield from payee_errors(settings.network, settings.pay_to)


class PaymentService:
    """Takes the payments of one application; ``open`` it while requests are served.

    ``facilitator`` and ``claims`` replace those that the settings choose.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        metrics: Metrics,
        facilitator: Facilitator | None,
        claims: PaymentClaims | None,
    ) -> None:
        self._settings = settings
        metrics.expect(settings.network)
        self.facilitator = _facilitator(settings, clock) if facilitator is None else facilitator
        self._server = resource_server(self.facilitator, settings.network)
        self.claims = claims_of(settings, clock) if claims is None else claims
        self._chain = Chain(settings.rpc_url, settings.network) if settings.rpc_url else None
        self.settlement = SettlementService(
            self._server,
            self.claims,
            clock=clock,
            deadline_seconds=settings.settle_deadline_seconds,
            record_outcome=metrics.record_settlement,
            chain=self._chain,
        )

    def context(self, endpoint: Endpoint) -> PaymentContext:
        """The payment context of the endpoint's answers over HTTP."""
        resource = ResourceInfo(
            url=self._settings.public_url + endpoint.path,
            description=endpoint.description,
            mime_type=JSON,
            service_name=SERVICE_NAME,
            tags=list(endpoint.tags[:MAX_TAGS]),
        )
        terms = payment_terms_of(
            self._server,
            price_usd=endpoint.price_usd,
            network=self._settings.network,
            pay_to=self._settings.pay_to,
            resource=resource,
            identifier_required=self._settings.payment_id == "required",
            described=bazaar_extension(endpoint),
        )
        return PaymentContext(terms, self._server, self.settlement, self.facilitator)

    def checks(self) -> Mapping[str, str | None]:
        """The problem of each part; ``None`` for one that works."""
        checks = {"facilitator": self.facilitator.problem, "claims": self.claims.problem}
        if self._settings.payments == "facilitator":
            checks["chain"] = self._chain.problem if self._chain else NOT_USED
        return checks

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """A context with connections; leaving it waits for the settlements under way."""
        await self._open_claims()
        await self._find_chain()
        await self.facilitator.connect()
        if self.checks().get("chain") == NOT_USED:
            log.warning("no_chain", setting="ONCALL_RPC_URL", meaning=NO_CHAIN)
        log.info(
            "payments",
            backend=self._settings.payments,
            network=self._settings.network,
            pay_to=self._settings.pay_to,
            **{name: problem or "ok" for name, problem in self.checks().items()},
        )
        watching = asyncio.create_task(self.watch())
        try:
            yield
        finally:
            watching.cancel()
            await self.settlement.finish()
            await self.facilitator.aclose()
            await self.claims.aclose()

    async def _open_claims(self) -> None:
        """Connect to the claims. Raises ``ConfigurationError`` where production may lose them."""
        await self.claims.refresh()
        problem = self.claims.misconfiguration
        if problem is not None and self._settings.environment == "production":
            await self.claims.aclose()
            raise ConfigurationError([f"ONCALL_REDIS_URL: {problem}"])

    async def _find_chain(self) -> None:
        """Ask the node for its chain. Raises ``ConfigurationError`` for one of another chain."""
        if self._chain is None:
            return
        await self._chain.refresh()
        if self._chain.is_another:
            await self.claims.aclose()
            raise ConfigurationError([f"ONCALL_RPC_URL: {self._chain.problem}"])

    async def watch(self) -> None:
        """Check each part for ever, more often while one has a problem."""
        while True:
            healthy = all(map(is_ready, self.checks().values()))
            await asyncio.sleep(REFRESH_SECONDS if healthy else RETRY_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Check each part once, and log what has changed."""
        before = self.checks()
        parts = (self.facilitator, self.claims, self._chain)
        await asyncio.gather(*(part.refresh() for part in parts if part is not None))
        for name, problem in self.checks().items():
            if problem != before[name]:
                log.warning("readiness", part=name, problem=problem)


def _facilitator(settings: Settings, clock: Callable[[], float]) -> Facilitator:
    if settings.payments == "sandbox":
        return SandboxFacilitator(settings.network, stablecoin(settings.network), clock)
    return RemoteFacilitator(
        settings.facilitator_url,
        network=settings.network,
        headers=settings.facilitator_headers,
        timeout_seconds=settings.facilitator_timeout_seconds,
    )


def claims_of(settings: Settings, clock: Callable[[], float]) -> PaymentClaims:
    """The claim store that ``settings`` choose."""
    if not settings.redis_url:
        return MemoryClaims(clock)
    # a holder verifies and settles within the deadline, and then asks the store
    lease_seconds = settings.settle_deadline_seconds + LEASE_MARGIN_SECONDS
    return RedisClaims(settings.redis_url, lease_seconds=lease_seconds)
