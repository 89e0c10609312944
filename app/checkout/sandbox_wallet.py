"""``POST /sandbox/pay``: signs a payment for this sandbox's own terms, with a throw-away wallet.

Strategy: what a caller sends is compared with the offers of this process, and it is our own offer
that is signed, never what was sent: nothing that a caller writes is put under a signature. The
route is made only where no money moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope

from app.errors import Fault, InvalidRequest, UnsupportedMediaType
from app.http.negotiation import is_json, negotiated
from app.http.rate_limited_route import CountedPost
from app.http.rate_limits import Proxy, RateLimits
from app.http.request_body import body_of
from app.http.request_head import Head
from app.http.validation import Document, document_of, parsed
from app.payments.disposable_wallet import SignedPayment, signed_payment
from app.payments.terms import Offer
from app.payments.terms_text import terms_in_words
from app.products.endpoint import JSON

PATH = "/sandbox/pay"
PER_MINUTE = 120
HEADER_LINE = "text/plain"
"""The header as a line, which ``curl -H @-`` reads."""


class Resource(Document, frozen=True):
    """What is being bought."""

    url: str


class SandboxTerms(Document, frozen=True):
    """The body of a 402, of which only this is looked at."""

    resource: Resource
    accepts: list[dict[str, Any]]


def sandbox_pay(
    offers: Sequence[Offer], limits: RateLimits, proxies: Sequence[Proxy]
) -> CountedPost:
    """The application at ``PATH``, which signs for ``offers`` and nothing else."""
    by_url = {offer.resource.url: offer for offer in offers}

    async def answer(head: Head, _: Scope, receive: Receive) -> Response:
        media_type = negotiated(",".join(head.values("accept")), (JSON, HEADER_LINE))
        body = await body_of(receive)
        if not is_json(head.value("content-type")):
            raise UnsupportedMediaType("send Content-Type: application/json")
        offer = _offer_in(document_of(parsed(body), SandboxTerms), by_url)
        text = _written(await signed_payment(offer), offer, media_type)
        return Response(text, headers={"Cache-Control": "no-store"}, media_type=media_type)

    return CountedPost(PATH, PER_MINUTE, limits, proxies, answer)


def _offer_in(terms: SandboxTerms, offers: Mapping[str, Offer]) -> Offer:
    """The offer that ``terms`` state. Raises ``InvalidRequest`` if this sandbox makes none such."""
    offer = offers.get(terms.resource.url)
    if offer is None:
        raise InvalidRequest([Fault("/resource/url", f"Sold here: {', '.join(offers)}.")])
    wanted = offer.requirements.model_dump(by_alias=True)
    ways = [list(_differences(n, way, wanted)) for n, way in enumerate(terms.accepts)]
    if faults := min(ways, key=len, default=[Fault("/accepts", "lists no way to pay.")]):
        raise InvalidRequest(faults)
    return offer


def _differences(
    position: int, way: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[Fault]:
    for name, value in wanted.items():
        if way.get(name) != value:
            yield Fault(f"/accepts/{position}/{name}", f"This sandbox asks {value!r}.")


def _written(payment: SignedPayment, offer: Offer, media_type: str) -> bytes:
    if media_type == HEADER_LINE:
        return f"PAYMENT-SIGNATURE: {payment.header}\n".encode()
    [terms] = terms_in_words(offer.payment_required())
    signed = {"payer": payment.payer, "terms": terms, "paymentSignature": payment.header}
    return msgspec.json.encode(signed)
