"""Where the instants of granted requests are kept: two storages of ``limits``, and its moving
window over each.

Strategy: the storages are registered with ``limits`` by their scheme, which is its way of being
extended, and take the time from the clock that they are given. ``BoundedWindows`` keeps the windows
of one process in bounded memory, which the library's own memory storage does not. ``RedisWindows``
is its asynchronous Redis storage with a script of ours. Both take a place and tell what the window
holds in one step, ``take``, and the strategies use it: the library's own two steps cost twice as
much, in microseconds here and in round trips there.
"""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from typing import NoReturn

from limits import RateLimitItem, WindowStats
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter as AsyncMovingWindowRateLimiter
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool, Redis

Taken = tuple[bool, float, int]
"""Whether the places were free; then the oldest instant in the window (now, if there is none) and
how many it holds."""

Spent = tuple[bool, WindowStats]
"""Whether there was a place; then when the oldest leaves, and how many places are left."""

MAX_KEYS = 20_000
MAX_INSTANTS = 120 * MAX_KEYS
"""Some 20 MB; the keys idle longest go first."""

MEMORY_SCHEME, REDIS_SCHEME = "bounded-memory", "async+redis+clock"

WINDOW = """
-- drop what has left the window; take places if they fit; tell what the window holds then
local now, expiry = tonumber(ARGV[1]), tonumber(ARGV[2])
local limit, amount = tonumber(ARGV[3]), tonumber(ARGV[4])
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
    """The granted instants of each key in its window, oldest first, in this process's memory.

    At most ``max_keys`` keys and ``max_instants`` instants are kept; the key idle longest goes
    first. Instants are those of ``clock``, in seconds since 1970.
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
        """Nothing that memory raises is a failure of storage."""
        return ()

    def take(self, key: str, limit: int, expiry: int, amount: int = 1) -> Taken:
        """Take ``amount`` of ``limit`` places in the window of ``key``, if they are free."""
        now = self._clock()
        window = self._window(key)
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
                self._forget_the_idlest()
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
        """Forget every key; returns how many there were."""
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
                self._forget_the_idlest()
        else:
            self._windows.move_to_end(key)
        return window

    def _forget_the_idlest(self) -> None:
        _, window = self._windows.popitem(last=False)
        self._instants -= len(window)


class RedisWindows(RedisStorage):
    """The granted instants of each key in its window, newest first, in a Redis list.

    A script takes a place atomically, so the limit is exact across processes. Raises
    ``RedisError`` where Redis does not answer. Instants are those of ``clock``.
    """

    STORAGE_SCHEME = [REDIS_SCHEME]  # noqa: RUF012 - as above

    def __init__(self, uri: str, *, clock: Callable[[], float], pool: ConnectionPool) -> None:
        super().__init__(
            uri,
            implementation="redispy",
            key_prefix="oncall:limit",
            connection_pool=pool,  # type: ignore[arg-type] # handed on as it is
        )
        self._clock = clock
        self._script = Redis(connection_pool=pool).register_script(WINDOW)

    async def take(self, key: str, limit: int, expiry: int, amount: int = 1) -> Taken:
        """Take ``amount`` of ``limit`` places in the window of ``key``, if they are free."""
        granted, oldest, held = await self._script(
            [self.bridge.prefixed_key(key)], [self._clock(), expiry, limit, amount]
        )
        return bool(granted), float(oldest), held

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return (await self.take(key, limit, expiry, amount))[0]

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        return (await self.take(key, limit, expiry, 0))[1:]


class MovingWindow(MovingWindowRateLimiter):
    """The strategy of one process."""

    storage: BoundedWindows

    def spend(self, limit: RateLimitItem, key: str) -> Spent:
        """Take one place of ``limit`` for ``key``, and tell what is left."""
        expiry = limit.get_expiry()
        granted, oldest, held = self.storage.take(limit.key_for(key), limit.amount, expiry)
        return granted, WindowStats(oldest + expiry, limit.amount - held)


class SharedMovingWindow(AsyncMovingWindowRateLimiter):
    """The same strategy over a storage that is waited for."""

    storage: RedisWindows

    async def spend(self, limit: RateLimitItem, key: str) -> Spent:
        """As ``MovingWindow.spend``. Raises ``RedisError`` where Redis does not answer."""
        expiry = limit.get_expiry()
        granted, oldest, held = await self.storage.take(limit.key_for(key), limit.amount, expiry)
        return granted, WindowStats(oldest + expiry, limit.amount - held)
