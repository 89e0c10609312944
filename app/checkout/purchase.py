"""The purchase of one answer, over HTTP or MCP, with its steps in the order of their cost.

    payment → what it has bought is answered
            → (limit) → form, amount, signature, window → validate → (verify) → compute → charge
    no payment → (limit) → validate → terms

Strategy: the answer is computed before the money moves and sent only once it has moved, so that
every failure comes before the charge. Work that could keep a processor busy is done in a worker
process, and only once the facilitator has verified the payment. What is too much to check without
one is checked then, still before any charge. A transport turns what it read into a
``PurchaseRequest``, counts it against its limit between ``find`` and ``outcome``, and writes the
outcome; failures are ``OncallError``.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from x402 import x402ResourceServer

from app.errors import (
    BodyTooLarge,
    FacilitatorUnavailable,
    FieldError,
    MalformedBody,
    OncallError,
    PaymentRefused,
)
from app.http.large_bodies import LARGE_BYTES
from app.http.rate_limits import Allowance, RateLimits
from app.http.validation import RequestModel
from app.payments.authorization import Payment, PaymentIdentity
from app.payments.claims.claim import Claim
from app.payments.facilitators.by_network import Facilitators
from app.payments.settlement import Charge, Order, SettlementService
from app.payments.terms import PaymentRequiredBody, PaymentTerms
from app.payments.verification import CarriedPayment, identity_of, payment_in
from app.products.endpoint import AFTER_SIGNING, Endpoint
from app.products.jobs import (
    Examined,
    answer_to,
    examine_document,
    read_document,
    timeless_document,
)
from app.workers.pool import WorkerPool

T = TypeVar("T")

KEPT_BODY_BYTES = 2 * 1024
KEPT_DOCUMENTS = 256
"""The number and the size in bytes of the documents kept, those read last: a few megabytes."""

EMPTY_OBJECT = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*\}[ \t\r\n]*")
"""A body that says nothing, with which marketplaces and validators ask for the terms."""

EXAMINING_SECONDS = 1.0
"""The processor time after which a document is no longer examined, which no document takes."""


@dataclass(frozen=True)
class PaymentContext:
    """Everything that is needed to take a payment for one endpoint.

    ``terms`` are those of the settings; ``current`` adds what only the facilitators know.
    """

    terms: PaymentTerms
    server: x402ResourceServer
    settlement: SettlementService
    facilitators: Facilitators
    _made: dict[str, tuple[object, PaymentTerms]] = field(default_factory=dict)
    """The terms last made for each purpose, and what they were made of."""

    @property
    def current(self) -> PaymentTerms:
        """The terms that a payment may be for, with the accounts that pay fees on Solana."""
        if not self.terms.solana_networks:
            return self.terms
        fee_payers = self.facilitators.fee_payers
        return self._remade("current", fee_payers, self.terms.with_fee_payers)

    @property
    def offered(self) -> PaymentTerms | None:
        """The current terms without the networks whose facilitator cannot settle at the moment.

        ``None`` if none is left. A payment may still be for any of ``current``.
        """
        current, broken = self.current, self.facilitators.problems.keys()
        if not broken:
            return current
        left = {each.network for each in current.accepts} - broken
        if not left:
            return None
        return self._remade("offered", (current, left), lambda _: current.without(broken))

    def _remade(self, purpose: str, parts: T, make: Callable[[T], PaymentTerms]) -> PaymentTerms:
        """The terms that ``make`` makes of ``parts``; those made last, if of the same parts."""
        made = self._made.get(purpose)
        if made is None or made[0] != parts:
            made = self._made[purpose] = (parts, make(parts))
        return made[1]

    def payment_in(self, carried: CarriedPayment) -> Payment:
        """The payment that a request carried. Raises ``InvalidPayment`` or ``PaymentRefused``."""
        version_1 = self.facilitators.version_1_networks
        return payment_in(self.current, carried, self.server, version_1=version_1)

    def refusal(self, refused: PaymentRefused) -> PaymentRequiredBody:
        """The 402 that refuses a payment and offers others."""
        return (self.offered or self.terms).refusal(refused)


class PurchaseRequest(Struct, frozen=True):
    """One request for an answer: where, in which format, the JSON document, and the payment.

    ``body`` is the document byte for byte, and ``caller`` whose work it is. ``payment`` has not
    been read yet; it is ``None`` where the request carried none.
    """

    route: str
    media_type: str
    body: bytes
    caller: str
    payment: CarriedPayment | None = None

    @property
    def request_hash(self) -> bytes:
        """A hash of what is asked for: a payment buys one of these."""
        return hashlib.sha256(
            b"\0".join((self.route.encode(), self.media_type.encode(), self.body))
        ).digest()


class PaidAnswer(Struct, frozen=True):
    """An answer and how it was paid for; ``None`` where nothing is charged."""

    answer: bytes
    charge: Charge | None = None


class Found(Struct, frozen=True):
    """What is known of a payment: the ``outcome`` if it has one already, else its ``claim``.

    ``payment`` has been read already if it is surely by a payer who has paid in the last day.
    """

    outcome: PaidAnswer | PaymentRequiredBody | None = None
    claim: Claim | None = None
    payment: Payment | None = None

    @property
    def payer(self) -> str:
        """The payer, who is counted in place of the address; empty for one who is not known."""
        return self.payment.identity.payer if self.payment is not None else ""


NOTHING = Found()


class KeptOrder(Order, Protocol):
    """An order that answers the request once it is paid for."""

    async def complete(self) -> bytes:
        """Open what is paid for, unless that has been done, and return the answer."""
        ...


OrderMaker = Callable[[PaymentIdentity, Any], KeptOrder]
"""Makes the order of a payment and a document. Raises ``InvalidRequest``."""


@dataclass(frozen=True)
class ProductCheckout:
    """The checkout of one endpoint; ``payments`` is ``None`` where its answers are free.

    ``clock`` returns seconds since 1970. ``orders`` makes the orders of an endpoint that keeps
    something for the payer.
    """

    endpoint: Endpoint
    limits: RateLimits
    workers: WorkerPool
    payments: PaymentContext | None
    clock: Callable[[], float]
    orders: OrderMaker | None = None

    @property
    def label_fields(self) -> Mapping[str, str]:
        """The header field with the facilitator's label; none where real money moves."""
        label = self.payments.facilitators.label if self.payments else None
        return {"X-Payments": label} if label else {}

    async def allowance(self, client: str, *, paying: bool) -> Allowance:
        """Count one request of ``client``, an address or a known payer.

        Those with and without a payment are counted apart.
        """
        endpoint = self.endpoint
        return await self.limits.spend(client, endpoint.path, endpoint.limit, paying=paying)

    async def find(self, request: PurchaseRequest) -> Found:
        """Find what the payment of ``request`` has bought, before anything is asked of it.

        A payment that has bought the answer gets it, whatever limit, window, terms or schema say
        now. Raises ``OncallError``.
        """
        if self.payments is None or request.payment is None:
            return Found()
        identity = identity_of(request.payment, self.payments.terms.solana_networks)
        try:
            known = await self.payments.settlement.find(identity, request.request_hash)
        except PaymentRefused as refused:
            return Found(self.payments.refusal(refused))
        if known is None or known.receipt is None or known.answer is None:
            payment = self._known_payers(self.payments, request.payment, identity)
            return Found(claim=known, payment=payment)
        return Found(PaidAnswer(known.answer, Charge(known.receipt, replayed=True)))

    def _known_payers(
        self, payments: PaymentContext, carried: CarriedPayment, identity: PaymentIdentity | None
    ) -> Payment | None:
        """The payment of a payer who has paid in the last day; ``None`` if that is not certain.

        A name proves nothing: the wallet's own signature is checked, and the window too, because
        everybody can read on chain what a payer has signed before. Whatever is wrong with a payment
        is told where it would be charged.
        """
        if identity is None or not payments.settlement.has_paid(identity):
            return None
        with contextlib.suppress(OncallError):
            payment = payments.payment_in(carried)
            if payment.wallet_signed and payments.settlement.is_in_time(payment):
                return payment
        return None

    async def outcome(
        self, request: PurchaseRequest, found: Found = NOTHING
    ) -> PaidAnswer | PaymentRequiredBody:
        """Compute the answer and charge for it; return the terms if the payment does not suffice.

        ``found`` is what ``find`` returned: an answer that was bought and was too large to be kept
        is computed again. Raises ``OncallError`` for an invalid document or payment, and if no
        payment can be taken.
        """
        payments, claim = self.payments, found.claim
        bought = claim.receipt if claim is not None else None
        if self.orders is not None and payments is not None and request.payment is not None:
            return await self._kept_outcome(self.orders, payments, request.payment, request, found)
        # to the second; a payment that was claimed before gets the answer that it was claimed for
        now = (claim.asked_at if claim is not None else 0) or int(self.clock()) * 1_000
        if payments is None or bought is not None:
            answer = await self._answer_to(request, self._light_answer(request, now), now)
            return PaidAnswer(answer, Charge(bought, replayed=True) if bought else None)
        if request.payment is None:
            return await self._terms_for(payments, request, now)
        settlement = payments.settlement
        try:
            payment = found.payment or payments.payment_in(request.payment)
            await settlement.require_chargeable(payment, request.request_hash, claim)
            light = self._light_answer(request, now)
            if light is None or not payment.wallet_signed:
                payment = await settlement.verify(payment, request.request_hash, claim)
            answer = await self._answer_to(request, light, now, payment.identity.payer)
            charge = await settlement.charge(
                payment, request.request_hash, answer, self.endpoint.slug, now
            )
            if charge.replayed:
                answer = await self._first_answer(request, charge, answer, now)
        except PaymentRefused as refused:
            return payments.refusal(refused)
        return PaidAnswer(answer, charge)

    async def _kept_outcome(
        self,
        orders: OrderMaker,
        payments: PaymentContext,
        carried: CarriedPayment,
        request: PurchaseRequest,
        found: Found,
    ) -> PaidAnswer | PaymentRequiredBody:
        """Charge for an order and complete it, as ``outcome``; what is charged is only completed.

        No facilitator sees the payment before it is claimed for this request, so none can ask for
        the order in the buyer's place.
        """
        document = self._small_document(request)
        claim, settlement = found.claim, payments.settlement
        identity = identity_of(carried, payments.terms.solana_networks)
        if claim is not None and claim.receipt is not None and identity is not None:
            answer = await orders(identity, document).complete()
            return PaidAnswer(answer, Charge(claim.receipt, replayed=True))
        try:
            payment = found.payment or payments.payment_in(carried)
            await settlement.require_chargeable(payment, request.request_hash, claim)
            order = orders(payment.identity, document)
            charge = await settlement.charge(
                payment, request.request_hash, None, self.endpoint.slug, order=order
            )
        except PaymentRefused as refused:
            return payments.refusal(refused)
        return PaidAnswer(await order.complete(), charge)

    def _small_document(self, request: PurchaseRequest) -> RequestModel:
        """The document, read at once and kept nowhere. Raises ``OncallError``."""
        if not request.body:
            raise MalformedBody("the body is empty")
        if len(request.body) > LARGE_BYTES:
            raise BodyTooLarge(f"at most {LARGE_BYTES:,} bytes")
        return read_document(self.endpoint, request.body, int(self.clock()) * 1_000)

    async def _first_answer(
        self, request: PurchaseRequest, charge: Charge, answer: bytes, now: int
    ) -> bytes:
        """The answer that another request has bought with the same payment meanwhile.

        ``answer`` is what was computed here at ``now``: the same, unless it depends on now.
        """
        if charge.answer is not None:
            return charge.answer
        if charge.asked_at in (0, now):
            return answer
        light = self._light_answer(request, charge.asked_at)
        return await self._answer_to(request, light, charge.asked_at)

    async def _terms_for(
        self, payments: PaymentContext, request: PurchaseRequest, now: int
    ) -> PaymentRequiredBody:
        """The terms. Raises ``OncallError`` if the body shows that paying would be in vain."""
        says_nothing = not request.body or EMPTY_OBJECT.fullmatch(request.body)
        examined = Examined() if says_nothing else await self._examined(request, now)
        terms = payments.offered
        if terms is None:
            raise FacilitatorUnavailable(retry_after=5)
        told = {name: member for name, member in examined._asdict().items() if member}
        return terms.unpaid_with(**told) if told else terms.unpaid_body

    async def _examined(self, request: PurchaseRequest, now: int) -> Examined:
        """What is told of a body beside the terms. Raises ``OncallError`` if it is wrong."""
        most = self.endpoint.free_body_bytes
        if len(request.body) > most:
            later = f"has more than {most:,} bytes, so it is read {AFTER_SIGNING}"
            return Examined([FieldError("", later)])
        if len(request.body) <= LARGE_BYTES:
            document = self._document(request.body, now)
            if not document.is_examined:
                return Examined(understood=document.understood)
        return await self.workers.run(
            examine_document,
            self.endpoint.slug,
            request.body,
            now,
            caller=request.caller,
            cpu_seconds=EXAMINING_SECONDS,
            unpaid=True,
        )

    async def _answer_to(
        self,
        request: PurchaseRequest,
        light: Callable[[], bytes] | None,
        now: int,
        payer: str = "",
    ) -> bytes:
        """The answer: by ``light``, which ``_light_answer`` returned, or by a worker."""
        if light is not None:
            return light()
        return await self.workers.run(
            answer_to,
            self.endpoint.slug,
            request.body,
            request.media_type,
            now,
            caller=request.caller,
            cpu_seconds=self.endpoint.cpu_seconds,
            payer=payer,
        )

    def _light_answer(self, request: PurchaseRequest, now: int) -> Callable[[], bytes] | None:
        """What computes the answer at once; ``None`` if that is a worker's work.

        Raises ``OncallError`` for a small body that is not valid; a worker validates a large one.
        """
        if not request.body:
            raise MalformedBody("the body is empty")
        if len(request.body) > LARGE_BYTES:
            return None
        document = self._document(request.body, now)
        if not self.endpoint.is_light(request.media_type, document):
            return None
        return partial(self.endpoint.written, document, request.media_type)

    def _document(self, body: bytes, now: int) -> RequestModel:
        """The document in a small body.

        A payer asks for the terms and then pays for the same document, so the smallest are kept,
        unless they depend on now.
        """
        small = len(body) <= KEPT_BODY_BYTES and not self.endpoint.keeps  # it has a secret
        kept = self._kept(body) if small else None
        return kept or read_document(self.endpoint, body, now)

    @cached_property
    def _kept(self) -> Callable[[bytes], RequestModel | None]:
        return lru_cache(KEPT_DOCUMENTS)(partial(timeless_document, self.endpoint))
