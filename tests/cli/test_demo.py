"""What the demo does when things go wrong."""

import asyncio
import sys
import tempfile

import httpx
import pytest
from rich.console import Console

from app.cli import demo

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


async def test_an_answer_without_a_receipt_is_shown_as_it_is() -> None:
    console = Console(record=True)
    assert demo._show_answer(console, httpx.Response(503, text="[later]")) == 1
    assert "[later]" in console.export_text()
