"""The pure decision on a payment: what a request pays for, and whether that is enough.

Strategy: everything that can be known without asking anybody is checked here, before money moves
and before a facilitator is called: form, terms, recipient, amount and the wallet's EIP-712
signature. No I/O and no clock: ``settlement`` checks the validity window.

Invariants: nothing a caller sends raises anything but ``InvalidPayment`` (400: it cannot be read)
or ``PaymentRefused`` (402: it was read and does not suffice).
"""

from binascii import a2b_base64
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
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
    Address,
    Payment,
    PaymentIdentity,
    SignedAuthorization,
    refused,
)
from app.payments.eip712 import (
    is_malleable,
    signer_of,
)
from app.payments.facilitators.facilitator_request import EchoingPayload
from app.payments.terms import PaymentTerms, stablecoin, version_1_network

MAX_HEADER_BYTES = 16 * 1024

TERMS_MISMATCH = "payment_terms_mismatch"


class HeaderPayment(Struct, frozen=True):
    """A payment as HTTP carries it: the values of its header fields, in order of arrival.

    ``signatures`` come from ``PAYMENT-SIGNATURE`` (version 2 of the protocol), ``signatures_v1``
    from ``X-PAYMENT`` (version 1).
    """

    signatures: Sequence[str] = ()
    signatures_v1: Sequence[str] = ()


class MessagePayment(Struct, frozen=True):
    """A payment as an MCP call carries it: the JSON value of ``_meta["x402/payment"]``."""

    value: object


CarriedPayment = HeaderPayment | MessagePayment
"""A payment that came with a request and has not been read yet."""


class _EchoingHeader(Struct, rename="camel"):
    """A payment as the official clients write it: what was signed, and our terms repeated."""

    x402_version: int
    payload: SignedAuthorization
    accepted: dict[str, Any]
    resource: dict[str, Any]
    extensions: dict[str, Any]


class _Asset(Struct):
    network: Annotated[str, Meta(pattern=r"\A[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}\Z")]
    asset: Address


class _PresentedPayment(Struct, rename="camel"):
    """The members of a payment that identify it; ``network`` is version 1's, which has no asset."""

    payload: SignedAuthorization
    accepted: _Asset | None = None
    network: str = ""


_header_decoder = msgspec.json.Decoder(_EchoingHeader, float_hook=float)
_presented_decoder = msgspec.json.Decoder(_PresentedPayment, float_hook=float)
"""Python's ``float`` reads ``1e308`` in a hundredth of msgspec's time. No number here has a point.
"""


def identity_of(carried: CarriedPayment) -> PaymentIdentity | None:
    """The identity of the payment that a request carried, whatever terms are in force.

    ``None`` if it has not the form of a payment, which ``payment_in`` then says in words.
    """
    try:
        presented = _presented_in(carried)
        if presented.accepted is not None:
            network, asset = presented.accepted.network, presented.accepted.asset
        else:
            network = version_1_network(presented.network)
            asset = stablecoin(network)
    except (ValueError, RecursionError):
        return None
    return presented.payload.identity(network, asset)


def _presented_in(carried: CarriedPayment) -> _PresentedPayment:
    if isinstance(carried, MessagePayment):
        return msgspec.convert(carried.value, _PresentedPayment)
    [text] = carried.signatures or carried.signatures_v1
    if len(text) > MAX_HEADER_BYTES:
        raise ValueError
    return _presented_decoder.decode(a2b_base64(text))


def payment_in(
    terms: PaymentTerms, carried: CarriedPayment, server: x402ResourceServer, *, version_1: bool
) -> Payment:
    """The payment for ``terms`` that a request carried; version 1 only where ``version_1`` is true.

    Raises ``InvalidPayment`` or ``PaymentRefused``. Version 2 is preferred where both came.
    """
    if isinstance(carried, MessagePayment):
        return payment_for(terms, payload_of(carried.value), server)
    if carried.signatures:
        return payment_in_header(terms, carried.signatures, server)
    if not version_1:
        raise refused(VERSION_2_REQUIRED)
    return payment_v1_for(terms, payload_v1_in(carried.signatures_v1))


def payment_in_header(
    terms: PaymentTerms, signatures: Sequence[str], server: x402ResourceServer
) -> Payment:
    """The payment for ``terms`` in a request's ``PAYMENT-SIGNATURE`` headers, at least one.

    Raises ``InvalidPayment`` or ``PaymentRefused``. A header that repeats our terms word for word,
    as the official clients write it, is read without the SDK's models, at a third of the cost. The
    SDK reads all others.
    """
    signed = _signed_in_echo(terms, signatures)
    if signed is None:
        return payment_for(terms, payload_in(signatures), server)
    return _payment(terms, signed)


def _signed_in_echo(terms: PaymentTerms, signatures: Sequence[str]) -> SignedAuthorization | None:
    """What was signed, if the header repeats ``terms`` and says nothing else; ``None`` if not."""
    if len(signatures) > 1 or len(signatures[0]) > MAX_HEADER_BYTES or terms.identifier_required:
        return None
    try:
        header = _header_decoder.decode(a2b_base64(signatures[0]))
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    is_echo = (
        header.x402_version == 2
        and header.accepted == terms.encoded.accepted_value
        and header.resource == terms.encoded.resource_value
        and header.extensions == terms.extensions
    )
    return header.payload if is_echo else None


def payload_in(signatures: Sequence[str]) -> PaymentPayload:
    """The payload in a request's ``PAYMENT-SIGNATURE`` headers, of which there is at least one.

    Raises ``InvalidPayment``.
    """
    if len(signatures) > 1:
        raise InvalidPayment("PAYMENT-SIGNATURE is given more than once")
    payload = _decoded(signatures[0])
    if isinstance(payload, PaymentPayloadV1) or payload.x402_version != 2:
        raise InvalidPayment("PAYMENT-SIGNATURE carries x402 version 2 only")
    return payload


def payload_v1_in(signatures: Sequence[str]) -> PaymentPayloadV1:
    """The payload in a request's ``X-PAYMENT`` headers.

    Raises ``PaymentRefused``, which asks for version 2, if it cannot be read.
    """
    try:
        [text] = signatures
        payload = _decoded(text)
    except (ValueError, InvalidPayment):
        payload = None
    if not isinstance(payload, PaymentPayloadV1):
        raise refused(VERSION_2_REQUIRED)
    return payload


def payload_of(value: object) -> PaymentPayload:
    """The payload that came as JSON with an MCP call. Raises ``InvalidPayment``."""
    if len(msgspec.json.encode(value)) > MAX_HEADER_BYTES:
        raise InvalidPayment(f"the payment is over {MAX_HEADER_BYTES} bytes")
    try:
        payload = PaymentPayload.model_validate(value)
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


def payment_for(
    terms: PaymentTerms, payload: PaymentPayload, server: x402ResourceServer
) -> Payment:
    """The payment that ``payload`` makes for ``terms``.

    Raises ``InvalidPayment`` or ``PaymentRefused``. The validity window is not checked: a receipt
    may be asked for after it has passed.
    """
    _require_terms(terms, payload, server)
    identifier = _identifier_in(payload, required=terms.identifier_required)
    return _payment(terms, _signed(payload.payload), identifier)


def _payment(
    terms: PaymentTerms, signed: SignedAuthorization, identifier: str | None = None
) -> Payment:
    _require_paid(terms, signed)
    wallet_signed = _signed_by_wallet(signed, terms.requirements)
    payload = EchoingPayload.of(msgspec.to_builtins(signed), terms.encoded)
    return Payment(
        terms.requirements,
        terms.requirements,
        payload,
        signed,
        wallet_signed,
        identifier,
    )


def payment_v1_for(terms: PaymentTerms, payload: PaymentPayloadV1) -> Payment:
    """As ``payment_for``, of a version 1 payload, which repeats neither terms nor extensions."""
    ours = terms.requirements_v1
    if ours is None or (payload.scheme, payload.network) != (ours.scheme, ours.network):
        raise refused(VERSION_2_REQUIRED)
    signed = _signed(payload.payload)
    _require_paid(terms, signed)
    wallet_signed = _signed_by_wallet(signed, terms.requirements)
    checked = PaymentPayloadV1(
        scheme=ours.scheme, network=ours.network, payload=msgspec.to_builtins(signed)
    )
    return Payment(terms.requirements, ours, checked, signed, wallet_signed)


def _signed(payload: object) -> SignedAuthorization:
    try:
        return msgspec.convert(payload, SignedAuthorization)
    except msgspec.ValidationError as error:
        raise InvalidPayment(f"not an EIP-3009 payment: {error}") from error


def _require_paid(terms: PaymentTerms, signed: SignedAuthorization) -> None:
    """Raise unless the authorization pays the amount that ``terms`` ask, to their payee."""
    authorization = signed.authorization
    if any(int(number) >= 2**256 for number in authorization.numbers):
        raise InvalidPayment("not an EIP-3009 payment: a number is over 256 bits")
    if authorization.to.lower() != terms.requirements.pay_to.lower():
        raise refused(ERR_RECIPIENT_MISMATCH)
    if int(authorization.value) != int(terms.requirements.amount):
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


def _require_terms(
    terms: PaymentTerms, payload: PaymentPayload, server: x402ResourceServer
) -> None:
    """Raise ``PaymentRefused`` unless ``payload`` repeats ``terms``.

    The SDK's server decides; it is not asked about what is repeated word for word, as most is.
    """
    changed = []
    if payload.accepted != terms.requirements and not server.find_matching_requirements(
        [terms.requirements], payload
    ):
        changed = _changed_terms(terms.requirements, payload.accepted)
    if payload.resource is not None and payload.resource.url != terms.resource.url:
        changed.append("resource")
    if changed:
        raise PaymentRefused(f"{TERMS_MISMATCH}: {', '.join(changed)}")
    if payload.extensions != terms.extensions:
        echo = server.validate_extensions(terms.payment_required(), payload)
        if not echo.valid:
            raise PaymentRefused(f"{echo.invalid_reason}: {echo.extension_key}")


def _changed_terms(required: PaymentRequirements, accepted: PaymentRequirements) -> list[str]:
    ours, theirs = required.model_dump(by_alias=True), accepted.model_dump(by_alias=True)
    return [name for name in ours if ours[name] != theirs[name]]


def _signed_by_wallet(signed: SignedAuthorization, requirements: PaymentRequirements) -> bool:
    signature = bytes.fromhex(signed.signature[2:])
    if len(signature) != 65:
        return False
    if is_malleable(signature):
        raise refused(ERR_INVALID_SIGNATURE)
    authorization = signed.authorization
    return signer_of(authorization.digest(requirements), signature) == authorization.payer.lower()
