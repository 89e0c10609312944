"""What was claimed and what was paid: the memory that makes charging exactly-once.

Strategy: before a settlement is sent, its payment is claimed under (network, asset, payer, nonce)
together with the hash of the request it buys. A claim moves only forward::

    (nothing) ──claim──▶ SETTLING ──settled──▶ SETTLED
        ▲                 │    ▲
        └────release──────┘    └──claim── UNKNOWN ◀──unknown── SETTLING

Invariants: one key buys one request; only the holder of a claim may settle, release or mark it; a
claim that may have moved money is never forgotten while its authorization could still be settled.
After that the nonce on chain refuses a replay. ``redis_claims`` keeps the same promises for several
processes and across a crash.
"""

import secrets
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace
from x402.http.utils import decode_payment_response_header

from app.errors import PaymentAlreadyUsed, TooManyClaims

MARGIN_SECONDS = 600
"""How long a receipt outlives its authorization, for clients that retry late."""
MAX_LIFE_SECONDS = 24 * 3600


class Receipt(Struct, frozen=True, gc=False):
    """One settlement: a line of the money ledger.

    ``amount`` is in atomic units, ``settled_at`` in seconds since 1970, ``header`` the
    ``PAYMENT-RESPONSE`` value exactly as it was sent.
    """

    payer: str
    amount: str
    network: str
    transaction: str
    request_id: str
    settled_at: float
    header: str

    @property
    def settlement(self) -> dict[str, Any]:
        """What ``header`` says, as JSON: the x402 ``SettleResponse``."""
        settled = decode_payment_response_header(self.header)
        return settled.model_dump(by_alias=True, exclude_none=True)


class Claim(Struct, frozen=True):
    """The answer to a claim: held by the caller, settled already, or busy elsewhere.

    ``holder`` is the caller's token if the claim is now the caller's, else empty; ``sent`` says
    that an earlier settlement of ours may have moved the money.
    """

    holder: str = ""
    sent: bool = False
    receipt: Receipt | None = None


BUSY = Claim()


class Claims(Protocol):
    """A claim store. Every method is atomic and may raise ``ClaimsUnavailable``.

    Instants are seconds since 1970.
    """

    @property
    def problem(self) -> str | None:
        """Why nothing can be claimed at the moment; ``None`` when all is well."""
        ...

    async def claim(self, key: str, request_hash: bytes, expires_at: float) -> Claim:
        """Claim ``key`` for a request. Raises ``PaymentAlreadyUsed`` or ``TooManyClaims``."""
        ...

    async def settled(self, key: str, receipt: Receipt) -> None:
        """The money moved."""
        ...

    async def unknown(self, key: str, holder: str) -> None:
        """The money may have moved; the next claim may settle again."""
        ...

    async def release(self, key: str, holder: str) -> None:
        """The money did not move."""
        ...

    async def receipts(self) -> list[Receipt]:
        """Every receipt that is remembered, oldest first."""
        ...

    async def refresh(self) -> None:
        """Find out whether there is a ``problem``."""
        ...

    async def aclose(self) -> None: ...


def expiry_of(valid_before: int, now: float) -> float:
    """When a claim may be forgotten: ``valid_before`` and a margin, at most 24 hours away."""
    return min(valid_before + MARGIN_SECONDS, now + MAX_LIFE_SECONDS)


class _Entry(Struct, frozen=True, gc=False):
    request_hash: bytes
    expires_at: float
    holder: str
    sent: bool = False
    receipt: Receipt | None = None

    @property
    def is_settling(self) -> bool:
        return bool(self.holder) and self.receipt is None


class MemoryClaims:
    """Claims of one process. Never forgets a live claim: when full it refuses new ones."""

    problem = None

    def __init__(self, clock: Callable[[], float], max_claims: int = 100_000) -> None:
        self._clock = clock
        self._max_claims = max_claims
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    async def claim(self, key: str, request_hash: bytes, expires_at: float) -> Claim:
        entry = self._live(key)
        if entry is None:
            self._make_room()
            entry = _Entry(request_hash, expires_at, "")
        if entry.request_hash != request_hash:
            raise PaymentAlreadyUsed
        if entry.receipt is not None or entry.is_settling:
            return Claim(receipt=entry.receipt)
        holder = secrets.token_hex(8)
        self._entries[key] = replace(entry, holder=holder)
        return Claim(holder, entry.sent)

    async def settled(self, key: str, receipt: Receipt) -> None:
        self._entries[key] = replace(self._entries[key], receipt=receipt)

    async def unknown(self, key: str, holder: str) -> None:
        if self._is_held(key, holder):
            self._entries[key] = replace(self._entries[key], holder="", sent=True)

    async def release(self, key: str, holder: str) -> None:
        if self._is_held(key, holder):
            del self._entries[key]

    async def receipts(self) -> list[Receipt]:
        known = [entry.receipt for entry in self._entries.values() if entry.receipt is not None]
        return sorted(known, key=lambda receipt: receipt.settled_at)

    async def refresh(self) -> None:
        """Memory is always there."""

    async def aclose(self) -> None:
        """Nothing to close."""

    def _is_held(self, key: str, holder: str) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.holder == holder

    def _live(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.expires_at < self._clock() and not entry.is_settling:
            del self._entries[key]
            return None
        return entry

    def _make_room(self) -> None:
        if len(self._entries) < self._max_claims:
            return
        for key in list(self._entries):
            self._live(key)
        if len(self._entries) >= self._max_claims:
            raise TooManyClaims(retry_after=30)
