"""Transactions: the guarantees that readers and writers have on both kinds of database."""

import asyncio
from typing import Self

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.database import database as module
from app.database.database import Database, Tx
from app.errors import StoreUnavailable
from tests.support.counting import ORG, add_organisation, count_up, read, until, value

pytestmark = pytest.mark.anyio


class TestReading:
    async def test_a_reader_sees_one_snapshot(self, database: Database) -> None:
        await database.write(add_organisation)
        async with database.reading() as tx:
            before = await value(tx)
            await database.write(count_up)
            assert (before, await value(tx)) == (0, 0)
        assert await read(database) == 1

    async def test_a_reader_cannot_write(self, database: Database) -> None:
        await database.write(add_organisation)
        with pytest.raises(StoreUnavailable):
            async with database.reading() as tx:
                await count_up(tx)
        assert await read(database) == 0

    async def test_a_wrong_question_is_a_defect(self, database: Database) -> None:
        with pytest.raises(DBAPIError):
            async with database.reading() as tx:
                await tx.execute(text("SELECT nothing FROM nowhere"))
        assert database.problem is None

    async def test_what_was_sent_is_not_in_the_error(self, database: Database) -> None:
        with pytest.raises(DBAPIError) as caught:
            async with database.reading() as tx:
                await tx.execute(text("SELECT nothing FROM nowhere WHERE a = :a"), {"a": "s3cret"})
        assert "s3cret" not in str(caught.value)


class TestWriting:
    async def test_it_returns_what_the_work_returned(self, database: Database) -> None:
        await database.write(add_organisation)
        assert await database.write(count_up) == 1

    async def test_an_error_undoes_everything(self, database: Database) -> None:
        await database.write(add_organisation)

        async def work(tx: Tx) -> None:
            await count_up(tx)
            raise LookupError

        with pytest.raises(LookupError):
            await database.write(work)
        assert await read(database) == 0

    async def test_a_cancelled_writer_undoes_everything_and_lets_others_in(
        self, database: Database
    ) -> None:
        await database.write(add_organisation)
        halfway = asyncio.Event()

        async def work(tx: Tx) -> None:
            await count_up(tx)
            halfway.set()
            await asyncio.Event().wait()

        writer = asyncio.create_task(database.write(work))
        await halfway.wait()
        writer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writer
        assert await database.write(count_up) == 1

    async def test_32_writers_of_one_row_lose_nothing(self, database: Database) -> None:
        await database.write(add_organisation)
        numbers = await asyncio.gather(*(database.write(count_up) for _ in range(32)))
        assert sorted(numbers) == list(range(1, 33))
        assert await read(database) == 32

    async def test_two_processes_lose_nothing(self, database: Database, database_url: str) -> None:
        await database.write(add_organisation)
        other = Database(database_url)
        writers = [each.write(count_up) for each in (database, other) for _ in range(8)]
        assert sorted(await asyncio.gather(*writers)) == list(range(1, 17))
        await other.aclose()

    async def test_who_makes_the_same_thing_sees_that_it_is_made(self, database: Database) -> None:
        async def work(tx: Tx) -> bool:
            known = await tx.execute(text("SELECT 1 FROM organisations"))
            if known.first() is not None:
                return False
            await add_organisation(tx)
            return True

        makers = await asyncio.gather(*(database.write(work) for _ in range(8)))
        assert sorted(makers) == [False] * 7 + [True]

    async def test_a_clash_that_stays_is_a_defect(self, database: Database) -> None:
        await database.write(add_organisation)
        with pytest.raises(IntegrityError):
            await database.write(add_organisation)

    async def test_a_reference_to_nothing_is_a_defect(self, database: Database) -> None:
        async def work(tx: Tx) -> None:
            await tx.execute(text("INSERT INTO participants VALUES (:org, 's', 'u')"), {"org": ORG})

        with pytest.raises(IntegrityError):
            await database.write(work)


class TestOpening:
    async def test_before_it_is_opened_it_says_so(self, database_url: str) -> None:
        assert Database(database_url).problem == "is not open"

    async def test_the_first_who_comes_opens_it(self, database_url: str) -> None:
        database = Database(database_url)
        await database.write(add_organisation)
        assert database.problem is None
        await database.aclose()

    async def test_once_closed_it_stays_closed(self, database: Database) -> None:
        await database.aclose()
        with pytest.raises(StoreUnavailable, match=r"^The database is closed\.$"):
            await database.write(add_organisation)


class Nowhere:
    """A port that accepts connections, says nothing, and counts them."""

    def __init__(self) -> None:
        self.connections: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://user:s3cret@127.0.0.1:{port}/oncall?sslmode=disable"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        for connection in self.connections:
            connection.close()

    def _accept(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)


async def refused_opening(database: Database, nowhere: Nowhere) -> None:
    """Open a database that hangs up."""
    opening = asyncio.create_task(database.open())
    await until(lambda: nowhere.connections)
    nowhere.hang_up()
    await opening


class TestAway:
    async def test_the_first_look_is_waited_for(self) -> None:
        async with Nowhere() as nowhere:
            database = Database(nowhere.url)
            callers = [asyncio.create_task(read(database)) for _ in range(3)]
            await until(lambda: nowhere.connections)
            assert not any(caller.done() for caller in callers)
            nowhere.hang_up()
            refused = await asyncio.gather(*callers, return_exceptions=True)
            assert [type(each) for each in refused] == [StoreUnavailable] * 3
            assert len(nowhere.connections) == 1
            await database.aclose()

    async def test_while_one_looks_again_the_others_are_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "RECHECK_SECONDS", 0)
        async with Nowhere() as nowhere:
            database = Database(nowhere.url)
            await refused_opening(database, nowhere)
            looking = asyncio.create_task(read(database))
            await until(lambda: len(nowhere.connections) == 2)
            with pytest.raises(StoreUnavailable):
                await read(database)
            assert not looking.done()
            nowhere.hang_up()
            with pytest.raises(StoreUnavailable):
                await looking
            await database.aclose()

    async def test_it_is_looked_for_once_in_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "RECHECK_SECONDS", 3600)
        async with Nowhere() as nowhere:
            database = Database(nowhere.url)
            await refused_opening(database, nowhere)
            for _ in range(10):
                with pytest.raises(StoreUnavailable):
                    await database.write(add_organisation)
            assert len(nowhere.connections) == 1
            await database.aclose()

    async def test_a_password_is_not_repeated(self) -> None:
        database = Database("postgresql://user:s3cret@127.0.0.1:1/oncall")
        await database.open()
        assert database.problem == "cannot be reached (Connection refused)"
        with pytest.raises(StoreUnavailable) as caught:
            await read(database)
        assert caught.value.detail == "The database cannot be reached (Connection refused)."
        await database.aclose()
