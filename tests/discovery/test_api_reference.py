"""The page ``/docs``: its vendored files are served, and a browser draws all of it."""

import gzip
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from starlette.applications import Starlette

from app.discovery.api_reference import FOLDER, page, reference_routes
from app.discovery.openapi import openapi_document
from app.products.registry import paid_endpoints
from tests.support.browser import chromium

VIEWER = "swagger-ui-bundle.js"
OPERATIONS = [
    pytest.param(method, path, id=f"{method} {path}")
    for path, methods in openapi_document(paid_endpoints())["paths"].items()
    for method in methods
]


async def answer(path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=list(reference_routes())))
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        return await client.get(path, headers={"Accept-Encoding": "identity", **headers})


# --- how it is served -----------------------------------------------------------------------


@pytest.mark.anyio
class TestServed:
    async def test_the_page_allows_nothing_inline_and_nothing_from_elsewhere(self) -> None:
        response = await answer("/docs")
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"

    async def test_every_address_on_the_page_names_a_files_content(self) -> None:
        addresses = [text for text in page().body.decode().split('"') if "/docs/" in text]
        assert len(addresses) == 4
        for address in addresses:
            response = await answer(address)
            assert response.status_code == 200
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"

    @pytest.mark.parametrize("query", ["", "?v=older"])
    async def test_another_address_is_not_kept_for_ever(self, query: str) -> None:
        response = await answer(f"/docs/{VIEWER}{query}")
        assert response.headers["Cache-Control"] == "public, max-age=300"

    @pytest.mark.parametrize(
        ("accepted", "coded"),
        [
            ("gzip", True),
            ("br;q=1.0, GZIP;q=0.5", True),
            ("gzip;q=0.001", True),
            ("gzip;q=0", False),
            ("gzip ; q=0.000, br", False),
            ("br", False),
            ("", False),
        ],
    )
    async def test_a_file_is_sent_as_the_client_takes_it(self, accepted: str, coded: bool) -> None:
        response = await answer(f"/docs/{VIEWER}", **{"Accept-Encoding": accepted})
        assert response.headers.get("Content-Encoding") == ("gzip" if coded else None)
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert response.headers["Vary"] == "Accept-Encoding"
        kept = gzip.decompress((FOLDER / f"{VIEWER}.gz").read_bytes())
        assert response.content == kept  # httpx has decoded it

    async def test_the_two_codings_have_tags_of_their_own(self) -> None:
        tags = {
            (await answer(f"/docs/{VIEWER}", **{"Accept-Encoding": coding})).headers["ETag"]
            for coding in ("gzip", "identity")
        }
        assert len(tags) == 2

    @pytest.mark.parametrize("name", ["LICENSE", "NOTICE", f"{VIEWER}.LICENSE.txt"])
    async def test_the_licence_comes_along(self, name: str) -> None:
        response = await answer(f"/docs/{name}")
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.content == (FOLDER / name).read_bytes()

    @pytest.mark.parametrize("name", ["none.js", "..%2freference.py", f"{VIEWER}.gz"])
    async def test_there_is_nothing_else(self, name: str) -> None:
        assert (await answer(f"/docs/{name}")).status_code == 404


# --- in a browser ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Seen:
    """The console messages of a page and the addresses it requested."""

    def __init__(self, page: Page) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        self.said.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="module")
def drawn(browser: Browser, address: str) -> Iterator[tuple[Page, Seen]]:
    """The page with every operation on it."""
    page = browser.new_page()
    seen = Seen(page)
    page.goto(f"{address}/docs")
    page.locator(".opblock").nth(len(OPERATIONS) - 1).wait_for()
    yield page, seen
    page.close()


class TestDrawn:
    @pytest.mark.parametrize(("method", "path"), OPERATIONS)
    def test_an_operation_is_drawn(self, drawn: tuple[Page, Seen], method: str, path: str) -> None:
        block = drawn[0].locator(f".opblock-{method} [data-path='{path}']")
        assert block.count() == 1

    def test_an_operation_opens_with_its_price_example_and_schema(
        self, drawn: tuple[Page, Seen]
    ) -> None:
        page, _ = drawn
        page.locator("#operations-Scheduling-sched-oncall-rotation button").first.click()
        block = page.locator("#operations-Scheduling-sched-oncall-rotation")
        block.locator(".responses-table").wait_for()
        text = block.inner_text()
        for words in ("0.020000", "shiftLengthHours", "PAYMENT-SIGNATURE", "402", "429"):
            assert words in text

    def test_nothing_is_complained_of_and_nobody_else_is_asked(
        self, drawn: tuple[Page, Seen], address: str
    ) -> None:
        _, seen = drawn
        assert seen.said == []
        assert all(url.startswith((f"{address}/", "data:")) for url in seen.asked)
        assert f"{address}/openapi.full.json" in seen.asked

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_fits_a_phone_in_light_and_dark(
        self, browser: Browser, address: str, scheme: Any
    ) -> None:
        page = browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 844})
        page.goto(f"{address}/docs")
        page.locator(".opblock").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(247, 247, 244)", "dark": "rgb(20, 23, 26)"}[scheme]
        page.locator(".opblock-summary-control").nth(1).click()
        page.locator(".responses-table").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for block in page.locator(".opblock-summary-path").all()[:20]:
            box = block.bounding_box()
            assert box is not None
            assert box["width"] > 80, "a path is not squeezed to a column of letters"
        page.close()

    def test_it_is_the_sites_brand_and_leads_home(self, drawn: tuple[Page, Seen]) -> None:
        page, _ = drawn
        home = page.get_by_role("link", name="On-call rotation", exact=True)
        assert home.get_attribute("href") == "/"


class TestTried:
    """Requests that the page sends."""

    def test_a_key_is_entered_and_sent(self, browser: Browser, address: str) -> None:
        page = browser.new_page()
        page.goto(f"{address}/docs")
        page.get_by_role("button", name="Authorize").first.click()
        dialog = page.locator(".modal-ux")
        dialog.locator("input").first.fill("a-key")
        dialog.get_by_role("button", name="Apply").first.click()
        dialog.get_by_role("button", name="Close").last.click()
        block = page.locator("[id^='operations-Schedules']").first
        block.locator(".opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
        with page.expect_request("**/api/v1/schedules*") as sent:
            block.get_by_role("button", name="Execute").click()
        headers = sent.value.all_headers()
        assert "a-key" in headers.get("authorization", "") + headers.get("x-api-key", "")
        page.close()

    def test_the_terms_are_no_error(self, browser: Browser, address: str) -> None:
        page = browser.new_page()
        page.goto(f"{address}/docs")
        block = page.locator("#operations-Scheduling-sched-oncall-rotation")
        block.locator(".opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
        block.get_by_role("button", name="Execute").click()
        live = block.locator(".live-responses-table .response")
        live.wait_for()
        assert "402" in live.inner_text()
        assert "Error" not in live.inner_text()
        block.locator("textarea").first.fill('{"start": 1}')
        block.get_by_role("button", name="Execute").click()
        page.locator(".live-responses-table", has_text="400").wait_for()
        assert "Error" in live.inner_text()
        page.close()
