"""Pauses in long work on the event loop, so that other requests are served meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

LONGEST_STRETCH_SECONDS = 0.005


async def with_pauses(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield ``items``, pausing whenever the work on them has taken a few milliseconds."""
    until = perf_counter() + LONGEST_STRETCH_SECONDS
    for item in items:
        yield item
        if perf_counter() > until:
            await asyncio.sleep(0)
            until = perf_counter() + LONGEST_STRETCH_SECONDS
