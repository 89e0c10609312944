"""How often a client may ask.

Strategy: slowapi's limiter with a moving window, asked through its strategy object (its decorator
halves a route's throughput and would hide the order of work). The window log is ours to hold: it is
bounded and reads an injected clock, which the library's own memory storage does not. Several
processes count together through the library's asynchronous Redis storage, which never blocks the
event loop; its script takes a place atomically, so the limit is exact across them.

Invariants: requests that carry a payment and requests that do not are counted apart; a client is an
IPv4 address or an IPv6 /64; ``X-Forwarded-For`` counts only from trusted proxies.
"""

import math
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from limits import RateLimitItem, RateLimitItemPerMinute, WindowStats
from limits.aio.strategies import MovingWindowRateLimiter as SharedMovingWindow
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from redis.asyncio import ConnectionPool
from slowapi import Limiter

from app.errors import RateLimited

Proxy = IPv4Network | IPv6Network

REDIS_SECONDS = 0.25
"""How long a request waits for the shared count at the most."""
AWAY_SECONDS = 1.0
"""How long Redis is left alone after it did not answer."""
TOLD_SECONDS = 10.0
"""How long that is told, where no request comes to find Redis back."""

Spent = tuple[bool, WindowStats]

MAX_KEYS = 20_000
"""At 120 requests a minute each, some 20 MB; the keys idle longest go first."""


@dataclass(frozen=True)
class Allowance:
    """Whether a request was ``granted``, and what is left of its limit.

    ``remaining`` requests fit now; one more fits after ``reset_seconds``.
    """

    granted: bool
    policy: str
    per_minute: int
    remaining: int
    reset_seconds: int

    def require(self) -> None:
        """Raise ``RateLimited`` unless it was granted."""
        if not self.granted:
            raise RateLimited(
                f"at most {self.per_minute} requests a minute", retry_after=self.reset_seconds
            )

    @property
    def headers(self) -> dict[str, str]:
        """The ``RateLimit`` fields of the IETF HTTP working group's draft."""
        return {
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset_seconds}',
            "RateLimit-Policy": f'"{self.policy}";q={self.per_minute};w=60',
        }


class RateLimits:
    """Counts requests per client, route and kind (with or without a payment).

    With ``redis_url`` the count is shared by every process; while Redis is away each counts for
    itself, and ``problem`` says so.
    """

    def __init__(self, clock: Callable[[], float], redis_url: str | None = None) -> None:
        self._clock = clock
        limiter = Limiter(
            key_func=lambda: "",  # never called: keys are given to the strategy
            strategy="moving-window",
            storage_uri="bounded-memory://",
            storage_options={"clock": clock},  # type: ignore[dict-item] # handed on as it is
        )
        self._local = limiter.limiter
        self._pool = redis_pool(redis_url) if redis_url else None
        self._shared = shared_strategy(self._pool) if self._pool else None
        self._away_until = -math.inf

    @property
    def problem(self) -> str | None:
        """Why the count is not shared at the moment; ``None`` when all is well."""
        if self._clock() < self._away_until + TOLD_SECONDS:
            return "Redis cannot be reached: each process counts alone"
        return None

    async def spend(self, client: str, route: str, per_minute: int, *, paying: bool) -> Allowance:
        """Count one request, unless none is left."""
        item = RateLimitItemPerMinute(per_minute)
        policy = "with-payment" if paying else "without-payment"
        key = (policy, route, client)
        granted, window = await self._spent_shared(item, key) or self._spent_local(item, key)
        reset_seconds = max(math.ceil(window.reset_time - self._clock()), 1)
        return Allowance(granted, policy, per_minute, window.remaining, reset_seconds)

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _spent_shared(self, item: RateLimitItem, key: Sequence[str]) -> Spent | None:
        if self._shared is None or self._clock() < self._away_until:
            return None
        try:
            granted = await self._shared.hit(item, *key)
            window = await self._shared.get_window_stats(item, *key)
        except StorageError:
            self._away_until = self._clock() + AWAY_SECONDS
            return None
        self._away_until = -math.inf
        return granted, window

    def _spent_local(self, item: RateLimitItem, key: Sequence[str]) -> Spent:
        return self._local.hit(item, *key), self._local.get_window_stats(item, *key)


def redis_pool(url: str) -> ConnectionPool:
    """Connections that give up soon: a request waits for them."""
    return ConnectionPool.from_url(
        url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
    )


def shared_strategy(pool: ConnectionPool) -> SharedMovingWindow:
    """The moving window over ``limits``' asynchronous Redis storage."""
    storage = storage_from_string(
        "async+redis://",
        implementation="redispy",
        wrap_exceptions=True,
        key_prefix="oncall:limit",
        connection_pool=pool,  # type: ignore[arg-type] # handed on as it is
    )
    return SharedMovingWindow(storage)


class BoundedMemory(MemoryStorage):
    """The library's memory storage with a bounded moving window: accepted instants, oldest first.

    One request costs an append and the removal of what has left the window.
    """

    STORAGE_SCHEME = ["bounded-memory"]  # noqa: RUF012 - the library's way to register a class

    def __init__(
        self, uri: str, *, clock: Callable[[], float], max_keys: int = MAX_KEYS, **_: str
    ) -> None:
        super().__init__(uri)
        self._clock = clock
        self._max_keys = max_keys
        self._windows: OrderedDict[str, array[float]] = OrderedDict()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        window = self._window(key, expiry)
        if len(window) + amount > limit:
            return False
        window.extend([self._clock()] * amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's protocol
        window = self._window(key, expiry)
        return (window[0] if window else self._clock()), len(window)

    def _window(self, key: str, expiry: int) -> "array[float]":
        window = self._windows.setdefault(key, array("d"))
        self._windows.move_to_end(key)
        if len(self._windows) > self._max_keys:
            self._windows.popitem(last=False)
        left = self._clock() - expiry
        del window[: next((n for n, at in enumerate(window) if at > left), len(window))]
        return window


def client_of(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Proxy]) -> str:
    """Who is asking: the nearest address that is not one of our ``trusted`` proxies.

    ``peer`` is the connection's address; ``forwarded_for`` the ``X-Forwarded-For`` values in order
    of arrival, believed from the right and only as far as the proxies are ours.
    """
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    client = _address(peer or "")
    while client is not None and hops and any(client in network for network in trusted):
        hop = _address(hops.pop())
        if hop is None:
            break  # what one of our proxies wrote cannot be read: count the proxy
        client = hop
    if client is None:
        return "unknown"
    if isinstance(client, IPv6Address):
        return str(IPv6Network((client, 64), strict=False))
    return str(client)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]  # [2001:db8::1]:443
    elif text.count(":") == 1:
        text = text.partition(":")[0]  # 192.0.2.1:443
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
