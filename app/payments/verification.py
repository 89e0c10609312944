"""The pure decision on a payment: what a request pays for, and whether that is enough.

Strategy: everything that can be known without asking anybody is checked here, before money moves
and before a facilitator is called: form, terms, recipient, amount and the wallet's EIP-712
signature. No I/O and no clock: ``settlement`` checks the validity window.

Invariants: nothing a caller sends raises anything but ``InvalidPayment`` (400: it cannot be read)
or ``PaymentRefused`` (402: it was read and does not suffice).
"""

from binascii import a2b_base64
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

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
from app.payments.facilitators.facilitator_request import EchoingPayload, EncodedTerms
from app.payments.networks import stablecoin, version_1_network
from app.payments.solana.networks import is_solana
from app.payments.terms import PaymentTerms

if TYPE_CHECKING:  # it needs solders, which is loaded only where a network of Solana's is set
    from app.payments.solana.transaction import Transfer

MAX_HEADER_BYTES = 16 * 1024

TERMS_MISMATCH = "payment_terms_mismatch"


class HeaderPayment(Struct, frozen=True, dict=True):
    """A payment as HTTP carries it: the values of its header fields, in order of arrival.

    ``signatures`` come from ``PAYMENT-SIGNATURE`` (version 2 of the protocol), ``signatures_v1``
    from ``X-PAYMENT`` (version 1).
    """

    signatures: Sequence[str] = ()
    signatures_v1: Sequence[str] = ()

    @cached_property
    def decoded(self) -> bytes:
        """What the one value says in base64. Raises ``ValueError``: none, several, or too long."""
        [text] = self.signatures or self.signatures_v1
        if len(text) > MAX_HEADER_BYTES:
            raise ValueError
        return a2b_base64(text)


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
    extensions: msgspec.Raw


class _Asset(Struct):
    network: Annotated[str, Meta(pattern=r"\A[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}\Z")]
    asset: Address


class _PresentedPayment(Struct, rename="camel"):
    """The members of a payment that identify it; ``network`` is version 1's, which has no asset."""

    payload: SignedAuthorization
    accepted: _Asset | None = None
    network: str = ""


class _AnyAsset(Struct):
    network: str
    asset: str


class _PresentedTransaction(Struct, rename="camel"):
    """As ``_PresentedPayment``, of a payment on a network of any kind."""

    payload: dict[str, Any]
    accepted: _AnyAsset


_Presented = TypeVar("_Presented", _PresentedPayment, _PresentedTransaction)

_header_decoder = msgspec.json.Decoder(_EchoingHeader, float_hook=float)
_presented_decoders: Mapping[type[Any], msgspec.json.Decoder[Any]] = {
    form: msgspec.json.Decoder(form, float_hook=float)
    for form in (_PresentedPayment, _PresentedTransaction)
}
"""Python's ``float`` reads ``1e308`` in a hundredth of msgspec's time. No number here has a point.
"""


def identity_of(carried: CarriedPayment, solana: Collection[str] = ()) -> PaymentIdentity | None:
    """The identity of the payment that a request carried, whatever terms are in force.

    ``None`` if it has not the form of a payment, which ``payment_in`` then says in words. Payments
    on Solana are read on the networks ``solana``: where there is none, nothing of it is loaded.
    """
    try:
        presented = _presented_in(carried, _PresentedPayment)
        if presented.accepted is not None:
            network, asset = presented.accepted.network, presented.accepted.asset
        else:
            network = version_1_network(presented.network)
            asset = stablecoin(network)
    except (ValueError, RecursionError):
        return _solana_identity_of(carried, solana) if solana else None
    return presented.payload.identity(network, asset)


def _solana_identity_of(
    carried: CarriedPayment, networks: Collection[str]
) -> PaymentIdentity | None:
    try:
        presented = _presented_in(carried, _PresentedTransaction)
        if presented.accepted.network not in networks:
            return None
        transfer = _transfer_in(presented.payload)
    except (ValueError, RecursionError, InvalidPayment):
        return None
    return transfer.identity(presented.accepted.network, presented.accepted.asset)


def network_in(payment: object) -> str | None:
    """The network (CAIP-2) that a payment's JSON value names; ``None`` if it is no payment."""
    try:
        return msgspec.convert(payment, _PresentedTransaction).accepted.network
    except msgspec.ValidationError:
        return None


def _presented_in(carried: CarriedPayment, form: type[_Presented]) -> _Presented:
    if isinstance(carried, MessagePayment):
        return msgspec.convert(carried.value, form)
    presented: _Presented = _presented_decoders[form].decode(carried.decoded)
    return presented


def _transfer_in(payload: object) -> "Transfer":
    """The transfer in a payload. Raises ``InvalidPayment``."""
    from app.payments.solana.transaction import transfer_in  # noqa: PLC0415 - it loads solders

    return transfer_in(payload)


def payment_in(
    terms: PaymentTerms,
    carried: CarriedPayment,
    server: x402ResourceServer,
    *,
    version_1: Collection[str],
) -> Payment:
    """The payment for ``terms`` that a request carried; version 1 on the networks ``version_1``.

    Raises ``InvalidPayment`` or ``PaymentRefused``. Version 2 is preferred where both came.
    """
    if isinstance(carried, MessagePayment):
        return payment_for(terms, payload_of(carried.value), server)
    if carried.signatures:
        return payment_in_header(terms, carried, server)
    if not version_1:
        raise refused(VERSION_2_REQUIRED)
    return payment_v1_for(terms, payload_v1_in(carried.signatures_v1), version_1)


def payment_in_header(
    terms: PaymentTerms, carried: HeaderPayment, server: x402ResourceServer
) -> Payment:
    """The payment for ``terms`` in a request's ``PAYMENT-SIGNATURE`` headers, at least one.

    Raises ``InvalidPayment`` or ``PaymentRefused``. A header that repeats our terms word for word,
    as the official clients of Python and TypeScript write it, is read without the SDK's models, at
    a third of the cost. The SDK reads all others.
    """
    echo = _echo_in(terms, carried)
    if echo is None:
        return payment_for(terms, payload_in(carried.signatures), server)
    return _payment(*echo)


def _echo_in(
    terms: PaymentTerms, carried: HeaderPayment
) -> tuple[EncodedTerms, SignedAuthorization] | None:
    """The way to pay that the header repeats, and what was signed; ``None`` if it says more.

    Extensions are most of a header, and are repeated byte for byte: they are compared, not read.
    """
    if terms.identifier_required:
        return None
    try:
        header = _header_decoder.decode(carried.decoded)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    network = header.accepted.get("network")
    way = terms.encoded.get(network) if isinstance(network, str) else None
    is_echo = (
        way is not None
        and header.x402_version == 2
        and header.accepted == way.accepted_value
        and header.resource == way.resource_value
        and bytes(header.extensions) == terms.encoded_extensions
    )
    return (way, header.payload) if way is not None and is_echo else None


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
    way = _way_of(terms, payload, server)
    identifier = _identifier_in(payload, required=terms.identifier_required)
    encoded = terms.encoded[way.network]
    if is_solana(way.network):
        return _solana_payment(encoded, payload.payload, identifier)
    return _payment(encoded, _signed(payload.payload), identifier)


def _solana_payment(way: EncodedTerms, payload: object, identifier: str | None) -> Payment:
    """A payment on Solana. Only the chain can say whether its blockhash is still valid."""
    transfer = _transfer_in(payload)
    transfer.require_pays(way.requirements)
    made_anew = EchoingPayload.of(msgspec.to_builtins(transfer.payload), way)
    return Payment(
        way.requirements,
        way.requirements,
        made_anew,
        transfer,
        wallet_signed=False,
        identifier=identifier,
    )


def _payment(
    way: EncodedTerms, signed: SignedAuthorization, identifier: str | None = None
) -> Payment:
    requirements = way.requirements
    _require_paid(requirements, signed)
    wallet_signed = _signed_by_wallet(signed, requirements)
    payload = EchoingPayload.of(msgspec.to_builtins(signed), way)
    return Payment(requirements, requirements, payload, signed, wallet_signed, identifier)


def payment_v1_for(
    terms: PaymentTerms, payload: PaymentPayloadV1, networks: Collection[str]
) -> Payment:
    """As ``payment_for``, of a version 1 payload, which repeats neither terms nor extensions.

    ``networks`` (CAIP-2) are those whose facilitator settles version 1.
    """
    requirements, ours = terms.version_1.get(payload.network, (None, None))
    if (
        requirements is None
        or ours is None
        or requirements.network not in networks
        or payload.scheme != ours.scheme
    ):
        raise refused(VERSION_2_REQUIRED)
    signed = _signed(payload.payload)
    _require_paid(requirements, signed)
    wallet_signed = _signed_by_wallet(signed, requirements)
    checked = PaymentPayloadV1(
        scheme=ours.scheme, network=ours.network, payload=msgspec.to_builtins(signed)
    )
    return Payment(requirements, ours, checked, signed, wallet_signed)


def _signed(payload: object) -> SignedAuthorization:
    try:
        return msgspec.convert(payload, SignedAuthorization)
    except msgspec.ValidationError as error:
        raise InvalidPayment(f"not an EIP-3009 payment: {error}") from error


def _require_paid(requirements: PaymentRequirements, signed: SignedAuthorization) -> None:
    """Raise unless the authorization pays the amount that is asked for, to the payee."""
    authorization = signed.authorization
    if any(int(number) >= 2**256 for number in authorization.numbers):
        raise InvalidPayment("not an EIP-3009 payment: a number is over 256 bits")
    if authorization.to.lower() != requirements.pay_to.lower():
        raise refused(ERR_RECIPIENT_MISMATCH)
    if int(authorization.value) != int(requirements.amount):
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


def _way_of(
    terms: PaymentTerms, payload: PaymentPayload, server: x402ResourceServer
) -> PaymentRequirements:
    """The way to pay that ``payload`` repeats. Raises ``PaymentRefused`` if it changes the terms.

    The SDK's server decides; it is not asked about what is repeated word for word, as most is.
    """
    changed = []
    accepts, accepted = list(terms.accepts), payload.accepted
    way = next((each for each in accepts if each.network == accepted.network), accepts[0])
    if accepted != way and not server.find_matching_requirements([way], payload):
        changed = _changed_terms(way, accepted)
    if payload.resource is not None and payload.resource.url != terms.resource.url:
        changed.append("resource")
    if changed:
        raise PaymentRefused(f"{TERMS_MISMATCH}: {', '.join(changed)}")
    if payload.extensions != terms.extensions:
        echo = server.validate_extensions(terms.payment_required(), payload)
        if not echo.valid:
            raise PaymentRefused(f"{echo.invalid_reason}: {echo.extension_key}")
    return way


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
