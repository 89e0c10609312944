"""The free routes: what the service is, and whether it is well.

Every document here is the same for every caller, so it is written once, when the routes are made.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.endpoints import JSON, Endpoint
from app.listing.catalog import product_list, product_page

PROMETHEUS = "text/plain; version=1.0.0; charset=utf-8"

Checks = Callable[[], Mapping[str, str | None]]
"""What the service needs, by name: ``None`` when it is well, else what is wrong."""


def free_routes(
    endpoints: Sequence[Endpoint], public_url: str, checks: Checks, metrics: Callable[[], bytes]
) -> Sequence[Route]:
    """Routes that cost nothing. ``metrics`` is the text that Prometheus reads."""
    documents = {
        "/catalog": msgspec.json.encode(product_list(endpoints, public_url)),
        "/healthz": msgspec.json.encode({"status": "ok"}),
    }
    for endpoint in endpoints:
        page = msgspec.json.encode(product_page(endpoint, public_url))
        documents[endpoint.catalog_path] = page
    return [
        *(Route(path, _document(body)) for path, body in documents.items()),
        Route("/readyz", _readiness(checks)),
        Route("/metrics", _metrics(metrics)),
    ]


def _document(body: bytes) -> Callable[[Request], Any]:
    async def document(_: Request) -> Response:
        return Response(body, media_type=JSON)

    return document


def _metrics(metrics: Callable[[], bytes]) -> Callable[[Request], Any]:
    async def page(_: Request) -> Response:
        return Response(metrics(), headers={"Cache-Control": "no-store"}, media_type=PROMETHEUS)

    return page


def _readiness(checks: Checks) -> Callable[[Request], Any]:
    async def readiness(request: Request) -> Response:
        """``?exclude=NAME``, as often as wanted, leaves checks out, as at Kubernetes' own."""
        excluded = request.query_params.getlist("exclude")
        problems = {name: what for name, what in checks().items() if name not in excluded}
        ready = not any(problems.values())
        report = {
            "status": "ready" if ready else "not ready",
            "checks": {name: problem or "ok" for name, problem in problems.items()},
        }
        headers = {"Cache-Control": "no-store"}
        return Response(
            msgspec.json.encode(report), 200 if ready else 503, headers, media_type=JSON
        )

    return readiness
