"""One PostgreSQL database through asyncpg, which reads the address as libpq would.

Strategy: writes are SERIALIZABLE and run again where the server says so; reads are REPEATABLE READ
READ ONLY, one snapshot each. We issue BEGIN ourselves, at once: it shows as well whether a
connection was lost while idle, so nothing else need be asked. What is read often goes to the driver
past SQLAlchemy, which takes twice as long as the driver itself. Every wait is bounded: for a
connection, for a place in the pool, and for a statement (by the server, and a little later by us,
should the server be gone). The server ends a transaction that was left open.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import ClauseElement, Dialect, event
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, PoolResetState

T = TypeVar("T")

PREFIXES = ("postgresql://", "postgres://")
CONNECTIONS = 10
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0
MARGIN_SECONDS = 2.0

READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE = "BEGIN ISOLATION LEVEL SERIALIZABLE"
DIALECT: Dialect = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
    ConnectionError,
)
"""What a call raises whose connection is gone, or about to be."""

MIGRATION_LOCK = 0x6F6E63616C6C
"""A number that nobody else locks: "oncall" in ASCII."""

SERVER: Mapping[str, str] = {
    "application_name": "oncall",
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    "idle_in_transaction_session_timeout": "60s",
}
MIGRATING: Mapping[str, str] = {
    "application_name": "oncall migrate",
    "lock_timeout": "60s",  # a wait for a lock on a table holds up all later ones
}


class Postgres:
    """The transactions of one database: readers and writers share ten connections."""

    problem = None
    """Always ``None``: only the server itself reports a problem."""

    def __init__(self, url: str) -> None:
        self._url = url
        wait = STATEMENT_SECONDS + MARGIN_SECONDS
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: self._connection(SERVER, wait),
            isolation_level="AUTOCOMMIT",  # SQLAlchemy begins nothing
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            pool_reset_on_return=None,
            hide_parameters=True,
        )
        event.listen(self._engine.sync_engine, "reset", _roll_back)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a snapshot that cannot write."""
        async with self._engine.connect() as connection:
            await _begin(connection, READ)
            yield connection

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a serializable transaction; commit it unless an error is raised."""
        async with self._engine.connect() as connection:
            await _begin(connection, WRITE)
            yield connection
            await _call(connection, driver_of(connection).execute("COMMIT"))

    def make_file(self) -> bool:
        """Return false: an operator creates the database, and ``migrate`` its tables."""
        return False

    def migrator(self) -> AsyncEngine:
        """Return an engine for a migration, without limits of time. The caller disposes of it."""
        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: self._connection(MIGRATING, None),
            poolclass=NullPool,
        )

    def write_slot(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Return an empty context: writers need not queue here."""
        return contextlib.nullcontext()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def _connection(self, server: Mapping[str, str], wait: float | None) -> Any:
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            command_timeout=wait,
            server_settings=dict(server),
        )


async def fetch(
    connection: AsyncConnection, statement: ClauseElement, values: Mapping[str, Any]
) -> Sequence[Mapping[Any, Any]]:
    """Return the rows of a statement that lives as long as the process, by names of columns."""
    text, names, literals = _compiled(statement)
    given = {**literals, **values}
    fetched = driver_of(connection).fetch(text, *[given[name] for name in names])
    return await _call(connection, fetched)


def driver_of(connection: AsyncConnection) -> Any:
    """Return asyncpg's own connection."""
    return connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]


@lru_cache(maxsize=64)
def _compiled(statement: ClauseElement) -> tuple[str, Sequence[str], Mapping[str, Any]]:
    """Return the text of a statement, its parameters in order, and the values of some."""
    compiled: Any = statement.compile(dialect=DIALECT)
    return str(compiled), tuple(compiled.positiontup), compiled.params


async def _begin(connection: AsyncConnection, command: str) -> None:
    """Begin a transaction, on another of the pool's connections where one was lost while idle."""
    attempts = CONNECTIONS
    while True:
        attempts -= 1
        try:
            await _call(connection, driver_of(connection).execute(command))
        except DBAPIError as error:
            if not (attempts and error.connection_invalidated):
                raise
        else:
            return
        await connection.get_raw_connection()  # another


def _roll_back(adapted: Any, _record: object, state: PoolResetState) -> None:
    """End what a connection has begun, when it comes back to the pool."""
    driver = adapted.driver_connection
    if state.asyncio_safe and not driver.is_closed() and driver.is_in_transaction():
        adapted.run_async(lambda driver: driver.execute("ROLLBACK"))


async def _call(connection: AsyncConnection, call: Awaitable[T]) -> T:
    """Return what the driver returns, and raise its errors as SQLAlchemy does.

    A connection that is lost is used no more, nor one whose call was cancelled or took too long:
    the server may still carry it out, or cancel the next one.
    """
    driver = driver_of(connection)
    try:
        return await call
    except (asyncpg.PostgresError, asyncpg.InterfaceError, *LOST) as error:
        lost = isinstance(error, LOST) or driver.is_closed()
        if lost:
            await connection.invalidate()
        raise DBAPIError(
            None, None, error, hide_parameters=True, connection_invalidated=lost
        ) from error
    except (asyncio.CancelledError, TimeoutError):
        await connection.invalidate()
        raise
