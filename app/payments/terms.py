"""The payment terms of one resource, as data: one ``PaymentTerms`` per paid route.

Strategy: terms depend on nothing that a caller sends, so they are built and encoded once per route;
only a refusal, which names its reason, is encoded again. The URL in them comes from the
configuration and never from the request's ``Host``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec
from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address
from msgspec import Struct
from x402 import FacilitatorClient, x402ResourceServer
from x402.extensions.payment_identifier import (
    PAYMENT_IDENTIFIER,
    declare_payment_identifier_extension,
)
from x402.http.utils import encode_payment_required_header
from x402.mechanisms.evm.default_assets import DEFAULT_ASSETS, get_default_asset
from x402.mechanisms.evm.exact.register import register_exact_evm_server
from x402.mechanisms.evm.utils import get_evm_chain_id
from x402.mechanisms.evm.v1.constants import V1_NETWORK_CHAIN_IDS
from x402.schemas import (
    PaymentRequired,
    PaymentRequirements,
    PaymentRequirementsV1,
    ResourceConfig,
    ResourceInfo,
    SupportedKind,
)

from app.errors import PaymentRefused
from app.payments.facilitators.facilitator_request import EncodedTerms
from app.similar import most_similar

SCHEME = "exact"
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
    """The one way to pay for one resource.

    ``identifier_required`` says that a payer must give an id. ``described`` are extensions that
    describe the resource; a payer may echo them. ``unpaid_error`` is the 402's ``error`` for a
    request without a payment.
    """

    requirements: PaymentRequirements
    resource: ResourceInfo
    identifier_required: bool = False
    described: Mapping[str, Any] = field(default_factory=dict)
    unpaid_error: str = UNPAID

    def payment_required(self, error: str | None = None) -> PaymentRequired:
        """The terms as the SDK's message."""
        return PaymentRequired(
            error=error,
            resource=self.resource,
            accepts=[self.requirements],
            extensions=self.extensions,
        )

    @cached_property
    def extensions(self) -> dict[str, Any]:
        """The extensions of the protocol that the terms carry, by key."""
        identifier = declare_payment_identifier_extension(self.identifier_required)
        return {PAYMENT_IDENTIFIER: identifier, **self.described}

    @cached_property
    def encoded(self) -> EncodedTerms:
        """The terms as a payment repeats them."""
        return EncodedTerms.of(self.requirements, self.resource, self.extensions)

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

    def refusal(self, refused: PaymentRefused) -> PaymentRequiredBody:
        """The 402 that refuses a payment; its JSON says in words why, and what to do."""
        return self.body_with(refused.reason, detail=refused.detail, retry=refused.retry)

    @cached_property
    def requirements_v1(self) -> PaymentRequirementsV1 | None:
        """The requirements in version 1's form; ``None`` if it has no name for the network."""
        network = version_1_name(self.requirements.network)
        if network is None:
            return None
        return PaymentRequirementsV1(
            scheme=self.requirements.scheme,
            network=network,
            max_amount_required=self.requirements.amount,
            resource=self.resource.url,
            description=self.resource.description,
            mime_type=self.resource.mime_type,
            pay_to=self.requirements.pay_to,
            max_timeout_seconds=self.requirements.max_timeout_seconds,
            asset=self.requirements.asset,
            extra=self.requirements.extra,
        )


def resource_server(facilitator: FacilitatorClient, network: str) -> x402ResourceServer:
    """The SDK's server for the ``exact`` scheme on ``network``, ready to build terms."""
    server = x402ResourceServer(facilitator)
    register_exact_evm_server(server, network)
    server.initialize()
    return server


def stablecoin(network: str) -> str:
    """The address of the token that is asked for on ``network``."""
    return get_default_asset(network)["asset"]


def payment_terms_of(
    server: x402ResourceServer,
    *,
    price_usd: Decimal,
    network: str,
    pay_to: str,
    resource: ResourceInfo,
    identifier_required: bool = False,
    described: Mapping[str, Any] | None = None,
) -> PaymentTerms:
    """The terms on which ``resource`` is served for ``price_usd`` in stablecoin.

    ``server`` must be initialised. The asset, its decimals and its EIP-712 domain come from the
    SDK's asset table.
    """
    config = ResourceConfig(
        scheme=SCHEME,
        pay_to=pay_to,
        price=f"${price_usd}",
        network=network,
        max_timeout_seconds=MAX_TIMEOUT_SECONDS,
    )
    [requirements] = server.build_payment_requirements(config)
    return PaymentTerms(requirements, resource, identifier_required, described or {})


def version_1_name(network: str) -> str | None:
    """Version 1's name of a CAIP-2 network, such as ``base-sepolia``; ``None`` if it has none."""
    chain_id = get_evm_chain_id(network)
    names = (name for name, known in V1_NETWORK_CHAIN_IDS.items() if known == chain_id)
    return next(names, None)


def version_1_network(name: str) -> str:
    """The CAIP-2 name of a network that version 1 calls ``name``. Raises ``ValueError``."""
    try:
        return f"eip155:{V1_NETWORK_CHAIN_IDS[name]}"
    except KeyError:
        raise ValueError(name) from None


def supported_kinds(network: str) -> list[SupportedKind]:
    """The ways to pay on ``network`` as a facilitator lists them: the ``exact`` scheme's."""
    kinds = [SupportedKind(x402_version=2, scheme=SCHEME, network=network)]
    network_v1 = version_1_name(network)
    if network_v1 is not None:
        kinds.append(SupportedKind(x402_version=1, scheme=SCHEME, network=network_v1))
    return kinds


def payable_networks() -> list[str]:
    """The networks whose default stablecoin takes EIP-3009 authorizations, as CAIP-2 names."""
    return [
        network
        for network, assets in DEFAULT_ASSETS.items()
        if "asset_transfer_method" not in assets[0]
    ]


ADDRESS_LENGTH = 42


def payee_errors(network: str, pay_to: str) -> Iterator[str]:
    """The reasons why money cannot be asked for on ``network`` or would not reach ``pay_to``."""
    if network not in payable_networks():
        yield f"ONCALL_NETWORK: {_network_error(network)}"
    if not is_hex_address(pay_to) or int(pay_to, 16) == 0:
        given = f"{pay_to!r} " if len(pay_to) <= ADDRESS_LENGTH else ""  # a longer one may be a key
        yield f"ONCALL_PAY_TO: {given}is not an address: 0x and 40 hexadecimal digits"
    elif not is_checksum_address(pay_to):
        yield (
            f"ONCALL_PAY_TO: {pay_to!r} does not have its EIP-55 checksum, which guards against "
            f"typing errors; if the address is right, write {to_checksum_address(pay_to)}"
        )


def _network_error(network: str) -> str:
    """What to write in place of a network's name in words, be it misspelt, or of anything else."""
    payable = payable_networks()
    numbers = {name: f"eip155:{chain_id}" for name, chain_id in V1_NETWORK_CHAIN_IDS.items()}
    names = [name for name, known in numbers.items() if known in payable]
    close = most_similar(network.lower().replace(" ", "-"), names, at_least=0.75)
    if close:
        return f"{network!r} is not a CAIP-2 name; for {close} write {numbers[close]}"
    return f"{network!r} is not one of {', '.join(payable)}"
