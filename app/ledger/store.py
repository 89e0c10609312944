"""The settlements in the database. Instants are milliseconds since 1970 there."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.tables import settlements
from app.ledger.selection import Selection
from app.payments.claims.claimed_payment import Settlement


async def insert_settlements(tx: AsyncConnection, written: Sequence[Settlement]) -> None:
    """Insert the settlements that are not there yet."""
    kind = postgresql if tx.dialect.name == "postgresql" else sqlite
    statement = kind.insert(settlements).on_conflict_do_nothing(index_elements=["payment"])
    await tx.execute(statement, [_row_of(each) for each in written])


async def select_settlements(tx: AsyncConnection, selection: Selection) -> Sequence[Settlement]:
    """Return the settlements that ``selection`` wants, in no order."""
    query = select(settlements)
    if selection.since is not None:
        query = query.where(settlements.c.settled_at >= _milliseconds(selection.since))
    if selection.until is not None:
        query = query.where(settlements.c.settled_at < _milliseconds(selection.until))
    if selection.product is not None:
        query = query.where(settlements.c.product == selection.product)
    found = await tx.execute(query)
    return [
        Settlement(**(row | {"settled_at": at / 1000, "transaction": transaction}))
        for row in map(dict, found.mappings())
        for at, transaction in [(row.pop("settled_at"), row.pop("transaction_hash"))]
    ]


def _row_of(settlement: Settlement) -> dict[str, object]:
    return {
        "payment": settlement.payment,
        "product": settlement.product,
        "network": settlement.network,
        "asset": settlement.asset,
        "amount": settlement.amount,
        "payer": settlement.payer,
        "pay_to": settlement.pay_to,
        "transaction_hash": settlement.transaction,
        "request_id": settlement.request_id,
        "settled_at": _milliseconds(settlement.settled_at),
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
