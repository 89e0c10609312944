"""What worker processes do for the paid endpoints: small functions of a body in bytes.

A worker gets the name of an endpoint, because the functions in its row cannot be pickled.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from msgspec import Struct

from app.errors import FieldError
from app.http.validation import RequestModel, parsed_json, validated
from app.products.endpoint import Endpoint
from app.products.registry import paid_endpoints


class Examined(NamedTuple):
    """What is known of a document before anybody pays.

    There is a warning for what is only read after payment. ``understood`` is what was read from it
    beyond its words, as ``RequestModel.understood``.
    """

    warnings: Sequence[FieldError] = ()
    understood: Struct | None = None


def read_document(endpoint: Endpoint, body: bytes, now: int) -> RequestModel:
    """Parse and validate ``body``. Raises ``MalformedBody`` or ``InvalidRequest``.

    ``now`` is in milliseconds, here and below, for what is asked about the present.
    """
    return validated(parsed_json(body), endpoint.request, now)


def timeless_document(endpoint: Endpoint, body: bytes) -> RequestModel | None:
    """Parse and validate ``body`` as ``read_document``; ``None`` if it depends on now."""
    value = parsed_json(body)
    if endpoint.request.depends_on_now(value):
        return None
    return validated(value, endpoint.request)


def examine_document(slug: str, body: bytes, now: int) -> Examined:
    """Look for every error in ``body`` that can be found before anybody pays.

    Raises ``MalformedBody`` or ``InvalidRequest``.
    """
    endpoint = _endpoints()[slug]
    document = read_document(endpoint, body, now)
    if later := document.later:
        return Examined(later)
    return Examined(endpoint.examine(document), document.understood)


def answer_to(slug: str, body: bytes, media_type: str, now: int) -> bytes:
    """Compute the answer to ``body`` and write it as ``media_type``. Raises ``OncallError``."""
    endpoint = _endpoints()[slug]
    return endpoint.written(read_document(endpoint, body, now), media_type)


@cache
def _endpoints() -> Mapping[str, Endpoint]:
    return {endpoint.slug: endpoint for endpoint in paid_endpoints(workspaces=True)}
