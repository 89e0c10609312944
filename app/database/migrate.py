"""Runs migrations forward or back: Alembic with the scripts of this package.

Invariants: all steps run in one transaction, on both kinds of database, so they happen together or
not at all. One process at a time migrates (on PostgreSQL under an advisory lock, on SQLite under
the file's own), and a process that had to wait finds nothing left to do. A migration leaves the
previous release working: a column is first no longer used, and a release later removed.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.postgres import MIGRATION_LOCK
from app.database.revision import current_revision
from app.errors import UnknownMigration

BASE = "base"
"""Before the first migration."""
HEAD = "head"


def head() -> str:
    """Return the newest migration."""
    return revisions()[-1]


def revisions() -> list[str]:
    """Return every migration, oldest first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


async def run_migrations(
    connection: AsyncConnection, to: str = HEAD
) -> tuple[str | None, str | None]:
    """Run every migration up to ``to``, or undo those above it; return the last one before and
    after.

    ``connection`` is in a transaction (``Database.migrating``). A database that is ahead of this
    release is left alone if ``to`` is the newest. Raises ``UnknownMigration``.
    """
    steps: list[str | None] = [None, *revisions()]
    aim = {BASE: None, HEAD: steps[-1]}.get(to, to)
    if aim not in steps:
        raise UnknownMigration(f"{to} is none of {', '.join([BASE, *revisions(), HEAD])}.")
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    before = await current_revision(connection)
    if before not in steps:
        if aim == steps[-1]:
            return before, before
        raise UnknownMigration(f"The database is at {before}, which only a later release undoes.")
    run = command.upgrade if steps.index(aim) > steps.index(before) else command.downgrade
    await connection.run_sync(lambda sync: run(_config(sync), aim or BASE))
    return before, await current_revision(connection)


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
