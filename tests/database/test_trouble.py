"""A database in trouble, as callers see it: 503 and when to come back, never a 500, no leaks."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

import asyncpg
import httpx
import pytest

from app.database import postgres
from app.database.postgres import Postgres
from tests.conftest import Clock
from tests.support.replica_callers import V1, V2, Caller, replicas

pytestmark = pytest.mark.anyio

CALLERS = 32
PATHS = (f"{V1}/schedules/s/on-call", f"{V2}/current/team", f"{V2}/schedules", f"{V2}/users")


@pytest.fixture
async def pair(
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    clock: Clock,
    anyio_backend: str,  # noqa: ARG001 - what makes this fixture one of anyio's
) -> AsyncIterator[Sequence[Caller]]:
    """Two replicas with four connections each, which lose patience soon."""
    monkeypatch.setattr(postgres, "CONNECTIONS", 4)
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(postgres, "SERVER", {**postgres.SERVER, "statement_timeout": "500ms"})
    async with replicas(database_url, clock) as callers:
        await callers[0].add_user("alice")
        await callers[0].schedule("s", "alice")
        yield callers


@pytest.fixture
async def beside(
    database_url: str,
    anyio_backend: str,  # noqa: ARG001 - as above
) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection that is not the service's."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def asked(callers: Sequence[Caller]) -> list["asyncio.Task[httpx.Response]"]:
    """Send reads from all callers, and a write from every fourth."""
    return [
        asyncio.ensure_future(
            callers[number % len(callers)].ask("GET", PATHS[number % len(PATHS)])
            if number % 4
            else callers[number // 4 % len(callers)].ask(
                "PATCH", f"{V2}/schedules/s", {"name": f"name {number}"}
            )
        )
        for number in range(CALLERS)
    ]


def require_words(answers: Iterable[httpx.Response]) -> set[int]:
    """Return the statuses; check that errors have the usual shape and say when to come back."""
    statuses = set()
    for answer in answers:
        statuses.add(answer.status_code)
        if answer.status_code != 200:
            assert answer.json()["error"] == "unavailable"
            assert int(answer.headers["Retry-After"]) >= 1
    return statuses


async def require_recovery(callers: Sequence[Caller]) -> None:
    """Check that everybody is answered again, before long: a busy machine takes some tries."""
    for _ in range(20):
        statuses = require_words(await asyncio.gather(*asked(callers)))
        if statuses == {200}:
            break
    assert statuses == {200}
    require_no_leak(callers)


def require_no_leak(callers: Sequence[Caller]) -> None:
    for caller in callers:
        engines = caller.database._engines
        assert isinstance(engines, Postgres)
        assert "Current Checked out connections: 0" in engines._engine.pool.status()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
class TestTrouble:
    async def test_a_table_that_somebody_locks(
        self, pair: Sequence[Caller], beside: asyncpg.Connection
    ) -> None:
        """Statements take too long, and the next callers find no connection."""
        async with beside.transaction():
            await beside.execute("LOCK TABLE schedules IN ACCESS EXCLUSIVE MODE")
            answers = await asyncio.gather(*asked(pair))
            statuses = require_words(answers)
            assert statuses <= {200, 503}
            assert 503 in statuses
        await require_recovery(pair)

    async def test_callers_who_hang_up(
        self, pair: Sequence[Caller], beside: asyncpg.Connection
    ) -> None:
        async with beside.transaction():
            await beside.execute("LOCK TABLE schedules IN ACCESS EXCLUSIVE MODE")
            tasks = asked(pair)
            await asyncio.wait(tasks, timeout=0.2)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await require_recovery(pair)

    async def test_connections_that_are_cut_under_load(
        self, pair: Sequence[Caller], beside: asyncpg.Connection
    ) -> None:
        statuses = set()
        for _ in range(5):
            tasks = asked(pair)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await beside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'oncall' AND datname = current_database()"
            )
            statuses |= require_words(await asyncio.gather(*tasks))
        assert statuses <= {200, 503}
        for caller in pair:
            await caller.database.refresh()
        await require_recovery(pair)
