"""An ``Endpoint`` becomes a route: one visible pipeline of plain calls.

    sizes → limit → negotiate → read → sale → answer

Strategy: this is what HTTP adds to a ``Sale``, where the money is. A failure is an ``OncallError``
raised at its step and written once, here; terms become a 402.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.bodies import body_of, require_sizes
from app.api.negotiation import is_json, negotiated
from app.api.problems import problem_of, problem_of_http
from app.api.sale import Order, Sale, Sold, Till
from app.errors import OncallError, PaymentRefused, UnsupportedMediaType
from app.limits import Proxy, client_of
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
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._limited(request)
        except OncallError as error:
            response = problem_of(error)
        except HTTPException as error:
            response = problem_of_http(request, error)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing was charged: the body was incomplete
        await response(scope, receive, send)

    async def _limited(self, request: Request) -> Response:
        endpoint = self._endpoint
        if request.method != endpoint.method:
            raise HTTPException(
                HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": f"{endpoint.method}, OPTIONS"}
            )
        require_sizes(request, payment_header=PAYMENT_HEADER.encode())
        paying = PAYMENT_HEADER in request.headers or PAYMENT_HEADER_V1 in request.headers
        peer = request.client.host if request.client else None
        client = client_of(peer, request.headers.getlist("x-forwarded-for"), self._proxies)
        allowance = await self._sale.allowance(client, paying=paying)
        try:
            allowance.require()
            response = await self._negotiated(request, paying=paying)
        except OncallError as error:
            response = problem_of(error)
        response.headers.update(allowance.headers)
        return response

    async def _negotiated(self, request: Request, *, paying: bool) -> Response:
        media_type = negotiated(
            ",".join(request.headers.getlist("accept")), list(self._endpoint.formats)
        )
        body = await body_of(request)
        if body and not is_json(request.headers.get("content-type", "")):
            raise UnsupportedMediaType("send Content-Type: application/json")
        order = Order(self._endpoint.path, media_type, body)
        outcome = await self._sale.outcome(order, partial(_payment_in, request) if paying else None)
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
