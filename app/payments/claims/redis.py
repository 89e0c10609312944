"""Claims in Redis: exactly-once across workers and hosts, and across a crash of any of them.

Strategy: each transition is one Lua script and therefore atomic. A claim that is being settled
carries a lease; when its holder dies, the lease runs out and the next claim of the same request
takes over, knowing that a settlement may have been sent. Redis forgets a claim by itself, when its
authorization can no longer be settled.

Beside each claim two more keys are written, in the same script: the stream of settlements, from
which they go into the database, and the claims whose outcome nobody knows, by when they are to be
looked up. Every script is handed all the keys that it touches.

Invariants: those of ``claim``. A claim is settled and its settlement in the stream, or neither.
Where Redis cannot be asked, nothing is claimed and so nothing is charged (``ClaimsUnavailable``).
Leases are measured on Redis's clock, which all workers share.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.errors import ClaimsUnavailable, PaymentAlreadyUsed
from app.payments.claims.claim import BUSY, PAYER_SECONDS, Claim
from app.payments.claims.claimed_payment import (
    ClaimedPayment,
    DueClaims,
    OpenClaim,
    Settlement,
    StreamedSettlement,
)
from app.payments.claims.receipt import Receipt
from app.redis_scripts import RedisScripts

log = structlog.get_logger()

PREFIX = "oncall:claim:"
PAYER_PREFIX = "oncall:payer:"
STREAM = "oncall:settlements"
"""The settlements that are not in the database yet, oldest first."""
MAX_STREAMED = 150_000
"""How many of them wait for a database, about, in 100 MB; the oldest go first."""
OPEN = "oncall:open"
"""The keys of claims with an unknown outcome, by when they are to be looked up, in seconds."""
LEAD_PREFIX = "oncall:lead:"
MAX_UNSTORED = 10_000
"""How many settlements a process keeps for a Redis that is away."""
MAX_PAYERS = 10_000
"""How many payers a process remembers until it finds them again."""
TIMEOUT_SECONDS = 2.0
TRIES = 2
"""A pooled connection may be stale; twice is not chance."""
SAFE_POLICY = "noeviction"
"""The only ``maxmemory-policy`` under which Redis never drops a claim to make room."""

FIND = """
local paid = redis.call('EXISTS', KEYS[2])
local entry = redis.call('HMGET', KEYS[1], 'request', 'receipt', 'lease', 'answer', 'sent',
  'asked')
if not entry[1] then return {paid, 'none'} end
if entry[1] ~= ARGV[1] then return {paid, 'used'} end
if entry[2] then return {paid, 'settled', entry[2], entry[4], entry[6]} end
if entry[3] and tonumber(entry[3]) > tonumber(redis.call('TIME')[1]) then return {paid, 'busy'} end
return {paid, 'sent', entry[5] or '1', entry[6]}
"""
CLAIM = """
local fields = {'request', 'receipt', 'lease', 'sent', 'holder', 'answer', 'claimed', 'asked'}
local entry = redis.call('HMGET', KEYS[1], unpack(fields))
local now = tonumber(redis.call('TIME')[1])
if entry[1] and entry[1] ~= ARGV[1] then return {'used'} end
if entry[2] then return {'settled', entry[2], entry[6], entry[8]} end
-- the client asked again by itself, because our first answer was lost on its way
if entry[5] == ARGV[2] then return {'mine', entry[4] or '', entry[7] or now} end
if entry[3] and tonumber(entry[3]) > now then return {'busy'} end
local claimed = entry[7] or now
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'holder', ARGV[2], 'lease', now + ARGV[3],
  'claimed', claimed, 'asked', ARGV[7])
redis.call('EXPIREAT', KEYS[1], ARGV[4])
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[1], 'payment', ARGV[5])
  -- if its holder dies, the claim is looked up once the lease has run out
  redis.call('ZADD', KEYS[4], now + ARGV[3], ARGV[6])
end
-- a lease that ran out means that its holder died after it may have settled
if entry[1] and (entry[3] or entry[4]) then return {'mine', entry[4] or '1', claimed} end
return {'mine', '', claimed}
"""
SETTLED = f"""
redis.call('SET', KEYS[2], '1', 'EX', {PAYER_SECONDS})
-- the holder's lease may have run out: the first receipt stays, whoever comes later
if redis.call('HGET', KEYS[1], 'receipt') then return 0 end
-- request and expiry again: Redis may have lost the claim, and a receipt alone would serve any body
redis.call('HSET', KEYS[1], 'receipt', ARGV[1], 'request', ARGV[2])
-- who looks a claim up does not know what its holder was asked
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'asked', ARGV[6]) end
if ARGV[7] then redis.call('HSET', KEYS[1], 'answer', ARGV[7]) end
redis.call('HDEL', KEYS[1], 'lease', 'payment')
redis.call('EXPIREAT', KEYS[1], ARGV[3])
if ARGV[4] ~= '' then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', {MAX_STREAMED}, '*', 'settlement', ARGV[4])
end
redis.call('ZREM', KEYS[4], ARGV[5])
return 1
"""
HELD = """
local entry = redis.call('HMGET', KEYS[1], 'holder', 'receipt')
if entry[1] ~= ARGV[1] or entry[2] then return end
"""
UNKNOWN = f"""{HELD}
-- a transaction, or 1 where none is known
redis.call('HSET', KEYS[1], 'sent', ARGV[2])
redis.call('HDEL', KEYS[1], 'lease')
redis.call('ZADD', KEYS[4], 'XX', redis.call('TIME')[1], ARGV[3])
"""
RELEASE = f"""{HELD}
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[4], ARGV[2])
"""
DUE = """
return redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', redis.call('TIME')[1], 'LIMIT', 0, ARGV[1])
"""
LOOK = """
local fields = {'request', 'receipt', 'lease', 'sent', 'claimed', 'payment'}
local entry = redis.call('HMGET', KEYS[1], unpack(fields))
local now = tonumber(redis.call('TIME')[1])
if entry[3] and tonumber(entry[3]) > now then
  redis.call('ZADD', KEYS[4], 'XX', entry[3], ARGV[1])
  return {'closed'}
end
if entry[1] and entry[6] then
  return {'open', entry[1], entry[6], entry[4] or '1', entry[5], now + redis.call('TTL', KEYS[1])}
end
redis.call('ZREM', KEYS[4], ARGV[1])
return {entry[1] and 'closed' or 'expired'}
"""
AGAIN = """
redis.call('ZADD', KEYS[4], 'XX', redis.call('TIME')[1] + ARGV[2], ARGV[1])
"""
LEAD = """
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class _Held(NamedTuple):
    """What the holder of a claim needs to end it, whatever Redis has lost."""

    request_hash: bytes
    expires_at: int
    payment: ClaimedPayment | None
    asked_at: int | None = None


class _Unstored(NamedTuple):
    """A settlement that Redis was not there to record."""

    arguments: list[Any]
    payer: str


class RedisClaims:
    """A claim store that every process with the same ``url`` shares.

    A settlement must end within ``lease_seconds``. An operation takes at most
    ``TRIES * timeout_seconds``. Answers are kept while Redis is less than half full: the rest of it
    is for claims and receipts.
    """

    def __init__(
        self, url: str, *, lease_seconds: float, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._lease_seconds = int(lease_seconds)
        self._longest_seconds = TRIES * timeout_seconds
        self._redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), TRIES - 1),
        )
        self._scripts = RedisScripts(self._redis)
        self._held: dict[str, _Held] = {}
        """The claims that are held here, by their holders."""
        self._unstored: dict[str, _Unstored] = {}
        """The settlements that Redis could not be told of, by the claim's key."""
        self._leader = secrets.token_hex(8)
        self._payers: dict[str, None] = {}
        """The payers whom ``find`` found to have paid in the last day."""
        self._is_away = False
        self._policy: object = SAFE_POLICY
        self._keeps_answers = True

    @property
    def problem(self) -> str | None:
        return "Redis cannot be reached" if self._is_away else self.misconfiguration

    @property
    def misconfiguration(self) -> str | None:
        if self._policy in (SAFE_POLICY, None):
            return None
        return f"Redis may drop claims: its maxmemory-policy is {self._policy}, not {SAFE_POLICY}"

    async def find(self, key: str, request_hash: bytes, payer: str = "") -> Claim | None:
        paid, state, *rest = await self._run(FIND, key, [request_hash], payer)
        self._payers.pop(payer, None)
        if paid:
            self._payers[payer] = None
            if len(self._payers) > MAX_PAYERS:
                del self._payers[next(iter(self._payers))]
        return None if state == b"none" else _claim(state, rest)

    def has_paid(self, payer: str) -> bool:
        return payer in self._payers

    async def claim(
        self,
        key: str,
        request_hash: bytes,
        expires_at: float,
        payment: ClaimedPayment | None = None,
        asked_at: int = 0,
    ) -> Claim:
        holder = secrets.token_hex(8)
        kept = b"" if payment is None else msgspec.json.encode(payment)
        expiry = int(expires_at)
        arguments = [request_hash, holder, self._lease_seconds, expiry, kept, key, asked_at]
        state, *rest = await self._run(CLAIM, key, arguments)
        if state != b"mine":
            return _claim(state, rest)
        self._held[holder] = _Held(request_hash, expiry, payment, asked_at)
        sent, claimed_at = rest
        return Claim(
            holder,
            sent=bool(sent),
            transaction=_transaction(sent),
            claimed_at=float(claimed_at),
            asked_at=asked_at,
        )

    async def mark_settled(
        self, key: str, holder: str, receipt: Receipt, answer: bytes | None = None
    ) -> None:
        kept = [answer] if answer is not None and self._keeps_answers else []
        arguments = _settled_arguments(key, self._held.pop(holder), receipt)
        payer = receipt.payer.lower()
        try:
            await self._run(SETTLED, key, [*arguments, *kept], payer)
        except ClaimsUnavailable:
            if len(self._unstored) < MAX_UNSTORED:
                self._unstored[key] = _Unstored(arguments, payer)
            raise

    async def mark_unknown(self, key: str, holder: str, transaction: str = "") -> None:
        self._held.pop(holder, None)
        await self._run(UNKNOWN, key, [holder, transaction or "1", key])

    async def release(self, key: str, holder: str) -> None:
        self._held.pop(holder, None)
        await self._run(RELEASE, key, [holder, key])

    async def store_again(self) -> None:
        for key, (arguments, payer) in list(self._unstored.items()):
            await self._run(SETTLED, key, arguments, payer)
            del self._unstored[key]

    async def settlements(self, after: str = "", count: int = 1000) -> Sequence[StreamedSettlement]:
        first = f"({after}" if after else "-"
        with self._reaching():
            entries: Any = await self._redis.xrange(STREAM, min=first, count=count)
        return [
            StreamedSettlement(
                name.decode(), msgspec.json.decode(fields[b"settlement"], type=Settlement)
            )
            for name, fields in entries
        ]

    async def forget_settlements(self, ids: Sequence[str]) -> None:
        with self._reaching():
            await self._redis.xdel(STREAM, *ids)

    async def due_claims(self, count: int) -> DueClaims:
        claims = DueClaims([], [])
        for name in await self._run(DUE, "", [count]):
            key = name.decode()
            state, *rest = await self._run(LOOK, key, [key])
            if state == b"expired":
                claims.expired.append(key)
            elif state == b"open":
                claims.open.append(_open_claim(key, rest))
        return claims

    async def look_again(self, claim: OpenClaim, seconds: float) -> None:
        await self._run(AGAIN, claim.key, [claim.key, int(seconds)])

    async def give_up(self, claim: OpenClaim) -> None:
        with self._reaching():
            await self._redis.zrem(OPEN, claim.key)

    async def mark_found(self, claim: OpenClaim, receipt: Receipt) -> bool:
        held = _Held(claim.request_hash, int(claim.expires_at), claim.payment)
        arguments = _settled_arguments(claim.key, held, receipt)
        return bool(await self._run(SETTLED, claim.key, arguments, receipt.payer.lower()))

    async def lead(self, role: str, seconds: float) -> bool:
        arguments = [self._leader, int(seconds * 1000)]
        return bool(await self._run_on([LEAD_PREFIX + role], LEAD, arguments))

    async def refresh(self) -> None:
        try:
            await self._redis.ping()
            self._is_away = False
            await self._read_memory()
        except (RedisError, OSError):
            self._is_away = True

    async def aclose(self) -> None:
        await self._scripts.aclose()
        await self._redis.aclose()

    async def _read_memory(self) -> None:
        """Read how full Redis is, and what it does when it is full; a managed one may not tell.

        ``INFO`` says it where ``CONFIG`` is forbidden, as on most of those.
        """
        try:
            memory = await self._redis.info("memory")
        except ResponseError:
            memory = {}
        used, most = memory.get("used_memory", 0), memory.get("maxmemory", 0)
        self._keeps_answers = used < most / 2 or not most
        policy = memory.get("maxmemory_policy")
        if policy is None and self._policy is not None:
            log.warning("redis_policy_unknown", needed=SAFE_POLICY)
        self._policy = policy

    async def _run(self, script: str, key: str, arguments: list[Any], payer: str = "") -> Any:
        keys = [PREFIX + key, PAYER_PREFIX + payer, STREAM, OPEN]
        return await self._run_on(keys, script, arguments)

    async def _run_on(self, keys: list[str], script: str, arguments: list[Any]) -> Any:
        with self._reaching():
            async with asyncio.timeout(self._longest_seconds):
                return await self._scripts.run(script, keys, arguments)

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Note whether Redis can be reached, and raise ``ClaimsUnavailable`` if it cannot."""
        try:
            yield
        except (RedisError, OSError) as error:  # a time-out is an ``OSError``, too
            self._is_away = True
            raise ClaimsUnavailable(retry_after=2) from error
        self._is_away = False


def _settled_arguments(key: str, held: _Held, receipt: Receipt) -> list[Any]:
    settlement = b""
    if held.payment is not None:
        settlement = msgspec.json.encode(held.payment.settled(key, receipt))
    asked = "" if held.asked_at is None else held.asked_at
    encoded = msgspec.json.encode(receipt)
    return [encoded, held.request_hash, held.expires_at, settlement, key, asked]


def _open_claim(key: str, fields: Sequence[bytes]) -> OpenClaim:
    request_hash, payment, sent, claimed_at, expires_at = fields
    return OpenClaim(
        key,
        request_hash,
        msgspec.json.decode(payment, type=ClaimedPayment),
        _transaction(sent),
        float(claimed_at),
        float(expires_at),
    )


def _claim(state: bytes, rest: Sequence[bytes]) -> Claim:
    """The claim that is not the caller's. Raises ``PaymentAlreadyUsed``."""
    if state == b"used":
        raise PaymentAlreadyUsed
    if state == b"settled":
        receipt, answer, asked = rest
        decoded = msgspec.json.decode(receipt, type=Receipt)
        return Claim(receipt=decoded, answer=answer, asked_at=int(asked or 0))
    if state == b"sent":
        sent, asked = rest
        return Claim(sent=True, transaction=_transaction(sent), asked_at=int(asked or 0))
    return BUSY


def _transaction(sent: bytes) -> str:
    """The transaction in what stands for "may have been sent"; that may be without one."""
    return sent.decode() if sent.startswith(b"0x") else ""
