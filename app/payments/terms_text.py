"""Payment terms as text for people."""

from decimal import Decimal

from x402 import PaymentRequired, PaymentRequiredV1, PaymentRequirements

from app.payments.networks import find_asset
from app.payments.solana.networks import NETWORK_NAMES as SOLANA_NAMES

NETWORK_NAMES = {
    "eip155:8453": "Base",
    "eip155:84532": "Base Sepolia (test money)",
    **SOLANA_NAMES,
}

AnyPaymentRequired = PaymentRequired | PaymentRequiredV1
"""The SDK's message of a 402, in either version of the protocol."""


def terms_lines(required: AnyPaymentRequired) -> list[str]:
    """A line of text for each way to pay; none for those of version 1."""
    return [
        f"{price_text(way)} on {NETWORK_NAMES.get(way.network, way.network)} "
        f"to {way.pay_to}, signed for at most {way.max_timeout_seconds} s ({way.scheme})"
        for way in required.accepts
        if isinstance(way, PaymentRequirements)
    ]


def price_text(way: PaymentRequirements) -> str:
    """The amount and its currency, such as ``0.02 USDC``."""
    asset = find_asset(way.asset, way.network)
    if asset is None:
        return f"{way.amount} atomic units of {way.asset}"
    return f"{Decimal(way.amount).scaleb(-asset['decimals']).normalize():f} {asset['symbol']}"
