"""The Redis at an address: one server, the primary that Sentinel names, or a Redis Cluster.

=================================================  ==============================================
``redis://user:password@host:6379/0``               one server
``redis+sentinel://user:password@h1,h2,h3/name``    the primary ``name`` of the sentinels' servers
``redis+cluster://user:password@h1,h2,h3``          a Redis Cluster, found by some of its nodes
=================================================  ==============================================

``rediss`` instead of ``redis`` is TLS. User and password are those of the servers; the sentinels'
own are the parameters ``sentinel_username`` and ``sentinel_password``. Any other parameter is an
option of a connection, by its name in redis-py.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, ResponseError

RedisClient = Redis | RedisCluster
Memory = Mapping[str, Any]

PORT, SENTINEL_PORT = 6379, 26379
MAX_CONNECTIONS = 1_000
"""To one node of a cluster. As much as is under way at once shares a connection."""


def redis_at(url: str, *, timeout_seconds: float, tries: int) -> RedisClient:
    """Return a client of the Redis at ``url``; nothing is connected yet.

    Connecting, and each command, may take ``timeout_seconds``. One that fails for want of a
    connection is tried ``tries`` times in all. Raises ``ValueError``.
    """
    scheme, _, kind = urlsplit(url).scheme.partition("+")
    timeouts: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
    }
    retry = Retry(NoBackoff(), tries - 1)
    if not kind:
        return Redis.from_url(url, **timeouts, retry=retry)
    hosts = _hosts_in(url, SENTINEL_PORT if kind == "sentinel" else PORT)
    options: dict[str, Any] = {**timeouts, **_options_in(url, scheme)}
    if kind == "cluster":
        return RedisCluster(
            startup_nodes=[ClusterNode(*host) for host in hosts],
            require_full_coverage=False,  # what is covered works on
            max_connections=MAX_CONNECTIONS,
            retry=retry,
            **options,
        )
    own = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    once = {**timeouts, "retry": Retry(NoBackoff(), 0), "ssl": options.get("ssl", False)}
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
        hosts, sentinel_kwargs={**once, **own}
    )
    name, _, database = urlsplit(url).path.strip("/").partition("/")
    redis: Redis = sentinel.master_for(name, retry=retry, db=int(database or 0), **options)
    return redis


async def close(redis: RedisClient) -> None:
    """Close the connections of ``redis``, and those to its sentinels."""
    await redis.aclose()
    if isinstance(redis, Redis) and isinstance(redis.connection_pool, SentinelConnectionPool):
        await redis.connection_pool.sentinel_manager.aclose()


async def memory_of(redis: RedisClient) -> Sequence[Memory | BaseException]:
    """Return what each primary says of its memory, or its error; empty if it may not tell.

    Raises ``RedisError`` or ``OSError`` if no primary is known.
    """
    if isinstance(redis, Redis):
        return [await _told(redis.info("memory"))]
    try:
        await redis.initialize()
        await redis.nodes_manager.initialize()
    except RedisClusterException as error:
        raise RedisConnectionError(str(error)) from error
    primaries: Sequence[ClusterNode] = redis.get_primaries()
    asked = [redis.info("memory", target_nodes=node) for node in primaries]
    return await asyncio.gather(*map(_told, asked), return_exceptions=True)


async def _told(answer: Awaitable[Any]) -> Memory:
    try:
        return dict(await answer)
    except ResponseError:
        return {}


def _hosts_in(url: str, usual_port: int) -> list[tuple[str, int]]:
    """The hosts with their ports. Raises ``ValueError``."""
    hosts = [urlsplit(f"//{host}") for host in urlsplit(url).netloc.rpartition("@")[2].split(",")]
    return [(host.hostname or "", host.port or usual_port) for host in hosts]


def _options_in(url: str, scheme: str) -> dict[str, Any]:
    """User, password and parameters, as redis-py reads them from the address of one server."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    options: dict[str, Any] = dict(parse_url(f"{scheme}://{user}@host?{parts.query}"))
    options["ssl"] = options.pop("connection_class", None) is SSLConnection
    del options["host"]
    return options
