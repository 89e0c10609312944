"""Commands to a Redis Cluster: those of one moment go in one pipeline to each node.

Strategy: redis-py's own pipeline over a cluster refuses scripts, fails as a whole when one node is
away, and then closes the connections to all others. So commands are sorted here by the node that
has their slot and sent by redis-py's nodes. What another node has by now (MOVED, ASK), or what
found no connection, is sent again to where the cluster then says.

Invariants: each command has one key or keys of one slot. A node that is away concerns nobody whose
keys are elsewhere. A command may run twice, as with one server, where its first answer was lost.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode, PipelineCommand
from redis.exceptions import (
    AskError,
    ClusterDownError,
    RedisClusterException,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

ROUNDS = 3
"""How often a command is sent: to a stale connection, to the node it moved from, and to its own."""
AGAIN = (RedisConnectionError, AskError, TryAgainError)
STALE = (RedisConnectionError, RedisTimeoutError, ClusterDownError, AskError)
"""The answers after which the cluster is asked which node has which slots."""

Command = tuple[Any, ...]
"""A script and what it is given: EVALSHA or EVAL, the script, the number of keys, the keys, …"""


class ClusterPipelines:
    """Sends scripts to the nodes of one cluster."""

    def __init__(self, redis: RedisCluster) -> None:
        self._redis = redis

    async def executed(self, commands: Sequence[Command]) -> list[object]:
        """Run ``commands`` and return for each its answer, or the error that it has instead."""
        sent = [PipelineCommand(place, *words) for place, words in enumerate(commands)]
        try:
            await self._redis.initialize()
        except RedisClusterException as error:
            raise RedisConnectionError(str(error)) from error
        left = sent
        for _ in range(ROUNDS):
            await asyncio.gather(*map(self._send, *self._by_node(left)))
            if any(isinstance(each.result, STALE) for each in left):
                await self._ask_for_slots()
            left = [each for each in left if isinstance(each.result, AGAIN)]
            if not left:
                break
        return [each.result for each in sent]

    def _by_node(
        self, commands: Iterable[PipelineCommand]
    ) -> tuple[list[ClusterNode], list[list[PipelineCommand]]]:
        """The nodes that ``commands`` are for, and those of each."""
        nodes: dict[str, ClusterNode] = {}
        groups: dict[str, list[PipelineCommand]] = {}
        for command in commands:
            slot = self._redis.keyslot(command.args[3])
            of_slot = self._redis.nodes_manager.slots_cache.get(slot)
            if of_slot:
                primary = of_slot[0]
                nodes[primary.name] = primary
                groups.setdefault(primary.name, []).append(command)
            else:
                command.result = RedisConnectionError(f"at the moment no node has slot {slot}")
        return list(nodes.values()), list(groups.values())

    async def _send(self, node: ClusterNode, commands: Sequence[PipelineCommand]) -> None:
        """Send ``commands`` to ``node``, and those whose slot is just moving to where it goes."""
        await _run_at(node, commands)
        for command in commands:
            if type(command.result) is AskError:
                heir = self._redis.get_node(command.result.host, command.result.port)
                if heir is not None:
                    await _run_at(heir, [PipelineCommand(0, "ASKING"), command])

    async def _ask_for_slots(self) -> None:
        """Ask which node has which slots; if nobody answers, what was known stays."""
        with contextlib.suppress(RedisClusterException, RedisError, OSError):
            await self._redis.initialize()
            await self._redis.nodes_manager.initialize()


async def _run_at(node: ClusterNode, commands: Sequence[PipelineCommand]) -> None:
    """Run ``commands`` at ``node``; each has its answer or its error afterwards."""
    try:
        await node.execute_pipeline(list(commands))
    except (RedisError, OSError) as error:
        for command in commands:
            command.result = error
