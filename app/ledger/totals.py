"""What settlements add up to, and their amounts in units of money."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal

from msgspec import Struct

from app.payments.claims.claimed_payment import Settlement
from app.payments.networks import find_asset


class Total(Struct, frozen=True, rename="camel"):
    """What was paid on one day in UTC for one product, on one network, to one payee.

    ``amount_atomic`` is in atomic units of ``asset``, ``amount`` in whole ones of ``symbol``, both
    of which are empty for an asset that is not known.
    """

    day: str
    product: str
    network: str
    pay_to: str
    asset: str
    settlements: int
    amount_atomic: str
    amount: str
    symbol: str


def totals_of(settlements: Iterable[Settlement]) -> Sequence[Total]:
    """Return the totals by day, product, network and payee, in that order."""
    groups: defaultdict[tuple[str, str, str, str, str], list[int]] = defaultdict(list)
    for each in settlements:
        key = (day_of(each.settled_at), each.product, each.network, each.pay_to, each.asset)
        groups[key].append(int(each.amount))
    return [_total(*key, amounts) for key, amounts in sorted(groups.items())]


def day_of(seconds: float) -> str:
    """Return the day of an instant in UTC, such as 2026-11-01."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def money(atomic: int, asset: str, network: str) -> tuple[str, str]:
    """Return an amount in whole units and their symbol; both empty if the asset is not known."""
    known = find_asset(asset, network)
    if known is None:
        return "", ""
    whole = Decimal(atomic).scaleb(-known["decimals"], Context(prec=100))
    return f"{whole:f}", known["symbol"]


def _total(
    day: str, product: str, network: str, pay_to: str, asset: str, amounts: Sequence[int]
) -> Total:
    amount, symbol = money(sum(amounts), asset, network)
    atomic = str(sum(amounts))
    return Total(day, product, network, pay_to, asset, len(amounts), atomic, amount, symbol)
