"""What an organisation has stored, as the database counts it."""

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.tables import organisations
from app.teams.quotas.quota import NAMES, Amounts

USED = (
    select(*(organisations.c[name] for name in NAMES))
    .where(organisations.c.id == bindparam("org"))
    .with_for_update(key_share=True)
)


async def amounts_used(tx: AsyncConnection, org_id: str) -> Amounts:
    """Return what an organisation has stored so far, with the changes of this transaction.

    Other writers of the organisation wait until the transaction ends: they all change this row,
    and one that finds that out last would have done its work for nothing.
    """
    return Amounts(*(await tx.execute(USED, {"org": org_id})).one())
