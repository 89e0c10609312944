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

from typing import Any, Protocol

from msgspec import Struct
from x402.http.utils import decode_payment_response_header

MARGIN_SECONDS = 600
"""How long a receipt outlives its authorization, for clients that retry late."""
MAX_LIFE_SECONDS = 24 * 3600
PAYER_SECONDS = 24 * 3600
"""How long a payer is remembered after a settlement."""


class Receipt(Struct, frozen=True, gc=False):
    """The receipt of one settlement.

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
        """The x402 ``SettleResponse`` that ``header`` encodes, as JSON."""
        settled = decode_payment_response_header(self.header)
        return settled.model_dump(by_alias=True, exclude_none=True)


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
        self, key: str, request_hash: bytes, expires_at: float, asked_at: int = 0
    ) -> Claim:
        """Claim ``key`` for a request. Raises ``PaymentAlreadyUsed`` or ``TooManyClaims``.

        ``asked_at`` is kept with a claim that is now the caller's, whose answer it is that may be
        sent: nobody was sent an earlier one.
        """
        ...

    async def mark_settled(
        self, key: str, holder: str, receipt: Receipt, answer: bytes | None = None
    ) -> None:
        """Record that the money moved, its receipt, and the answer that was bought.

        The first receipt stays, whoever brings another. An answer may be forgotten sooner.
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

    async def receipts(self) -> list[Receipt]:
        """Return every receipt that is remembered, oldest first."""
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
