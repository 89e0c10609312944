"""The database of a command."""

import contextlib
from collections.abc import AsyncIterator

from app.database.database import Database
from app.errors import ConfigurationError, StoreUnavailable


@contextlib.asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Open the database at ``url``. Raises ``StoreUnavailable`` if it cannot be used."""
    async with unchecked_database(url) as database:
        await database.open()
        require_usable(database)
        yield database


def require_usable(database: Database) -> None:
    """Raise ``StoreUnavailable`` if the last check found a problem."""
    if database.problem is not None:
        raise StoreUnavailable.because(database.problem)


@contextlib.asynccontextmanager
async def unchecked_database(url: str) -> AsyncIterator[Database]:
    """Give the database at ``url`` without checking it, and close it in the end."""
    if not url:
        raise ConfigurationError(["ONCALL_DATABASE_URL=none: nothing is stored"])
    database = Database(url)
    try:
        yield database
    finally:
        await database.aclose()
