"""Where payments are taken: the back end, the claims and the tills that settings choose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace

import structlog
from x402.schemas import ResourceInfo

from app.checkout.purchase import Till
from app.discovery.bazaar import (
    MAX_TAGS,
    SERVICE_NAME,
    bazaar_extension,
    bazaar_tool_extension,
)
from app.mcp.route import PATH as MCP_PATH
from app.mcp.route import UNPAID as MCP_UNPAID
from app.metrics import Metrics
from app.payments.chain import Chain
from app.payments.claims.memory import Claims, MemoryClaims
from app.payments.claims.redis import RedisClaims
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.settlement import Cashier
from app.payments.terms import offer_of, payee_faults, resource_server, stablecoin
from app.products.endpoint import JSON, Endpoint
from app.settings import Settings

log = structlog.get_logger()

Clock = Callable[[], float]
Facilitator = RemoteFacilitator | SandboxFacilitator

REFRESH_SECONDS = 60.0
RETRY_SECONDS = 5.0


def faults_in(settings: Settings) -> Iterable[str]:
    """What is wrong with settings that are each well-formed."""
    return () if settings.payments == "off" else payee_faults(settings.network, settings.pay_to)


class Desk:
    """Where payments are taken: one back end, one cashier, a till for each endpoint."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        facilitator: Facilitator | None,
        claims: Claims | None,
    ) -> None:
        self._settings = settings
        metrics.expect(settings.network)
        self.backend = _facilitator(settings, clock) if facilitator is None else facilitator
        self._server = resource_server(self.backend, settings.network)
        self.claims = claims_of(settings, clock) if claims is None else claims
        self.cashier = Cashier(
            self._server,
            self.claims,
            clock=clock,
            deadline_seconds=settings.settle_deadline_seconds,
            ledger=metrics.ledger,
            chain=Chain(settings.rpc_url) if settings.rpc_url else None,
        )

    def till(self, endpoint: Endpoint) -> Till:
        """Where the endpoint's answers are paid for over HTTP."""
        resource = ResourceInfo(
            url=self._settings.public_url + endpoint.path,
            description=endpoint.description,
            mime_type=JSON,
            service_name=SERVICE_NAME,
            tags=list(endpoint.tags[:MAX_TAGS]),
        )
        offer = offer_of(
            self._server,
            price_usd=endpoint.price_usd,
            network=self._settings.network,
            pay_to=self._settings.pay_to,
            resource=resource,
            identifier_required=self._settings.payment_id == "required",
            described=bazaar_extension(endpoint),
        )
        return Till(offer, self._server, self.cashier, self.backend)

    def tool_till(self, endpoint: Endpoint) -> Till:
        """Where a tool's results are paid for; a tool is known by its server's URL and its name."""
        till = self.till(endpoint)
        url = self._settings.public_url + MCP_PATH
        offer = replace(
            till.offer,
            resource=till.offer.resource.model_copy(update={"url": url}),
            described=bazaar_tool_extension(endpoint),
            unpaid=MCP_UNPAID,
        )
        return replace(till, offer=offer)

    def checks(self) -> Mapping[str, str | None]:
        return {"facilitator": self.backend.problem, "claims": self.claims.problem}

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connected while the context lasts; left when the settlements under way have ended."""
        await self.backend.connect()
        await self.claims.refresh()
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
            await self.cashier.finish()
            await self.backend.aclose()
            await self.claims.aclose()

    async def watch(self) -> None:
        """Keep knowing whether the facilitator and the claims are well, for ever."""
        while True:
            well = not any(self.checks().values())
            await asyncio.sleep(REFRESH_SECONDS if well else RETRY_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Look again, and write down what has changed."""
        before = self.checks()
        await asyncio.gather(self.backend.refresh(), self.claims.refresh())
        for name, problem in self.checks().items():
            if problem != before[name]:
                log.warning("readiness", part=name, problem=problem)


def _facilitator(settings: Settings, clock: Clock) -> Facilitator:
    if settings.payments == "sandbox":
        return SandboxFacilitator(settings.network, stablecoin(settings.network), clock)
    return RemoteFacilitator(
        settings.facilitator_url,
        network=settings.network,
        headers=settings.facilitator_headers,
        timeout_seconds=settings.facilitator_timeout_seconds,
    )


def claims_of(settings: Settings, clock: Clock) -> Claims:
    """The claim store that ``settings`` choose."""
    if not settings.redis_url:
        return MemoryClaims(clock)
    # a holder settles within the deadline; a call that has just begun may outlast it a little
    lease_seconds = settings.settle_deadline_seconds + 5
    return RedisClaims(settings.redis_url, lease_seconds=lease_seconds)
