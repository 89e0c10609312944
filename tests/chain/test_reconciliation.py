"""After 2,000 mixed requests and every fault we know, the books balance to the last payment.

Strategy: two workers share one Redis and settle through the SDK's facilitator on two local chains,
the EVM's and Solana's. Callers of every kind (``traffic``) come by the seed, while the facilitator
loses, delays and cuts answers and says "failed" of what it settled (``Fault``), the nodes lag,
break and lie (``NodeFault``), payers spend a nonce on somebody else, callers hang up, workers are
killed and started again, and Redis stands still for longer than anybody waits for it. Each caller
retries as told until it has a final answer. Then three books are compared payment by payment: what
callers were told, what Redis remembers, and what the chains say.

Each chain has a node that the service asks: after a lost answer the facilitator says "failed" of a
transfer that reached us, and without a node the service cannot tell in every case (a simulated
transfer of an empty wallet fails for two reasons); with it, every payment ends as 200 or 402. Each
wallet comes from an address of its own, believed through ``ONCALL_TRUSTED_PROXIES``: the rate limit
is not the subject here.

The seed fixes keys, nonces, the order of errands and which payment meets which fault; the kernel's
scheduling is not fixed.
"""

import asyncio
import json
import os
import random
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import redis
from eth_account import Account
from eth_account.signers.local import LocalAccount
from solders.hash import Hash
from solders.keypair import Keypair

from app.payments.claims.claimed_payment import Settlement
from tests.chain.conftest import FUNDS
from tests.support.chain.books import PRICE
from tests.support.chain.chain import Chain, Transfer
from tests.support.chain.facilitator_process import NETWORK
from tests.support.chain.service import Service, faulty_node, local_facilitator
from tests.support.chain.solana_chain import NETWORK as SOLANA
from tests.support.chain.solana_chain import SolanaChain
from tests.support.chain.traffic import (
    REQUESTS,
    Caller,
    SolanaPayer,
    Tally,
    errands,
    expect,
)
from tests.support.ledger import settlements_in, streamed
from tests.support.processes import wait_until
from tests.support.redis_server import redis_server
from tests.support.workers import Worker, workers

SEED = 84532
WALLETS = 64
CALLERS = 24
"""How many are served at once."""
KILLS_AFTER = (250, 500, 800, 1050, 1300)
"""Errands begun when a worker is killed."""
REDIS_STOPS_AFTER = 650
MARKS = sorted({*KILLS_AFTER, REDIS_STOPS_AFTER})
REDIS_STOPS_SECONDS = 5.0
"""Longer than a claim waits for Redis, the second try included."""

SETTINGS = {
    "ONCALL_SETTLE_DEADLINE": "6",
    "ONCALL_FACILITATOR_TIMEOUT": "1.5",
    "ONCALL_TRUSTED_PROXIES": "127.0.0.0/8",
}


@dataclass
class Scene:
    """Who takes part, and what is done to them."""

    workers: Sequence[Worker]
    redis_pid: int
    chance: random.Random
    begun: int = 0
    _reached: Mapping[int, asyncio.Event] = field(
        default_factory=lambda: {mark: asyncio.Event() for mark in MARKS}
    )
    kills: int = 0

    def begin(self) -> None:
        """Another errand begins."""
        self.begun += 1
        for mark, reached in self._reached.items():
            if self.begun >= mark:
                reached.set()

    async def havoc(self) -> None:
        """Kill and stop what the plan says, when so many errands have begun."""
        for mark, reached in self._reached.items():
            await reached.wait()
            if mark == REDIS_STOPS_AFTER:
                await self._stop_redis()
            else:
                await self._kill(self.chance.choice(self.workers))

    async def _kill(self, worker: Worker) -> None:
        worker.kill()
        self.kills += 1
        worker.start()
        await asyncio.to_thread(wait_until, worker.is_ready)

    async def _stop_redis(self) -> None:
        """Redis neither answers nor forgets, as on a host that swaps."""
        os.kill(self.redis_pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(REDIS_STOPS_SECONDS)
        finally:
            os.kill(self.redis_pid, signal.SIGCONT)


@dataclass(frozen=True)
class Cast:
    """Who pays whom on which chain; a wallet on one has a twin on the other."""

    chain: Chain
    solana: SolanaChain
    wallets: Sequence[LocalAccount]
    solana_wallets: Sequence[Keypair]
    payee: str
    solana_payee: str

    @classmethod
    def hired(cls, chain: Chain, solana: SolanaChain) -> "Cast":
        """Wallets with money, and payees without."""
        chance = seeded("the cast")
        wallets = [Account.from_key(chance.randbytes(32)) for _ in range(WALLETS)]
        payee = Account.from_key(chance.randbytes(32)).address
        solana_wallets = [Keypair.from_seed(chance.randbytes(32)) for _ in range(WALLETS)]
        solana_payee = str(Keypair.from_seed(chance.randbytes(32)).pubkey())
        for wallet, twin in zip(wallets, solana_wallets, strict=True):
            chain.mint(wallet.address, FUNDS)
            solana.mint(str(twin.pubkey()), FUNDS)
        solana.mint(solana_payee, 0)
        return cls(chain, solana, wallets, solana_wallets, payee, solana_payee)

    def accepts(self, node_url: str, solana_node_url: str) -> str:
        """The setting of both ways to pay, each with its node."""
        return json.dumps(
            [
                {"network": NETWORK, "payTo": self.payee, "rpcUrl": node_url},
                {"network": SOLANA, "payTo": self.solana_payee, "rpcUrl": solana_node_url},
            ]
        )

    def transfers(self) -> Sequence[Transfer]:
        """What both payees received, on either chain."""
        return [
            *self.chain.transfers_to(self.payee),
            *self.solana.transfers_to(self.solana_payee),
        ]


@pytest.mark.timeout(800)
def test_money_and_answers_are_the_same(
    chain: Chain, solana: SolanaChain, logs: Path, tmp_path: Path, reconciled: list[str]
) -> None:
    """Σ transfers on chain = Σ payments answered 200 × price, with nothing left unknown."""
    cast = Cast.hired(chain, solana)
    with (
        redis_server(tmp_path) as redis_url,
        local_facilitator(chain, logs, "--faults", str(SEED), solana=solana) as facilitator_url,
        faulty_node(chain, logs, SEED) as node_url,
        faulty_node(solana, logs, SEED) as solana_node_url,
        workers(
            2,
            facilitator_url,
            "",
            redis_url,
            logs,
            ONCALL_NETWORK="",
            ONCALL_ACCEPTS=cast.accepts(node_url, solana_node_url),
            **SETTINGS,
        ) as started,
    ):
        with redis.Redis.from_url(redis_url) as server:
            redis_pid = int(server.info("server")["process_id"])
        scene = Scene(started, redis_pid, seeded("havoc"))
        tally = asyncio.run(serve_all(scene, cast, redis_url))
        receipts = settlements_in(redis_url)
        faulty = {
            "facilitator": facilitator_url,
            "EVM node": node_url,
            "Solana node": solana_node_url,
        }
        faults = {
            f"{who}: {fault}": count
            for who, url in faulty.items()
            for fault, count in httpx.get(f"{url}/faults").json().items()
        }

    transfers = cast.transfers()
    received = sum(transfer.value for transfer in transfers)
    reconciled += report(tally, scene, faults, receipts, received, len(transfers))

    assert tally.requests == REQUESTS + tally.late
    balance = chain.balance_of(cast.payee) + solana.balance_of(cast.solana_payee)
    assert received == len(tally.paid) * PRICE == balance
    assert not tally.spent & set(tally.paid)
    on_evm = {nonce for nonce in tally.paid if nonce.startswith("0x")}
    assert chain.used_nonces(each.address for each in cast.wallets) == tally.spent | on_evm
    assert len(chain.transfers_to(cast.payee)) == len(on_evm)
    assert len(transfers) == len(tally.paid)
    assert {receipt.transaction for receipt in receipts} == set(tally.paid.values())
    assert sum(int(receipt.amount) for receipt in receipts) == received


async def serve_all(scene: Scene, cast: Cast, redis_url: str) -> Tally:
    """Run every errand, some at a time, while havoc is wrought."""
    tally, urls = Tally(), [worker.url for worker in scene.workers]
    with httpx.Client(timeout=30) as http:
        both = Service(urls[0], cast.payee, http).terms()
    terms, solana_terms = (both.model_copy(update={"accepts": [way]}) for way in both.accepts)
    blockhash = Hash.from_string(cast.solana.call("getLatestBlockhash")["value"]["blockhash"])
    waiting = iter(enumerate(errands(seeded("errands"))))

    def new_caller(number: int, http: httpx.AsyncClient) -> Caller:
        whose = number % WALLETS
        solana = SolanaPayer(cast.solana_wallets[whose], solana_terms, blockhash)
        address, own = f"198.51.100.{whose + 1}", seeded(f"errand {number}")
        wallet = cast.wallets[whose]
        return Caller(urls, http, terms, tally, own, wallet, address, cast.chain, solana)

    async def caller(http: httpx.AsyncClient) -> None:
        for number, errand in waiting:
            scene.begin()
            await errand(new_caller(number, http))

    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=4 * CALLERS)) as client:
        async with asyncio.TaskGroup() as group:
            group.create_task(scene.havoc())
            for _ in range(CALLERS):
                group.create_task(caller(client))
        tally.late = await store_late_receipts(new_caller(0, client), redis_url)
    return tally


async def store_late_receipts(caller: Caller, redis_url: str) -> int:
    """Replay what was settled and answered while Redis stood still; how many.

    The service tells Redis of it later by itself, or by a retry of its caller: here is one.
    """
    tally = caller.tally
    stored = {receipt.transaction for receipt in await streamed(redis_url)}
    missing = [nonce for nonce, transaction in tally.paid.items() if transaction not in stored]
    for nonce in missing:
        expect(await caller.ask(*tally.answered[nonce], nonce), 200)
    return len(missing)


def seeded(purpose: str) -> random.Random:
    """Chance of its own for each purpose, so that one does not disturb another."""
    return random.Random(f"{SEED}: {purpose}")  # noqa: S311 - repeatable


def report(
    tally: Tally,
    scene: Scene,
    faults: Mapping[str, int],
    receipts: Sequence[Settlement],
    received: int,
    transfers: int,
) -> Iterable[str]:
    """The run in lines of text: what was asked and told, what moved, what was done to it."""
    paid_late = len(tally.unknown & set(tally.paid))
    answers = {f"  {status} {reason}": n for (status, reason), n in sorted(tally.told.items())}
    lines = {
        "seed": SEED,
        "requests": tally.requests,
        "retries of them": tally.retries,
        **answers,
        "payments answered 200": len(tally.paid),
        "  on Solana": sum(not nonce.startswith("0x") for nonce in tally.paid),
        "  settlement_unknown first": paid_late,
        "settlement_unknown first, refused in the end": len(tally.unknown) - paid_late,
        "settlements in Redis": len(receipts),
        "  stored at a retry only": tally.late,
        "nonces spent on somebody else": len(tally.spent),
        "transfers on both chains": transfers,
        "received on both chains, in millionths of USDC": received,
        "price of the answers, in millionths of USDC": len(tally.paid) * PRICE,
        "difference": received - len(tally.paid) * PRICE,
        "injected: workers killed": scene.kills,
        f"injected: Redis stopped for {REDIS_STOPS_SECONDS:.0f} s": 1,
        "injected: callers that hung up": tally.hang_ups,
        **{f"injected: {name}": count for name, count in sorted(faults.items())},
        "connections lost by it": tally.lost_connections,
    }
    width = max(map(len, lines))
    return [f"{name:{width}}  {count:>9}" for name, count in lines.items()]
