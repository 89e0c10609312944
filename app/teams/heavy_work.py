"""Turns at what keeps a processor busy: one request of each organisation at once, few of all.

Strategy: such a request waits for its turn before it takes a connection, so whatever one
organisation asks, connections are left for the questions that take no time, and a turn for others.
Writes that lay a window out wait as well: on SQLite all writers queue behind them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

from app.errors import StoreUnavailable

AT_ONCE = 2
"""Fewer than the database has readers, however it is kept."""
WAIT_SECONDS = 10.0
BUSY = "is busy with what was asked before"


class HeavyWorkLimiter:
    """Whose turn it is."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._own: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def slot(self, org_id: str) -> AsyncIterator[None]:
        """One turn of an organisation. Raises ``StoreUnavailable`` if it does not come soon."""
        own = self._own.setdefault(org_id, asyncio.Lock())
        async with contextlib.AsyncExitStack() as held:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._all)
            except TimeoutError:
                raise StoreUnavailable.because(BUSY) from None
            yield
