"""Stopping a process without dropping a request.

Strategy: a process that is told to stop announces it first: ``/readyz`` turns 503 and every answer
closes its connection. The process goes on serving for a drain time, in which load balancers stop
sending requests to it. Only then does the server get the signal; it closes its listener and
finishes the requests under way. A process serves every request that it has accepted, so a payment
is never refused half way.

Invariants: the server handles the signals before the application has started and after it has
ended. A second signal ends the process at once. That is safe, because another process takes over
its claims in Redis. A worker leaves a second signal to its supervisor, because a terminal or a
service manager may signal both for one request to stop.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import structlog

log = structlog.get_logger()

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class GracefulShutdown:
    """The shutdown of this process: whether it has ``begun``. It drains for ``drain_seconds``.

    ``at_begin`` is called in the event loop once it has begun.
    """

    def __init__(
        self, drain_seconds: float = 0.0, at_begin: Callable[[], None] = lambda: None
    ) -> None:
        self._drain_seconds = drain_seconds
        self._at_begin = at_begin
        self._servers_own: dict[int, Any] = {}
        self.begun = False

    @property
    def problem(self) -> str | None:
        """The readiness problem: ``None`` until the process is told to stop."""
        return "stopping" if self.begun else None

    @contextlib.contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT within the context, in place of the server's handlers."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread only
            return
        self._loop = asyncio.get_running_loop()
        self._servers_own = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in self._servers_own.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if not self.begun:
            self.begun = True
            self._loop.call_soon_threadsafe(self._drain, number)
        elif multiprocessing.parent_process() is None:
            os._exit(128 + number)

    def _drain(self, number: int) -> None:
        log.info("stopping", signal=number, drain_seconds=self._drain_seconds)
        self._at_begin()
        self._loop.call_later(self._drain_seconds, self._hand_on, number)

    def _hand_on(self, number: int) -> None:
        """Do what the server, or Python, would have done at the signal."""
        handler = self._servers_own[number]
        if callable(handler):
            handler(number, None)
        else:
            signal.signal(number, handler)
            os.kill(os.getpid(), number)
