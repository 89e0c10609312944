"""How often a client may ask.

Strategy: slowapi's limiter with a moving window, asked through its strategy object (its decorator
halves a route's throughput and would hide the order of work). The window log is ours to hold: it is
bounded and reads an injected clock, which the library's own memory storage does not.

Invariants: requests that carry a payment and requests that do not are counted apart; a client is an
IPv4 address or an IPv6 /64; ``X-Forwarded-For`` counts only from trusted proxies.
"""

import math
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from slowapi import Limiter

Proxy = IPv4Network | IPv6Network

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

    @property
    def headers(self) -> dict[str, str]:
        """The ``RateLimit`` fields of the IETF HTTP working group's draft."""
        return {
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset_seconds}',
            "RateLimit-Policy": f'"{self.policy}";q={self.per_minute};w=60',
        }


class RateLimits:
    """Counts requests per client, route and kind (with or without a payment)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        limiter = Limiter(
            key_func=lambda: "",  # never called: keys are given to the strategy
            strategy="moving-window",
            storage_uri="bounded-memory://",
            storage_options={"clock": clock},  # type: ignore[dict-item] # handed on as it is
        )
        self._strategy = limiter.limiter

    def spend(self, client: str, route: str, per_minute: int, *, paying: bool) -> Allowance:
        """Count one request, unless none is left."""
        item = RateLimitItemPerMinute(per_minute)
        policy = "with-payment" if paying else "without-payment"
        key = (policy, route, client)
        granted = self._strategy.hit(item, *key)
        window = self._strategy.get_window_stats(item, *key)
        reset_seconds = math.ceil(window.reset_time - self._clock())
        return Allowance(granted, policy, per_minute, window.remaining, reset_seconds)


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
    try:
        address = ip_address(text.strip("[]").split("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
