"""PostgreSQL alone: a server that comes and goes, refuses, is full or does not answer."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import Select, Text, cast, func, literal_column, select, text
from sqlalchemy.exc import DBAPIError

from app.database import database as module
from app.database import postgres
from app.database.database import Database, Tx, rows_of
from app.errors import StoreUnavailable
from tests.support.counting import add_organisation, count_up, read, until
from tests.support.databases import TEMPLATE, migrate
from tests.support.postgres_server import cluster, postgres_server
from tests.support.processes import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

REFUSED = text("DO $$ BEGIN RAISE 'another came first' USING ERRCODE = '40001'; END $$")
WRONG: Select[Any] = select(literal_column("1 / 0").label("wrong"))
SLEEPING: Select[Any] = select(cast(func.pg_sleep(60), Text).label("slept"))


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.open()
    yield database
    await database.aclose()


async def sleep_there(tx: Tx) -> None:
    await tx.execute(text("SELECT pg_sleep(60)"))


@on_postgresql
class TestTransactions:
    async def test_a_reader(self, database: Database) -> None:
        assert await isolation_of(database.reading()) == ("repeatable read", "on")

    async def test_a_writer(self, database: Database) -> None:
        async def work(tx: Tx) -> tuple[str, str]:
            return await isolation_in(tx)

        assert await database.write(work) == ("serializable", "off")

    async def test_what_was_read_still_holds_at_the_commit(self, database: Database) -> None:
        """Write skew: each reads what the other is about to change."""
        await database.write(add_organisation)
        both_have_read = asyncio.Barrier(2)
        runs = {"a": 0, "b": 0}

        async def work(tx: Tx, me: str) -> bool:
            runs[me] += 1
            names = (await tx.execute(text("SELECT name FROM organisations ORDER BY id"))).all()
            if runs[me] == 1:
                await both_have_read.wait()
            if len(names) > 1:
                return False
            values = {"id": me, "name": me}
            await tx.execute(
                text("INSERT INTO organisations (id, name, created_at) VALUES (:id, :name, 0)"),
                values,
            )
            return True

        done = await asyncio.gather(
            database.write(lambda tx: work(tx, "a")), database.write(lambda tx: work(tx, "b"))
        )
        assert sorted(done) == [False, True]

    async def test_a_row_that_another_made_is_seen_by_the_next_run(
        self, database: Database
    ) -> None:
        runs: list[int] = []

        async def work(tx: Tx) -> None:
            runs.append(len(runs))
            if len(runs) == 1:
                await database.write(add_organisation)
            if len(runs) < 3:
                await add_organisation(tx)

        await database.write(work)
        assert runs == [0, 1, 2]

    async def test_runs_are_bounded_in_number(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0)
        runs: list[int] = []

        async def work(tx: Tx) -> None:
            runs.append(len(runs))
            await tx.execute(REFUSED)

        with pytest.raises(StoreUnavailable, match="is busy"):
            await database.write(work)
        assert len(runs) == 64
        assert database.problem is None

    async def test_runs_are_bounded_in_time(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "WRITE_SECONDS", -1)
        runs: list[int] = []

        async def work(tx: Tx) -> None:
            runs.append(len(runs))
            await tx.execute(REFUSED)

        with pytest.raises(StoreUnavailable, match="is busy"):
            await database.write(work)
        assert len(runs) == 1


@on_postgresql
class TestBounds:
    async def test_a_statement_that_takes_too_long_is_ended_by_the_server(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres, "SERVER", {"statement_timeout": "100ms"})
        async with opened(database_url) as database:
            with pytest.raises(StoreUnavailable, match="is busy"):
                await database.write(sleep_there)
            await database.write(add_organisation)

    async def test_or_else_by_us(self, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgres, "SERVER", {})
        monkeypatch.setattr(postgres, "STATEMENT_SECONDS", 1.0)
        monkeypatch.setattr(postgres, "MARGIN_SECONDS", 0.0)
        async with opened(database_url) as database:
            with pytest.raises(StoreUnavailable, match="does not answer in time"):
                await database.write(sleep_there)
            await database.write(add_organisation)

    async def test_a_migration_is_not_bounded(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with database.migrating() as connection:
            limit = await connection.execute(text("SHOW statement_timeout"))
            assert limit.scalar_one() == "0"

    async def test_who_finds_no_connection_is_told(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres, "CONNECT_SECONDS", 1.0)
        async with opened(database_url) as database, contextlib.AsyncExitStack() as readers:
            await database.write(add_organisation)
            for _ in range(postgres.CONNECTIONS):
                tx = await readers.enter_async_context(database.reading())
                await tx.execute(text("SELECT 1"))
            with pytest.raises(StoreUnavailable, match="is busy"):
                await read(database)
            assert database.problem is None

    async def test_connections_are_shared_by_readers_and_writers(self, database: Database) -> None:
        await database.write(add_organisation)
        await asyncio.gather(*(database.write(count_up) for _ in range(20)))
        await asyncio.gather(*(read(database) for _ in range(20)))
        async with database.reading() as tx:
            ours = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            assert (await tx.execute(ours)).scalar_one() <= postgres.CONNECTIONS


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "user", "problem"),
        [
            ("template_oncall", "guarded:s3cret", "refuses the user name or password"),
            ("nowhere", "postgres", "does not exist on its server"),
            ("postgres", "postgres", "is not migrated: run `python -m app migrate`"),
        ],
    )
    async def test_a_server_that_refuses(
        self,
        postgres_url: str,
        templates: Callable[[str], str],
        name: str,
        user: str,
        problem: str,
    ) -> None:
        templates("postgresql")
        async with opened(f"{postgres_url.replace('postgres@', f'{user}@')}/{name}") as database:
            assert database.problem == problem
            with pytest.raises(StoreUnavailable):
                await database.write(add_organisation)

    async def test_the_address_may_say_all_that_libpq_knows(self, postgres_url: str) -> None:
        where = postgres_url.rpartition("@")[2]
        url = f"postgres:///postgres?host={where.partition(':')[0]}&port={where.partition(':')[2]}"
        async with opened(f"{url}&user=postgres&sslmode=prefer") as database:
            assert database.problem == "is not migrated: run `python -m app migrate`"


async def test_a_server_that_is_killed_and_started_again_under_readers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RECHECK_SECONDS", 0.05)
    port = free_port()
    with cluster() as folder:

        @contextlib.asynccontextmanager
        async def running() -> AsyncIterator[str]:
            options = ["fsync=off"]  # but what is committed is written
            server = postgres_server(folder, port, options, stop=signal.SIGQUIT)
            url = await asyncio.to_thread(server.__enter__)
            yield f"{url}/postgres"
            await asyncio.to_thread(server.__exit__, None, None, None)

        async with running() as url:
            await migrate(url)
            database = Database(url)
            await database.write(add_organisation)
            seen: list[str] = []
            readers = [asyncio.create_task(read_on(database, seen)) for _ in range(4)]
            await until(lambda: "0" in seen)
        seen.clear()
        await until(lambda: "unavailable" in seen)
        assert database.problem is not None
        async with running():
            await until(lambda: seen[-20:] == ["0"] * 20)
            assert database.problem is None
            assert set(seen) == {"0", "unavailable"}
            await database.write(count_up)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            await database.aclose()


@on_postgresql
async def test_connections_that_were_lost_while_idle_are_not_noticed(
    database: Database, postgres_url: str
) -> None:
    await database.write(add_organisation)
    async with opened(f"{postgres_url}/{TEMPLATE}") as other, other.reading() as tx:
        everybody_else = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        await tx.execute(everybody_else)
    assert await read(database) == 0


@on_postgresql
async def test_but_only_so_many_are_tried(
    database: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(add_organisation)
    async with opened(f"{postgres_url}/{TEMPLATE}") as other, other.reading() as tx:
        everybody_else = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        await tx.execute(everybody_else)
    monkeypatch.setattr(postgres, "CONNECTIONS", 1)
    with pytest.raises(StoreUnavailable):
        await read(database)


@on_postgresql
async def test_a_wrong_question_past_sqlalchemy_is_a_defect(database: Database) -> None:
    async with database.reading() as tx:
        with pytest.raises(DBAPIError, match="division by zero"):
            await rows_of(tx, WRONG, {})


async def backend(database: Database) -> int:
    """Return the number of the server's process that answers."""
    async with database.reading() as tx:
        pid: int = await tx.scalar(select(func.pg_backend_pid()))
        return pid


@on_postgresql
class TestConnectionsThatComeBack:
    """None serves anybody else within a transaction that another began."""

    @pytest.fixture(autouse=True)
    def only_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgres, "CONNECTIONS", 1)

    async def test_after_a_failure_within_a_transaction(self, database_url: str) -> None:
        async with opened(database_url) as database:
            first = await backend(database)
            with pytest.raises(ZeroDivisionError):
                async with database.reading():
                    raise ZeroDivisionError
            with pytest.raises(DBAPIError):
                async with database.reading() as tx:
                    await rows_of(tx, WRONG, {})
            assert await backend(database) == first
            await require_writable(database)

    async def test_not_one_on_which_somebody_hung_up(self, database_url: str) -> None:
        async with opened(database_url) as database:
            first = await backend(database)
            begun = asyncio.Event()

            async def sleep() -> None:
                async with database.reading() as tx:
                    begun.set()
                    await rows_of(tx, SLEEPING, {})

            sleeper = asyncio.create_task(sleep())
            await begun.wait()
            sleeper.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sleeper
            assert await backend(database) != first
            await require_writable(database)

    async def test_nor_one_that_did_not_answer_in_time(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres, "SERVER", {})
        monkeypatch.setattr(postgres, "STATEMENT_SECONDS", 1.0)
        monkeypatch.setattr(postgres, "MARGIN_SECONDS", 0.0)
        async with opened(database_url) as database:
            first = await backend(database)
            with pytest.raises(StoreUnavailable, match="does not answer in time"):
                async with database.reading() as tx:
                    await rows_of(tx, SLEEPING, {})
            assert await backend(database) != first
            await require_writable(database)


async def require_writable(database: Database) -> None:
    """See that a write begins and commits a transaction of its own."""
    await database.write(add_organisation)
    assert await read(database) == 0


async def read_on(database: Database, seen: list[str]) -> None:
    """Read again and again, and note the code of a failure."""
    while True:
        try:
            seen.append(str(await read(database)))
        except StoreUnavailable as error:
            seen.append(error.code)
        await asyncio.sleep(0.01)


async def isolation_of(transaction: contextlib.AbstractAsyncContextManager[Tx]) -> tuple[str, str]:
    async with transaction as tx:
        return await isolation_in(tx)


async def isolation_in(tx: Tx) -> tuple[str, str]:
    names = ("transaction_isolation", "transaction_read_only")
    level, read_only = [(await tx.execute(text(f"SHOW {name}"))).scalar_one() for name in names]
    return level, read_only
