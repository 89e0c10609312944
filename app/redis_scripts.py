"""Lua scripts in Redis: those that are asked for in one turn of the event loop go in one pipeline.

Strategy: sending a script and waking up for its answer costs the processor several times what Redis
needs to run it. The more a process has to do, the more of its requests ask in the same turn of the
loop, and then they share one packet, one wait and one connection (``make bench-cost``; figures in
``docs/decisions/0021-redis-pipelines.md``). In a Redis Cluster there is one to each node.

Invariants: scripts of one pipeline are no transaction, and one that fails does not keep the others
from running. A caller who is cancelled does not take the answers of the others along; the script
may then have run, as always when an answer was not read.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from app.redis_cluster import ClusterPipelines, Command
from app.redis_servers import RedisClient

Argument = str | bytes | int | float


class _Call(NamedTuple):
    script: str
    keys: Sequence[str]
    arguments: Sequence[Argument]
    answer: "asyncio.Future[object]"


class RedisScripts:
    """The scripts that run on one Redis or Redis Cluster, with its time-outs and tries.

    All keys of a call must be in one slot.
    """

    def __init__(self, redis: RedisClient) -> None:
        self._servers = OneServer(redis) if isinstance(redis, Redis) else ClusterPipelines(redis)
        self._hashes: dict[str, str] = {}
        self._asked: list[_Call] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run ``script`` and return what it returns. Raises ``RedisError`` or ``OSError``."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._send)
        answer = loop.create_future()
        self._asked.append(_Call(script, keys, arguments, answer))
        return await answer

    async def aclose(self) -> None:
        """Wait for what is under way. The connections are not closed."""
        while self._sending:
            await asyncio.wait(self._sending)

    def _send(self) -> None:
        calls, self._asked = self._asked, []
        sending = asyncio.create_task(self._answer(calls))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _answer(self, calls: Sequence[_Call]) -> None:
        """Give each call its answer, or the error that it has instead."""
        try:
            answers = await self._answers(calls)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            answers = [error] * len(calls)
        for call, answer in zip(calls, answers, strict=True):
            if call.answer.cancelled():
                continue
            if isinstance(answer, Exception):
                call.answer.set_exception(answer)
            else:
                call.answer.set_result(answer)

    async def _answers(self, calls: Sequence[_Call]) -> list[object]:
        answers = await self._servers.executed([self._by_hash(call) for call in calls])
        unknown = [number for number, each in enumerate(answers) if isinstance(each, NoScriptError)]
        if unknown:  # Redis is new or was restarted: none of these has run
            in_full = [_command("EVAL", calls[number].script, calls[number]) for number in unknown]
            for number, answer in zip(unknown, await self._servers.executed(in_full), strict=True):
                answers[number] = answer
        return answers

    def _by_hash(self, call: _Call) -> Command:
        name = self._hashes.get(call.script)
        if name is None:
            digest = sha1(call.script.encode(), usedforsecurity=False)
            name = self._hashes[call.script] = digest.hexdigest()
        return _command("EVALSHA", name, call)


class OneServer:
    """Sends scripts to one server, alone or in a pipeline."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def executed(self, commands: Sequence[Command]) -> list[object]:
        """Run ``commands`` and return for each its answer, or the error that it has instead."""
        if len(commands) == 1:
            try:
                return [await self._redis.execute_command(*commands[0])]  # type: ignore[no-untyped-call]
            except ResponseError as error:  # as a pipeline returns it
                return [error]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)


def _command(name: str, script: str, call: _Call) -> Command:
    return (name, script, len(call.keys), *call.keys, *call.arguments)
