"""The pages in Chromium: the form buys and draws, by keyboard too; axe finds nothing; all is ours.

The service is a real process in its sandbox, and the form pays it by real x402.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

from app.products.endpoint import SVG, Endpoint
from app.products.registry import paid_endpoints
from tests.support.browser import chromium
from tests.support.processes import answers_ok, environment, free_port, running
from tests.support.requirements import require

pytestmark = pytest.mark.browser

ENDPOINTS = paid_endpoints()
ROTATION, SCHEDULE, NOW, ROSTER, CHECK, COVER, REPORT, CONVERT = (
    endpoint.catalog_path for endpoint in ENDPOINTS
)
PATHS = ["/", "/catalog", ROTATION, SCHEDULE, NOW]
MAX_PAGE_BYTES = 60 * 1024
ANSWERED = re.compile("status of 40[024] |ERR_INTERNET_DISCONNECTED")
"""Chromium itself writes down every answer that is no success. A 402 is the protocol's first step,
a 400 what a faulty document is to get, one test looks at the page of a 404, and one takes the
network away."""
LAYOUT_SHIFT = """new Promise((done) => {
  const sum = (seen) => seen.getEntries().reduce((all, { value }) => all + value, 0);
  new PerformanceObserver((seen) => done(sum(seen)))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(0), 300);
})"""
LOADED_BYTES = """["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
  .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260301T000000Z
DTSTART;VALUE=DATE:20260604
DTEND;VALUE=DATE:20260606
END:VEVENT
END:VCALENDAR
"""

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

    def open_path(
        path: str, *, size: tuple[int, int] = (1280, 900), clock: str = "", **options: object
    ) -> Page:
        viewport = {"width": size[0], "height": size[1]}
        window = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
        windows.append(window)
        page = window.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", asked)
        if clock:
            page.clock.set_fixed_time(clock)
        page.goto(address + path)
        return page

    yield open_path
    for window in windows:
        window.close()
    assert faults == []


def submit(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^(Pay .* with sandbox money|Send)$")).click()


def bought(page: Page) -> Locator:
    """Submit the form; the answer that is then read."""
    submit(page)
    answer = page.locator("#try-answer")
    expect(answer).to_be_focused()
    return answer


def no_absences(page: Page) -> Locator:
    """The rows of absences, without those of the example."""
    absences = page.get_by_role("group", name="Time away")
    for row in reversed(absences.locator("ol > li").all()):
        row.get_by_role("button", name="Remove").click()
    return absences


def filled_row(page: Page, **cells: str) -> Locator:
    """A new row of absences."""
    absences = page.get_by_role("group", name="Time away")
    absences.get_by_role("button", name="Add time away").click()
    row = absences.locator("ol > li").last
    for name, text in cells.items():
        row.get_by_label(name.replace("_", " ").capitalize()).fill(text)
    return row


def cells(page: Page, table: str) -> list[list[str]]:
    """The texts of a table's cells, by row, without the names of its columns."""
    rows = page.locator(f"[role=region][aria-label^='{table}'] tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def set_plain(page: Page, start: str = "2026-06-04T09:00", shifts: str = "4") -> None:
    """A rotation by turns of three people, without absences."""
    no_absences(page)
    page.get_by_label("First shift starts").fill(start)
    page.get_by_label("People").first.fill("ana\nben\n\n cleo ")
    page.get_by_label("Number of shifts").fill(shifts)


def badges(page: Page) -> list[str]:
    return page.locator("#try-steps .badge").all_text_contents()


def axe_faults(page: Page) -> list[str]:
    """Every rule that axe finds broken, and where."""
    return [
        f"{found['id']} ({found['impact']}): {node['target']} {node.get('failureSummary', '')}"
        for found in Axe().run(page).response["violations"]
        for node in found["nodes"]
    ]


# --- the form -------------------------------------------------------------------------------


def test_a_rotation_is_bought_and_drawn(opened: Open) -> None:
    page = opened(ROTATION, timezone_id="Europe/Berlin")
    set_plain(page)
    page.get_by_label("Hours in a shift").fill("12.5")
    answer = bought(page)
    assert badges(page) == ["402", "signed", "200"] * 2
    shifts = cells(page, "Shifts, by the clock of Europe/Berlin")
    assert shifts[1] == ["2", "ben", "Thu 4 Jun 2026, 21:30", "Fri 5 Jun 2026, 10:00"]
    assert len(shifts) == 4
    picture = answer.get_by_role("img")
    assert "4 shift(s) of 12.5h across 3 people" in str(picture.get_attribute("alt"))
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    drawn = str(picture.get_attribute("src"))
    assert drawn.startswith("data:image/svg+xml")
    assert all(name in drawn for name in ("ana", "ben", "cleo"))


def test_a_fair_rotation_around_absences_is_bought(opened: Open) -> None:
    page = opened(ROTATION, timezone_id="Europe/Berlin")
    set_plain(page, shifts="6")
    filled_row(page, who="ben", first_day_away="2026-06-05", last_day_away="2026-06-05")
    filled_row(page)
    row = filled_row(page, who="ana", first_day_away="2026-06-08", last_day_away="2026-06-09")
    row.get_by_label("Reason").fill("the dentist")
    parts = page.get_by_role("group", name="Part-time")
    parts.get_by_role("button", name="Add a share").click()
    parts.get_by_label("Who").fill("cleo")
    parts.get_by_label("Share").fill("0.5")
    answer = bought(page)
    loads = cells(page, "Loads")
    counts = {row[0]: int(row[1]) for row in loads}
    assert (counts["cleo"], sum(counts.values())) == (1, 6)
    expect(answer.get_by_role("list").first).to_contain_text("who is away")
    assert "bob" not in answer.inner_text()
    drawn = str(answer.get_by_role("img").get_attribute("src"))
    assert "ben%20is%20away%3A%202026-06-05%2000%3A00%20%2B02%3A00%20to%202026-06-06" in drawn


def test_a_calendar_file_keeps_a_person_free(opened: Open) -> None:
    page = opened(ROTATION)
    set_plain(page, shifts="3")
    group = page.get_by_role("group", name="Calendars")
    group.get_by_role("button", name="Add a calendar").click()
    group.get_by_label("Who").fill("ana")
    text = CALENDAR.replace("\n", "\r\n").encode()
    file = {"name": "ana.ics", "mimeType": "text/calendar", "buffer": text}
    group.get_by_label("Calendar file").set_input_files(file)  # type: ignore[arg-type]
    expect(group.locator("input[data-text]")).to_have_count(1)
    bought(page)
    assert cells(page, "Shifts")[0][1] != "ana"


def test_roles_have_a_column_each(opened: Open) -> None:
    page = opened(ROTATION)
    set_plain(page, shifts="2")
    page.get_by_role("textbox", name="Roles").fill("primary\nsecondary")
    answer = bought(page)
    heads = answer.get_by_role("columnheader").all_inner_texts()
    assert heads[:5] == ["Shift", "primary", "secondary", "From", "To"]
    first = cells(page, "Shifts")[0]
    assert {first[1], first[2]} <= {"ana", "ben", "cleo"}


def test_gaps_are_told(opened: Open) -> None:
    page = opened(ROTATION, timezone_id="Europe/Berlin")
    set_plain(page, shifts="2")
    page.get_by_label("People").first.fill("ana")
    filled_row(page, who="ana", first_day_away="2026-06-05", last_day_away="2026-06-05")
    bought(page)
    assert [row[1] for row in cells(page, "Shifts")] == ["nobody", "nobody"]
    assert cells(page, "Gaps")[0][:1] == ["Thu 4 Jun 2026, 09:00"]


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Adelaide", "UTC"])
def test_the_zone_is_the_readers_and_times_are_local(opened: Open, zone: str) -> None:
    page = opened(ROTATION, timezone_id=zone)
    expect(page.get_by_label("Time zone")).to_have_value(zone)
    set_plain(page, shifts="1")
    bought(page)
    assert cells(page, f"Shifts, by the clock of {zone}")[0][2] == "Thu 4 Jun 2026, 09:00"


def test_the_example_begins_within_a_week(opened: Open) -> None:
    page = opened(ROTATION, clock="2027-02-10T12:00:00Z", timezone_id="Europe/Berlin")
    expect(page.get_by_label("First shift starts")).to_have_value("2027-02-15T09:00")
    first = page.get_by_role("group", name="Time away").locator("ol > li").first
    expect(first.get_by_label("First day away")).to_have_value("2027-02-19")
    expect(first.get_by_label("Last day away")).to_have_value("2027-02-23")


@pytest.mark.parametrize(
    ("preset", "start", "hours", "handoffs", "shifts"),
    [
        ("Every week, Monday 09:00", "2027-02-15T09:00", "168", "", "13"),
        ("Every day at 09:00", "2027-02-15T09:00", "24", "", "14"),
        ("12 hours, 08:00 and 20:00", "2027-02-15T08:00", "", "08:00\n20:00", "28"),
    ],
)
def test_a_preset_fills_in_the_rhythm(
    opened: Open, preset: str, start: str, hours: str, handoffs: str, shifts: str
) -> None:
    page = opened(ROTATION, clock="2027-02-08T12:00:00Z")
    page.get_by_role("button", name=preset).click()
    expect(page.get_by_label("First shift starts")).to_have_value(start)
    expect(page.get_by_label("Hours in a shift")).to_have_value(hours)
    expect(page.get_by_label("Handoff times")).to_have_value(handoffs)
    expect(page.get_by_label("Number of shifts")).to_have_value(shifts)
    assert len(cells_after(page)) == int(shifts)


@pytest.mark.parametrize(
    ("preset", "slots", "people"),
    [
        ("A week each", 4, 5),
        ("Weekdays and weekends", 8, 5),
        ("12 hours, day and night", 56, 5),
        ("Follow the sun", 84, 6),
        ("A ward, nights and weekends", 28, 6),
    ],
)
def test_a_preset_fills_in_a_roster(opened: Open, preset: str, slots: int, people: int) -> None:
    page = opened(ROSTER, clock="2027-02-08T12:00:00Z", timezone_id="Europe/Berlin")
    group = page.get_by_role("group", name="People", exact=False).first
    group.locator(":scope > [data-does=add]").click()
    rows = group.locator(":scope > ol > li")
    rows.last.get_by_label("Name").fill("zoe")
    page.get_by_role("button", name=preset).click()
    expect(page.locator("#try-form > [data-name=from] input")).to_have_value("2027-02-15")
    expect(page.locator("#try-form > [data-name=to] input")).to_have_value("2027-03-14")
    names = [row.get_by_label("Name").input_value() for row in rows.all()]
    assert names == ["ana", "ben", "chloe", "dan", "zoe", "finn"][:people]
    expect(rows.first.get_by_label("First day away")).not_to_have_value("")
    offered = page.locator("#people-named option").evaluate_all("all => all.map(o => o.value)")
    assert offered == names
    bought(page)
    assert len(cells(page, "Slots, by the clock of Europe/Berlin")) == slots
    assert cells(page, "Gaps") == []
    assert [row[0] for row in cells(page, "Loads")] == names


def test_a_preset_takes_the_place_of_the_one_before(opened: Open) -> None:
    page = opened(ROSTER)
    rows = page.locator("[data-name=pattern] > ol > li")
    points = page.locator("[data-name=points] > ol > li")
    page.get_by_role("button", name="Weekdays and weekends").click()
    expect(points.get_by_label("Which")).to_have_value("weekend")
    page.get_by_role("button", name="Follow the sun").click()
    assert (rows.count(), points.count()) == (3, 0)
    expect(rows.last.get_by_label("Ends at")).to_have_value("24:00")
    expect(rows.last.get_by_label("Skill of each place")).to_have_value("amer")
    page.get_by_role("button", name="A week each").click()
    expect(rows).to_have_count(1)
    assert [box.is_checked() for box in rows.get_by_role("checkbox").all()] == [True, *[False] * 6]
    expect(page.get_by_label("Hours of rest")).to_have_value("")
    assert page.locator("[data-name=rules] ol > li").count() == 0


def cells_after(page: Page) -> list[list[str]]:
    bought(page)
    return cells(page, "Shifts")


def test_people_are_offered_where_one_is_asked_for(opened: Open) -> None:
    page = opened(ROTATION)
    page.get_by_label("People").first.fill("ana\nben\nana")
    offered = page.locator("#people-named option")
    assert [option.get_attribute("value") for option in offered.all()] == ["ana", "ben"]
    expect(filled_row(page).get_by_label("Who")).to_have_attribute("list", "people-named")


def test_a_row_is_added_and_removed_by_keyboard(opened: Open) -> None:
    page = opened(ROTATION)
    absences = no_absences(page)
    add = absences.get_by_role("button", name="Add time away")
    add.press("Enter")
    expect(absences.get_by_label("Who")).to_be_focused()
    absences.get_by_role("button", name="Remove").press("Enter")
    expect(add).to_be_focused()
    assert absences.get_by_role("textbox").count() == 0
    assert page.locator("#try-steps li").count() == 0, "nothing was asked"


def test_faults_in_rows_are_told_beside_their_cells(opened: Open) -> None:
    page = opened(ROTATION)
    no_absences(page)
    filled_row(page)
    absence = filled_row(page, who="zoe", first_day_away="2026-06-04")
    submit(page)
    last = absence.get_by_label("Last day away")
    expect(last).to_be_focused()
    expect(last).to_have_accessible_description(re.compile("^Last day away is required"))
    assert page.locator("[aria-invalid=true]").count() == 1
    assert axe_faults(page) == []
    last.fill("2026-06-05")
    submit(page)
    expect(absence.get_by_label("Who")).to_be_focused()
    expect(absence.get_by_label("Who")).to_have_accessible_description("Who is not one of people")
    assert page.locator("[aria-invalid=true]").count() == 1


def test_faults_by_person_are_told_beside_them(opened: Open) -> None:
    page = opened(ROTATION)
    group = page.get_by_role("group", name="Part-time")
    group.get_by_role("button", name="Add a share").click()
    group.get_by_label("Who").fill("Ana")
    group.get_by_label("Share").fill("half")
    pairs = page.get_by_role("group", name="Never together")
    pairs.get_by_role("button", name="Add a pair").click()
    pairs.get_by_label("One").fill("Ana")
    pairs.get_by_label("Other").fill("Ana")
    submit(page)
    share = group.get_by_label("Share")
    expect(share).to_be_focused()
    expect(share).to_have_accessible_description(re.compile("is not a number from 0.01 to 100"))
    expect(pairs.get_by_label("Other")).to_have_accessible_description(
        re.compile("is the same person")
    )


def test_a_fault_in_a_folded_field_unfolds_it(opened: Open) -> None:
    page = opened(ROTATION)
    field = page.get_by_label("Handoff after the shift's end")
    assert field.is_hidden()
    field.evaluate("field => { field.value = '1000' }")
    submit(page)
    expect(field).to_be_focused()
    expect(field).to_be_visible()


def test_it_tells_what_was_paid_and_by_whom(opened: Open) -> None:
    page = opened(ROTATION)
    set_plain(page, shifts="3")
    bought(page)
    expect(page.get_by_role("status").last).to_contain_text("Done. 3 shift(s) of 24h across 3 peo")
    page.get_by_text("What was asked and paid").click()
    steps = page.locator("#try-steps li").all_inner_texts()
    assert "0.02 USDC on Base Sepolia (test money) to 0x000000000000000000" in steps[1]
    assert "The answer (application/json), settled in transaction 0x" in steps[2]
    assert "Its picture (image/svg+xml), settled in transaction 0x" in steps[5]
    assert steps[2][-65:] != steps[5][-65:]


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("Calendar (.ics)", b"BEGIN:VCALENDAR"),
        ("Spreadsheet (.csv)", b"shift,person"),
        ("Picture (.svg)", b"<?xml"),
    ],
)
def test_the_answer_is_saved_as_a_file(opened: Open, name: str, begins: bytes) -> None:
    page = opened(ROTATION)
    bought(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name=name).click()
    assert saved.value.suggested_filename.startswith("sched-oncall-rotation.")
    assert Path(saved.value.path()).read_bytes().startswith(begins)
    assert badges(page) == ["402", "signed", "200"] * 3


@pytest.mark.process
def test_the_request_as_curl_buys_it(opened: Open) -> None:
    page = opened(ROTATION, permissions=["clipboard-read", "clipboard-write"])
    set_plain(page)
    page.get_by_label("People").first.fill("it's ana\nben")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    require("process", "curl", "curl")
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout)["rotation"][0]["person"] == "it's ana"


def test_where_the_clipboard_is_shut_the_commands_are_shown(opened: Open) -> None:
    page = opened(ROTATION)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject() }")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#try-answer pre")).to_contain_text("curl -s $URL")
    page.get_by_role("button", name="Copy Example request").click()
    expect(page.get_by_role("button", name="Press Ctrl+C Example request")).to_be_visible()
    assert str(page.evaluate("getSelection().toString()")).startswith("{")


@pytest.mark.parametrize("path", PATHS)
def test_code_is_copied_by_a_button(opened: Open, path: str) -> None:
    page = opened(path, permissions=["clipboard-read", "clipboard-write"])
    first = page.locator(".code:visible").first
    first.get_by_role("button").click()
    expect(first.get_by_role("button")).to_contain_text("Copied")
    shown = str(first.locator("pre").text_content())
    assert page.evaluate("navigator.clipboard.readText()") == shown != ""


@pytest.mark.parametrize("path", ["/", ROTATION, SCHEDULE, NOW])
def test_a_language_is_chosen_by_keyboard(opened: Open, path: str) -> None:
    page = opened(path)
    for number in range(4):
        panels = page.locator(".panel")
        assert [panel.is_visible() for panel in panels.all()] == [at == number for at in range(4)]
        page.locator(".choices :checked").press("ArrowRight")


def test_a_layered_schedule_is_bought(opened: Open) -> None:
    page = opened(SCHEDULE, timezone_id="America/Los_Angeles", clock="2026-04-20T12:00:00Z")
    answer = bought(page)
    shifts = cells(page, "Shifts, by the clock of America/Los_Angeles")
    assert ["usr_frank", "Fri 24 Apr 2026, 17:00", "Sat 25 Apr 2026, 01:00"] in [
        row[:3] for row in shifts
    ]
    assert [row[0] for row in cells(page, "Loads")][:1] == ["usr_alice"]
    assert answer.get_by_role("img").count() == 1


def test_who_is_on_call_now_is_bought(opened: Open) -> None:
    page = opened(NOW, timezone_id="America/Los_Angeles", clock="2026-04-20T12:00:00Z")
    page.get_by_role("textbox", name="When").fill("2026-04-24T12:00")
    bought(page)
    found = dict(cells(page, "At Fri 24 Apr 2026, 12:00, by the clock of America/Los_Angeles"))
    assert found["By"] == "Weekday business hours"
    assert found["On call"].startswith("usr_")
    assert found["Until"] == "Fri 24 Apr 2026, 17:00"


def test_a_layer_is_written_from_scratch(opened: Open) -> None:
    page = opened(NOW)
    layers = page.get_by_role("group", name="Layers", exact=False).first
    for row in reversed(layers.locator(":scope > ol > li").all()):
        row.locator(":scope > [data-does=remove]").click()
    layers.locator(":scope > [data-does=add]").click()
    layer = layers.locator(":scope > ol > li")
    layer.get_by_label("Name").fill("Days")
    layer.get_by_label("Turns change").select_option("custom")
    layer.get_by_label("People").fill("ana")
    layer.get_by_label("Every").fill("2")
    layer.get_by_role("button", name="Add hours").click()
    layer.get_by_label("From", exact=True).fill("09:00")
    layer.get_by_label("To", exact=True).fill("17:00")
    layer.get_by_label("Mon", exact=True).check()
    page.get_by_role("textbox", name="When").fill("2026-06-01T10:00")
    bought(page)
    found = dict(cells(page, "At"))
    assert (found["On call"], found["By"]) == ("ana", "Days")
    assert found["Until"] == "Mon 1 Jun 2026, 17:00"


def test_a_roster_is_bought_with_a_gap_that_says_why(opened: Open) -> None:
    page = opened(ROSTER, timezone_id="Europe/Berlin", clock="2026-11-29T12:00:00Z")
    bought(page)
    slots = cells(page, "Slots, by the clock of Europe/Berlin")
    assert slots[0][2:] == ["weeknight", "Tue 1 Dec 2026, 17:00", "Wed 2 Dec 2026, 09:00"]
    [gap] = cells(page, "Gaps")
    assert gap[0::2] == ["Fri 4 Dec 2026, 17:00", "senior"]
    assert gap[3] == "the rule minRestHours 11; the skill senior"


def test_a_check_is_bought(opened: Open) -> None:
    page = opened(CHECK, timezone_id="Europe/Berlin")
    bought(page)
    broken = [row[0] for row in cells(page, "Broken rules")]
    assert broken == ["ben: is away then", "ana: breaks minRestHours 11 (8 of 11 hours)"]
    assert [row[0] for row in cells(page, "Loads")] == ["ana", "ben"]


def test_covers_are_bought(opened: Open) -> None:
    page = opened(COVER, timezone_id="Europe/Berlin")
    answer = bought(page)
    stretches = cells(page, "Stretches, by the clock of Europe/Berlin")
    assert [row[:3] for row in stretches] == [["1", "ana", "chloe"], ["2", "ana", "ben"]]
    assert cells(page, "Candidates for stretch 1")[2] == [
        *("ben", "no", "breaks minRestHours 11 (8 of 11 hours)")
    ]
    assert answer.get_by_role("img").count() == 1


def test_hours_and_money_are_bought(opened: Open) -> None:
    page = opened(REPORT, timezone_id="Europe/Berlin")
    expect(page.get_by_label("On holidays").first).to_have_value("true")
    bought(page)
    assert cells(page, "Lines")[0] == ["ana", "weekend", "13", "87.75"]
    assert cells(page, "Totals")[-1] == ["All together", "25", "180.00"]


def test_a_schedule_of_another_product_is_converted(opened: Open) -> None:
    page = opened(CONVERT, timezone_id="Europe/Berlin")
    bought(page)
    shifts = cells(page, "Shifts, by the clock of Europe/Berlin")
    assert {row[3] for row in shifts} >= {"Nights", "Weekly"}


@pytest.mark.parametrize("path", [ROSTER, COVER])
def test_forms_and_answers_of_rosters_fit_a_phone(opened: Open, path: str) -> None:
    page = opened(path, size=(390, 844))
    bought(page)
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe_faults(page) == []


def test_every_fault_is_told_at_its_field(opened: Open) -> None:
    page = opened(ROTATION)
    no_absences(page)
    start, shifts = page.get_by_label("First shift starts"), page.get_by_label("Number of shifts")
    start.fill("")
    page.get_by_label("People").first.fill("")
    shifts.fill("many")
    submit(page)
    expect(page.locator("#try-status")).to_have_text(
        "3 fields need another look; nothing was paid."
    )
    expect(start).to_be_focused()
    assert badges(page) == ["400"]
    assert page.locator("[aria-invalid=true]").count() == 3
    expect(start).to_have_accessible_description(
        re.compile("^First shift starts is required.*By the clock of the time zone.$")
    )
    expect(page.get_by_label("People").first).to_have_accessible_description(
        re.compile("^People is required")
    )
    expect(shifts).to_have_accessible_description(re.compile("^Expected a number"))
    start.fill("2026-06-04T09:00")
    page.get_by_label("People").first.fill("alice")
    shifts.fill("2")
    bought(page)
    assert page.locator("[aria-invalid]").count() == 0
    assert page.locator(".error:visible").count() == 0


def test_a_fault_within_a_list_says_where(opened: Open) -> None:
    page = opened(ROTATION)
    page.get_by_label("People").first.fill("alice\n" + "x" * 201)
    submit(page)
    expect(page.locator("[data-name=people] > .error")).to_contain_text("line 2")


def test_a_fault_deep_inside_is_told_there(opened: Open) -> None:
    page = opened(SCHEDULE)
    field = page.get_by_label("To", exact=True).first
    field.fill("")
    submit(page)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("^To is required"))


def test_a_service_that_is_away(opened: Open) -> None:
    page = opened(ROTATION)
    page.context.set_offline(True)
    submit(page)
    expect(page.locator("#try-status")).to_contain_text("The service cannot be reached")
    page.context.set_offline(False)
    bought(page)


def test_by_keyboard_alone(opened: Open) -> None:
    page = opened(ROTATION)
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    start = page.get_by_label("First shift starts")
    for _ in range(40):
        keys.press("Tab")
        if start.evaluate("field => field === document.activeElement"):
            break
    expect(start).to_be_focused()
    for _ in range(10):  # the parts of a date and a time
        keys.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    keys.press("Control+A")
    keys.type("alice\nbob\ncarol\nBen\nEva")
    keys.press("Tab")
    keys.press("Control+A")
    keys.type("6")
    keys.press("Enter")
    expect(page.locator("#try-answer")).to_be_focused()
    assert len(cells(page, "Shifts")) == 6


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
        bought(page)
        assert badges(page) == ["200", "200"]
        page.close()


# --- for whoever reads it -------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing(opened: Open, path: str, scheme: str) -> None:
    assert axe_faults(opened(path, color_scheme=scheme)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [ROTATION, SCHEDULE, NOW])
def test_axe_finds_nothing_in_an_answer_or_in_faults(opened: Open, path: str, scheme: str) -> None:
    page = opened(path, color_scheme=scheme)
    bought(page)
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
    assert axe_faults(page) == []
    page.locator("#try-form textarea").first.fill("x" * 300)
    submit(page)
    expect(page.locator("[aria-invalid]").first).to_be_focused()
    assert axe_faults(page) == []


@pytest.mark.parametrize("path", ["/", ROTATION])
def test_axe_finds_nothing_on_a_phone(opened: Open, path: str) -> None:
    assert axe_faults(opened(path, size=(390, 844))) == []


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(opened: Open, path: str, width: int) -> None:
    page = opened(path, size=(width, 844))
    if path == ROTATION:
        filled_row(page, who="alice")
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", [ROTATION, SCHEDULE, NOW])
def test_an_answer_fits_a_phone(opened: Open, path: str) -> None:
    page = opened(path, size=(390, 844))
    answer = bought(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for frame in answer.locator(".scroll").all():
        assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth")


@pytest.mark.parametrize("path", ["/", ROTATION, SCHEDULE, NOW])
def test_on_a_phone_the_picture_is_a_list_of_days(opened: Open, path: str) -> None:
    page = opened(path, size=(390, 844))
    assert page.locator("figure .drawing").first.is_hidden()
    days = page.locator(".days").first
    expect(days).to_be_visible()
    assert re.match(r"^\w{3} \d+ \w{3}, \d\d:\d\d", days.locator("li").first.inner_text())
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(page.locator("figure .drawing").first).to_be_visible()
    assert days.is_hidden()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_light_as_loaded(opened: Open, path: str) -> None:
    page = opened(path)
    page.wait_for_load_state("networkidle")
    assert 5_000 < page.evaluate(LOADED_BYTES) <= MAX_PAGE_BYTES


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_does_not_move_once_painted(opened: Open, path: str, width: int) -> None:
    page = opened(path, size=(width, 844))
    page.reload(wait_until="networkidle")
    assert page.evaluate(LAYOUT_SHIFT) == 0


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
def test_a_page_that_arrives_slowly_does_not_move(opened: Open, endpoint: Endpoint) -> None:
    """What stands beside the text arrives last, long after the text was painted."""
    page = opened(endpoint.catalog_path)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    slow = {"offline": False, "latency": 20, "downloadThroughput": 15_000, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)
    page.reload(wait_until="networkidle")
    assert page.evaluate(LAYOUT_SHIFT) < 0.1


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_painted_at_once(opened: Open, path: str) -> None:
    page = opened(path, size=(390, 844))
    painted = []
    for _ in range(5):  # the best: other programs run on this machine, too
        page.reload(wait_until="networkidle")
        painted.append(page.evaluate(FIRST_PAINT))
    assert 0 < min(painted) < 500


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
def test_without_javascript_the_example_is_there(opened: Open, endpoint: Endpoint) -> None:
    page = opened(endpoint.catalog_path, java_script_enabled=False)
    expect(page.get_by_role("region", name="Example response")).to_contain_text("interpretation")
    if SVG in endpoint.formats:
        box = page.locator("figure img").bounding_box()
        assert box is not None
        assert (box["width"] > 300, box["height"] > 60) == (True, True)
    assert page.locator("form").is_hidden()
    assert page.locator(".copy:visible").count() == 0
    expect(page.get_by_text("The form needs JavaScript")).to_be_visible()


def test_on_paper_there_is_no_form(opened: Open) -> None:
    page = opened(ROTATION)
    page.emulate_media(media="print")
    assert page.locator("form").is_hidden()
    expect(page.get_by_role("region", name="Example response")).to_be_visible()
