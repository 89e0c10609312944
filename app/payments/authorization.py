"""What a payment is: an EIP-3009 authorization, who signed it, and what it covers.

Strategy: the wire's form is msgspec's to check, so that what exists here is well-formed; nothing
is decided here but whether the time to settle has come and gone.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from x402.mechanisms.evm.constants import (
    ERR_AUTHORIZATION_VALUE_MISMATCH,
    ERR_INVALID_SIGNATURE,
    ERR_RECIPIENT_MISMATCH,
    ERR_VALID_AFTER_FUTURE,
    ERR_VALID_BEFORE_EXPIRED,
)
from x402.mechanisms.evm.utils import get_evm_chain_id
from x402.schemas import (
    PaymentPayload,
    PaymentPayloadV1,
    PaymentRequirements,
    PaymentRequirementsV1,
)

from app.errors import PaymentRefused
from app.payments.eip712 import authorization_digest, domain_separator

SETTLE_SECONDS = 6
"""An authorization that ends sooner cannot be settled any more (the SDK facilitator's own rule)."""

VERSION_2_REQUIRED = "x402_version_2_required"
WORDS = {
    VERSION_2_REQUIRED: "Pay by x402 version 2: sign the terms and send them in PAYMENT-SIGNATURE.",
    ERR_RECIPIENT_MISMATCH: "The authorization pays somebody else than payTo.",
    ERR_AUTHORIZATION_VALUE_MISMATCH: "The authorization is not for exactly the amount asked for.",
    ERR_INVALID_SIGNATURE: "The signature is not one that the token contract accepts.",
    ERR_VALID_BEFORE_EXPIRED: "The authorization has expired, or is about to.",
    ERR_VALID_AFTER_FUTURE: "The authorization is not valid yet.",
}
"""Our own refusals in words; their codes are the facilitators'."""

Address = Annotated[str, Meta(pattern=r"\A0x[0-9a-fA-F]{40}\Z")]
Uint = Annotated[str, Meta(pattern=r"\A[0-9]{1,78}\Z")]
Nonce = Annotated[str, Meta(pattern=r"\A0x[0-9a-fA-F]{64}\Z")]
Signature = Annotated[str, Meta(pattern=r"\A0x([0-9a-fA-F]{2}){65,}\Z")]


class Authorization(Struct, frozen=True, rename="camel"):
    """An EIP-3009 ``TransferWithAuthorization`` as it stands on the wire; instants in seconds."""

    payer: Address = msgspec.field(name="from")
    to: Address
    value: Uint
    valid_after: Uint
    valid_before: Uint
    nonce: Nonce

    @property
    def numbers(self) -> tuple[str, str, str]:
        return self.value, self.valid_after, self.valid_before

    def digest(self, terms: PaymentRequirements) -> bytes:
        """The 32 bytes that the payer signed, for the token and chain of ``terms``."""
        domain = domain_separator(
            terms.extra["name"],
            terms.extra["version"],
            get_evm_chain_id(terms.network),
            terms.asset,
        )
        value, valid_after, valid_before = map(int, self.numbers)
        return authorization_digest(
            domain, self.payer, self.to, (value, valid_after, valid_before), self.nonce
        )


class SignedAuthorization(Struct, frozen=True):
    authorization: Authorization
    signature: Signature


@dataclass(frozen=True)
class Payment:
    """A payment that covers ``offered``: the server's own terms and not the payer's echo.

    ``terms`` are the same in the version of ``payload``, which is made anew of what was checked, so
    that nothing else a payer wrote goes to a facilitator. ``wallet_signed`` says that the payer's
    own key signed it. When false the signature may still be a smart wallet's (ERC-1271, ERC-6492),
    which only the chain can check. ``identifier`` is the payer's idempotency key, if there is one.
    """

    offered: PaymentRequirements
    terms: PaymentRequirements | PaymentRequirementsV1
    payload: PaymentPayload | PaymentPayloadV1
    authorization: Authorization
    wallet_signed: bool
    identifier: str | None = None

    @property
    def network(self) -> str:
        """The network's CAIP-2 name, whatever the payload's version calls it."""
        return self.offered.network

    @property
    def key(self) -> str:
        """What may be spent once, in either version: (network, asset, payer, nonce)."""
        signed = self.authorization
        return f"{self.network}:{self.offered.asset}:{signed.payer}:{signed.nonce}".lower()

    @property
    def fingerprint(self) -> bytes:
        """What exactly was signed and how, however it is spelt on the wire."""
        signed, signature = self.authorization, self.payload.payload["signature"].lower()
        spelt_v = {"00": "1b", "01": "1c"}
        if len(signature) == 132:
            signature = signature[:-2] + spelt_v.get(signature[-2:], signature[-2:])
        numbers = [str(int(number)) for number in signed.numbers]
        text = "|".join([signed.payer, signed.to, *numbers, signed.nonce, signature])
        return hashlib.sha256(text.lower().encode()).digest()

    @property
    def identifier_key(self) -> str | None:
        """Where the payer's identifier is claimed: a payer's identifiers are the payer's own."""
        if self.identifier is None:
            return None
        return f"id:{self.network}:{self.authorization.payer}:".lower() + self.identifier

    def require_valid_at(self, now: float) -> None:
        """Raise ``PaymentRefused`` unless the authorization can be settled at ``now`` (seconds)."""
        if int(self.authorization.valid_before) < now + SETTLE_SECONDS:
            raise refused(ERR_VALID_BEFORE_EXPIRED)
        if int(self.authorization.valid_after) > now:
            raise refused(ERR_VALID_AFTER_FUTURE)


def refused(code: str) -> PaymentRefused:
    """Our refusal because of ``code``, in its words."""
    return PaymentRefused(code, WORDS[code])
