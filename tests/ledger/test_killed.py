"""Service processes that are killed, and what their ledger says afterwards."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from aiohttp import web
from eth_utils.crypto import keccak

from app.database.database import Database
from app.ledger.selection import Selection
from app.ledger.store import select_settlements
from app.payments.claims.claimed_payment import Settlement
from app.payments.claims.redis_keys import OPEN, PREFIX, STREAM
from tests.support.processes import wait_until
from tests.support.redis_server import redis_server
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    PATH,
    PAY_TO,
    USDC,
    ScriptedFacilitator,
    serving,
    transaction_in,
)
from tests.support.wallets import Wallet
from tests.support.workers import Worker, workers

pytestmark = [pytest.mark.anyio, pytest.mark.redis]

USED = "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex()
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
TRANSACTION, BLOCK = "0x" + "33" * 32, "0x" + "44" * 32


class Chain:
    """A facilitator that moves the money and does not come to say so, and the node that knows."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []
        self.settlements = 0
        self.held = asyncio.Event()

    async def settle(self, request: web.Request) -> web.StreamResponse:
        signed = (await request.json())["paymentPayload"]["payload"]["authorization"]
        payer, value = word(signed["from"]), f"0x{int(signed['value']):064x}"
        topics = [[USED, payer, signed["nonce"]], [TRANSFER, payer, word(signed["to"])]]
        self.logs = [
            {
                "address": USDC,
                "topics": each,
                "data": data,
                "transactionHash": TRANSACTION,
                "blockHash": BLOCK,
                "logIndex": hex(index),
            }
            for index, (each, data) in enumerate(zip(topics, ("0x", value), strict=True))
        ]
        self.settlements += 1
        await self.held.wait()
        return web.Response()

    async def node(self, request: web.Request) -> web.StreamResponse:
        answers = {
            "eth_chainId": hex(int(NETWORK.rpartition(":")[2])),
            "eth_getBlockByNumber": {"number": "0x10", "timestamp": hex(int(time.time()))},
            "eth_getLogs": self.logs[:1],
            "eth_call": "0x" + "0" * 64,
            "eth_getTransactionReceipt": {
                "transactionHash": TRANSACTION,
                "blockHash": BLOCK,
                "status": "0x1",
                "logs": self.logs,
            },
        }
        method = (await request.json())["method"]
        return web.json_response({"jsonrpc": "2.0", "id": 1, "result": answers[method]})


def word(address: str) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as url:
        yield url


@pytest.fixture
def lease_ends(redis_url: str) -> Callable[[], None]:
    """Let the leases of all claims end now, as they do by themselves after a while."""

    def ends() -> None:
        with redis.Redis.from_url(redis_url) as server:
            for key in server.zrange(OPEN, 0, -1):
                server.hset(PREFIX + key.decode(), "lease", "1")
                server.zadd(OPEN, {key: 0})
            server.delete("oncall:lead:write", "oncall:lead:look_up")

    return ends


@pytest.fixture
async def chain() -> AsyncIterator[Chain]:
    chain = Chain()
    yield chain
    chain.held.set()


async def ledger_in(url: str) -> list[Settlement]:
    database = Database(url)
    await database.open()
    async with database.reading() as tx:
        found = list(await select_settlements(tx, Selection()))
    await database.aclose()
    return found


async def until(is_so: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, is_so)


def has_written(worker: Worker, settlements: int) -> bool:
    text = httpx.get(f"{worker.url}/metrics").text
    return f"oncall_ledger_writes_total {float(settlements)}" in text


async def test_a_payment_whose_process_was_killed_is_in_the_ledger_and_buys_its_answer(
    tmp_path: Path, redis_url: str, chain: Chain, lease_ends: Callable[[], None], database_url: str
) -> None:
    async with (
        ScriptedFacilitator(settle=chain.settle) as facilitator,
        serving(chain.node) as node_url,
        httpx.AsyncClient(timeout=60) as http,
    ):
        kept = {"ONCALL_RPC_URL": node_url, "ONCALL_DATABASE_URL": database_url}
        started = workers(1, facilitator.url, PAY_TO, redis_url, tmp_path, **kept)
        [worker] = await asyncio.to_thread(started.__enter__)
        url = worker.url + PATH
        terms = (await http.post(url)).headers["PAYMENT-REQUIRED"]
        payment = {"PAYMENT-SIGNATURE": await Wallet().payment(terms)}
        buying = asyncio.create_task(http.post(url, json=EXAMPLE, headers=payment))
        await facilitator.called("settle")
        await asyncio.to_thread(worker.kill)
        with pytest.raises(httpx.TransportError):
            await buying
        lease_ends()
        worker.start()
        await until(worker.is_ready)
        await until(lambda: has_written(worker, 1))
        [line] = await ledger_in(database_url)
        assert (line.transaction, line.pay_to) == (TRANSACTION, PAY_TO)
        answer = await http.post(url, json=EXAMPLE, headers=payment)
        assert (answer.status_code, transaction_in(answer)) == (200, TRANSACTION)
        assert answer.headers["Idempotent-Replayed"] == "true"
        assert chain.settlements == 1
        await asyncio.to_thread(started.__exit__, None, None, None)


async def test_what_a_killed_process_had_not_written_another_writes(
    tmp_path: Path, redis_url: str, lease_ends: Callable[[], None]
) -> None:
    """The stream outlives a process; with no database before, nothing had been written."""
    async with (
        ScriptedFacilitator() as facilitator,
        httpx.AsyncClient(timeout=60) as http,
    ):
        started = workers(1, facilitator.url, PAY_TO, redis_url, tmp_path)
        [worker] = await asyncio.to_thread(started.__enter__)
        url = worker.url + PATH
        for _ in range(2):
            terms = (await http.post(url)).headers["PAYMENT-REQUIRED"]
            payment = {"PAYMENT-SIGNATURE": await Wallet().payment(terms)}
            assert (await http.post(url, json=EXAMPLE, headers=payment)).status_code == 200
        await asyncio.to_thread(started.__exit__, None, None, None)
        with redis.Redis.from_url(redis_url) as server:
            assert server.xlen(STREAM) == 2
        lease_ends()
        database_url = f"sqlite:///{tmp_path / 'oncall.db'}"
        kept = {"ONCALL_DATABASE_URL": database_url}
        started = workers(2, facilitator.url, PAY_TO, redis_url, tmp_path, **kept)
        both = await asyncio.to_thread(started.__enter__)
        await until(lambda: any(has_written(each, 2) for each in both))
        both[0].signal(signal.SIGTERM)
        assert await asyncio.to_thread(both[0].ended) == 0
        await asyncio.to_thread(started.__exit__, None, None, None)
        assert len(await ledger_in(database_url)) == 2
        with redis.Redis.from_url(redis_url) as server:
            assert server.xlen(STREAM) == 0
