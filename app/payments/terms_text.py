"""Terms as people read them."""

from decimal import Decimal

from x402 import PaymentRequired, PaymentRequiredV1, PaymentRequirements
from x402.mechanisms.evm.default_assets import find_default_asset

NETWORK_NAMES = {"eip155:8453": "Base", "eip155:84532": "Base Sepolia (test money)"}

Terms = PaymentRequired | PaymentRequiredV1


def terms_in_words(terms: Terms) -> list[str]:
    """A line for each way to pay."""
    return [
        f"{price_in_words(way)} on {NETWORK_NAMES.get(way.network, way.network)} "
        f"to {way.pay_to}, signed for at most {way.max_timeout_seconds} s ({way.scheme})"
        for way in terms.accepts
        if isinstance(way, PaymentRequirements)
    ]


def price_in_words(way: PaymentRequirements) -> str:
    asset = find_default_asset(way.asset, way.network)
    if asset is None:
        return f"{way.amount} atomic units of {way.asset}"
    return f"{Decimal(way.amount).scaleb(-asset['decimals']).normalize():f} {asset['symbol']}"
