"""The limit on heavy work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from app.errors import StoreUnavailable
from app.teams import heavy_work
from app.teams.heavy_work import HeavyWorkLimiter
from app.teams.operation import Operation
from app.workers.pool import WorkerPool
from tests.support.scenes import DAILY, june, scene, who
from tests.support.stored import V1, V2, Caller, Stored, code_of
from tests.support.world import OPERATIONS

pytestmark = pytest.mark.anyio


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy_work, "WAIT_SECONDS", 0)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("held", "wanted", "granted"),
    [
        pytest.param([], "a", True, id="nobody is at work"),
        pytest.param(["a"], "a", False, id="one of the organisation's is at work"),
        pytest.param(["a"], "b", True, id="another's is at work"),
        pytest.param(["a", "b"], "c", False, id="as many as may are at work"),
    ],
)
async def test_who_gets_a_slot(held: list[str], wanted: str, granted: bool) -> None:
    own = HeavyWorkLimiter(WorkerPool())
    async with contextlib.AsyncExitStack() as holding:
        for org_id in held:
            with contextlib.suppress(StoreUnavailable):
                await holding.enter_async_context(own.slot(org_id))
        try:
            async with own.slot(wanted):
                got = True
        except StoreUnavailable:
            got = False
    assert got is granted


async def test_the_first_to_wait_is_next() -> None:
    own = HeavyWorkLimiter(WorkerPool())
    async with own.slot("a"):
        waiting = asyncio.create_task(entered(own, "a"))
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting


@pytest.fixture
async def waiting(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """A caller who never gets a slot."""
    me = await scene(stored, DAILY)
    monkeypatch.setattr(heavy_work.HeavyWorkLimiter, "slot", never)
    return me


async def test_who_is_on_call_is_told_while_others_wait(waiting: Caller) -> None:
    path = f"{V1}/schedules/daily/final-schedule?from={june(1)}&to={june(3)}"
    assert code_of(await waiting.get(path)) == (503, "unavailable")
    assert await who(waiting, june(1)) == "ann"


async def test_a_write_that_lays_out_a_window_waits_and_others_do_not(waiting: Caller) -> None:
    body = {"user_id": "ann", "start": june(5), "end": june(6)}
    answer = await waiting.post(f"{V2}/schedules/daily/entries", body)
    assert code_of(answer) == (503, "unavailable")
    await waiting.update(f"{V2}/schedules/daily", {"name": "Every day"})


def test_every_layout_of_a_window_is_heavy() -> None:
    def window(operation: Operation) -> bool:
        names = operation.query.__struct_fields__
        return operation.shape == "calendar" or "from_at" in names or "start_date" in names

    reads = [each for each in OPERATIONS if not each.writes]
    assert [each.path for each in reads if each.heavy] == [
        each.path for each in reads if window(each)
    ]


async def entered(own: HeavyWorkLimiter, org_id: str) -> bool:
    async with own.slot(org_id):
        return True


@contextlib.asynccontextmanager
async def never(*_: object) -> AsyncIterator[None]:
    """A slot that never becomes free."""
    raise StoreUnavailable.because(heavy_work.BUSY)
    yield
