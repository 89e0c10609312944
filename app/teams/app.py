"""The ASGI application under ``/api/``: it loads the stored APIs and watches their database.

Strategy: the APIs are loaded in a thread once the service has started, or at the first request for
them. So the paid endpoints, which never touch a database, neither wait for it nor fail with it.
"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import ConfigurationError, NotFound
from app.http.problems import ErrorResponse
from app.http.rate_limits import RateLimits
from app.http.readiness import NOT_USED
from app.settings import Settings
from app.teams.quotas.quota import quotas_in
from app.workers.pool import WorkerPool

if TYPE_CHECKING:
    from app.database.database import Database
    from app.teams.operation import Render
    from app.teams.pipeline import StoredApi

log = structlog.get_logger()

PREFIX = "/api/"
REFRESH_SECONDS, RETRY_SECONDS = 30.0, 2.0
"""How often a database is checked that is well, or is not; requests notice a change at once. The
last use of keys is written as often."""
OPENING_SECONDS = 5.0
"""How long a service that stops waits for a database that it has begun to open."""

NOTHING_KEPT = "this service keeps no schedules: ONCALL_DATABASE_URL=none"

disabled_api: ASGIApp = ErrorResponse(
    "not_found",
    b'{"error":"not_found","message":"%b"}' % NOTHING_KEPT.encode(),
    HTTPStatus.NOT_FOUND,
    {},
    "application/json",
)


class TeamsApp:
    """The stored APIs, loaded when they are first needed.

    Raises ``ConfigurationError`` for quotas that are none.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        limits: RateLimits,
        workers: WorkerPool,
        render: "Render",
    ) -> None:
        self._render = render
        self._settings = settings
        self._quotas, errors = quotas_in(settings.quota)
        if errors:
            raise ConfigurationError(errors)
        self._clock = clock
        self._limits = limits
        self._workers = workers
        self._loading = asyncio.Lock()
        self._loaded: tuple[Database, StoredApi] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._settings.store_url:
            await disabled_api(scope, receive, send)
            return
        _, api = self._loaded or await self._load()
        await api(scope, receive, send)

    def checks(self) -> Mapping[str, str | None]:
        """Return the problem of the store, if any, for the readiness check."""
        if not self._settings.store_url:
            return {"store": NOT_USED}
        return {"store": self._loaded[0].problem if self._loaded else "is being opened"}

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Load the APIs soon after the context is entered; close them when it is left."""
        watching = asyncio.create_task(self._watch()) if self._settings.store_url else None
        try:
            yield
        finally:
            if watching:
                # what is being opened may end: a connection of SQLite that is given up while it is
                # opened is never closed
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(OPENING_SECONDS), self._loading:
                        watching.cancel()
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            await self._close()

    async def database(self) -> "Database":
        """Return the database, which is loaded and opened if it has not been yet."""
        database, _ = self._loaded or await self._load()
        return database

    async def api(self) -> "StoredApi":
        """Return the APIs, which are loaded if they have not been yet.

        Raises ``NotFound`` where nothing is stored.
        """
        if not self._settings.store_url:
            raise NotFound(NOTHING_KEPT)
        _, api = self._loaded or await self._load()
        return api

    async def _load(self) -> "tuple[Database, StoredApi]":
        """Load the APIs, once. Requests that arrive meanwhile wait instead of being refused."""
        async with self._loading:
            loaded = self._loaded = self._loaded or await self._open_database()
        return loaded

    async def _open_database(self) -> "tuple[Database, StoredApi]":
        """Open the database; return it with the APIs over it."""
        async with contextlib.AsyncExitStack() as closing:
            database, api = await asyncio.to_thread(self._build)
            if gc.get_freeze_count():  # so do those that the process began with (asgi.py)
                gc.freeze()  # these objects live as long as the process, too
            closing.push_async_callback(database.aclose)
            await database.open()
            closing.pop_all()  # it stays open, unless the service was stopped meanwhile
        (log.warning if database.problem else log.info)("store", problem=database.problem or "ok")
        return database, api

    def _build(self) -> "tuple[Database, StoredApi]":
        from app.database.database import Database  # noqa: PLC0415 - as above
        from app.teams.pipeline import StoredApi  # noqa: PLC0415 - SQLAlchemy is loaded late
        from app.teams.routes import stored_operations  # noqa: PLC0415 - as above

        database = Database(self._settings.store_url)
        api = StoredApi(
            stored_operations(),
            database,
            limits=self._limits,
            workers=self._workers,
            public_url=self._settings.public_url,
            clock=self._clock,
            render=self._render,
            quotas=self._quotas,
        )
        return database, api

    async def _watch(self) -> None:
        """Load the APIs, then check the database for ever and write down the last use of keys."""
        database, api = await self._load()
        reported = database.problem
        while True:
            await asyncio.sleep(RETRY_SECONDS if reported else REFRESH_SECONDS)
            await database.refresh()
            if database.problem != reported:
                reported = database.problem
                log.warning("readiness", part="store", problem=reported)
            with log_defects():
                await api.tidy()

    async def _close(self) -> None:
        if self._loaded:
            database, api = self._loaded
            with log_defects():
                await api.tidy()
            await database.aclose()


@contextlib.contextmanager
def log_defects() -> Iterator[None]:
    """Log an exception instead of raising it: a failing side task ends neither the watch nor a
    stop.
    """
    try:
        yield
    except Exception:
        log.exception("store")
