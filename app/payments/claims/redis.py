"""Claims in Redis: exactly-once across workers and hosts, and across a crash of any of them.

Strategy: each transition is one Lua script and therefore atomic. A claim that is being settled
carries a lease; when its holder dies, the lease runs out and the next claim of the same request
takes over, knowing that a settlement may have been sent. Redis forgets a claim by itself, when its
authorization can no longer be settled.

Beside each claim two more keys are written, in the same script: the stream of settlements, from
which they go into the database, and the claims whose outcome nobody knows, by when they are to be
looked up. Every script is handed all the keys that it touches; in a Redis Cluster they are of one
slot, and there are many streams (``redis_keys``).

Invariants: those of ``claim``. A claim is settled and its settlement in the stream, or neither.
Where Redis cannot be asked, nothing is claimed and so nothing is charged (``ClaimsUnavailable``).
Leases are measured on Redis's clock, which all workers share.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest
from typing import Any, NamedTuple, TypeVar

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

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
from app.payments.claims.redis_keys import SHARDS, ClaimKeys
from app.redis_scripts import RedisScripts
from app.redis_servers import close, memory_of, redis_at

log = structlog.get_logger()

T = TypeVar("T")

MAX_STREAMED = 150_000
"""How many settlements wait for a database, about, in 100 MB; the oldest go first."""
MAX_STREAMED_OF_SHARD = 5_000
"""The same of each shard of a cluster, in at most 850 MB of all its nodes."""
LEAD_PREFIX = "oncall:lead:"
MAX_UNSTORED = 10_000
"""How many settlements a process keeps for a Redis that is away."""
MAX_PAYERS = 10_000
"""How many payers a process remembers until it finds them again."""
TIMEOUT_SECONDS = 2.0
TRIES = 2
"""A pooled connection may be stale; twice is not chance."""
PARTLY_AWAY = "a part of the Redis Cluster cannot be reached: payers whose claims it has cannot pay"
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
_SETTLED = f"""
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
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', MOST, '*', 'settlement', ARGV[4])
end
redis.call('ZREM', KEYS[4], ARGV[5])
return 1
"""
SETTLED = _SETTLED.replace("MOST", str(MAX_STREAMED))
SETTLED_IN_SHARD = _SETTLED.replace("MOST", str(MAX_STREAMED_OF_SHARD))
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
local time = redis.call('TIME')
local now = tonumber(time[1])
if entry[3] and tonumber(entry[3]) > now then
  redis.call('ZADD', KEYS[4], 'XX', entry[3], ARGV[1])
  return {'closed'}
end
if entry[1] and entry[6] then
  -- it expires at a full second, the same at every look
  local expires = now + time[2] / 1e6 + redis.call('PTTL', KEYS[1]) / 1e3
  return {'open', entry[1], entry[6], entry[4] or '1', entry[5], math.floor(expires + 0.5)}
end
redis.call('ZREM', KEYS[4], ARGV[1])
return {entry[1] and 'closed' or 'expired'}
"""
STREAMED = """
return redis.call('XRANGE', KEYS[3], ARGV[1], '+', 'COUNT', ARGV[2])
"""
FORGET = """
return redis.call('XDEL', KEYS[3], unpack(ARGV))
"""
GIVE_UP = """
redis.call('ZREM', KEYS[4], ARGV[1])
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
        self._redis = redis_at(url, timeout_seconds=timeout_seconds, tries=TRIES)
        self._keys = ClaimKeys(1 if isinstance(self._redis, Redis) else SHARDS)
        self._settled = SETTLED if self._keys.shards == 1 else SETTLED_IN_SHARD
        self._scripts = RedisScripts(self._redis)
        self._held: dict[str, _Held] = {}
        """The claims that are held here, by their holders."""
        self._unstored: dict[str, _Unstored] = {}
        """The settlements that Redis could not be told of, by the claim's key."""
        self._leader = secrets.token_hex(8)
        self._payers: dict[str, None] = {}
        """The payers whom ``find`` found to have paid in the last day."""
        self._is_away = self._is_partly_away = False
        self._policy: object = SAFE_POLICY
        self._keeps_answers = True

    @property
    def problem(self) -> str | None:
        return "Redis cannot be reached" if self._is_away else self.misconfiguration

    @property
    def partial_problem(self) -> str | None:
        return PARTLY_AWAY if self._is_partly_away else None

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
            await self._run(self._settled, key, [*arguments, *kept], payer)
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
            await self._run(self._settled, key, arguments, payer)
            del self._unstored[key]

    async def settlements(self, after: str = "", count: int = 1000) -> Sequence[StreamedSettlement]:
        shard, entry = _place_of(after) if after else (0, "")
        while shard < self._keys.shards:
            found = await self._streamed(shard, f"({entry}" if entry else "-", count)
            if found:
                return found
            shard, entry = shard + 1, ""
        return []

    async def oldest_settlements(self, count: int) -> Sequence[StreamedSettlement]:
        if self._keys.shards == 1:
            return await self._streamed(0, "-", count)
        first = await self._of_shards(self._streamed(n, "-", 1) for n in range(self._keys.shards))
        shards = [_place_of(each.id)[0] for each in chain.from_iterable(first)]
        share = count // len(shards) if shards else 0
        if share <= 1:
            return list(chain.from_iterable(first))
        found = await self._of_shards(self._streamed(shard, "-", share) for shard in shards)
        return list(chain.from_iterable(found))

    async def forget_settlements(self, ids: Sequence[str]) -> None:
        of_shard: dict[int, list[str]] = {}
        for shard, entry in map(_place_of, ids):
            of_shard.setdefault(shard, []).append(entry)
        await asyncio.gather(
            *(self._run_on(self._keys.of_shard(n), FORGET, ids) for n, ids in of_shard.items())
        )

    async def due_claims(self, count: int) -> DueClaims:
        claims = DueClaims([], [])
        due = await self._of_shards(
            self._run_on(self._keys.of_shard(shard), DUE, [count])
            for shard in range(self._keys.shards)
        )
        each_in_turn = filter(None, chain.from_iterable(zip_longest(*due)))
        for name in islice(each_in_turn, count):
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
        await self._run(GIVE_UP, claim.key, [claim.key])

    async def mark_found(self, claim: OpenClaim, receipt: Receipt) -> bool:
        held = _Held(claim.request_hash, int(claim.expires_at), claim.payment)
        arguments = _settled_arguments(claim.key, held, receipt)
        return bool(await self._run(self._settled, claim.key, arguments, receipt.payer.lower()))

    async def lead(self, role: str, seconds: float) -> bool:
        arguments = [self._leader, int(seconds * 1000)]
        return bool(await self._run_on([LEAD_PREFIX + role], LEAD, arguments))

    async def refresh(self) -> None:
        try:
            told = await memory_of(self._redis)
        except (RedisError, OSError) as error:
            told = [error]
        known = [each for each in told if not isinstance(each, BaseException)]
        self._is_away = not known
        self._is_partly_away = 0 < len(known) < len(told)
        if known:
            self._note_memory(known)

    async def aclose(self) -> None:
        await self._scripts.aclose()
        await close(self._redis)

    def _note_memory(self, servers: Sequence[Mapping[str, Any]]) -> None:
        """Note how full Redis is, and what it does when it is full; a managed one may not tell.

        ``INFO`` says it where ``CONFIG`` is forbidden, as on most of those.
        """
        self._keeps_answers = not any(map(_is_half_full, servers))
        policies = [each.get("maxmemory_policy") for each in servers]
        if None in policies and self._policy is not None:
            log.warning("redis_policy_unknown", needed=SAFE_POLICY)
        self._policy = next((each for each in policies if each != SAFE_POLICY), SAFE_POLICY)

    async def _streamed(self, shard: int, first: str, count: int) -> Sequence[StreamedSettlement]:
        """Settlements of one stream, from the entry ``first`` on."""
        keys = self._keys.of_shard(shard)
        return [
            StreamedSettlement(
                f"{shard}/{name.decode()}", msgspec.json.decode(fields[1], type=Settlement)
            )
            for name, fields in await self._run_on(keys, STREAMED, [first, count])
        ]

    async def _of_shards(self, asked: Iterable[Awaitable[T]]) -> list[T]:
        """The answers of the shards that can be reached. Raises ``ClaimsUnavailable`` if none."""
        answers = await asyncio.gather(*asked, return_exceptions=True)
        failed = [each for each in answers if isinstance(each, BaseException)]
        for each in failed:
            if len(failed) == len(answers) or not isinstance(each, ClaimsUnavailable):
                raise each
        return [each for each in answers if not isinstance(each, BaseException)]

    async def _run(self, script: str, key: str, arguments: list[Any], payer: str = "") -> Any:
        return await self._run_on(self._keys.of(key, payer), script, arguments)

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
            if self._keys.shards == 1:
                self._is_away = True
            else:  # it says nothing of the other nodes, nor they of this one: see ``refresh``
                self._is_partly_away = True
            raise ClaimsUnavailable(retry_after=2) from error
        self._is_away = False


def _settled_arguments(key: str, held: _Held, receipt: Receipt) -> list[Any]:
    settlement = b""
    if held.payment is not None:
        settlement = msgspec.json.encode(held.payment.settled(key, receipt))
    asked = "" if held.asked_at is None else held.asked_at
    encoded = msgspec.json.encode(receipt)
    return [encoded, held.request_hash, held.expires_at, settlement, key, asked]


def _place_of(entry: str) -> tuple[int, str]:
    """The shard and the entry of its stream in a settlement's ``id``."""
    shard, _, name = entry.partition("/")
    return int(shard), name


def _is_half_full(memory: Mapping[str, Any]) -> bool:
    most = memory.get("maxmemory", 0)
    return bool(most) and memory.get("used_memory", 0) >= most / 2


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
