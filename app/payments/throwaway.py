"""A wallet that pays once and is forgotten: the official client, in process, for the sandbox."""

from dataclasses import dataclass

from eth_account import Account
from x402 import x402Client
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions
from x402.http.utils import encode_payment_signature_header
from x402.mechanisms.evm.exact import register_exact_evm_client

from app.payments.offer import Offer


@dataclass(frozen=True)
class SignedPayment:
    """``header`` is the value of PAYMENT-SIGNATURE."""

    payer: str
    header: str


async def signed_payment(offer: Offer) -> SignedPayment:
    """A payment of what ``offer`` asks, with an id of its own, by a new wallet."""
    account = Account.create()
    required = offer.payment_required()
    append_payment_identifier_to_extensions(required.extensions or {})
    client = register_exact_evm_client(x402Client(), account)
    payload = await client.create_payment_payload(required)
    return SignedPayment(account.address, encode_payment_signature_header(payload))
