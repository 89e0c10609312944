"""What a facilitator is asked, as JSON: byte for byte what the SDK's own client sends.

Strategy: of a payment for an offer only the signed authorization is its own; its terms, resource
and extensions are some 2,500 bytes that all payments for the offer share. They are written once.
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


class Shared(Struct, frozen=True):
    """What all payments for one offer share: as models, as JSON values, as bytes."""

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
        _, _, echo = _written(payload).partition(b'"payload":{}')
        return cls(
            requirements,
            resource,
            extensions,
            requirements.model_dump(by_alias=True),
            resource.model_dump(by_alias=True, exclude_none=True),
            _written(requirements),
            echo,
        )


class OfferedPayload(PaymentPayload):
    """A payment for an offer, which is known to be asked as ``shared`` says."""

    _shared: Shared = PrivateAttr()

    @classmethod
    def of(cls, signed: dict[str, Any], shared: Shared) -> Self:
        offered = cls(
            payload=signed,
            accepted=shared.requirements,
            resource=shared.resource,
            extensions=shared.extensions,
        )
        offered._shared = shared
        return offered

    def asked(self) -> bytes:
        """The body of ``/verify`` and ``/settle``."""
        return (
            b'{"x402Version":2,"paymentPayload":{"x402Version":2,"payload":%b%b,'
            b'"paymentRequirements":%b}'
        ) % (msgspec.json.encode(self.payload), self._shared.echo, self._shared.accepted)


def asked_of(
    payload: PaymentPayload | PaymentPayloadV1,
    requirements: PaymentRequirements | PaymentRequirementsV1,
) -> bytes:
    """The body of ``/verify`` and ``/settle`` for a payment."""
    if isinstance(payload, OfferedPayload):
        return payload.asked()
    return b'{"x402Version":%d,"paymentPayload":%b,"paymentRequirements":%b}' % (
        payload.x402_version,
        _written(payload),
        _written(requirements),
    )


def _written(model: BaseModel) -> bytes:
    return model.model_dump_json(by_alias=True, exclude_none=True).encode()
