"""Builds what takes payments from the settings: facilitator, claims and payment contexts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

import structlog
from x402.schemas import ResourceInfo

from app.checkout.purchase import PaymentContext
from app.discovery.bazaar import (
    ICON_PATH,
    MAX_TAGS,
    SERVICE_NAME,
    bazaar_extension,
    resource_description,
)
from app.errors import ConfigurationError
from app.http.readiness import DEGRADED, NOT_USED
from app.metrics import Metrics
from app.payments.chain import Chain
from app.payments.claims.claim import PaymentClaims
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.redis import RedisClaims
from app.payments.facilitators.by_network import Facilitator, Facilitators
from app.payments.facilitators.credentials import ApiKey
from app.payments.facilitators.named import FacilitatorChoice, facilitator_from
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.json_rpc import NodeError
from app.payments.networks import (
    PREFERRED_NETWORKS,
    caip_2_name,
    network_errors,
    payee_errors,
    stablecoin,
)
from app.payments.ownership import origin_of, proves_ownership
from app.payments.settlement import SettlementService
from app.payments.solana.networks import is_solana
from app.payments.terms import payment_terms_of, resource_server
from app.products.endpoint import JSON, Endpoint
from app.products.registry import rate_limit_errors
from app.settings import Settings, WayToPay
from app.teams.quotas.quota import quotas_in

if TYPE_CHECKING:
    from app.payments.settlement import ChainNode

log = structlog.get_logger()

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
        yield from _way_errors(settings)
        yield from _proof_errors(settings)
    if settings.payments == "facilitator":
        errors = [facilitator_choice(settings, way).errors() for way in settings.ways_to_pay]
        yield from dict.fromkeys(chain.from_iterable(errors))


def _proof_errors(settings: Settings) -> Iterator[str]:
    """Yield an error for each proof of ownership that no marketplace would believe."""
    payees = [way.pay_to for way in settings.ways_to_pay]
    for number, proof in enumerate(settings.ownership_proofs, start=1):
        if not any(proves_ownership(proof, settings.public_url, payee) for payee in payees):
            yield (
                f"ONCALL_OWNERSHIP_PROOFS: number {number} is not a signature of "
                f"{origin_of(settings.public_url)} by the key of a payee: "
                "run `python -m app prove-origin` again"
            )


def _way_errors(settings: Settings) -> Iterator[str]:
    """Yield the errors of the ways to pay, each with the place of what is wrong."""
    ways = [_named(way) for way in settings.ways_to_pay]
    for number, way in enumerate(ways):
        places = ("ONCALL_NETWORK", "ONCALL_PAY_TO")
        if settings.accepts:
            places = (f"ONCALL_ACCEPTS/{number}/network", f"ONCALL_ACCEPTS/{number}/payTo")
        yield from (f"{places[0]}: {error}" for error in network_errors(way.network))
        yield from (f"{places[1]}: {error}" for error in payee_errors(way.network, way.pay_to))
        if way.network in [each.network for each in ways[:number]]:
            yield f"{places[0]}: {way.network} is listed twice"


def ways_to_pay(settings: Settings) -> list[WayToPay]:
    """The ways to pay under the networks' CAIP-2 names, the preferred one first."""
    ways = [_named(way) for way in settings.ways_to_pay]
    return sorted(ways, key=lambda way: way.network not in PREFERRED_NETWORKS)


def _named(way: WayToPay) -> WayToPay:
    return way.model_copy(update={"network": caip_2_name(way.network)})


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
        self._ways = ways_to_pay(settings)
        for way in self._ways:
            metrics.expect(way.network)
        self.facilitators = Facilitators(
            {
                way.network: facilitator or _facilitator(settings, way, clock, metrics)
                for way in self._ways
            }
        )
        self._server = resource_server(self.facilitators.by_network)
        self.claims = claims_of(settings, clock) if claims is None else claims
        self._chains = {way.network: _node(way) for way in self._ways if way.rpc_url}
        self.settlement = SettlementService(
            self._server,
            self.claims,
            clock=clock,
            deadline_seconds=settings.settle_deadline_seconds,
            record_outcome=metrics.record_settlement,
            chains=self._chains,
        )

    def context(self, endpoint: Endpoint) -> PaymentContext:
        """The payment context of the endpoint's answers over HTTP."""
        resource = ResourceInfo(
            url=self._settings.public_url + endpoint.path,
            description=resource_description(endpoint, self._settings.public_url),
            mime_type=JSON,
            service_name=SERVICE_NAME,
            tags=list(endpoint.tags[:MAX_TAGS]),
            icon_url=self._settings.public_url + ICON_PATH,
        )
        terms = payment_terms_of(
            self._server,
            price_usd=endpoint.price_usd,
            payees={way.network: way.pay_to for way in self._ways},
            resource=resource,
            identifier_required=self._settings.payment_id == "required",
            described=bazaar_extension(endpoint),
        )
        return PaymentContext(terms, self._server, self.settlement, self.facilitators)

    def checks(self) -> Mapping[str, str | None]:
        """The problem of each part; ``None`` for one that works."""
        checks = {
            "facilitator": self._together(self.facilitators.problems),
            "claims": self._claims_problem(),
        }
        if self._settings.payments == "facilitator":
            checks["chain"] = self._chain_problem()
        return checks

    def _claims_problem(self) -> str | None:
        if self.claims.problem or not self.claims.partial_problem:
            return self.claims.problem
        return DEGRADED + self.claims.partial_problem

    def _chain_problem(self) -> str | None:
        """The problems of the nodes; ``NOT_USED`` if there is none."""
        if not self._chains:
            return NOT_USED
        nodes = {way.network: self._chains.get(way.network) for way in self._ways}
        problems = {name: node.problem if node else "no node" for name, node in nodes.items()}
        return self._together({name: text for name, text in problems.items() if text})

    def _together(self, problems: Mapping[str, str]) -> str | None:
        """One text for ``problems`` by network: the service can sell while one network is left."""
        if len(self._ways) == 1:
            return next(iter(problems.values()), None)
        text = "; ".join(f"{network}: {problem}" for network, problem in problems.items())
        if not problems or len(problems) == len(self._ways):
            return text or None
        return DEGRADED + text

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """A context with connections; leaving it waits for the settlements under way."""
        await self._open_claims()
        await self._find_chains()
        await self.facilitators.connect()
        for way in self._ways if self._settings.payments == "facilitator" else ():
            if not way.rpc_url:
                log.warning("no_chain", network=way.network, meaning=NO_CHAIN)
        log.info(
            "payments",
            backend=self._settings.payments,
            pay_to={way.network: way.pay_to for way in self._ways},
            **{name: problem or "ok" for name, problem in self.checks().items()},
        )
        watching = asyncio.create_task(self.watch())
        try:
            yield
        finally:
            watching.cancel()
            await self.settlement.finish()
            await self.facilitators.aclose()
            await self.claims.aclose()

    async def _open_claims(self) -> None:
        """Connect to the claims. Raises ``ConfigurationError`` where production may lose them."""
        await self.claims.refresh()
        problem = self.claims.misconfiguration
        if problem is not None and self._settings.environment == "production":
            await self.claims.aclose()
            raise ConfigurationError([f"ONCALL_REDIS_URL: {problem}"])

    async def _find_chains(self) -> None:
        """Ask each node for its chain. Raises ``ConfigurationError`` for one of another chain."""
        await asyncio.gather(*(node.refresh() for node in self._chains.values()))
        setting = "ONCALL_ACCEPTS" if self._settings.accepts else "ONCALL_RPC_URL"
        payee_setting = "ONCALL_ACCEPTS" if self._settings.accepts else "ONCALL_PAY_TO"
        problems = [
            f"{setting}: {node.problem}" for node in self._chains.values() if node.is_another
        ]
        for way in self._ways:
            problem = await self._payee_problem(way)
            if problem is not None:
                problems.append(f"{payee_setting}: {problem}")
        if problems:
            await self.claims.aclose()
            raise ConfigurationError(problems)

    async def _payee_problem(self, way: WayToPay) -> str | None:
        """Why nothing could be paid to the payee, as far as a node says it."""
        node = self._chains.get(way.network)
        if node is None or node.problem is not None:
            return None
        with contextlib.suppress(NodeError):
            return await node.payee_problem(way.pay_to)
        return None

    async def watch(self) -> None:
        """Check each part for ever, more often while one has a problem."""
        while True:
            healthy = all(problem in (None, NOT_USED) for problem in self.checks().values())
            await asyncio.sleep(REFRESH_SECONDS if healthy else RETRY_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Check each part once, and log what has changed."""
        before = self.checks()
        nodes = [node.refresh() for node in self._chains.values()]
        await asyncio.gather(self.facilitators.refresh(), self.claims.refresh(), *nodes)
        for name, problem in self.checks().items():
            if problem != before[name]:
                log.warning("readiness", part=name, problem=problem)


def facilitator_choice(settings: Settings, way: WayToPay) -> FacilitatorChoice:
    """The remote facilitator that settles ``way``: its own, or that of the other settings.

    Address and headers of the settings are for theirs alone, because a header may be a secret.
    """
    name = settings.facilitator or settings.facilitator_url
    is_own = way.facilitator not in ("", name)
    return FacilitatorChoice(
        way.facilitator or name,
        url="" if is_own else settings.facilitator_url,
        headers={} if is_own else settings.facilitator_headers,
        timeout_seconds=settings.facilitator_timeout_seconds,
        cdp=ApiKey(settings.cdp_api_key_id, settings.cdp_api_key_secret),
        payai=ApiKey(settings.payai_api_key_id, settings.payai_api_key_secret),
    )


def _node(way: WayToPay) -> "ChainNode":
    if not is_solana(way.network):
        return Chain(way.rpc_url, way.network)
    from app.payments.solana.chain import SolanaChain  # noqa: PLC0415 - it loads solders

    return SolanaChain(way.rpc_url, way.network)


def _facilitator(
    settings: Settings, way: WayToPay, clock: Callable[[], float], metrics: Metrics
) -> Facilitator:
    if settings.payments == "sandbox":
        return SandboxFacilitator(way.network, stablecoin(way.network), clock)
    return facilitator_from(
        facilitator_choice(settings, way),
        network=way.network,
        clock=clock,
        record_call=metrics.record_facilitator_call,
    )


def claims_of(settings: Settings, clock: Callable[[], float]) -> PaymentClaims:
    """The claim store that ``settings`` choose."""
    if not settings.redis_url:
        return MemoryClaims(clock)
    # a holder verifies and settles within the deadline, and then asks the store
    lease_seconds = settings.settle_deadline_seconds + LEASE_MARGIN_SECONDS
    return RedisClaims(settings.redis_url, lease_seconds=lease_seconds)
