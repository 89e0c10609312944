"""One test a rule of the listing's contract, of the whole service; the ids are the rules."""

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from x402.extensions.bazaar import validate_and_extract
from x402.extensions.bazaar.types import BAZAAR

from app.products.endpoint import Endpoint
from app.products.registry import paid_endpoints
from tests.support.mcp_agents import agent_of, content_of
from tests.support.processes import ROOT
from tests.support.seed import DESCRIPTION, EXAMPLE_REQUEST, EXAMPLE_RESPONSE, TAGS
from tests.support.services import PATH, Sandbox, Service, service, settings
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

ROWS = paid_endpoints()
URL = "https://oncall.test"
EACH = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)


def shop(path: str = PATH) -> Service:
    asked = service(settings(public_url=URL))
    asked.path = path
    return asked


async def got(path: str, **headers: str) -> httpx.Response:
    return await shop().http.get(path, headers=headers)


async def openapi(path: str = "/openapi.full.json") -> dict[str, Any]:
    document: dict[str, Any] = (await got(path)).json()
    return document


# --- one price everywhere -------------------------------------------------------------------


async def price_in_terms(row: Endpoint) -> Decimal:
    [way] = (await shop(row.path).ask(b"")).json()["accepts"]
    return Decimal(way["amount"]) / 10**6


async def price_in_openapi(row: Endpoint) -> Decimal:
    documents = [await openapi(path) for path in ("/openapi.json", "/openapi.full.json")]
    price, same = (
        document["paths"][row.path]["post"]["x-payment-info"]["price"] for document in documents
    )
    assert price == same
    assert (price["mode"], price["currency"]) == ("fixed", "USD")
    return Decimal(price["amount"])


async def price_in_catalogue(row: Endpoint) -> Decimal:
    products = (await got("/catalog", Accept="application/json")).json()["products"]
    [price] = [product["price"] for product in products if product["slug"] == row.slug]
    return Decimal(price["amount"])


async def price_on_page(row: Endpoint) -> Decimal:
    page = (await got(row.catalog_path, Accept="application/json")).json()
    return Decimal(page["price"]["amount"])


async def price_in_llms_txt(row: Endpoint) -> Decimal:
    return price_before(f"`POST {URL}{row.path}`", (await got("/llms.txt")).text)


async def price_in_well_known(row: Endpoint) -> Decimal:
    document = (await got("/.well-known/x402")).json()
    assert f"{URL}{row.path}" in document["resources"]
    return price_before(f"`POST {URL}{row.path}`", document["instructions"])


async def price_in_skill(row: Endpoint) -> Decimal:
    text = (await got("/skill.md")).text
    before = price_before(f"`POST {URL}{row.path}`:", text)
    [after] = [line for line in text.splitlines() if line.startswith(f"`POST {URL}{row.path}`, $")]
    assert Decimal(after.partition(", $")[2].partition(" ")[0]) == before
    return before


async def price_of_tool(row: Endpoint) -> Decimal:
    async with agent_of(Sandbox()) as agent:
        tools = {tool.name: tool for tool in (await agent.session.list_tools()).tools}
        [way] = content_of(await agent.ask(None, tool=row.slug))["accepts"]
    told = tools[row.slug]
    assert told.meta is not None
    price = Decimal(told.meta["x-payment-info"]["price"]["amount"])
    assert f"${row.price_usd} a call" in (told.description or "")
    assert Decimal(way["amount"]) / 10**6 == price
    return price


def price_before(words: str, text: str) -> Decimal:
    """The last dollars of ``text`` before ``words``, per request."""
    dollars, _, rest = text.partition(words)[0].rpartition("$")[2].partition(" ")
    assert rest.startswith("per request")
    return Decimal(dollars)


PRICES: Mapping[str, Any] = {
    "402": price_in_terms,
    "openapi": price_in_openapi,
    "catalogue": price_in_catalogue,
    "page": price_on_page,
    "llms.txt": price_in_llms_txt,
    "well-known": price_in_well_known,
    "skill.md": price_in_skill,
    "mcp": price_of_tool,
}


@EACH
@pytest.mark.parametrize("place", PRICES)
async def test_the_price_is_the_same(place: str, row: Endpoint) -> None:
    assert await PRICES[place](row) == row.price_usd


@EACH
async def test_the_price_is_what_is_paid(row: Endpoint) -> None:
    asked = shop(row.path)
    assert (await asked.buy(row.example)).status_code == 200
    revenue = (await asked.http.get("/metrics")).text.partition("oncall_revenue_atomic_total{")[2]
    assert float(revenue.partition("} ")[2].partition("\n")[0]) == float(row.price_usd * 10**6)


# --- the catalogue --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("title", "On-call rotation API"),
        ("description", DESCRIPTION),
        ("price", {"amount": "0.02", "currency": "USD", "per": "request"}),
        ("method", "POST"),
        ("route", PATH),
        ("status", "Live"),
        ("mimeType", "application/json"),
        ("rateLimit", "120/minute"),
        ("cache", "0s public"),
        ("tags", TAGS),
        ("apiUrl", f"{URL}{PATH}"),
        ("integrationDocs", f"{URL}/openapi.json"),
        ("exampleRequest", json.loads(EXAMPLE_REQUEST)),
        ("exampleResponse", json.loads(EXAMPLE_RESPONSE)),
    ],
    ids=lambda cell: cell if isinstance(cell, str) and len(cell) < 16 else "",
)
async def test_the_page_has_everything_of_the_seeds(field: str, wanted: object) -> None:
    page = (await got("/catalog/sched-oncall-rotation", Accept="application/json")).json()
    assert page[field] == wanted


@EACH
async def test_the_example_is_what_a_payer_gets(row: Endpoint) -> None:
    page = (await got(row.catalog_path, Accept="application/json")).json()
    assert (await shop(row.path).buy(page["exampleRequest"])).json() == page["exampleResponse"]


# --- OpenAPI --------------------------------------------------------------------------------


async def test_openapi_is_the_committed_file_byte_for_byte() -> None:
    """Where everything is sold; without workspaces it lacks theirs."""
    everything = {"database_url": "sqlite:///not-opened.db", "workspace_secret": "s" * 32}
    served = service(settings(public_url=URL, **everything))
    document = (await served.http.get("/openapi.full.json")).content
    assert document == (ROOT / "openapi.json").read_bytes()


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi.full.json"])
async def test_openapi_is_valid_3_1_with_guidance_and_contact(path: str) -> None:
    document = await openapi(path)
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["x-guidance"]
    assert document["info"]["contact"]


async def test_openapi_says_what_is_paid_and_what_is_free() -> None:
    paths = (await openapi())["paths"]
    for path, methods in paths.items():
        for operation in methods.values():
            paid, stored = path in {row.path for row in ROWS}, path.startswith("/api/")
            assert ("x-payment-info" in operation) is paid
            assert ("402" in operation["responses"]) is paid
            assert (operation.get("security") == []) is not stored
    assert paths[PATH]["post"]["x-payment-info"] == {
        "price": {"mode": "fixed", "currency": "USD", "amount": "0.020000"},
        "protocols": [{"x402": {}}],
    }


async def test_everything_described_is_served_and_as_described() -> None:
    for path, methods in (await openapi())["paths"].items():
        if "get" in methods and not path.startswith("/api/"):
            response = await got(path)
            assert response.status_code == 200, path
            media_type = response.headers["Content-Type"].partition(";")[0]
            assert media_type in methods["get"]["responses"]["200"]["content"], path


# --- the 402 --------------------------------------------------------------------------------


@EACH
async def test_a_402_carries_a_valid_bazaar_extension_within_16_kib(row: Endpoint) -> None:
    response = await shop(row.path).ask(b"")
    terms = response.json()
    assert terms == json.loads(base64.b64decode(response.headers["PAYMENT-REQUIRED"]))
    assert validate_and_extract(terms["extensions"][BAZAAR.key]).valid
    head = sum(len(name) + len(value) + 4 for name, value in response.headers.raw)
    assert head + len(response.content) <= 16 * 1024


@EACH
async def test_every_402_carries_it(row: Endpoint) -> None:
    asked = shop(row.path)
    refused = header_of(Wallet().signed(await asked.terms(), value="1"))
    for response in (
        await asked.ask(row.example),
        await asked.ask(row.example, refused),
        await asked.ask(row.example, **{"X-PAYMENT": "nonsense"}),
    ):
        assert response.status_code == 402
        assert BAZAAR.key in response.json()["extensions"]


@EACH
@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded"])
async def test_the_resource_is_at_the_public_url_and_never_at_the_host(
    header: str, row: Endpoint
) -> None:
    response = await shop(row.path).ask(b"", **{header: "evil.example"})
    assert response.json()["resource"]["url"] == f"{URL}{row.path}"
    assert "evil" not in response.text


# --- other documents ------------------------------------------------------------------------


async def test_well_known() -> None:
    document = (await got("/.well-known/x402")).json()
    assert document["version"] == 1
    assert document["resources"] == [f"{URL}{row.path}" for row in ROWS]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/llms.txt", "text/plain"),
        ("/skill.md", "text/markdown"),
        ("/robots.txt", "text/plain"),
        ("/sitemap.xml", "application/xml"),
        ("/docs", "text/html"),
    ],
)
async def test_document(path: str, media_type: str) -> None:
    response = await got(path)
    assert response.status_code == 200
    assert response.headers["Content-Type"].partition(";")[0] == media_type
    assert (await shop().http.head(path)).headers["ETag"] == response.headers["ETag"]


# --- methods and CORS -----------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_a_405_that_points_to_the_page(method: str, row: Endpoint) -> None:
    response = await shop().http.request(method, row.path)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")
    if method != "HEAD":
        assert response.json()["catalog"] == row.catalog_path


async def test_a_preflight_allows_what_payers_send_and_exposes_what_they_read() -> None:
    response = await shop().http.options(PATH, headers={"Origin": "https://agent.test"})
    assert response.status_code == 204
    sent, read = "Access-Control-Allow-Headers", "Access-Control-Expose-Headers"
    names = {name: set(response.headers[name].split(", ")) for name in (sent, read)}
    assert {
        "PAYMENT-SIGNATURE",
        "X-PAYMENT",
        "Content-Type",
        "Accept",
        "Access-Control-Expose-Headers",
    } <= names[sent]
    assert {
        "PAYMENT-REQUIRED",
        "PAYMENT-RESPONSE",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
    } <= names[read]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", PATH, 402),
        ("GET", PATH, 405),
        ("GET", "/nowhere", 404),
        ("GET", "/docs", 200),
        ("GET", "/.well-known/x402", 200),
        ("GET", "/metrics", 200),
    ],
)
async def test_cors_is_on_every_answer(method: str, path: str, status: int) -> None:
    response = await shop().http.request(method, path)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (status, "*")


# --- operations -----------------------------------------------------------------------------


async def test_readyz_names_each_part() -> None:
    checks = (await got("/readyz")).json()["checks"]
    assert {"facilitator", "claims", "limits"} <= set(checks)


@pytest.mark.parametrize(
    "name",
    [
        "oncall_requests_total",
        "oncall_request_seconds_bucket",
        "oncall_settlements_total",
        "oncall_revenue_atomic_total",
        "oncall_rate_limit_refusals_total",
    ],
)
async def test_metrics_have(name: str) -> None:
    asked = shop()
    await asked.ask(b"")
    assert f"\n{name}{{" in (await asked.http.get("/metrics")).text


async def test_a_log_line_names_the_request_and_holds_no_payment_key_or_body(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = shop()
    payment = header_of(Wallet().signed(await asked.terms()))
    body = {"start": "2026-06-04T00:00:00Z", "people": ["Wilhelmina"], "shifts": 1}
    response = await asked.ask(body, payment)
    assert response.status_code == 200
    written = caplog.text + "".join(capsys.readouterr())
    assert response.headers["X-Request-Id"] in written
    assert "Wilhelmina" not in written
    assert payment not in written
    assert json.loads(base64.b64decode(payment))["payload"]["signature"] not in written
