"""Rate limits: how many requests a client may send to a route in a period.

Strategy: ``slowapi``'s Limiter holds the key function, the strategy and the storage. The strategy
is a moving window: the instants of the requests granted in the last minute, or in another period of
a limit. The Limiter's own check is synchronous and costs ten times as much, so ``spend`` asks the
strategy itself: in memory for a single process, in its asynchronous form in Redis for several
(``docs/decisions/0004-slowapi.md``).

Besides, each process counts all requests of an address alone and in memory (``spend_address``): one
cheap look before anything costs, and for many routes together.

Invariants: requests with and without a payment are counted separately. A client is an IPv4 address
or an IPv6 /64. ``X-Forwarded-For`` counts only from trusted proxies.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from msgspec import Struct
from redis.exceptions import RedisError
from slowapi import Limiter

from app.errors import RateLimited
from app.http.large_bodies import LargeBodies
from app.http.rate_limit_storage import (
    MEMORY_SCHEME,
    REDIS_SCHEME,
    MovingWindow,
    SharedMovingWindow,
    Spent,
)
from app.http.request_head import RequestHead
from app.redis_servers import RedisClient, close, redis_at
from app.similar import most_similar

Proxy = IPv4Network | IPv6Network

REDIS_SECONDS = 1.0
"""The longest wait of a request for the shared count. A process on a busy machine may itself be a
quarter of a second late, and counting alone because of that would grant too many requests."""
AWAY_SECONDS = 1.0
"""The time without calls to Redis after it did not answer."""
TOLD_SECONDS = 10.0
"""The time for which ``problem`` reports that, if no request finds Redis again."""

AT_LEAST_BY_ADDRESS = "1200/minute"
TIMES_A_PRODUCT = 10
"""What an address may send to all routes together, unless it is set: the first of these, or the
second times the highest limit of a product, whichever is more."""

SETTING = re.compile(r"((?P<name>[^\s=]+)=)?(?P<limit>[1-9][0-9]{0,5}/(second|minute|hour|day))")
"""A limit as an operator writes it. ``limits`` would also accept months, of 30 days."""

IPV4_BYTES = 4
MAPPED = bytes(10) + b"\xff\xff"
"""The first bytes of an IPv6 address that stands for an IPv4 address."""

PAYING_POLICIES = ("without-payment", "with-payment")
PER_KEY, UNKNOWN_KEY = "per-key", "unknown-key"
PER_ADDRESS = "per-address"
POLICIES = (*PAYING_POLICIES, PER_KEY, UNKNOWN_KEY, PER_ADDRESS)
"""The policies, each with its own count."""


class Allowance(Struct, frozen=True):
    """Whether a request was ``granted``, and what is left of its limit.

    The client may send ``remaining`` requests now, and one more after ``reset_seconds``.
    """

    granted: bool
    policy: str
    limit: RateLimitItem
    remaining: int
    reset_seconds: int

    def require(self) -> None:
        """Raise ``RateLimited`` unless the request was granted."""
        if not self.granted:
            raise self.refusal

    @property
    def refusal(self) -> RateLimited:
        """The error for a request that was not granted."""
        whose = " of everything from this address" if self.policy == PER_ADDRESS else ""
        detail = f"at most {in_words(self.limit)}{whose}"
        return RateLimited(detail, retry_after=self.reset_seconds)

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """The ``RateLimit`` header fields (IETF HTTP working group's draft) as ASGI wants them."""
        name = self.policy.encode()
        left = b'"%b";r=%d;t=%d' % (name, self.remaining, self.reset_seconds)
        policy = b'"%b";q=%d;w=%d' % (name, self.limit.amount, self.limit.get_expiry())
        return [(b"ratelimit", left), (b"ratelimit-policy", policy)]


def in_words(limit: RateLimitItem) -> str:
    """Return a limit in words, such as "120 requests a minute" or "1 request in 2 hours"."""
    requests = f"{limit.amount} request{'s' if limit.amount > 1 else ''}"
    period = limit.GRANULARITY.name
    if limit.multiples > 1:
        return f"{requests} in {limit.multiples} {period}s"
    return f"{requests} {'an' if period == 'hour' else 'a'} {period}"


def limits_in(text: str, products: Sequence[str]) -> tuple[Mapping[str, str], Sequence[str]]:
    """Return the limits in an operator's ``text`` by product, and the errors in it.

    An example is ``600/minute,sched-oncall-now=10/second``: a limit without a name is for every
    product that is not named. Products without a limit are left out.
    """
    limits: dict[str, str] = {}
    errors = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = SETTING.fullmatch(part)
        if match is None:
            errors.append(f"{part!r} is not a limit such as 120/minute or {products[-1]}=10/second")
            continue
        name = match["name"] or ""
        if name in limits:
            errors.append(f"{name or 'every product'} has two limits")
        elif name and name not in products:
            similar = most_similar(name, products)
            hint = f"did you mean {similar}?" if similar else f"there are {', '.join(products)}"
            errors.append(f"{name} is not a product; {hint}")
        limits[name] = match["limit"]
    usual = dict.fromkeys(products, limits.pop("")) if "" in limits else {}
    return {**usual, **limits}, [f"ONCALL_RATE_LIMIT: {error}" for error in errors]


def address_limit(text: str, of_products: Iterable[RateLimitItem]) -> RateLimitItem:
    """Return the limit of an address: an operator's ``text``, or if empty one that follows.

    It is far above what one client may ask of a product, so that it only stops those who send too
    much of everything.
    """
    if text:
        return parse(text)
    higher = [type(each)(TIMES_A_PRODUCT * each.amount, each.multiples) for each in of_products]
    limits = [parse(AT_LEAST_BY_ADDRESS), *higher]
    return max(limits, key=lambda each: each.amount / each.get_expiry())


def products_beyond(limit: RateLimitItem, of_products: Mapping[str, RateLimitItem]) -> list[str]:
    """Return the products whose own limit cannot be reached, because that of an address is less."""
    return [
        name
        for name, own in of_products.items()
        if own.amount / own.get_expiry() > limit.amount / limit.get_expiry()
    ]


class RateLimits(Limiter):
    """A counter of requests by policy, route and client.

    With ``redis_url`` all processes share one count. While Redis is away each process counts alone,
    and ``problem`` says so. ``proxies`` are ours and believed. ``per_address`` is the limit of all
    requests of an address to one process.
    """

    _limiter: MovingWindow

    def __init__(
        self,
        clock: Callable[[], float],
        redis_url: str | None = None,
        proxies: Sequence[Proxy] = (),
        per_address: RateLimitItem | None = None,
    ) -> None:
        super().__init__(
            key_func=self.client_in,
            strategy="moving-window",
            storage_uri=f"{MEMORY_SCHEME}://",
            storage_options={"clock": clock},  # type: ignore[dict-item] # handed on as it is
        )
        self._limiter = MovingWindow(self._storage)
        self._clock = clock
        self._proxies = proxies
        self._per_address = per_address or parse(AT_LEAST_BY_ADDRESS)
        self._redis = limits_redis(redis_url) if redis_url else None
        self._shared = shared_strategy(clock, self._redis) if self._redis else None
        self._failed_at = -math.inf
        self.large_bodies = LargeBodies()
        self.refusals = dict.fromkeys(POLICIES, 0)
        """The number of requests over the limit by policy, in this process."""

    def get_app_config(self, key: str, default_value: Any = None) -> Any:  # noqa: ARG002 - slowapi's signature
        """Return the default, so that slowapi's own environment variables do nothing."""
        return default_value

    def client_in(self, head: RequestHead) -> str:
        """Return the client of a request. It is the Limiter's key function."""
        return client_of(head.peer, head.values("x-forwarded-for"), self._proxies)

    @property
    def problem(self) -> str | None:
        """Why the count is not shared at the moment; ``None`` if it is, or need not be."""
        if self._failed_within(AWAY_SECONDS + TOLD_SECONDS):
            return "Redis cannot be reached: each process counts alone"
        return None

    def spend_address(self, client: str) -> Allowance:
        """Count one request of ``client`` to this process, unless the address has sent too much."""
        limit = self._per_address
        return self._allowance(PER_ADDRESS, limit, self._limiter.spend(limit, client))

    async def spend(
        self, client: str, route: str, limit: RateLimitItem, *, paying: bool
    ) -> Allowance:
        """Count one request to a paid route, unless the limit is used up."""
        return await self.spend_by(PAYING_POLICIES[paying], client, route, limit)

    async def spend_by(
        self, policy: str, client: str, route: str, limit: RateLimitItem
    ) -> Allowance:
        """Count one request under one of ``POLICIES``, unless the limit is used up."""
        key = f"{policy}/{route}/{client}"  # one string costs half of three
        spent = await self._spent_shared(self._shared, limit, key) if self._shared else None
        return self._allowance(policy, limit, spent or self._limiter.spend(limit, key))

    def _allowance(self, policy: str, limit: RateLimitItem, spent: Spent) -> Allowance:
        granted, window = spent
        if not granted:
            self.refusals[policy] += 1
        reset_seconds = max(math.ceil(window.reset_time - self._clock()), 1)
        return Allowance(granted, policy, limit, window.remaining, reset_seconds)

    async def aclose(self) -> None:
        if self._redis is not None:
            await close(self._redis)

    async def _spent_shared(
        self, shared: SharedMovingWindow, limit: RateLimitItem, key: str
    ) -> Spent | None:
        """Count one request in Redis. Return ``None`` while Redis is away."""
        if self._failed_within(AWAY_SECONDS):
            return None
        try:
            spent = await shared.spend(limit, key)
        except (RedisError, TypeError, ValueError):  # also a reply that no Redis gives
            self._failed_at = self._clock()
            return None
        self._failed_at = -math.inf
        return spent

    def _failed_within(self, seconds: float) -> bool:
        """Whether Redis failed that lately; not for a clock that was set back since."""
        return 0 <= self._clock() - self._failed_at < seconds


def limits_redis(url: str) -> RedisClient:
    """Return the Redis at ``url``, with short timeouts, because a request waits for it."""
    return redis_at(url, timeout_seconds=REDIS_SECONDS, tries=1)


def shared_strategy(clock: Callable[[], float], redis: RedisClient) -> SharedMovingWindow:
    """Return the moving window over our asynchronous Redis storage."""
    return SharedMovingWindow(
        storage_from_string(
            f"{REDIS_SCHEME}://",
            clock=clock,  # type: ignore[arg-type] # handed on as it is
            redis=redis,  # type: ignore[arg-type] # handed on as it is
        )
    )


def is_proxy(peer: str, trusted: Sequence[Proxy]) -> bool:
    """Whether the address of a connection is one of a ``trusted`` proxy."""
    address = _address(peer)
    return address is not None and _is_one_of(trusted, address)


def client_of(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Proxy]) -> str:
    """Return the client of a request: the nearest address that is not a ``trusted`` proxy.

    ``peer`` is the address of the connection. ``forwarded_for`` has the ``X-Forwarded-For`` values
    in order of arrival. They are read from the right, as long as trusted proxies wrote them.
    """
    client = _address(peer or "")
    hops = ",".join(forwarded_for).split(",") if trusted and forwarded_for else []
    while client is not None and hops and _is_one_of(trusted, client):
        hop = _address(hops.pop().strip())
        if hop is None:
            break  # one of our proxies wrote no address: count the proxy
        client = hop
    if client is None:
        return "unknown"
    if len(client) == IPV4_BYTES:
        return inet_ntop(AF_INET, client)
    return inet_ntop(AF_INET6, client[:8] + bytes(8)) + "/64"


def _address(text: str) -> bytes | None:
    """Return the 4 or 16 bytes of an address; ``None`` if ``text`` is none.

    The C library reads them in a tenth of the time of ``ipaddress``. Most clients are new ones, so
    a cache would not help.
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
