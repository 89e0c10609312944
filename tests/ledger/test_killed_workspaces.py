"""A service process that is killed while it sells a workspace: the buyer gets the key, once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.database.tables import keys, workspace_payments
from tests.ledger.test_killed import (
    Chain,
    chain,
    has_written,
    lease_ends,
    ledger_in,
    redis_url,
    until,
)
from tests.support.services import PAY_TO, ScriptedFacilitator, serving
from tests.support.wallets import Wallet
from tests.support.workers import workers
from tests.support.workspaces import PATH, SECRET, USERS, order, rows

__all__ = ["chain", "lease_ends", "redis_url"]

pytestmark = [pytest.mark.anyio, pytest.mark.redis]


async def test_killed_after_the_money_moved(
    tmp_path: Path,
    redis_url: str,
    chain: Chain,
    lease_ends: Callable[[], None],
    database_url: str,
) -> None:
    async with (
        ScriptedFacilitator(settle=chain.settle) as facilitator,
        serving(chain.node) as node_url,
        httpx.AsyncClient(timeout=60) as http,
    ):
        kept = {
            "ONCALL_RPC_URL": node_url,
            "ONCALL_DATABASE_URL": database_url,
            "ONCALL_WORKSPACE_SECRET": SECRET,
        }
        started = workers(1, facilitator.url, PAY_TO, redis_url, tmp_path, **kept)
        [worker] = await asyncio.to_thread(started.__enter__)
        url, body = worker.url + PATH, order()
        terms = (await http.post(url)).headers["PAYMENT-REQUIRED"]
        payment = {"PAYMENT-SIGNATURE": await Wallet().payment(terms)}
        buying = asyncio.create_task(http.post(url, json=body, headers=payment))
        await facilitator.called("settle")
        await asyncio.to_thread(worker.kill)
        with pytest.raises(httpx.TransportError):
            await buying
        assert len(await rows(database_url, workspace_payments)) == 1
        assert not await rows(database_url, keys)
        lease_ends()
        worker.start()
        await until(worker.is_ready)
        await until(lambda: has_written(worker, 1))
        stolen = await http.post(url, json=order(), headers=payment)
        answer = await http.post(url, json=body, headers=payment)
        read = await http.get(worker.url + USERS, headers={"X-API-Key": answer.json()["api_key"]})
        assert (stolen.status_code, answer.status_code, read.status_code) == (409, 200, 200)
        assert [line.product for line in await ledger_in(database_url)] == [
            "sched-oncall-workspace"
        ]
        assert len(await rows(database_url, keys)) == chain.settlements == 1
        await asyncio.to_thread(started.__exit__, None, None, None)
