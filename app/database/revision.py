"""The migration that a database has reached.

Numbers are compared as text, so Alembic, which takes a while to load, is not needed to start. A
migration must leave the previous release working: a database that is ahead of this release is in
the middle of an update, or a release was rolled back, and it is used as it is.
"""

from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

REVISION = "0009"
"""The migration that leads to ``tables``."""


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the last migration that was run here; ``None`` where none ever was."""
    if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
        return None
    found = await connection.execute(text("SELECT version_num FROM alembic_version"))
    return found.scalar_one_or_none()


def schema_problem(revision: str | None) -> str | None:
    """Return why a database at ``revision`` cannot be used; ``None`` when it can."""
    if revision is None:
        return "is not migrated: run `python -m app migrate`"
    if revision < REVISION:
        return f"is at migration {revision} of {REVISION}: run `python -m app migrate`"
    return None
