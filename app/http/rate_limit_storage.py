"""The storage of rate limits: two storages for the library ``limits``, each with a moving window.

Strategy: the storages are registered with ``limits`` by their scheme, which is its extension point,
and take the time from a given clock. ``BoundedWindows`` stores the windows of one process in
bounded memory, unlike the library's own memory storage. ``RedisWindows`` stores them in Redis, in
the lists of the library's own storage, which has neither our script nor pipelines. In both,
``take`` takes a place and returns the state of the window in one step, and the strategies use it.
The library's own two steps cost twice as much: in microseconds in memory, in round trips with
Redis. An instant that lies ahead, because the clock was set back, counts as now: otherwise a client
would wait for as long as the step was.
"""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from typing import NoReturn

from limits import RateLimitItem, WindowStats
from limits.aio.storage import MovingWindowSupport as AsyncMovingWindowSupport
from limits.aio.storage import Storage as AsyncStorage
from limits.aio.strategies import MovingWindowRateLimiter as AsyncMovingWindowRateLimiter
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from app.redis_scripts import RedisScripts
from app.redis_servers import RedisClient

Taken = tuple[bool, float, int]
"""Whether the places were free, the oldest instant in the window (now, if it is empty), and the
number of instants in it."""

Spent = tuple[bool, WindowStats]
"""Whether a place was free, when the oldest instant leaves, and how many places are left."""

MAX_KEYS = 20_000
MAX_INSTANTS = 120 * MAX_KEYS
"""About 20 MB. The keys that were idle longest are dropped first."""

PREFIX = "oncall:limit:"
MEMORY_SCHEME, REDIS_SCHEME = "bounded-memory", "async+redis+clock"

WINDOW = """
-- let no instant be later than now; drop those that left the window; take places if they fit;
-- return the state of the window
local now, expiry = tonumber(ARGV[1]), tonumber(ARGV[2])
local limit, amount = tonumber(ARGV[3]), tonumber(ARGV[4])
local newest = redis.call('LINDEX', KEYS[1], 0)
local later = 0
while newest and tonumber(newest) > now do
  redis.call('LSET', KEYS[1], later, ARGV[1])
  later = later + 1
  newest = redis.call('LINDEX', KEYS[1], later)
end
if newest and tonumber(newest) <= now - expiry then redis.call('DEL', KEYS[1]) end
local oldest = redis.call('LINDEX', KEYS[1], -1)
while oldest and tonumber(oldest) <= now - expiry do
  redis.call('RPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], -1)
end
local held = redis.call('LLEN', KEYS[1])
local granted = held + amount <= limit
if granted and amount > 0 then
  for _ = 1, amount do redis.call('LPUSH', KEYS[1], ARGV[1]) end
  redis.call('EXPIRE', KEYS[1], expiry)
  oldest, held = oldest or ARGV[1], held + amount
end
return {granted and 1 or 0, oldest or ARGV[1], held}
"""


class BoundedWindows(Storage, MovingWindowSupport):
    """The instants of granted requests by key, oldest first, in the memory of this process.

    At most ``max_keys`` keys and ``max_instants`` instants are stored. The key that was idle
    longest is dropped first. ``clock`` returns seconds since 1970.
    """

    STORAGE_SCHEME = [MEMORY_SCHEME]  # noqa: RUF012 - as limits declares it

    def __init__(
        self,
        uri: str | None = None,
        *,
        clock: Callable[[], float],
        max_keys: int = MAX_KEYS,
        max_instants: int = MAX_INSTANTS,
    ) -> None:
        super().__init__(uri)
        self._clock = clock
        self._max_keys = max_keys
        self._max_instants = max_instants
        self._windows: OrderedDict[str, array[float]] = OrderedDict()
        self._instants = 0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """The exceptions that mean a failed storage: none in memory."""
        return ()

    def take(self, key: str, limit: int, expiry: int, amount: int = 1) -> Taken:
        """Take ``amount`` of ``limit`` places in the window of ``key``, if they are free."""
        now = self._clock()
        window = self._window(key)
        if window and window[-1] > now:  # the clock was set back
            count = len(window) - bisect_right(window, now)
            window[-count:] = array("d", [now]) * count
        left = now - expiry
        if window and window[0] <= left:
            count = bisect_right(window, left)
            del window[:count]
            self._instants -= count
        granted = len(window) + amount <= limit
        if granted:
            for _ in range(amount):
                window.append(now)
            self._instants += amount
            while self._instants > self._max_instants:
                self._drop_idlest()
        return granted, window[0] if window else now, len(window)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return self.take(key, limit, expiry, amount)[0]

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        return self.take(key, limit, expiry, 0)[1:]

    def check(self) -> bool:
        return True

    def clear(self, key: str) -> None:
        self._instants -= len(self._windows.pop(key, ()))

    def reset(self) -> int:
        """Drop every key. Return how many there were."""
        keys = len(self._windows)
        self._windows.clear()
        self._instants = 0
        return keys

    def incr(self, key: str, expiry: int, amount: int = 1) -> NoReturn:
        raise NotImplementedError("only moving windows are kept")

    def get(self, key: str) -> NoReturn:
        raise NotImplementedError("only moving windows are kept")

    def get_expiry(self, key: str) -> NoReturn:
        raise NotImplementedError("only moving windows are kept")

    def _window(self, key: str) -> "array[float]":
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = array("d")
            if len(self._windows) > self._max_keys:
                self._drop_idlest()
        else:
            self._windows.move_to_end(key)
        return window

    def _drop_idlest(self) -> None:
        _, window = self._windows.popitem(last=False)
        self._instants -= len(window)


class RedisWindows(AsyncStorage, AsyncMovingWindowSupport):
    """The instants of granted requests by key, newest first, each key's in a Redis list.

    A script takes a place atomically, so a limit is exact across processes. Raises ``RedisError``
    if Redis does not answer. ``clock`` returns seconds since 1970.
    """

    STORAGE_SCHEME = [REDIS_SCHEME]  # noqa: RUF012 - as above

    def __init__(
        self, uri: str | None = None, *, clock: Callable[[], float], redis: RedisClient
    ) -> None:
        super().__init__(uri)
        self._clock = clock
        self._redis = redis
        self._scripts = RedisScripts(redis)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """The exceptions that mean a failed storage."""
        return (RedisError,)

    async def take(self, key: str, limit: int, expiry: int, amount: int = 1) -> Taken:
        """Take ``amount`` of ``limit`` places in the window of ``key``, if they are free."""
        granted, oldest, held = await self._scripts.run(
            WINDOW, [PREFIX + key], [self._clock(), expiry, limit, amount]
        )
        return bool(granted), float(oldest), held

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return (await self.take(key, limit, expiry, amount))[0]

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        return (await self.take(key, limit, expiry, 0))[1:]

    async def check(self) -> bool:
        """Whether Redis answers. Raises ``RedisError`` if it does not."""
        return bool(await self._redis.ping())

    async def clear(self, key: str) -> None:
        await self._redis.delete(PREFIX + key)

    async def reset(self) -> int:
        """Drop every key. Return how many there were."""
        keys = [key async for key in self._redis.scan_iter(f"{PREFIX}*")]
        for key in keys:
            await self._redis.delete(key)
        return len(keys)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> NoReturn:
        raise NotImplementedError("only moving windows are kept")

    async def get(self, key: str) -> NoReturn:
        raise NotImplementedError("only moving windows are kept")

    async def get_expiry(self, key: str) -> NoReturn:
        raise NotImplementedError("only moving windows are kept")


class MovingWindow(MovingWindowRateLimiter):
    """The moving window of one process."""

    storage: BoundedWindows

    def spend(self, limit: RateLimitItem, key: str) -> Spent:
        """Take one place of ``limit`` for ``key``, and return what is left."""
        expiry = limit.get_expiry()
        granted, oldest, held = self.storage.take(limit.key_for(key), limit.amount, expiry)
        return granted, WindowStats(oldest + expiry, limit.amount - held)


class SharedMovingWindow(AsyncMovingWindowRateLimiter):
    """The moving window that processes share in Redis."""

    storage: RedisWindows

    async def spend(self, limit: RateLimitItem, key: str) -> Spent:
        """Take one place, as ``MovingWindow.spend``. Raises ``RedisError`` without an answer."""
        expiry = limit.get_expiry()
        granted, oldest, held = await self.storage.take(limit.key_for(key), limit.amount, expiry)
        return granted, WindowStats(oldest + expiry, limit.amount - held)
