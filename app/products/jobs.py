"""What worker processes do for the paid endpoints: small functions of a body in bytes.

A worker gets the name of an endpoint, because the functions in its row cannot be pickled.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from app.errors import FieldError
from app.http.validation import RequestModel, parsed_json, validated
from app.products.endpoint import Endpoint
from app.products.registry import paid_endpoints


def read_document(endpoint: Endpoint, body: bytes) -> RequestModel:
    """Parse and validate ``body``. Raises ``MalformedBody`` or ``InvalidRequest``."""
    return validated(parsed_json(body), endpoint.request)


def examine_document(slug: str, body: bytes) -> Sequence[FieldError]:
    """Look for every error in ``body`` that can be found before anybody pays.

    Returns a warning for what is only read after payment. Raises ``MalformedBody`` or
    ``InvalidRequest``.
    """
    endpoint = _endpoints()[slug]
    return endpoint.examine(read_document(endpoint, body))


def answer_to(slug: str, body: bytes, media_type: str) -> bytes:
    """Compute the answer to ``body`` and write it as ``media_type``. Raises ``OncallError``."""
    endpoint = _endpoints()[slug]
    return endpoint.written(read_document(endpoint, body), media_type)


@cache
def _endpoints() -> Mapping[str, Endpoint]:
    return {endpoint.slug: endpoint for endpoint in paid_endpoints()}
