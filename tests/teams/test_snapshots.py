"""Snapshots: one transaction reads everything for a request, and none is held while waiting."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from app.database.database import Database, Tx
from app.teams import heavy_work
from tests.support.scenes import DAILY, june, scene
from tests.support.stored import V1, V2, Stored

pytestmark = pytest.mark.anyio


class Readings:
    """The number of reading transactions that were begun, and that are open."""

    def __init__(self) -> None:
        self.begun = 0
        self.open = 0


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    counted = Readings()
    reading = Database.reading

    @contextlib.asynccontextmanager
    async def seen(database: Database) -> AsyncIterator[Tx]:
        counted.begun += 1
        counted.open += 1
        try:
            async with reading(database) as tx:
                yield tx
        finally:
            counted.open -= 1

    monkeypatch.setattr(Database, "reading", seen)
    return counted


@pytest.mark.parametrize(
    "path", [f"{V1}/schedules/daily/on-call", f"{V2}/current/team", f"{V2}/users"]
)
async def test_a_question_takes_one(stored: Stored, readings: Readings, path: str) -> None:
    me = await scene(stored, DAILY)
    before = readings.begun
    assert (await me.get(path)).status_code == 200
    assert (readings.begun - before, readings.open) == (1, 0)


async def test_none_is_held_while_a_body_is_on_its_way(stored: Stored, readings: Readings) -> None:
    await scene(stored, DAILY)
    seen = []

    async def body() -> AsyncIterator[bytes]:
        for piece in (b'{"name": "Eve", ', b'"email": "eve@example.com"}'):
            seen.append(readings.open)
            yield piece

    answer = await stored.http.post(
        f"{V2}/users",
        content=body(),
        headers={**stored.me.headers, "Content-Type": "application/json"},
    )
    assert answer.status_code == 201
    assert seen == [0, 0]


async def test_none_is_held_while_waiting_for_a_turn(
    stored: Stored, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await scene(stored, DAILY)
    turn, seen = heavy_work.HeavyWorkLimiter.slot, []

    def waited(own: heavy_work.HeavyWorkLimiter, org_id: str) -> AbstractAsyncContextManager[None]:
        seen.append(readings.open)
        return turn(own, org_id)

    monkeypatch.setattr(heavy_work.HeavyWorkLimiter, "slot", waited)
    path = f"{V1}/schedules/daily/final-schedule?from={june(1)}&to={june(3)}"
    assert (await me.get(path)).status_code == 200
    assert seen == [0]
