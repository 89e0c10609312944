"""Purchases from sellers that are not ours."""

from decimal import Decimal

import httpx
import pytest
from aiohttp import web

from app.cli.buying import Buyer, BuyerRequest, settlement_in
from tests.support.services import EXAMPLE, PATH, ScriptedFacilitator, answers, service

pytestmark = pytest.mark.anyio


async def test_a_payment_whose_outcome_is_unknown_is_sent_again() -> None:
    sandbox = service()
    terms = await sandbox.terms()
    sent: list[str] = []

    async def sells(request: web.Request) -> web.StreamResponse:
        payment = request.headers.get("PAYMENT-SIGNATURE")
        if payment is None:
            return web.Response(status=402, headers={"PAYMENT-REQUIRED": terms})
        sent.append(payment)
        if len(sent) < 3:
            return web.Response(status=503, headers={"Retry-After": "0"})
        bought = await sandbox.ask(EXAMPLE, payment)
        receipt = bought.headers["PAYMENT-RESPONSE"]
        return web.Response(body=bought.content, headers={"PAYMENT-RESPONSE": receipt})

    async with ScriptedFacilitator(sell=sells) as served, httpx.AsyncClient() as http:
        request, buyer = BuyerRequest(f"{served.url}/sell", None), Buyer(Decimal("0.10"))
        asked = await request.send(http, {})
        response = await buyer.buy(http, request, buyer.payment_required_in(asked))
    assert response.status_code == 200
    assert len(sent) == 3
    assert len(set(sent)) == 1
    settlement = settlement_in(response)
    assert settlement is not None
    assert settlement.payer == buyer.account.address


async def test_it_stops_asking_after_some_attempts() -> None:
    terms = await service().terms()
    busy = answers(b"", 503, **{"Retry-After": "0"})
    async with ScriptedFacilitator(sell=busy) as served, httpx.AsyncClient() as http:
        request, buyer = BuyerRequest(f"{served.url}/sell", b"{}"), Buyer(Decimal("0.10"))
        asked = httpx.Response(402, headers={"PAYMENT-REQUIRED": terms})
        response = await buyer.buy(http, request, buyer.payment_required_in(asked))
        assert response.status_code == 503
        assert len(served.calls) == 5


async def test_an_answer_without_a_receipt() -> None:
    assert settlement_in(await service().http.post(PATH)) is None
