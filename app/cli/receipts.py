"""The command ``receipts``: prints the ledger, as a table, as CSV or as JSON.

Strategy: settlements stand in the database, and for some seconds, or where there is none, in the
stream in Redis. Both are read, the stream first: what moves meanwhile is then seen twice, and
printed once.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import typer

from app.cli.database import open_database
from app.database.sqlite import PREFIX as SQLITE_PREFIX
from app.errors import ClaimsUnavailable, ConfigurationError
from app.formats.instants import iso
from app.ledger.selection import Selection, in_order
from app.ledger.store import select_settlements
from app.ledger.totals import money, totals_of
from app.payments.claims.claimed_payment import Settlement
from app.payments.claims.redis import RedisClaims

Form = Literal["table", "csv", "json"]
NOWHERE = (
    "ONCALL_DATABASE_URL and ONCALL_REDIS_URL: neither leads to a ledger. Without a database and "
    "without Redis settlements are in the memory of the serving process alone: its log has them"
)
REDIS_AWAY = (
    "Redis (ONCALL_REDIS_URL) cannot be reached: what is not in the database yet cannot be listed. "
    "With ONCALL_REDIS_URL= the database alone is read."
)
COLUMNS = (
    "settled_at",
    "product",
    "network",
    "asset",
    "amount_atomic",
    "amount",
    "symbol",
    "payer",
    "pay_to",
    "transaction",
    "request_id",
    "payment",
)


async def show_receipts(
    redis_url: str, store_url: str, selection: Selection, form: Form = "table"
) -> None:
    """Print the settlements that ``selection`` wants, oldest first, and what they add up to.

    Raises ``ConfigurationError`` if there is no ledger, ``StoreUnavailable`` and
    ``ClaimsUnavailable``.
    """
    settlements = await _settlements(redis_url, store_url, selection)
    if form == "csv":
        _print_csv(settlements)
    elif form == "json":
        _print_json(settlements)
    else:
        _print_tables(settlements)


async def _settlements(
    redis_url: str, store_url: str, selection: Selection
) -> Sequence[Settlement]:
    if _is_missing(store_url):
        store_url = ""
    if not redis_url and not store_url:
        raise ConfigurationError([NOWHERE])
    found = await _streamed(redis_url) if redis_url else []
    settlements = [each for each in found if selection.wants(each)]
    if store_url:
        async with open_database(store_url) as database, database.reading() as tx:
            settlements += await select_settlements(tx, selection)
    return in_order(settlements)


def _is_missing(store_url: str) -> bool:
    """Whether a database is a file that does not exist: it is not made to be read."""
    path = store_url.removeprefix(SQLITE_PREFIX)
    return path != store_url and not Path(path).exists()


async def _streamed(redis_url: str) -> list[Settlement]:
    claims = RedisClaims(redis_url, lease_seconds=0)
    settlements: list[Settlement] = []
    after = ""
    try:
        while page := await claims.settlements(after):
            settlements += [each.settlement for each in page]
            after = page[-1].id
    except ClaimsUnavailable as error:
        raise ClaimsUnavailable(REDIS_AWAY) from error
    finally:
        await claims.aclose()
    return settlements


# --- forms ----------------------------------------------------------------------------------


def _print_csv(settlements: Iterable[Settlement]) -> None:
    """Print a line a settlement, below a line of names."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_fields(each).values() for each in settlements)


def _print_json(settlements: Sequence[Settlement]) -> None:
    document = {
        "settlements": [
            {_camel(name): text for name, text in _fields(each).items()} for each in settlements
        ],
        "totals": totals_of(settlements),
    }
    typer.echo(msgspec.json.format(msgspec.json.encode(document)).decode())


def _print_tables(settlements: Sequence[Settlement]) -> None:
    _print_table(
        "settled at,product,amount,network,payer,payee,transaction,request",
        [
            (
                _second(each.settled_at),
                each.product,
                _amount(each.amount, each.asset, each.network),
                each.network,
                each.payer,
                each.pay_to,
                each.transaction,
                each.request_id,
            )
            for each in settlements
        ],
    )
    typer.echo("")
    _print_table(
        "day (UTC),product,network,payee,settlements,amount",
        [
            (
                each.day,
                each.product,
                each.network,
                each.pay_to,
                f"{each.settlements:,}",
                _amount(each.amount_atomic, each.asset, each.network),
            )
            for each in totals_of(settlements)
        ],
    )
    typer.echo(f"\n{len(settlements):,} settlements")


def _print_table(titles: str, rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as what stands in them: a hash is never cut, however wide a line is.

    ``titles`` are separated by commas; "-" stands for what is not known.
    """
    table = [titles.split(","), *([text or "-" for text in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _fields(settlement: Settlement) -> dict[str, str]:
    """The columns of a settlement by name."""
    amount, symbol = money(int(settlement.amount), settlement.asset, settlement.network)
    texts = msgspec.structs.asdict(settlement) | {
        "settled_at": iso(round(settlement.settled_at * 1000)),
        "amount_atomic": settlement.amount,
        "amount": amount,
        "symbol": symbol,
    }
    return {name: texts[name] for name in COLUMNS}


def _amount(atomic: str, asset: str, network: str) -> str:
    amount, symbol = money(int(atomic), asset, network)
    return f"{amount} {symbol}" if symbol else f"{atomic} atomic units of {asset}"


def _second(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
