"""What takes the payments, as the settings choose it: its parts, its terms, and its checks."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from jwt import decode
from solders.keypair import Keypair
from structlog.testing import capture_logs

from app.checkout import setup
from app.checkout.setup import (
    REFRESH_SECONDS,
    RETRY_SECONDS,
    PaymentService,
    claims_of,
    facilitator_choice,
    setting_errors,
)
from app.discovery.bazaar import bazaar_extension
from app.errors import ConfigurationError
from app.http.readiness import is_ready
from app.metrics import Metrics
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.redis import RedisClaims
from app.payments.facilitators.by_network import Facilitators
from app.payments.facilitators.credentials import ApiKey
from app.payments.facilitators.named import FacilitatorChoice
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.json_rpc import NodeError
from app.payments.ownership import sign_origin
from app.payments.solana.chain import SolanaChain
from app.products.registry import paid_endpoints
from app.settings import Settings, WayToPay
from tests.conftest import Clock
from tests.support.services import NETWORK, PAY_TO, USDC, remote_settings, settings
from tests.support.vendors import KEY_ID, CdpKeys
from tests.support.virtual_time import now, run_in_virtual_time

URL = "http://127.0.0.1:9"
OTHER = to_checksum_address("0x" + "cd" * 20)


class Facilitator(SandboxFacilitator):
    """A facilitator whose problems come as they are listed; it notes what it is told to do."""

    def __init__(self, *problems: str | None) -> None:
        super().__init__(NETWORK, USDC, lambda: 0.0)
        self.problems = list(problems)
        self.problem: str | None = None  # type: ignore[assignment]
        self.done: list[tuple[str, float]] = []

    async def connect(self) -> None:
        self.done.append(("connect", now()))

    async def refresh(self) -> None:
        self.done.append(("refresh", now()))
        if self.problems:
            self.problem = self.problems.pop(0)

    async def aclose(self) -> None:
        self.done.append(("aclose", now()))


class Claims(MemoryClaims):
    """A store that notes what it is told to do."""

    def __init__(self, misconfiguration: str | None = None) -> None:
        super().__init__(lambda: 0.0)
        self.misconfiguration = misconfiguration  # type: ignore[assignment]
        self.done: list[str] = []

    async def refresh(self) -> None:
        self.done.append("refresh")

    async def aclose(self) -> None:
        self.done.append("aclose")


def made(
    configured: Settings | None = None,
    facilitator: Facilitator | None = None,
    claims: Claims | None = None,
) -> PaymentService:
    parts = facilitator or Facilitator(), Claims() if claims is None else claims
    return PaymentService(configured or settings(), lambda: 17.0, Metrics(), *parts)


# --- parts ----------------------------------------------------------------------------------


def test_the_sandbox_settles_by_itself(clock: Clock) -> None:
    service = PaymentService(settings(), clock, Metrics(), None, None)
    facilitator = service.facilitators.by_network[NETWORK]
    assert isinstance(facilitator, SandboxFacilitator)
    assert facilitator.get_supported().kinds[0].network == NETWORK
    token = facilitator.token
    assert (token.get_code(USDC), token.get_chain_id(), token._clock) == (b"\x01", 84532, clock)
    assert isinstance(service.claims, MemoryClaims)
    assert service.claims._clock is clock
    settlement = service.settlement
    assert (settlement._clock, settlement._claims) == (clock, service.claims)
    assert settlement._chains == {}


def test_a_remote_facilitator_is_called_as_set() -> None:
    configured = remote_settings(
        URL,
        facilitator_headers={"X-Key": "secret"},
        facilitator_timeout_seconds=7.5,
        settle_deadline_seconds=33.0,
        rpc_url="http://127.0.0.1:8",
    )
    metrics = Metrics()
    service = PaymentService(configured, lambda: 0.0, metrics, None, None)
    remote = service.facilitators.by_network[NETWORK]
    assert isinstance(remote, RemoteFacilitator)
    assert (remote._url, remote._network, remote._timeout.total) == (URL, NETWORK, 7.5)
    assert remote._headers == {"Content-Type": "application/json", "X-Key": "secret"}
    assert remote._record_call == metrics.record_facilitator_call
    assert service.settlement._deadline_seconds == 33
    assert service.settlement._chains[NETWORK]._node._url == "http://127.0.0.1:8"


def test_claims_are_in_redis_where_it_is_set(clock: Clock) -> None:
    configured = settings(redis_url="redis://127.0.0.1:9/3", settle_deadline_seconds=40)
    claims = claims_of(configured, clock)
    assert isinstance(claims, RedisClaims)
    assert claims._lease_seconds == 50
    assert claims._redis.connection_pool.connection_kwargs["db"] == 3


def test_outcomes_are_counted_for_the_network() -> None:
    metrics = Metrics()
    service = PaymentService(settings(), lambda: 0.0, metrics, Facilitator(), Claims())
    assert service.settlement._record_outcome == metrics.record_settlement
    assert NETWORK.encode() in metrics.text()


class PartlyAway(MemoryClaims):
    """A store of which a part is away."""

    partial_problem = "a part is away"  # type: ignore[assignment]


def test_claims_of_which_a_part_is_away_are_degraded(clock: Clock) -> None:
    claims = PartlyAway(clock)
    service = PaymentService(settings(), clock, Metrics(), None, claims)
    assert service.checks()["claims"] == "degraded: a part is away"
    assert is_ready(service.checks()["claims"])
    claims.problem = "it is away"  # type: ignore[assignment]
    assert service.checks()["claims"] == "it is away"


BASE, POLYGON = "eip155:8453", "eip155:137"


def two_ways(**changes: Any) -> Settings:
    """Settings of a service that is paid on Polygon and on Base, with a node of the former."""
    accepts = (
        WayToPay(network="polygon", pay_to=PAY_TO, rpc_url="http://127.0.0.1:8"),
        WayToPay(network="base", pay_to=OTHER, facilitator="http://127.0.0.1:7"),
    )
    changes = {"payments": "facilitator", "facilitator_url": URL, "accepts": accepts, **changes}
    return settings(**changes)


def test_each_network_has_its_facilitator_and_its_node_and_base_comes_first() -> None:
    metrics = Metrics()
    service = PaymentService(two_ways(), lambda: 0.0, metrics, None, None)
    remotes = service.facilitators.by_network
    assert [(name, each._url) for name, each in remotes.items()] == [  # type: ignore[union-attr]
        (BASE, "http://127.0.0.1:7"),
        (POLYGON, URL),
    ]
    chains = service.settlement._chains
    assert [(name, each._node._url) for name, each in chains.items()] == [
        (POLYGON, "http://127.0.0.1:8")
    ]
    assert service.checks()["chain"] == (
        "eip155:8453: no node; eip155:137: the node has not been asked yet"
    )
    chains[POLYGON].problem = None
    assert service.checks()["chain"] == "degraded: eip155:8453: no node"
    terms = service.context(paid_endpoints()[0]).terms
    assert [(each.network, each.pay_to) for each in terms.accepts] == [
        (BASE, OTHER),
        (POLYGON, PAY_TO),
    ]
    assert all(network.encode() in metrics.text() for network in (BASE, POLYGON))


def test_a_service_is_ready_while_one_network_is_left() -> None:
    first, second = Facilitator(), Facilitator()
    service = made(two_ways(), first)
    service.facilitators = Facilitators({BASE: first, POLYGON: second})
    assert service.checks()["facilitator"] is None
    second.problem = "it is away"
    degraded = service.checks()["facilitator"]
    assert degraded == "degraded: eip155:137: it is away"
    assert is_ready(degraded)
    first.problem = "it is asleep"
    broken = service.checks()["facilitator"]
    assert broken == "eip155:8453: it is asleep; eip155:137: it is away"
    assert not is_ready(broken)


SOLANA = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1"
SOLANA_PAYEE = str(Keypair().pubkey())


class Node(SolanaChain):
    """A node that has, or lacks, the payee's token account, or does not say."""

    def __init__(self, told: str | Exception | None) -> None:
        super().__init__("http://127.0.0.1:8", SOLANA)
        self.told = told
        self.refreshed = 0

    async def refresh(self) -> None:
        self.refreshed += 1
        self.problem = None

    async def payee_problem(self, pay_to: str) -> str | None:
        assert pay_to == SOLANA_PAYEE
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


@pytest.mark.parametrize(
    ("told", "starts"), [(None, True), (NodeError(), True), ("it has no account", False)]
)
def test_a_payee_on_solana_has_an_account_for_the_token(
    told: str | Exception | None, starts: bool
) -> None:
    way = WayToPay(network="solana-devnet", pay_to=SOLANA_PAYEE, rpc_url="http://127.0.0.1:8")
    service = made(two_ways(accepts=(way,)), Facilitator())
    chain = service.settlement._chains[SOLANA]
    assert isinstance(chain, SolanaChain)
    assert (chain._node._url, chain._network) == ("http://127.0.0.1:8", SOLANA)
    service._chains = {SOLANA: Node(told)}
    if starts:
        opened(service)
        return
    with pytest.raises(ConfigurationError) as failure:
        opened(service)
    assert failure.value.problems == ("ONCALL_ACCEPTS: it has no account",)


class AnotherNode(Node):
    """A node of another chain."""

    async def refresh(self) -> None:
        self.problem, self.is_another = "the node is of mars", True


@pytest.mark.parametrize("listed", [True, False], ids=["accepts", "network and payee"])
def test_the_setting_with_the_wrong_node_or_payee_is_named(listed: bool) -> None:
    way = WayToPay(network=SOLANA, pay_to=SOLANA_PAYEE, rpc_url="http://127.0.0.1:8")
    alone = {"network": SOLANA, "pay_to": SOLANA_PAYEE, "rpc_url": "http://127.0.0.1:8"}
    way_to_pay = {"accepts": (way,)} if listed else alone
    configured = settings(payments="facilitator", facilitator_url=URL, **way_to_pay)
    names = ("ONCALL_ACCEPTS",) * 2 if listed else ("ONCALL_RPC_URL", "ONCALL_PAY_TO")
    for name, node in zip(names, (AnotherNode(None), Node("it has no account")), strict=True):
        service = made(configured, Facilitator())
        service._chains = {SOLANA: node}
        with pytest.raises(ConfigurationError) as failure:
            opened(service)
        assert failure.value.problems == (f"{name}: {node.problem or node.told}",)


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        (
            {"rate_limit": "x", "quota": "x=1", "network": "mars"},
            ["RATE_LIMIT", "QUOTA", "NETWORK"],
        ),
        ({"payments": "off", "network": "mars", "pay_to": "x"}, []),
        ({"facilitator": "cdp"}, []),
        ({"pay_to": "x"}, ["PAY_TO"]),
        ({"network": "base", "pay_to": PAY_TO}, []),
        (
            {
                "accepts": (
                    WayToPay(network="mars", pay_to=PAY_TO),
                    WayToPay(network="base", pay_to="x"),
                    WayToPay(network="eip155:8453", pay_to=PAY_TO),
                )
            },
            ["ACCEPTS/0/network", "ACCEPTS/1/payTo", "ACCEPTS/2/network"],
        ),
    ],
)
def test_every_error_of_the_settings_is_named(changes: dict[str, Any], names: list[str]) -> None:
    configured = settings().model_copy(update=changes)
    told = [error.partition(":")[0] for error in setting_errors(configured)]
    assert told == [f"ONCALL_{name}" for name in names]


def test_errors_of_a_facilitators_key_are_named_without_it() -> None:
    configured = remote_settings("", facilitator="cdp", cdp_api_key_secret="s3cret")
    missing, wrong = setting_errors(configured)
    assert missing.startswith("CDP_API_KEY_ID is not set")
    assert wrong.startswith("CDP_API_KEY_SECRET: it is neither")
    assert "s3cret" not in wrong


def test_a_proof_that_no_marketplace_would_believe_is_an_error() -> None:
    url, key = "https://oncall.example.com", "0x" + "11" * 32
    payee, signature = sign_origin(url, key)
    paid = remote_settings(URL, public_url=url).model_copy(update={"pay_to": payee})
    proven = paid.model_copy(update={"ownership_proofs": (signature,)})
    assert list(setting_errors(proven)) == []
    moved = proven.model_copy(update={"public_url": "https://moved.example.com"})
    [error] = setting_errors(moved)
    assert error == (
        "ONCALL_OWNERSHIP_PROOFS: number 1 is not a signature of https://moved.example.com by the "
        "key of a payee: run `python -m app prove-origin` again"
    )
    off = moved.model_copy(update={"payments": "off"})
    assert list(setting_errors(off)) == []


def test_a_facilitator_is_called_by_its_name_unless_an_address_is_set() -> None:
    named = remote_settings("", facilitator="x402.org")
    assert choice_in(named).address == "https://www.x402.org/facilitator"
    elsewhere = remote_settings(URL, facilitator="x402.org")
    assert choice_in(elsewhere).address == URL
    assert choice_in(remote_settings(URL)).label == "127.0.0.1:9"


@pytest.mark.parametrize(
    ("facilitator", "address", "headers"),
    [
        ("", URL, {"X-Key": "secret"}),
        ("x402.org", URL, {"X-Key": "secret"}),
        ("payai", "https://facilitator.payai.network", {}),
        ("https://another.example", "https://another.example", {}),
    ],
)
def test_a_header_is_shown_to_no_other_facilitator(
    facilitator: str, address: str, headers: dict[str, str]
) -> None:
    way = WayToPay(network="base", pay_to=PAY_TO, facilitator=facilitator)
    configured = two_ways(facilitator="x402.org", facilitator_headers={"X-Key": "secret"})
    choice = facilitator_choice(configured, way)
    assert (choice.address, choice.headers) == (address, headers)


def test_the_keys_of_the_settings_are_for_the_facilitators_that_want_one() -> None:
    configured = remote_settings(
        "",
        facilitator="payai",
        cdp_api_key_id="a",
        cdp_api_key_secret="b",
        payai_api_key_id="c",
        payai_api_key_secret="d",
    )
    choice = choice_in(configured)
    assert (choice.cdp, choice.payai) == (ApiKey("a", "b"), ApiKey("c", "d"))


def test_a_facilitator_is_shown_the_time_of_the_service() -> None:
    key = {"cdp_api_key_id": KEY_ID, "cdp_api_key_secret": CdpKeys().ed25519}
    configured = remote_settings("", facilitator="cdp", **key)
    service = PaymentService(configured, lambda: 17.0, Metrics(), None, None)
    remote = service.facilitators.by_network[NETWORK]
    assert isinstance(remote, RemoteFacilitator)
    shown = remote._credentials.fields("POST", "/verify")["Authorization"].removeprefix("Bearer ")
    assert decode(shown, options={"verify_signature": False})["nbf"] == 17


def choice_in(configured: Settings) -> FacilitatorChoice:
    return facilitator_choice(configured, *configured.ways_to_pay)


# --- terms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("required", [True, False])
def test_the_terms_of_an_endpoint(required: bool) -> None:
    endpoint = paid_endpoints()[0]
    configured = remote_settings(URL, payment_id="required" if required else "optional")
    service = made(configured)
    context = service.context(endpoint)
    terms = context.terms
    assert terms.resource.model_dump() == {
        "url": configured.public_url + endpoint.path,
        "description": f"{endpoint.description} Fields: {configured.public_url}/llms.txt",
        "mimeType": "application/json",
        "serviceName": setup.SERVICE_NAME,
        "tags": list(endpoint.tags[: setup.MAX_TAGS]),
        "iconUrl": f"{configured.public_url}/icon.png",
    }
    assert (terms.accepts[0].network, terms.accepts[0].pay_to) == (NETWORK, PAY_TO)
    assert int(terms.accepts[0].amount) == endpoint.price_usd * 1_000_000
    assert terms.identifier_required == required
    assert terms.described == bazaar_extension(endpoint)
    assert (context.settlement, context.facilitators) == (service.settlement, service.facilitators)
    assert context.server is service._server


# --- checks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("configured", "chain"),
    [
        (settings(), {}),
        (remote_settings(URL), {"chain": "none"}),
        (remote_settings(URL, rpc_url=URL), {"chain": "the node has not been asked yet"}),
    ],
)
def test_each_part_is_checked(configured: Settings, chain: dict[str, str | None]) -> None:
    facilitator = Facilitator()
    facilitator.problem = "it is away"
    checks = made(configured, facilitator).checks()
    assert checks == {"facilitator": "it is away", "claims": None, **chain}


def opened(service: PaymentService, seconds: float = 0) -> Sequence[Any]:
    """Open ``service`` for that long, and return what it logs."""

    async def run() -> None:
        async with service.open():
            await asyncio.sleep(seconds)
        await asyncio.sleep(1_000)  # nothing goes on afterwards

    with capture_logs() as logs:
        run_in_virtual_time(run())
    return logs


def test_opening_says_what_takes_the_payments() -> None:
    facilitator, claims = Facilitator(), Claims()
    logs = opened(made(remote_settings(URL), facilitator, claims))
    assert logs == [
        {
            "event": "no_chain",
            "log_level": "warning",
            "network": NETWORK,
            "meaning": setup.NO_CHAIN,
        },
        {
            "event": "payments",
            "log_level": "info",
            "backend": "facilitator",
            "pay_to": {NETWORK: PAY_TO},
            "facilitator": "ok",
            "claims": "ok",
            "chain": "none",
        },
    ]
    assert facilitator.done == [("connect", 0), ("aclose", 0)]
    assert claims.done == ["refresh", "aclose"]


def test_a_part_with_a_problem_is_told_as_it_opens() -> None:
    facilitator = Facilitator()
    facilitator.problem = "it is away"
    [entry] = opened(made(settings(), facilitator))
    assert (entry["facilitator"], entry["claims"], entry["backend"]) == (
        "it is away",
        "ok",
        "sandbox",
    )


def test_a_part_is_looked_at_every_minute_and_sooner_while_it_has_a_problem() -> None:
    facilitator, claims = Facilitator("it is away", "it is away", None, None), Claims()
    logs = opened(made(remote_settings(URL), facilitator, claims), seconds=140)
    assert claims.done == ["refresh"] * 5 + ["aclose"]
    assert (REFRESH_SECONDS, RETRY_SECONDS) == (60, 5)
    assert facilitator.done == [
        ("connect", 0),
        ("refresh", 60),
        ("refresh", 65),
        ("refresh", 70),
        ("refresh", 130),
        ("aclose", 140),
    ]
    assert [entry for entry in logs if entry["event"] == "readiness"] == [
        {
            "event": "readiness",
            "log_level": "warning",
            "part": "facilitator",
            "problem": "it is away",
        },
        {"event": "readiness", "log_level": "warning", "part": "facilitator", "problem": None},
    ]


def test_a_node_is_asked_every_minute() -> None:
    way = WayToPay(network="solana-devnet", pay_to=SOLANA_PAYEE, rpc_url="http://127.0.0.1:8")
    service = made(two_ways(accepts=(way,)), Facilitator())
    node = Node(None)
    service._chains = {SOLANA: node}
    opened(service, seconds=130)
    assert node.refreshed == 3


def test_closing_waits_for_settlements_and_closes_after_a_defect() -> None:
    facilitator, claims = Facilitator(), Claims()
    service = made(None, facilitator, claims)

    async def run() -> None:
        async def settlement() -> None:
            await asyncio.sleep(3)

        async with service.open():
            task = asyncio.create_task(settlement())
            service.settlement._tasks.add(task)  # type: ignore[arg-type]
            raise ZeroDivisionError

    with capture_logs(), pytest.raises(ZeroDivisionError):
        run_in_virtual_time(run())
    assert facilitator.done == [("connect", 0), ("aclose", 3)]
    assert claims.done == ["refresh", "aclose"]


@pytest.mark.parametrize(
    ("environment", "problem", "starts"),
    [
        ("production", "it forgets", False),
        ("development", "it forgets", True),
        ("production", None, True),
    ],
)
def test_production_starts_only_with_a_store_that_forgets_nothing(
    environment: str, problem: str | None, starts: bool
) -> None:
    configured = remote_settings(URL).model_copy(update={"environment": environment})
    facilitator, claims = Facilitator(), Claims(problem)
    service = made(configured, facilitator, claims)
    if starts:
        opened(service)
        return
    with pytest.raises(ConfigurationError) as failure:
        opened(service)
    assert failure.value.problems == ("ONCALL_REDIS_URL: it forgets",)
    assert (claims.done, facilitator.done) == (["refresh", "aclose"], [])
