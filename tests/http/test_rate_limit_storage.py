"""The storage of granted requests, in memory and in Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from limits.aio.storage import RedisStorage
from limits.storage import storage_from_string
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.http.rate_limit_storage import (
    MEMORY_SCHEME,
    REDIS_SCHEME,
    BoundedWindows,
    RedisWindows,
    Taken,
)
from app.http.rate_limits import limits_redis
from tests.conftest import Clock
from tests.support.processes import free_port
from tests.support.redis_server import redis_server

# --- in memory ------------------------------------------------------------------------------


def hits(windows: BoundedWindows, keys: str) -> list[bool]:
    """Whether one request of each key, one letter each, was granted its one place."""
    return [windows.acquire_entry(key, 1, 60) for key in keys]


def test_keys_are_bounded(clock: Clock) -> None:
    windows = BoundedWindows(clock=clock, max_keys=3)
    hits(windows, "abcdefghij")
    assert len(windows._windows) == windows._instants == 3


@pytest.mark.parametrize(
    ("keys", "key", "granted"),
    [
        pytest.param("abc", "a", False, id="all-fit"),
        pytest.param("abcd", "b", False, id="the-second-oldest-stays"),
        pytest.param("abcd", "a", True, id="the-oldest-goes"),
        pytest.param("abcad", "a", False, id="used-again-stays-though-refused"),
        pytest.param("abcad", "b", True, id="idle-longest-goes"),
    ],
)
@pytest.mark.parametrize("bound", ["max_keys", "max_instants"])
def test_the_key_idle_longest_is_forgotten(
    clock: Clock, bound: str, keys: str, key: str, *, granted: bool
) -> None:
    windows = BoundedWindows(clock=clock, **{bound: 3})
    hits(windows, keys)
    assert hits(windows, key) == [granted]


def test_long_windows_are_bounded_together(clock: Clock) -> None:
    """An operator's 1000/hour must not take eight times the memory of 120/minute."""
    windows = BoundedWindows(clock=clock, max_instants=2_500)
    for key in "abcdef":
        for _ in range(1_000):
            assert windows.acquire_entry(key, 1_000, 3_600)
    assert [*windows._windows] == ["e", "f"]
    assert windows._instants == sum(map(len, windows._windows.values())) == 2_000


def test_what_has_left_the_window_is_not_kept(clock: Clock) -> None:
    windows = BoundedWindows(clock=clock)
    for _ in range(5):
        hits(windows, "a")
        clock.advance(60)
    assert [len(window) for window in windows._windows.values()] == [windows._instants] == [1]


@pytest.mark.anyio
async def test_in_redis_too_it_keeps_moving_windows_only(clock: Clock) -> None:
    windows = RedisWindows(clock=clock, redis=limits_redis("redis://127.0.0.1:9"))
    assert windows.base_exceptions == (RedisError,)
    for ask in (windows.incr("a", 60), windows.get("a"), windows.get_expiry("a")):
        with pytest.raises(NotImplementedError, match=r"^only moving windows are kept$"):
            await ask


def test_it_keeps_moving_windows_only(clock: Clock) -> None:
    windows = BoundedWindows(clock=clock)
    for ask in (lambda: windows.incr("a", 60), lambda: windows.get("a")):
        with pytest.raises(NotImplementedError):
            ask()
    with pytest.raises(NotImplementedError):
        windows.get_expiry("a")
    assert windows.check()


# --- in both --------------------------------------------------------------------------------

Take = Callable[..., Awaitable[Taken]]


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def storage(
    request: pytest.FixtureRequest, clock: Clock, tmp_path: Path
) -> AsyncIterator[BoundedWindows | RedisWindows]:
    """Each as ``limits`` makes it from its scheme."""
    if request.param == "memory":
        made = storage_from_string(f"{MEMORY_SCHEME}://", clock=clock)  # type: ignore[arg-type]
        assert isinstance(made, BoundedWindows)
        yield made
        return
    with redis_server(tmp_path) as url:
        redis = limits_redis(url)
        made = storage_from_string(f"{REDIS_SCHEME}://", clock=clock, redis=redis)  # type: ignore[arg-type]
        assert isinstance(made, RedisWindows)
        yield made
        await redis.aclose()


async def told(answer: object) -> object:
    """The answer of either storage."""
    return await answer if isinstance(answer, Awaitable) else answer


@pytest.mark.anyio
async def test_both_storages_tell_the_same(
    storage: BoundedWindows | RedisWindows, clock: Clock
) -> None:
    first = clock.now
    assert await told(storage.get_moving_window("a", 3, 60)) == (first, 0)
    assert await told(storage.take("a", 3, 60)) == (True, first, 1)
    clock.advance(20.125)
    assert await told(storage.take("a", 3, 60, 3)) == (False, first, 1)
    assert await told(storage.take("a", 3, 60, 2)) == (True, first, 3)
    assert await told(storage.take("a", 3, 60)) == (False, first, 3)
    assert await told(storage.acquire_entry("a", 3, 60)) is False
    assert await told(storage.take("b", 3, 60)) == (True, first + 20.125, 1)
    clock.advance(39.875)
    assert await told(storage.get_moving_window("a", 3, 60)) == (first + 20.125, 2)
    assert await told(storage.acquire_entry("a", 3, 60)) is True
    await told(storage.clear("a"))
    assert await told(storage.get_moving_window("a", 3, 60)) == (clock.now, 0)
    assert await told(storage.get_moving_window("b", 3, 60)) == (first + 20.125, 1)
    assert await told(storage.reset()) is not None
    assert await told(storage.get_moving_window("b", 3, 60)) == (clock.now, 0)
    assert await told(storage.check()) is True


# --- in Redis -------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.redis
async def test_it_counts_with_processes_of_the_last_version(clock: Clock, tmp_path: Path) -> None:
    """While replicas are replaced one by one, both versions write the same lists."""
    with redis_server(tmp_path) as url:
        redis = limits_redis(url)
        assert isinstance(redis, Redis)
        last = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="oncall:limit",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]
        )
        new = RedisWindows(clock=clock, redis=redis)
        assert await last.acquire_entry("a", 2, 60)
        clock.now = (await last.get_moving_window("a", 2, 60))[0] + 1
        granted, oldest, held = await new.take("a", 2, 60)
        assert (granted, held) == (True, 2)
        assert oldest == pytest.approx(clock.now - 1)
        assert not await last.acquire_entry("a", 2, 60)
        await redis.aclose()


@pytest.mark.anyio
@pytest.mark.redis
async def test_nothing_of_others_is_reset(clock: Clock, tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        redis = limits_redis(url)
        await redis.set("oncall:claim:a", "paid")
        windows = RedisWindows(clock=clock, redis=redis)
        await windows.take("a", 2, 60)
        assert await windows.reset() == 1
        assert await redis.keys() == [b"oncall:claim:a"]
        await redis.aclose()


@pytest.mark.anyio
@pytest.mark.redis
async def test_a_window_that_nobody_asks_for_leaves_redis(clock: Clock, tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        redis = limits_redis(url)
        await RedisWindows(clock=clock, redis=redis).take("a", 2, 60)
        assert 58 <= await redis.ttl("oncall:limit:a") <= 60
        await redis.aclose()


@pytest.mark.anyio
async def test_a_redis_that_is_away_is_an_error(clock: Clock) -> None:
    windows = RedisWindows(clock=clock, redis=limits_redis(f"redis://127.0.0.1:{free_port()}"))
    with pytest.raises(RedisError):
        await windows.take("a", 2, 60)


@pytest.mark.anyio
async def test_a_full_window_that_has_expired_goes_at_once(
    storage: BoundedWindows | RedisWindows, clock: Clock
) -> None:
    assert await told(storage.take("a", 1_000, 60, 1_000)) == (True, clock.now, 1_000)
    clock.advance(60)
    assert await told(storage.take("a", 1_000, 60)) == (True, clock.now, 1)


@pytest.mark.anyio
async def test_several_places_are_taken_together_or_none(
    storage: BoundedWindows | RedisWindows,
) -> None:
    assert await told(storage.acquire_entry("a", 3, 60, 2)) is True
    assert await told(storage.acquire_entry("a", 3, 60, 2)) is False
    assert await told(storage.acquire_entry("a", 3, 60)) is True


def test_what_is_cleared_makes_room(clock: Clock) -> None:
    windows = BoundedWindows(clock=clock, max_instants=3)
    hits(windows, "abc")
    windows.clear("b")
    windows.clear("never-asked")
    assert windows._instants == 2
    hits(windows, "d")
    assert [*windows._windows] == ["a", "c", "d"]
    assert (windows.reset(), windows._instants) == (3, 0)
    hits(windows, "efg")
    assert [*windows._windows] == ["e", "f", "g"]


def test_other_windows_are_refused_with_the_reason(clock: Clock) -> None:
    windows = BoundedWindows(clock=clock)
    for ask in (windows.incr, windows.get, windows.get_expiry):
        arguments = ("a", 60) if ask == windows.incr else ("a",)
        with pytest.raises(NotImplementedError, match=r"^only moving windows are kept$"):
            ask(*arguments)
