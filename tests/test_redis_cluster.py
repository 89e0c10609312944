"""Scripts in a real Redis Cluster: nodes that are away, slots that have moved or are moving."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import RedisCluster
from redis.exceptions import ClusterDownError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from app.redis_scripts import RedisScripts
from app.redis_servers import close, memory_of, redis_at
from tests.support.processes import free_port
from tests.support.redis_servers import Cluster, Node, emptied, redis_cluster

pytestmark = [pytest.mark.anyio, pytest.mark.redis]

COUNT = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
FAIL = "return redis.call('LPUSH', KEYS[1], 'x')"
KEYS = [f"n{{{number}}}" for number in range(60)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with redis_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def redis(cluster: Cluster) -> AsyncIterator[RedisCluster]:
    client = redis_at(cluster.url, timeout_seconds=2, tries=2)
    assert isinstance(client, RedisCluster)
    await emptied(client)
    yield client
    await close(client)


@pytest.fixture
async def scripts(redis: RedisCluster) -> AsyncIterator[RedisScripts]:
    scripts = RedisScripts(redis)
    yield scripts
    await scripts.aclose()


async def counted(scripts: RedisScripts, keys: list[str] = KEYS) -> list[object]:
    """The answers or errors of one more for each key, all at once."""
    asked = (scripts.run(COUNT, [key], [1]) for key in keys)
    return [*await asyncio.gather(*asked, return_exceptions=True)]


def owner_of(cluster: Cluster, redis: RedisCluster, key: str) -> Node:
    """The node that ``redis`` believes to have ``key``."""
    node = redis.get_node_from_key(key)
    assert node is not None
    return next(each for each in cluster.nodes if each.port == node.port)


async def test_each_node_answers_for_its_keys(scripts: RedisScripts, redis: RedisCluster) -> None:
    assert await counted(scripts) == [1] * 60
    assert await counted(scripts) == [2] * 60
    for node in redis.get_primaries():
        info = await redis.info("clients", target_nodes=node)
        assert info["connected_clients"] <= 4  # ours, and those of the other nodes


async def test_a_script_that_fails_keeps_no_other_from_running(scripts: RedisScripts) -> None:
    assert await counted(scripts) == [1] * 60
    failing = scripts.run(FAIL, [KEYS[0]], [])
    both = await asyncio.gather(failing, counted(scripts), return_exceptions=True)
    assert isinstance(both[0], ResponseError)
    assert both[1] == [2] * 60


async def test_a_slot_that_has_moved_is_asked_where_it_is(
    scripts: RedisScripts, cluster: Cluster
) -> None:
    assert await counted(scripts) == [1] * 60
    replica = next(node for node in cluster.nodes if not node.is_primary)
    await asyncio.to_thread(replica.take_over)
    # every key is in the replica by now, because the failover was asked for
    assert await counted(scripts) == [2] * 60


async def test_a_slot_that_is_moving_is_asked_at_both_nodes(
    scripts: RedisScripts, redis: RedisCluster, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await scripts.run(COUNT, ["old{1}"], [1]) == 1
    source = owner_of(cluster, redis, "new{1}")
    target = next(each for each in cluster.primaries if each.port != source.port)
    slot = redis.keyslot("new{1}")
    with source.client() as giving, target.client() as taking:
        names = {each: each.execute_command("CLUSTER MYID").decode() for each in (giving, taking)}
        taking.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", names[giving])
        giving.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", names[taking])
        try:
            assert await scripts.run(COUNT, ["new{1}"], [5]) == 5
            assert await scripts.run(COUNT, ["old{1}"], [1]) == 2
            with monkeypatch.context() as patched:  # a node that has come in meanwhile
                patched.setattr(redis, "get_node", lambda *_: None)
                with pytest.raises(ResponseError):
                    await scripts.run(COUNT, ["newer{1}"], [1])
        finally:
            for each in (giving, taking):
                each.execute_command("CLUSTER SETSLOT", slot, "STABLE")


async def test_a_slot_that_no_node_has_fails_alone(
    scripts: RedisScripts, redis: RedisCluster, cluster: Cluster
) -> None:
    await counted(scripts)
    owner, slot = owner_of(cluster, redis, KEYS[3]), redis.keyslot(KEYS[3])
    for node in cluster.nodes:
        with node.client() as server:
            server.execute_command("CLUSTER DELSLOTS", slot)
    refused, unknown = await counted(scripts), await counted(scripts)
    with owner.client() as server:
        server.execute_command("CLUSTER ADDSLOTS", slot)
    assert [type(each) for each in refused if each != 2] == [ClusterDownError]
    assert [type(each) for each in unknown if each != 3] == [RedisConnectionError]


async def test_a_lost_primary_concerns_its_keys_alone_and_its_replica_takes_over(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with redis_cluster(tmp_path_factory.mktemp("failing")) as cluster:
        redis = redis_at(cluster.url, timeout_seconds=1, tries=2)
        assert isinstance(redis, RedisCluster)
        scripts = RedisScripts(redis)
        assert await counted(scripts) == [1] * 60
        owner = owner_of(cluster, redis, KEYS[0])
        its = [owner_of(cluster, redis, key).port == owner.port for key in KEYS]
        owner.kill()
        answers = await counted(scripts)
        assert [isinstance(each, RedisError) for each in answers] == its
        assert {each for each in answers if isinstance(each, int)} == {2}
        memory = await memory_of(redis)
        assert sorted(isinstance(each, BaseException) for each in memory) == [False, False, True]
        async with asyncio.timeout(30):
            while any(  # noqa: ASYNC110 - nothing signals it
                isinstance(each, BaseException) for each in await counted(scripts)
            ):
                await asyncio.sleep(0.2)
        assert all(isinstance(each, dict) for each in await memory_of(redis))
        await close(redis)


async def test_a_cluster_that_is_away_is_an_error() -> None:
    redis = redis_at(f"redis+cluster://127.0.0.1:{free_port()}", timeout_seconds=1, tries=1)
    with pytest.raises(RedisConnectionError):
        await RedisScripts(redis).run(COUNT, ["n"], [1])
    with pytest.raises(RedisConnectionError):
        await memory_of(redis)
    await close(redis)
