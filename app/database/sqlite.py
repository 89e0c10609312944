"""One SQLite file, for readers and writers of this and other processes.

Strategy: write-ahead logging, so that readers and the one writer do not hold each other up. We
issue BEGIN ourselves (``isolation_level`` None keeps sqlite3 from guessing): writers begin
IMMEDIATE, so that a transaction never fails half-way because another wrote since it read. Writers
of one process queue here, in order; SQLite's own waiting is a lottery, left for other processes.
The file is opened ``mode=rw``, so a file that was removed is missed rather than made anew, empty. A
file that another took the place of is used no more: what is written to it would be lost, and the
files beside it belong to the other.
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
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app.database.errors import BUSY
from app.errors import ConfigurationError, StoreUnavailable

PREFIX = "sqlite:///"
READERS = 4
"""Each is a thread; more of them would only wait for one another."""
BUSY_SECONDS = 5.0
QUEUE_SECONDS = 10.0
CLOSE_SECONDS = 5.0
REPLACED = "was moved or replaced while in use: stop the service before you do, then start it again"

USUAL = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")
READING = (*USUAL, "PRAGMA query_only=ON")
MIGRATING = (*USUAL[:2], "PRAGMA foreign_keys=OFF")
"""A migration may rebuild a table; dropping the old one must not delete rows that refer to it."""


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
        """Create the file and its folder where they are missing; return whether the database is
        empty.

        Its size would not tell, since a process sets a new file up before it migrates it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)  # it holds names and e-mail addresses
        try:
            with contextlib.closing(sqlite3.connect(self._uri, uri=True)) as connection:
                [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:  # the next use names the problem
            return False
        return bool(tables == 0)

    @property
    def problem(self) -> str | None:
        """Why the open file must not be used any more; ``None`` while it may be."""
        return None if self._file in (None, _file_at(self.path)) else REPLACED

    def reading(self) -> contextlib.AbstractAsyncContextManager[AsyncConnection]:
        """Open a snapshot that cannot write."""
        return self.reader.connect()

    def writing(self) -> contextlib.AbstractAsyncContextManager[AsyncConnection]:
        """Open the only transaction that writes; commit it unless an error is raised."""
        return self.writer.begin()

    def migrator(self) -> AsyncEngine:
        """Return an engine for a migration. The caller disposes of it."""
        return self._engine("BEGIN IMMEDIATE", MIGRATING, 1)

    @contextlib.asynccontextmanager
    async def write_slot(self) -> AsyncIterator[None]:
        """Wait until no other task of this process writes. Raises ``StoreUnavailable``."""
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
        """Close every connection and wait for its thread."""
        await self.reader.dispose()
        await self.writer.dispose()
        for worker in self._workers:  # the thread of a cancelled call may still report to the loop
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
            except BaseException:  # the pool would leave the connection and its thread open
                connection.close()
                raise

        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine.sync_engine, "connect", prepare)
        event.listen(engine.sync_engine, "begin", start)
        return engine

    async def _connected(self, *what: Any, **how: Any) -> aiosqlite.Connection:
        connection = aiosqlite.connect(*what, **how)
        worker = connection._thread  # noqa: SLF001 - its end shows nowhere else
        worker.daemon = True
        try:
            opened = await connection
            self._file = self._file or _file_at(self.path)
            return opened
        finally:  # a thread that could not open the file runs on for a moment, too
            self._workers = [*filter(Thread.is_alive, self._workers), worker]


def _file_at(path: Path) -> tuple[int, int] | None:
    """Return which file a path leads to (device and number); ``None`` where there is none."""
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
