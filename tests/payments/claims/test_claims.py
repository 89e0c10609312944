"""The claim store's promises, kept alike in memory and in a real Redis."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.errors import ClaimsUnavailable, PaymentAlreadyUsed, TooManyClaims
from app.payments.claims.claim import BUSY, PaymentClaims, Receipt
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.redis import CLAIM, PREFIX, RedisClaims
from tests.conftest import Clock
from tests.support.processes import free_port
from tests.support.redis_server import redis_server

pytestmark = pytest.mark.anyio

HASH, OTHER = b"\x00\xff hash", b"other"
KEYS = itertools.count()


def receipt(transaction: str = "0x1", at: float = 1.0) -> Receipt:
    return Receipt("0xaa", "20000", "eip155:84532", transaction, "request", at, "header")


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def claims(request: pytest.FixtureRequest) -> AsyncIterator[PaymentClaims]:
    store: PaymentClaims = MemoryClaims(time.time)
    if request.param == "redis":
        store = RedisClaims(request.getfixturevalue("redis_url"), lease_seconds=60)
    yield store
    await store.aclose()


@pytest.fixture
def key() -> str:
    return f"key-{next(KEYS)}"


@pytest.fixture
def soon() -> float:
    return time.time() + 60


class TestEveryStore:
    async def test_the_first_claim_is_the_callers(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        claim = await claims.claim(key, HASH, soon)
        assert claim.holder
        assert not claim.sent

    async def test_the_second_finds_it_busy(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        await claims.claim(key, HASH, soon)
        assert await claims.claim(key, HASH, soon) == BUSY

    async def test_another_request_cannot_have_it(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        await claims.claim(key, HASH, soon)
        with pytest.raises(PaymentAlreadyUsed):
            await claims.claim(key, OTHER, soon)

    async def test_a_receipt_is_given_to_every_later_claim(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        claim = await claims.claim(key, HASH, soon)
        await claims.mark_settled(key, claim.holder, receipt(), b"answer")
        assert (await claims.claim(key, HASH, soon)).receipt == receipt()

    async def test_a_released_claim_is_free_for_any_request(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        await claims.release(key, (await claims.claim(key, HASH, soon)).holder)
        assert (await claims.claim(key, OTHER, soon)).holder

    async def test_an_unknown_outcome_may_be_settled_again_by_the_same_request(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        await claims.mark_unknown(key, (await claims.claim(key, HASH, soon)).holder)
        with pytest.raises(PaymentAlreadyUsed):
            await claims.claim(key, OTHER, soon)
        again = await claims.claim(key, HASH, soon)
        assert again.holder
        assert again.sent

    async def test_who_does_not_hold_a_claim_cannot_end_it(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        await claims.claim(key, HASH, soon)
        await claims.release(key, "somebody")
        await claims.mark_unknown(key, "somebody")
        assert await claims.claim(key, HASH, soon) == BUSY

    async def test_of_many_at_once_one_gets_it(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        answers = await asyncio.gather(*(claims.claim(key, HASH, soon) for _ in range(50)))
        assert sum(bool(answer.holder) for answer in answers) == 1

    async def test_receipts_are_listed_oldest_first(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        for number in (2, 1):
            claim = await claims.claim(f"{key}-{number}", HASH, soon)
            paid = receipt(f"{key}-{number}", float(number))
            await claims.mark_settled(f"{key}-{number}", claim.holder, paid)
        await claims.claim(f"{key}-3", HASH, soon)
        listed = [each.transaction for each in await claims.receipts()]
        assert [name for name in listed if name.startswith(f"{key}-")] == [f"{key}-1", f"{key}-2"]

    async def test_it_is_well(self, claims: PaymentClaims) -> None:
        await claims.refresh()
        assert claims.problem is None


class TestMemory:
    async def test_what_can_no_longer_be_settled_is_forgotten(self, clock: Clock) -> None:
        claims = MemoryClaims(clock)
        await claims.mark_unknown("one", (await claims.claim("one", HASH, clock() + 60)).holder)
        clock.advance(61)
        assert not (await claims.claim("one", OTHER, clock() + 60)).sent

    async def test_a_claim_being_settled_is_never_forgotten(self, clock: Clock) -> None:
        claims = MemoryClaims(clock)
        await claims.claim("one", HASH, clock() + 60)
        clock.advance(61)
        assert await claims.claim("one", HASH, clock() + 60) == BUSY

    async def test_it_is_bounded_and_expired_claims_make_room(self, clock: Clock) -> None:
        claims = MemoryClaims(clock, max_claims=1)
        await claims.mark_unknown("one", (await claims.claim("one", HASH, clock() + 60)).holder)
        with pytest.raises(TooManyClaims):
            await claims.claim("two", HASH, clock() + 60)
        clock.advance(121)  # within the minute after it has expired
        assert (await claims.claim("two", HASH, clock() + 60)).holder
        assert len(claims) == 1


class TestRedis:
    async def test_what_can_no_longer_be_settled_is_forgotten(
        self, redis_url: str, key: str
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        await claims.claim(key, HASH, time.time() - 1)
        assert (await claims.claim(key, OTHER, time.time() + 60)).holder
        await claims.aclose()

    async def test_a_claim_whose_holder_died_is_taken_over_and_may_have_been_sent(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        dying = RedisClaims(redis_url, lease_seconds=0)
        await dying.claim(key, HASH, soon)
        await dying.aclose()
        heir = RedisClaims(redis_url, lease_seconds=60)
        claim = await heir.claim(key, HASH, soon)
        assert claim.holder
        assert claim.sent
        await heir.aclose()

    async def test_a_claim_repeated_by_the_client_itself_is_still_the_callers(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        arguments = [HASH, "holder", 60, int(soon)]
        answers = [await claims._run(CLAIM, key, arguments) for _ in range(2)]
        assert answers == [[b"mine", b""]] * 2
        await claims.aclose()

    async def test_a_receipt_whose_claim_redis_lost_is_bound_and_forgotten_all_the_same(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        claim = await claims.claim(key, HASH, soon)
        await claims._redis.flushall()
        await claims.mark_settled(key, claim.holder, receipt())
        with pytest.raises(PaymentAlreadyUsed):
            await claims.claim(key, OTHER, soon)
        assert 0 < await claims._redis.ttl(PREFIX + key) <= 60
        await claims.aclose()

    async def test_two_stores_share_their_claims(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        here, there = (RedisClaims(redis_url, lease_seconds=60) for _ in range(2))
        claim = await here.claim(key, HASH, soon)
        assert await there.claim(key, HASH, soon) == BUSY
        await here.mark_settled(key, claim.holder, receipt())
        assert (await there.claim(key, HASH, soon)).receipt == receipt()
        await here.aclose()
        await there.aclose()

    @pytest.mark.redis
    async def test_without_redis_nothing_is_claimed_and_it_says_so(
        self, key: str, soon: float, tmp_path: Path
    ) -> None:
        port = free_port()
        claims = RedisClaims(f"redis://127.0.0.1:{port}/0", lease_seconds=60, timeout_seconds=0.5)
        with pytest.raises(ClaimsUnavailable):
            await claims.claim(key, HASH, soon)
        with pytest.raises(ClaimsUnavailable):
            await claims.receipts()
        assert claims.problem == "Redis cannot be reached"
        await claims.refresh()
        assert claims.problem == "Redis cannot be reached"
        with redis_server(tmp_path, port):
            assert (await claims.claim(key, HASH, soon)).holder
            assert claims.problem is None
        await claims.aclose()
