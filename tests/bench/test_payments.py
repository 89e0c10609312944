"""Payments signed by the thousand are as good as the official client's."""

import base64
import json

import pytest

from bench.payments import Payments
from tests.support.services import service

pytestmark = pytest.mark.anyio


async def test_each_payment_buys_one_answer() -> None:
    seller = service()
    payments = await Payments.of(await seller.terms())
    headers = [header.decode() for header in payments.headers(3)]
    nonces = {
        json.loads(base64.b64decode(header))["payload"]["authorization"]["nonce"]
        for header in headers
    }
    assert len(nonces) == 3
    for header in headers:
        answer = await seller.ask(payment=header)
        assert answer.status_code == 200
        assert "Idempotent-Replayed" not in answer.headers
