"""The pages in Chromium: the form buys and draws, by keyboard too; axe finds nothing; all is ours.

The service is a real process in its sandbox, and the form pays it by real x402.
"""

import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

from app.discovery.pages import picture_path
from app.products.endpoint import Endpoint
from app.products.registry import paid_endpoints
from tests.support.browser import chromium
from tests.support.processes import answers_ok, environment, free_port, running

pytestmark = pytest.mark.browser

ENDPOINTS = paid_endpoints()
ROTATION, SCHEDULE, NOW = (endpoint.catalog_path for endpoint in ENDPOINTS)
PATHS = ["/", "/catalog", ROTATION, SCHEDULE, NOW]
MAX_PAGE_BYTES = 60 * 1024
ANSWERED = re.compile("status of 40[02] |ERR_INTERNET_DISCONNECTED")
"""Chromium itself writes down every answer that is no success. A 402 is the protocol's first step,
a 400 what a faulty document is to get, and one test takes the network away."""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Open]:
    """Open a path in its own window, and record console errors and requests to other origins."""
    windows, faults = [], []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not ANSWERED.search(message.text):
            faults.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith((f"{address}/", "data:")):
            faults.append(f"asks {request.url}")

    def open_path(path: str, *, size: tuple[int, int] = (1280, 900), **options: object) -> Page:
        viewport = {"width": size[0], "height": size[1]}
        window = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
        windows.append(window)
        page = window.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", asked)
        page.goto(address + path)
        return page

    yield open_path
    for window in windows:
        window.close()
    assert faults == []


def submit(page: Page) -> None:
    page.get_by_role("button", name="Pay with sandbox money").click()


def filled_row(page: Page, **cells: str) -> Locator:
    """A new row of absences."""
    absences = page.get_by_role("group", name="Unavailable")
    absences.get_by_role("button", name="Add a row").click()
    row = absences.locator("ol > li").last
    for name, text in cells.items():
        row.get_by_label(name.title()).fill(text)
    return row


def badges(page: Page) -> list[str]:
    return page.locator("#try-steps .badge").all_inner_texts()


def axe_faults(page: Page) -> list[str]:
    """Every rule that axe finds broken, and where."""
    return [
        f"{found['id']} ({found['impact']}): {node['target']} {node.get('failureSummary', '')}"
        for found in Axe().run(page).response["violations"]
        for node in found["nodes"]
    ]


# --- the form -------------------------------------------------------------------------------


def test_a_rotation_is_bought_and_drawn(opened: Open) -> None:
    page = opened(ROTATION)
    page.get_by_label("Start").fill("2026-07-01T08:00:00+02:00")
    page.get_by_label("People").fill("ana\nben\n\n cleo ")
    page.get_by_label("Shifts", exact=True).fill("4")
    page.get_by_label("Shift length hours").fill("12.5")
    submit(page)
    answer = page.get_by_role("region", name="The answer", exact=True)
    expect(answer).to_be_focused()
    assert badges(page) == ["402", "signed", "200"] * 2
    rows = page.get_by_role("region", name="Table of rotation").get_by_role("row")
    assert rows.nth(4).get_by_role("cell").all_inner_texts() == [
        "4",
        "ana",
        "2026-07-02 19:30 UTC",
        "2026-07-03 08:00 UTC",
        "2026-07-03 08:00 UTC",
    ]
    assert rows.count() == 5
    picture = answer.get_by_role("img")
    assert "4 shift(s) of 12.5h across 3 people" in str(picture.get_attribute("alt"))
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    drawn = str(picture.get_attribute("src"))
    assert drawn.startswith("data:image/svg+xml")
    assert all(name in drawn for name in ("ana", "ben", "cleo"))


def test_a_fair_rotation_around_absences_is_bought(opened: Open) -> None:
    page = opened(ROTATION)
    page.get_by_label("Start").fill("2026-06-04")
    page.get_by_label("Timezone").fill("Europe/Berlin")
    page.get_by_label("Strategy").select_option("fair")
    filled_row(page, person="alice", start="2026-06-04", end="2026-06-05", reason="the dentist")
    filled_row(page)
    filled_row(page, person="bob", start="2026-06-05T09:00:00", end="2026-06-06")
    submit(page)
    expect(page.locator("#try-answer")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("by the clock of Europe/Berlin")
    rows = page.get_by_role("region", name="Table of rotation").get_by_role("row")
    assert [rows.nth(n).get_by_role("cell").nth(1).inner_text() for n in (1, 2)] == ["bob", "alice"]
    fairness = page.get_by_role("region", name="Table of fairness")
    expect(fairness).to_contain_text("bob instead of alice, who is away (the dentist)")
    assert page.locator("#try-answer img").count() == 1


def test_a_row_is_added_and_removed_by_keyboard(opened: Open) -> None:
    page = opened(ROTATION)
    absences = page.get_by_role("group", name="Unavailable")
    add = absences.get_by_role("button", name="Add a row")
    add.press("Enter")
    expect(absences.get_by_label("Person")).to_be_focused()
    expect(absences.get_by_label("End")).to_have_accessible_description(
        "End: the first instant after it, so a bare date is itself not part of it."
    )
    absences.get_by_role("button", name="Remove").press("Enter")
    expect(add).to_be_focused()
    assert absences.get_by_role("textbox").count() == 0
    assert page.locator("#try-steps li").count() == 0, "nothing was asked"


def test_faults_in_rows_are_told_at_their_cells(opened: Open) -> None:
    page = opened(ROTATION)
    filled_row(page)
    absence = filled_row(page, person="zoe", start="today")
    submit(page)
    told = page.locator("#error-unavailable")
    expect(told).to_contain_text("/unavailable/0/start 'today' is not an RFC 3339 instant")
    expect(told).to_contain_text("/unavailable/0/end is required")
    expect(absence.get_by_label("Start")).to_be_focused()
    assert absence.locator("[aria-invalid=true]").count() == 2
    assert page.locator("[aria-invalid=true]").count() == 2
    expect(absence.get_by_label("End")).to_have_accessible_description(re.compile("is required"))
    assert axe_faults(page) == []
    absence.get_by_label("Start").fill("2026-06-04")
    absence.get_by_label("End").fill("2026-06-05")
    submit(page)
    expect(told).to_have_text("/unavailable/0/person is not one of people")
    expect(absence.get_by_label("Person")).to_be_focused()
    assert page.locator("[aria-invalid=true]").count() == 1


def test_it_tells_what_was_paid_and_by_whom(opened: Open) -> None:
    page = opened(ROTATION)
    submit(page)
    expect(page.get_by_role("status")).to_contain_text("Done. 3 shift(s) of 24h across 2 people")
    steps = page.locator("#try-steps li").all_inner_texts()
    assert "0.02 USDC on Base Sepolia (test money) to 0x000000000000000000" in steps[1]
    assert "The answer (application/json), settled in transaction 0x" in steps[2]
    assert "Its picture (image/svg+xml), settled in transaction 0x" in steps[5]
    assert steps[2][-65:] != steps[5][-65:]


@pytest.mark.parametrize(
    ("path", "tables"),
    [
        (SCHEDULE, ["final_schedule", "gaps", "tally", "the rest"]),
        (NOW, ["next", "the rest"]),
    ],
    ids=["schedule", "now"],
)
def test_a_layered_schedule_is_bought(opened: Open, path: str, tables: list[str]) -> None:
    page = opened(path)
    submit(page)
    expect(page.locator("#try-answer")).to_be_focused()
    names = [text.removeprefix("no ") for text in page.locator("caption").all_inner_texts()]
    assert names == tables
    assert page.locator("#try-answer img").count() == 1


def test_every_fault_is_told_at_its_field(opened: Open) -> None:
    page = opened(ROTATION)
    page.get_by_label("Start").fill("tomorrow")
    page.get_by_label("People").fill("")
    page.get_by_label("Shifts", exact=True).fill("many")
    submit(page)
    expect(page.get_by_role("status")).to_have_text("3 faults in the document; nothing was paid.")
    start, shifts = page.get_by_label("Start"), page.get_by_label("Shifts", exact=True)
    expect(start).to_be_focused()
    assert badges(page) == ["400"]
    assert page.locator("[aria-invalid=true]").count() == 3
    expect(start).to_have_accessible_description(
        "'tomorrow' is not an RFC 3339 instant. Wanted: an RFC 3339 instant with Z or an offset, "
        "to the millisecond, or a date, which means midnight UTC; years 1970 to 9999. "
        "An RFC 3339 instant with Z or an offset, to the millisecond, or a date, which means "
        "midnight UTC; years 1970 to 9999."
    )
    expect(page.locator("#error-people")).to_contain_text("is required")
    expect(page.locator("#error-shifts")).to_contain_text("Expected a number")
    start.fill("2026-06-04")
    page.get_by_label("People").fill("alice")
    shifts.fill("2")
    submit(page)
    expect(page.locator("#try-answer")).to_be_focused()
    assert page.locator("[aria-invalid]").count() == 0
    assert page.locator(".error:visible").count() == 0


def test_a_fault_within_a_list_says_where(opened: Open) -> None:
    page = opened(ROTATION)
    page.get_by_label("People").fill("alice\n" + "x" * 201)
    submit(page)
    expect(page.locator("#error-people")).to_contain_text("/people/1 ")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param("{", "Input data was truncated", id="no JSON"),
        pytest.param('{"layers": [{}]}', "/layers/0/name is required", id="a fault deep inside"),
    ],
)
def test_a_faulty_document(opened: Open, document: str, message: str) -> None:
    page = opened(SCHEDULE)
    field = page.get_by_label("Document")
    field.fill(document)
    submit(page)
    expect(page.locator("#error-document")).to_contain_text(message)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")


def test_a_service_that_is_away(opened: Open) -> None:
    page = opened(ROTATION)
    page.context.set_offline(True)
    submit(page)
    expect(page.get_by_role("status")).to_contain_text("The service cannot be reached")
    page.context.set_offline(False)
    submit(page)
    expect(page.locator("#try-answer")).to_be_focused()


def test_by_keyboard_alone(opened: Open) -> None:
    page = opened(ROTATION)
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    for _ in range(40):
        keys.press("Tab")
        if page.evaluate("document.activeElement.id") == "in-start":
            break
    expect(page.get_by_label("Start")).to_be_focused()
    keys.press("Control+A")
    keys.type("2026-06-04")
    keys.press("Tab")
    keys.press("Control+A")
    keys.type("alice\nbob\ncarol")
    keys.press("Tab")
    keys.press("Control+A")
    keys.type("6")
    keys.press("Enter")
    expect(page.locator("#try-answer")).to_be_focused()
    assert page.get_by_role("region", name="Table of rotation").get_by_role("row").count() == 7


@pytest.mark.parametrize("path", PATHS)
def test_the_focus_is_always_seen(opened: Open, path: str) -> None:
    page = opened(path)
    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        style = "getComputedStyle(document.activeElement).outlineStyle"
        seen.add(page.evaluate(f"document.activeElement === document.body ? 'solid' : {style}"))
    assert seen == {"solid"}


def test_where_nothing_is_paid_the_form_just_asks(browser: Browser, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]]
    ready, environ = partial(answers_ok, f"{url}/readyz"), environment(ONCALL_PAYMENTS="off")
    with running(command, log=tmp_path / "off.log", ready=ready, environ=environ):
        page = browser.new_page()
        page.goto(url + ROTATION)
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#try-answer")).to_be_focused()
        assert badges(page) == ["200", "200"]
        page.close()


# --- for whoever reads it -------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing(opened: Open, path: str, scheme: str) -> None:
    assert axe_faults(opened(path, color_scheme=scheme)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_an_answer_or_in_faults(opened: Open, scheme: str) -> None:
    page = opened(ROTATION, color_scheme=scheme)
    filled_row(page, person="bob", start="2026-06-05", end="2026-06-06")
    submit(page)
    expect(page.locator("#try-answer")).to_be_focused()
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
    assert axe_faults(page) == []
    start = page.locator("#in-start")
    start.fill("tomorrow")
    submit(page)
    expect(start).to_be_focused()
    assert axe_faults(page) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(opened: Open, path: str, width: int) -> None:
    page = opened(path, size=(width, 844))
    if path == ROTATION:
        filled_row(page, person="alice", start="2026-06-04T09:00:00+02:00")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_light_as_loaded(opened: Open, path: str) -> None:
    page = opened(path)
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    page.reload(wait_until="networkidle")
    assert 10_000 < sum(sizes.values()) <= MAX_PAGE_BYTES


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
def test_without_javascript_the_example_is_there(opened: Open, endpoint: Endpoint) -> None:
    page = opened(endpoint.catalog_path, java_script_enabled=False)
    expect(page.get_by_role("region", name="Example response")).to_contain_text("interpretation")
    picture = page.locator(f'img[src="{picture_path(endpoint)}"]')
    box = picture.bounding_box()
    assert box is not None
    assert (box["width"] > 300, box["height"] > 60) == (True, True)
    assert page.locator("form").is_hidden()
    expect(page.get_by_text("The form needs JavaScript")).to_be_visible()


def test_on_paper_there_is_no_form(opened: Open) -> None:
    page = opened(ROTATION)
    page.emulate_media(media="print")
    assert page.locator("form").is_hidden()
    expect(page.get_by_role("region", name="Example response")).to_be_visible()
