"""The database that a command works on."""

import contextlib
from collections.abc import AsyncIterator

from app.database.database import Database
from app.errors import ConfigurationError, StoreUnavailable


@contextlib.asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """The database at ``url``, open. Raises ``StoreUnavailable`` if it cannot be used."""
    async with unchecked_database(url) as database:
        await database.open()
        require_usable(database)
        yield database


def require_usable(database: Database) -> None:
    """Raise ``StoreUnavailable`` if there was a problem when it was last looked at."""
    if database.problem is not None:
        raise StoreUnavailable.because(database.problem)


@contextlib.asynccontextmanager
async def unchecked_database(url: str) -> AsyncIterator[Database]:
    """The database at ``url``, whatever its schema; not yet looked at."""
    if not url:
        raise ConfigurationError(["ONCALL_DATABASE_URL=none: nothing is stored"])
    database = Database(url)
    try:
        yield database
    finally:
        await database.aclose()
