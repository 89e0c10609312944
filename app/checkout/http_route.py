"""An ``Endpoint`` becomes a route: one visible pipeline of plain calls.

    head → sizes → limit → negotiate → read → sale → answer

Strategy: this is what HTTP adds to a ``Sale``, where the money is. A failure is an ``OncallError``
raised at its step and written once, by ``counted``, which also does the first three steps; terms
become a 402.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.checkout.purchase import Order, Sale, Sold, Till
from app.errors import UnsupportedMediaType
from app.http.negotiation import is_json, negotiated
from app.http.rate_limited_route import CountedPost
from app.http.rate_limits import Proxy
from app.http.request_body import body_of
from app.http.request_head import Head
from app.payments.authorization import VERSION_2_REQUIRED, Payment, refused
from app.payments.terms import Terms
from app.payments.verification import (
    PAYMENT_HEADER,
    PAYMENT_HEADER_V1,
    payload_v1_in,
    payment_in,
    payment_v1_for,
)

Fields = Sequence[tuple[bytes, bytes]]
"""Header fields as ASGI wants them, names in lower case."""


class EndpointApp:
    """The ASGI application that serves one endpoint."""

    def __init__(self, sale: Sale, proxies: Sequence[Proxy]) -> None:
        self._sale = sale
        self._endpoint = sale.endpoint
        self._formats = tuple(sale.endpoint.formats)
        self._described = {name: sale.endpoint.headers(name) for name in self._formats}
        self._label = _fields(sale.label)
        self._counted = CountedPost(
            sale.endpoint.path, sale.endpoint.per_minute, sale.limits, proxies, self._negotiated
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._counted(scope, receive, send)

    async def _negotiated(self, head: Head, _: Scope, receive: Receive) -> Response:
        media_type = negotiated(",".join(head.values("accept")), self._formats)
        body = b""
        if not head.bodiless:
            body = await body_of(receive, arrived=head.body_arrived)
        if body and not is_json(head.value("content-type")):
            raise UnsupportedMediaType("send Content-Type: application/json")
        order = Order(self._endpoint.path, media_type, body)
        payment_in = partial(_payment_in, head) if head.paying else None
        outcome = await self._sale.outcome(order, payment_in)
        if isinstance(outcome, Terms):
            return _Prepared(
                HTTPStatus.PAYMENT_REQUIRED, [*_terms_fields(outcome), *self._label], outcome.body
            )
        return self._answer(outcome, media_type)

    def _answer(self, sold: Sold, media_type: str) -> Response:
        headers = {
            **self._described[media_type],
            "Cache-Control": "public, max-age=0",
            "Vary": "Accept",
            **self._sale.label,
            **_receipt_headers(sold),
        }
        return Response(sold.answer, headers=headers)


class Counter:
    """``paid`` routes by their exact path, past the router; ``others`` by how their paths begin;
    every other path is ``app``'s."""

    def __init__(
        self, app: Starlette, paid: Sequence[Route], others: Mapping[str, ASGIApp]
    ) -> None:
        self._app = app
        self._paid = {route.path: route for route in paid}
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        route = self._paid.get(path)
        if route is not None:
            scope["app"], scope["route"] = self._app, route  # as the router would
            await route.app(scope, receive, send)
            return
        for prefix, other in self._others.items():
            if path.startswith(prefix):
                await other(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Prepared(Response):
    """A response whose fields are as ASGI wants them; Starlette's own would encode them again."""

    def __init__(self, status: int, fields: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = fields


@lru_cache(maxsize=16)  # the terms of a route are the same for every caller who does not pay
def _terms_fields(terms: Terms) -> Fields:
    return _fields(
        {
            "Content-Length": str(len(terms.body)),
            "Content-Type": "application/json",
            "PAYMENT-REQUIRED": terms.header,
            "Cache-Control": "no-store",
        }
    )


def _fields(headers: Mapping[str, str]) -> Fields:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _payment_in(head: Head, till: Till) -> Payment:
    """The payment of a request, in either version of the protocol."""
    signatures = head.values(PAYMENT_HEADER)
    if signatures:
        return payment_in(till.offer, signatures, till.server)
    if not till.backend.takes_version_1:
        raise refused(VERSION_2_REQUIRED)
    return payment_v1_for(till.offer, payload_v1_in(head.values(PAYMENT_HEADER_V1)))


def _receipt_headers(sold: Sold) -> Mapping[str, str]:
    if sold.payment is None or sold.purchase is None:
        return {}
    headers = {"PAYMENT-RESPONSE": sold.purchase.receipt.header}
    if sold.payment.payload.x402_version == 1:
        headers["X-PAYMENT-RESPONSE"] = sold.purchase.receipt.header
    if sold.purchase.replayed:
        headers["Idempotent-Replayed"] = "true"
    return headers
