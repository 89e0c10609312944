"""A small pool of worker processes for work that could keep a processor busy.

    the caller's turn → (the turn of unpaid or throttled work) → a worker's turn → result or error

Strategy: ``anyio.to_process`` starts a worker when it is first needed, gives it one job at a time
and kills it if the task that waits for it is cancelled. Nothing that a library leaves behind
outlives the process, and a job that does not stop cannot keep this process alive
(``docs/decisions/0010-worker-processes.md``). It forgets a worker whose start is cancelled, so
nothing cancels a start. Here are the bounds: what runs at once, what waits, and for how long;
``limits`` has those of the processor and the memory.

Invariants: of one caller one job runs and ``OWN_WAITING`` wait. Jobs that nobody has paid for run
one at a time, so that they never hold all workers. So do long jobs, and throttled ones: those of a
caller or payer one of whose jobs has failed after some time. A payment that buys nothing is not
used up, so it could hold all workers for ever. What waited in vain was not begun.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar, cast
from weakref import WeakValueDictionary

import structlog
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from app.errors import (
    AnswerTooLarge,
    Interrupted,
    OncallError,
    TakesTooLong,
    WorkerLost,
    WorkersBusy,
)
from app.workers.limits import JobStopped, run_limited

log = structlog.get_logger()

T = TypeVar("T")

PROCESSES = 2
"""Fewer would let one caller stop all others; more would only share the same processors."""
WAITING = 32
"""The most jobs that wait for a worker, and the most unpaid ones that wait for their turn."""
OWN_WAITING = 4
"""The most jobs of one caller that wait."""
WAIT_SECONDS = 10.0
"""The longest time that a job waits for its turn."""
RETRY_AFTER_SECONDS = 5
FAILED_SECONDS = 1.0
"""A job that fails after so much time by the clock has kept others from their turns in vain."""
THROTTLED_SECONDS = 600.0
"""For so long the jobs of its caller and payer share one turn with other throttled ones."""
LONG_SECONDS = 10.0
"""A job that may take more processor time than this is a long one."""
SLOWNESS, LONG_SLOWNESS = 5, 1.5
"""How many times its processor time a job may take by the clock, besides ``START_SECONDS``: of the
first ``LONG_SECONDS``, and of what is beyond. Another long job never runs beside it."""
START_SECONDS = 20.0
"""A new worker's time to start and to import what its first job needs, on a busy machine."""

STOPPED: Mapping[type[OncallError], str] = {
    WorkersBusy: "busy",
    TakesTooLong: "too_long",
    AnswerTooLarge: "too_large",
    WorkerLost: "lost",
    Interrupted: "stopped",
}
"""The outcomes of jobs that the pool ended or did not begin."""
OUTCOMES = ("ok", "refused", *STOPPED.values(), "cancelled", "failed")
"""What becomes of a job. ``refused`` is by an error that the job itself raised for its caller,
``cancelled`` is one that nobody waits for any more, and ``failed`` is a defect of ours."""

Observe = Callable[[str, float, float | None], None]
"""Takes the outcome of a job, the seconds that it waited, and those that it ran (``None`` for one
that was not begun)."""


def unobserved(_outcome: str, _waited: float, _ran: float | None) -> None:
    """Count nothing."""


def most_seconds(cpu_seconds: float) -> float:
    """Return how long a job may take by the clock, once its turn has come."""
    first = min(cpu_seconds, LONG_SECONDS)
    return START_SECONDS + SLOWNESS * first + LONG_SLOWNESS * (cpu_seconds - first)


class _Line:
    """The jobs that share ``at_once`` turns; at most ``most`` others wait in order of arrival."""

    def __init__(self, at_once: int, most: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._room = at_once + most

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a turn. Raises ``WorkersBusy`` if too many wait already."""
        if self._room == 0:
            raise _busy()
        self._room -= 1
        try:
            async with self._turns:
                yield
        finally:
            self._room += 1


class WorkerPool:
    """The worker processes of one service process. Each job is reported to ``observe``."""

    def __init__(self, observe: Observe = unobserved) -> None:
        self._observe = observe
        self._choice = asyncio.Lock()
        self._all = _Line(PROCESSES, WAITING)
        self._free = _Line(1, WAITING)
        self._long = _Line(1, WAITING)
        self._throttled = _Line(1, WAITING)
        self._failed_at: dict[str, float] = {}
        self._own: WeakValueDictionary[str, _Line] = WeakValueDictionary()
        self._free_work: set[asyncio.Timeout] = set()
        self._stopped = False

    async def run(
        self,
        job: Callable[..., T],
        *arguments: object,
        caller: str,
        cpu_seconds: float,
        unpaid: bool = False,
        payer: str = "",
    ) -> T:
        """Run ``job(*arguments)``, which can be pickled, in a worker and return its result.

        ``caller`` is whose job it is, and ``payer`` who is to pay for it, if that is known. What
        the job raises is raised here. Raises ``WorkersBusy`` if there is no turn in time,
        ``TakesTooLong`` after ``cpu_seconds`` of processor time, ``AnswerTooLarge`` if it needs too
        much memory, ``WorkerLost`` if its worker died, and ``Interrupted`` for work that nobody has
        paid for while the service stops.
        """
        names = () if unpaid else (caller, payer) if payer else (caller,)
        async with contextlib.AsyncExitStack() as held:
            begin = held.enter_context(self._observed())
            async with self._within(WAIT_SECONDS, _busy(), unpaid=unpaid):
                own = self._own.setdefault(caller, _Line(1, OWN_WAITING))
                await held.enter_async_context(own.turn())
                if unpaid:
                    await held.enter_async_context(self._free.turn())
                if cpu_seconds > LONG_SECONDS:
                    await held.enter_async_context(self._long.turn())
                await held.enter_async_context(self._worker_turn(*names))
            begin()
            async with self._within(most_seconds(cpu_seconds), TakesTooLong(), unpaid=unpaid):
                with self._remembering_failure(*names):
                    return await self._result(partial(run_limited, cpu_seconds, job, *arguments))

    def stop_free_work(self) -> None:
        """End what nobody has paid for, and refuse more of it, because the service stops."""
        self._stopped = True
        for timeout in self._free_work:
            timeout.reschedule(0)

    @contextlib.contextmanager
    def _observed(self) -> Iterator[Callable[[], None]]:
        """Report the job that runs within. The context's value is called when its turn has come."""
        arrived = time.perf_counter()
        begun: list[float] = []
        outcome = "cancelled"
        try:
            yield lambda: begun.append(time.perf_counter())
            outcome = "ok"
        except OncallError as error:
            outcome = STOPPED.get(type(error), "refused")
            raise
        except Exception:
            outcome = "failed"
            raise
        finally:
            ended = time.perf_counter()
            ran = ended - begun[0] if begun else None
            self._observe(outcome, ended - arrived - (ran or 0.0), ran)

    @contextlib.asynccontextmanager
    async def _worker_turn(self, *names: str) -> AsyncIterator[None]:
        """Hold a worker's turn for ``names``, and that of throttled work if theirs is."""
        while True:
            throttled = self._are_throttled(*names)
            async with contextlib.AsyncExitStack() as turns:
                if throttled:
                    await turns.enter_async_context(self._throttled.turn())
                await turns.enter_async_context(self._all.turn())
                if throttled or not self._are_throttled(*names):
                    yield
                    return

    def _are_throttled(self, *names: str) -> bool:
        since = time.monotonic() - THROTTLED_SECONDS
        return any(self._failed_at.get(name, since) > since for name in names)

    @contextlib.contextmanager
    def _remembering_failure(self, *names: str) -> Iterator[None]:
        """Remember ``names`` if their job fails, or is given up, after some time."""
        began = time.monotonic()
        try:
            yield
        except BaseException:
            now = time.monotonic()
            if now - began > FAILED_SECONDS:
                known = {
                    name: at for name, at in self._failed_at.items() if self._are_throttled(name)
                }
                self._failed_at = {**known, **dict.fromkeys(names, now)}
            raise

    @contextlib.asynccontextmanager
    async def _within(
        self, seconds: float, error: OncallError, *, unpaid: bool
    ) -> AsyncIterator[None]:
        """Raise ``error`` after ``seconds``, or ``Interrupted`` once free work is stopped."""
        if unpaid and self._stopped:
            raise Interrupted
        try:
            async with asyncio.timeout(seconds) as timeout:
                if unpaid:
                    self._free_work.add(timeout)
                yield
        except TimeoutError:
            raise (Interrupted() if unpaid and self._stopped else error) from None
        finally:
            self._free_work.discard(timeout)

    async def _result(self, work: Callable[[], T]) -> T:
        """Return the result of ``work`` from a worker, or from another if that one was dead."""
        for last in (False, True):
            try:
                async with contextlib.AsyncExitStack() as choice:
                    await choice.enter_async_context(self._choice)
                    await _start_worker()
                    chosen = cast(CapacityLimiter, _leave(choice))
                    return await to_process.run_sync(work, cancellable=True, limiter=chosen)
            except JobStopped as stopped:
                raise stopped.error from None
            except BrokenWorkerProcess as error:
                if last:
                    log.exception("worker_lost")
                    raise WorkerLost(retry_after=RETRY_AFTER_SECONDS) from error
        raise AssertionError  # pragma: no cover - the loop returns or raises


async def _start_worker() -> None:
    """Start a worker if none is idle. Who is cancelled meanwhile waits until it has started."""
    start = asyncio.create_task(_find_worker())
    try:
        await asyncio.shield(start)
    finally:
        await asyncio.wait([start])
        start.exception()  # was raised above, unless the caller has left


async def _find_worker() -> None:
    """Pass over idle workers that are ending: a stopped job's sends its reason before it ends."""
    for _ in range(PROCESSES):
        with contextlib.suppress(BrokenWorkerProcess):
            await to_process.run_sync(_do_nothing)
            return
    await to_process.run_sync(_do_nothing)


def _do_nothing() -> None:
    """Be done: what it was for is the start of the worker that ran it."""


@contextlib.asynccontextmanager
async def _leave(choice: contextlib.AsyncExitStack) -> AsyncIterator[None]:
    """Let the next job choose its worker. ``to_process`` enters this, then chooses, at once."""
    await choice.aclose()
    yield


def _busy() -> WorkersBusy:
    return WorkersBusy(
        "what was asked before takes all the time there is", retry_after=RETRY_AFTER_SECONDS
    )
