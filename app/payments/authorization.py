"""A payment: an EIP-3009 authorization, its signer, and the requirements that it meets.

Strategy: msgspec checks the form, so that every value of these types is well-formed. The only
decision here is whether the authorization can be settled at a given instant.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import force_setattr
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

TRANSACTION = re.compile(r"\A0x[0-9a-fA-F]{64}\Z")

VERSION_2_REQUIRED = "x402_version_2_required"
REFUSAL_TEXTS = {
    VERSION_2_REQUIRED: "Pay by x402 version 2: sign the terms and send them in PAYMENT-SIGNATURE.",
    ERR_RECIPIENT_MISMATCH: "The authorization pays somebody else than payTo.",
    ERR_AUTHORIZATION_VALUE_MISMATCH: "The authorization is not for exactly the amount asked for.",
    ERR_INVALID_SIGNATURE: "The signature is not one that the token contract accepts.",
    ERR_VALID_BEFORE_EXPIRED: "The authorization has expired, or is about to.",
    ERR_VALID_AFTER_FUTURE: "The authorization is not valid yet.",
}
"""Our own refusals in words, by code; the codes are those of facilitators."""

Address = Annotated[str, Meta(pattern=r"\A0x[0-9a-fA-F]{40}\Z")]
Uint = Annotated[str, Meta(pattern=r"\A[0-9]{1,78}\Z")]
Nonce = Annotated[str, Meta(pattern=r"\A0x[0-9a-fA-F]{64}\Z")]
Signature = Annotated[str, Meta(pattern=r"\A0x([0-9a-fA-F]{2}){65,}\Z")]


class Authorization(Struct, frozen=True, rename="camel"):
    """An EIP-3009 ``TransferWithAuthorization`` in its JSON form.

    The instants are in seconds since 1970.
    """

    payer: Address = msgspec.field(name="from")
    to: Address
    value: Uint
    valid_after: Uint
    valid_before: Uint
    nonce: Nonce

    def __post_init__(self) -> None:
        """Write the numbers as everybody else does: a facilitator repeats 20000, not 020000."""
        for name in ("value", "valid_after", "valid_before"):
            force_setattr(self, name, str(int(getattr(self, name))))

    @property
    def numbers(self) -> tuple[str, str, str]:
        """Value, validAfter and validBefore, in decimal."""
        return self.value, self.valid_after, self.valid_before

    def digest(self, requirements: PaymentRequirements) -> bytes:
        """The 32 bytes that the payer signed, for the token and chain of ``requirements``."""
        domain = domain_separator(
            requirements.extra["name"],
            requirements.extra["version"],
            get_evm_chain_id(requirements.network),
            requirements.asset,
        )
        value, valid_after, valid_before = map(int, self.numbers)
        return authorization_digest(
            domain, self.payer, self.to, (value, valid_after, valid_before), self.nonce
        )


class Signed(Protocol):
    """What a payer signed, on a network of whatever kind.

    ``amount`` is in atomic units. ``payer_key`` is the same for every spelling of ``payer``.
    """

    @property
    def payer(self) -> str: ...

    @property
    def payer_key(self) -> str: ...

    @property
    def amount(self) -> str: ...

    def identity(self, network: str, asset: str) -> "PaymentIdentity":
        """The identity of the payment that this makes in ``asset`` on ``network`` (CAIP-2)."""
        ...

    def valid_before(self, claimed_at: float) -> float:
        """The instant from which it cannot be settled, if it was claimed at ``claimed_at``."""
        ...

    def require_valid_at(self, now: float) -> None:
        """Raise ``PaymentRefused`` unless it can be settled at ``now`` (seconds since 1970)."""
        ...

    def is_paid_by(self, address: str) -> bool:
        """Whether a facilitator may name ``address`` as the one who paid."""
        ...

    def is_named_by(self, transaction: str) -> bool:
        """Whether ``transaction`` may be the name of the one on chain that settles this."""
        ...


class SignedAuthorization(Struct, frozen=True):
    """An authorization and its signature: the ``payload`` of the ``exact`` scheme."""

    authorization: Authorization
    signature: Signature

    @property
    def payer(self) -> str:
        return self.authorization.payer

    @property
    def payer_key(self) -> str:
        return self.authorization.payer.lower()

    @property
    def amount(self) -> str:
        return self.authorization.value

    def valid_before(self, claimed_at: float) -> float:  # noqa: ARG002 - as on other networks
        return int(self.authorization.valid_before)

    def require_valid_at(self, now: float) -> None:
        if int(self.authorization.valid_before) < now + SETTLE_SECONDS:
            raise refused(ERR_VALID_BEFORE_EXPIRED)
        if int(self.authorization.valid_after) > now:
            raise refused(ERR_VALID_AFTER_FUTURE)

    def is_paid_by(self, address: str) -> bool:
        return address.lower() == self.payer_key

    def is_named_by(self, transaction: str) -> bool:
        return TRANSACTION.match(transaction) is not None

    def identity(self, network: str, asset: str) -> "PaymentIdentity":
        """The identity of the payment that this makes in ``asset`` on ``network`` (CAIP-2)."""
        signed, signature = self.authorization, self.signature.lower()
        spelt_v = {"00": "1b", "01": "1c"}
        if len(signature) == 132:
            signature = signature[:-2] + spelt_v.get(signature[-2:], signature[-2:])
        text = "|".join([signed.payer, signed.to, *signed.numbers, signed.nonce, signature])
        return PaymentIdentity(
            f"{network}:{asset}:{signed.payer}:{signed.nonce}".lower(),
            hashlib.sha256(text.lower().encode()).digest(),
            signed.payer.lower(),
        )


class PaymentIdentity(Struct, frozen=True):
    """The identity of a payment, which needs only its form: neither terms nor time.

    ``key`` names its claim: network, asset, payer and nonce, the same in either version.
    ``fingerprint`` is a hash of what was signed and of the signature; equal spellings have equal
    hashes. ``payer`` is who is said to have signed, in lower case.
    """

    key: str
    fingerprint: bytes
    payer: str

    @property
    def account(self) -> str:
        """The payer's account on its network (CAIP-10), in the one spelling of ``key``.

        The owner of a smart wallet on one network may be another person on the next.
        """
        namespace, network, _, payer, _ = self.key.split(":")
        return f"{namespace}:{network}:{payer}"

    def bound_to(self, request_hash: bytes) -> bytes:
        """A hash of the payment and of the one request that it buys.

        Payer and nonce are public once they are on chain, so they alone must not open a receipt.
        """
        return hashlib.sha256(self.fingerprint + request_hash).digest()


@dataclass(frozen=True)
class Payment:
    """A payment that meets ``requirements_v2``: the server's own terms, not the payer's echo.

    ``requirements`` are the same in the version of ``payload``. ``payload`` is made anew from what
    was checked, so that nothing else a payer wrote goes to a facilitator. ``wallet_signed`` says
    that the payer's own key signed it; if not, the signature may be a smart wallet's (ERC-1271,
    ERC-6492), which only the chain can check. ``identifier`` is the payer's idempotency key, if
    there is one. ``verified`` says that the facilitator has been asked, or need not be.
    """

    requirements_v2: PaymentRequirements
    requirements: PaymentRequirements | PaymentRequirementsV1
    payload: PaymentPayload | PaymentPayloadV1
    signed: Signed
    wallet_signed: bool
    identifier: str | None = None
    verified: bool = False

    @property
    def authorization(self) -> Authorization:
        """What the payer signed, if that was on an EVM network."""
        assert isinstance(self.signed, SignedAuthorization)  # noqa: S101 - the caller knows
        return self.signed.authorization

    @property
    def network(self) -> str:
        """The network's CAIP-2 name, in either version."""
        return self.requirements_v2.network

    @cached_property
    def identity(self) -> PaymentIdentity:
        """The identity under which it is claimed, in the asset of the server's own terms."""
        return self.signed.identity(self.network, self.requirements_v2.asset)

    @property
    def identifier_key(self) -> str | None:
        """The key of the identifier's claim, which no other payer shares; ``None`` without one."""
        if self.identifier is None:
            return None
        return f"id:{self.network}:{self.signed.payer_key}:" + self.identifier


def refused(code: str) -> PaymentRefused:
    """Our own refusal for ``code``, with its text."""
    return PaymentRefused(code, REFUSAL_TEXTS[code])
