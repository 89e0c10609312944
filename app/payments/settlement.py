"""Taking the money, exactly once: claim → verify where needed → settle → remember.

Strategy: one settlement runs as its own task, so a caller who hangs up cannot stop it half way and
copies of a payment that arrive meanwhile wait for the same outcome. A settlement whose outcome is
unknown (a time-out, a 5xx, a broken answer, ``settlement_pending``) is sent again unchanged until
the deadline: the authorization's nonce makes that harmless on chain.

Invariants: nothing is settled without a claim; a claim is released only when the money certainly
did not move; a settlement counts as ours only if network and payer are those we asked for.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from x402 import x402ResourceServer
from x402.mechanisms.evm.constants import ERR_NONCE_ALREADY_USED, ERR_SETTLEMENT_PENDING
from x402.schemas import SettleResponse

from app.errors import FacilitatorUnavailable, PaymentRefused, SettlementUnknown
from app.payments.gate import Payment
from app.payments.receipts import Claim, Claims, State, expiry_of

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
REASON = re.compile(r"\A[A-Za-z0-9_:.-]{1,80}\Z")


@dataclass(frozen=True)
class Receipt:
    """A settlement, and whether an earlier request already had it."""

    settlement: SettleResponse
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
    ) -> None:
        self._server = server
        self._claims = claims
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._running: dict[str, asyncio.Task[SettleResponse]] = {}

    async def receipt_for(self, payment: Payment, request_hash: bytes) -> Receipt:
        """Charge ``payment`` for a request, or find that it was charged.

        Raises ``PaymentRefused`` and ``FacilitatorUnavailable`` (nothing was charged),
        ``SettlementUnknown`` (at most once), ``PaymentAlreadyUsed``, ``TooManyClaims``.
        """
        claim = await self._claim(payment, request_hash)
        if claim.settlement is not None:
            return Receipt(claim.settlement, replayed=True)
        replayed = claim.state is State.BUSY
        if not replayed:
            self._start(payment, sent=claim.sent)
        settlement = await asyncio.shield(self._running[payment.key])
        return Receipt(settlement, replayed)

    async def finish(self) -> None:
        """Wait for the settlements under way; for shutdown."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _claim(self, payment: Payment, request_hash: bytes) -> Claim:
        now = self._clock()
        expires_at = expiry_of(int(payment.authorization.valid_before), now)
        claim = await self._claims.claim(payment.key, request_hash, expires_at)
        if claim.state is State.MINE and not claim.sent:
            try:
                payment.require_valid_at(now)
            except PaymentRefused:
                await self._claims.release(payment.key)
                raise
        return claim

    def _start(self, payment: Payment, *, sent: bool) -> None:
        task = asyncio.create_task(self._settle_claimed(payment, sent=sent))
        self._running[payment.key] = task
        task.add_done_callback(lambda done: self._forget(payment.key, done))

    def _forget(self, key: str, done: asyncio.Task[SettleResponse]) -> None:
        if self._running.get(key) is done:
            del self._running[key]
        if not done.cancelled():
            done.exception()  # looked at, so that a caller who hung up leaves no warning

    async def _settle_claimed(self, payment: Payment, *, sent: bool) -> SettleResponse:
        try:
            settlement = await self._settle(payment, sent=sent)
        except (PaymentRefused, FacilitatorUnavailable) as error:
            await self._claims.release(payment.key)
            log.info("settlement_refused", payment=payment.key, reason=error.detail)
            raise
        except BaseException:
            await self._claims.unknown(payment.key)
            log.warning("settlement_unknown", payment=payment.key)
            raise
        await self._claims.settled(payment.key, settlement)
        log.info("settled", payment=payment.key, transaction=settlement.transaction)
        return settlement

    async def _settle(self, payment: Payment, *, sent: bool) -> SettleResponse:
        if not payment.wallet_signed and not sent:
            await self._verify(payment)
        attempts = _Attempts(payment, sent=sent)
        pause = FIRST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(self._deadline_seconds):
                while (settlement := await attempts.settle(self._server)) is None:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except TimeoutError:
            raise SettlementUnknown(retry_after=5) from None
        return settlement

    async def _verify(self, payment: Payment) -> None:
        verified = await self._server.verify_payment(payment.payload, payment.terms)
        if not verified.is_valid:
            raise PaymentRefused(_reason(verified.invalid_reason, "verification_failed"))


class _Attempts:
    """One payment's calls of ``settle``. ``sent`` once one of them may have moved the money."""

    def __init__(self, payment: Payment, *, sent: bool) -> None:
        self._payment = payment
        self._sent = sent
        self._transaction = ""

    async def settle(self, server: x402ResourceServer) -> SettleResponse | None:
        """The settlement, or ``None`` while its outcome is not known. Raises when it failed."""
        try:
            answer = await server.settle_payment(self._payment.payload, self._payment.terms)
        except SettlementUnknown:
            self._sent = True
            return None
        except FacilitatorUnavailable:
            if self._sent:
                return None
            raise
        return self._outcome(answer)

    def _outcome(self, answer: SettleResponse) -> SettleResponse | None:
        self._transaction = answer.transaction or self._transaction
        if answer.success and self._is_ours(answer):
            return answer
        if answer.success or answer.error_reason == ERR_SETTLEMENT_PENDING:
            self._sent = True
            return None
        if self._sent and answer.error_reason == ERR_NONCE_ALREADY_USED:
            return self._settled_earlier()
        raise PaymentRefused(_reason(answer.error_reason, "settlement_failed"))

    def _is_ours(self, answer: SettleResponse) -> bool:
        payer = self._payment.authorization.payer
        return (
            answer.network == self._payment.terms.network
            and (answer.payer or payer).lower() == payer.lower()
            and answer.amount in (None, self._payment.terms.amount)
        )

    def _settled_earlier(self) -> SettleResponse:
        """Our own earlier attempt used the nonce, and what was signed with it pays us."""
        return SettleResponse(
            success=True,
            payer=self._payment.authorization.payer,
            transaction=self._transaction,
            network=self._payment.terms.network,
            amount=self._payment.terms.amount,
        )


def _reason(code: str | None, otherwise: str) -> str:
    """A facilitator's reason code; free text of theirs is not passed on."""
    return code if code and REASON.match(code) else otherwise
