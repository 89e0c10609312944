"""An ``Endpoint`` becomes a route: one visible pipeline of plain calls.

    sizes → limit → negotiate → read → sale → answer

Strategy: this is what HTTP adds to a ``Sale``, where the money is. A failure is an ``OncallError``
raised at its step and written once, by ``counted``, which also does the first two steps; terms
become a 402.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.bodies import body_of
from app.api.counted import CountedPost, is_paying
from app.api.negotiation import is_json, negotiated
from app.api.sale import Order, Sale, Sold, Till
from app.errors import PaymentRefused, UnsupportedMediaType
from app.limits import Proxy
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
from app.payments.offer import Terms


class EndpointApp:
    """The ASGI application that serves one endpoint."""

    def __init__(self, sale: Sale, proxies: Sequence[Proxy]) -> None:
        self._sale = sale
        self._endpoint = sale.endpoint
        self._counted = CountedPost(sale.allowance, proxies, self._negotiated)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._counted(scope, receive, send)

    async def _negotiated(self, request: Request) -> Response:
        media_type = negotiated(
            ",".join(request.headers.getlist("accept")), list(self._endpoint.formats)
        )
        body = await body_of(request)
        if body and not is_json(request.headers.get("content-type", "")):
            raise UnsupportedMediaType("send Content-Type: application/json")
        order = Order(self._endpoint.path, media_type, body)
        payment_in = partial(_payment_in, request) if is_paying(request) else None
        outcome = await self._sale.outcome(order, payment_in)
        if isinstance(outcome, Terms):
            return self._payment_required(outcome)
        return self._answer(outcome, media_type)

    def _payment_required(self, terms: Terms) -> Response:
        return Response(
            terms.body,
            HTTPStatus.PAYMENT_REQUIRED,
            {"PAYMENT-REQUIRED": terms.header, "Cache-Control": "no-store", **self._sale.label},
            media_type="application/json",
        )

    def _answer(self, sold: Sold, media_type: str) -> Response:
        headers = {"Cache-Control": "public, max-age=0", "Vary": "Accept", **self._sale.label}
        return Response(
            sold.answer, headers={**headers, **_receipt_headers(sold)}, media_type=media_type
        )


def _payment_in(request: Request, till: Till) -> Payment:
    """The payment of a request, in either version of the protocol."""
    signatures = request.headers.getlist(PAYMENT_HEADER)
    if signatures:
        return payment_for(till.offer, payload_in(signatures), till.server)
    if not till.backend.takes_version_1:
        raise PaymentRefused(VERSION_2_REQUIRED)
    return payment_v1_for(till.offer, payload_v1_in(request.headers.getlist(PAYMENT_HEADER_V1)))


def _receipt_headers(sold: Sold) -> Mapping[str, str]:
    if sold.payment is None or sold.purchase is None:
        return {}
    headers = {"PAYMENT-RESPONSE": sold.purchase.receipt.header}
    if sold.payment.payload.x402_version == 1:
        headers["X-PAYMENT-RESPONSE"] = sold.purchase.receipt.header
    if sold.purchase.replayed:
        headers["Idempotent-Replayed"] = "true"
    return headers
