"""The Redis that an address means."""

from pathlib import Path

import pytest
from redis.asyncio import Redis, RedisCluster, SSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedSSLConnection

from app.redis_scripts import RedisScripts
from app.redis_servers import RedisClient, close, memory_of, redis_at
from tests.support.processes import wait_until
from tests.support.redis_servers import redis_sentinels

pytestmark = pytest.mark.anyio


def at(url: str) -> RedisClient:
    return redis_at(url, timeout_seconds=1.5, tries=2)


def one_at(url: str) -> Redis:
    client = at(url)
    assert isinstance(client, Redis)
    return client


async def test_one_server() -> None:
    options = one_at("rediss://ann:se%40cret@redis:6380/3").connection_pool.connection_kwargs
    assert {name: options[name] for name in ("host", "port", "db", "username", "password")} == {
        "host": "redis",
        "port": 6380,
        "db": 3,
        "username": "ann",
        "password": "se@cret",
    }
    assert (options["socket_timeout"], options["retry"].get_retries()) == (1.5, 1)


async def test_the_primary_of_sentinels() -> None:
    client = one_at(
        "redis+sentinel://ann:se%40cret@one,two:1,[::1]:2/oncall/4?sentinel_password=s&client_name=x"
    )
    pool = client.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert (pool.service_name, pool.connection_kwargs["db"]) == ("oncall", 4)
    assert pool.connection_kwargs["username"] == "ann"
    assert pool.connection_kwargs["password"] == "se@cret"
    assert pool.connection_kwargs["client_name"] == "x"
    sentinels = [each.connection_pool.connection_kwargs for each in pool.sentinel_manager.sentinels]
    assert [(each["host"], each["port"]) for each in sentinels] == [
        ("one", 26379),
        ("two", 1),
        ("::1", 2),
    ]
    assert [each["password"] for each in sentinels] == ["s"] * 3
    assert [each["username"] for each in sentinels] == [None] * 3
    assert [each["retry"].get_retries() for each in sentinels] == [0] * 3
    await close(client)


async def test_sentinels_by_tls() -> None:
    pool = one_at("rediss+sentinel://one/oncall").connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.connection_class is SentinelManagedSSLConnection
    [sentinel] = pool.sentinel_manager.sentinels
    assert sentinel.connection_pool.connection_class is SSLConnection


async def test_a_cluster() -> None:
    client = at("rediss+cluster://ann:se%40cret@one,two:1?client_name=x")
    assert isinstance(client, RedisCluster)
    assert [(each.host, each.port) for each in client.startup_nodes] == [("one", 6379), ("two", 1)]
    options = client.connection_kwargs
    assert (options["username"], options["password"]) == ("ann", "se@cret")
    assert (options["client_name"], options["socket_connect_timeout"]) == ("x", 1.5)
    assert options["connection_class"] is SSLConnection
    assert isinstance(at("redis+cluster://one"), RedisCluster)


@pytest.mark.redis
async def test_the_replica_is_asked_once_it_is_the_primary(tmp_path: Path) -> None:
    with redis_sentinels(tmp_path) as watched:
        client = one_at(watched.url)
        scripts = RedisScripts(client)
        assert await scripts.run("return redis.call('INCR', KEYS[1])", ["n"], []) == 1
        [memory] = await memory_of(client)
        assert isinstance(memory, dict)
        assert memory["maxmemory_policy"] == "noeviction"
        wait_until(lambda: watched.nodes[1].client().get("n") == b"1")
        watched.nodes[0].kill()
        wait_until(lambda: watched.nodes[1].is_primary)
        wait_until(watched.is_agreed)
        assert await scripts.run("return redis.call('INCR', KEYS[1])", ["n"], []) == 2
        await close(client)
