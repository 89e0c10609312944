"""The payment terms of one resource, as data: one ``PaymentTerms`` per paid route.

Strategy: terms depend on nothing that a caller sends, so they are built and encoded once per route;
only a refusal, which names its reason, is encoded again. The URL in them comes from the
configuration and never from the request's ``Host``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct
from x402 import FacilitatorClient, x402ResourceServer
from x402.extensions.payment_identifier import (
    PAYMENT_IDENTIFIER,
    declare_payment_identifier_extension,
)
from x402.http.utils import encode_payment_required_header
from x402.mechanisms.evm.exact.register import register_exact_evm_server
from x402.mechanisms.svm.exact.register import register_exact_svm_server
from x402.schemas import (
    PaymentRequired,
    PaymentRequirements,
    PaymentRequirementsV1,
    ResourceConfig,
    ResourceInfo,
)

from app.errors import PaymentRefused
from app.payments.facilitators.facilitator_request import EncodedTerms
from app.payments.networks import SCHEME, version_1_name
from app.payments.solana.networks import MAX_TIMEOUT_SECONDS as SOLANA_TIMEOUT_SECONDS
from app.payments.solana.networks import is_solana

UNPAID = "PAYMENT-SIGNATURE header is required"
MAX_TIMEOUT_SECONDS = 300
"""How long a client should let its authorization be valid."""


class PaymentRequiredBody(Struct, frozen=True):
    """A 402 as text: ``header`` is base64 for ``PAYMENT-REQUIRED``, ``json`` the response's body.

    Both hold the same terms; ``json`` may have members beside them.
    """

    header: str
    json: bytes


@dataclass(frozen=True)
class PaymentTerms:
    """The ways to pay for one resource.

    ``accepts`` has one for each network, in the order in which a client should prefer them.
    ``identifier_required`` says that a payer must give an id. ``described`` are extensions that
    describe the resource; a payer may echo them. ``unpaid_error`` is the 402's ``error`` for a
    request without a payment.
    """

    accepts: Sequence[PaymentRequirements]
    resource: ResourceInfo
    identifier_required: bool = False
    described: Mapping[str, Any] = field(default_factory=dict)
    unpaid_error: str = UNPAID

    def without(self, networks: Collection[str]) -> "PaymentTerms":
        """The terms without the ways to pay on ``networks``."""
        accepts = [each for each in self.accepts if each.network not in networks]
        return replace(self, accepts=accepts)

    @cached_property
    def solana_networks(self) -> Sequence[str]:
        """The networks of the ways to pay that are Solana's."""
        return [each.network for each in self.accepts if is_solana(each.network)]

    def with_fee_payers(self, fee_payers: Mapping[str, str]) -> "PaymentTerms":
        """The terms with the account that pays the fees on each Solana network.

        A way to pay on a Solana network that is not in ``fee_payers`` is left out.
        """
        accepts = []
        for each in self.accepts:
            if not is_solana(each.network):
                accepts.append(each)
            elif each.network in fee_payers:
                extra = {**(each.extra or {}), "feePayer": fee_payers[each.network]}
                accepts.append(each.model_copy(update={"extra": extra}))
        return replace(self, accepts=accepts)

    def payment_required(self, error: str | None = None) -> PaymentRequired:
        """The terms as the SDK's message."""
        return PaymentRequired(
            error=error,
            resource=self.resource,
            accepts=list(self.accepts),
            extensions=self.extensions,
        )

    @cached_property
    def extensions(self) -> dict[str, Any]:
        """The extensions of the protocol that the terms carry, by key."""
        identifier = declare_payment_identifier_extension(self.identifier_required)
        return {PAYMENT_IDENTIFIER: identifier, **self.described}

    @cached_property
    def encoded_extensions(self) -> bytes:
        """The JSON of ``extensions`` as the clients write it: without spaces, in UTF-8."""
        return msgspec.json.encode(self.extensions)

    @cached_property
    def encoded(self) -> Mapping[str, EncodedTerms]:
        """The terms as a payment repeats them, by the network that it is made on."""
        return {
            each.network: EncodedTerms.of(each, self.resource, self.extensions)
            for each in self.accepts
        }

    @cached_property
    def unpaid_body(self) -> PaymentRequiredBody:
        """The 402 for a request without a payment."""
        return self.body_with()

    def body_with(self, error: str | None = None, **members: object) -> PaymentRequiredBody:
        """The 402 for ``error``; its JSON has ``members`` beside the terms."""
        required = self.payment_required(error or self.unpaid_error)
        body = {**required.model_dump(by_alias=True, exclude_none=True), **members}
        return PaymentRequiredBody(
            encode_payment_required_header(required), msgspec.json.encode(body)
        )

    def unpaid_with(self, **members: object) -> PaymentRequiredBody:
        """The 402 for a request without a payment, with ``members`` beside the terms in its JSON.

        The terms are not encoded again: this is the answer to everybody who asks.
        """
        unpaid = self.unpaid_body
        beside = msgspec.json.encode(members)
        return PaymentRequiredBody(unpaid.header, unpaid.json[:-1] + b"," + beside[1:])

    def refusal(self, refused: PaymentRefused) -> PaymentRequiredBody:
        """The 402 that refuses a payment; its JSON says in words why, and what to do."""
        return self.body_with(refused.reason, detail=refused.detail, retry=refused.retry)

    @cached_property
    def version_1(self) -> Mapping[str, tuple[PaymentRequirements, PaymentRequirementsV1]]:
        """The ways to pay that version 1 can express, in both forms, by its name of the network."""
        names = ((version_1_name(each.network), each) for each in self.accepts)
        return {name: (each, self._version_1(name, each)) for name, each in names if name}

    def _version_1(self, network: str, way: PaymentRequirements) -> PaymentRequirementsV1:
        return PaymentRequirementsV1(
            scheme=way.scheme,
            network=network,
            max_amount_required=way.amount,
            resource=self.resource.url,
            description=self.resource.description,
            mime_type=self.resource.mime_type,
            pay_to=way.pay_to,
            max_timeout_seconds=way.max_timeout_seconds,
            asset=way.asset,
            extra=way.extra,
        )


def resource_server(facilitators: Mapping[str, FacilitatorClient]) -> x402ResourceServer:
    """The SDK's server for the ``exact`` scheme, ready to build terms.

    ``facilitators`` has the one that settles on each network (CAIP-2).
    """
    server = x402ResourceServer(list(facilitators.values()))
    for network in facilitators:
        if is_solana(network):
            register_exact_svm_server(server, network)
        else:
            register_exact_evm_server(server, network)
    server.initialize()
    return server


def payment_terms_of(
    server: x402ResourceServer,
    *,
    price_usd: Decimal,
    payees: Mapping[str, str],
    resource: ResourceInfo,
    identifier_required: bool = False,
    described: Mapping[str, Any] | None = None,
) -> PaymentTerms:
    """The terms on which ``resource`` is served for ``price_usd`` in stablecoin.

    ``payees`` has the address that receives the money by network (CAIP-2), the preferred network
    first. ``server`` must be initialised. The asset, its decimals and its EIP-712 domain come from
    the SDK's asset table.
    """
    accepts = []
    for network, pay_to in payees.items():
        config = ResourceConfig(
            scheme=SCHEME,
            pay_to=pay_to,
            price=f"${price_usd}",
            network=network,
            max_timeout_seconds=(
                SOLANA_TIMEOUT_SECONDS if is_solana(network) else MAX_TIMEOUT_SECONDS
            ),
        )
        accepts += server.build_payment_requirements(config)
    return PaymentTerms(accepts, resource, identifier_required, described or {})
