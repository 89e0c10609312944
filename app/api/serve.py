"""An ``Endpoint`` becomes a route: one visible pipeline of plain calls.

    sizes → limit → negotiate → read → (no payment: 400 or 402) → payment → terms → validate
          → compute → settle → answer

Strategy: the answer is computed before the money moves and withheld until it has, so whatever can
fail has failed at no charge. A failure is an ``OncallError`` raised at its step and written once,
by ``counted``, which also does the first two steps; ``PaymentRefused`` becomes a 402 with fresh
terms.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from x402 import x402ResourceServer

from app.api.bodies import body_of
from app.api.counted import CountedPost, is_paying
from app.api.documents import Document, document_of, parsed, unknown_fields
from app.api.endpoints import Endpoint
from app.api.negotiation import is_json, negotiated
from app.errors import (
    FacilitatorUnavailable,
    Fault,
    MalformedBody,
    PaymentRefused,
    UnsupportedMediaType,
)
from app.limits import Proxy, RateLimits
from app.payments.gate import (
    PAYMENT_HEADER,
    PAYMENT_HEADER_V1,
    VERSION_2_REQUIRED,
    Payment,
    payload_in,
    payload_v1_in,
    payment_for,
    payment_v1_for,
)
from app.payments.offer import Offer, Terms
from app.payments.settlement import Cashier, Purchase

T = TypeVar("T")

SMALL_BODY_BYTES = 16 * 1024
"""So much is validated within a few milliseconds, whatever it holds."""

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


class EndpointApp:
    """The ASGI application that serves one endpoint; ``till`` is ``None`` where nothing is paid."""

    def __init__(
        self, endpoint: Endpoint, limits: RateLimits, till: Till | None, proxies: Sequence[Proxy]
    ) -> None:
        self._endpoint = endpoint
        self._till = till
        self._counted = CountedPost(
            endpoint.path, endpoint.per_minute, limits, proxies, self._negotiated
        )
        self._heavy_work = asyncio.Semaphore(HEAVY_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._counted(scope, receive, send)

    async def _negotiated(self, request: Request) -> Response:
        media_type = negotiated(
            ",".join(request.headers.getlist("accept")), list(self._endpoint.formats)
        )
        body = await body_of(request)
        if body and not is_json(request.headers.get("content-type", "")):
            raise UnsupportedMediaType("send Content-Type: application/json")
        if self._till is None:
            return self._answer(await self._computed(body, media_type), media_type, {})
        if not is_paying(request):
            return await self._challenge(self._till, body)
        try:
            return await self._paid(self._till, request, body, media_type)
        except PaymentRefused as refused:
            return _payment_required(self._till, self._till.offer.refusal(refused))

    async def _challenge(self, till: Till, body: bytes) -> Response:
        """No payment: the terms, unless the body shows that paying would be in vain."""
        warnings: Sequence[Fault] = ()
        if body:
            checked = partial(self._document, parsed(body))
            _, warnings = await self._worked(checked, small=len(body) <= SMALL_BODY_BYTES)
        if till.backend.problem:
            raise FacilitatorUnavailable(retry_after=5)
        terms = till.offer.terms_with(warnings=warnings) if warnings else till.offer.terms
        return _payment_required(till, terms)

    async def _paid(self, till: Till, request: Request, body: bytes, media_type: str) -> Response:
        payment = _payment_in(till, request)
        answer = await self._computed(body, media_type)
        purchase = await till.cashier.purchase(payment, self._request_hash(body, media_type))
        return self._answer(answer, media_type, _receipt_headers(till, payment, purchase))

    async def _computed(self, body: bytes, media_type: str) -> bytes:
        if not body:
            raise MalformedBody("the body is empty")
        return await self._worked(partial(self._answer_to, parsed(body), media_type))

    async def _worked(self, work: Callable[[], T], *, small: bool = False) -> T:
        """What ``work`` returns; it is done beside the event loop if it may take long.

        Reading JSON stays on the loop: it sets the recursion limit, which all threads share.
        """
        if small or self._endpoint.work == "light":
            return work()
        async with self._heavy_work:
            return await asyncio.to_thread(work)

    def _answer_to(self, value: object, media_type: str) -> bytes:
        document, warnings = self._document(value)
        return self._endpoint.formats[media_type](self._endpoint.compute(document), warnings)

    def _document(self, value: object) -> tuple[Document, Sequence[Fault]]:
        kind = self._endpoint.request
        return document_of(value, kind), tuple(unknown_fields(value, kind))

    def _request_hash(self, body: bytes, media_type: str) -> bytes:
        """What "the same request" means: route, representation and body, byte for byte."""
        return hashlib.sha256(
            b"\0".join((self._endpoint.path.encode(), media_type.encode(), body))
        ).digest()

    def _answer(self, answer: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
        caching = {"Cache-Control": "public, max-age=0", "Vary": "Accept"}
        return Response(answer, headers={**caching, **headers}, media_type=media_type)


def _payment_in(till: Till, request: Request) -> Payment:
    """The payment of a request, in either version of the protocol."""
    signatures = request.headers.getlist(PAYMENT_HEADER)
    if signatures:
        return payment_for(till.offer, payload_in(signatures), till.server)
    if not till.backend.takes_version_1:
        raise PaymentRefused(VERSION_2_REQUIRED)
    return payment_v1_for(till.offer, payload_v1_in(request.headers.getlist(PAYMENT_HEADER_V1)))


def _payment_required(till: Till, terms: Terms) -> Response:
    return Response(
        terms.body,
        HTTPStatus.PAYMENT_REQUIRED,
        {"PAYMENT-REQUIRED": terms.header, "Cache-Control": "no-store", **_label(till)},
        media_type="application/json",
    )


def _receipt_headers(till: Till, payment: Payment, purchase: Purchase) -> Mapping[str, str]:
    headers = {"PAYMENT-RESPONSE": purchase.receipt.header}
    if payment.payload.x402_version == 1:
        headers["X-PAYMENT-RESPONSE"] = purchase.receipt.header
    if purchase.replayed:
        headers["Idempotent-Replayed"] = "true"
    return {**headers, **_label(till)}


def _label(till: Till) -> Mapping[str, str]:
    return {"X-Payments": till.backend.label} if till.backend.label else {}
