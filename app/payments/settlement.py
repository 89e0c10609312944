"""Taking the money, exactly once: claim → verify where needed → settle → remember.

Strategy: one settlement runs as its own task, so a caller who hangs up cannot stop it half way, and
copies of a payment that arrive meanwhile wait for the same outcome. A settlement whose outcome is
unknown (a time-out, a 5xx, a broken answer, ``settlement_pending``) is sent again unchanged until
the deadline: the authorization's nonce makes that harmless on chain.

Once a settlement *may* have moved the money, no failure code alone is believed: a facilitator that
lost its answer will say "reverted", "used" or "expired" of a payment that did reach us. Then the
chain is asked where a node is configured, and otherwise the facilitator's ``verify``, which
simulates the transfer and so tells a used nonce from an unused one.

Invariants: nothing is settled without a claim; a claim is released, and a payer told to sign again,
only when the money certainly did not move; a settlement counts as ours only if network, payer and
amount are those we asked for.
"""

import asyncio
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from x402 import x402ResourceServer
from x402.mechanisms.evm.constants import (
    ERR_NONCE_ALREADY_USED,
)
from x402.schemas import SettleResponse

from app.errors import (
    ClaimsUnavailable,
    FacilitatorUnavailable,
    PaymentRefused,
    SettlementUnknown,
)
from app.payments.authorization import SETTLE_SECONDS, Payment
from app.payments.chain import Chain, ChainUnavailable, Fate
from app.payments.claims.memory import Claim, Claims, Receipt, expiry_of

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
POLL_SECONDS = 0.05
TRANSACTION = re.compile(r"\A0x[0-9a-fA-F]{64}\Z")
REASON = re.compile(r"\A[A-Za-z0-9_:.-]{1,80}\Z")

Ledger = Callable[[str, Payment, Receipt | BaseException], None]
"""Told of every outcome: ``settled`` with its receipt, ``refused`` or ``unknown`` with why."""


@dataclass(frozen=True)
class Purchase:
    """A receipt, and whether an earlier request already had it."""

    receipt: Receipt
    replayed: bool


class Cashier:
    """Settles payments through the SDK's resource server and remembers them in ``claims``."""

    def __init__(
        self,
        server: x402ResourceServer,
        claims: Claims,
        *,
        clock: Callable[[], float],
        deadline_seconds: float,
        ledger: Ledger,
        chain: Chain | None = None,
    ) -> None:
        self._server = server
        self._claims = claims
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._ledger = ledger
        self._chain = chain
        self._running: dict[str, asyncio.Task[Receipt]] = {}
        self._tasks: set[asyncio.Task[Receipt]] = set()

    async def purchase(self, payment: Payment, request_hash: bytes) -> Purchase:
        """Charge ``payment`` for a request, or find that it was charged.

        Raises ``PaymentRefused``, ``FacilitatorUnavailable`` and ``ClaimsUnavailable`` (nothing was
        charged), ``SettlementUnknown`` (at most once), ``PaymentAlreadyUsed``, ``TooManyClaims``.
        """
        bound = hashlib.sha256(payment.fingerprint + request_hash).digest()
        try:
            async with asyncio.timeout(2 * self._deadline_seconds):
                while True:
                    claim = await self._claim(payment, bound)
                    if claim.receipt is not None:
                        return Purchase(claim.receipt, replayed=True)
                    if claim.holder:
                        settling = self._start(payment, claim)
                        return Purchase(await asyncio.shield(settling), replayed=False)
                    if payment.key in self._running:
                        settling = self._running[payment.key]
                        return Purchase(await asyncio.shield(settling), replayed=True)
                    await asyncio.sleep(POLL_SECONDS)  # another process is settling it
        except TimeoutError:
            raise SettlementUnknown(retry_after=5) from None

    async def finish(self) -> None:
        """Wait for the settlements under way; for shutdown."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _claim(self, payment: Payment, bound: bytes) -> Claim:
        """Claim the payment's nonce for exactly this signature and this request.

        Payer and nonce are public once they are on chain, so they alone must not open a receipt.
        """
        now = self._clock()
        expires_at = expiry_of(int(payment.authorization.valid_before), now)
        await self._bind_identifier(payment, bound, expires_at)
        claim = await self._claims.claim(payment.key, bound, expires_at)
        if claim.holder and not claim.sent:
            try:
                payment.require_valid_at(now)
            except PaymentRefused:
                await self._claims.release(payment.key, claim.holder)
                raise
        return claim

    async def _bind_identifier(self, payment: Payment, bound: bytes, expires_at: float) -> None:
        """Bind the payer's idempotency key to this payment of this request, for good."""
        key = payment.identifier_key
        if key is not None:
            claim = await self._claims.claim(key, bound, expires_at)
            await self._claims.unknown(key, claim.holder)  # no lease: it is bound, not settled

    def _start(self, payment: Payment, claim: Claim) -> asyncio.Task[Receipt]:
        task = asyncio.create_task(self._settle_claimed(payment, claim))
        self._running[payment.key] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # looked at, so that a failure nobody waits for leaves no warning
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _settle_claimed(self, payment: Payment, claim: Claim) -> Receipt:
        try:
            receipt = await self._settle(payment, sent=claim.sent)
        except (PaymentRefused, FacilitatorUnavailable) as error:
            self._closed(payment, "refused", error)
            await self._remembered(self._claims.release(payment.key, claim.holder))
            raise
        except BaseException as error:
            self._closed(payment, "unknown", error)
            await self._remembered(self._claims.unknown(payment.key, claim.holder))
            raise
        self._closed(payment, "settled", receipt)
        await self._remembered(self._claims.settled(payment.key, receipt))
        return receipt

    def _closed(self, payment: Payment, outcome: str, end: Receipt | BaseException) -> None:
        """Write the ledger. Copies that arrive from now on ask the store, which is told next."""
        del self._running[payment.key]
        self._ledger(outcome, payment, end)

    async def _remembered(self, telling: Awaitable[None]) -> None:
        """Tell the store; where it is gone, the lease of the claim ends by itself."""
        try:
            await telling
        except ClaimsUnavailable:
            log.exception("claim_not_stored")

    async def _settle(self, payment: Payment, *, sent: bool) -> Receipt:
        if not payment.wallet_signed and not sent:
            verified = await self._server.verify_payment(payment.payload, payment.terms)
            if not verified.is_valid:
                raise PaymentRefused(_reason(verified.invalid_reason, "verification_failed"))
        attempts = _Attempts(self._server, self._chain, payment, sent=sent)
        pause = FIRST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(self._deadline_seconds):
                while (transaction := await attempts.transaction(self._clock())) is None:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except TimeoutError:
            raise SettlementUnknown(retry_after=5) from None
        return self._receipt(payment, transaction)

    def _receipt(self, payment: Payment, transaction: str) -> Receipt:
        """The receipt, in our own words: nothing else a facilitator writes reaches the payer."""
        payer, amount = payment.authorization.payer, payment.authorization.value
        told = {
            "success": True,
            "payer": payer,
            "transaction": transaction,
            "network": payment.terms.network,
            "amount": amount,
        }
        return Receipt(
            payer=payer,
            amount=amount,
            network=payment.network,
            transaction=transaction,
            request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
            settled_at=self._clock(),
            header=b64encode(json.dumps(told).encode()).decode(),
        )


class _Attempts:
    """One payment's calls of ``settle``. ``sent`` once one of them may have moved the money."""

    def __init__(
        self, server: x402ResourceServer, chain: Chain | None, payment: Payment, *, sent: bool
    ) -> None:
        self._server = server
        self._chain = chain
        self._payment = payment
        self._sent = sent
        self._transaction = ""

    async def transaction(self, now: float) -> str | None:
        """What settled it, empty if nobody said; ``None`` while the outcome is not known.

        Raises when it failed.
        """
        try:
            answer = await self._server.settle_payment(self._payment.payload, self._payment.terms)
        except SettlementUnknown as unknown:
            self._sent = True
            self._transaction = unknown.transaction or self._transaction
            return None
        except FacilitatorUnavailable:
            if self._sent:
                return None
            raise
        self._transaction = answer.transaction or self._transaction
        if answer.success and self._is_ours(answer):
            return _hash_in(answer.transaction)
        if answer.success:
            self._sent = True
            return None
        reason = _reason(answer.error_reason, "settlement_failed")
        if not self._sent:
            raise PaymentRefused(reason)
        return await (self._by_chain(reason, now) if self._chain else self._by_verifying())

    def _is_ours(self, answer: SettleResponse) -> bool:
        payer = self._payment.authorization.payer
        return (
            answer.network == self._payment.terms.network
            and (answer.payer or payer).lower() == payer.lower()
            and answer.amount in (None, self._payment.authorization.value)
        )

    async def _by_chain(self, reason: str, now: float) -> str | None:
        """What the chain says. An unused authorization is a refusal only once it has expired."""
        assert self._chain is not None  # noqa: S101 - the caller's condition
        try:
            evidence = await self._chain.evidence_of(
                self._payment.authorization, self._payment.offered
            )
        except ChainUnavailable:
            return None
        if evidence.fate is Fate.PAID_US:
            return _hash_in(evidence.transaction)
        if evidence.fate is Fate.SPENT_ELSEWHERE:
            raise PaymentRefused(ERR_NONCE_ALREADY_USED)
        if now > int(self._payment.authorization.valid_before) + SETTLE_SECONDS:
            raise PaymentRefused(reason)
        return None

    async def _by_verifying(self) -> str | None:
        """What a simulated transfer says: used now means that ours went through."""
        try:
            verified = await self._server.verify_payment(self._payment.payload, self._payment.terms)
        except FacilitatorUnavailable:
            return None
        if verified.invalid_reason == ERR_NONCE_ALREADY_USED:
            return _hash_in(self._transaction)
        return None


def _hash_in(transaction: str) -> str:
    """A facilitator's transaction hash; anything else of theirs is not passed on."""
    return transaction if TRANSACTION.match(transaction) else ""


def _reason(code: str | None, otherwise: str) -> str:
    """A facilitator's reason code; free text of theirs is not passed on."""
    return code if code and REASON.match(code) else otherwise
