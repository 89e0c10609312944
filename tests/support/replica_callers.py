"""Callers of the stored APIs in process: replicas over one database, each with its own pool.

The rate limit never applies (its clock leaps a minute at every look). A defect is raised in the
caller, so no test can take it for an answer.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from typing import Any

import httpx

from app.database.database import Database
from app.database.errors import BUSY
from app.discovery.html import html_page
from app.http.rate_limits import RateLimits
from app.teams.keys.store import SCOPES, create_key
from app.teams.pipeline import StoredApi
from app.teams.routes import stored_operations
from app.workers.pool import WorkerPool

V1, V2 = "/api/v1", "/api/v2/oncall"

ZONE = "UTC"

PATIENCE = 60
"""How often a busy database is asked again: 32 writers at once take their time on a slow machine.
"""


class Caller:
    """One client of one replica, with a key that has every scope."""

    def __init__(self, database: Database, key: str, clock: Callable[[], float]) -> None:
        minutes = count(step=61)
        app = StoredApi(
            stored_operations(),
            database,
            limits=RateLimits(lambda: float(next(minutes))),
            workers=WorkerPool(),
            public_url="https://oncall.test",
            clock=clock,
            render=html_page,
        )
        self.database = database
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://stored.test",
            headers={"Authorization": f"Bearer {key}"},
        )

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.http.request(method, path, json=body, headers=named)

    async def ask_patiently(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request, and again when the answer says to if the database is busy. Nothing was
        changed then. For tests in which it does not matter how often a write has to be sent.
        """
        for _ in range(PATIENCE):
            answer = await self.ask(method, path, body)
            if answer.status_code != 503 or f"The database {BUSY}." not in answer.text:
                break
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        return answer

    async def done(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request that must succeed; return the ``data`` of its answer, or all of one
        without.
        """
        answer = await self.ask(method, path, body, **headers)
        assert answer.status_code in (200, 201, 204), f"{method} {path} {body}: {answer.text}"
        body = answer.json() if answer.content else None
        return body.get("data", body) if isinstance(body, dict) else body

    async def every(self, path: str) -> list[Any]:
        """Read a list from its first page to its last."""
        items: list[Any] = []
        while True:
            joint = "&" if "?" in path else "?"
            answer = await self.ask("GET", f"{path}{joint}limit=100&offset={len(items)}")
            assert answer.status_code == 200, answer.text
            items += answer.json()["data"]
            if len(items) >= answer.json()["total"]:
                return items

    async def add_user(self, name: str) -> None:
        await self.done("POST", f"{V2}/users", {"id": name, "name": name, "email": f"{name}@x"})

    async def schedule(self, name: str, *participants: str, **more: Any) -> Any:
        """Create a schedule of days that begin at midnight UTC."""
        document = {"id": name, "name": name, "team_id": "team", "timezone": ZONE}
        rotation = {"rotation_type": "daily", "participants": list(participants)}
        return await self.done("POST", f"{V2}/schedules", {**document, **rotation, **more})


@contextlib.asynccontextmanager
async def replicas(
    url: str, clock: Callable[[], float], number: int = 2
) -> AsyncIterator[Sequence[Caller]]:
    """Run ``number`` replicas, each with its own connections, and yield a caller of each."""
    async with contextlib.AsyncExitStack() as closing:
        databases = [Database(url) for _ in range(number)]
        for database in databases:
            closing.push_async_callback(database.aclose)
            await database.open()
            assert database.problem is None
        now = int(clock() * 1000)
        _, key = await databases[0].write(
            lambda tx: create_key(tx, "Example", "tests", SCOPES, "live", None, now)
        )
        callers = [Caller(database, key, clock) for database in databases]
        for caller in callers:
            closing.push_async_callback(caller.http.aclose)
        yield callers
