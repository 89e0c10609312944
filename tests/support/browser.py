"""The installed Chromium, driven by Playwright. It asks nobody but the service under test."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.requirements import require

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for as long as the context lasts. What is expected of a page may take a while:
    the first payment of a sandbox loads an Ethereum client, on a machine that does other things."""
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=require("browser", "chromium", "chromium"), args=OPTIONS
        )
        try:
            yield browser
        finally:
            browser.close()
