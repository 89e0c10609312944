"""The purchase of one answer, over HTTP or MCP.

    (no payment: validate → terms) or payment → validate → compute → claim → settle → answer

Strategy: the answer is computed before the money moves and sent only once it has moved, so that
every failure comes before the charge. A transport turns what it read into a ``PurchaseRequest`` and
writes the outcome; failures are ``OncallError``.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Protocol, TypeVar

from msgspec import Struct
from x402 import x402ResourceServer

from app.errors import FacilitatorUnavailable, FieldError, MalformedBody, PaymentRefused
from app.http.rate_limits import Allowance, RateLimits
from app.http.validation import RequestModel, parsed_json, unknown_field_errors, validated
from app.payments.settlement import Charge, SettlementService
from app.payments.terms import PaymentRequiredBody, PaymentTerms
from app.payments.verification import CarriedPayment, identity_of, payment_in
from app.products.endpoint import Endpoint

T = TypeVar("T")
ReadDocument = tuple[RequestModel, Sequence[FieldError]]
"""A document, and a warning for each member that was not understood."""

SMALL_BODY_BYTES = 16 * 1024
"""A body of this size is validated within a few milliseconds, whatever it holds."""

KEPT_BODY_BYTES = 2 * 1024
KEPT_DOCUMENTS = 256
"""The number and the size in bytes of the documents kept, those read last: a few megabytes."""

HEAVY_AT_ONCE = 2
"""How many heavy answers of one endpoint are computed beside the event loop at the same time. More
threads would only take turns, and leave fewer of those turns to the event loop."""


class FacilitatorState(Protocol):
    """What a purchase needs to know of the facilitator, which settles payments.

    ``label`` tells callers that no real money moves, ``problem`` says what prevents settling.
    """

    @property
    def label(self) -> str | None: ...

    @property
    def problem(self) -> str | None: ...

    @property
    def takes_version_1(self) -> bool: ...


@dataclass(frozen=True)
class PaymentContext:
    """Everything that is needed to take a payment for one endpoint."""

    terms: PaymentTerms
    server: x402ResourceServer
    settlement: SettlementService
    facilitator: FacilitatorState


class PurchaseRequest(Struct, frozen=True):
    """One request for an answer: where, in which format, the JSON document, and the payment.

    ``body`` is the document byte for byte. ``payment`` has not been read yet; it is ``None`` where
    the request carried none.
    """

    route: str
    media_type: str
    body: bytes
    payment: CarriedPayment | None = None

    @property
    def request_hash(self) -> bytes:
        """A hash of everything but the payment: a payment buys one of these."""
        return hashlib.sha256(
            b"\0".join((self.route.encode(), self.media_type.encode(), self.body))
        ).digest()


class PaidAnswer(Struct, frozen=True):
    """An answer and how it was paid for; ``None`` where nothing is charged."""

    answer: bytes
    charge: Charge | None = None


@dataclass(frozen=True)
class ProductCheckout:
    """The checkout of one endpoint; ``payments`` is ``None`` where its answers are free."""

    endpoint: Endpoint
    limits: RateLimits
    payments: PaymentContext | None
    heavy_work: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HEAVY_AT_ONCE))

    @property
    def label_fields(self) -> Mapping[str, str]:
        """The header field with the facilitator's label; none where real money moves."""
        label = self.payments.facilitator.label if self.payments else None
        return {"X-Payments": label} if label else {}

    async def allowance(self, client: str, *, paying: bool) -> Allowance:
        """Count one request of ``client``; those with and without a payment apart."""
        endpoint = self.endpoint
        return await self.limits.spend(client, endpoint.path, endpoint.limit, paying=paying)

    async def outcome(self, request: PurchaseRequest) -> PaidAnswer | PaymentRequiredBody:
        """Compute the answer and charge for it; return the terms if the payment does not suffice.

        Raises ``OncallError`` for an invalid document or payment, and if no payment can be taken.
        """
        payments = self.payments
        if payments is None:
            return PaidAnswer(await self._answer_to(request))
        if request.payment is None:
            return await self._terms_for(payments, request.body)
        settlement = payments.settlement
        version_1 = payments.facilitator.takes_version_1
        try:
            known = await settlement.find(identity_of(request.payment), request.request_hash)
            if known is not None and known.receipt is not None:
                kept = known.answer
                answer = await self._answer_to(request) if kept is None else kept
                return PaidAnswer(answer, Charge(known.receipt, replayed=True))
            payment = payment_in(
                payments.terms, request.payment, payments.server, version_1=version_1
            )
            await settlement.require_chargeable(payment, request.request_hash, known)
            if not payment.wallet_signed:
                payment = await settlement.verify(payment, known)
            answer = await self._answer_to(request)
            charge = await settlement.charge(payment, request.request_hash, answer)
        except PaymentRefused as refused:
            return payments.terms.refusal(refused)
        return PaidAnswer(answer, charge)

    async def _terms_for(self, payments: PaymentContext, body: bytes) -> PaymentRequiredBody:
        """The terms. Raises ``OncallError`` if the body shows that paying would be in vain."""
        warnings: Sequence[FieldError] = ()
        if body:
            document, warnings = await self._document(body)
            if document.is_heavy:
                await self._run(partial(self.endpoint.examine, document), light=False)
        if payments.facilitator.problem:
            raise FacilitatorUnavailable(retry_after=5)
        terms = payments.terms
        return terms.body_with(warnings=warnings) if warnings else terms.unpaid_body

    async def _answer_to(self, request: PurchaseRequest) -> bytes:
        if not request.body:
            raise MalformedBody("the body is empty")
        document, warnings = await self._document(request.body)
        work = partial(self._computed, document, warnings, request.media_type)
        return await self._run(work, light=self.endpoint.is_light(request.media_type, document))

    async def _document(self, body: bytes) -> ReadDocument:
        """The document in ``body``, with a warning for each member that was not understood.

        A payer asks for the terms and then pays for the same document, so small ones are kept.
        """
        if len(body) <= KEPT_BODY_BYTES:
            return self._kept(body)
        value = parsed_json(body)
        light = len(body) <= SMALL_BODY_BYTES or self.endpoint.validates_quickly(value)
        return await self._run(partial(self._read, value), light=light)

    @cached_property
    def _kept(self) -> Callable[[bytes], ReadDocument]:
        return lru_cache(KEPT_DOCUMENTS)(lambda body: self._read(parsed_json(body)))

    async def _run(self, work: Callable[[], T], *, light: bool) -> T:
        """Run ``work`` and return its result: in a thread, or at once if it is ``light``.

        JSON is read on the event loop: that sets the recursion limit, which all threads share.
        """
        if light:
            return work()
        async with self.heavy_work:
            return await asyncio.to_thread(work)

    def _read(self, value: object) -> ReadDocument:
        kind = self.endpoint.request
        return validated(value, kind), tuple(unknown_field_errors(value, kind))

    def _computed(
        self, document: RequestModel, warnings: Sequence[FieldError], media_type: str
    ) -> bytes:
        return self.endpoint.formats[media_type].write(self.endpoint.compute(document), warnings)
