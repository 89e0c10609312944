"""Pages of long lists, in the order of creation, so that a new row moves no other.

Strategy: a page is bounded by the bytes of its rows as well as by their number. Their sizes are
read first and only then the rows that fit, so no page takes more memory than its bound, or than
its first row, which is always in it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, RowMapping, Select, Text, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import BigInteger

from app.database.pacing import with_pauses
from app.database.tables import organisations

T = TypeVar("T")

PAGE_BYTES = 2 * 1024 * 1024
"""The most bytes of text in the rows of a page, unless it has only one. JSON writes some characters
as six, so this is well below the 16 MiB of an answer."""


class Slice(NamedTuple):
    """At most ``limit`` rows after the first ``offset``."""

    limit: int
    offset: int


class Page(NamedTuple, Generic[T]):
    """The ``part`` of ``total`` rows: as much as was asked for, or as its bytes allow."""

    rows: Sequence[T]
    total: int
    part: Slice


class text_bytes(GenericFunction[int]):  # noqa: N801 - it is called as a function
    """The bytes of a text in UTF-8; null for null."""

    type = BigInteger()
    name = "octet_length"
    inherit_cache = True


@compiles(text_bytes, "sqlite")
def _text_bytes_in_sqlite(element: text_bytes, compiler: SQLCompiler, **how: Any) -> str:
    """Write ``octet_length`` as every SQLite knows it."""
    return f"length(CAST({compiler.process(element.clauses, **how)} AS BLOB))"


async def page_of(
    tx: AsyncConnection,
    query: Select[Any],
    part: Slice,
    read: Callable[[RowMapping], T],
    beside: ColumnElement[int] | None = None,
) -> Page[T]:
    """Return ``part`` of the rows that ``query`` finds, in the order of the query.

    If they are too large together, fewer are returned, at least one, and the page's own ``part``
    says how many. ``beside`` is the bytes that a row brings along from elsewhere.
    """
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    total = await tx.scalar(counted)
    asked = query.limit(part.limit).offset(part.offset)
    size = sum(map(_bytes_of, asked.selected_columns), literal(0) if beside is None else beside)
    sizes = await tx.scalars(asked.with_only_columns(size, maintain_column_froms=True))
    part = Slice(_count_within(PAGE_BYTES, sizes, part.limit), part.offset)
    rows = await tx.execute(query.limit(part.limit).offset(part.offset))
    return Page([read(row) async for row in with_pauses(rows.mappings())], total or 0, part)


def _bytes_of(column: ColumnElement[Any]) -> ColumnElement[int]:
    if isinstance(column.type, Text):
        return func.coalesce(text_bytes(column), 0)
    return literal(0)


def _count_within(most: int, sizes: Iterable[int], asked: int) -> int:
    """Return how many of the first rows fit into ``most`` bytes, at least one; ``asked`` if all."""
    for count, size in enumerate(accumulate(sizes)):
        if size > most and count:
            return count
    return asked


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
