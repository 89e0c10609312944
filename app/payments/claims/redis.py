"""Claims in Redis: exactly-once across workers and hosts, and across a crash of any of them.

Strategy: each transition is one Lua script and therefore atomic. A claim that is being settled
carries a lease; when its holder dies, the lease runs out and the next claim of the same request
takes over, knowing that a settlement may have been sent. Redis forgets a claim by itself, when its
authorization can no longer be settled.

Invariants: those of ``claim``. Where Redis cannot be asked, nothing is claimed and so nothing is
charged (``ClaimsUnavailable``). Leases are measured on Redis's clock, which all workers share.
"""

import secrets
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.errors import ClaimsUnavailable, PaymentAlreadyUsed
from app.payments.claims.claim import BUSY, Claim, Receipt

PREFIX = "oncall:claim:"

CLAIM = """
local entry = redis.call('HMGET', KEYS[1], 'request', 'receipt', 'lease', 'sent', 'holder')
local now = tonumber(redis.call('TIME')[1])
if entry[1] and entry[1] ~= ARGV[1] then return {'used'} end
if entry[2] then return {'settled', entry[2]} end
-- the client asked again by itself, because our first answer was lost on its way
if entry[5] == ARGV[2] then return {'mine', entry[4] and 'sent' or ''} end
if entry[3] and tonumber(entry[3]) > now then return {'busy'} end
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'holder', ARGV[2], 'lease', now + ARGV[3])
redis.call('EXPIREAT', KEYS[1], ARGV[4])
-- a lease that ran out means that its holder died after it may have settled
if entry[1] and (entry[3] or entry[4]) then return {'mine', 'sent'} end
return {'mine', ''}
"""
SETTLED = """
-- request and expiry again: Redis may have lost the claim, and a receipt alone would serve any body
redis.call('HSET', KEYS[1], 'receipt', ARGV[1], 'request', ARGV[2])
redis.call('HDEL', KEYS[1], 'lease')
redis.call('EXPIREAT', KEYS[1], ARGV[3])
"""
UNKNOWN = """
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'sent', '1')
  redis.call('HDEL', KEYS[1], 'lease')
end
"""
RELEASE = """
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class RedisClaims:
    """A claim store that every process with the same ``url`` shares.

    A settlement must end within ``lease_seconds``.
    """

    def __init__(self, url: str, *, lease_seconds: float, timeout_seconds: float = 2.0) -> None:
        self._lease_seconds = int(lease_seconds)
        self._redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 1),  # a pooled connection may be stale; twice is not chance
        )
        self._scripts = {
            text: self._redis.register_script(text) for text in (CLAIM, SETTLED, UNKNOWN, RELEASE)
        }
        self._held: dict[str, tuple[bytes, int]] = {}
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        return self._problem

    async def claim(self, key: str, request_hash: bytes, expires_at: float) -> Claim:
        holder = secrets.token_hex(8)
        arguments = [request_hash, holder, self._lease_seconds, int(expires_at)]
        state, *rest = await self._run(CLAIM, key, arguments)
        if state == b"used":
            raise PaymentAlreadyUsed
        if state == b"settled":
            return Claim(receipt=msgspec.json.decode(rest[0], type=Receipt))
        if state == b"busy":
            return BUSY
        self._held[key] = request_hash, int(expires_at)
        return Claim(holder, sent=rest == [b"sent"])

    async def mark_settled(self, key: str, receipt: Receipt) -> None:
        await self._run(SETTLED, key, [msgspec.json.encode(receipt), *self._held.pop(key)])

    async def mark_unknown(self, key: str, holder: str) -> None:
        self._held.pop(key, None)
        await self._run(UNKNOWN, key, [holder])

    async def release(self, key: str, holder: str) -> None:
        self._held.pop(key, None)
        await self._run(RELEASE, key, [holder])

    async def receipts(self) -> list[Receipt]:
        try:
            keys = [key async for key in self._redis.scan_iter(f"{PREFIX}*", count=1000)]
            texts = [await self._redis.hget(key, "receipt") for key in keys]
        except RedisError as error:
            raise ClaimsUnavailable from error
        known = [msgspec.json.decode(text, type=Receipt) for text in texts if text]
        return sorted(known, key=lambda receipt: receipt.settled_at)

    async def refresh(self) -> None:
        try:
            await self._redis.ping()
            self._problem = None
        except (RedisError, OSError):
            self._problem = "Redis cannot be reached"

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _run(self, script: str, key: str, arguments: list[Any]) -> Any:
        try:
            answer = await self._scripts[script](keys=[PREFIX + key], args=arguments)
        except (RedisError, OSError) as error:
            self._problem = "Redis cannot be reached"
            raise ClaimsUnavailable(retry_after=2) from error
        self._problem = None
        return answer
