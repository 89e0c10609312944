"""SQLite alone: the file, its pragmas, its queue of writers, its other processes."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.database import sqlite
from app.database.database import Database, Tx
from app.database.sqlite import REPLACED
from app.database.tables import organisations
from app.errors import ConfigurationError, StoreUnavailable
from tests.support.counting import add_organisation, count_up, read, until
from tests.support.databases import migrate
from tests.support.processes import ROOT, environment

pytestmark = pytest.mark.anyio

ANOTHER_PROCESS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("UPDATE organisations SET name = 'B'")
connection.commit()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a path at which nothing exists yet, not even a folder."""
    return tmp_path / "new folder" / "oncall.db"


@pytest.fixture
async def database(file: Path, anyio_backend: str) -> AsyncIterator[Database]:  # noqa: ARG001 - what makes it anyio's
    """Open a new file."""
    opened = Database(f"sqlite:///{file}")
    await opened.open()
    yield opened
    await opened.aclose()


async def pragmas(tx: Tx) -> dict[str, object]:
    names = ("journal_mode", "synchronous", "foreign_keys", "query_only", "busy_timeout")
    return {name: (await tx.execute(text(f"PRAGMA {name}"))).scalar_one() for name in names}


class TestTheFile:
    async def test_a_new_one_is_made_and_migrated(self, database: Database, file: Path) -> None:
        assert database.problem is None
        await database.write(add_organisation)
        assert permissions(file) == "0o600"

    @pytest.mark.parametrize("path", ["oncall.db", "data/oncall.db"])
    async def test_a_relative_path_is_below_the_working_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        database = Database(f"sqlite:///{path}")
        await database.open()
        await database.aclose()
        assert (tmp_path / path).stat().st_size > 0

    async def test_a_name_may_have_any_characters(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path}/50% of #1 & more.db")
        await database.open()
        assert database.problem is None
        await database.aclose()

    async def test_an_old_one_is_not_migrated_by_itself(self, file: Path) -> None:
        await migrate(f"sqlite:///{file}", "base")
        database = Database(f"sqlite:///{file}")
        await database.open()
        assert database.problem == "is not migrated: run `python -m app migrate`"
        await database.aclose()

    async def test_one_that_is_missing_is_not_made_by_who_only_looks(self, file: Path) -> None:
        database = Database(f"sqlite:///{file}")
        await database.refresh()
        assert database.problem == "cannot be opened: its file is missing or not ours to write"
        assert permissions(file) == "no file"
        await database.aclose()

    async def test_a_folder_that_cannot_be_made_is_a_problem(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        database = Database(f"sqlite:///{tmp_path}/file/oncall.db")
        await database.open()
        assert database.problem == "cannot be reached (File exists)"
        await database.aclose()

    @pytest.mark.parametrize("what", ["moved", "replaced"])
    async def test_one_that_is_no_longer_there_is_not_written_to(
        self, database: Database, file: Path, what: str
    ) -> None:
        """The connections would go on with it, and nobody would find what they wrote."""
        await database.write(add_organisation)
        elsewhere = shutil.move(file, file.with_name("elsewhere.db"))
        if what == "replaced":
            shutil.copy(elsewhere, file)
        with pytest.raises(StoreUnavailable, match="was moved or replaced while in use"):
            await database.write(count_up)
        with pytest.raises(StoreUnavailable, match="was moved or replaced while in use"):
            await read(database)
        await database.refresh()
        assert database.problem == REPLACED
        shutil.move(elsewhere, file)
        await database.refresh()
        assert await database.write(count_up) == 1

    async def test_another_kind_of_file_is_a_problem(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("Buy milk.\n" * 100)
        database = Database(f"sqlite:///{tmp_path}/notes.txt")
        await database.open()
        assert database.problem == "is no SQLite database"
        await database.aclose()

    async def test_looking_at_it_again_and_again_leaves_no_threads(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("Buy milk.\n" * 100)
        database = Database(f"sqlite:///{tmp_path}/notes.txt")
        before = threading.active_count()
        for _ in range(5):
            await database.refresh()
        await until(lambda: threading.active_count() == before)
        await database.aclose()

    @pytest.mark.parametrize(
        "url",
        [
            "sqlite:///:memory:",
            "sqlite://",
            "sqlite:///",
            "sqlite:///file::memory:?cache=shared",
            "sqlite:///oncall.db?mode=memory",
            "mysql://host/oncall",
        ],
    )
    def test_what_is_no_file_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="must be a file"):
            Database(url)

    def test_several_processes_make_it_once(self, file: Path) -> None:
        command = [sys.executable, "-m", "app", "keys", "list"]
        environ = environment(ONCALL_DATABASE_URL=f"sqlite:///{file}")
        started = [
            subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(3)
        ]
        ended = [(process.communicate(timeout=120)[1], process.returncode) for process in started]
        assert ended == [(b"", 0)] * 3


class TestConnections:
    async def test_a_reader(self, database: Database) -> None:
        async with database.reading() as tx:
            assert await pragmas(tx) == {
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "query_only": 1,
                "busy_timeout": 5000,
            }

    async def test_a_writer(self, database: Database) -> None:
        assert await database.write(pragmas) == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "query_only": 0,
            "busy_timeout": 5000,
        }

    async def test_a_migration_may_drop_what_others_refer_to(self, database: Database) -> None:
        async with database.migrating() as connection:
            assert (await pragmas(connection))["foreign_keys"] == 0

    async def test_readers_and_a_writer_do_not_wait_for_each_other(
        self, database: Database
    ) -> None:
        await database.write(add_organisation)

        async def work(tx: Tx) -> int:
            await count_up(tx)
            return await read(database)

        async with database.reading():
            assert await database.write(work) == 0


class TestBusy:
    async def test_another_process_that_writes_for_long(
        self, file: Path, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
        hasty = Database(f"sqlite:///{file}")
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"^The database is busy\.$"):
            await hasty.write(add_organisation)
        other.execute("ROLLBACK")
        other.close()
        assert hasty.problem is None
        await hasty.write(add_organisation)
        await hasty.aclose()

    async def test_a_queue_that_is_too_long(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite, "QUEUE_SECONDS", 0.05)
        begun, done = asyncio.Event(), asyncio.Event()

        async def work(tx: Tx) -> None:
            begun.set()
            await done.wait()
            await add_organisation(tx)

        writer = asyncio.create_task(database.write(work))
        await begun.wait()
        with pytest.raises(StoreUnavailable, match="is busy"):
            await database.write(add_organisation)
        done.set()
        await writer

    async def test_writers_come_in_the_order_in_which_they_asked(self, database: Database) -> None:
        await database.write(add_organisation)
        writers = [database.write(count_up) for _ in range(20)]
        assert await asyncio.gather(*writers) == list(range(1, 21))


class TestAnotherProcess:
    """Nothing tells a connection of another process's commit: it reads what the file holds."""

    async def test_its_commit_is_seen_by_the_next_reader(
        self, database: Database, file: Path
    ) -> None:
        await database.write(add_organisation)
        async with database.reading() as tx:
            assert await name_in(tx) == "A"
            await asyncio.to_thread(rename_in_another_process, file)
            assert await name_in(tx) == "A"
        async with database.reading() as tx:
            assert await name_in(tx) == "B"

    async def test_a_writer_builds_on_its_commit(self, database: Database, file: Path) -> None:
        await database.write(add_organisation)
        assert await database.write(name_in) == "A"
        await asyncio.to_thread(rename_in_another_process, file)
        assert await database.write(name_in) == "B"


def permissions(file: Path) -> str:
    return oct(file.stat().st_mode & 0o777) if file.exists() else "no file"


def rename_in_another_process(file: Path) -> None:
    subprocess.run([sys.executable, "-c", ANOTHER_PROCESS, str(file)], check=True)


async def name_in(tx: Tx) -> str:
    return (await tx.execute(select(organisations.c.name))).scalar_one()
