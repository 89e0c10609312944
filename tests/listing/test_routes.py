"""The free routes: each answers, and readiness names each part."""

from collections.abc import Mapping

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from app.api.endpoints import paid_endpoints
from app.listing.routes import free_routes
from app.metrics import Metrics

pytestmark = pytest.mark.anyio

ROWS = paid_endpoints()


async def answer(path: str, problems: Mapping[str, str | None] | None = None) -> httpx.Response:
    app = Starlette(
        routes=list(
            free_routes(ROWS, "https://oncall.example", lambda: problems or {}, Metrics().text)
        )
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    "path",
    ["/catalog", "/catalog/sched-oncall-rotation", "/healthz", "/readyz"],
)
async def test_free_documents_are_json(path: str) -> None:
    response = await answer(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    msgspec.json.decode(response.content)


async def test_addresses_are_the_configured_ones_and_not_the_hosts() -> None:
    page = (await answer("/catalog/sched-oncall-rotation")).json()
    assert page["apiUrl"] == "https://oncall.example/v1/scheduling/oncall-rotation"


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
    problems: Mapping[str, str | None], status: int, report: Mapping[str, object]
) -> None:
    response = await answer("/readyz", problems)
    assert (response.status_code, response.json()) == (status, report)
    assert response.headers["cache-control"] == "no-store"


async def test_readiness_leaves_out_what_the_asker_excludes() -> None:
    problems = {"process": None, "facilitator": "does not answer", "claims": "away"}
    response = await answer("/readyz?exclude=facilitator&exclude=claims", problems)
    assert (response.status_code, response.json()["checks"]) == (200, {"process": "ok"})
