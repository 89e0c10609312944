"""What programs find the service by: OpenAPI, ``/.well-known/x402``, llms.txt, skill.md and so on.

Strategy: every document is read off the endpoint table and the same for every caller; it is made
when it is first asked for. Addresses are those of the configuration, never of a request's ``Host``.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import msgspec
from starlette.routing import Route

from app.discovery.error_responses import ERROR_RESPONSES
from app.discovery.free_paths import OPERATIONS, free_paths
from app.discovery.openapi import openapi_bytes
from app.discovery.representations import Representation, representation_handler
from app.discovery.templating import template
from app.products.endpoint import JSON, Endpoint

TEXTS = {
    "llms.txt": "text/plain",
    "skill.md": "text/markdown",
    "robots.txt": "text/plain",
    "sitemap.xml": "application/xml",
}
"""What is a template, with its media type."""
SAFE = {"X-Content-Type-Options": "nosniff"}
DESCRIPTION = (
    "Computes on-call rotations and layered on-call schedules: who is on call for each shift or at "
    "an instant, next handoffs, gaps and fairness tallies. Use it when somebody asks for an "
    "on-call rota, who is on call, or whether a schedule is fair. Each request is paid by x402."
)
"""When an agent should think of the skill: all that it sees before it reads on."""


def discovery_routes(endpoints: Sequence[Endpoint], public_url: str) -> Sequence[Route]:
    """The documents, each at its path."""
    documents: Mapping[str, tuple[str, Callable[[], bytes]]] = {
        "/openapi.json": (JSON, lambda: openapi_bytes(endpoints)),
        "/.well-known/x402": (JSON, lambda: msgspec.json.encode(well_known(endpoints, public_url))),
        **{
            f"/{name}": (media_type, partial(_written, name, endpoints, public_url))
            for name, media_type in TEXTS.items()
        },
    }
    return [
        Route(
            path, representation_handler({media_type: cache(partial(_document, media_type, make))})
        )
        for path, (media_type, make) in documents.items()
    ]


def _document(media_type: str, make: Callable[[], bytes]) -> Representation:
    return Representation(make(), media_type, SAFE)


def _written(name: str, endpoints: Sequence[Endpoint], public_url: str) -> bytes:
    return text_of(name, endpoints, public_url).encode()


def well_known(endpoints: Sequence[Endpoint], public_url: str) -> Mapping[str, Any]:
    """Where payments are taken, as crawlers of x402 resources read it."""
    return {
        "version": 1,
        "resources": [public_url + endpoint.path for endpoint in endpoints],
        "instructions": text_of("llms.txt", endpoints, public_url),
    }


def text_of(name: str, endpoints: Sequence[Endpoint], public_url: str) -> str:
    """A document of ``templates/``, written for these products at this address."""
    return template(name).render(
        endpoints=endpoints,
        url=public_url,
        description=DESCRIPTION,
        refusals=ERROR_RESPONSES,
        pages=[free.path for free in free_paths(endpoints) if free.listed],
        operations=[free.path for free in OPERATIONS],
    )
