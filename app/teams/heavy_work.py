"""A limit on requests that keep a processor busy: one of each organisation at once, few in all.

Strategy: such a request waits for its slot before it takes a connection. So whatever one
organisation asks for, connections are left for quick requests, and slots for other organisations.
Writes that lay a window out wait as well: on SQLite all other writers queue behind them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

from app.errors import StoreUnavailable

AT_ONCE = 2
"""Fewer than either kind of database has readers."""
WAIT_SECONDS = 10.0
BUSY = "is busy with what was asked before"


class HeavyWorkLimiter:
    """The slots for heavy requests of one process."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._own: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def slot(self, org_id: str) -> AsyncIterator[None]:
        """Hold a slot for an organisation. Raises ``StoreUnavailable`` if none is free in time."""
        own = self._own.setdefault(org_id, asyncio.Lock())
        async with contextlib.AsyncExitStack() as held:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._all)
            except TimeoutError:
                raise StoreUnavailable.because(BUSY) from None
            yield
