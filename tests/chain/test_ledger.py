"""After 2,000 mixed requests, two kills and a Redis restart the ledger equals the chain.

Strategy: the callers and faults of ``test_reconciliation``, on the EVM chain alone, come to two
workers that share a database and a Redis, which writes everything to disk at once (``appendfsync
always``). Some callers hang up for good, so that nobody but the service learns what became of their
payments. One worker after the other is killed and started again, and Redis itself is killed and
started again over its files. Then ``python -m app receipts --csv`` is read and held line by line
against the chain: each line names a transaction that moved exactly its amount from its payer to its
payee, and there is no transfer without a line.
"""

import asyncio
import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import httpx
import pytest
import redis
from eth_account import Account
from eth_account.signers.local import LocalAccount
from x402.schemas import PaymentPayload

from app.payments.claims.redis_keys import OPEN
from tests.chain.conftest import FUNDS
from tests.support.chain.books import PRICE
from tests.support.chain.chain import Chain, Transfer
from tests.support.chain.service import Service, faulty_node, local_facilitator
from tests.support.chain.traffic import REQUESTS, Caller, Tally, errands
from tests.support.processes import environment, free_port, wait_until
from tests.support.redis_server import redis_server
from tests.support.workers import Worker, workers

SEED = 16
LOST = 60
"""Callers who pay, hang up and never come back: nobody but the service learns what became of it."""
WALLETS = 64
CALLERS = 24
"""How many are served at once."""
FIRST_KILL, REDIS_RESTART, SECOND_KILL = 400, 700, 1000
"""Errands begun when that happens."""
PERSISTENT = ("--appendonly", "yes", "--appendfsync", "always")
QUIET_LOOKS = 8
SETTLED_SECONDS = 240.0
"""How long the task may take to resolve what was left open: leases, and a few looks."""

SETTINGS = {
    "ONCALL_SETTLE_DEADLINE": "6",
    "ONCALL_FACILITATOR_TIMEOUT": "1.5",
    "ONCALL_TRUSTED_PROXIES": "127.0.0.0/8",
}


class EvmCaller(Caller):
    """A caller who pays on the EVM chain alone."""

    def payment_on_either(self) -> PaymentPayload:
        return self.payment()


class Redis:
    """A Redis over files, which is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._life = contextlib.ExitStack()

    def start(self) -> str:
        flags = (*PERSISTENT, "--dir", str(self._folder))
        return self._life.enter_context(redis_server(self._folder, self._port, *flags))

    def kill(self) -> None:
        with redis.Redis(port=self._port) as server:
            os.kill(int(server.info("server")["process_id"]), signal.SIGKILL)
        self.close()

    def close(self) -> None:
        self._life.close()


@pytest.mark.timeout(900)
def test_the_ledger_equals_the_chain_line_by_line(
    chain: Chain, logs: Path, tmp_path: Path, reconciled: list[str]
) -> None:
    chance = seeded("the cast")
    wallets = [Account.from_key(chance.randbytes(32)) for _ in range(WALLETS)]
    payee = Account.from_key(chance.randbytes(32)).address
    for wallet in wallets:
        chain.mint(wallet.address, FUNDS)
    server, database = Redis(tmp_path), f"sqlite:///{tmp_path / 'oncall.db'}"
    with contextlib.closing(server):
        redis_url = server.start()
        kept = {**SETTINGS, "ONCALL_DATABASE_URL": database}
        with (
            local_facilitator(chain, logs, "--faults", str(SEED)) as facilitator_url,
            faulty_node(chain, logs, SEED) as node_url,
            workers(
                2, facilitator_url, payee, redis_url, logs, ONCALL_RPC_URL=node_url, **kept
            ) as both,
        ):
            tally = asyncio.run(serve_all(both, server, payee, wallets, chain))
            until_all_is_known(redis_url, chain, payee, database)
            lines = ledger(redis_url, database)
    transfers = chain.transfers_to(payee)
    counts = {
        "requests": tally.requests,
        "retries of them": tally.retries,
        "payments answered 200": len(tally.paid),
        "transfers on chain": len(transfers),
        "lines of the ledger": len(lines),
    }
    reconciled += [f"ledger: {name:24}  {count:>9}" for name, count in counts.items()]
    assert tally.requests == REQUESTS + LOST
    for line in lines:
        moved = Transfer(line["payer"], line["pay_to"], int(line["amount_atomic"]))
        assert chain.transfers_in(line["transaction"]) == [moved]
        assert line["pay_to"] == payee
        assert line["product"] == "sched-oncall-rotation"
    assert len({line["transaction"] for line in lines}) == len(lines) == len(transfers)
    assert len({line["payment"] for line in lines}) == len(lines)
    assert set(tally.paid.values()) <= {line["transaction"] for line in lines}
    total = sum(int(line["amount_atomic"]) for line in lines)
    assert total == len(lines) * PRICE == chain.balance_of(payee)


async def serve_all(
    both: Sequence[Worker],
    server: Redis,
    payee: str,
    wallets: Sequence[LocalAccount],
    chain: Chain,
) -> Tally:
    """Run every errand, some at a time; kill the workers and Redis on the way."""
    tally, urls = Tally(), [worker.url for worker in both]
    with httpx.Client(timeout=30) as http:
        terms = Service(urls[0], payee, http).terms()
    planned = [*errands(seeded("errands")), *[hangs_up_for_good] * LOST]
    seeded("order").shuffle(planned)
    waiting = iter(enumerate(planned))
    marks = {mark: asyncio.Event() for mark in (FIRST_KILL, REDIS_RESTART, SECOND_KILL)}

    async def havoc() -> None:
        await marks[FIRST_KILL].wait()
        await asyncio.to_thread(restart, both[0])
        await marks[REDIS_RESTART].wait()
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await marks[SECOND_KILL].wait()
        await asyncio.to_thread(restart, both[1])

    async def caller(http: httpx.AsyncClient) -> None:
        for number, errand in waiting:
            if number in marks:
                marks[number].set()
            whose, own = number % len(wallets), seeded(f"errand {number}")
            address = f"198.51.100.{whose + 1}"
            who = (own, wallets[whose], address, chain, None)
            await errand(EvmCaller(urls, http, terms, tally, *who))  # type: ignore[arg-type]

    async with (
        httpx.AsyncClient(limits=httpx.Limits(max_connections=4 * CALLERS)) as client,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(havoc())
        for _ in range(CALLERS):
            group.create_task(caller(client))
    return tally


async def hangs_up_for_good(caller: Caller) -> None:
    await caller.hang_up_on(caller.payment(), after_seconds=caller.chance.uniform(0.001, 0.1))


def restart(worker: Worker) -> None:
    worker.kill()
    worker.start()
    wait_until(worker.is_ready)


def until_all_is_known(redis_url: str, chain: Chain, payee: str, database: str) -> None:
    """Wait until the ledger has every transfer, and nothing has come for a while."""
    deadline = time.monotonic() + SETTLED_SECONDS
    seen: list[tuple[int, int]] = []
    chance = seeded("looks")
    while len(seen) < QUIET_LOOKS or len({*seen[-QUIET_LOOKS:]}) > 1 or seen[-1][0] != seen[-1][1]:
        with redis.Redis.from_url(redis_url) as server:
            still_open = server.zrange(OPEN, 0, -1)
            if still_open:  # due now, in any order: the node is often of no help
                scores = {key: chance.random() for key in still_open}
                server.zadd(OPEN, scores, xx=True)
        assert time.monotonic() < deadline, f"{len(still_open)} claims are open: {seen[-1]}"
        time.sleep(2)
        seen.append((len(ledger(redis_url, database)), len(chain.transfers_to(payee))))


def ledger(redis_url: str, database: str) -> Sequence[dict[str, str]]:
    """What ``python -m app receipts --csv`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "receipts", "--csv"],
        env=environment(ONCALL_REDIS_URL=redis_url, ONCALL_DATABASE_URL=database),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(StringIO(done.stdout)))


def seeded(purpose: str) -> random.Random:
    """Chance of its own for each purpose, so that one does not disturb another."""
    return random.Random(f"{SEED}: {purpose}")  # noqa: S311 - repeatable
