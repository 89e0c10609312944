"""The stop of a real ``serve``, with one worker and with several.

A payment is under way or still arrives, a caller has hung up, or an operator signals twice.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from app.payments.claims.claimed_payment import Settlement
from tests.support.ledger import streamed
from tests.support.processes import wait_until
from tests.support.redis_server import accepts, redis_server
from tests.support.services import (
    EXAMPLE,
    PATH,
    PAY_TO,
    ScriptedFacilitator,
    settles,
    transaction_in,
)
from tests.support.wallets import Wallet
from tests.support.workers import Worker, workers

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("flags", [(), ("--workers", "2")], ids=["alone", "two workers"]),
]

DRAIN_SECONDS = 4.0
AT_ONCE_SECONDS = 10.0
"""On a busy machine; the settlement under way would be waited for much longer."""


class HeldFacilitator(ScriptedFacilitator):
    """Its first settlement waits for ``release``."""

    def __init__(self) -> None:
        super().__init__(settle=[self._settle_first, settles])
        self.release = asyncio.Event()

    async def _settle_first(self, request: web.Request) -> web.StreamResponse:
        await self.release.wait()
        return await settles(request)

    @property
    def nonces(self) -> list[str]:
        """Of every settlement that was asked for."""
        payloads = [request["paymentPayload"]["payload"] for request in self.requests]
        return [payload["authorization"]["nonce"] for payload in payloads]


class Payer:
    """A caller with a wallet and a connection of its own."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=30)
        self.wallet = Wallet()

    async def payment(self) -> dict[str, str]:
        """Return the headers of a payment and a connection that stays open."""
        terms = (await self.http.post(PATH)).headers["PAYMENT-REQUIRED"]
        return {"PAYMENT-SIGNATURE": await self.wallet.payment(terms)}

    async def buy(self, payment: dict[str, str]) -> httpx.Response:
        return await self.http.post(PATH, json=EXAMPLE, headers=payment)


@pytest.fixture
async def facilitator() -> AsyncIterator[HeldFacilitator]:
    async with HeldFacilitator() as held:
        yield held
        held.release.set()


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
async def worker(
    facilitator: HeldFacilitator, redis_url: str, tmp_path: Path, flags: tuple[str, ...]
) -> AsyncIterator[Worker]:
    drain = {"ONCALL_DRAIN": str(DRAIN_SECONDS)}
    started = workers(1, facilitator.url, PAY_TO, redis_url, tmp_path, *flags, **drain)
    [worker] = await asyncio.to_thread(started.__enter__)
    yield worker
    await asyncio.to_thread(started.__exit__, None, None, None)


async def receipts(redis_url: str) -> dict[str, Settlement]:
    """Return the settlements by payer."""
    return {each.payer: each for each in await streamed(redis_url)}


def is_stopping(worker: Worker) -> bool:
    answer = httpx.get(f"{worker.url}/readyz")
    return answer.status_code == 503 and answer.json()["checks"]["process"] == "stopping"


async def test_a_payment_under_way_and_one_that_still_arrives_are_served(
    worker: Worker, facilitator: HeldFacilitator, redis_url: str
) -> None:
    early, late = Payer(worker.url), Payer(worker.url)
    payment, later_payment = await early.payment(), await late.payment()
    under_way = asyncio.create_task(early.buy(payment))
    await facilitator.called("settle")
    worker.signal(signal.SIGTERM)
    told_at = time.monotonic()
    await asyncio.to_thread(wait_until, lambda: is_stopping(worker))
    served_late = await late.buy(later_payment)
    assert (served_late.status_code, served_late.headers["Connection"]) == (200, "close")
    await asyncio.to_thread(wait_until, lambda: not accepts(worker.port))
    assert time.monotonic() - told_at >= DRAIN_SECONDS
    facilitator.release.set()
    served = await under_way
    assert (served.status_code, served.headers["Connection"]) == (200, "close")
    assert await asyncio.to_thread(worker.ended) == 0
    stored = await receipts(redis_url)
    for payer, answer in ((early, served), (late, served_late)):
        assert stored[payer.wallet.address].transaction == transaction_in(answer)
    assert len(facilitator.nonces) == len(set(facilitator.nonces)) == 2


async def test_at_control_c_the_receipt_of_a_caller_who_hung_up_is_stored(
    worker: Worker, facilitator: HeldFacilitator, redis_url: str
) -> None:
    payer = Payer(worker.url)
    asking = asyncio.create_task(payer.buy(await payer.payment()))
    await facilitator.called("settle")
    asking.cancel()
    await payer.http.aclose()
    worker.interrupt()
    await asyncio.to_thread(wait_until, lambda: not accepts(worker.port))
    facilitator.release.set()
    assert await asyncio.to_thread(worker.ended) == 0
    assert payer.wallet.address in await receipts(redis_url)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
async def test_a_second_signal_stops_at_once(
    worker: Worker, facilitator: HeldFacilitator, second: signal.Signals
) -> None:
    payer = Payer(worker.url)
    asking = asyncio.create_task(payer.buy(await payer.payment()))
    await facilitator.called("settle")
    worker.signal(signal.SIGTERM)
    await asyncio.to_thread(wait_until, lambda: is_stopping(worker))
    worker.signal(second)
    told_at = time.monotonic()
    await asyncio.to_thread(worker.ended)
    assert time.monotonic() - told_at < AT_ONCE_SECONDS
    assert not accepts(worker.port)
    with pytest.raises(httpx.TransportError):
        await asking
