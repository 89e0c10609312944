"""What was claimed and what was paid: the memory that makes charging exactly-once.

Strategy: before a settlement is sent its payment is claimed under (network, asset, payer, nonce)
together with the hash of the request it buys. A claim moves only forward::

    (nothing) ──claim──▶ SETTLING ──settled──▶ SETTLED
        ▲                  │   ▲
        └─────release──────┘   └─claim── UNKNOWN ◀──unknown── SETTLING

Invariants: one key buys one request; only the caller that was told ``MINE`` may settle; a claim
that may have moved money is never forgotten while its authorization could still be settled. After
that the nonce on chain refuses a replay.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from x402.schemas import SettleResponse

from app.errors import PaymentAlreadyUsed, TooManyClaims

MARGIN_SECONDS = 600
"""How long a receipt outlives its authorization, for clients that retry late."""
MAX_LIFE_SECONDS = 24 * 3600


class State(Enum):
    MINE = "mine"
    """The caller holds the claim now and must settle, release or mark it."""
    BUSY = "busy"
    """Somebody else is settling it."""
    SETTLED = "settled"


@dataclass(frozen=True)
class Claim:
    """The answer to a claim. ``sent``: an earlier settlement of ours may have moved the money."""

    state: State
    sent: bool = False
    settlement: SettleResponse | None = None


class Claims(Protocol):
    """A claim store. Every method is atomic; instants are seconds since 1970."""

    async def claim(self, key: str, request_hash: bytes, expires_at: float) -> Claim:
        """Claim ``key`` for a request. Raises ``PaymentAlreadyUsed`` or ``TooManyClaims``."""
        ...

    async def settled(self, key: str, settlement: SettleResponse) -> None:
        """The money moved."""
        ...

    async def unknown(self, key: str) -> None:
        """The money may have moved; the next claim may settle again."""
        ...

    async def release(self, key: str) -> None:
        """The money did not move."""
        ...


def expiry_of(valid_before: int, now: float) -> float:
    """When a claim may be forgotten: ``valid_before`` and a margin, at most 24 hours away."""
    return min(valid_before + MARGIN_SECONDS, now + MAX_LIFE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Entry:
    request_hash: bytes
    expires_at: float
    state: State
    sent: bool = False
    settlement: SettleResponse | None = None


class MemoryClaims:
    """Claims of one process. Never forgets a live claim: when full it refuses new ones."""

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
            self._entries[key] = _Entry(request_hash, expires_at, State.BUSY)
            return Claim(State.MINE)
        if entry.request_hash != request_hash:
            raise PaymentAlreadyUsed
        if entry.state is State.MINE:  # left behind by ``unknown``: up for taking again
            self._entries[key] = replace(entry, state=State.BUSY)
        return Claim(entry.state, entry.sent, entry.settlement)

    async def settled(self, key: str, settlement: SettleResponse) -> None:
        entry = self._entries[key]
        self._entries[key] = replace(entry, state=State.SETTLED, settlement=settlement)

    async def unknown(self, key: str) -> None:
        self._entries[key] = replace(self._entries[key], state=State.MINE, sent=True)

    async def release(self, key: str) -> None:
        del self._entries[key]

    def _live(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.expires_at < self._clock() and entry.state is not State.BUSY:
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
