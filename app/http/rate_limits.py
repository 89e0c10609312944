"""How often a client may ask.

Strategy: a moving window, the instants of the requests granted in the last minute. One process
holds it itself: bounded and on an injected clock, which the memory storages of the rate limiting
libraries are not, and at a fifth of their cost a request (``bench/http.py``). Several processes
count together by ``limits``' asynchronous Redis strategy, which never blocks the event loop; its
script takes a place atomically, so the limit is exact across them.

Invariants: requests that carry a payment and requests that do not are counted apart; a client is an
IPv4 address or an IPv6 /64; ``X-Forwarded-For`` counts only from trusted proxies.
"""

import math
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from limits import RateLimitItemPerMinute, WindowStats
from limits.aio.strategies import MovingWindowRateLimiter as SharedMovingWindow
from limits.errors import StorageError
from limits.storage import storage_from_string
from msgspec import Struct
from redis.asyncio import ConnectionPool

from app.errors import RateLimited

Proxy = IPv4Network | IPv6Network

REDIS_SECONDS = 1.0
"""How long a request waits for the shared count at the most. A process on a busy machine may be
a quarter of a second late itself, and to count alone for that would grant too many."""
AWAY_SECONDS = 1.0
"""How long Redis is left alone after it did not answer."""
TOLD_SECONDS = 10.0
"""How long that is told, where no request comes to find Redis back."""

WINDOW_SECONDS = 60

Key = tuple[str, str, str]
"""Policy, route and client."""

Spent = tuple[bool, WindowStats]
"""Whether there was a place; then when the oldest leaves, and how many places are left."""

IPV4_BYTES = 4
MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv4 address begins that is written as an IPv6 address."""

PAYING_POLICIES = ("without-payment", "with-payment")
PER_KEY, UNKNOWN_KEY = "per-key", "unknown-key"
POLICIES = (*PAYING_POLICIES, PER_KEY, UNKNOWN_KEY)
"""Each is a count of its own."""

MAX_KEYS = 20_000
"""At 120 requests a minute each, some 20 MB; the keys idle longest go first."""


class Allowance(Struct, frozen=True):
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
            raise self.refusal

    @property
    def refusal(self) -> RateLimited:
        """What is said when it was not."""
        return RateLimited(
            f"at most {self.per_minute} requests a minute", retry_after=self.reset_seconds
        )

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """The ``RateLimit`` fields of the IETF HTTP working group's draft, as ASGI wants them."""
        limit = b'"%b";r=%d;t=%d' % (self.policy.encode(), self.remaining, self.reset_seconds)
        policy = b'"%b";q=%d;w=%d' % (self.policy.encode(), self.per_minute, WINDOW_SECONDS)
        return [(b"ratelimit", limit), (b"ratelimit-policy", policy)]


class RateLimits:
    """Counts requests per client, route and kind (with or without a payment).

    With ``redis_url`` the count is shared by every process; while Redis is away each counts for
    itself, and ``problem`` says so.
    """

    def __init__(self, clock: Callable[[], float], redis_url: str | None = None) -> None:
        self._clock = clock
        self._local = MovingWindows(clock)
        self._pool = redis_pool(redis_url) if redis_url else None
        self._shared = shared_strategy(self._pool) if self._pool else None
        self._away_until = -math.inf
        self.refusals = dict.fromkeys(POLICIES, 0)
        """How many requests of each policy were over the limit, in this process."""

    @property
    def problem(self) -> str | None:
        """Why the count is not shared at the moment; ``None`` when all is well."""
        if self._clock() < self._away_until + TOLD_SECONDS:
            return "Redis cannot be reached: each process counts alone"
        return None

    async def spend(self, client: str, route: str, per_minute: int, *, paying: bool) -> Allowance:
        """Count one request to a paid route, unless none is left."""
        return await self.spend_by(PAYING_POLICIES[paying], client, route, per_minute)

    async def spend_by(self, policy: str, client: str, route: str, per_minute: int) -> Allowance:
        """Count one request under one of ``POLICIES``, unless none is left."""
        key = (policy, route, client)
        spent = await self._spent_shared(self._shared, key, per_minute) if self._shared else None
        granted, window = spent or self._local.spent(key, per_minute)
        if not granted:
            self.refusals[policy] += 1
        reset_seconds = max(math.ceil(window.reset_time - self._clock()), 1)
        return Allowance(granted, policy, per_minute, window.remaining, reset_seconds)

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _spent_shared(
        self, shared: SharedMovingWindow, key: Key, per_minute: int
    ) -> Spent | None:
        """As ``MovingWindows.spent``; ``None`` while Redis is away."""
        if self._clock() < self._away_until:
            return None
        item = RateLimitItemPerMinute(per_minute)
        try:
            granted = await shared.hit(item, *key)
            window = await shared.get_window_stats(item, *key)
        except StorageError:
            self._away_until = self._clock() + AWAY_SECONDS
            return None
        self._away_until = -math.inf
        return granted, window


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


class MovingWindows:
    """The granted instants of each key in the last minute, oldest first.

    At most ``max_keys`` keys are kept; the one idle longest goes first.
    """

    def __init__(self, clock: Callable[[], float], max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._windows: OrderedDict[Key, array[float]] = OrderedDict()

    def spent(self, key: Key, limit: int) -> Spent:
        """Take one of ``limit`` places in the window of ``key``, if there is one."""
        now = self._clock()
        window = self._window(key)
        left = now - WINDOW_SECONDS
        if window and window[0] <= left:
            del window[: bisect_right(window, left)]
        granted = len(window) < limit
        if granted:
            window.append(now)
        return granted, WindowStats(window[0] + WINDOW_SECONDS, limit - len(window))

    def _window(self, key: Key) -> "array[float]":
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = array("d")
            if len(self._windows) > self._max_keys:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(key)
        return window


def client_of(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Proxy]) -> str:
    """Who is asking: the nearest address that is not one of our ``trusted`` proxies.

    ``peer`` is the connection's address; ``forwarded_for`` the ``X-Forwarded-For`` values in order
    of arrival, believed from the right and only as far as the proxies are ours.
    """
    client = _address(peer or "")
    hops = ",".join(forwarded_for).split(",") if trusted and forwarded_for else []
    while client is not None and hops and _is_one_of(trusted, client):
        hop = _address(hops.pop().strip())
        if hop is None:
            break  # what one of our proxies wrote cannot be read: count the proxy
        client = hop
    if client is None:
        return "unknown"
    if len(client) == IPV4_BYTES:
        return inet_ntop(AF_INET, client)
    return inet_ntop(AF_INET6, client[:8] + bytes(8)) + "/64"


def _address(text: str) -> bytes | None:
    """The 4 or 16 bytes of an address; ``None`` if it is none.

    The C library reads them, a tenth of what ``ipaddress`` takes: a client is mostly a new one.
    """
    try:
        return inet_pton(AF_INET, text)
    except (OSError, ValueError):
        return _address_spelt_otherwise(text)


def _address_spelt_otherwise(text: str) -> bytes | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]  # [2001:db8::1]:443
    elif text.count(":") == 1:
        text = text.partition(":")[0]  # 192.0.2.1:443
    family = AF_INET6 if ":" in text else AF_INET
    try:
        address = inet_pton(family, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return address[12:] if address.startswith(MAPPED) else address


def _is_one_of(proxies: Sequence[Proxy], address: bytes) -> bool:
    number, bits = int.from_bytes(address, "big"), 8 * len(address)
    for proxy in proxies:
        is_inside = number & int(proxy.netmask) == int(proxy.network_address)
        if is_inside and bits == proxy.max_prefixlen:
            return True
    return False
