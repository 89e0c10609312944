"""The routes for operators: liveness, readiness and metrics."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.engine.walltime import zone_data_version
from app.http.readiness import Checks, is_ready
from app.products.endpoint import JSON

PROMETHEUS = "text/plain; version=1.0.0; charset=utf-8"


def operator_routes(checks: Checks, metrics: Callable[[], bytes]) -> Sequence[Route]:
    """Return the routes. ``metrics`` returns the text for Prometheus."""
    return [
        Route("/healthz", _health),
        Route("/readyz", _readiness(checks)),
        Route("/metrics", _metrics(metrics)),
    ]


async def _health(_: Request) -> Response:
    return Response(msgspec.json.encode({"status": "ok"}), media_type=JSON)


def _metrics(metrics: Callable[[], bytes]) -> Callable[[Request], Any]:
    async def page(_: Request) -> Response:
        return Response(metrics(), headers={"Cache-Control": "no-store"}, media_type=PROMETHEUS)

    return page


def _readiness(checks: Checks) -> Callable[[Request], Any]:
    async def readiness(request: Request) -> Response:
        """Answer with the problem of each part; ``?exclude=NAME`` omits parts, as in Kubernetes.

        ``tzdata`` is the release of the time zone database that all answers are computed by.
        """
        excluded = request.query_params.getlist("exclude")
        problems = {name: what for name, what in checks().items() if name not in excluded}
        ready = all(map(is_ready, problems.values()))
        report = {
            "status": "ready" if ready else "not ready",
            "checks": {name: problem or "ok" for name, problem in problems.items()},
            "tzdata": zone_data_version(),
        }
        headers = {"Cache-Control": "no-store"}
        return Response(
            msgspec.json.encode(report), 200 if ready else 503, headers, media_type=JSON
        )

    return readiness
