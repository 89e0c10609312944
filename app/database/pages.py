"""Pages of long lists, in the order of creation, so that a new row moves no other."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import RowMapping, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.pacing import with_pauses
from app.database.tables import organisations

T = TypeVar("T")


class Slice(NamedTuple):
    """At most ``limit`` rows after the first ``offset``."""

    limit: int
    offset: int


class Page(NamedTuple, Generic[T]):
    """Some rows of ``total``."""

    rows: Sequence[T]
    total: int


async def page_of(
    tx: AsyncConnection, query: Select[Any], part: Slice, read: Callable[[RowMapping], T]
) -> Page[T]:
    """Return ``part`` of the rows that ``query`` finds, in the order of the query."""
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    total = await tx.scalar(counted)
    rows = await tx.execute(query.limit(part.limit).offset(part.offset))
    return Page([read(row) async for row in with_pauses(rows.mappings())], total or 0)


async def next_position(tx: AsyncConnection, org_id: str) -> int:
    """Return the position of a new row in its organisation's lists.

    The organisation's row stays locked until the transaction ends, so rows appear in their order.
    """
    taken = (
        update(organisations)
        .where(organisations.c.id == org_id)
        .values(sequence=organisations.c.sequence + 1)
        .returning(organisations.c.sequence)
    )
    position: int = (await tx.execute(taken)).scalar_one()
    return position
