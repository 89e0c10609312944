"""A number in the database to count up: the simplest update that can be lost."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import insert, select, update

from app.database.database import Database, Tx
from app.database.tables import organisations

ORG = "org_a"
PATIENCE_SECONDS = 60.0


async def add_organisation(tx: Tx) -> None:
    """Add an organisation whose sequence is 0."""
    await tx.execute(insert(organisations).values(id=ORG, name="A", created_at=0))


async def value(tx: Tx) -> int:
    return (await tx.execute(select(organisations.c.sequence))).scalar_one()


async def count_up(tx: Tx) -> int:
    """Read the number, then write the next: lost if another writer does the same in between."""
    number = await value(tx) + 1
    await tx.execute(update(organisations).values(sequence=number))
    return number


async def read(database: Database) -> int:
    async with database.reading() as tx:
        return await value(tx)


async def until(is_so: Callable[[], object]) -> None:
    """Let other tasks work until ``is_so`` returns something true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {PATIENCE_SECONDS} s"
        await asyncio.sleep(0.01)
