"""The routes for operators: each answers, and readiness names each part."""

from collections.abc import Mapping

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from app.discovery.operator_routes import operator_routes
from app.engine.walltime import zone_data_version
from app.metrics import Metrics

pytestmark = pytest.mark.anyio


async def answer(path: str, problems: Mapping[str, str | None] | None = None) -> httpx.Response:
    app = Starlette(routes=list(operator_routes(lambda: problems or {}, Metrics().text)))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz"],
)
async def test_free_documents_are_json(path: str) -> None:
    response = await answer(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    msgspec.json.decode(response.content)


@pytest.mark.parametrize(
    ("problems", "status", "report"),
    [
        pytest.param({}, 200, {"status": "ready", "checks": {}}, id="nothing-to-check"),
        pytest.param(
            {"facilitator": None},
            200,
            {"status": "ready", "checks": {"facilitator": "ok"}},
            id="well",
        ),
        pytest.param(
            {"facilitator": "does not answer", "store": None},
            503,
            {"status": "not ready", "checks": {"facilitator": "does not answer", "store": "ok"}},
            id="one-part-is-not-well",
        ),
    ],
)
async def test_readiness(
    problems: Mapping[str, str | None], status: int, report: dict[str, object]
) -> None:
    response = await answer("/readyz", problems)
    release = {"tzdata": zone_data_version()}
    assert (response.status_code, response.json()) == (status, report | release)
    assert response.headers["cache-control"] == "no-store"
