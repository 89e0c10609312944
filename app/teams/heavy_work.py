"""Heavy requests: which of them may run at once, and where they compute.

Strategy: such a request waits for its slot before it takes a connection. So whatever one
organisation asks for, connections are left for quick requests, and slots for other organisations.
Writes that lay a window out wait as well: on SQLite all other writers queue behind them.

What a read computes goes to a worker process (``app/workers/pool.py``), which has turns of its
own, because paid work shares it: a slot bounds connections, a turn bounds processors. A write
computes in a thread: it holds its transaction meanwhile, so it must not wait for paid work.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

from app.errors import (
    AnswerTooLarge,
    StoreUnavailable,
    TakesTooLong,
    TooMuchWork,
    WorkerLost,
    WorkersBusy,
)
from app.workers.pool import WorkerPool

T = TypeVar("T")

AT_ONCE = 2
"""Fewer than either kind of database has readers."""
WAIT_SECONDS = 10.0
BUSY = "is busy with what was asked before"
TOO_LARGE = "takes more time or memory than there is for one answer: ask for less"
CPU_SECONDS = 4.0
"""The processor time of one job. The engine's bound on work is about a second of it."""


class Compute(Protocol):
    """How a handler computes what takes more than some milliseconds."""

    async def __call__(self, job: Callable[..., T], *arguments: object) -> T:
        """Return ``job(*arguments)``, all of which can be pickled."""


class NeedsSlot(Exception):
    """A read turned out to be heavy, so that it must wait for a slot and begin again."""


class HeavyWorkLimiter:
    """The slots for heavy requests of one process, and the workers that compute for them."""

    def __init__(self, workers: WorkerPool) -> None:
        self._workers = workers
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

    def compute(self, org_id: str, cpu_seconds: float = CPU_SECONDS) -> Compute:
        """Return how a read that holds a slot computes: in a worker process.

        Raises ``StoreUnavailable`` if there is none in time or it is lost, and ``TooMuchWork`` if
        the answer takes more time or memory than there is for one.
        """

        async def compute(job: Callable[..., T], *arguments: object) -> T:
            run = partial(self._workers.run, caller=f"org {org_id}", cpu_seconds=cpu_seconds)
            try:
                return await run(job, *arguments)
            except (WorkersBusy, WorkerLost) as error:
                raise StoreUnavailable.because(BUSY) from error
            except (TakesTooLong, AnswerTooLarge) as error:
                raise TooMuchWork(TOO_LARGE) from error

        return compute


async def compute_in_thread(job: Callable[..., T], *arguments: object) -> T:
    """Return ``job(*arguments)`` from another thread: how a write computes."""
    return await asyncio.to_thread(job, *arguments)


async def need_slot(_: Callable[..., T], *__: object) -> T:
    """Raise ``NeedsSlot``: how a read computes that holds no slot."""
    raise NeedsSlot
