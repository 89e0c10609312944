"""``Database``: transactions, the same for both kinds.

Strategy: a failure is either a defect, which is raised as it is, or the database's, which becomes
``StoreUnavailable`` and, unless it was only busy, is remembered in ``problem``. Whoever comes next
looks whether it is still so. If it is, one caller a second looks again and the others are refused
at once: nobody queues up behind a database that is away.

Invariants: a reader sees one snapshot and cannot write; writers are serializable, so what a
transaction has read still holds when it commits; nothing is committed twice: a transaction is run
again only after the database has refused it, never when its outcome is unknown.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.errors import BUSY, attempts_allowed, failure_text
from app.database.postgres import PREFIXES, Postgres
from app.database.revision import current_revision, schema_problem
from app.database.sqlite import Sqlite
from app.errors import StoreUnavailable

T = TypeVar("T")
Tx = AsyncConnection
"""A transaction, for those who hand it on and know nothing of SQLAlchemy."""
TransactionFunction = Callable[[AsyncConnection], Awaitable[T]]

RECHECK_SECONDS = 1.0
WRITE_SECONDS = 15.0
"""No further run of a transaction is begun after this."""
SHORTEST_PAUSE_SECONDS = 0.004
LONGEST_PAUSE_SECONDS = 0.25


class Database:
    """One database. ``url`` is what ONCALL_DATABASE_URL holds (sqlite:///path or postgresql://…).

    ``problem`` says in a few words why it cannot be used at the moment, never with a password;
    ``None`` when all is well. Raises ``ConfigurationError`` for an address that is neither.
    """

    def __init__(self, url: str) -> None:
        self.problem: str | None = "is not open"
        self._store = Postgres(url) if url.startswith(PREFIXES) else Sqlite(url)
        self._checking = asyncio.Lock()
        self._checked_at = 0.0
        self._is_in_doubt = True  # something happened since anybody looked

    async def open(self) -> None:
        """Connect and look at the schema; a new SQLite file is made and migrated. Never raises."""
        try:
            if self._store.make_file():
                await self._migrate_new_file()
        except (SQLAlchemyError, OSError) as error:
            self.problem = _problem_of(error)
        else:
            await self.refresh()

    async def refresh(self) -> None:
        """Look again whether there is a ``problem``. Never raises."""
        async with self._checking:
            await self._check()

    async def aclose(self) -> None:
        """Close every connection, for good."""
        self.problem = "is closed"
        self._is_in_doubt = False
        self._checked_at = float("inf")  # nobody looks again
        await self._store.aclose()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One consistent snapshot, read only. Raises ``StoreUnavailable``."""
        await self._require_usable()
        with self.translate_failures():
            async with self._store.reader.connect() as connection:
                yield connection

    def snapshot(self) -> "Snapshot":
        """As ``reading``, for several who read, if anybody does."""
        return Snapshot(self)

    async def write(self, work: TransactionFunction[T]) -> T:
        """What ``work`` returned, run in one serializable transaction that was then committed.

        It is run again, after a pause, where another writer came in between: it must do nothing
        that a second run would repeat. What it raises undoes the transaction and is raised here.
        Raises ``StoreUnavailable``; after a lost connection the outcome may be unknown.
        """
        await self._require_usable()
        with self.translate_failures():
            async with self._store.write_slot():
                return await self._commit(work)

    @contextlib.asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """A transaction whatever the schema, for ``migrate``; makes a missing SQLite file.

        Raises ``StoreUnavailable``.
        """
        engine = self._store.migrator()
        try:
            with self.translate_failures():
                self._store.make_file()
                async with engine.begin() as connection:
                    yield connection
        finally:
            await engine.dispose()
        await self.refresh()

    async def _commit(self, work: TransactionFunction[T]) -> T:
        give_up_at, runs = _now() + WRITE_SECONDS, 0
        while True:
            try:
                async with self._store.writer.begin() as connection:
                    return await work(connection)
            except DBAPIError as error:
                runs += 1
                if runs >= attempts_allowed(error) or _now() > give_up_at:
                    raise
            await asyncio.sleep(_pause_after(runs))

    async def _migrate_new_file(self) -> None:
        from app.database.migrate import run_migrations  # noqa: PLC0415 - loads Alembic, seldom needed

        async with self.migrating() as connection:
            await run_migrations(connection)

    async def _require_usable(self) -> None:
        if self._store.problem is not None:
            self.problem, self._is_in_doubt = self._store.problem, True
        if self.problem is None:
            return
        if self._is_in_doubt:
            async with self._checking:
                if self._is_in_doubt:  # else somebody has looked while we waited
                    await self._check()
        elif not self._checking.locked() and _now() - self._checked_at >= RECHECK_SECONDS:
            await self.refresh()
        if self.problem is not None:
            raise StoreUnavailable.because(self.problem)

    async def _check(self) -> None:
        self._checked_at = _now()
        try:
            async with self._store.reader.connect() as connection:
                self.problem = self._store.problem or schema_problem(
                    await current_revision(connection)
                )
        except (SQLAlchemyError, OSError) as error:
            self.problem = _problem_of(error)
        self._is_in_doubt = False

    @contextlib.contextmanager
    def translate_failures(self) -> Iterator[None]:
        """What fails here because of the database raises ``StoreUnavailable``."""
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            text = failure_text(error)
            if text is None:
                raise
            if text != BUSY:
                self.problem, self._is_in_doubt = text, True
            raise StoreUnavailable.because(text) from error


class Snapshot:
    """A context in which all who read see the same; there is none before somebody reads.

    Whoever is going to wait for others ends it first: it holds a connection.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open = contextlib.AsyncExitStack()
        self._tx: AsyncConnection | None = None

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Raises ``StoreUnavailable``."""
        with self._database.translate_failures():
            if self._tx is None:
                self._tx = await self._open.enter_async_context(self._database.reading())
            yield self._tx

    async def end(self) -> None:
        """Let go of the connection; the next to read sees what is committed by then."""
        await self.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tx = None
        await self._open.__aexit__(kind, error, trace)


def _problem_of(error: SQLAlchemyError | OSError) -> str:
    return failure_text(error) or f"cannot be used ({type(error).__name__})"


def _pause_after(runs: int) -> float:
    """Seconds, at random, so that those who met do not meet again."""
    longest = min(LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS * 2**runs)
    return random.uniform(0, longest)  # noqa: S311 - a pause, not a secret


def _now() -> float:
    """Seconds on a clock that only goes forward."""
    return asyncio.get_running_loop().time()
