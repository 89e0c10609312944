"""Pages of long lists, in the order of creation, so that a new row moves no other.

Strategy: a page begins after so many rows, or after the place of a cursor (``cursors``), which
stays where it is when rows before it are deleted. It is bounded by the bytes of its rows as well as
by their number. Their sizes are read first and only then the rows that fit, so no page takes more
memory than its bound, or than its first row, which is always in it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    RowMapping,
    Select,
    Text,
    and_,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import BigInteger

from app.database.cursors import Key, Place
from app.database.pacing import with_pauses
from app.database.tables import organisations
from app.errors import FieldError, InvalidRequest

T = TypeVar("T")

OTHER_LIST = FieldError("cursor", "is of another list: send one that this list gave")

PAGE_BYTES = 2 * 1024 * 1024
"""The most bytes of text in the rows of a page, unless it has only one. JSON writes some characters
as six, so this is well below the 16 MiB of an answer."""


class Slice(NamedTuple):
    """At most ``limit`` rows after the first ``offset``, or after a place."""

    limit: int
    offset: int
    after: Place | None = None


class Page(NamedTuple, Generic[T]):
    """The ``part`` of ``total`` rows: as much as was asked for, or as its bytes allow.

    ``next`` is where the next page begins; ``None``: this is the last one.
    """

    rows: Sequence[T]
    total: int
    part: Slice
    next: Place | None = None


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
    by: Sequence[Column[Any]],
    part: Slice,
    read: Callable[[RowMapping], T],
    beside: ColumnElement[int] | None = None,
) -> Page[T]:
    """Return ``part`` of the rows that ``query`` finds, in the order of the columns ``by``.

    Together these are unique, and ``query`` selects them. If the rows are too large together, fewer
    are returned, at least one, and the page's own ``part`` says how many. ``beside`` is the bytes
    that a row brings along from elsewhere. Raises ``InvalidRequest`` for a place in another list.
    """
    total = await _count(tx, query)
    asked = query.order_by(*by)
    if part.after:
        is_after = _is_after(by, part.after)
        part = part._replace(offset=total - await _count(tx, query.where(is_after)))
        asked = asked.where(is_after)
    else:
        asked = asked.offset(part.offset)
    size = sum(map(_bytes_of, asked.selected_columns), literal(0) if beside is None else beside)
    sizes = asked.limit(part.limit).with_only_columns(size, maintain_column_froms=True)
    part = part._replace(limit=_count_within(PAGE_BYTES, await tx.scalars(sizes), part.limit))
    found = (await tx.execute(asked.limit(part.limit))).mappings()
    rows, last = [], None
    async for row in with_pauses(found):
        rows.append(read(row))
        last = row
    follows = last is not None and part.offset + len(rows) < total
    key = tuple(last[column.name] for column in by) if last and follows else None
    return Page(rows, total, part, None if key is None else Place(str(by[0].table.name), key))


def page_in(items: Sequence[T], name: str, key: Callable[[T], Key], part: Slice) -> Page[T]:
    """Return ``part`` of ``items``, which are in the order of ``key``.

    ``name`` is that of the list. Raises ``InvalidRequest`` for a place in another list.
    """
    if part.after and part.after.name != name:
        raise InvalidRequest([OTHER_LIST])
    if part.after and items:
        if _kinds(part.after.key) != _kinds(key(items[0])):
            raise InvalidRequest([OTHER_LIST])
        part = part._replace(offset=bisect_right(items, part.after.key, key=key))
    until = part.offset + part.limit
    rows = items[part.offset : until]
    follows = rows and until < len(items)
    return Page(rows, len(items), part, Place(name, key(rows[-1])) if follows else None)


async def _count(tx: AsyncConnection, query: Select[Any]) -> int:
    return await tx.scalar(select(func.count()).select_from(query.subquery())) or 0


def _is_after(by: Sequence[Column[Any]], place: Place) -> ColumnElement[bool]:
    """Return the condition that a row comes after a place. Raises ``InvalidRequest``."""
    kinds = [column.type.python_type for column in by]
    if place.name != by[0].table.name or _kinds(place.key) != kinds:
        raise InvalidRequest([OTHER_LIST])
    *first, last = zip(by, place.key, strict=True)
    condition = last[0] > last[1]
    for column, value in reversed(first):
        condition = or_(column > value, and_(column == value, condition))
    return condition


def _kinds(key: Key) -> list[type]:
    return list(map(type, key))


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
    """Return the position of a new row in its organisation's lists."""
    return (await next_positions(tx, org_id, 1))[0]


async def next_positions(tx: AsyncConnection, org_id: str, count: int) -> range:
    """Return the positions of ``count`` new rows in their organisation's lists.

    The organisation's row stays locked until the transaction ends, so rows appear in their order.
    """
    taken = (
        update(organisations)
        .where(organisations.c.id == org_id)
        .values(sequence=organisations.c.sequence + count)
        .returning(organisations.c.sequence)
    )
    last: int = (await tx.execute(taken)).scalar_one()
    return range(last - count + 1, last + 1)
