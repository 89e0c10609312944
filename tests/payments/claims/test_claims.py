"""The claim store's promises, kept alike in memory and in a real Redis."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from app.errors import ClaimsUnavailable, PaymentAlreadyUsed, TooManyClaims
from app.payments.claims.claim import BUSY, Claim, PaymentClaims
from app.payments.claims.memory import FORGOTTEN_AT_ONCE, MemoryClaims
from app.payments.claims.receipt import Receipt
from app.payments.claims.redis import CLAIM, RedisClaims
from app.payments.claims.redis_keys import OPEN, PREFIX
from tests.conftest import Clock
from tests.support.ledger import claimed, settlements_of
from tests.support.processes import free_port
from tests.support.redis_server import redis_server

pytestmark = pytest.mark.anyio

HASH, OTHER = b"\x00\xff hash", b"other"


def receipt(transaction: str = "0x1", at: float = 1.0) -> Receipt:
    return Receipt("0xaa", "20000", "eip155:84532", transaction, "request", at, "header")


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

    async def test_it_says_when_it_was_first_made(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        first = await claims.claim(key, HASH, soon)
        assert abs(first.claimed_at - time.time()) < 30
        await claims.mark_unknown(key, first.holder)
        again = await claims.claim(key, HASH, soon + 60)
        assert again.claimed_at == first.claimed_at

    async def test_it_says_what_its_answer_is_about(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        first = await claims.claim(key, HASH, soon, asked_at=1_780_531_200_000)
        await claims.mark_unknown(key, first.holder)
        found = await claims.find(key, HASH)
        assert found is not None
        assert found.asked_at == first.asked_at == 1_780_531_200_000
        again = await claims.claim(key, HASH, soon, asked_at=1_780_531_200_001)
        await claims.mark_settled(key, again.holder, receipt())
        later = await claims.claim(key, HASH, soon, asked_at=7)
        for known in (await claims.find(key, HASH), later):
            assert known is not None
            assert known.asked_at == 1_780_531_200_001

    async def test_the_transaction_of_an_unknown_outcome_is_remembered(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        claim = await claims.claim(key, HASH, soon)
        await claims.mark_unknown(key, claim.holder, "0x1")
        assert await claims.find(key, HASH) == Claim(sent=True, transaction="0x1")
        again = await claims.claim(key, HASH, soon)
        assert (again.sent, again.transaction) == (True, "0x1")
        await claims.mark_unknown(key, again.holder)
        assert await claims.find(key, HASH) == Claim(sent=True)

    async def test_looking_finds_what_there_is_and_claims_nothing(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        assert await claims.find(key, HASH) is None
        claim = await claims.claim(key, HASH, soon)
        assert await claims.find(key, HASH) == BUSY
        with pytest.raises(PaymentAlreadyUsed):
            await claims.find(key, OTHER)
        await claims.mark_settled(key, claim.holder, receipt(), b"\x00 answer")
        found = await claims.find(key, HASH)
        assert found == Claim(receipt=receipt(), answer=b"\x00 answer")
        assert await claims.claim(key, HASH, soon) == found

    async def test_an_answer_need_not_be_kept(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        claim = await claims.claim(key, HASH, soon)
        await claims.mark_settled(key, claim.holder, receipt())
        assert await claims.find(key, HASH) == Claim(receipt=receipt())

    async def test_a_receipt_is_never_taken_back(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        claim = await claims.claim(key, HASH, soon)
        await claims.mark_settled(key, claim.holder, receipt())
        await claims.release(key, claim.holder)
        await claims.mark_unknown(key, claim.holder)
        assert await claims.find(key, HASH) == Claim(receipt=receipt())

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

    async def test_settlements_are_listed_as_they_came(
        self, claims: PaymentClaims, key: str, soon: float
    ) -> None:
        for number in (2, 1):
            claim = await claims.claim(f"{key}-{number}", HASH, soon, claimed())
            paid = receipt(f"{key}-{number}", float(number))
            await claims.mark_settled(f"{key}-{number}", claim.holder, paid)
        await claims.claim(f"{key}-3", HASH, soon, claimed())
        listed = [each.transaction for each in await settlements_of(claims)]
        assert [name for name in listed if name.startswith(f"{key}-")] == [f"{key}-2", f"{key}-1"]

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

    async def test_a_full_store_is_not_searched_at_every_claim(self, clock: Clock) -> None:
        """It took 21 ms of the event loop, with 100,000 claims."""
        looks = 0

        def counted() -> float:
            nonlocal looks
            looks += 1
            return clock()

        claims = MemoryClaims(counted, max_claims=1_000)
        for number in range(1_000):
            await claims.claim(f"key {number}", HASH, clock() + 60)
        looks = 0
        with pytest.raises(TooManyClaims):
            await claims.claim("one more", HASH, clock() + 60)
        assert looks <= 2

    async def test_expired_claims_are_forgotten_a_few_at_a_time(self, clock: Clock) -> None:
        claims = MemoryClaims(clock, max_claims=100)
        for number in range(100):
            key = f"key {number}"
            await claims.mark_unknown(key, (await claims.claim(key, HASH, clock() + 60)).holder)
        clock.advance(121)
        await claims.claim("another", HASH, clock() + 60)
        assert len(claims) == 100 - FORGOTTEN_AT_ONCE + 1

    async def test_one_that_is_being_settled_holds_up_no_other(self, clock: Clock) -> None:
        claims = MemoryClaims(clock, max_claims=2)
        slow = await claims.claim("slow", HASH, clock() + 60)
        await claims.mark_unknown("one", (await claims.claim("one", HASH, clock() + 60)).holder)
        clock.advance(121)
        assert (await claims.claim("two", HASH, clock() + 60)).holder
        await claims.mark_unknown("slow", slow.holder)
        clock.advance(121)
        assert (await claims.claim("three", HASH, clock() + 60)).holder
        assert len(claims) == 2

    async def test_what_was_released_leaves_nothing_behind(self, clock: Clock) -> None:
        claims = MemoryClaims(clock)
        for number in range(10):
            key = f"key {number}"
            claim = await claims.claim(key, HASH, clock() + 60 * number)
            await claims.release(key, claim.holder)
        assert (len(claims), claims._due, claims._answers) == (0, {}, {})

    async def test_the_oldest_answers_are_dropped_first_and_their_receipts_stay(
        self, clock: Clock
    ) -> None:
        claims = MemoryClaims(clock, max_answer_bytes=25)
        for key in ("one", "two", "three"):
            claim = await claims.claim(key, HASH, clock() + 60)
            await claims.mark_settled(key, claim.holder, receipt(), b"ten bytes.")
        found = [await claims.find(key, HASH) for key in ("one", "two", "three")]
        assert [each.answer for each in found if each] == [None, b"ten bytes.", b"ten bytes."]
        assert all(each and each.receipt == receipt() for each in found)

    async def test_an_answer_is_forgotten_with_its_claim(self, clock: Clock) -> None:
        claims = MemoryClaims(clock, max_answer_bytes=25)
        claim = await claims.claim("one", HASH, clock() + 60)
        await claims.mark_settled("one", claim.holder, receipt(), b"ten bytes.")
        clock.advance(61)
        assert await claims.find("one", HASH) is None
        assert (claims._answers, claims._answer_bytes_left) == ({}, 25)


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
        arguments = [HASH, "holder", 60, int(soon), b"", key, 0]
        answers = [await claims._run(CLAIM, key, arguments) for _ in range(2)]
        assert [answer[:2] for answer in answers] == [[b"mine", b""]] * 2
        await claims.mark_unknown(key, "holder", "0x1")
        assert (await claims._run(CLAIM, key, arguments))[:2] == [b"mine", b"0x1"]
        assert {int(answer[2]) for answer in answers} == {int(answers[0][2])}
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

    async def test_a_holder_whose_lease_ran_out_takes_no_receipt_back(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        slow, heir = (RedisClaims(redis_url, lease_seconds=0) for _ in range(2))
        first = await slow.claim(key, HASH, soon)
        second = await heir.claim(key, HASH, soon)
        await slow.mark_settled(key, first.holder, receipt(), b"answer")
        await heir.mark_settled(key, second.holder, receipt("0x2"), b"another")
        await heir.release(key, second.holder)
        assert await heir.find(key, HASH) == Claim(receipt=receipt(), answer=b"answer")
        await slow.aclose()
        await heir.aclose()

    async def test_a_copy_that_claims_after_the_lease_in_the_same_process(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=0)
        first = await claims.claim(key, HASH, soon)
        second = await claims.claim(key, HASH, soon)
        assert second.sent
        await claims.mark_settled(key, second.holder, receipt())
        await claims.mark_settled(key, first.holder, receipt("0x2"))
        assert await claims.find(key, HASH) == Claim(receipt=receipt())
        assert claims._held == {}
        await claims.aclose()

    async def test_a_lease_that_ran_out_is_found_as_sent(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=0)
        await claims.claim(key, HASH, soon)
        assert await claims.find(key, HASH) == Claim(sent=True)
        await claims.aclose()

    async def test_an_operation_ends_long_before_the_lease(self, key: str, soon: float) -> None:
        """Against something that takes connections and never answers."""

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        claims = RedisClaims(f"redis://127.0.0.1:{port}/0", lease_seconds=60, timeout_seconds=0.2)
        async with asyncio.timeout(5):
            with pytest.raises(ClaimsUnavailable):
                await claims.claim(key, HASH, soon)
        await claims.aclose()
        server.close()

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
            await claims.settlements()
        assert claims.problem == "Redis cannot be reached"
        await claims.refresh()
        assert claims.problem == "Redis cannot be reached"
        with redis_server(tmp_path, port):
            assert (await claims.claim(key, HASH, soon)).holder
            assert claims.problem is None
        await claims.aclose()


@pytest.mark.redis
async def test_answers_take_at_most_half_of_redis(redis_url: str, key: str, soon: float) -> None:
    """Then claims and receipts still have room, whatever large answers are bought."""
    claims = RedisClaims(redis_url, lease_seconds=60)
    used = (await claims._redis.info("memory"))["used_memory"]
    for most, kept in ((4 * used, b"answer"), (used + used // 2, None), (0, b"answer")):
        await claims._redis.config_set("maxmemory", most)
        await claims.refresh()
        claim = await claims.claim(f"{key} {most}", HASH, soon)
        await claims.mark_settled(f"{key} {most}", claim.holder, receipt(), b"answer")
        assert await claims.find(f"{key} {most}", HASH) == Claim(receipt=receipt(), answer=kept)
    await claims.aclose()


class TestEviction:
    """What Redis does when it is full; it must never drop a claim."""

    @pytest.fixture
    async def claims(self, redis_url: str) -> AsyncIterator[RedisClaims]:
        store = RedisClaims(redis_url, lease_seconds=60)
        yield store
        await store._redis.config_set("maxmemory-policy", "noeviction")
        await store.aclose()

    @pytest.mark.parametrize(
        "policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-ttl"]
    )
    @pytest.mark.redis
    async def test_a_policy_that_drops_claims_is_a_problem(
        self, claims: RedisClaims, key: str, soon: float, policy: str
    ) -> None:
        await claims._redis.config_set("maxmemory-policy", policy)
        await claims.refresh()
        wanted = f"Redis may drop claims: its maxmemory-policy is {policy}, not noeviction"
        assert claims.problem == claims.misconfiguration == wanted
        await claims.claim(key, HASH, soon)
        assert claims.problem == wanted, "what works does not hide it"
        await claims._redis.config_set("maxmemory-policy", "noeviction")
        await claims.refresh()
        assert claims.problem is None

    @pytest.mark.redis
    async def test_one_that_does_not_tell_is_taken_and_warned_of(
        self, claims: RedisClaims, redis_url: str
    ) -> None:
        await claims._redis.execute_command(
            "ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "-info", "-config"
        )
        mute = RedisClaims(redis_url.replace("//", "//mute:secret@"), lease_seconds=60)
        with structlog.testing.capture_logs() as logs:
            await mute.refresh()
            assert [each["event"] for each in logs] == ["redis_policy_unknown"]
            await mute.refresh()
        assert mute.problem is None
        assert len(logs) == 1
        await mute.aclose()

    async def test_it_lists_what_is_a_claim_and_keeps_nothing_of_what_ended(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        await claims._redis.flushall()
        await claims._redis.lpush("oncall:limit:x", "1")
        for end in ("settled", "unknown", "released"):
            holder = (await claims.claim(f"{key}-{end}", HASH, soon, claimed())).holder
            if end == "settled":
                await claims.mark_settled(f"{key}-{end}", holder, receipt())
            elif end == "unknown":
                await claims.mark_unknown(f"{key}-{end}", holder)
            else:
                await claims.release(f"{key}-{end}", holder)
        paid = claimed().settled(f"{key}-settled", receipt())
        assert await settlements_of(claims) == [paid]
        assert await claims._redis.zrange(OPEN, 0, -1) == [f"{key}-unknown".encode()]
        assert claims._held == {}
        await claims.aclose()

    async def test_a_redis_that_does_not_tell_its_policy_is_warned_of_once(
        self, redis_url: str
    ) -> None:
        admin = RedisClaims(redis_url, lease_seconds=60)
        await admin._redis.execute_command(
            "ACL", "SETUSER", "guest", "on", ">secret", "~*", "+@all", "-info"
        )
        claims = RedisClaims(redis_url.replace("//", "//guest:secret@"), lease_seconds=60)
        with capture_logs() as logs:
            await claims.refresh()
            await claims.refresh()
        assert logs == [
            {"event": "redis_policy_unknown", "log_level": "warning", "needed": "noeviction"}
        ]
        assert (claims.problem, claims.misconfiguration) == (None, None)
        for each in (claims, admin):
            await each.aclose()

    async def test_a_redis_that_answers_without_an_end_is_away(self, key: str, soon: float) -> None:
        ended = asyncio.Event()

        async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(ConnectionError):
                while True:
                    writer.write(b"+")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            ended.set()

        async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
            url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
            claims = RedisClaims(url, lease_seconds=60, timeout_seconds=0.2)
            with pytest.raises(ClaimsUnavailable) as failure:
                await claims.claim(key, HASH, soon)
            assert failure.value.retry_after == 2
            assert claims.problem == "Redis cannot be reached"
            await claims.aclose()
            await ended.wait()

    @pytest.mark.parametrize(
        ("options", "seconds"), [({}, 2.0), ({"timeout_seconds": 0.5}, 0.5)], ids=["usual", "set"]
    )
    async def test_an_operation_is_tried_twice_within_its_time(
        self, options: dict[str, float], seconds: float
    ) -> None:
        claims = RedisClaims("redis://127.0.0.1:9/0", lease_seconds=60, **options)
        connection = claims._redis.connection_pool.connection_kwargs
        assert connection["socket_timeout"] == connection["socket_connect_timeout"] == seconds
        assert connection["retry"].get_retries() == 1
        assert claims._longest_seconds == 2 * seconds
        assert claims.problem is None

    async def test_a_holder_is_a_token_of_its_own(
        self, redis_url: str, key: str, soon: float
    ) -> None:
        claims = RedisClaims(redis_url, lease_seconds=60)
        holders = {(await claims.claim(f"{key}-{n}", HASH, soon)).holder for n in range(3)}
        assert [len(holder) for holder in holders] == [16] * 3
        await claims.aclose()

    @pytest.mark.parametrize(
        ("memory", "keeps"),
        [
            ({"used_memory": 49, "maxmemory": 100}, True),
            ({"used_memory": 34, "maxmemory": 100}, True),
            ({"used_memory": 50, "maxmemory": 100}, False),
            ({"used_memory": 99, "maxmemory": 0}, True),
            ({"used_memory": 99}, True),
            ({"maxmemory": 2}, True),
            ({}, True),
        ],
    )
    async def test_answers_are_kept_until_redis_is_half_full(
        self, monkeypatch: pytest.MonkeyPatch, memory: dict[str, int], keeps: bool
    ) -> None:
        claims = RedisClaims("redis://127.0.0.1:9/0", lease_seconds=60)

        async def info(_: str) -> dict[str, object]:
            return {**memory, "maxmemory_policy": "allkeys-lru"}

        monkeypatch.setattr(claims._redis, "info", info)
        await claims.refresh()
        assert claims._keeps_answers == keeps
        assert claims.misconfiguration == (
            "Redis may drop claims: its maxmemory-policy is allkeys-lru, not noeviction"
        )
