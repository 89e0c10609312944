"""A payer who has paid in the last day is counted by itself, everybody else by the address."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.payments.claims.claim import PAYER_SECONDS, PaymentClaims
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.receipt import Receipt
from app.payments.claims.redis import MAX_PAYERS, RedisClaims
from app.payments.claims.redis_keys import PAYER_PREFIX
from tests.conftest import Clock
from tests.support.redis_server import redis_server
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    ScriptedFacilitator,
    Service,
    living,
    refuses,
    remote_settings,
    service,
    settings,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

LIMIT = 3
RATE = f"{LIMIT}/minute"
HASH = b"hash"


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def claims(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[PaymentClaims]:
    if request.param == "memory":
        yield MemoryClaims(clock)
        return
    with redis_server(tmp_path) as url:
        store = RedisClaims(url, lease_seconds=60)
        yield store
        await store.aclose()


@pytest.fixture
def served(claims: PaymentClaims, clock: Clock) -> Service:
    """A sandbox that lets a client ask three times a minute."""
    return service(settings(rate_limit=RATE), claims=claims, clock=clock)


class Shop:
    """What callers behind one address send, each payment a fresh one."""

    def __init__(self, served: Service, terms: str) -> None:
        self.served = served
        self.terms = terms

    async def statuses(self, wallet: Wallet, times: int, **changes: Any) -> list[int]:
        payments = [header_of(wallet.signed(self.terms, **changes)) for _ in range(times)]
        return [(await self.served.ask(EXAMPLE, each)).status_code for each in payments]


@pytest.fixture
async def shop(served: Service) -> Shop:
    return Shop(served, await served.terms())


async def test_many_buyers_stand_behind_one_address(shop: Shop) -> None:
    buyers = [Wallet() for _ in range(LIMIT)]
    for buyer in buyers:
        assert await shop.statuses(buyer, 1) == [200], "a first purchase counts for the address"
    for buyer in buyers:
        assert await shop.statuses(buyer, LIMIT + 1) == [*[200] * LIMIT, 429]
    assert await shop.statuses(Wallet(), 1) == [429], "the address has used its own count up"


async def test_a_forger_of_a_known_payers_name_uses_up_the_count_of_his_address(
    shop: Shop,
) -> None:
    known = Wallet()
    assert await shop.statuses(known, 1) == [200]
    forged = {"from": known.address}
    assert await shop.statuses(Wallet(), LIMIT, **forged) == [402, 402, 429]
    assert await shop.statuses(known, LIMIT + 1) == [*[200] * LIMIT, 429]


async def test_what_a_known_payer_signed_before_is_no_proof_that_he_asks(shop: Shop) -> None:
    """Everybody can read it on chain, long after its claim is forgotten."""
    known = Wallet()
    assert await shop.statuses(known, 1) == [200]
    expired = {"validBefore": "1780531100"}
    assert await shop.statuses(known, LIMIT, **expired) == [402, 402, 429]
    assert await shop.statuses(known, LIMIT) == [200] * LIMIT


async def test_a_signature_that_only_the_chain_can_check_counts_for_the_address(
    shop: Shop,
) -> None:
    known = Wallet()
    assert await shop.statuses(known, 1) == [200]
    statuses = []
    for _ in range(LIMIT):
        payload = known.signed(shop.terms)
        payload["payload"]["signature"] += "00" * 31
        statuses.append((await shop.served.ask(EXAMPLE, header_of(payload))).status_code)
    assert statuses == [402, 402, 429]
    assert await shop.statuses(known, LIMIT) == [200] * LIMIT


async def test_a_payment_for_other_terms_counts_for_the_address(shop: Shop) -> None:
    known = Wallet()
    assert await shop.statuses(known, 1) == [200]
    assert await shop.statuses(known, LIMIT, value="1") == [402, 402, 429]
    assert await shop.statuses(known, LIMIT) == [200] * LIMIT


async def test_an_empty_wallet_gets_no_count_of_its_own(clock: Clock) -> None:
    """It signs for nothing, so that an address could have as many as it likes."""
    async with ScriptedFacilitator(settle=refuses("insufficient_funds")) as script:
        served = service(remote_settings(script.url, rate_limit=RATE), clock=clock)
        async with living(served.app):
            shop = Shop(served, await served.terms())
            empty = Wallet()
            assert await shop.statuses(empty, LIMIT) == [402] * LIMIT
            assert await shop.statuses(empty, 1) == [429]
            assert await shop.statuses(Wallet(), 1) == [429]


async def test_a_payer_is_known_for_a_day(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    await settle(claims, "one", "0xAA")
    clock.advance(PAYER_SECONDS - 1)
    assert claims.has_paid("0xaa")
    await settle(claims, "two", "0xAA")
    clock.advance(PAYER_SECONDS - 1)
    assert claims.has_paid("0xaa"), "from the last settlement on"
    clock.advance(1)
    assert not claims.has_paid("0xaa")


async def test_memory_remembers_those_who_paid_last(clock: Clock) -> None:
    claims = MemoryClaims(clock, max_claims=2)
    for payer in ("0xa", "0xb", "0xa", "0xc"):
        clock.advance(120)
        await settle(claims, payer, payer, seconds=60)
    assert [claims.has_paid(payer) for payer in ("0xa", "0xb", "0xc")] == [True, False, True]


@pytest.mark.redis
async def test_redis_tells_every_process_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis_server(tmp_path) as url:
        here, there = (RedisClaims(url, lease_seconds=60) for _ in range(2))
        now = time.time()
        await settle(here, "one", "0xAA", now=now)
        assert not there.has_paid("0xaa"), "it was not looked for yet"
        assert await there.find("two", HASH, "0xaa") is None
        assert there.has_paid("0xaa")
        ttl = await here._redis.ttl(PAYER_PREFIX + "0xaa")
        assert PAYER_SECONDS - 60 < ttl <= PAYER_SECONDS
        await here._redis.delete(PAYER_PREFIX + "0xaa")
        await there.find("two", HASH, "0xaa")
        assert not there.has_paid("0xaa"), "what Redis has forgotten is forgotten here"
        monkeypatch.setattr("app.payments.claims.redis.MAX_PAYERS", 2)
        for payer in ("0xa", "0xb", "0xc"):
            await settle(here, payer, payer, now=now)
            await there.find("two", HASH, payer)
        assert [there.has_paid(payer) for payer in ("0xa", "0xb", "0xc")] == [False, True, True]
        for each in (here, there):
            await each.aclose()
    assert MAX_PAYERS > 2


async def settle(
    claims: PaymentClaims, key: str, payer: str, *, seconds: float = 1e6, now: float | None = None
) -> None:
    at = 1_780_531_200 if now is None else now
    claim = await claims.claim(key, HASH, at + seconds)
    receipt = Receipt(payer, "20000", NETWORK, "0x1", "request", 1.0, "header")
    await claims.mark_settled(key, claim.holder, receipt)
