"""What a claim keeps of its payment, and the line of the ledger that a settlement becomes.

A process may be killed between sending a settlement and learning its outcome. Whoever finds its
claim later must be able to ask what became of the payment, so the claim keeps what was signed and
the terms that it meets. Both are as they go to a facilitator: nothing else a payer wrote is kept.
"""

from typing import Any, Self

import msgspec
from msgspec import Struct
from x402.schemas import PaymentPayload, PaymentRequirements

from app.payments.authorization import Payment, Signed, SignedAuthorization
from app.payments.claims.receipt import Receipt
from app.payments.solana.networks import is_solana


class Settlement(Struct, frozen=True):
    """One line of the ledger: a payment that was settled.

    ``payment`` is the key of its claim, and no two settlements have the same. ``product`` is the
    slug of what was bought, ``network`` a CAIP-2 name, ``amount`` in atomic units of ``asset``.
    ``settled_at`` is when the service learned of it, in seconds since 1970, to the
    millisecond. ``transaction`` is
    empty where nobody named it.
    """

    payment: str
    product: str
    network: str
    asset: str
    amount: str
    payer: str
    pay_to: str
    transaction: str
    request_id: str
    settled_at: float


class ClaimedPayment(Struct, frozen=True):
    """A payment as its claim keeps it: what it buys, the terms that it meets, what was signed.

    ``requirements`` and ``signed`` are JSON values, in version 2 of x402: what was signed is the
    same in version 1. ``request_id`` is that of the request which claimed it.
    """

    product: str
    request_id: str
    requirements: dict[str, Any]
    signed: dict[str, Any]

    @classmethod
    def of(cls, payment: Payment, product: str, request_id: str) -> Self:
        """Return what the claim of ``payment`` keeps."""
        requirements = payment.requirements_v2.model_dump(by_alias=True, exclude_none=True)
        return cls(product, request_id, requirements, payment.payload.payload)

    def restored(self) -> Payment:
        """Return the payment, which was checked before it was claimed."""
        requirements = PaymentRequirements.model_validate(self.requirements)
        payload = PaymentPayload(payload=self.signed, accepted=requirements)
        signed = _signed_in(self.signed, requirements.network)
        return Payment(
            requirements, requirements, payload, signed, wallet_signed=True, verified=True
        )

    def settled(self, key: str, receipt: Receipt) -> Settlement:
        """Return the line of the ledger for the payment under ``key``, settled as ``receipt`` says.

        What was asked for is what was paid: a settlement of anything else is not ours.
        """
        return Settlement(
            payment=key,
            product=self.product,
            network=receipt.network,
            asset=self.requirements["asset"],
            amount=receipt.amount,
            payer=receipt.payer,
            pay_to=self.requirements["payTo"],
            transaction=receipt.transaction,
            request_id=receipt.request_id,
            settled_at=round(receipt.settled_at, 3),
        )


class OpenClaim(Struct, frozen=True):
    """A claim whose payment may have been settled, and that nobody is settling.

    ``transaction`` is the one that the facilitator named as under way, if it did. ``claimed_at``
    and ``expires_at`` are in seconds since 1970.
    """

    key: str
    request_hash: bytes
    payment: ClaimedPayment
    transaction: str
    claimed_at: float
    expires_at: float


class DueClaims(Struct, frozen=True):
    """Open claims to look up now, and the keys of those that have expired with no outcome."""

    open: list[OpenClaim] = []
    expired: list[str] = []


class StreamedSettlement(Struct, frozen=True):
    """A settlement that is not in the database yet; ``id`` is its place in the stream."""

    id: str
    settlement: Settlement


def _signed_in(value: object, network: str) -> Signed:
    if not is_solana(network):
        return msgspec.convert(value, SignedAuthorization)
    from app.payments.solana.transaction import transfer_in  # noqa: PLC0415 - it loads solders

    return transfer_in(value)
