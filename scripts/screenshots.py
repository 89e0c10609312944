"""Take the pictures of the pages for ``docs/pages/``, and the icons and the card of ``static/``.

Run from the project's folder as ``python -m scripts.screenshots``: it starts a sandbox service and
looks at each page at the widths of a phone and a desktop, light and dark, in the installed
Chromium, which also writes them as WebP. With names of pages as arguments it takes those only.
"""

import base64
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page

from tests.support.browser import chromium
from tests.support.processes import ROOT, answers_ok, environment, free_port, running

PRODUCT = "/catalog/sched-oncall-rotation"
STATIC = ROOT / "app" / "discovery" / "static"
PAGES = {
    "home": "/",
    "catalog": "/catalog",
    "rotation": PRODUCT,
    "schedule": "/catalog/sched-oncall-schedule",
    "now": "/catalog/sched-oncall-now",
    "roster": "/catalog/sched-oncall-roster",
    "check": "/catalog/sched-oncall-check",
    "cover": "/catalog/sched-oncall-cover",
    "report": "/catalog/sched-oncall-report",
    "convert": "/catalog/sched-oncall-convert",
    "docs": "/docs",
    "not-found": "/nothing",
    "answer": PRODUCT,
}
"""The pages by the names of their pictures. The answer is that of the form."""
KEPT = "kept"
"""The picture of the page of a kept schedule, which has a service of its own."""
PEOPLE = {"ana": "Ana Sørensen", "ben": "Ben Okafor", "chloe": "Chloé Dubois"}
SCHEDULE = {
    "id": "platform",
    "name": "Platform, nights and weekends",
    "team_id": "platform",
    "timezone": "Europe/Berlin",
    "layers": [
        {
            "name": "Nights",
            "rotation_type": "daily",
            "handoff_time": "18:00",
            "participants": ["ana", "ben", "chloe"],
            "restrictions": [{"start": "18:00", "end": "09:00"}],
        },
        {
            "name": "Days",
            "rotation_type": "weekly",
            "handoff_time": "Mon 09:00",
            "participants": ["chloe", "ana", "ben"],
            "restrictions": [
                {
                    "days": ["mon", "tue", "wed", "thu", "fri", "sun"],
                    "start": "09:00",
                    "end": "18:00",
                }
            ],
        },
    ],
}
FOLDER = ROOT / "docs" / "pages"
WINDOWS = {"phone": (390, 1720), "desktop": (1280, 1180)}
MAX_BYTES = 80 * 1024
QUALITY = 0.55
AS_WEBP = """async ([png, quality]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""
SHOWN_AT = "2026-05-27T12:00:00Z"
"""When the pages are looked at: the form's example begins on the Monday after."""
ICON_PIXELS = 32
LISTED_PIXELS = 256
CARD = """<!doctype html><style>
body {{ margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 56px 64px;
  background: #f7f7f4; color: #1b2125; font: 30px/1.35 system-ui, sans-serif;
  display: flex; flex-direction: column; justify-content: space-between }}
h1 {{ margin: 0; font-size: 64px; line-height: 1.1; letter-spacing: -0.03em }}
header {{ display: flex; gap: 18px; align-items: center; font-weight: 600 }}
p {{ margin: 0; color: #55606a }}
.shown {{ background: #fff; border: 2px solid #d9dcd7; border-radius: 16px; height: 190px;
  padding: 0 8px; overflow: hidden }}
.shown img {{ width: 100%; margin-top: -76px }}
</style><header><img src="{icon}" width="56">On-call rotation</header>
<h1>Who is on call, from when,<br>and is that fair?</h1>
<div class="shown"><img src="{picture}"></div>
<p>For AI agents, paid per request by x402</p>"""


def main() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]]
    ready = partial(answers_ok, f"{url}/readyz")
    environ = environment(ONCALL_PUBLIC_URL="https://oncall.example.com")
    with (
        tempfile.TemporaryDirectory() as folder,
        running(command, log=Path(folder) / "service.log", ready=ready, environ=environ),
        chromium() as browser,
    ):
        if not sys.argv[1:]:
            make_icons(browser)
            make_card(browser, url)
        wanted = sys.argv[1:] or [*PAGES, KEPT]
        for name in wanted:
            if name != KEPT:
                take_pages(browser, url + PAGES[name], name)
        if KEPT in wanted:
            with kept_page(Path(folder)) as address:
                take_pages(browser, address, KEPT)


@contextmanager
def kept_page(folder: Path) -> Iterator[str]:
    """Serve a kept schedule as of ``SHOWN_AT``; yield the address of its page."""
    url = f"http://127.0.0.1:{free_port()}"
    database = f"sqlite:///{folder / 'oncall.db'}"
    arguments = [url.rpartition(":")[2], database, SHOWN_AT, "1"]
    with running(
        [sys.executable, "-m", "tests.support.fast_service", *arguments],
        log=folder / "kept.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ=environment(),
    ):
        scopes = ("oncall:read", "oncall:write", "schedules")
        key = subprocess.run(
            [
                *(sys.executable, "-m", "app", "keys", "create", "--org", "Acme"),
                *(word for scope in scopes for word in ("--scope", scope)),
            ],
            env=environment(ONCALL_DATABASE_URL=database),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        with httpx.Client(base_url=f"{url}/api", headers={"X-API-Key": key}) as http:
            for person, called in PEOPLE.items():
                body = {"id": person, "name": called, "email": f"{person}@example.com"}
                http.post("/v2/oncall/users", json=body).raise_for_status()
            http.post("/v1/schedules", json=SCHEDULE).raise_for_status()
            tokens = f"/v2/oncall/schedules/{SCHEDULE['id']}/feed-tokens"
            made = http.post(tokens, json={}).raise_for_status().json()["data"]
        yield url + made["page_url"][made["page_url"].index("/api/") :]


def take_pages(browser: Browser, address: str, name: str) -> None:
    """Take a page at both widths, light and dark."""
    for device, size in WINDOWS.items():
        for scheme in ("light", "dark"):
            take_page(browser, address, name, f"{name}-{device}-{scheme}", scheme, size)


def take_page(
    browser: Browser, address: str, name: str, file: str, scheme: str, size: tuple[int, int]
) -> None:
    """A page from its top, or an answer of the form from its own, in a window of ``size``."""
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    page = context.new_page()
    page.clock.set_fixed_time(SHOWN_AT)
    page.goto(address, wait_until="networkidle")
    if name == "docs":
        page.locator(".opblock").first.wait_for()
    if name == "answer":
        page.get_by_role("button", name="Pay").click()
        page.locator("#try-answer:focus").wait_for(timeout=60_000)
        page.evaluate("scrollBy(0, document.activeElement.getBoundingClientRect().top - 24)")
        page.wait_for_timeout(500)
    png = base64.b64encode(page.screenshot()).decode()
    blank = browser.new_page()
    webp = base64.b64decode(blank.evaluate(AS_WEBP, [png, QUALITY]))
    blank.close()
    write(FOLDER / f"{file}.webp", webp)
    context.close()


def make_card(browser: Browser, url: str) -> None:
    """What a link's preview shows."""
    page = browser.new_page(viewport={"width": 1200, "height": 630})
    picture = page.request.get(f"{url}{PRODUCT}/example.svg").body()
    icon = (STATIC / "favicon.svg").read_bytes()
    page.set_content(CARD.format(icon=data_url(icon), picture=data_url(picture)))
    save(page, STATIC / "card.png")
    page.close()


def make_icons(browser: Browser) -> None:
    """``icon.png`` for listings, and ``favicon.ico``, a PNG in what old browsers look for."""
    (STATIC / "icon.png").write_bytes(icon_png(browser, LISTED_PIXELS))
    png = icon_png(browser, ICON_PIXELS)
    header = struct.pack("<3H", 0, 1, 1)
    entry = struct.pack("<4B2H2I", ICON_PIXELS, ICON_PIXELS, 0, 0, 1, 32, len(png), 6 + 16)
    (STATIC / "favicon.ico").write_bytes(header + entry + png)


def icon_png(browser: Browser, pixels: int) -> bytes:
    """The drawn icon as a square picture."""
    page = browser.new_page(viewport={"width": pixels, "height": pixels})
    icon = data_url((STATIC / "favicon.svg").read_bytes())
    page.set_content(f'<style>*{{margin:0}}</style><img src="{icon}" width="{pixels}">')
    png = page.screenshot(omit_background=True)
    page.close()
    return png


def data_url(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def save(page: Page, file: Path) -> None:
    write(file, page.screenshot())


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    print(f"{file.relative_to(ROOT)}: {len(content) / 1024:.0f} KiB")
    if len(content) > MAX_BYTES:
        sys.exit(f"{file.name} is larger than {MAX_BYTES // 1024} KiB")


if __name__ == "__main__":
    main()
