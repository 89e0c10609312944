"""The body of a request to a facilitator: byte for byte what the SDK's own client sends.

Strategy: only the signed authorization is a payment's own. The terms, resource and extensions that
it repeats are some 2,500 bytes, the same for all payments on these terms, and are encoded once.
"""

from typing import Any, Self

import msgspec
from msgspec import Struct
from pydantic import BaseModel, PrivateAttr
from x402.schemas import (
    PaymentPayload,
    PaymentPayloadV1,
    PaymentRequirements,
    PaymentRequirementsV1,
    ResourceInfo,
)


class EncodedTerms(Struct, frozen=True):
    """Payment terms as a payment repeats them: as models, as JSON values, as bytes.

    ``accepted`` is the requirements; ``echo`` is a payload's JSON after its signed authorization.
    """

    requirements: PaymentRequirements
    resource: ResourceInfo
    extensions: dict[str, Any]
    accepted_value: dict[str, Any]
    resource_value: dict[str, Any]
    accepted: bytes
    echo: bytes

    @classmethod
    def of(
        cls,
        requirements: PaymentRequirements,
        resource: ResourceInfo,
        extensions: dict[str, Any],
    ) -> Self:
        payload = PaymentPayload(
            payload={}, accepted=requirements, resource=resource, extensions=extensions
        )
        _, _, echo = _json_of(payload).partition(b'"payload":{}')
        return cls(
            requirements,
            resource,
            extensions,
            requirements.model_dump(by_alias=True),
            resource.model_dump(by_alias=True, exclude_none=True),
            _json_of(requirements),
            echo,
        )


class EchoingPayload(PaymentPayload):
    """A payload that is known to repeat our terms, which are encoded already."""

    _terms: EncodedTerms = PrivateAttr()

    @classmethod
    def of(cls, signed: dict[str, Any], terms: EncodedTerms) -> Self:
        echoing = cls(
            payload=signed,
            accepted=terms.requirements,
            resource=terms.resource,
            extensions=terms.extensions,
        )
        echoing._terms = terms
        return echoing

    @property
    def request_body(self) -> bytes:
        """The body of ``/verify`` and ``/settle`` for this payment."""
        return (
            b'{"x402Version":2,"paymentPayload":{"x402Version":2,"payload":%b%b,'
            b'"paymentRequirements":%b}'
        ) % (msgspec.json.encode(self.payload), self._terms.echo, self._terms.accepted)


def request_body_of(
    payload: PaymentPayload | PaymentPayloadV1,
    requirements: PaymentRequirements | PaymentRequirementsV1,
) -> bytes:
    """The body of ``/verify`` and ``/settle`` for a payment."""
    if isinstance(payload, EchoingPayload):
        return payload.request_body
    return b'{"x402Version":%d,"paymentPayload":%b,"paymentRequirements":%b}' % (
        payload.x402_version,
        _json_of(payload),
        _json_of(requirements),
    )


def _json_of(model: BaseModel) -> bytes:
    return model.model_dump_json(by_alias=True, exclude_none=True).encode()
