"""The command ``migrate``: brings the database to a migration, or checks that it is current."""

from rich.console import Console

from app.cli.database import require_usable, unchecked_database
from app.database.migrate import BASE, run_migrations


async def run_migrate(url: str, to: str, console: Console) -> None:
    """Run the missing migrations up to ``to``, or undo those above it, and print the change."""
    async with unchecked_database(url) as database, database.migrating() as connection:
        before, after = await run_migrations(connection, to)
    if before == after:
        console.print(f"The database is at {after or BASE}: nothing to do.")
    else:
        console.print(f"The database was at {before or BASE} and is now at {after or BASE}.")


async def run_check(url: str, console: Console) -> None:
    """Print that the database is up to date. Raises ``StoreUnavailable`` if it is not."""
    async with unchecked_database(url) as database:
        await database.refresh()
        require_usable(database)
    console.print("The database is up to date.")
