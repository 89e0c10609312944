"""The settlement of payments, each exactly once: find, verify, then claim → settle → store.

Strategy: one settlement runs as its own task, so a caller who hangs up cannot stop it half way, and
copies of a payment that arrive meanwhile wait for the same outcome. A settlement whose outcome is
unknown (a time-out, a 5xx, a broken answer, a failure that ``reasons`` does not know as final) is
sent again unchanged until the deadline: the authorization's nonce makes that harmless on chain.

Once a settlement *may* have moved the money, no failure code alone is believed: a facilitator that
lost its answer will say "reverted", "used" or "expired" of a payment that did reach us. Then the
chain is asked where a node is configured. Without one, a nonce that is used by now counts as ours
only if the facilitator named a transaction; otherwise the outcome stays unknown.

Invariants: nothing is settled without a claim; a claim is released, and a payer told to sign again,
only when the money certainly did not move; a settlement counts as ours only if network, payer and
amount are those we asked for.
"""

import asyncio
import contextlib
import dataclasses
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog
from msgspec.structs import replace
from x402 import x402ResourceServer
from x402.mechanisms.evm.constants import (
    ERR_NONCE_ALREADY_USED,
)
from x402.schemas import SettleResponse

from app.errors import (
    ClaimsUnavailable,
    FacilitatorUnavailable,
    IdentifierAlreadyUsed,
    PaymentAlreadyUsed,
    PaymentRefused,
    Retryable,
    SettlementUnknown,
    TooManyClaims,
    WorkspacesUnavailable,
)
from app.payments.authorization import SETTLE_SECONDS, Payment, PaymentIdentity
from app.payments.chain import AuthorizationState, Chain
from app.payments.claims.claim import BUSY, Claim, PaymentClaims, expiry_of
from app.payments.claims.claimed_payment import ClaimedPayment, OpenClaim
from app.payments.claims.kept_answers import compressed, restored
from app.payments.claims.receipt import Receipt
from app.payments.facilitators.reasons import NO_FUNDS, UNDER_WAY, is_final

if TYPE_CHECKING:  # it needs solders, which is loaded only where a network of Solana's is set
    from app.payments.solana.chain import SolanaChain

    ChainNode = Chain | SolanaChain

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
POLL_SECONDS = 0.05
FIRST_LOOK_SECONDS = 10.0
LAST_LOOK_SECONDS = 120.0
"""How soon a claim with an unknown outcome is looked up again: seldom, once it is old."""
REASON = re.compile(r"\A[A-Za-z0-9_:.-]{1,80}\Z")

NOT_CHARGED = (
    PaymentRefused,
    FacilitatorUnavailable,
    PaymentAlreadyUsed,
    ClaimsUnavailable,
    TooManyClaims,
    WorkspacesUnavailable,
)
"""The failures after which the money certainly did not move."""


class Order(Protocol):
    """Something that is kept for the payer; its steps may be repeated."""

    async def prepare(self) -> None:
        """Write it down so that it opens nothing yet, before anything is sent for the payment.

        Raises one of ``NOT_CHARGED``.
        """
        ...

    async def cancel(self) -> None:
        """Take back what ``prepare`` has written, because the money did not move."""
        ...


OutcomeRecorder = Callable[[str, Payment, Receipt | BaseException], None]
"""Records an outcome: ``settled`` and the receipt, or ``refused`` or ``unknown`` and the error."""


@dataclass(frozen=True)
class Charge:
    """A receipt, and whether an earlier request already got it.

    Then ``answer`` is what that request got, ``None`` if it was not kept, and ``asked_at`` the
    instant in milliseconds that it was about; 0 if that is not known.
    """

    receipt: Receipt
    replayed: bool
    answer: bytes | None = field(default=None, compare=False)
    asked_at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class _Running:
    """A settlement under way in this process, and the request and the answer that it is for."""

    task: asyncio.Task[Receipt]
    bound: bytes
    answer: bytes | None


class SettlementService:
    """Settles payments through the SDK's resource server and stores them in ``claims``.

    A payment is settled within ``deadline_seconds``, or its outcome is unknown. ``chains`` has a
    node by the network's CAIP-2 name.
    """

    def __init__(
        self,
        server: x402ResourceServer,
        claims: PaymentClaims,
        *,
        clock: Callable[[], float],
        deadline_seconds: float,
        record_outcome: OutcomeRecorder,
        chains: Mapping[str, "ChainNode"] | None = None,
    ) -> None:
        self._server = server
        self._claims = claims
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._record_outcome = record_outcome
        self._chains = chains or {}
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[Receipt]] = set()

    async def find(self, identity: PaymentIdentity | None, request_hash: bytes) -> Claim | None:
        """Find what a payment has bought, whatever window, terms or schema say today.

        Asked before anything else, it needs only the payment's form and changes nothing. ``None``
        if nothing is known of the payment; else its receipt, with the answer if that was kept, or
        ``sent``: an earlier settlement may have moved the money. A settlement under way is waited
        for, and fails here as it fails there. Raises ``PaymentAlreadyUsed`` for another request or
        another signature, ``SettlementUnknown`` and ``ClaimsUnavailable``.
        """
        if identity is None:
            return None
        bound = identity.bound_to(request_hash)
        async with self._patience():
            while True:
                running = self._running_for(identity, bound)
                if running is not None:
                    return Claim(receipt=await asyncio.shield(running.task), answer=running.answer)
                claim = await self._claims.find(identity.key, bound, identity.payer)
                if claim != BUSY:
                    break
                await asyncio.sleep(POLL_SECONDS)  # another process is settling it
        if claim is None or claim.answer is None:
            return claim
        return replace(claim, answer=await restored(claim.answer))

    def has_paid(self, identity: PaymentIdentity) -> bool:
        """Whether the payer that ``identity`` names paid in the last day; asked after ``find``."""
        return self._claims.has_paid(identity.payer)

    def is_in_time(self, payment: Payment) -> bool:
        """Whether the validity window of ``payment`` is open."""
        try:
            payment.signed.require_valid_at(self._clock())
        except PaymentRefused:
            return False
        return True

    async def require_chargeable(
        self, payment: Payment, request_hash: bytes, known: Claim | None
    ) -> None:
        """Raise unless ``payment`` could be charged now; asked before an answer is computed.

        ``known`` is what ``find`` has found. Raises ``PaymentRefused`` outside of the validity
        window, unless an earlier settlement was sent in it, and ``IdentifierAlreadyUsed`` if its
        identifier belongs to another payment.
        """
        if known is None or not known.sent:
            payment.signed.require_valid_at(self._clock())
        if payment.identifier_key is not None:
            bound = payment.identity.bound_to(request_hash)
            with _named_identifier():
                await self._claims.find(payment.identifier_key, bound)

    async def verify(
        self, payment: Payment, request_hash: bytes, known: Claim | None = None
    ) -> Payment:
        """Ask the facilitator whether ``payment`` could be settled; return it as verified.

        Asked before heavy work, and for every signature that only the chain can check. Once a
        settlement may have been sent its "no" means nothing, because the nonce may have been used
        by us: by an earlier request, or by a copy of this one that came first. Raises
        ``PaymentRefused`` and ``FacilitatorUnavailable``.
        """
        if not payment.verified and not (known and known.sent):
            try:
                await self._require_valid(payment)
            except PaymentRefused:
                if await self.find(payment.identity, request_hash) is None:
                    raise
        return dataclasses.replace(payment, verified=True)

    async def charge(
        self,
        payment: Payment,
        request_hash: bytes,
        answer: bytes | None,
        product: str = "",
        asked_at: int = 0,
        order: Order | None = None,
    ) -> Charge:
        """Charge ``payment`` for one request, unless it was charged for it before.

        ``answer`` is what it buys, and is kept with the receipt unless it is ``None``; ``product``
        stands in the ledger, and ``asked_at`` is the instant, in milliseconds, that the answer is
        about if it is about the present. An ``order`` is prepared once the payment is claimed, and
        cancelled if it was not charged; who asked completes it. A payment that neither its
        wallet signed nor ``verify`` verified is verified first.

        Raises ``PaymentRefused``, ``FacilitatorUnavailable`` and ``ClaimsUnavailable`` (nothing was
        charged), ``SettlementUnknown`` (at most once), ``PaymentAlreadyUsed``, ``TooManyClaims``.
        """
        bound = payment.identity.bound_to(request_hash)
        claimed = ClaimedPayment.of(payment, product, _request_id())
        async with self._patience():
            while True:
                running = self._running_for(payment.identity, bound)
                if running is not None:
                    receipt = await asyncio.shield(running.task)
                    return Charge(receipt, replayed=True, answer=running.answer)
                expires_at = self._expiry_of(payment)
                claim = await self._claims.claim(
                    payment.identity.key, bound, expires_at, claimed, asked_at
                )
                if claim.receipt is not None:
                    kept = None if claim.answer is None else await restored(claim.answer)
                    return Charge(
                        claim.receipt, replayed=True, answer=kept, asked_at=claim.asked_at
                    )
                if claim.holder:
                    settling = self._start(payment, claim, bound, answer, order)
                    return Charge(await asyncio.shield(settling), replayed=False)
                await asyncio.sleep(POLL_SECONDS)  # another process is settling it

    async def look_up(self, claim: OpenClaim) -> str:
        """Find out what became of the payment of a claim that nobody settles, and record it.

        The chain is asked, or where no node is configured the facilitator's ``verify``; nothing is
        settled, and no claim is released. Return ``settled``, ``unpaid`` if the money certainly did
        not move to us, or ``unknown``: then the claim is looked up again later. Raises
        ``ClaimsUnavailable``.
        """
        payment = claim.payment.restored()
        known = Claim(sent=True, transaction=claim.transaction, claimed_at=claim.claimed_at)
        attempts = self._attempts(payment, known)
        now = self._clock()
        transaction = None
        try:
            if claim.key not in self._running:
                transaction = await attempts.look_up(now)
        except PaymentRefused:
            await self._claims.give_up(claim)
            return "unpaid"
        if transaction is None:
            pause = min(max(FIRST_LOOK_SECONDS, (now - claim.claimed_at) / 4), LAST_LOOK_SECONDS)
            await self._claims.look_again(claim, pause)
            return "unknown"
        receipt = self._receipt(payment, transaction, claim.payment.request_id)
        if await self._claims.mark_found(claim, receipt):
            log.info(
                "claim_settled",
                payer=receipt.payer,
                amount=receipt.amount,
                network=receipt.network,
                transaction=transaction,
                request_id=receipt.request_id,
            )
        return "settled"

    async def finish(self) -> None:
        """Wait for the settlements under way; for shutdown."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        """How long a copy waits for the outcome of its payment."""
        try:
            async with asyncio.timeout(2 * self._deadline_seconds):
                yield
        except TimeoutError:
            raise SettlementUnknown(retry_after=5) from None

    def _expiry_of(self, payment: Payment) -> float:
        now = self._clock()
        return expiry_of(payment.signed.valid_before(now), now)

    def _running_for(self, identity: PaymentIdentity, bound: bytes) -> "_Running | None":
        """The settlement of this payment for this request that is under way here.

        It is asked before the store: a lease that runs out too soon starts no second one. Raises
        ``PaymentAlreadyUsed`` if it is for another request.
        """
        running = self._running.get(identity.key)
        if running is not None and running.bound != bound:
            raise PaymentAlreadyUsed
        return running

    def _start(
        self,
        payment: Payment,
        claim: Claim,
        bound: bytes,
        answer: bytes | None,
        order: Order | None,
    ) -> asyncio.Task[Receipt]:
        task = asyncio.create_task(self._settle_claimed(payment, claim, bound, answer, order))
        self._running[payment.identity.key] = _Running(task, bound, answer)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # read here, so that a failure which no request awaits leaves no warning
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _settle_claimed(
        self,
        payment: Payment,
        claim: Claim,
        bound: bytes,
        answer: bytes | None,
        order: Order | None,
    ) -> Receipt:
        held = [(payment.identity.key, claim.holder)]
        prepared: Order | None = None
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        try:
            kept = None if answer is None else await compressed(answer)
            if not claim.sent:
                held += await self._prepare(payment, bound, deadline, verify=order is not None)
            if order is not None:
                await _prepare_order(order, claim)
                prepared = order
            receipt = await self._settle(payment, deadline, claim)
        except NOT_CHARGED as error:
            self._end(payment, "refused", error)
            await self._store(*(self._claims.release(*each) for each in held))
            if prepared is not None:
                await prepared.cancel()
            raise
        except BaseException as error:
            self._end(payment, "unknown", error)
            named = error.transaction if isinstance(error, SettlementUnknown) else ""
            await self._store(*(self._claims.mark_unknown(*each, named) for each in held))
            raise
        self._end(payment, "settled", receipt)
        paid, *identifiers = held
        await self._store(
            self._claims.mark_settled(*paid, receipt, kept),
            *(self._claims.mark_unknown(*each) for each in identifiers),
        )
        return receipt

    def _end(self, payment: Payment, outcome: str, end: Receipt | BaseException) -> None:
        """Record the outcome. Copies that arrive from now on ask the store, which comes next."""
        del self._running[payment.identity.key]
        self._record_outcome(outcome, payment, end)

    async def _store(self, *changes: Awaitable[None]) -> None:
        """Make changes in the store; if it is unavailable, the claims' leases end by themselves."""
        for failed in await asyncio.gather(*changes, return_exceptions=True):
            if isinstance(failed, ClaimsUnavailable):
                log.error("claim_not_stored", exc_info=failed)
            elif failed is not None:
                raise failed

    async def _prepare(
        self, payment: Payment, bound: bytes, deadline: float, *, verify: bool
    ) -> list[tuple[str, str]]:
        """Make sure that a claimed payment may be settled, before anything is sent for it.

        An identifier is bound to this payment and request only now, so that nobody binds one in
        another payer's name. ``verify`` asks the facilitator also about what the wallet signed, so
        that nothing is written down for one without money. Returns its claim, key and holder.
        """
        payment.signed.require_valid_at(self._clock())
        try:
            async with asyncio.timeout_at(deadline):
                if verify or not (payment.wallet_signed or payment.verified):
                    await self._require_valid(payment)
        except TimeoutError:
            raise FacilitatorUnavailable(retry_after=5) from None
        key = payment.identifier_key
        if key is None:
            return []
        with _named_identifier():
            claim = await self._claims.claim(key, bound, self._expiry_of(payment))
        return [(key, claim.holder)]

    async def _require_valid(self, payment: Payment) -> None:
        answer = await self._server.verify_payment(payment.payload, payment.requirements)
        if not answer.is_valid:
            raise PaymentRefused(_reason(answer.invalid_reason, "verification_failed"))

    async def _settle(self, payment: Payment, deadline: float, claim: Claim) -> Receipt:
        attempts = self._attempts(payment, claim)
        pause = FIRST_PAUSE_SECONDS
        try:
            async with asyncio.timeout_at(deadline):
                while (transaction := await attempts.settle(self._clock())) is None:
                    await _wait(attempts.retry_after, deadline)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except TimeoutError:
            raise SettlementUnknown(
                retry_after=max(5, attempts.retry_after), transaction=attempts.transaction
            ) from None
        return self._receipt(payment, transaction, _request_id())

    def _attempts(self, payment: Payment, claim: Claim) -> "_SettlementAttempts":
        chain = self._chains.get(payment.network)
        return _SettlementAttempts(self._server, chain, payment, claim)

    def _receipt(self, payment: Payment, transaction: str, request_id: str) -> Receipt:
        """The receipt, written anew: nothing else a facilitator writes reaches the payer."""
        payer, amount = payment.signed.payer, payment.signed.amount
        settled = {
            "success": True,
            "payer": payer,
            "transaction": transaction,
            "network": payment.requirements.network,
            "amount": amount,
        }
        return Receipt(
            payer=payer,
            amount=amount,
            network=payment.network,
            transaction=transaction,
            request_id=request_id,
            settled_at=self._clock(),
            header=b64encode(json.dumps(settled).encode()).decode(),
        )


async def _prepare_order(order: Order, claim: Claim) -> None:
    """Prepare an order. Raises one of ``NOT_CHARGED``, unless the money may have moved already."""
    try:
        await order.prepare()
    except NOT_CHARGED as error:
        if claim.sent:
            raise SettlementUnknown(retry_after=5, transaction=claim.transaction) from error
        raise


class _SettlementAttempts:
    """The attempts to settle one payment, the earlier ones that ``claim`` knows of included.

    ``transaction`` is the hash that the facilitator named as that of a settlement under way; empty
    if it named none. The hash in an answer that says "failed" is not one: that transaction may have
    been reverted because the nonce had been spent elsewhere. ``retry_after`` is for how many
    seconds the facilitator asked us to wait, if that is longer than we wait anyway, else 0.
    """

    def __init__(
        self, server: x402ResourceServer, chain: "ChainNode | None", payment: Payment, claim: Claim
    ) -> None:
        self._server = server
        self._chain = chain
        self._payment = payment
        self._sent = claim.sent
        self._claimed_at = claim.claimed_at
        self.transaction = claim.transaction
        self.retry_after = 0

    async def settle(self, now: float) -> str | None:
        """Try once, and return the transaction's hash, empty if it is not known.

        ``None`` means that the outcome is not known yet. Raises if the settlement failed.
        """
        try:
            answer = await self._server.settle_payment(
                self._payment.payload, self._payment.requirements
            )
        except SettlementUnknown as unknown:
            self._sent = True
            self.transaction = self._name_in(unknown.transaction) or self.transaction
            self._note_wait(unknown)
            return None
        except FacilitatorUnavailable as unavailable:
            if not self._sent:
                raise
            self._note_wait(unavailable)
            return None
        if answer.success and self._is_ours(answer) and not await self._failed(answer.transaction):
            return self._name_in(answer.transaction)
        if answer.success:
            self._sent = True
            return None
        return await self._failed_for(answer, now)

    async def _failed_for(self, answer: SettleResponse, now: float) -> str | None:
        """Find out what an answer that says "failed" means; as ``settle``."""
        reason = _reason(answer.error_reason, "settlement_failed")
        named = self._name_in(answer.transaction)
        if not self._sent and is_final(reason, named):
            raise PaymentRefused(reason)
        if not self._sent and reason not in UNDER_WAY:
            await self._require_funds()
        self._sent = True
        if reason in UNDER_WAY:
            self.transaction = named or self.transaction
        return await self._outcome(reason, now)

    async def look_up(self, now: float) -> str | None:
        """Find out what became of a settlement that was sent, and send nothing; as ``settle``."""
        return await self._outcome("settlement_failed", now)

    async def _outcome(self, reason: str, now: float) -> str | None:
        if self._chain is None:
            return await self._by_verifying()
        return await self._by_chain(self._chain, reason, now)

    def _note_wait(self, error: Retryable) -> None:
        asked = error.retry_after
        self.retry_after = asked if asked > LONGEST_PAUSE_SECONDS else 0

    def _is_ours(self, answer: SettleResponse) -> bool:
        signed = self._payment.signed
        return (
            answer.network == self._payment.requirements.network
            and signed.is_paid_by(answer.payer or signed.payer)
            and answer.amount in (None, signed.amount)
        )

    async def _by_chain(self, chain: "ChainNode", reason: str, now: float) -> str | None:
        """Ask the chain. An unused authorization counts as refused only once it has expired."""
        valid_before = self._payment.signed.valid_before(self._claimed_at)
        record = await chain.record_for(self._payment, valid_before)
        if record.state is AuthorizationState.PAID_US:
            return self._name_in(record.transaction)
        if record.state is AuthorizationState.SPENT_ELSEWHERE:
            raise PaymentRefused(ERR_NONCE_ALREADY_USED)
        if record.state is AuthorizationState.FAILED:
            raise PaymentRefused(reason)
        expired = now > valid_before + SETTLE_SECONDS
        if record.state is AuthorizationState.EXPIRED and expired:
            raise PaymentRefused(reason)
        return None

    async def _require_funds(self) -> None:
        """Raise ``PaymentRefused`` if the payer has not the money: then it did not move, either.

        Facilitators may say of such a payment only that it failed.
        """
        with contextlib.suppress(FacilitatorUnavailable):
            verified = await self._server.verify_payment(
                self._payment.payload, self._payment.requirements
            )
            if verified.invalid_reason == NO_FUNDS:
                raise PaymentRefused(NO_FUNDS)

    async def _failed(self, transaction: str) -> bool:
        """Whether the node shows that a transaction failed, which is called settled."""
        chain = self._chain
        return chain is not None and await chain.shows_failure(self._name_in(transaction))

    def _name_in(self, transaction: str) -> str:
        """A transaction's name as a facilitator gives it; empty for all else, even free text."""
        return transaction if self._payment.signed.is_named_by(transaction) else ""

    async def _by_verifying(self) -> str | None:
        """Simulate the transfer. A used nonce alone is not ours: its payer may have spent it.

        It is taken for ours where the facilitator named the transaction of a settlement under way.
        Where it named none only the chain could tell, and there is no node to ask.
        """
        if not self.transaction:
            return None
        try:
            verified = await self._server.verify_payment(
                self._payment.payload, self._payment.requirements
            )
        except FacilitatorUnavailable:
            return None
        return self.transaction if verified.invalid_reason == ERR_NONCE_ALREADY_USED else None


def _request_id() -> str:
    """The id of the request that is being served; empty if there is none."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


@contextlib.contextmanager
def _named_identifier() -> Iterator[None]:
    """Say of a claim that is another payment's that it is one of an identifier."""
    try:
        yield
    except PaymentAlreadyUsed:
        raise IdentifierAlreadyUsed from None


async def _wait(seconds: int, deadline: float) -> None:
    """Wait as long as the facilitator asked; raise ``TimeoutError`` if the deadline comes first."""
    if seconds and asyncio.get_running_loop().time() + seconds >= deadline:
        raise TimeoutError
    await asyncio.sleep(seconds)


def _reason(code: str | None, otherwise: str) -> str:
    """A facilitator's reason code; ``otherwise`` for free text, which is not passed on."""
    return code if code and REASON.match(code) else otherwise
