"""An event loop whose time moves by itself: no wait takes any time, and every one is exact."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that goes on to its next timer as soon as nothing else is to be done.

    Only for code that waits for nothing but timers: no sockets, no threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        timers = [] if self._ready else [each for each in self._scheduled if not each.cancelled()]  # type: ignore[attr-defined]
        if timers:
            self._now = max(self._now, min(each.when() for each in timers))
        super()._run_once()  # type: ignore[misc]


def run_in_virtual_time(work: Coroutine[None, None, T]) -> T:
    """Run ``work`` to its end, from second 0 on."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)


def now() -> float:
    """Return the seconds since the start of the loop that runs."""
    return asyncio.get_running_loop().time()
