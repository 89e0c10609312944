"""Brings a database to a revision, or back: Alembic with the migrations in this package.

Invariants: a migration is one transaction, on both kinds, so that it happens or does not; one
process at a time migrates (on PostgreSQL by an advisory lock, on SQLite by the file's own), and who
waited finds nothing left to do. A migration leaves the release before it working: add first, remove
a release later.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.postgres import MIGRATION_LOCK
from app.storage.revision import current

EMPTY = "base"
"""What comes before the first migration."""


def head() -> str:
    """The newest migration."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None  # noqa: S101 - the package holds the first one
    return newest


def revisions() -> list[str]:
    """Every migration, oldest first."""
    return [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


async def upgraded(connection: AsyncConnection, to: str = "head") -> str | None:
    """The revision that the database has after every migration up to ``to``."""
    return await _run(connection, command.upgrade, to)


async def downgraded(connection: AsyncConnection, to: str) -> str | None:
    """The revision that the database has after every migration above ``to`` was taken back."""
    return await _run(connection, command.downgrade, to)


async def _run(connection: AsyncConnection, run: Any, to: str) -> str | None:
    def within(sync: Connection) -> None:
        config = _config()
        config.attributes["connection"] = sync
        run(config, to)

    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    await connection.run_sync(within)
    return await current(connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
