"""The failures of the demo."""

import asyncio
import json
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from app.cli import demo
from app.products.registry import paid_endpoints
from tests.support.services import EXAMPLE, PATH, service

pytestmark = pytest.mark.anyio


async def test_a_service_that_never_gets_ready_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "START_SECONDS", 0.3)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    with tempfile.TemporaryFile() as log, pytest.raises(SystemExit, match="did not start"):
        await demo._until_ready("http://127.0.0.1:9", process, log)
    process.kill()
    await process.wait()


async def test_a_file_that_cannot_be_bought_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "FOLDER", tmp_path / "demo")
    console, url = Console(record=True), f"http://service.test{PATH}"
    request, buyer = (
        demo.BuyerRequest(url, json.dumps(EXAMPLE).encode()),
        demo.Buyer(Decimal("0.10")),
    )
    terms = buyer.payment_required_in(await service().ask())
    closed = service(clock=lambda: time.time() + 10_000)  # by its clock the payment has expired
    assert (
        await demo._save_files(
            console, closed.http, buyer, request, terms, paid_endpoints()[0].formats
        )
        == 1
    )
    assert "expired" in console.export_text()
    assert not (tmp_path / "demo").exists()


async def test_an_answer_without_a_receipt_is_shown_as_it_is() -> None:
    console = Console(record=True)
    assert demo._show_answer(console, httpx.Response(503, text="[later]")) == 1
    assert "[later]" in console.export_text()
