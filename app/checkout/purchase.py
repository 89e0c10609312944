"""Selling an endpoint's answer, whatever carries the request and the payment.

    (no payment: validate → terms) or payment → validate → compute → claim → settle → answer

Strategy: the answer is computed before the money moves and withheld until it has, so whatever can
fail has failed at no charge. A transport makes an ``Order`` of what it read, hands over where its
payment is to be found, and writes what comes back; failures are ``OncallError``.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Protocol, TypeVar

from msgspec import Struct
from x402 import x402ResourceServer

from app.errors import FacilitatorUnavailable, Fault, MalformedBody, PaymentRefused
from app.http.rate_limits import Allowance, RateLimits
from app.http.validation import Document, document_of, parsed, unknown_fields
from app.payments.authorization import Payment
from app.payments.settlement import Cashier, Purchase
from app.payments.terms import Offer, Terms
from app.products.endpoint import Endpoint

T = TypeVar("T")
Read = tuple[Document, Sequence[Fault]]
"""A document, and what of it was not understood and is warned of."""

SMALL_BODY_BYTES = 16 * 1024
"""So much is validated within a few milliseconds, whatever it holds."""

KEPT_BODY_BYTES = 2 * 1024
KEPT_DOCUMENTS = 256
"""So many documents of at most so many bytes are kept, those read last: a few megabytes."""

HEAVY_AT_ONCE = 2
"""So many answers of an endpoint with heavy work are computed beside the event loop at once; more
threads would only take turns, and leave the event loop the fewer of them."""


class PaymentBackend(Protocol):
    """What settles: ``label`` is shown to callers, ``problem`` says why nothing can be settled."""

    @property
    def label(self) -> str | None: ...

    @property
    def problem(self) -> str | None: ...

    @property
    def takes_version_1(self) -> bool: ...


@dataclass(frozen=True)
class Till:
    """Everything that taking a payment for one endpoint needs."""

    offer: Offer
    server: x402ResourceServer
    cashier: Cashier
    backend: PaymentBackend


class Order(Struct, frozen=True):
    """What is asked for: where, in which form, and the JSON document, byte for byte."""

    route: str
    media_type: str
    body: bytes

    @property
    def request_hash(self) -> bytes:
        """What "the same request" means: a payment buys one of these."""
        return hashlib.sha256(
            b"\0".join((self.route.encode(), self.media_type.encode(), self.body))
        ).digest()


class Sold(Struct, frozen=True):
    """An answer and how it was paid for: ``None`` where nothing is asked."""

    answer: bytes
    payment: Payment | None = None
    purchase: Purchase | None = None


PaymentIn = Callable[[Till], Payment]
"""Reads the payment that came with a request. Raises ``InvalidPayment`` or ``PaymentRefused``."""


@dataclass(frozen=True)
class Sale:
    """One endpoint for sale; ``till`` is ``None`` where nothing is paid."""

    endpoint: Endpoint
    limits: RateLimits
    till: Till | None
    heavy_work: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HEAVY_AT_ONCE))

    @property
    def label(self) -> Mapping[str, str]:
        """What every answer says of the back end; nothing where real money moves."""
        label = self.till.backend.label if self.till else None
        return {"X-Payments": label} if label else {}

    async def allowance(self, client: str, *, paying: bool) -> Allowance:
        """Count one request of ``client``; those with and without a payment apart."""
        endpoint = self.endpoint
        return await self.limits.spend(client, endpoint.path, endpoint.per_minute, paying=paying)

    async def outcome(self, order: Order, payment_in: PaymentIn | None) -> Sold | Terms:
        """The answer to ``order`` if it is paid for, else the terms.

        ``payment_in`` is ``None`` for a request without a payment. Raises ``OncallError`` for what
        is wrong with the order, and for what keeps it from being paid for.
        """
        if self.till is None:
            return Sold(await self._computed(order))
        if payment_in is None:
            return await self._challenge(self.till, order.body)
        try:
            return await self._paid(self.till, order, payment_in(self.till))
        except PaymentRefused as refused:
            return self.till.offer.refusal(refused)

    async def _challenge(self, till: Till, body: bytes) -> Terms:
        """No payment: the terms, unless the body shows that paying would be in vain."""
        warnings: Sequence[Fault] = ()
        if body:
            document, warnings = await self._document(body)
            if document.is_heavy:
                await self._worked(partial(self.endpoint.examine, document), light=False)
        if till.backend.problem:
            raise FacilitatorUnavailable(retry_after=5)
        return till.offer.terms_with(warnings=warnings) if warnings else till.offer.terms

    async def _paid(self, till: Till, order: Order, payment: Payment) -> Sold:
        answer = await self._computed(order)
        purchase = await till.cashier.purchase(payment, order.request_hash)
        return Sold(answer, payment, purchase)

    async def _computed(self, order: Order) -> bytes:
        if not order.body:
            raise MalformedBody("the body is empty")
        document, warnings = await self._document(order.body)
        work = partial(self._answer_to, document, warnings, order.media_type)
        return await self._worked(work, light=self.endpoint.is_light(order.media_type, document))

    async def _document(self, body: bytes) -> Read:
        """The document in ``body``, and what of it was not understood.

        A buyer asks for the terms and then pays for the same document: a small one is kept.
        """
        if len(body) <= KEPT_BODY_BYTES:
            return self._kept(body)
        value = parsed(body)
        light = len(body) <= SMALL_BODY_BYTES or self.endpoint.reads_lightly(value)
        return await self._worked(partial(self._read, value), light=light)

    @cached_property
    def _kept(self) -> Callable[[bytes], Read]:
        return lru_cache(KEPT_DOCUMENTS)(lambda body: self._read(parsed(body)))

    async def _worked(self, work: Callable[[], T], *, light: bool) -> T:
        """What ``work`` returns; it is done beside the event loop unless it is light.

        Reading JSON stays on the loop: it sets the recursion limit, which all threads share.
        """
        if light:
            return work()
        async with self.heavy_work:
            return await asyncio.to_thread(work)

    def _read(self, value: object) -> Read:
        kind = self.endpoint.request
        return document_of(value, kind), tuple(unknown_fields(value, kind))

    def _answer_to(self, document: Document, warnings: Sequence[Fault], media_type: str) -> bytes:
        return self.endpoint.formats[media_type](self.endpoint.compute(document), warnings)
