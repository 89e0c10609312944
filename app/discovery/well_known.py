"""The documents for programs: OpenAPI, ``/.well-known/x402``, llms.txt, skill.md and so on.

Strategy: every document is made from the endpoint table at its first request and is the same for
every caller. Addresses come from the settings, never from a request's ``Host``.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.routing import Route

from app.discovery.error_responses import ERROR_RESPONSES, RETRIES
from app.discovery.field_rows import field_tables
from app.discovery.free_paths import OPERATIONS, free_paths
from app.discovery.openapi import PAID_PATH, WHOLE_PATH, openapi_bytes, paid_bytes
from app.discovery.publisher import Publisher
from app.discovery.representations import Representation, representation_handler
from app.discovery.templating import template
from app.products.endpoint import JSON, Endpoint

TEXTS = {
    "llms.txt": "text/plain",
    "skill.md": "text/markdown",
    "robots.txt": "text/plain",
    "sitemap.xml": "application/xml",
}
"""The documents that are templates, with their media types."""
SAFE = {"X-Content-Type-Options": "nosniff"}
DESCRIPTION = (
    "Computes on-call rotations and layered on-call schedules: who is on call for each shift or at "
    "an instant, next handoffs, gaps and fairness tallies. Use it when somebody asks for an "
    "on-call rota, who is on call, or whether a schedule is fair. Each request is paid by x402."
)
"""The description of the skill, by which an agent decides whether to read it."""


def discovery_routes(endpoints: Sequence[Endpoint], publisher: Publisher) -> Sequence[Route]:
    """Return the route of each document."""
    documents: Mapping[str, tuple[str, Callable[[], bytes]]] = {
        PAID_PATH: (JSON, lambda: paid_bytes(endpoints, publisher)),
        WHOLE_PATH: (JSON, lambda: openapi_bytes(endpoints, publisher)),
        "/.well-known/x402": (JSON, lambda: msgspec.json.encode(well_known(endpoints, publisher))),
        **{
            f"/{name}": (media_type, partial(_text_bytes, name, endpoints, publisher.url))
            for name, media_type in TEXTS.items()
        },
    }
    return [
        Route(path, representation_handler({media_type: partial(_document, media_type, make)}))
        for path, (media_type, make) in documents.items()
    ]


def _document(media_type: str, make: Callable[[], bytes]) -> Representation:
    return Representation(make(), media_type, SAFE)


def _text_bytes(name: str, endpoints: Sequence[Endpoint], public_url: str) -> bytes:
    return text_of(name, endpoints, public_url).encode()


def well_known(endpoints: Sequence[Endpoint], publisher: Publisher) -> Mapping[str, Any]:
    """Return the paid resources in the form for crawlers of x402."""
    proofs = list(publisher.ownership_proofs)
    return {
        "version": 1,
        "resources": [publisher.url + endpoint.path for endpoint in endpoints],
        **({"ownershipProofs": proofs} if proofs else {}),
        "instructions": text_of("llms.txt", endpoints, publisher.url),
    }


def text_of(name: str, endpoints: Sequence[Endpoint], public_url: str) -> str:
    """Render a document of ``templates/`` for these products at this address."""
    return template(name).render(
        endpoints=endpoints,
        url=public_url,
        description=DESCRIPTION,
        tables=field_tables(endpoints),
        refusals=ERROR_RESPONSES,
        retries=RETRIES,
        pages=[free.path for free in free_paths(endpoints) if free.listed],
        operations=[free.path for free in OPERATIONS],
    )
