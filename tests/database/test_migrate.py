"""Migrations: up, down and up again, with data, on both; and that they lead to the tables."""

import asyncio
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.database import Database
from app.database.migrate import head, revisions, run_migrations
from app.database.revision import REVISION, current_revision, schema_problem
from app.database.tables import metadata, organisations
from app.errors import StoreUnavailable, UnknownMigration
from tests.support.rows import fill, row_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def away(database: Database) -> Database:
    """A database of each kind, back at the base."""
    await moved(database, "base")
    return database


async def moved(database: Database, to: str) -> tuple[str | None, str | None]:
    async with database.migrating() as connection:
        return await run_migrations(connection, to)


class TestTheWay:
    async def test_there_and_back_and_there_with_data_in_every_table(
        self, database: Database
    ) -> None:
        await database.write(fill)
        assert await moved(database, "base") == (REVISION, None)
        assert await moved(database, "head") == (None, REVISION)
        await database.write(fill)

    async def test_nothing_but_alembics_own_table_is_left_at_the_base(self, away: Database) -> None:
        async with away.migrating() as connection:
            assert await connection.run_sync(table_names) == {"alembic_version"}

    async def test_a_second_time_there_is_nothing_to_do(self, database: Database) -> None:
        assert await moved(database, "head") == (REVISION, REVISION)

    async def test_two_at_once_migrate_once(self, away: Database, database_url: str) -> None:
        other = Database(database_url)
        moves = await asyncio.gather(moved(away, "head"), moved(other, "head"))
        await other.aclose()
        assert sorted(moves, key=str) == [(REVISION, REVISION), (None, REVISION)]

    async def test_a_migration_that_fails_changes_nothing(self, away: Database) -> None:
        async with away.migrating() as connection:
            await connection.execute(text("CREATE TABLE remembered (id INTEGER)"))
        with pytest.raises(Exception, match="already exists"):
            await moved(away, "head")
        async with away.migrating() as connection:
            assert await connection.run_sync(table_names) == {"alembic_version", "remembered"}

    @pytest.mark.parametrize("to", ["0000", "9999", "heads", "", "-1"])
    async def test_an_unknown_one_is_refused(self, database: Database, to: str) -> None:
        with pytest.raises(UnknownMigration, match="is none of base, 0001, 0002, 0003, head"):
            await moved(database, to)


class TestALaterRelease:
    """A database that a later release has migrated."""

    @pytest.fixture
    async def ahead(self, database: Database) -> Database:
        async with database.migrating() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        return database

    async def test_it_is_used(self, ahead: Database) -> None:
        await ahead.refresh()
        assert ahead.problem is None

    async def test_it_is_left_alone(self, ahead: Database) -> None:
        assert await moved(ahead, "head") == ("9999", "9999")

    async def test_it_cannot_be_taken_back(self, ahead: Database) -> None:
        with pytest.raises(UnknownMigration, match="at 9999, which only a later release undoes"):
            await moved(ahead, "base")


class TestTheTables:
    def test_the_number_is_that_of_the_newest_migration(self) -> None:
        assert head() == REVISION

    def test_migrations_are_numbered_in_order(self) -> None:
        numbers = revisions()
        assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]

    async def test_the_migrations_lead_to_the_tables(self, database: Database) -> None:
        async with database.migrating() as connection:
            assert await connection.run_sync(differences) == []

    async def test_they_are_the_same_to_the_last_constraint(self, database: Database) -> None:
        async with database.migrating() as connection:
            migrated_ones = await connection.run_sync(described)
            await connection.run_sync(metadata.drop_all)
            await connection.run_sync(metadata.create_all)
            assert await connection.run_sync(described) == migrated_ones


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("revision", "fault"),
        [
            (None, "is not migrated: run `python -m app migrate`"),
            ("0002", "is at migration 0002 of 0003: run `python -m app migrate`"),
            ("0003", None),
            ("0004", None),
        ],
    )
    async def test_of_a_revision(self, revision: str | None, fault: str | None) -> None:
        assert schema_problem(revision) == fault

    async def test_of_an_empty_database(self, away: Database) -> None:
        async with away.migrating() as connection:
            await connection.execute(text("DROP TABLE alembic_version"))
            assert await current_revision(connection) is None

    async def test_a_database_that_is_not_migrated_is_not_used(self, away: Database) -> None:
        await away.open()
        assert away.problem == "is not migrated: run `python -m app migrate`"
        with pytest.raises(StoreUnavailable, match=r"^The database is not migrated"):
            await away.write(add_organisation)

    async def test_once_migrated_it_is(self, away: Database) -> None:
        await away.open()
        await moved(away, "head")
        await away.write(add_organisation)


async def add_organisation(tx: AsyncConnection) -> None:
    await tx.execute(insert(organisations).values(row_of(organisations)))


def table_names(connection: Connection) -> set[str]:
    names = inspect(connection).get_table_names()
    return {name for name in names if not name.startswith("sqlite_")}


def differences(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def described(connection: Connection) -> dict[str, Any]:
    """Every table with its columns, keys, constraints and indexes, as the database has them."""
    found = inspect(connection)
    return {
        name: (
            [{**column, "type": repr(column["type"])} for column in found.get_columns(name)],
            found.get_pk_constraint(name),
            sorted(found.get_foreign_keys(name), key=str),
            sorted(found.get_unique_constraints(name), key=str),
            sorted(found.get_indexes(name), key=str),
        )
        for name in table_names(connection) - {"alembic_version"}
    }
