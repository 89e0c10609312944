"""A payment claim, its receipt, and what every store of claims promises: a payment is charged once.

Strategy: before a settlement is sent, its payment is claimed under (network, asset, payer, nonce)
together with the hash of the request it buys. A claim moves only forward::

    (nothing) ──claim──▶ SETTLING ──settled──▶ SETTLED
        ▲                 │    ▲
        └────release──────┘    └──claim── UNKNOWN ◀──unknown── SETTLING

Invariants: one key buys one request; only the holder of a claim may settle, release or mark it; a
receipt is never taken back; a claim that may have moved money is never forgotten while its
authorization could still be settled.
After that the nonce on chain refuses a replay. ``redis`` keeps the same promises for several
processes and across a crash.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from app.payments.claims.claimed_payment import (
    ClaimedPayment,
    DueClaims,
    OpenClaim,
    StreamedSettlement,
)
from app.payments.claims.receipt import Receipt

MARGIN_SECONDS = 600
"""How long a receipt outlives its authorization, for clients that retry late."""
MAX_LIFE_SECONDS = 24 * 3600
PAYER_SECONDS = 24 * 3600
"""How long a payer is remembered after a settlement."""


class Claim(Struct, frozen=True):
    """The state of a claim: held by the caller, settled already, or busy elsewhere.

    ``holder`` is the caller's token if the claim is now the caller's, else empty; ``sent`` says
    that an earlier settlement of ours may have moved the money, and ``transaction`` is the one that
    the facilitator then named, if it did. ``answer`` is what was kept with the receipt, ``None`` if
    that was too large. ``claimed_at`` is when a claim that is the caller's was first made, in
    seconds since 1970, and ``asked_at`` the instant that its answer is about if that is about the
    present, in milliseconds; 0 if that is not known.
    """

    holder: str = ""
    sent: bool = False
    transaction: str = ""
    receipt: Receipt | None = None
    answer: bytes | None = None
    claimed_at: float = 0.0
    asked_at: int = 0


BUSY = Claim()


class PaymentClaims(Protocol):
    """A store of claims. Every method is atomic and may raise ``ClaimsUnavailable``.

    Instants are seconds since 1970.
    """

    @property
    def problem(self) -> str | None:
        """Why nothing can be claimed at the moment; ``None`` when all is well."""
        ...

    @property
    def partial_problem(self) -> str | None:
        """Why some payments cannot be claimed at the moment; ``None`` when all is well."""
        ...

    @property
    def misconfiguration(self) -> str | None:
        """Why the store may forget what it was given; ``None`` when it does not."""
        ...

    async def find(self, key: str, request_hash: bytes, payer: str = "") -> Claim | None:
        """Return the claim of ``key`` for a request; ``None`` if there is none.

        Looks for ``payer`` on the way, for ``has_paid``. Changes nothing, and makes no caller a
        holder. Raises ``PaymentAlreadyUsed``.
        """
        ...

    def has_paid(self, payer: str) -> bool:
        """Whether a payment of ``payer`` was settled in the last day, as of the last ``find``."""
        ...

    async def claim(
        self,
        key: str,
        request_hash: bytes,
        expires_at: float,
        payment: ClaimedPayment | None = None,
        asked_at: int = 0,
    ) -> Claim:
        """Claim ``key`` for a request. Raises ``PaymentAlreadyUsed`` or ``TooManyClaims``.

        ``payment`` is kept with it until its outcome is known, and becomes a settlement in the
        stream when it is settled. A claim without one stands for no money. ``asked_at`` is kept
        with a claim that is now the caller's, whose answer it is that may be sent: nobody was sent
        an earlier one.
        """
        ...

    async def mark_settled(
        self, key: str, holder: str, receipt: Receipt, answer: bytes | None = None
    ) -> None:
        """Record that the money moved, its receipt, and the answer that was bought.

        In the same step the settlement enters the stream. The first receipt stays, whoever brings
        another. An answer may be forgotten sooner.
        """
        ...

    async def mark_unknown(self, key: str, holder: str, transaction: str = "") -> None:
        """Record that the money may have moved, in ``transaction`` if that is known.

        The next claim may settle again.
        """
        ...

    async def release(self, key: str, holder: str) -> None:
        """Forget the claim, because the money did not move."""
        ...

    async def store_again(self) -> None:
        """Record the settlements that ``mark_settled`` of this process could not record."""
        ...

    async def settlements(self, after: str = "", count: int = 1000) -> Sequence[StreamedSettlement]:
        """Return settlements of the stream, oldest first, from the one that follows ``after`` on.

        The stream holds what is not in the database yet, a bounded number of them. Where there are
        several streams, one is returned after the other.
        """
        ...

    async def oldest_settlements(self, count: int) -> Sequence[StreamedSettlement]:
        """Return the oldest settlements of every stream that can be read: about ``count``.

        There is at least one of each stream that is not empty.
        """
        ...

    async def forget_settlements(self, ids: Sequence[str]) -> None:
        """Take settlements off their streams, because the database has them."""
        ...

    async def due_claims(self, count: int) -> DueClaims:
        """Return some of the claims whose outcome nobody knows and that are due to be looked up.

        Changes nothing: whoever sends the payment again may still claim it.
        """
        ...

    async def look_again(self, claim: OpenClaim, seconds: float) -> None:
        """Make ``claim`` due again after ``seconds``."""
        ...

    async def give_up(self, claim: OpenClaim) -> None:
        """Make ``claim`` due no more, because its money did not move. The claim itself stays."""
        ...

    async def mark_found(self, claim: OpenClaim, receipt: Receipt) -> bool:
        """Record, as ``mark_settled``, that the money of ``claim`` turned out to have moved.

        Return whether nobody had recorded a receipt before.
        """
        ...

    async def lead(self, role: str, seconds: float) -> bool:
        """Take a role for some seconds, or keep it; ``False`` if another process has it.

        It saves work and decides nothing: where two processes lead, the outcome is the same.
        """
        ...

    async def refresh(self) -> None:
        """Look again whether there is a ``problem``."""
        ...

    async def aclose(self) -> None:
        """Close the connection to the store, if there is one."""
        ...


def expiry_of(valid_before: float, now: float) -> float:
    """Return the instant after which a claim may be forgotten, in seconds since 1970.

    It is ``valid_before`` and a margin, at most 24 hours from ``now``.
    """
    return min(valid_before + MARGIN_SECONDS, now + MAX_LIFE_SECONDS)
