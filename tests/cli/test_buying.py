"""Buying from sellers that are not ours."""

import json
from decimal import Decimal

import httpx
import pytest
from aiohttp import web
from x402 import PaymentRequirements

from app.cli.buying import Buyer, Order, price_in_words, settlement_in, terms_in_words
from tests.services import EXAMPLE, PATH, ScriptedFacilitator, answers, service

pytestmark = pytest.mark.anyio


def requirements(**changes: object) -> PaymentRequirements:
    return PaymentRequirements.model_validate(
        {
            "scheme": "exact",
            "network": "eip155:8453",
            "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            "amount": "1500000",
            "payTo": "0x" + "ab" * 20,
            "maxTimeoutSeconds": 60,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "1.5 USDC", id="a known asset"),
        pytest.param({"amount": "1"}, "0.000001 USDC", id="an atomic unit"),
        pytest.param({"amount": "10000000"}, "10 USDC", id="no exponent"),
        pytest.param(
            {"asset": "0x" + "12" * 20},
            f"1500000 atomic units of 0x{'12' * 20}",
            id="an unknown asset",
        ),
    ],
)
def test_a_price_in_words(changes: dict[str, object], words: str) -> None:
    assert price_in_words(requirements(**changes)) == words


async def test_a_payment_whose_outcome_is_unknown_is_sent_again() -> None:
    seller = service()
    terms = await seller.terms()
    sent: list[str] = []

    async def sells(request: web.Request) -> web.StreamResponse:
        payment = request.headers.get("PAYMENT-SIGNATURE")
        if payment is None:
            return web.Response(status=402, headers={"PAYMENT-REQUIRED": terms})
        sent.append(payment)
        if len(sent) < 3:
            return web.Response(status=503, headers={"Retry-After": "0"})
        bought = await seller.ask(EXAMPLE, payment)
        receipt = bought.headers["PAYMENT-RESPONSE"]
        return web.Response(body=bought.content, headers={"PAYMENT-RESPONSE": receipt})

    async with ScriptedFacilitator(sell=sells) as shop, httpx.AsyncClient() as http:
        order, buyer = Order(f"{shop.url}/sell", None), Buyer(Decimal("0.10"))
        asked = await order.sent(http, {})
        response = await buyer.bought(http, order, buyer.terms_in(asked))
    assert response.status_code == 200
    assert len(sent) == 3
    assert len(set(sent)) == 1
    settlement = settlement_in(response)
    assert settlement is not None
    assert settlement.payer == buyer.account.address


async def test_it_stops_asking_after_some_attempts() -> None:
    terms = await service().terms()
    busy = answers(b"", 503, **{"Retry-After": "0"})
    async with ScriptedFacilitator(sell=busy) as shop, httpx.AsyncClient() as http:
        order, buyer = Order(f"{shop.url}/sell", b"{}"), Buyer(Decimal("0.10"))
        asked = httpx.Response(402, headers={"PAYMENT-REQUIRED": terms})
        response = await buyer.bought(http, order, buyer.terms_in(asked))
        assert response.status_code == 503
        assert len(shop.calls) == 5


async def test_terms_of_version_1_have_no_words_of_ours() -> None:
    body = {"x402Version": 1, "accepts": []}
    terms = Buyer(Decimal(1)).terms_in(httpx.Response(402, content=json.dumps(body)))
    assert terms_in_words(terms) == []


async def test_an_answer_without_a_receipt() -> None:
    assert settlement_in(await service().http.post(PATH)) is None
