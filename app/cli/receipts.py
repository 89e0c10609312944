"""The command ``receipts``: prints the receipts that are stored in Redis."""

from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from app.errors import ConfigurationError
from app.payments.claims.claim import Receipt
from app.payments.claims.redis import RedisClaims
from app.payments.networks import find_asset, stablecoin


async def show_receipts(redis_url: str, console: Console) -> None:
    """Print every receipt that is stored, oldest first, and how many there are."""
    if not redis_url:
        raise ConfigurationError(
            ["ONCALL_REDIS_URL is not set: receipts in memory are the serving process's alone"]
        )
    claims = RedisClaims(redis_url, lease_seconds=0)
    receipts = await claims.receipts()
    await claims.aclose()
    table = Table("settled at", "payer", "amount", "network", "transaction", "request")
    for receipt in receipts:
        table.add_row(
            datetime.fromtimestamp(receipt.settled_at, UTC).isoformat(" ", "seconds"),
            receipt.payer,
            _money(receipt),
            receipt.network,
            receipt.transaction,
            receipt.request_id,
        )
    console.print(table)
    console.print(f"{len(receipts)} receipts")


def _money(receipt: Receipt) -> str:
    asset = find_asset(stablecoin(receipt.network), receipt.network)
    assert asset is not None  # noqa: S101 - the SDK has its own stablecoins
    return f"{Decimal(receipt.amount).scaleb(-asset['decimals']):f} {asset['symbol']}"
