"""Counting together through a real Redis, and alone while it is away."""

import asyncio
import time
from pathlib import Path

import pytest
from limits import parse

from app.http.rate_limits import RateLimits
from tests.conftest import Clock
from tests.support.processes import free_port
from tests.support.redis_server import redis_server

pytestmark = [pytest.mark.anyio, pytest.mark.redis]

ROUTE, ANN = "/v1/scheduling/oncall-rotation", "192.0.2.1"
LIMIT = parse("120/minute")


async def granted(limits: RateLimits, times: int) -> int:
    spent = [await limits.spend(ANN, ROUTE, LIMIT, paying=False) for _ in range(times)]
    return sum(allowance.granted for allowance in spent)


async def test_the_limit_holds_exactly_across_processes(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        here, there = RateLimits(time.time, url), RateLimits(time.time, url)
        counts = await asyncio.gather(granted(here, 100), granted(there, 100))
        assert sum(counts) == 120
        refused = await here.spend(ANN, ROUTE, LIMIT, paying=False)
        assert (refused.granted, refused.remaining) == (False, 0)
        assert 1 <= refused.reset_seconds <= 60
        assert here.problem is None
        await here.aclose()
        await there.aclose()


async def test_while_redis_is_away_each_process_counts_alone_and_says_so(
    clock: Clock, tmp_path: Path
) -> None:
    port = free_port()
    limits = RateLimits(clock, f"redis://127.0.0.1:{port}/0")
    assert await granted(limits, 121) == 120
    assert limits.problem == "Redis cannot be reached: each process counts alone"
    clock.advance(12)
    assert limits.problem is None  # nobody has asked since: not known, so not told
    assert await granted(limits, 1) == 0
    with redis_server(tmp_path, port):
        assert not (await limits.spend(ANN, ROUTE, LIMIT, paying=False)).granted  # still left alone
        clock.advance(2)
        assert (await limits.spend(ANN, ROUTE, LIMIT, paying=False)).granted
        assert limits.problem is None
        await limits.aclose()


async def test_a_clock_that_is_set_back_does_not_keep_redis_away(
    clock: Clock, tmp_path: Path
) -> None:
    port = free_port()
    limits = RateLimits(clock, f"redis://127.0.0.1:{port}/0")
    assert await granted(limits, 120) == 120  # counted here, for Redis is away
    clock.advance(-3_600)
    with redis_server(tmp_path, port):
        assert (await limits.spend(ANN, ROUTE, LIMIT, paying=False)).granted
        assert limits.problem is None
        await limits.aclose()


async def test_a_clock_set_back_locks_nobody_out(clock: Clock, tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        limits = RateLimits(clock, url)
        assert await granted(limits, 60) == 60
        clock.advance(-3_600)
        assert await granted(limits, 61) == 60
        assert (await limits.spend(ANN, ROUTE, LIMIT, paying=False)).reset_seconds == 60
        clock.advance(60)
        assert await granted(limits, 121) == 120
        await limits.aclose()


@pytest.mark.parametrize("reply", [b"*3\r\n:1\r\n$3\r\nabc\r\n:1\r\n", b"$-1\r\n"])
async def test_a_reply_that_no_redis_gives_counts_as_its_absence(
    clock: Clock, reply: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.read(65_536)) != b"":
            writer.write(reply)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        limits = RateLimits(clock, f"redis://127.0.0.1:{port}/0?protocol=2")
        assert await granted(limits, 121) == 120
        assert limits.problem == "Redis cannot be reached: each process counts alone"
        await limits.aclose()


async def test_clients_and_routes_are_counted_apart_in_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        limits = RateLimits(time.time, url)
        assert await granted(limits, 121) == 120
        assert (await limits.spend("192.0.2.2", ROUTE, LIMIT, paying=False)).granted
        assert (await limits.spend(ANN, "/v1/other", LIMIT, paying=False)).granted
        assert (await limits.spend(ANN, ROUTE, LIMIT, paying=True)).granted
        assert (await limits.spend(ANN, ROUTE, parse("121/minute"), paying=False)).granted
        assert limits.problem is None
        await limits.aclose()
