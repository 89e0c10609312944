"""The pages over HTTP: the fields of the listing, negotiation, headers, and their commands."""

import json
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import httpx
import msgspec
import pytest

from app.discovery.bazaar import ICON_PATH
from app.discovery.catalog import product_page
from app.discovery.home_example import HOME_EXAMPLE, HOME_PICTURE
from app.discovery.html import SECURITY_HEADERS, static_files
from app.discovery.pages import picture_path
from app.discovery.template_filters import json_text, undescribed
from app.products.endpoint import JSON, SVG, Endpoint
from app.products.registry import paid_endpoints
from tests.support.requirements import require
from tests.support.services import PAY_TO, Service, remote_settings, service, settings

pytestmark = pytest.mark.anyio

ENDPOINTS = paid_endpoints()
PUBLIC_URL = "https://oncall.test"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PRODUCTS = [endpoint.catalog_path for endpoint in ENDPOINTS]
PATHS = ["/", "/catalog", *PRODUCTS]
INPUT, OUTPUT = "JSON Schema of the input", "JSON Schema of the output"
MAX_PAGE_BYTES = 64 * 1024
"""Before it is compressed."""
WALLET = ["mcp-wallet", f"{PUBLIC_URL}/mcp", "--max", "0.10"]


class Page(HTMLParser):
    """A page's ``text``, its ``pre`` blocks by label, and its elements as (tag, attributes)."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: dict[str, str] = {}
        self._label: str | None = None
        self._texts: list[str] = []
        self.feed(source)
        self.text = " ".join("".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "pre":
            self._label = str(dict(attrs)["aria-label"])
            self.blocks[self._label] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._label = None

    def handle_data(self, data: str) -> None:
        self._texts.append(data)
        if self._label is not None:
            self.blocks[self._label] += data

    def says(self, text: str) -> bool:
        """Whether ``text`` is on the page, however it is laid out."""
        return text.replace(" ", "") in self.text.replace(" ", "")

    def having(self, attribute: str) -> Iterator[str]:
        """The values of ``attribute`` wherever it stands."""
        return (str(found[attribute]) for _, found in self.elements if attribute in found)

    def meta(self, name: str) -> str:
        [found] = [
            attributes["content"]
            for tag, attributes in self.elements
            if tag == "meta" and name in (attributes.get("name"), attributes.get("property"))
        ]
        return str(found)


async def fetch(path: str, shop: Service | None = None, **headers: str) -> httpx.Response:
    return await (shop or service()).http.get(path, headers={"Accept": BROWSER, **headers})


async def page(path: str, shop: Service | None = None) -> Page:
    response = await fetch(path, shop)
    assert response.status_code == 200, response.text
    return Page(response.text)


def is_picture(tag: str, attributes: dict[str, str | None]) -> bool:
    return tag == "img" and str(attributes["src"]).startswith("/catalog/")


async def over_the_wire(path: str, shop: Service) -> int:
    return int((await fetch(path, shop)).headers["content-length"])


# --- what is on a product's page ------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
async def test_every_field_of_the_listing_is_on_the_page(endpoint: Endpoint) -> None:
    shown = await page(endpoint.catalog_path)
    product = product_page(endpoint, PUBLIC_URL)
    price = product["price"]
    for text in (
        f"Catalogue / {product['category']}",
        product["title"],
        product["description"],
        f"${price['amount']} per {price['per']}",
        f"Method {product['method']}",
        f"Route {product['route']}",
        f"API URL {product['apiUrl']}",
        f"Status {product['status']}",
        f"MIME type {product['mimeType']}",
        f"Rate limit {product['rateLimit']}",
        f"Cache {product['cache']}",
        "".join(product["tags"]),
    ):
        assert shown.says(text), text
    assert product["integrationDocs"] in shown.having("href")
    assert {
        label: shown.blocks[label]
        for label in ("Example request", "Example response", INPUT, OUTPUT)
    } == {
        "Example request": json_text(product["exampleRequest"]),
        "Example response": json_text(product["exampleResponse"]),
        INPUT: json_text(undescribed(product["inputSchema"]), 1),
        OUTPUT: json_text(undescribed(product["outputSchema"]), 1),
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
async def test_every_field_of_the_schemas_is_described(endpoint: Endpoint) -> None:
    text = (await page(endpoint.catalog_path)).text.replace("`", "")
    for part in ("inputSchema", "outputSchema"):
        for kind in product_page(endpoint, PUBLIC_URL)[part]["$defs"].values():
            for name, field in kind["properties"].items():
                assert name in text
                assert " ".join(field.get("description", "").replace("`", "").split()) in text


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
async def test_every_format_is_named(endpoint: Endpoint) -> None:
    shown = await page(endpoint.catalog_path)
    for media_type, each in endpoint.formats.items():
        assert shown.says(f"{media_type} {each.name}: {each.purpose}")


async def test_the_worked_example_is_on_its_page_with_a_link_to_its_picture() -> None:
    rotation = ENDPOINTS[0]
    [worked] = rotation.worked
    path = f"{rotation.catalog_path}/worked-1.svg"
    shown = await page(rotation.catalog_path)
    assert path in shown.having("href")
    drawn = await fetch(path)
    assert drawn.headers["content-type"] == SVG
    assert drawn.content == rotation.answer_to(worked.example, SVG)


DRAWN = [each for each in ENDPOINTS if SVG in each.formats]


@pytest.mark.parametrize(
    "endpoint", [each for each in ENDPOINTS if each not in DRAWN], ids=lambda each: each.slug
)
async def test_what_draws_nothing_shows_no_picture(endpoint: Endpoint) -> None:
    assert picture_path(endpoint) is None
    shown = await page(endpoint.catalog_path)
    assert not [each for each in shown.elements if is_picture(*each)]


@pytest.mark.parametrize("endpoint", DRAWN, ids=lambda each: each.slug)
async def test_the_examples_picture_is_the_endpoints(endpoint: Endpoint) -> None:
    path = picture_path(endpoint)
    assert path is not None
    shown = await page(endpoint.catalog_path)
    assert path in shown.having("href")
    [picture] = [attributes for tag, attributes in shown.elements if is_picture(tag, attributes)]
    assert "interpretation" not in str(picture["alt"])
    assert len(str(picture["alt"])) > 40
    drawn = await fetch(path)
    assert drawn.headers["content-type"] == SVG
    bought = await service(settings(payments="off")).http.post(
        endpoint.path, json=endpoint.example, headers={"Accept": SVG}
    )
    assert drawn.content == bought.content
    assert "sandbox" in drawn.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("shop", "server"),
    [
        (service(), {"command": "oncall", "args": WALLET}),
        (
            service(remote_settings("http://127.0.0.1:9")),
            {"command": "oncall", "args": WALLET, "env": {"PRIVATE_KEY": "0x…"}},
        ),
        (service(settings(payments="off")), {"type": "http", "url": f"{PUBLIC_URL}/mcp"}),
    ],
    ids=["sandbox", "facilitator", "off"],
)
async def test_the_catalogue_configures_an_mcp_host(
    shop: Service, server: dict[str, object]
) -> None:
    told = (await page("/catalog", shop)).blocks["Configuration of an MCP host"]
    assert json.loads(told) == {"mcpServers": {"oncall": server}}
    assert len(told.strip().splitlines()) <= 10


@pytest.mark.parametrize("path", ["/", "/catalog"])
async def test_every_product_is_listed(path: str) -> None:
    shown = await page(path)
    for endpoint in ENDPOINTS:
        assert endpoint.catalog_path in shown.having("href")
        assert shown.says(endpoint.title)
        assert shown.says(f"${endpoint.price_usd} per request")


# --- what readers are told to run -----------------------------------------------------------


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
@pytest.mark.parametrize(
    ("label", "program"),
    [
        pytest.param("curl commands", "sh", id="curl", marks=pytest.mark.process),
        pytest.param("Python program", sys.executable, id="python"),
    ],
)
async def test_the_commands_buy_the_example(
    address: str, tmp_path: Path, endpoint: Endpoint, label: str, program: str
) -> None:
    async with httpx.AsyncClient(base_url=address, headers={"Accept": BROWSER}) as http:
        shown = Page((await http.get(endpoint.catalog_path)).text)
    (tmp_path / "order.json").write_text(shown.blocks["Example request"])
    (tmp_path / "program").write_text(shown.blocks[label])
    if program == "sh":
        require("process", "curl", "curl")
    answer = run([program, "program"], tmp_path)
    assert answer.strip() == endpoint.example_answer.decode().strip()


async def test_where_money_moves_the_page_says_how_to_pay_it() -> None:
    shown = await page(PRODUCTS[0], service(remote_settings("http://127.0.0.1:9")))
    assert f"0.02 USDC on Base Sepolia (test money) to {PAY_TO}" in shown.text
    assert "X402_PRIVATE_KEY" in shown.blocks["Python program"]
    assert "/sandbox/pay" not in shown.text
    assert "form" not in dict(shown.elements)
    assert not [source for source in shown.having("src") if "form.js" in source]
    compile(shown.blocks["Python program"], "page", "exec")


async def test_where_nothing_is_paid_the_form_says_so() -> None:
    shown = await page(PRODUCTS[0], service(settings(payments="off")))
    assert "asks for no payment" in shown.text
    assert "form" in dict(shown.elements)


@pytest.mark.parametrize(
    ("contact", "told"),
    [("ops@oncall.test", "Write to ops@oncall.test."), ("", f"The operator of {PUBLIC_URL}.")],
)
async def test_the_home_page_says_who_runs_it(contact: str, told: str) -> None:
    shown = await page("/", service(settings(contact_email=contact)))
    assert shown.says(f"Who runs it {told}")
    assert (f"mailto:{contact}" in shown.having("href")) is bool(contact)


async def test_the_home_page_shows_a_proven_plan_around_absences() -> None:
    shown = await page("/")
    answer = json.loads(ENDPOINTS[0].answer_to(HOME_EXAMPLE))
    assert answer["fairness"]["optimal"]
    assert set(answer["fairness"]["hours"].values()) == {96}
    for line in answer["fairness"]["explanations"]:
        assert shown.says(line)
    drawn = await fetch(HOME_PICTURE)
    assert b"Ben is away: 2026-06-05" in drawn.content


@pytest.mark.parametrize(
    ("shop", "told"),
    [
        (service(), "This service is a sandbox"),
        (service(remote_settings("http://127.0.0.1:9")), "paid in a stablecoin"),
        (service(settings(payments="off")), "asks for no payment"),
    ],
    ids=["sandbox", "facilitator", "off"],
)
async def test_the_home_page_has_its_terms(shop: Service, told: str) -> None:
    assert told in (await page("/", shop)).text


async def test_a_page_of_nothing_leads_home() -> None:
    shown = Page((await fetch("/nothing")).text)
    links = [
        attributes["href"]
        for tag, attributes in shown.elements
        if tag == "a" and attributes.get("class") == "button"
    ]
    assert links == ["/"]


# --- negotiation ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("accept", "served"),
    [
        pytest.param(BROWSER, "text/html; charset=utf-8", id="a browser"),
        pytest.param("text/html", "text/html; charset=utf-8", id="HTML"),
        pytest.param("application/json", "application/json", id="JSON"),
        pytest.param("*/*", "application/json", id="curl"),
        pytest.param("text/html;q=0.5,application/json", "application/json", id="rather JSON"),
        pytest.param("text/markdown", "application/json", id="neither"),
    ],
)
async def test_accept_chooses(path: str, accept: str, served: str) -> None:
    response = await fetch(path, Accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (200, served)
    assert response.headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("path", PATHS)
async def test_head_and_a_kept_page(path: str) -> None:
    shop = service()
    full = await fetch(path, shop)
    head = await shop.http.head(path, headers={"Accept": BROWSER})
    assert head.headers["etag"] == full.headers["etag"]
    assert head.headers["content-length"] == full.headers["content-length"]
    kept = await fetch(path, shop, **{"If-None-Match": full.headers["etag"]})
    assert kept.status_code == 304


async def test_json_of_a_product_is_its_catalogue_document() -> None:
    document = (await fetch(PRODUCTS[0], Accept="application/json")).json()
    assert document == json.loads(msgspec.json.encode(product_page(ENDPOINTS[0], PUBLIC_URL)))


async def test_the_list_names_every_product() -> None:
    for path in ("/", "/catalog"):
        document = (await fetch(path, Accept="application/json")).json()
        assert [product["slug"] for product in document["products"]] == [
            endpoint.slug for endpoint in ENDPOINTS
        ]


@pytest.mark.parametrize("path", ["/nothing", "/catalog/nothing", "/catalog/"])
async def test_a_browser_gets_a_page_where_nothing_is(path: str) -> None:
    response = await fetch(path)
    assert response.status_code == 404
    assert "Nothing is served here" in Page(response.text).text
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/png"])
async def test_everybody_else_gets_the_problem(accept: str) -> None:
    response = await fetch("/nothing", Accept=accept)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


# --- headers and links ----------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
async def test_security_headers_are_on_every_page(path: str) -> None:
    response = await fetch(path)
    for name, value in SECURITY_HEADERS.items():
        assert response.headers[name] == value
    assert "unsafe" not in response.headers["content-security-policy"]


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
async def test_a_page_brings_only_what_is_ours_and_there(path: str) -> None:
    shown = Page((await fetch(path)).text)
    brought = [
        *shown.having("src"),
        *(
            str(attributes["href"])
            for tag, attributes in shown.elements
            if tag == "link" and attributes["rel"] in ("stylesheet", "icon")
        ),
    ]
    assert brought
    for address in brought:
        assert address.startswith("/"), address
        assert (await fetch(address)).status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
async def test_nothing_inline_that_the_policy_forbids(path: str) -> None:
    shown = Page((await fetch(path)).text)
    assert not [
        tag for tag, attributes in shown.elements if tag == "style" or "style" in attributes
    ]
    assert not [name for _, attributes in shown.elements for name in attributes if name[:2] == "on"]
    assert all("src" in attributes for tag, attributes in shown.elements if tag == "script")


@pytest.mark.parametrize("path", PATHS)
async def test_every_link_of_ours_leads_somewhere(path: str) -> None:
    shop = service()
    shown = await page(path, shop)
    ids = set(shown.having("id"))
    for href in shown.having("href"):
        here = href.removeprefix(PUBLIC_URL) or "/"
        if here.startswith("#"):
            assert here[1:] in ids, href
        elif here.startswith("/"):
            assert (await fetch(here.partition("#")[0], shop)).status_code == 200, href


@pytest.mark.parametrize("path", PATHS)
async def test_link_previews(path: str) -> None:
    shown = await page(path)
    assert shown.meta("og:url") == PUBLIC_URL + path
    assert shown.meta("og:title") == unescape(shown.meta("og:title")) != ""
    assert shown.meta("og:description") == shown.meta("description") != ""
    image = await fetch(shown.meta("og:image").removeprefix(PUBLIC_URL))
    assert image.headers["content-type"] == "image/png"
    assert image.content[16:24] == (1200).to_bytes(4) + (630).to_bytes(4)


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_with_all_it_brings_is_light(path: str) -> None:
    shop = service()
    response = await fetch(path, shop)
    shown = Page(response.text)
    brought = {*shown.having("src"), *(href for href in shown.having("href") if "/static/" in href)}
    sizes = [await over_the_wire(address, shop) for address in brought]
    assert int(response.headers["content-length"]) + sum(sizes) <= MAX_PAGE_BYTES


async def test_static_files_are_kept_for_ever_under_their_content() -> None:
    shop = service()
    shown = await page("/", shop)
    [sheet] = [href for href in shown.having("href") if "style.css" in href]
    named = await fetch(sheet, shop)
    assert named.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert named.headers["content-type"] == "text/css; charset=utf-8"
    old = await fetch("/static/style.css?v=0", shop)
    assert (old.content, old.headers["cache-control"]) == (named.content, "public, max-age=300")


@pytest.mark.parametrize("path", ["/static/nothing", "/static/..%2fhtml.py", "/static/"])
async def test_only_static_files_are_static(path: str) -> None:
    assert (await fetch(path, Accept="*/*")).status_code == 404


async def test_the_icon_where_old_browsers_look() -> None:
    icon = await fetch("/favicon.ico")
    assert icon.content[:4] == b"\0\0\1\0"
    assert icon.content == static_files()["favicon.ico"].body


async def test_the_icon_that_listings_name() -> None:
    icon = await fetch(ICON_PATH)
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/png")
    width, height = struct.unpack(">2I", icon.content[16:24])
    assert (icon.content[:8], width, height) == (b"\x89PNG\r\n\x1a\n", 256, 256)


def test_templates_and_static_files_are_packaged() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    [line] = re.findall(r"^app = (\[.*py\.typed.*\])$", text, re.MULTILINE)
    assert "discovery/templates/*" in line
    assert "discovery/static/*" in line


def test_an_endpoint_without_pictures_has_none() -> None:
    rotation, *_ = paid_endpoints()
    assert picture_path(replace(rotation, formats={JSON: rotation.formats[JSON]})) is None
