"""The stream of settlements, and the claims whose outcome nobody knows, in every store."""

import time
from pathlib import Path

import pytest

from app.errors import ClaimsUnavailable
from app.payments.claims.claim import PaymentClaims
from app.payments.claims.claimed_payment import DueClaims, OpenClaim
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.receipt import Receipt
from app.payments.claims.redis import MAX_STREAMED, MAX_UNSTORED, RedisClaims
from app.payments.claims.redis_keys import OPEN, PREFIX, STREAM
from tests.conftest import Clock
from tests.support.ledger import claimed, settlements_of
from tests.support.processes import free_port
from tests.support.redis_server import redis_server

pytestmark = pytest.mark.anyio

HASH = b"\x00\xff hash"


def receipt(transaction: str = "0x1") -> Receipt:
    return Receipt("0xAA", "20000", "eip155:84532", transaction, "request", 1.0004, "header")


async def left_unknown(claims: PaymentClaims, key: str, soon: float, named: str = "") -> OpenClaim:
    holder = (await claims.claim(key, HASH, soon, claimed())).holder
    await claims.mark_unknown(key, holder, named)
    [found] = (await claims.due_claims(9)).open
    return found


# --- the stream -----------------------------------------------------------------------------


async def test_a_settlement_is_in_the_stream_once(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    holder = (await claims.claim(key, HASH, soon, claimed())).holder
    assert await settlements_of(claims) == []
    await claims.mark_settled(key, holder, receipt())
    paid = claimed().settled(key, receipt())
    assert (paid.payment, paid.settled_at, paid.payer) == (key, 1.0, "0xAA")
    assert await settlements_of(claims) == [paid]
    await claims.claim(key, HASH, soon, claimed())
    assert await settlements_of(claims) == [paid]
    assert await claims.due_claims(9) == DueClaims()


async def test_it_is_read_in_pages_and_forgotten_by_name(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    for number in range(5):
        name = f"{key}-{number}"
        holder = (await claims.claim(name, HASH, soon, claimed())).holder
        await claims.mark_settled(name, holder, receipt())
    first = await claims.settlements(count=2)
    second = await claims.settlements(first[-1].id)
    assert [each.settlement.payment[-1] for each in (*first, *second)] == list("01234")
    await claims.forget_settlements([each.id for each in first])
    await claims.forget_settlements([first[0].id])
    assert await claims.settlements() == await claims.oldest_settlements(9) == second
    assert await claims.oldest_settlements(2) == second[:2]
    assert await claims.settlements(second[-1].id) == []


async def test_what_stands_for_no_money_is_no_settlement(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    """The claim of an identifier."""
    holder = (await claims.claim(key, HASH, soon)).holder
    await claims.mark_unknown(key, holder)
    assert await claims.due_claims(9) == DueClaims()
    again = await claims.claim(key, HASH, soon)
    await claims.mark_settled(key, again.holder, receipt())
    assert await settlements_of(claims) == []


async def test_memory_keeps_the_newest(clock: Clock) -> None:
    claims = MemoryClaims(clock, max_streamed=2)
    for name in "abc":
        holder = (await claims.claim(name, HASH, clock() + 60, claimed())).holder
        await claims.mark_settled(name, holder, receipt())
    assert [each.payment for each in await settlements_of(claims)] == ["b", "c"]
    await claims.store_again()
    assert MemoryClaims(clock)._max_streamed == 10_000


async def test_a_thousand_are_read_at_a_time(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    for number in range(1_001):
        holder = (await claims.claim(str(number), HASH, clock() + 60, claimed())).holder
        await claims.mark_settled(str(number), holder, receipt())
    assert len(await claims.settlements()) == 1_000


# --- what nobody knows ----------------------------------------------------------------------


async def test_a_claim_with_an_unknown_outcome_is_due_with_what_it_takes_to_ask(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    found = await left_unknown(claims, key, soon, "0x12")
    assert found == OpenClaim(key, HASH, claimed(), "0x12", found.claimed_at, found.expires_at)
    assert abs(found.claimed_at - time.time()) < 30
    assert abs(found.expires_at - soon) <= 2
    assert found.payment.restored().authorization.payer == "0x" + "aa" * 20


async def test_it_is_due_again_when_that_was_asked_and_never_once_given_up(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    found = await left_unknown(claims, key, soon)
    await claims.look_again(found, 30)
    assert await claims.due_claims(9) == DueClaims()
    await claims.look_again(found, -1)
    assert (await claims.due_claims(9)).open == [found]
    await claims.give_up(found)
    await claims.give_up(found)
    await claims.look_again(found, -1)
    assert await claims.due_claims(9) == DueClaims()
    again = await claims.claim(key, HASH, soon, claimed())
    assert (bool(again.holder), again.sent) == (True, True), "the claim itself stays"


async def test_a_receipt_that_was_found_is_the_payers_and_only_the_first_counts(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    found = await left_unknown(claims, key, soon)
    assert await claims.mark_found(found, receipt("0x1"))
    assert not await claims.mark_found(found, receipt("0x2"))
    again = await claims.claim(key, HASH, soon, claimed())
    assert again.receipt == receipt("0x1")
    assert await settlements_of(claims) == [claimed().settled(key, receipt("0x1"))]
    assert await claims.due_claims(9) == DueClaims()
    await claims.find(key, HASH, "0xaa")
    assert claims.has_paid("0xaa")


async def test_what_its_answer_is_about_is_kept_when_a_receipt_is_found(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    asked_at = 1_780_531_200_000
    holder = (await claims.claim(key, HASH, soon, claimed(), asked_at)).holder
    await claims.mark_unknown(key, holder)
    [found] = (await claims.due_claims(9)).open
    assert await claims.mark_found(found, receipt("0x1"))
    bought = await claims.find(key, HASH)
    assert bought is not None
    assert (bought.receipt, bought.asked_at) == (receipt("0x1"), asked_at)


async def test_whoever_settles_it_meanwhile_keeps_its_receipt(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    found = await left_unknown(claims, key, soon)
    holder = (await claims.claim(key, HASH, soon, claimed())).holder
    assert (await claims.due_claims(9)).open == []
    assert await claims.mark_found(found, receipt("0x1"))
    await claims.mark_settled(key, holder, receipt("0x2"))
    assert [each.transaction for each in await settlements_of(claims)] == ["0x1"]


async def test_one_that_was_released_is_not_due(
    claims: PaymentClaims, key: str, soon: float
) -> None:
    await left_unknown(claims, key, soon)
    await claims.release(key, (await claims.claim(key, HASH, soon, claimed())).holder)
    assert await claims.due_claims(9) == DueClaims()


async def test_some_are_due_at_a_time(claims: PaymentClaims, key: str, soon: float) -> None:
    for number in range(3):
        name = f"{key}-{number}"
        holder = (await claims.claim(name, HASH, soon, claimed())).holder
        await claims.mark_unknown(name, holder)
    assert len((await claims.due_claims(2)).open) == 2


async def test_memory_names_those_that_have_expired(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    found = await left_unknown(claims, "a", clock() + 60)
    clock.advance(61)
    assert await claims.due_claims(9) == DueClaims([], ["a"])
    assert await claims.due_claims(9) == DueClaims()
    assert not await claims.mark_found(found, receipt())


@pytest.mark.redis
class TestRedis:
    async def test_those_that_have_expired_are_named_once(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        await claims._redis.flushall()
        await left_unknown(claims, key, soon)
        await claims._redis.delete(PREFIX + key)
        assert await claims.due_claims(9) == DueClaims([], [key])
        assert await claims.due_claims(9) == DueClaims()
        await claims.aclose()

    async def test_a_claim_whose_holder_died_is_due_when_its_lease_has_ended(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        dead, other = (RedisClaims(redis_url, lease_seconds=n) for n in (60, 0))
        await dead._redis.flushall()
        await dead.claim(key, HASH, soon, claimed())
        assert await other.due_claims(9) == DueClaims()
        await dead._redis.zadd(OPEN, {key: 0})
        assert await other.due_claims(9) == DueClaims(), "its lease is asked as well"
        assert await dead._redis.zscore(OPEN, key) == pytest.approx(time.time() + 60, abs=5)
        await dead._redis.hset(PREFIX + key, "lease", "1")
        await dead._redis.zadd(OPEN, {key: 0})
        [found] = (await other.due_claims(9)).open
        assert (found.key, found.transaction) == (key, "")
        await dead.aclose()
        await other.aclose()

    async def test_one_that_is_settled_by_another_release_is_due_no_more(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        await claims._redis.flushall()
        holder = (await claims.claim(key, HASH, soon)).holder
        await claims.mark_settled(key, holder, receipt())
        await claims._redis.zadd(OPEN, {key: 0})
        assert await claims.due_claims(9) == DueClaims()
        assert await claims._redis.zcard(OPEN) == 0
        await claims.aclose()

    async def test_a_settled_claim_does_not_keep_its_payment(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        holder = (await claims.claim(key, HASH, soon, claimed())).holder
        assert await claims._redis.hexists(PREFIX + key, "payment")
        await claims.mark_settled(key, holder, receipt())
        assert not await claims._redis.hexists(PREFIX + key, "payment")
        await claims.aclose()

    async def test_the_stream_is_bounded(self, redis_url: str, key: str, soon: float) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        await claims._redis.flushall()
        for batch in range(0, MAX_STREAMED, 5_000):
            async with claims._redis.pipeline(transaction=False) as pipe:
                for number in range(batch, batch + 5_000):
                    pipe.xadd(STREAM, {"settlement": "{}"}, id=f"1-{number + 1}")
                await pipe.execute()
        for number in range(200):
            name = f"{key}-{number}"
            holder = (await claims.claim(name, HASH, soon, claimed())).holder
            await claims.mark_settled(name, holder, receipt())
        assert MAX_STREAMED <= await claims._redis.xlen(STREAM) < MAX_STREAMED + 200
        await claims._redis.flushall()
        await claims.aclose()

    async def test_what_could_not_be_recorded_is_recorded_later(
        self, tmp_path: Path, key: str, soon: float
    ) -> None:
        port = free_port()
        claims = RedisClaims(f"redis://127.0.0.1:{port}/0", lease_seconds=60, timeout_seconds=1)
        with redis_server(tmp_path, port):
            holder = (await claims.claim(key, HASH, soon, claimed())).holder
        with pytest.raises(ClaimsUnavailable):
            await claims.mark_settled(key, holder, receipt(), b"answer")
        with pytest.raises(ClaimsUnavailable):
            await claims.store_again()
        with redis_server(tmp_path, port):
            await claims.store_again()
            assert await settlements_of(claims) == [claimed().settled(key, receipt())]
            assert (await claims.claim(key, HASH, soon)).receipt == receipt()
            await claims.store_again()
            assert len(await settlements_of(claims)) == 1
        await claims.aclose()

    async def test_a_bounded_number_is_kept_for_later(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soon: float
    ) -> None:
        assert MAX_UNSTORED == 10_000
        monkeypatch.setattr("app.payments.claims.redis.MAX_UNSTORED", 1)
        port = free_port()
        claims = RedisClaims(f"redis://127.0.0.1:{port}/0", lease_seconds=60, timeout_seconds=1)
        with redis_server(tmp_path, port):
            holders = [(await claims.claim(name, HASH, soon, claimed())).holder for name in "ab"]
        for name, holder in zip("ab", holders, strict=True):
            with pytest.raises(ClaimsUnavailable):
                await claims.mark_settled(name, holder, receipt())
        assert list(claims._unstored) == ["a"]
        await claims.aclose()

    async def test_one_process_leads_until_its_time_is_over(self, redis_url: str) -> None:
        here, there = (RedisClaims(redis_url, lease_seconds=60) for _ in range(2))
        assert await here.lead("write", 60)
        assert not await there.lead("write", 60)
        assert await there.lead("look_up", 60)
        assert await here.lead("write", 0.001)
        while not await there.lead("write", 60):
            pass
        assert not await here.lead("write", 60)
        await here.aclose()
        await there.aclose()


async def test_memory_is_always_led(clock: Clock) -> None:
    assert await MemoryClaims(clock).lead("write", 1)
