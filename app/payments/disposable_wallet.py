"""A wallet that pays once and is forgotten: the official client, in process, for the sandbox."""

import asyncio
from dataclasses import dataclass

from x402 import x402Client
from x402.extensions.payment_identifier.client import append_payment_identifier_to_extensions
from x402.http.utils import encode_payment_signature_header

from app.payments.terms import Offer


@dataclass(frozen=True)
class SignedPayment:
    """``header`` is the value of PAYMENT-SIGNATURE."""

    payer: str
    header: str


async def signed_payment(offer: Offer) -> SignedPayment:
    """A payment of what ``offer`` asks, with an id of its own, by a new wallet."""
    payer, client = await asyncio.to_thread(_wallet)
    required = offer.payment_required()
    append_payment_identifier_to_extensions(required.extensions or {})
    payload = await client.create_payment_payload(required)
    return SignedPayment(payer, encode_payment_signature_header(payload))


def _wallet() -> tuple[str, x402Client]:
    """A new address and a client that signs for it."""
    from eth_account import Account
    from x402.mechanisms.evm.exact.register import register_exact_evm_client

    account = Account.create()
    return account.address, register_exact_evm_client(x402Client(), account)
