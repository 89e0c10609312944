"""What an answer costs, as data: one ``Offer`` per paid route.

Strategy: terms depend on nothing that a caller sends, so they are built and encoded once per route;
only a refusal, which names its reason, is encoded again. The URL in them comes from the
configuration and never from the request's ``Host``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address
from x402.http.utils import encode_payment_required_header
from x402.mechanisms.evm import DEFAULT_ASSETS
from x402.schemas import PaymentRequired, PaymentRequirements, ResourceConfig, ResourceInfo

if TYPE_CHECKING:
    from x402 import x402ResourceServer

MAX_TIMEOUT_SECONDS = 300
"""How long a client should let its authorization be valid."""


@dataclass(frozen=True)
class Terms:
    """A 402's header value and body: the same JSON, the one base64 encoded."""

    header: str
    body: bytes


@dataclass(frozen=True)
class Offer:
    """The one way to pay for one resource."""

    requirements: PaymentRequirements
    resource: ResourceInfo

    def payment_required(self, error: str | None = None) -> PaymentRequired:
        return PaymentRequired(error=error, resource=self.resource, accepts=[self.requirements])

    def terms(self, error: str) -> Terms:
        """The 402 that refuses a payment because of ``error``."""
        required = self.payment_required(error)
        body = required.model_dump_json(by_alias=True, exclude_none=True).encode()
        return Terms(encode_payment_required_header(required), body)

    @cached_property
    def first_terms(self) -> Terms:
        """The 402 for a request that carries no payment."""
        return self.terms("PAYMENT-SIGNATURE header is required")


def offer_of(
    server: "x402ResourceServer",
    *,
    price_usd: Decimal,
    network: str,
    pay_to: str,
    resource: ResourceInfo,
) -> Offer:
    """The offer to serve ``resource`` for ``price_usd`` in the network's stablecoin.

    ``server`` must be initialised. The asset, its decimals and its EIP-712 domain come from the
    SDK's asset table.
    """
    config = ResourceConfig(
        scheme="exact",
        pay_to=pay_to,
        price=f"${price_usd}",
        network=network,
        max_timeout_seconds=MAX_TIMEOUT_SECONDS,
    )
    [requirements] = server.build_payment_requirements(config)
    return Offer(requirements, resource)


def payable_networks() -> list[str]:
    """The networks whose default stablecoin takes EIP-3009 authorizations, as CAIP-2 names."""
    return [
        network
        for network, assets in DEFAULT_ASSETS.items()
        if "asset_transfer_method" not in assets[0]
    ]


def payee_faults(network: str, pay_to: str) -> Iterator[str]:
    """Why money could not be asked for on ``network`` or would not reach ``pay_to``."""
    if network not in payable_networks():
        yield f"ONCALL_NETWORK: {network!r} is not one of {', '.join(payable_networks())}"
    if not is_hex_address(pay_to) or int(pay_to, 16) == 0:
        yield f"ONCALL_PAY_TO: {pay_to!r} is not an address: 0x and 40 hexadecimal digits"
    elif not is_checksum_address(pay_to):
        yield (
            f"ONCALL_PAY_TO: {pay_to!r} does not have its EIP-55 checksum, which guards against "
            f"typing errors; if the address is right, write {to_checksum_address(pay_to)}"
        )
