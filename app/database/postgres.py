"""One PostgreSQL database through asyncpg, which reads the address as libpq would.

Strategy: writes are SERIALIZABLE and run again where the server says so; reads are REPEATABLE READ
READ ONLY, one snapshot each. Every wait is bounded: for a connection, for a place in the pool, and
for a statement (by the server, and a little later by us, should the server be gone). The server
ends a transaction that was left open.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

PREFIXES = ("postgresql://", "postgres://")
CONNECTIONS = 10
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0
MARGIN_SECONDS = 2.0

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
    """The engines for one database: ``reader`` and ``writer`` share ten connections."""

    problem = None
    """Always ``None``: only the server itself reports a problem."""

    def __init__(self, url: str) -> None:
        self._url = url
        wait = STATEMENT_SECONDS + MARGIN_SECONDS
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: self._connection(SERVER, wait),
            isolation_level="AUTOCOMMIT",  # while idle: the ping is then a single question
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
        )
        self.reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.writer = self._engine.execution_options(isolation_level="SERIALIZABLE")

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
