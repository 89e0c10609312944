"""The task that keeps the ledger: what it writes, what it looks up, and what stops it from that."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from app.database.database import Database
from app.database.revision import REVISION
from app.errors import ClaimsUnavailable, StoreUnavailable
from app.ledger import ledger as ledger_module
from app.ledger.ledger import LOOK_UP, WRITE, Ledger
from app.ledger.selection import Selection, in_order
from app.ledger.store import insert_settlements, select_settlements
from app.metrics import Metrics
from app.payments.claims.claim import PaymentClaims
from app.payments.claims.claimed_payment import OpenClaim, Settlement
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.receipt import Receipt
from app.payments.claims.redis import RedisClaims
from tests.conftest import Clock
from tests.support.ledger import PAYER, claimed, settlement, settlements_of
from tests.support.processes import free_port
from tests.support.redis_server import redis_server
from tests.support.services import NETWORK, Sandbox, living, service, settings
from tests.support.virtual_time import run_in_virtual_time

pytestmark = pytest.mark.anyio

HASH = b"hash"
START = 1_780_531_200.0


class Outcomes:
    """A settlement service that is told what became of claims."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[str] = []
        self.finished = False

    async def look_up(self, claim: OpenClaim) -> str:
        self.asked.append(claim.key)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    async def finish(self) -> None:
        self.finished = True


class Scene:
    """A ledger over ``claims`` and, unless it is ``None``, a database."""

    def __init__(
        self, claims: PaymentClaims, database: Database | None, clock: Callable[[], float]
    ) -> None:
        self.claims, self.clock = claims, clock
        self.metrics, self.outcomes = Metrics(), Outcomes()
        self.opened = 0

        async def opening() -> Database:
            self.opened += 1
            assert database is not None
            return database

        self.ledger = Ledger(
            claims,
            self.outcomes,  # type: ignore[arg-type]
            opening if database else None,
            clock=clock,
            metrics=self.metrics,
        )

    async def sell(self, *names: str) -> None:
        for name in names:
            holder = (await self.claims.claim(name, HASH, time.time() + 900, claimed())).holder
            receipt = Receipt(PAYER, "20000", NETWORK, f"0x{name}", "r", self.clock(), "header")
            await self.claims.mark_settled(name, holder, receipt)

    def metric(self, name: str) -> float:
        return metric(self.metrics, name)


def metric(metrics: Metrics, name: str) -> float:
    [line] = [each for each in metrics.text().decode().splitlines() if each.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


async def written(database: Database, selection: Selection | None = None) -> Sequence[Settlement]:
    async with database.reading() as tx:
        return in_order(await select_settlements(tx, selection or Selection()))


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def claims(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[PaymentClaims]:
    store: PaymentClaims = MemoryClaims(clock)
    if request.param == "redis":
        shared = RedisClaims(request.getfixturevalue("redis_url"), lease_seconds=60)
        await shared._redis.flushall()
        store = shared
    yield store
    await store.aclose()


@pytest.fixture
def scene(claims: PaymentClaims, database: Database, clock: Clock) -> Scene:
    return Scene(claims, database, clock)


# --- what is written ------------------------------------------------------------------------


async def test_what_was_settled_leaves_the_stream_for_the_database(
    scene: Scene, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "WRITTEN_AT_ONCE", 2)
    await scene.sell("a", "b", "c")
    wanted = await settlements_of(scene.claims)
    await scene.ledger.write()
    assert await written(database) == wanted
    assert await settlements_of(scene.claims) == []
    assert scene.metric("oncall_ledger_writes_total") == 3
    assert scene.metric("oncall_ledger_lag_seconds") == 0


async def test_what_is_written_twice_is_there_once(scene: Scene, database: Database) -> None:
    """A process that was killed between the commit and the stream."""
    await scene.sell("a")
    wanted = await settlements_of(scene.claims)
    await database.write(partial(insert_settlements, written=wanted))
    await scene.sell("b")
    await scene.ledger.write()
    assert [each.payment for each in await written(database)] == ["a", "b"]


async def test_with_nothing_to_write_no_database_is_opened(scene: Scene) -> None:
    await scene.ledger.write()
    assert scene.opened == 0
    assert scene.metric("oncall_ledger_lag_seconds") == 0


async def test_without_a_database_the_stream_is_kept(claims: PaymentClaims, clock: Clock) -> None:
    scene = Scene(claims, None, clock)
    await scene.sell("a")
    await scene.ledger.write()
    assert [each.payment for each in await settlements_of(claims)] == ["a"]


async def test_a_database_that_is_away_is_waited_for(
    scene: Scene, database: Database, clock: Clock
) -> None:
    await scene.sell("a")
    clock.advance(400)
    async with database.migrating() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(StoreUnavailable, match=f"is at migration 0001 of {REVISION}"):
        await scene.ledger.write()
    assert scene.metric("oncall_ledger_lag_seconds") == 400
    assert [each.payment for each in await settlements_of(scene.claims)] == ["a"]
    async with database.migrating() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": REVISION})
    await scene.ledger.write()
    assert [each.payment for each in await written(database)] == ["a"]
    assert scene.metric("oncall_ledger_lag_seconds") == 0


async def test_of_several_writers_all_write_the_same(database: Database, database_url: str) -> None:
    """Each payment is one row, also where two lead."""
    other = Database(database_url)
    await other.open()
    lines = [settlement(number) for number in range(1, 40)]
    await asyncio.gather(
        *(each.write(partial(insert_settlements, written=lines)) for each in (database, other) * 3)
    )
    assert await written(database) == lines
    await other.aclose()


@pytest.mark.redis
async def test_one_process_writes_at_a_time(
    redis_url: str, database: Database, clock: Clock
) -> None:
    here, there = (RedisClaims(redis_url, lease_seconds=60) for _ in range(2))
    await here._redis.flushall()
    assert await there.lead(WRITE, 60)
    scene = Scene(here, database, clock)
    await scene.sell("a")
    clock.advance(3)
    await scene.ledger.write()
    assert (scene.opened, scene.metric("oncall_ledger_lag_seconds")) == (0, 3)
    assert await there.lead(LOOK_UP, 60)
    await here.mark_unknown("b", (await here.claim("b", HASH, time.time() + 900, claimed())).holder)
    await scene.ledger.look_up()
    assert scene.outcomes.asked == []
    await here.aclose()
    await there.aclose()


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (Selection(), "123"),
        (Selection(since=2.0), "23"),
        (Selection(until=2.0), "1"),
        (Selection(since=1.001, until=3.0), "2"),
        (Selection(product="oncall-now"), "3"),
    ],
)
async def test_a_part_is_the_same_in_the_database_and_in_the_stream(
    database: Database, selection: Selection, wanted: str
) -> None:
    lines = [settlement(1), settlement(2), settlement(3, product="oncall-now")]
    await database.write(partial(insert_settlements, written=lines))
    found = [each.payment[-1] for each in await written(database, selection)]
    assert "".join(found) == wanted
    assert [each.payment[-1] for each in lines if selection.wants(each)] == found


# --- what is looked up ----------------------------------------------------------------------


async def left_unknown(claims: PaymentClaims, clock: Clock, *names: str) -> None:
    for name in names:
        holder = (await claims.claim(name, HASH, clock() + 60, claimed())).holder
        await claims.mark_unknown(name, holder)
        clock.advance(0.001)


async def test_what_is_due_is_looked_up_and_counted(clock: Clock) -> None:
    scene = Scene(MemoryClaims(clock), None, clock)
    await left_unknown(scene.claims, clock, "a", "b", "c")
    scene.outcomes.outcomes = ["settled", "unpaid", "unknown"]
    await scene.ledger.look_up()
    assert scene.outcomes.asked == ["a", "b", "c"]
    for outcome in ("settled", "unpaid", "unknown"):
        assert scene.metric(f'oncall_claims_looked_up_total{{outcome="{outcome}"}}') == 1


async def test_what_has_expired_is_told(clock: Clock) -> None:
    scene = Scene(MemoryClaims(clock), None, clock)
    await left_unknown(scene.claims, clock, "a")
    clock.advance(100)
    with structlog.testing.capture_logs() as logs:
        await scene.ledger.look_up()
    assert [(each["event"], each["payment"]) for each in logs] == [("claim_expired", "a")]
    assert scene.metric('oncall_claims_looked_up_total{outcome="expired"}') == 1


async def test_a_defect_at_one_claim_is_not_in_the_way_of_another(clock: Clock) -> None:
    scene = Scene(MemoryClaims(clock), None, clock)
    await left_unknown(scene.claims, clock, "a", "b")
    scene.outcomes.outcomes = [ZeroDivisionError(), "settled"]
    with structlog.testing.capture_logs() as logs:
        await scene.ledger.look_up()
    assert scene.outcomes.asked == ["a", "b"]
    assert [each["event"] for each in logs] == ["claim_not_looked_up"]
    assert [each.key for each in (await scene.claims.due_claims(9)).open] == ["b"]


async def test_a_store_that_goes_away_ends_the_round(clock: Clock) -> None:
    scene = Scene(MemoryClaims(clock), None, clock)
    await left_unknown(scene.claims, clock, "a", "b")
    scene.outcomes.outcomes = [ClaimsUnavailable()]
    with pytest.raises(ClaimsUnavailable):
        await scene.ledger.look_up()
    assert scene.outcomes.asked == ["a"]


# --- the loops ------------------------------------------------------------------------------


class Away(MemoryClaims):
    """A store that is away at first; ``tries`` has the time of each try."""

    def __init__(self, clock: Clock, error: Exception, times: int) -> None:
        super().__init__(clock)
        self.error, self.times = error, times
        self.tries: list[float] = []

    async def store_again(self) -> None:
        self.tries.append(asyncio.get_running_loop().time())
        if len(self.tries) <= self.times:
            raise self.error


@pytest.mark.parametrize("error", [ClaimsUnavailable(), ZeroDivisionError()], ids=repr)
def test_what_fails_is_tried_ever_less_often_and_then_as_before(
    clock: Clock, error: Exception
) -> None:
    claims = Away(clock, error, times=7)
    scene = Scene(claims, None, clock)

    async def work() -> None:
        async with scene.ledger.open():
            await asyncio.sleep(243)

    with structlog.testing.capture_logs() as logs:
        run_in_virtual_time(work())
    pauses = [later - each for each, later in zip(claims.tries, claims.tries[1:], strict=False)]
    assert [round(pause) for pause in pauses[:9]] == [4, 8, 16, 32, 60, 60, 60, 2, 1]
    assert scene.metric('oncall_ledger_failures_total{part="write"}') == 7
    assert [each["event"] for each in logs] == ["ledger"] * 7
    assert scene.outcomes.finished


def test_a_last_write_that_takes_too_long_is_given_up(clock: Clock) -> None:
    class Slow(MemoryClaims):
        async def store_again(self) -> None:
            await asyncio.sleep(100)

    scene = Scene(Slow(clock), None, clock)

    async def work() -> float:
        async with scene.ledger.open():
            await asyncio.sleep(1)
            left_at = asyncio.get_running_loop().time()
        return asyncio.get_running_loop().time() - left_at

    with structlog.testing.capture_logs() as logs:
        assert run_in_virtual_time(work()) == pytest.approx(3)
    assert [each["problem"] for each in logs] == ["it takes too long"]


def test_a_cancellation_that_a_library_swallows_still_ends_the_loops(clock: Clock) -> None:
    class Deaf(MemoryClaims):
        is_deaf = True

        async def store_again(self) -> None:
            if not self.is_deaf:
                return
            self.is_deaf = False
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                raise ClaimsUnavailable from None

    scene = Scene(Deaf(clock), None, clock)

    async def work() -> None:
        async with scene.ledger.open():
            await asyncio.sleep(1)
        assert len(asyncio.all_tasks()) == 1

    run_in_virtual_time(work())


# --- in the service -------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [True, False])
async def test_what_a_service_sells_is_in_the_database_when_it_has_stopped(
    database_url: str, database: Database, kept: bool
) -> None:
    configured = settings(database_url=database_url if kept else "none")
    claims = MemoryClaims(time.time)
    served = service(configured, claims=claims)
    async with living(served.app):
        answer = await served.buy()
    assert answer.status_code == 200
    lines = await written(database)
    assert len(lines) == kept
    assert len(await settlements_of(claims)) == (not kept)
    for line in lines:
        assert (line.product, line.network) == ("sched-oncall-rotation", NETWORK)
        assert line.request_id == answer.headers["X-Request-Id"]
        assert line.payment.startswith(f"{NETWORK}:{line.asset}:{line.payer}:0x".lower())


async def test_nothing_waits_for_the_database_on_the_way_of_a_request(
    tmp_path: Path,
) -> None:
    """A database that cannot be opened costs a buyer nothing."""
    served = service(settings(database_url=f"sqlite:///{tmp_path}/none/there.db"))
    (tmp_path / "none").write_text("no folder")
    async with living(served.app):
        assert (await served.buy()).status_code == 200
        text = (await served.http.get("/metrics")).text
    assert "oncall_ledger_lag_seconds" in text


async def test_where_nothing_is_paid_there_is_no_ledger() -> None:
    served = service(settings(payments="off"))
    async with living(served.app):
        assert (await served.ask()).status_code == 200


@pytest.mark.redis
async def test_a_redis_that_is_away_does_not_stop_the_service_from_stopping() -> None:
    configured = settings(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    served = Sandbox(configured=configured)
    started = time.monotonic()
    async with living(served.app):
        assert (await served.http.get("/healthz")).status_code == 200
    assert time.monotonic() - started < 30
