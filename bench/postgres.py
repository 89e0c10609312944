"""A PostgreSQL that tells what it is asked, by ``pg_stat_statements``, and what it has used."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from bench import process_tree
from tests.support.postgres_server import INSTALLED, postgres_server

EXTENSION = "pg_stat_statements"
OPTIONS = (
    "autovacuum=off",
    "shared_buffers=512MB",
    "fsync=off",
    f"shared_preload_libraries={EXTENSION}",
)
CALLS = """
SELECT coalesce(sum(calls), 0)::float8 AS round_trips,
  coalesce(sum(calls) FILTER (WHERE query !~* '^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)'),
    0)::float8 AS statements
FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
WHERE datname = $1 AND query NOT LIKE 'UPDATE keys SET last_used_at%'
"""
"""Without the last uses of keys: all those of half a minute are written together, which belongs to
no request."""


class Calls(msgspec.Struct):
    """How often the server was called, or is for one request.

    ``statements`` leave out what only begins or ends a transaction, ``round_trips`` do not.
    """

    statements: float
    round_trips: float

    def per_request(self, requests: int) -> "Calls":
        """To a tenth: what else the service does now and then belongs to no request."""
        return Calls(round(self.statements / requests, 1), round(self.round_trips / requests, 1))


class CountingPostgres:
    """A server at ``url``, to which ``/`` and a database's name are added."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._ask(f"CREATE EXTENSION {EXTENSION}")
        [row] = self._ask("SHOW data_directory")
        [pid, *_] = Path(row["data_directory"], "postmaster.pid").read_text().splitlines()
        self._pid = int(pid)

    def cpu_seconds(self) -> float:
        """The processor time of all its processes so far."""
        return process_tree.cpu_seconds(self._pid)

    def forget(self) -> None:
        """Let the calls be counted from 0."""
        self._ask("SELECT pg_stat_statements_reset()")

    def calls(self, database: str) -> Calls:
        """The calls to one database."""
        [row] = self._ask(CALLS, database)
        return Calls(**row)

    def _ask(self, statement: str, *values: str) -> list[Any]:
        return asyncio.run(_rows(f"{self.url}/postgres", statement, *values))


def lacking() -> str | None:
    """What must be installed before calls can be counted; ``None`` if nothing."""
    if INSTALLED and (INSTALLED[-1].parent / "lib" / f"{EXTENSION}.so").exists():
        return None
    return f"{EXTENSION} is not installed: on Debian and Ubuntu, apt-get install postgresql"


@contextmanager
def counting_postgres() -> Iterator[CountingPostgres]:
    """One that runs for as long as the context lasts."""
    with postgres_server(options=OPTIONS) as url:
        yield CountingPostgres(url)


async def _rows(url: str, statement: str, *values: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()
