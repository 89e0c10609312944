"""Others are served while long work goes on."""

import asyncio
import time

import pytest

from app.storage.paced import AT_A_STRETCH_SECONDS, paced

pytestmark = pytest.mark.anyio


async def turns_during(items: int, seconds_each: float) -> int:
    """How many turns somebody else has while so many items are worked on."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    serving = asyncio.create_task(other())
    seen = []
    async for item in paced(range(items)):
        time.sleep(seconds_each)  # noqa: ASYNC251 - work
        seen.append(item)
    serving.cancel()
    assert seen == list(range(items))
    return turns


async def test_long_work_is_interrupted() -> None:
    assert await turns_during(5, 1.2 * AT_A_STRETCH_SECONDS) >= 4


async def test_short_work_is_not() -> None:
    assert await turns_during(5, 0) == 0
