"""The head of a request: its method, its peer and the header fields that matter here, as text.

Strategy: a route looks at some of a dozen fields. Each look through Starlette's ``Headers`` walks
and decodes the whole list; this module walks it once.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from starlette.types import Scope

PAYMENT_HEADER = "payment-signature"
PAYMENT_HEADER_V1 = "x-payment"
"""The header fields of an x402 payment, in version 2 and in version 1."""

WANTED: Mapping[bytes, str] = {
    name.encode(): name
    for name in (
        "accept",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "origin",
        "transfer-encoding",
        "x-api-key",
        "x-forwarded-for",
        PAYMENT_HEADER,
        PAYMENT_HEADER_V1,
    )
}
NONE: Sequence[str] = ()

ARRIVED = "oncall.body_arrived"
"""The key that ``server/http_protocol.py`` sets in the scope once the whole body has arrived."""


class RequestHead(Struct, frozen=True):
    """The head of one request.

    ``fields`` holds the values of each wanted field that was sent, in order of arrival. ``size``
    counts the bytes of all names and values except those of ``PAYMENT-SIGNATURE``, which has its
    own limit. ``body_arrived``: the whole body is there and can be read without waiting.
    ``paying``: the request carries a payment, in either version of the protocol.
    """

    method: str
    peer: str | None
    fields: Mapping[str, Sequence[str]]
    size: int
    body_arrived: bool
    paying: bool

    def values(self, name: str) -> Sequence[str]:
        """Return every value of the field ``name`` (lower case)."""
        return self.fields.get(name, NONE)

    def value(self, name: str) -> str:
        """Return the first value of the field ``name``; an empty text if there is none."""
        return self.values(name)[0] if name in self.fields else ""

    @property
    def body_bytes(self) -> int | None:
        """The size of the body as the head gives it; ``None`` where it gives none.

        Of a number with more digits than a body can have bytes the first are read.
        """
        length = self.value("content-length")
        return int(length.lstrip("0")[:20] or "0") if length.isdecimal() else None

    @property
    def bodiless(self) -> bool:
        """Whether the head alone says that no body follows (RFC 9112, 6.3)."""
        length = self.fields.get("content-length")
        return "transfer-encoding" not in self.fields and (length is None or length[0] == "0")


def request_head(scope: Scope) -> RequestHead:
    """Read the head of the HTTP request in ``scope``."""
    fields: dict[str, list[str]] = {}
    size = 0
    for raw, value in scope["headers"]:
        size += len(raw) + len(value)
        name = WANTED.get(raw)
        if name is not None:
            fields.setdefault(name, []).append(value.decode("latin-1"))
            if name == PAYMENT_HEADER:
                size -= len(raw) + len(value)
    client = scope.get("client")
    peer = client[0] if client else None
    paying = PAYMENT_HEADER in fields or PAYMENT_HEADER_V1 in fields
    return RequestHead(scope["method"], peer, fields, size, scope.get(ARRIVED, False), paying)
