"""The pure decision on a payment: what a request's headers pay for, and whether that is enough.

Strategy: everything that can be known without asking anybody is checked here, before money moves
and before a facilitator is bothered: form, terms, recipient, amount and the wallet's EIP-712
signature. No I/O and no clock; ``now`` is an argument. Hashing and recovery are ``signatures``'.

Invariants: nothing a caller sends raises anything but ``InvalidPayment`` (400: it cannot be read)
or ``PaymentRefused`` (402: it was read and does not suffice).
"""

from binascii import a2b_base64
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from x402 import x402ResourceServer
from x402.extensions.payment_identifier import PAYMENT_IDENTIFIER, is_valid_payment_id
from x402.http.utils import decode_payment_signature_header
from x402.mechanisms.evm.constants import (
    ERR_AUTHORIZATION_VALUE_MISMATCH,
    ERR_INVALID_SIGNATURE,
    ERR_RECIPIENT_MISMATCH,
)
from x402.schemas import (
    PaymentPayload,
    PaymentPayloadV1,
    PaymentRequirements,
)

from app.errors import InvalidPayment, PaymentRefused
from app.payments.authorization import (
    VERSION_2_REQUIRED,
    Payment,
    SignedAuthorization,
    refused,
)
from app.payments.eip712 import (
    is_malleable,
    signer_of,
)
from app.payments.facilitators.facilitator_request import OfferedPayload
from app.payments.terms import Offer

PAYMENT_HEADER = "payment-signature"
PAYMENT_HEADER_V1 = "x-payment"
MAX_HEADER_BYTES = 16 * 1024

TERMS_MISMATCH = "payment_terms_mismatch"


class _Said(Struct, rename="camel"):
    """A payment as the official clients write it, its terms said back as JSON."""

    x402_version: int
    payload: SignedAuthorization
    accepted: dict[str, Any]
    resource: dict[str, Any]
    extensions: dict[str, Any]


_said = msgspec.json.Decoder(_Said)


def payment_in(offer: Offer, signatures: Sequence[str], server: x402ResourceServer) -> Payment:
    """The payment for ``offer`` in a request's ``PAYMENT-SIGNATURE`` headers, at least one.

    Raises ``InvalidPayment`` or ``PaymentRefused``. Whoever says the terms back word for word, as
    the official clients do, is understood without the SDK's models, at a third of the cost. All
    else is the SDK's to read.
    """
    signed = _signed_as_offered(offer, signatures)
    if signed is None:
        return payment_for(offer, payload_in(signatures), server)
    return _payment(offer, signed)


def _signed_as_offered(offer: Offer, signatures: Sequence[str]) -> SignedAuthorization | None:
    """What is signed by a payment that says back ``offer``, and nothing else."""
    if len(signatures) > 1 or len(signatures[0]) > MAX_HEADER_BYTES or offer.identifier_required:
        return None
    try:
        said = _said.decode(a2b_base64(signatures[0]))
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    is_offered = (
        said.x402_version == 2
        and said.accepted == offer.shared.accepted_value
        and said.resource == offer.shared.resource_value
        and said.extensions == offer.extensions
    )
    return said.payload if is_offered else None


def payload_in(signatures: Sequence[str]) -> PaymentPayload:
    """The payment in a request's ``PAYMENT-SIGNATURE`` headers, of which there is at least one.

    Raises ``InvalidPayment``.
    """
    if len(signatures) > 1:
        raise InvalidPayment("PAYMENT-SIGNATURE is given more than once")
    payload = _decoded(signatures[0])
    if isinstance(payload, PaymentPayloadV1) or payload.x402_version != 2:
        raise InvalidPayment("PAYMENT-SIGNATURE carries x402 version 2 only")
    return payload


def payload_v1_in(signatures: Sequence[str]) -> PaymentPayloadV1:
    """The payment in a request's ``X-PAYMENT`` headers.

    Raises ``PaymentRefused``: what cannot be read there is told to use version 2.
    """
    try:
        [text] = signatures
        payload = _decoded(text)
    except (ValueError, InvalidPayment):
        payload = None
    if not isinstance(payload, PaymentPayloadV1):
        raise refused(VERSION_2_REQUIRED)
    return payload


def payload_of(carried: object) -> PaymentPayload:
    """The payment that came as JSON beside an MCP call. Raises ``InvalidPayment``."""
    if len(msgspec.json.encode(carried)) > MAX_HEADER_BYTES:
        raise InvalidPayment(f"the payment is over {MAX_HEADER_BYTES} bytes")
    try:
        payload = PaymentPayload.model_validate(carried)
    except ValueError as error:
        raise InvalidPayment("the payment is not an x402 PaymentPayload") from error
    if payload.x402_version != 2:
        raise InvalidPayment("x402 version 2 only")
    return payload


def _decoded(text: str) -> PaymentPayload | PaymentPayloadV1:
    if len(text) > MAX_HEADER_BYTES:
        raise InvalidPayment(f"the payment header is over {MAX_HEADER_BYTES} bytes")
    try:
        return decode_payment_signature_header(text)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidPayment(
            "the payment header is not a base64 encoded x402 version 2 PaymentPayload in JSON"
        ) from error


def payment_for(offer: Offer, payload: PaymentPayload, server: x402ResourceServer) -> Payment:
    """``payload`` as a payment for ``offer``. Raises ``InvalidPayment`` or ``PaymentRefused``.

    The validity window is not looked at: a receipt may be asked for after it has passed.
    """
    _require_terms(offer, payload, server)
    identifier = _identifier_in(payload, required=offer.identifier_required)
    return _payment(offer, _signed(payload.payload), identifier)


def _payment(offer: Offer, signed: SignedAuthorization, identifier: str | None = None) -> Payment:
    _require_paid(offer, signed)
    wallet_signed = _signed_by_wallet(signed, offer.requirements)
    settled = OfferedPayload.of(msgspec.to_builtins(signed), offer.shared)
    return Payment(
        offer.requirements,
        offer.requirements,
        settled,
        signed.authorization,
        wallet_signed,
        identifier,
    )


def payment_v1_for(offer: Offer, payload: PaymentPayloadV1) -> Payment:
    """As ``payment_for``, of a version 1 payload, which carries neither terms nor extensions."""
    terms = offer.requirements_v1
    if terms is None or (payload.scheme, payload.network) != (terms.scheme, terms.network):
        raise refused(VERSION_2_REQUIRED)
    signed = _signed(payload.payload)
    _require_paid(offer, signed)
    wallet_signed = _signed_by_wallet(signed, offer.requirements)
    settled = PaymentPayloadV1(
        scheme=terms.scheme, network=terms.network, payload=msgspec.to_builtins(signed)
    )
    return Payment(offer.requirements, terms, settled, signed.authorization, wallet_signed)


def _signed(payload: object) -> SignedAuthorization:
    try:
        return msgspec.convert(payload, SignedAuthorization)
    except msgspec.ValidationError as error:
        raise InvalidPayment(f"not an EIP-3009 payment: {error}") from error


def _require_paid(offer: Offer, signed: SignedAuthorization) -> None:
    """Raise unless the authorization pays whom ``offer`` names, and what it asks."""
    authorization = signed.authorization
    if any(int(number) >= 2**256 for number in authorization.numbers):
        raise InvalidPayment("not an EIP-3009 payment: a number is over 256 bits")
    if authorization.to.lower() != offer.requirements.pay_to.lower():
        raise refused(ERR_RECIPIENT_MISMATCH)
    if int(authorization.value) != int(offer.requirements.amount):
        raise refused(ERR_AUTHORIZATION_VALUE_MISMATCH)


def _identifier_in(payload: PaymentPayload, *, required: bool) -> str | None:
    """The payer's idempotency key (extension ``payment-identifier``). Raises ``InvalidPayment``."""
    extension = (payload.extensions or {}).get(PAYMENT_IDENTIFIER)
    identifier = None
    if isinstance(extension, dict) and isinstance(extension.get("info"), dict):
        identifier = extension["info"].get("id")
    if identifier is None and required:
        raise InvalidPayment("the extension payment-identifier is required: add an id")
    if identifier is not None and not is_valid_payment_id(identifier):
        raise InvalidPayment(
            "the id of payment-identifier is not 16 to 128 letters, digits, hyphens and underscores"
        )
    return identifier


def _require_terms(offer: Offer, payload: PaymentPayload, server: x402ResourceServer) -> None:
    """Raise ``PaymentRefused`` unless ``payload`` says back what the offer says.

    The SDK's server decides. What is said back word for word, as it mostly is, need not be asked.
    """
    changed = []
    if payload.accepted != offer.requirements and not server.find_matching_requirements(
        [offer.requirements], payload
    ):
        changed = _changed_terms(offer.requirements, payload.accepted)
    if payload.resource is not None and payload.resource.url != offer.resource.url:
        changed.append("resource")
    if changed:
        raise PaymentRefused(f"{TERMS_MISMATCH}: {', '.join(changed)}")
    if payload.extensions != offer.extensions:
        echo = server.validate_extensions(offer.payment_required(), payload)
        if not echo.valid:
            raise PaymentRefused(f"{echo.invalid_reason}: {echo.extension_key}")


def _changed_terms(required: PaymentRequirements, accepted: PaymentRequirements) -> list[str]:
    ours, theirs = required.model_dump(by_alias=True), accepted.model_dump(by_alias=True)
    return [name for name in ours if ours[name] != theirs[name]]


def _signed_by_wallet(signed: SignedAuthorization, terms: PaymentRequirements) -> bool:
    signature = bytes.fromhex(signed.signature[2:])
    if len(signature) != 65:
        return False
    if is_malleable(signature):
        raise refused(ERR_INVALID_SIGNATURE)
    authorization = signed.authorization
    return signer_of(authorization.digest(terms), signature) == authorization.payer.lower()
