"""``migrate``: brings the database to a migration."""

from rich.console import Console

from app.cli.database import require_usable, unchecked_database
from app.database.migrate import BASE, run_migrations


async def run_migrate(url: str, to: str, console: Console) -> None:
    """Run what is missing up to ``to``, or undo what is above it, and say so."""
    async with unchecked_database(url) as database, database.migrating() as connection:
        before, after = await run_migrations(connection, to)
    if before == after:
        console.print(f"The database is at {after or BASE}: nothing to do.")
    else:
        console.print(f"The database was at {before or BASE} and is now at {after or BASE}.")


async def run_check(url: str, console: Console) -> None:
    """Say that the database can be used as it is. Raises ``StoreUnavailable`` if it cannot."""
    async with unchecked_database(url) as database:
        await database.refresh()
        require_usable(database)
    console.print("The database is up to date.")
