"""Payment claims in the memory of one process: lost with it, and shared with no other."""

import math
import secrets
from collections.abc import Callable, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from app.errors import PaymentAlreadyUsed, TooManyClaims
from app.payments.claims.claim import BUSY, PAYER_SECONDS, Claim
from app.payments.claims.claimed_payment import (
    ClaimedPayment,
    DueClaims,
    OpenClaim,
    StreamedSettlement,
)
from app.payments.claims.receipt import Receipt

FORGOTTEN_AT_ONCE = 16
"""How many expired claims one new claim forgets: more than one, so that their number falls."""
BUCKET_SECONDS = 60.0


class _Entry(Struct, frozen=True, gc=False):
    request_hash: bytes
    expires_at: float
    holder: str
    claimed_at: float = 0.0
    asked_at: int = 0
    sent: bool = False
    transaction: str = ""
    receipt: Receipt | None = None
    payment: ClaimedPayment | None = None

    @property
    def is_settling(self) -> bool:
        return bool(self.holder) and self.receipt is None


class MemoryClaims:
    """Claims of one process. Never forgets a live claim: when full it refuses new ones.

    The answers kept with them take at most ``max_answer_bytes``; the oldest are dropped first.
    So are settlements that no database takes, beyond ``max_streamed``.
    """

    problem = None
    partial_problem = None
    misconfiguration = None

    def __init__(
        self,
        clock: Callable[[], float],
        max_claims: int = 100_000,
        max_answer_bytes: int = 32 * 1024 * 1024,
        max_streamed: int = 10_000,
    ) -> None:
        self._clock = clock
        self._max_claims = max_claims
        self._entries: dict[str, _Entry] = {}
        self._due: dict[float, dict[str, None]] = {}
        """The keys of all claims, by the minute in which they expire; 1,441 minutes at most."""
        self._answers: dict[str, bytes] = {}
        self._answer_bytes_left = max_answer_bytes
        self._paid_at: dict[str, float] = {}
        """When each payer paid last; who paid last stands last. As many as there may be claims."""
        self._streamed: dict[str, StreamedSettlement] = {}
        self._settled = 0
        self._max_streamed = max_streamed
        self._look_at: dict[str, float] = {}
        """When each claim with an unknown outcome is due."""

    def __len__(self) -> int:
        return len(self._entries)

    async def find(self, key: str, request_hash: bytes, payer: str = "") -> Claim | None:  # noqa: ARG002 - every payer is at hand
        entry = self._live(key)
        if entry is None:
            return None
        if entry.request_hash != request_hash:
            raise PaymentAlreadyUsed
        if entry.is_settling:
            return BUSY
        return Claim(
            sent=entry.sent,
            transaction=entry.transaction,
            receipt=entry.receipt,
            answer=self._answers.get(key),
            asked_at=entry.asked_at,
        )

    def has_paid(self, payer: str) -> bool:
        return self._clock() - self._paid_at.get(payer, -math.inf) < PAYER_SECONDS

    async def claim(
        self,
        key: str,
        request_hash: bytes,
        expires_at: float,
        payment: ClaimedPayment | None = None,
        asked_at: int = 0,
    ) -> Claim:
        found = await self.find(key, request_hash)
        if found is not None and (found == BUSY or found.receipt is not None):
            return found
        if found is None:
            self._make_room()
            self._put(key, _Entry(request_hash, expires_at, "", self._clock()))
        entry = replace(
            self._entries[key], holder=secrets.token_hex(8), payment=payment, asked_at=asked_at
        )
        self._entries[key] = entry
        return Claim(
            entry.holder,
            entry.sent,
            entry.transaction,
            claimed_at=entry.claimed_at,
            asked_at=asked_at,
        )

    async def mark_settled(
        self, key: str, holder: str, receipt: Receipt, answer: bytes | None = None
    ) -> None:
        if self._is_held(key, holder):
            self._settle(key, receipt)
            if answer is not None:
                self._keep(key, answer)

    async def mark_unknown(self, key: str, holder: str, transaction: str = "") -> None:
        if self._is_held(key, holder):
            entry = self._entries[key]
            self._entries[key] = replace(entry, holder="", sent=True, transaction=transaction)
            if entry.payment is not None:
                self._look_at[key] = self._clock()

    async def release(self, key: str, holder: str) -> None:
        if self._is_held(key, holder):
            self._look_at.pop(key, None)
            self._forget(key)

    async def store_again(self) -> None:
        """Memory records at once."""

    async def settlements(self, after: str = "", count: int = 1000) -> Sequence[StreamedSettlement]:
        later = (each for each in self._streamed.values() if int(each.id) > int(after or 0))
        return list(islice(later, count))

    async def oldest_settlements(self, count: int) -> Sequence[StreamedSettlement]:
        return await self.settlements(count=count)

    async def forget_settlements(self, ids: Sequence[str]) -> None:
        for each in ids:
            self._streamed.pop(each, None)

    async def due_claims(self, count: int) -> DueClaims:
        now = self._clock()
        due = list(islice((key for key, at in self._look_at.items() if at <= now), count))
        claims = DueClaims([], [])
        for key in due:
            entry = self._live(key)
            if entry is None:
                del self._look_at[key]
                claims.expired.append(key)
            elif entry.payment is not None and not entry.is_settling:
                claims.open.append(
                    OpenClaim(
                        key,
                        entry.request_hash,
                        entry.payment,
                        entry.transaction,
                        entry.claimed_at,
                        entry.expires_at,
                    )
                )
        return claims

    async def look_again(self, claim: OpenClaim, seconds: float) -> None:
        if claim.key in self._look_at:
            self._look_at[claim.key] = self._clock() + seconds

    async def give_up(self, claim: OpenClaim) -> None:
        self._look_at.pop(claim.key, None)

    async def mark_found(self, claim: OpenClaim, receipt: Receipt) -> bool:
        entry = self._entries.get(claim.key)
        if entry is None or entry.receipt is not None:
            return False
        self._settle(claim.key, receipt)
        return True

    async def lead(self, role: str, seconds: float) -> bool:  # noqa: ARG002 - there is one process
        return True

    async def refresh(self) -> None:
        """Memory is always there."""

    async def aclose(self) -> None:
        """Nothing to close."""

    def _settle(self, key: str, receipt: Receipt) -> None:
        payment = self._entries[key].payment
        self._entries[key] = replace(self._entries[key], receipt=receipt, payment=None)
        self._remember_payer(receipt.payer.lower())
        self._look_at.pop(key, None)
        if payment is not None:
            self._settled += 1
            name = str(self._settled)
            self._streamed[name] = StreamedSettlement(name, payment.settled(key, receipt))
            if len(self._streamed) > self._max_streamed:
                del self._streamed[next(iter(self._streamed))]

    def _remember_payer(self, payer: str) -> None:
        self._paid_at.pop(payer, None)
        self._paid_at[payer] = self._clock()
        if len(self._paid_at) > self._max_claims:
            del self._paid_at[next(iter(self._paid_at))]

    def _is_held(self, key: str, holder: str) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.is_settling and entry.holder == holder

    def _live(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.expires_at < self._clock() and not entry.is_settling:
            self._forget(key)
            return None
        return entry

    def _make_room(self) -> None:
        """Forget a few claims that have expired, so that no caller waits for many to be forgotten.

        Raises ``TooManyClaims`` if that is not enough.
        """
        now = self._clock()
        for _ in range(FORGOTTEN_AT_ONCE):
            oldest = min(self._due, default=math.inf)
            if oldest >= now // BUCKET_SECONDS:
                break
            key = next(iter(self._due[oldest]))
            if self._live(key) is not None:  # it is being settled: look again in a minute
                entry = self._entries[key]
                self._forget(key)
                self._put(key, replace(entry, expires_at=now))
        if len(self._entries) >= self._max_claims:
            raise TooManyClaims(retry_after=30)

    def _put(self, key: str, entry: _Entry) -> None:
        self._entries[key] = entry
        self._due.setdefault(entry.expires_at // BUCKET_SECONDS, {})[key] = None

    def _forget(self, key: str) -> None:
        minute = self._entries.pop(key).expires_at // BUCKET_SECONDS
        del self._due[minute][key]
        if not self._due[minute]:
            del self._due[minute]
        self._drop_answer(key)

    def _keep(self, key: str, answer: bytes) -> None:
        self._answers[key] = answer
        self._answer_bytes_left -= len(answer)
        while self._answer_bytes_left < 0:
            self._drop_answer(next(iter(self._answers)))

    def _drop_answer(self, key: str) -> None:
        self._answer_bytes_left += len(self._answers.pop(key, b""))
