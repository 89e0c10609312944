"""A Redis Cluster, and one that sentinels watch, lose a primary while callers buy.

Strategy: callers buy through two workers, send copies at once, ask again, or hang up for good; some
settlements are never answered, so that only the chain knows of them. Halfway a primary is killed,
and its replica takes over. In the end each payment moved its money once, whoever waited has the
answer that names its transaction, and the ledger has each transfer once, and nothing else.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app.database.database import Database
from app.ledger.selection import Selection
from app.ledger.store import select_settlements
from app.payments.claims.claimed_payment import Settlement
from tests.support.counting_chain import CountingChain
from tests.support.redis_servers import redis_cluster, redis_sentinels
from tests.support.services import EXAMPLE, PATH, PAY_TO, serving, transaction_in
from tests.support.wallets import Wallet, header_of
from tests.support.workers import Worker, workers

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(600),
    pytest.mark.redis,
    pytest.mark.slow,
]

SEED = 21
PAYMENTS = 2_000
OF_SENTINEL = 300
CALLERS = 24
MUTE_EACH = 60
"""Of so many payments one is moved and never spoken of."""
KINDS = {"buys": 14, "asks again": 2, "sends copies": 2, "hangs up": 2}
PATIENCE_SECONDS = 90.0
RESOLVED_SECONDS = 150.0
SETTINGS = {
    "ONCALL_SETTLE_DEADLINE": "4",
    "ONCALL_FACILITATOR_TIMEOUT": "1",
    "ONCALL_RATE_LIMIT": "999999/minute",
    "ONCALL_ADDRESS_LIMIT": "999999/minute",
}


@dataclass
class Market:
    """Two workers, their chain, and what their callers were told."""

    all_workers: list[Worker]
    chain: CountingChain
    database_url: str
    told: Counter[str] = field(default_factory=Counter)
    answered: dict[str, str] = field(default_factory=dict)
    """The transaction in each payment's answer, by nonce."""

    async def trade(self, count: int, halfway: Callable[[], object]) -> None:
        """Let callers make ``count`` payments, and do ``halfway`` when half of them have begun."""
        chance = random.Random(SEED)  # noqa: S311 - no secret
        kinds = chance.choices([*KINDS], [*KINDS.values()], k=count)
        numbers = iter(range(count))
        async with httpx.AsyncClient(timeout=30) as http, asyncio.TaskGroup() as calling:
            terms = (await http.post(self._url(0))).headers["PAYMENT-REQUIRED"]

            async def calls() -> None:
                for number in numbers:
                    if number == count // 2:
                        await asyncio.to_thread(halfway)
                    await self._call(http, terms, kinds[number], number)

            for _ in range(CALLERS):
                calling.create_task(calls())

    async def _call(self, http: httpx.AsyncClient, terms: str, kind: str, number: int) -> None:
        payload = Wallet().signed(terms)
        nonce = payload["payload"]["authorization"]["nonce"]
        payment = header_of(payload)
        if kind == "hangs up":
            with contextlib.suppress(httpx.TimeoutException):
                await self._sent(http, payment, number, seconds=0.05)
            return
        copies = 2 if kind == "sends copies" else 1
        sent = [self._paid(http, payment, number + copy) for copy in range(copies)]
        found = {transaction_in(answer) for answer in await asyncio.gather(*sent)}
        if kind == "asks again":
            again = await self._paid(http, payment, number + 1)
            assert again.headers["Idempotent-Replayed"] == "true"
            found.add(transaction_in(again))
        [self.answered[nonce]] = found

    async def _paid(self, http: httpx.AsyncClient, payment: str, number: int) -> httpx.Response:
        """The answer, asked for until it comes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self._sent(http, payment, number)
                code = "" if answer.is_success else answer.json().get("code", "")
                self.told[f"{answer.status_code} {code}"] += 1
                if answer.status_code != 503:
                    assert answer.status_code == 200, answer.text
                    return answer
                assert answer.json()["retry"] == "same-payment"
                await asyncio.sleep(int(answer.headers["Retry-After"]))

    async def _sent(
        self, http: httpx.AsyncClient, payment: str, number: int, seconds: float = 30
    ) -> httpx.Response:
        headers = {"PAYMENT-SIGNATURE": payment}
        return await http.post(self._url(number), json=EXAMPLE, headers=headers, timeout=seconds)

    def _url(self, number: int) -> str:
        return self.all_workers[number % len(self.all_workers)].url + PATH

    async def ledger(self) -> list[Settlement]:
        database = Database(self.database_url)
        await database.open()
        try:
            async with database.reading() as tx:
                return list(await select_settlements(tx, Selection()))
        finally:
            await database.aclose()

    async def require_balance(self) -> None:
        """Wait until the ledger has every transfer, and hold it and the answers against these."""
        transfers = set(self.chain.moved.values())
        async with asyncio.timeout(RESOLVED_SECONDS):
            while (  # noqa: ASYNC110 - nothing signals it
                {each.transaction for each in await self.ledger()} != transfers
            ):
                await asyncio.sleep(1)
        lines = await self.ledger()
        assert len(lines) == len(transfers)
        assert {each.payment.rpartition(":")[2] for each in lines} == set(self.chain.moved)
        assert sum(int(each.amount) for each in lines) == 20_000 * len(transfers)
        assert {nonce: self.chain.moved[nonce] for nonce in self.answered} == self.answered


@contextlib.asynccontextmanager
async def market(redis_url: str, folder: Path) -> AsyncIterator[Market]:
    chain = CountingChain(MUTE_EACH)
    database_url = f"sqlite:///{folder / 'oncall.db'}"
    async with chain, serving(chain.node) as node_url:
        kept = {"ONCALL_RPC_URL": node_url, "ONCALL_DATABASE_URL": database_url}
        started = workers(2, chain.url, PAY_TO, redis_url, folder, **SETTINGS, **kept)
        both = await asyncio.to_thread(started.__enter__)
        try:
            yield Market([*both], chain, database_url)
        finally:
            chain.end()
            await asyncio.to_thread(started.__exit__, None, None, None)


async def test_a_cluster_fails_over_amid_payments_and_each_is_charged_and_written_once(
    tmp_path: Path,
) -> None:
    with redis_cluster(tmp_path) as cluster:
        async with market(cluster.url, tmp_path) as held:
            await held.trade(PAYMENTS, cluster.primaries[0].kill)
            assert held.told["503 claims_unavailable"] > 0, "nobody noticed the failover"
            assert held.told["503 settlement_unknown"] > 0, "no outcome was unknown"
            await held.require_balance()
            assert len(held.answered) > PAYMENTS * 0.85
            assert len(cluster.primaries) == 3
            assert [each for each in held.all_workers if not each.is_ready()] == []


async def test_the_primary_of_sentinels_is_lost_amid_payments(tmp_path: Path) -> None:
    with redis_sentinels(tmp_path) as watched:
        async with market(watched.url, tmp_path) as held:
            await held.trade(OF_SENTINEL, watched.nodes[0].kill)
            assert held.told["503 claims_unavailable"] > 0, "nobody noticed the failover"
            await held.require_balance()
            assert watched.nodes[1].is_primary
            assert [each for each in held.all_workers if not each.is_ready()] == []
