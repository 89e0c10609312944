"""One PostgreSQL database through asyncpg, which reads the address as libpq would.

Strategy: writes are SERIALIZABLE and run again where the server says so; reads are REPEATABLE READ
READ ONLY, one snapshot each. Whatever waits is bounded: to connect, for a place in the pool, for a
statement (by the server, and a little later by us, should it be gone), and a transaction that
somebody forgot is ended by the server.
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
"""Any number that nobody else locks: "oncall"."""

SERVER: Mapping[str, str] = {
    "application_name": "oncall",
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    "idle_in_transaction_session_timeout": "60s",
}
MIGRATING: Mapping[str, str] = {
    "application_name": "oncall migrate",
    "lock_timeout": "60s",  # whoever waits for a lock on a table holds up all who come later
}


class Postgres:
    """The engines for one database: ``reader`` and ``writer`` share ten connections."""

    problem = None
    """Nothing but the server itself tells of one."""

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
        """There is none: whoever runs the server makes the database, `migrate` what is in it."""
        return False

    def migrator(self) -> AsyncEngine:
        """An engine for a migration, to be disposed of. It may take its time."""
        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: self._connection(MIGRATING, None),
            poolclass=NullPool,
        )

    def write_slot(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Writers need not queue here."""
        return contextlib.nullcontext()

    async def aclose(self) -> None:
        await self._engine.dispose()

    async def _connection(self, server: Mapping[str, str], wait: float | None) -> Any:
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            command_timeout=wait,
            server_settings=dict(server),
        )
