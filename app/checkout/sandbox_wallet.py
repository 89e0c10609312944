"""``POST /sandbox/pay``: signs a payment for this sandbox's own terms with a disposable wallet.

Strategy: the terms that a caller sends only choose among the terms of this process, and those are
signed, so that nothing a caller writes is put under a signature. The route exists only where no
money moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from limits import parse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import FieldError, InvalidRequest
from app.http.negotiation import negotiated, require_json
from app.http.rate_limited_route import Exchange
from app.http.rate_limits import RateLimits
from app.http.validation import RequestModel, parsed_json, validated
from app.payments.disposable_wallet import SignedPayment, signed_payment
from app.payments.terms import PaymentTerms
from app.payments.terms_text import terms_lines
from app.products.endpoint import JSON

PATH = "/sandbox/pay"
LIMIT = parse("120/minute")
HEADER_LINE = "text/plain"
"""The media type of the header as a line of text, which ``curl -H @-`` reads."""


class Resource(RequestModel, frozen=True):
    """The resource to pay for."""

    url: str


class SandboxTerms(RequestModel, frozen=True):
    """The members of a 402's body that choose the terms; all others are ignored."""

    is_open: ClassVar[bool] = True

    resource: Resource
    accepts: list[dict[str, Any]]


class SandboxWallet:
    """The application at ``PATH``, which signs for ``terms`` and nothing else."""

    def __init__(self, terms: Sequence[PaymentTerms], limits: RateLimits) -> None:
        self._terms = {each.resource.url: each for each in terms}
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with Exchange(scope, receive, send) as exchange:
            head = exchange.admit(self._limits)
            await exchange.count(self._limits, PATH, LIMIT, paying=head.paying)
            media_type = negotiated(",".join(head.values("accept")), (JSON, HEADER_LINE))
            body = await exchange.body(self._limits)
            require_json(head)
            terms = _terms_in(validated(parsed_json(body), SandboxTerms), self._terms)
            text = _text_of(await signed_payment(terms), terms, media_type)
            exchange.response = Response(
                text, headers={"Cache-Control": "no-store"}, media_type=media_type
            )


def _terms_in(sent: SandboxTerms, by_url: Mapping[str, PaymentTerms]) -> PaymentTerms:
    """Our own terms that ``sent`` repeats. Raises ``InvalidRequest`` if there are none such."""
    terms = by_url.get(sent.resource.url)
    if terms is None:
        raise InvalidRequest([FieldError("/resource/url", f"Sold here: {', '.join(by_url)}.")])
    [way_to_pay] = terms.accepts
    wanted = way_to_pay.model_dump(by_alias=True)
    ways = [list(_differences(n, way, wanted)) for n, way in enumerate(sent.accepts)]
    if errors := min(ways, key=len, default=[FieldError("/accepts", "lists no way to pay.")]):
        raise InvalidRequest(errors)
    return terms


def _differences(
    position: int, way: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[FieldError]:
    for name, value in wanted.items():
        if way.get(name) != value:
            yield FieldError(f"/accepts/{position}/{name}", f"This sandbox asks {value!r}.")


def _text_of(payment: SignedPayment, terms: PaymentTerms, media_type: str) -> bytes:
    if media_type == HEADER_LINE:
        return f"PAYMENT-SIGNATURE: {payment.header}\n".encode()
    [line] = terms_lines(terms.payment_required())
    signed = {"payer": payment.payer, "terms": line, "paymentSignature": payment.header}
    return msgspec.json.encode(signed)
