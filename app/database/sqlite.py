"""One SQLite file, for readers and writers of this and other processes.

Strategy: write-ahead logging, so that readers and the one writer do not hold each other up. BEGIN
is ours (``isolation_level`` None keeps sqlite3 from guessing): writers begin IMMEDIATE, so that a
transaction never fails half-way because another wrote since it read. Writers of one process queue
here, in order; SQLite's own waiting is a lottery, left for other processes. The file is opened
``mode=rw``: one that was removed is missed rather than made anew, empty. One that another took the
place of is used no more: what is written to it would be lost, and what lies beside it is not its.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Thread
from typing import Any

import aiosqlite
from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app.database.errors import BUSY
from app.errors import ConfigurationError, StoreUnavailable

PREFIX = "sqlite:///"
READERS = 4
"""Each is a thread; more would only wait for one another."""
BUSY_SECONDS = 5.0
QUEUE_SECONDS = 10.0
CLOSE_SECONDS = 5.0
REPLACED = "was moved or replaced while in use: stop the service before you do, then start it again"

USUAL = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")
READING = (*USUAL, "PRAGMA query_only=ON")
MIGRATING = (*USUAL[:2], "PRAGMA foreign_keys=OFF")
"""A migration may build a table anew, and dropping the old one must not take what refers to it."""


class Sqlite:
    """The engines for one file. ``reader`` cannot write; ``writer`` has one connection."""

    def __init__(self, url: str) -> None:
        self.path = _path_in(url)
        self.reader = self._engine("BEGIN", READING, READERS)
        self.writer = self._engine("BEGIN IMMEDIATE", USUAL, 1)
        self._queue = asyncio.Lock()
        self._file: tuple[int, int] | None = None
        self._workers: list[Thread] = []

    def make_file(self) -> bool:
        """Make the file, and its folder, where there is none; whether there is nothing in it.

        That is not told by its size: who makes it sets it up before migrating.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)  # it holds names and e-mail addresses
        try:
            with contextlib.closing(sqlite3.connect(self._uri, uri=True)) as connection:
                [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:  # named by whoever uses it next
            return False
        return bool(tables == 0)

    @property
    def problem(self) -> str | None:
        """Why what is open must not be used any more; ``None``: it may."""
        return None if self._file in (None, _file_at(self.path)) else REPLACED

    def migrator(self) -> AsyncEngine:
        """An engine for a migration, to be disposed of."""
        return self._engine("BEGIN IMMEDIATE", MIGRATING, 1)

    @contextlib.asynccontextmanager
    async def write_slot(self) -> AsyncIterator[None]:
        """This process's turn to write."""
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                await self._queue.acquire()
        except TimeoutError:
            raise StoreUnavailable.because(BUSY) from None
        try:
            yield
        finally:
            self._queue.release()

    async def aclose(self) -> None:
        await self.reader.dispose()
        await self.writer.dispose()
        for worker in self._workers:  # that of a cancelled call may still tell the loop so
            await asyncio.to_thread(worker.join, CLOSE_SECONDS)

    @property
    def _uri(self) -> str:
        return f"{self.path.absolute().as_uri()}?mode=rw"

    def _engine(self, begin: str, pragmas: tuple[str, ...], connections: int) -> AsyncEngine:
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=self._uri, query={"uri": "true"}),
            connect_args={
                "isolation_level": None,
                "timeout": BUSY_SECONDS,
                "async_creator_fn": self._connected,
            },
            poolclass=AsyncAdaptedQueuePool,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            hide_parameters=True,
        )

        def prepare(connection: Any, _record: object) -> None:
            try:
                cursor = connection.cursor()
                for pragma in pragmas:
                    cursor.execute(pragma)
                cursor.close()
            except BaseException:  # the pool would leave it, and its thread, lying about
                connection.close()
                raise

        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine.sync_engine, "connect", prepare)
        event.listen(engine.sync_engine, "begin", start)
        return engine

    async def _connected(self, *what: Any, **how: Any) -> aiosqlite.Connection:
        connection = aiosqlite.connect(*what, **how)
        worker = connection._thread  # noqa: SLF001 - nothing else tells its end
        worker.daemon = True
        try:
            opened = await connection
            self._file = self._file or _file_at(self.path)
            return opened
        finally:  # one that could not open the file goes on for a moment as well
            self._workers = [*filter(Thread.is_alive, self._workers), worker]


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file it is, by whatever name; ``None``: there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _path_in(url: str) -> Path:
    path = url.removeprefix(PREFIX)
    if path == url or not path or path.startswith((":memory:", "file:")) or "?" in path:
        raise ConfigurationError(["the database must be a file, such as sqlite:///data/oncall.db"])
    return Path(path)
