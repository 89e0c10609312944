"""Claims in a Redis Cluster: many streams, and a part of it that is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.errors import ClaimsUnavailable
from app.payments.claims.redis import PARTLY_AWAY, RedisClaims
from app.payments.claims.redis_keys import SHARDS, ClaimKeys
from tests.payments.claims.test_claims import HASH, receipt
from tests.support.ledger import claimed, settlements_of
from tests.support.processes import free_port, wait_until
from tests.support.redis_servers import emptied, redis_cluster

pytestmark = pytest.mark.anyio


def key_of(payer: int) -> str:
    return f"eip155:84532:usdc:0x{payer:040x}:nonce"


async def sell(claims: RedisClaims, payer: int) -> None:
    key = key_of(payer)
    holder = (await claims.claim(key, HASH, time.time() + 60, claimed())).holder
    await claims.mark_settled(key, holder, receipt())


@pytest.fixture
async def store(cluster_url: str) -> AsyncIterator[RedisClaims]:
    claims = RedisClaims(cluster_url, lease_seconds=60)
    await emptied(claims._redis)
    yield claims
    await claims.aclose()


@pytest.mark.parametrize("key", ["id:eip155:84532:0xAB:order:7", "eip155:84532:usdc:0xab:{nonce}"])
def test_all_that_a_script_touches_has_the_tag_of_its_payer(key: str) -> None:
    names = ClaimKeys(SHARDS).of(key, "0xab")
    tags = {name[name.index("{") + 1 : name.index("}")] for name in names}
    assert len(tags) == 1
    assert tags == {
        name[name.index("{") + 1 : name.index("}")] for name in ClaimKeys(SHARDS).of("x:x:x:0xaB:")
    }
    assert ClaimKeys(SHARDS).of_shard(int(tags.pop()))[2:] == names[2:]


def test_payers_are_spread_over_all_shards() -> None:
    streams = {ClaimKeys(SHARDS).of(key_of(payer))[2] for payer in range(5_000)}
    assert streams == {ClaimKeys(SHARDS).of_shard(shard)[2] for shard in range(SHARDS)}


def test_on_one_server_names_are_what_they_were() -> None:
    assert ClaimKeys().of("key", "0xab") == [
        "oncall:claim:key",
        "oncall:payer:0xab",
        "oncall:settlements",
        "oncall:open",
    ]


@pytest.mark.redis
async def test_every_stream_is_read_and_forgotten(store: RedisClaims) -> None:
    await asyncio.gather(*(sell(store, payer) for payer in range(40)))
    sold = {key_of(payer) for payer in range(40)}
    assert {each.payment for each in await settlements_of(store)} == sold
    oldest = await store.oldest_settlements(500)
    assert {each.settlement.payment for each in oldest} == sold
    first_of_each = await store.oldest_settlements(1)
    assert len(first_of_each) == len({each.id.partition("/")[0] for each in oldest})
    await store.forget_settlements([each.id for each in oldest])
    assert await store.oldest_settlements(500) == await settlements_of(store) == []


@pytest.mark.redis
async def test_open_claims_of_all_shards_are_looked_up(store: RedisClaims) -> None:
    for payer in range(30):
        key = key_of(payer)
        holder = (await store.claim(key, HASH, time.time() + 60, claimed())).holder
        await store.mark_unknown(key, holder)
    due = await store.due_claims(20)
    assert len({each.key for each in due.open}) == 20
    for claim in due.open:
        await store.give_up(claim)
    assert len((await store.due_claims(20)).open) == 10


@pytest.mark.redis
async def test_a_part_that_is_away_concerns_its_payers_alone(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as cluster:
        claims = RedisClaims(cluster.url, lease_seconds=60, timeout_seconds=1)
        await asyncio.gather(*(sell(claims, payer) for payer in range(40)))
        first = cluster.primaries[0]
        await asyncio.to_thread(wait_until, lambda: first.is_copied)
        first.kill()
        sales = (sell(claims, payer) for payer in range(100, 140))
        found = await asyncio.gather(*sales, return_exceptions=True)
        failed = [each for each in found if each is not None]
        assert 0 < len(failed) < 40
        assert all(isinstance(each, ClaimsUnavailable) for each in failed)
        assert (claims.problem, claims.partial_problem) == (None, PARTLY_AWAY)
        await claims.refresh()
        assert (claims.problem, claims.partial_problem) == (None, PARTLY_AWAY)
        assert 0 < len(await claims.oldest_settlements(500)) < 80
        with pytest.raises(ClaimsUnavailable):
            await settlements_of(claims)
        async with asyncio.timeout(30):
            while claims.partial_problem:
                await asyncio.sleep(0.2)
                await claims.refresh()
        assert len(await settlements_of(claims)) == 80 - len(failed)
        await claims.aclose()


async def test_a_cluster_that_is_away_has_a_problem() -> None:
    url = f"redis+cluster://127.0.0.1:{free_port()}"
    claims = RedisClaims(url, lease_seconds=60, timeout_seconds=0.5)
    with pytest.raises(ClaimsUnavailable):
        await claims.oldest_settlements(5)
    await claims.refresh()
    assert (claims.problem, claims.partial_problem) == ("Redis cannot be reached", None)
    await claims.aclose()
