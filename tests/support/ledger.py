"""Payments and settlements for tests of the ledger."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.payments.claims.claim import PaymentClaims
from app.payments.claims.claimed_payment import (
    ClaimedPayment,
    Settlement,
    StreamedSettlement,
)
from app.payments.claims.redis import RedisClaims
from app.payments.networks import stablecoin
from tests.support.services import NETWORK, PAY_TO

PAYER = "0x" + "aa" * 20
NONCE = "0x" + "07" * 32


def claimed(product: str = "oncall-rotation", **changes: Any) -> ClaimedPayment:
    """What a claim keeps of a payment of 0.02; ``changes`` are of its authorization."""
    requirements = {
        "scheme": "exact",
        "network": NETWORK,
        "asset": stablecoin(NETWORK),
        "amount": "20000",
        "payTo": PAY_TO,
        "maxTimeoutSeconds": 300,
        "extra": {"name": "USDC", "version": "2"},
    }
    authorization = {
        "from": PAYER,
        "to": PAY_TO,
        "value": "20000",
        "validAfter": "0",
        "validBefore": "99999999999",
        "nonce": NONCE,
        **changes,
    }
    signed = {"authorization": authorization, "signature": "0x" + "11" * 65}
    return ClaimedPayment(product, "request", requirements, signed)


def settlement(number: int = 1, **changes: Any) -> Settlement:
    """The settlement of payment ``number``, at that many seconds since 1970."""
    fields = {
        "payment": f"{NETWORK}:{stablecoin(NETWORK)}:{PAYER}:{number}",
        "product": "oncall-rotation",
        "network": NETWORK,
        "asset": stablecoin(NETWORK),
        "amount": "20000",
        "payer": PAYER,
        "pay_to": PAY_TO,
        "transaction": f"0x{number:064x}",
        "request_id": f"request-{number}",
        "settled_at": float(number),
        **changes,
    }
    return Settlement(**fields)


async def settlements_of(claims: PaymentClaims) -> Sequence[Settlement]:
    """The settlements in the stream of a store."""
    found: list[StreamedSettlement] = []
    while page := await claims.settlements(found[-1].id if found else ""):
        found += page
    return [each.settlement for each in found]


def settlements_in(redis_url: str) -> Sequence[Settlement]:
    """The settlements in the stream at ``redis_url``; not for use in an event loop."""
    return asyncio.run(streamed(redis_url))


async def streamed(redis_url: str) -> Sequence[Settlement]:
    """The settlements in the stream at ``redis_url``."""
    claims = RedisClaims(redis_url, lease_seconds=0)
    try:
        return await settlements_of(claims)
    finally:
        await claims.aclose()
