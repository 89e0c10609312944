"""A service that is paid on several networks, each with a facilitator of its own, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from x402 import x402Client
from x402.http.utils import decode_payment_required_header, decode_payment_response_header

from app.errors import ConfigurationError
from app.main import create_app
from app.payments.facilitators.by_network import Facilitators
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.networks import stablecoin
from app.settings import Settings, WayToPay
from tests.support.services import (
    EXAMPLE,
    PAY_TO,
    TRANSACTION,
    ScriptedFacilitator,
    Service,
    answers,
    living,
    settings,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

BASE, POLYGON, AVALANCHE = "eip155:8453", "eip155:137", "eip155:43114"


async def settles(request: web.Request) -> web.StreamResponse:
    """A settlement that went well on the network that was asked for."""
    asked = await request.json()
    answer = {
        "success": True,
        "transaction": TRANSACTION,
        "network": asked["paymentRequirements"]["network"],
        "payer": asked["paymentPayload"]["payload"]["authorization"]["from"],
    }
    return await answers(answer)(request)


def facilitator_on(network: str) -> ScriptedFacilitator:
    kinds = [
        {"x402Version": 2, "scheme": "exact", "network": network},
        *([{"x402Version": 1, "scheme": "exact", "network": "base"}] if network == BASE else []),
    ]
    return ScriptedFacilitator(supported=answers({"kinds": kinds}), settle=settles)


class Market:
    """A service and the facilitator of each network."""

    def __init__(self, service: Service, facilitators: dict[str, ScriptedFacilitator]) -> None:
        self.service = service
        self.facilitators = facilitators

    async def networks(self) -> list[str]:
        required = decode_payment_required_header(await self.service.terms())
        return [way.network for way in required.accepts]  # type: ignore[union-attr]

    async def refresh(self) -> None:
        """Look whether the facilitators work, as the service does every minute."""
        await self.connected.refresh()

    connected: Facilitators


def configured(facilitators: dict[str, ScriptedFacilitator]) -> Settings:
    ways = tuple(
        WayToPay(network=network, pay_to=PAY_TO, facilitator=each.url)
        for network, each in facilitators.items()
    )
    return settings(payments="facilitator", accepts=ways)


@pytest.fixture
async def market(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Market]:
    made: list[Facilitators] = []
    begin = Facilitators.__init__

    def note(self: Facilitators, *arguments: Any) -> None:
        begin(self, *arguments)
        made.append(self)

    monkeypatch.setattr(Facilitators, "__init__", note)
    facilitators = {network: facilitator_on(network) for network in (POLYGON, BASE, AVALANCHE)}
    async with AsyncExitStack() as running:
        for each in facilitators.values():
            await running.enter_async_context(each)
        app = create_app(configured(facilitators))
        await running.enter_async_context(living(app))
        market = Market(Service(app), facilitators)
        [market.connected] = made
        yield market


async def test_base_is_asked_for_first(market: Market) -> None:
    assert await market.networks() == [BASE, POLYGON, AVALANCHE]


@pytest.mark.parametrize("network", [BASE, POLYGON, AVALANCHE])
async def test_a_payment_is_settled_where_it_was_made(market: Market, network: str) -> None:
    """The official client chooses by a filter of its own, and says that way back."""
    wallet = Wallet()
    client: x402Client = wallet.client
    client.register_policy(lambda _, ways: [way for way in ways if way.network == network])
    terms = decode_payment_required_header(await market.service.terms())
    payment = header_of(
        (await client.create_payment_payload(terms)).model_dump(by_alias=True, exclude_none=True)
    )
    bought = await market.service.ask(EXAMPLE, payment)
    assert bought.status_code == 200
    assert decode_payment_response_header(bought.headers["PAYMENT-RESPONSE"]).network == network
    settled = {name: "settle" in each.calls for name, each in market.facilitators.items()}
    assert settled == {name: name == network for name in settled}

    again = await market.service.ask(EXAMPLE, payment)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert market.facilitators[network].calls.count("settle") == 1


async def test_a_payment_by_hand_names_its_network(market: Market) -> None:
    wallet, terms = Wallet(), await market.service.terms()
    payload = wallet.signed(terms, POLYGON)
    assert (await market.service.ask(EXAMPLE, header_of(payload))).status_code == 200
    moved = wallet.signed(terms, POLYGON)
    moved["accepted"]["network"] = AVALANCHE
    refused = await market.service.ask(EXAMPLE, header_of(moved))
    assert (refused.status_code, refused.json()["error"]) == (
        402,
        "payment_terms_mismatch: asset",
    )
    moved["accepted"]["network"] = "eip155:1"
    refused = await market.service.ask(EXAMPLE, header_of(moved))
    assert refused.json()["error"].startswith("payment_terms_mismatch: network")
    assert market.facilitators[AVALANCHE].calls == ["supported"]


async def test_the_same_nonce_on_two_networks_is_two_payments(market: Market) -> None:
    wallet, terms = Wallet(), await market.service.terms()
    nonce = "0x" + "7e" * 32
    for network in (BASE, POLYGON):
        payment = header_of(wallet.signed(terms, network, nonce=nonce))
        assert (await market.service.ask(EXAMPLE, payment)).status_code == 200
        assert market.facilitators[network].calls.count("settle") == 1


async def test_version_1_pays_where_its_facilitator_takes_it(market: Market) -> None:
    wallet, terms = Wallet(), await market.service.terms()
    for network, name, status in ((BASE, "base", 200), (POLYGON, "polygon", 402)):
        signed = wallet.signed(terms, network)["payload"]
        payload = {"x402Version": 1, "scheme": "exact", "network": name, "payload": signed}
        answer = await market.service.ask(EXAMPLE, **{"X-PAYMENT": header_of(payload)})
        assert answer.status_code == status


async def test_a_network_whose_facilitator_is_away_is_not_offered(market: Market) -> None:
    terms = await market.service.terms()
    away = answers({}, 500)
    market.facilitators[BASE].play("supported", away)
    await market.refresh()
    assert await market.networks() == [POLYGON, AVALANCHE]
    refused = await market.service.ask(
        EXAMPLE, header_of(Wallet().signed(terms, POLYGON, value="1"))
    )
    assert [way["network"] for way in refused.json()["accepts"]] == [POLYGON, AVALANCHE]
    ready = await market.service.http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"]["facilitator"].startswith(f"degraded: {BASE}: ")

    late = header_of(Wallet().signed(terms, BASE))
    assert (await market.service.ask(EXAMPLE, late)).status_code == 200  # it settles after all

    for each in market.facilitators.values():
        each.play("supported", away)
    await market.refresh()
    unpaid = await market.service.ask(EXAMPLE)
    assert (unpaid.status_code, unpaid.json()["code"]) == (503, "facilitator_unavailable")
    assert (await market.service.http.get("/readyz")).status_code == 503
    for each in market.facilitators.values():
        each.play("supported", answers({"kinds": []}))


async def test_every_facilitator_that_cannot_settle_is_named_at_the_start() -> None:
    async with ScriptedFacilitator(supported=answers({"kinds": []})) as none:
        facilitators = Facilitators(
            {
                network: RemoteFacilitator(none.url, network=network, headers={}, timeout_seconds=5)
                for network in (BASE, POLYGON)
            }
        )
        with pytest.raises(ConfigurationError) as failure:
            await facilitators.connect()
    assert [
        f"exact on {name}" in text
        for name, text in zip((BASE, POLYGON), failure.value.problems, strict=True)
    ] == [True, True]


async def test_a_defect_at_the_start_is_not_taken_for_a_setting() -> None:
    class Defective(SandboxFacilitator):
        async def connect(self) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Facilitators({BASE: Defective(BASE, stablecoin(BASE), lambda: 0.0)}).connect()
