"""The page of a kept schedule in Chromium: axe finds nothing, nothing is wider than the window."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from scripts.screenshots import kept_page
from tests.support.browser import chromium

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kept_page(tmp_path_factory.mktemp("kept")) as address:
        yield address


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_right_without_a_script(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    window = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        java_script_enabled=False,
    )
    page = window.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.goto(address)
    assert page.get_by_role("heading", level=1).inner_text() == "Platform, nights and weekends"
    blocks = page.locator(".strip rect").all()
    assert all((block.bounding_box() or {})["width"] > 1 for block in blocks)
    assert page.locator(".strip .nobody").count() > 0
    boxes = [page.locator(name).bounding_box() or {} for name in ("main", ".strip >> nth=0")]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    page.get_by_label("Show times in another time zone").fill("Asia/Tokyo")
    page.get_by_role("button", name="Show").click()
    assert "Asia/Tokyo (UTC+09:00)" in page.locator("header").inner_text()
    assert faults == []
    window.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(browser: Browser, address: str, width: int, scheme: str) -> None:
    window = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        bypass_csp=True,  # axe is a script of ours; the page runs none
    )
    page = window.new_page()
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    window.close()
