"""The HTTP route of a paid endpoint, as one pipeline that reads from top to bottom.

    head → sizes → address → negotiate → query → read → find → limit → purchase → answer

Strategy: ``Exchange`` takes the first steps and writes failures, ``ProductCheckout`` takes the
money, and what remains to HTTP is here. Terms become a 402. A request without a payment is counted
before its body is read; one with a payment only if that has bought nothing yet.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.checkout.purchase import PaidAnswer, ProductCheckout, PurchaseRequest
from app.checkout.query_parameters import require_no_query
from app.discovery.bazaar import FIELDS_PATH
from app.http.negotiation import negotiated, require_json
from app.http.rate_limited_route import Exchange
from app.http.request_head import PAYMENT_HEADER, PAYMENT_HEADER_V1, RequestHead
from app.payments.terms import PaymentRequiredBody
from app.payments.verification import HeaderPayment

Fields = Sequence[tuple[bytes, bytes]]
"""Header fields in ASGI's form, names in lower case."""


class ProductRoute:
    """The ASGI application that serves one endpoint."""

    def __init__(self, checkout: ProductCheckout, public_url: str) -> None:
        self._checkout = checkout
        self._endpoint = checkout.endpoint
        self._formats = tuple(checkout.endpoint.formats)
        self._described = {name: checkout.endpoint.headers(name) for name in self._formats}
        self._label_fields = _fields(checkout.label_fields)
        self._link_fields = _fields({"Link": f'<{public_url}{FIELDS_PATH}>; rel="service-doc"'})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoint
        async with Exchange(scope, receive, send, endpoint.most_body_bytes) as exchange:
            limits = self._checkout.limits
            head = exchange.admit(limits)
            count = partial(
                exchange.count, limits, endpoint.path, endpoint.limit, paying=head.paying
            )
            if not head.paying:
                await count()
            media_type = negotiated(",".join(head.values("accept")), self._formats)
            require_no_query(scope["query_string"], endpoint)
            body = b""
            if not head.bodiless:
                body = await exchange.body(limits, arrived=head.body_arrived)
            if body:
                require_json(head)
            payment = _payment_in(head) if head.paying else None
            request = PurchaseRequest(endpoint.path, media_type, body, exchange.client, payment)
            found = await self._checkout.find(request)
            outcome = found.outcome
            if outcome is None:
                if head.paying:
                    await count(payer=found.payer)
                outcome = await self._checkout.outcome(request, found)
            if isinstance(outcome, PaymentRequiredBody):
                exchange.response = _EncodedResponse(
                    HTTPStatus.PAYMENT_REQUIRED,
                    [
                        *_payment_required_fields(outcome.header, len(outcome.json)),
                        *self._link_fields,
                        *self._label_fields,
                    ],
                    outcome.json,
                )
            else:
                exchange.response = self._answer(outcome, media_type, payment)

    def _answer(self, paid: PaidAnswer, media_type: str, payment: HeaderPayment | None) -> Response:
        headers = {
            **self._described[media_type],
            "Cache-Control": "no-store" if self._endpoint.keeps else "public, max-age=0",
            "Vary": "Accept",
            **self._checkout.label_fields,
            **_receipt_headers(paid, payment),
        }
        return Response(paid.answer, headers=headers)


class _EncodedResponse(Response):
    """A response whose fields are in ASGI's form, which Starlette's own class would make again."""

    def __init__(self, status: int, fields: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = fields


@lru_cache(maxsize=64)  # a route's terms are the same for every caller who does not pay
def _payment_required_fields(header: str, length: int) -> Fields:
    return _fields(
        {
            "Content-Length": str(length),
            "Content-Type": "application/json",
            "PAYMENT-REQUIRED": header,
            "Cache-Control": "no-store",
        }
    )


def _fields(headers: Mapping[str, str]) -> Fields:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _payment_in(head: RequestHead) -> HeaderPayment:
    """The payment that a paying request carries, in either version of the protocol."""
    return HeaderPayment(head.values(PAYMENT_HEADER), head.values(PAYMENT_HEADER_V1))


def _receipt_headers(paid: PaidAnswer, payment: HeaderPayment | None) -> Mapping[str, str]:
    if paid.charge is None:
        return {}
    headers = {"PAYMENT-RESPONSE": paid.charge.receipt.header}
    if payment is not None and not payment.signatures:  # it came in version 1
        headers["X-PAYMENT-RESPONSE"] = paid.charge.receipt.header
    if paid.charge.replayed:
        headers["Idempotent-Replayed"] = "true"
    return headers
