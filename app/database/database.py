"""Transactions, alike on SQLite and PostgreSQL.

Strategy: a failure is either a defect, which is raised as it is, or the database's. The latter
becomes ``StoreUnavailable`` and, unless the database was only busy, is remembered in ``problem``.
The next caller checks whether the problem is still there. If it is, one caller a second checks
again and all others are refused at once, so nobody queues up behind a database that is away.

Invariants: a reader sees one snapshot and cannot write. Writers are serializable, so what a
transaction has read still holds when it commits. Nothing is committed twice: a transaction is run
again only after the database has refused it, never when its outcome is unknown.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import CompoundSelect

from app.database.errors import BUSY, attempts_allowed, failure_text
from app.database.postgres import PREFIXES, Postgres, fetch
from app.database.revision import current_revision, schema_problem
from app.database.sqlite import Sqlite
from app.errors import StoreUnavailable

T = TypeVar("T")
Tx = AsyncConnection
"""A transaction, for modules that pass it on and know nothing of SQLAlchemy."""
TransactionFunction = Callable[[AsyncConnection], Awaitable[T]]

RECHECK_SECONDS = 1.0
WRITE_SECONDS = 15.0
"""No transaction is run again after this time."""
SHORTEST_PAUSE_SECONDS = 0.004
LONGEST_PAUSE_SECONDS = 0.25


class Database:
    """One database, of either kind.

    ``url`` is the value of ONCALL_DATABASE_URL (sqlite:///path or postgresql://…); any other raises
    ``ConfigurationError``. ``problem`` says in a few words why the database cannot be used at the
    moment, never with a password; it is ``None`` when all is well.
    """

    def __init__(self, url: str) -> None:
        self.problem: str | None = "is not open"
        self._engines = Postgres(url) if url.startswith(PREFIXES) else Sqlite(url)
        self._checking = asyncio.Lock()
        self._checked_at = 0.0
        self._is_in_doubt = True  # something happened since the last check

    async def open(self) -> None:
        """Connect and check the schema; create and migrate a missing SQLite file. Never raises."""
        try:
            if self._engines.make_file():
                await self._migrate_new_file()
        except (SQLAlchemyError, OSError) as error:
            self.problem = _problem_of(error)
        else:
            await self.refresh()

    async def refresh(self) -> None:
        """Check again whether there is a ``problem``. Never raises."""
        async with self._checking:
            await self._check()

    async def aclose(self) -> None:
        """Close every connection for good."""
        self.problem = "is closed"
        self._is_in_doubt = False
        self._checked_at = float("inf")  # it is never checked again
        await self._engines.aclose()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open one consistent, read-only snapshot. Raises ``StoreUnavailable``."""
        await self._require_usable()
        with self.translate_failures():
            async with self._engines.reading() as connection:
                yield connection

    def snapshot(self) -> "Snapshot":
        """Return a snapshot that several readers share and that is opened by the first of them."""
        return Snapshot(self)

    async def write(self, work: TransactionFunction[T]) -> T:
        """Run ``work`` in one serializable transaction, commit it and return the result.

        After a conflict with another writer ``work`` is run again, following a pause, so it must do
        nothing that a second run would repeat. An error that it raises rolls the transaction back
        and is raised here. Raises ``StoreUnavailable``; after a lost connection the outcome may be
        unknown.
        """
        await self._require_usable()
        with self.translate_failures():
            async with self._engines.write_slot():
                return await self._commit(work)

    @contextlib.asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction for ``run_migrations``, whatever the schema; create a missing SQLite
        file.

        Raises ``StoreUnavailable``.
        """
        engine = self._engines.migrator()
        try:
            with self.translate_failures():
                self._engines.make_file()
                async with engine.begin() as connection:
                    yield connection
        finally:
            await engine.dispose()
        await self.refresh()

    async def _commit(self, work: TransactionFunction[T]) -> T:
        give_up_at, attempts = _now() + WRITE_SECONDS, 0
        while True:
            try:
                async with self._engines.writing() as connection:
                    return await work(connection)
            except DBAPIError as error:
                attempts += 1
                if attempts >= attempts_allowed(error) or _now() > give_up_at:
                    raise
            await asyncio.sleep(_pause_after(attempts))

    async def _migrate_new_file(self) -> None:
        from app.database.migrate import run_migrations  # noqa: PLC0415 - loads Alembic, seldom needed

        async with self.migrating() as connection:
            await run_migrations(connection)

    async def _require_usable(self) -> None:
        if self._engines.problem is not None:
            self.problem, self._is_in_doubt = self._engines.problem, True
        if self.problem is None:
            return
        if self._is_in_doubt:
            async with self._checking:
                if self._is_in_doubt:  # else another checked while we waited
                    await self._check()
        elif not self._checking.locked() and _now() - self._checked_at >= RECHECK_SECONDS:
            await self.refresh()
        if self.problem is not None:
            raise StoreUnavailable.because(self.problem)

    async def _check(self) -> None:
        self._checked_at = _now()
        try:
            async with self._engines.reading() as connection:
                self.problem = self._engines.problem or schema_problem(
                    await current_revision(connection)
                )
        except (SQLAlchemyError, OSError) as error:
            self.problem = _problem_of(error)
        self._is_in_doubt = False

    @contextlib.contextmanager
    def translate_failures(self) -> Iterator[None]:
        """Raise ``StoreUnavailable`` for every failure within that is the database's."""
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
    """A context in which all readers see the same state; it opens a connection at the first read.

    It holds that connection, so end it before you wait for others.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open = contextlib.AsyncExitStack()
        self._tx: AsyncConnection | None = None

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Use the snapshot. Raises ``StoreUnavailable``."""
        with self._database.translate_failures():
            if self._tx is None:
                self._tx = await self._open.enter_async_context(self._database.reading())
            yield self._tx

    async def end(self) -> None:
        """Release the connection; the next reader sees whatever is committed by then."""
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


async def rows_of(
    tx: AsyncConnection, statement: Select[Any] | CompoundSelect[Any], values: Mapping[str, Any]
) -> Sequence[Mapping[Any, Any]]:
    """Return the rows that ``statement`` finds, by the names of their columns.

    It is a constant of a module, with the quickest way there is. No parameter of it is expanding.
    """
    if tx.dialect.name == "postgresql":
        return await fetch(tx, statement, values)
    found: Sequence[Mapping[Any, Any]] = (await tx.execute(statement, values)).mappings().all()
    return found


def _problem_of(error: SQLAlchemyError | OSError) -> str:
    return failure_text(error) or f"cannot be used ({type(error).__name__})"


def _pause_after(attempts: int) -> float:
    """Return a pause in seconds, random so that writers who collided do not collide again."""
    longest = min(LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS * 2**attempts)
    return random.uniform(0, longest)  # noqa: S311 - a pause, not a secret


def _now() -> float:
    """Return seconds on a clock that only goes forward."""
    return asyncio.get_running_loop().time()
