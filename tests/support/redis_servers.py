"""A real Redis Cluster and real sentinels, each process ended by its own pid.

Each node of a cluster also listens 10,000 ports higher. Both ports are below those that connections
are given.
"""

import contextlib
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.asyncio import RedisCluster
from redis.exceptions import RedisError

from app.redis_servers import RedisClient
from tests.support.processes import free_port, running, wait_until
from tests.support.redis_server import accepts
from tests.support.requirements import require

MASTERS = 3
NAME = "oncall"
NODE_TIMEOUT_MS = 1_500
"""How long a node does not answer until the others let its replica take over."""
FAILOVER_SECONDS = 6
"""Nodes give up a failover that was asked for after five."""
COMMON = ("--save", "", "--bind", "127.0.0.1", "--maxmemory-policy", "noeviction")


async def emptied(redis: RedisClient) -> None:
    """Remove every key of one server or of all primaries."""
    if isinstance(redis, RedisCluster):
        await redis.flushall(target_nodes=RedisCluster.PRIMARIES)
    else:
        await redis.flushall()


@dataclass(frozen=True)
class Node:
    """One Redis of several."""

    port: int
    process: subprocess.Popen[bytes]

    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=2)

    @property
    def is_primary(self) -> bool:
        with contextlib.suppress(RedisError), self.client() as redis:
            return bool(redis.info("replication")["role"] == "master")
        return False

    @property
    def is_copied(self) -> bool:
        """Whether the replica of this primary has all that was written."""
        with self.client() as redis:
            told = redis.info("replication")
        return bool(
            told["connected_slaves"] and told["slave0"]["offset"] == told["master_repl_offset"]
        )

    def take_over(self) -> None:
        """Make this replica the primary, in good order; ask again if the nodes were too slow."""

        def is_done() -> bool:
            if self.is_primary:
                return True  # a little later than it was waited for
            with self.client() as redis:
                redis.execute_command("CLUSTER FAILOVER")
            deadline = time.monotonic() + FAILOVER_SECONDS
            while not self.is_primary and time.monotonic() < deadline:
                time.sleep(0.05)
            return self.is_primary

        wait_until(is_done)

    def kill(self) -> None:
        """SIGKILL: nothing is written and nobody is told."""
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Cluster:
    """The nodes of a cluster, and its address with some of them."""

    nodes: Sequence[Node]
    url: str

    @property
    def primaries(self) -> Sequence[Node]:
        return [node for node in self.nodes if node.process.poll() is None and node.is_primary]


@contextlib.contextmanager
def redis_cluster(folder: Path, *flags: str) -> Iterator[Cluster]:
    """Three primaries with a replica each, for a test that is marked ``redis``."""
    with contextlib.ExitStack() as stack:
        nodes = [
            stack.enter_context(
                _node(
                    folder / f"node-{number}",
                    *("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"),
                    *("--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--repl-diskless-sync-delay"),
                    "0",
                    *flags,
                    port=_bus_port(),
                )
            )
            for number in range(2 * MASTERS)
        ]
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        cli = require("redis", "redis-cli", "redis-cli")
        create = [cli, "--cluster", "create", *addresses, "--cluster-replicas", "1"]
        done = subprocess.run(
            [*create, "--cluster-yes"], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(lambda: all(map(_is_whole, nodes)))
        yield Cluster(nodes, f"redis+cluster://{','.join(addresses[:MASTERS])}")


@dataclass(frozen=True)
class Watched:
    """A primary and a replica that three sentinels watch."""

    nodes: Sequence[Node]
    ports: Sequence[int]
    """Of the sentinels."""
    url: str

    def is_agreed(self) -> bool:
        """Whether all sentinels name the replica as the primary."""
        return {_named_by(port) for port in self.ports} == {self.nodes[1].port}


@contextlib.contextmanager
def redis_sentinels(folder: Path) -> Iterator[Watched]:
    """A primary, its replica and three sentinels, for a test that is marked ``redis``."""
    binary = require("redis", "redis-server", "redis-server")
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(_node(folder / "primary"))
        follow = ("--replicaof", f"127.0.0.1 {primary.port}", "--repl-diskless-sync-delay", "0")
        replica = stack.enter_context(_node(folder / "replica", *follow))
        wait_until(lambda: _is_linked(replica))
        ports = [free_port() for _ in range(3)]
        for port in ports:
            settings = folder / f"sentinel-{port}.conf"
            settings.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
                f"sentinel monitor {NAME} 127.0.0.1 {primary.port} 2\n"
                f"sentinel down-after-milliseconds {NAME} 1000\n"
                f"sentinel failover-timeout {NAME} 5000\n"
            )
            log = folder / f"sentinel-{port}.log"
            command = [binary, str(settings), "--sentinel"]
            stack.enter_context(running(command, log=log, ready=lambda port=port: accepts(port)))
        wait_until(lambda: all(map(_knows_all, ports)))
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield Watched([primary, replica], ports, f"redis+sentinel://{hosts}/{NAME}")


@contextlib.contextmanager
def _node(folder: Path, *flags: str, port: int | None = None) -> Iterator[Node]:
    binary = require("redis", "redis-server", "redis-server")
    port = port or free_port()
    folder.mkdir()
    command = [binary, "--port", str(port), "--dir", str(folder), *COMMON, *flags]
    log = folder.with_suffix(".log")
    with running(command, log=log, ready=lambda: accepts(port)) as process:
        yield Node(port, process)


def _bus_port() -> int:
    """A port that is free, and the one that is 10,000 higher, too."""
    while True:
        port = random.randrange(12_000, 22_000)  # noqa: S311 - no secret
        if not accepts(port) and not accepts(port + 10_000):
            return port


def _is_whole(node: Node) -> bool:
    with node.client() as redis:
        state = redis.execute_command("CLUSTER INFO")["cluster_state"]
        return state == "ok" and (node.is_primary or _is_linked(node))


def _is_linked(replica: Node) -> bool:
    with replica.client() as redis:
        return bool(redis.info("replication").get("master_link_status") == "up")


def _knows_all(port: int) -> bool:
    """Whether the sentinel at ``port`` knows the two others and the replica."""
    with Redis(port=port, socket_timeout=2) as sentinel:
        state = sentinel.sentinel_master(NAME)
    return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)


def _named_by(port: int) -> int:
    """The port of the primary that the sentinel at ``port`` names."""
    with Redis(port=port, socket_timeout=2) as sentinel:
        return int(sentinel.sentinel_get_master_addr_by_name(NAME)[1])
