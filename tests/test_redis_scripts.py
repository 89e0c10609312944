"""Scripts in Redis: sent together, each with its own answer, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from app.redis_scripts import RedisScripts
from tests.support.processes import free_port
from tests.support.redis_server import redis_server

pytestmark = pytest.mark.anyio

COUNT = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
ECHO = "return ARGV[1]"
FAIL = "return redis.call('LPUSH', KEYS[1], 'x')"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(url)
    await client.flushall()
    await client.script_flush()
    yield client
    await client.aclose()


@pytest.fixture
async def scripts(redis: Redis) -> AsyncIterator[RedisScripts]:
    scripts = RedisScripts(redis)
    yield scripts
    await scripts.aclose()


async def connections(redis: Redis) -> int:
    info = await redis.info("clients")
    return int(info["connected_clients"])


@pytest.mark.redis
class TestTogether:
    async def test_each_gets_the_answer_to_its_own(self, scripts: RedisScripts) -> None:
        asked = [scripts.run(ECHO, [], [str(number)]) for number in range(100)]
        assert await asyncio.gather(*asked) == [b"%d" % number for number in range(100)]

    async def test_what_is_asked_at_once_needs_one_connection(
        self, scripts: RedisScripts, redis: Redis
    ) -> None:
        before = await connections(redis)
        await asyncio.gather(*(scripts.run(COUNT, ["n"], [1]) for _ in range(50)))
        assert await redis.get("n") == b"50"
        assert await connections(redis) == before

    async def test_a_script_that_fails_keeps_no_other_from_running(
        self, scripts: RedisScripts
    ) -> None:
        await scripts.run(COUNT, ["n"], [1])
        answers = await asyncio.gather(
            scripts.run(COUNT, ["n"], [1]),
            scripts.run(FAIL, ["n"], []),
            scripts.run(COUNT, ["n"], [1]),
            return_exceptions=True,
        )
        assert answers[::2] == [2, 3]
        assert isinstance(answers[1], ResponseError)

    async def test_a_caller_who_leaves_takes_no_answer_along(self, scripts: RedisScripts) -> None:
        leaving = asyncio.create_task(scripts.run(COUNT, ["n"], [1]))
        staying = asyncio.create_task(scripts.run(COUNT, ["n"], [1]))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == 2
        assert leaving.cancelled()


@pytest.mark.redis
class TestUnknownScripts:
    """A Redis that was restarted, or that failed over, does not know them."""

    async def test_alone(self, scripts: RedisScripts, redis: Redis) -> None:
        assert await scripts.run(COUNT, ["n"], [1]) == 1
        await redis.script_flush()
        assert await scripts.run(COUNT, ["n"], [1]) == 2

    async def test_some_of_many_run_once(self, scripts: RedisScripts) -> None:
        assert await scripts.run(COUNT, ["n"], [1]) == 1
        answers = await asyncio.gather(
            scripts.run(COUNT, ["n"], [1]),
            scripts.run(ECHO, [], ["new"]),
            scripts.run(COUNT, ["n"], [1]),
            scripts.run(ECHO, [], ["again"]),
        )
        assert answers == [2, b"new", 3, b"again"]


class TestAway:
    """Nobody listens at the port: every caller is told, and none waits for good."""

    @pytest.fixture
    async def nowhere(self) -> AsyncIterator[RedisScripts]:
        client = Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
        scripts = RedisScripts(client)
        yield scripts
        await scripts.aclose()
        await client.aclose()

    @pytest.mark.parametrize("count", [1, 3])
    async def test_everybody_is_told(self, nowhere: RedisScripts, count: int) -> None:
        asked = [nowhere.run(ECHO, [], ["hi"]) for _ in range(count)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers] == [RedisConnectionError] * count

    async def test_closing_waits_for_what_is_under_way(self, nowhere: RedisScripts) -> None:
        asked = asyncio.create_task(nowhere.run(ECHO, [], ["hi"]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await nowhere.aclose()
        with pytest.raises(RedisConnectionError):
            await asked
