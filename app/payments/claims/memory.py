"""Payment claims in the memory of one process: lost with it, and shared with no other."""

import secrets
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from app.errors import PaymentAlreadyUsed, TooManyClaims
from app.payments.claims.claim import Claim, Receipt


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

    async def mark_settled(self, key: str, receipt: Receipt) -> None:
        self._entries[key] = replace(self._entries[key], receipt=receipt)

    async def mark_unknown(self, key: str, holder: str) -> None:
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
