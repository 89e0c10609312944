"""Pauses in long work, in which other tasks run."""

import asyncio

import pytest

from app.database import pacing as module
from app.database.pacing import with_pauses

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("at_a_stretch", "turns"),
    [
        pytest.param(0.0, 3, id="each item takes longer than a stretch"),
        pytest.param(3600.0, 0, id="all of them take less"),
    ],
)
async def test_others_have_a_turn_after_a_stretch(
    monkeypatch: pytest.MonkeyPatch, at_a_stretch: float, turns: int
) -> None:
    monkeypatch.setattr(module, "LONGEST_STRETCH_SECONDS", at_a_stretch)
    had = 0

    async def other() -> None:
        nonlocal had
        while True:
            had += 1
            await asyncio.sleep(0)

    serving = asyncio.create_task(other())
    assert [item async for item in with_pauses(range(3))] == [0, 1, 2]
    serving.cancel()
    assert had == turns
