"""Stopping a process without dropping a request.

Strategy: a process that is told to stop says so first: ``/readyz`` turns 503 and every answer
closes its connection. It goes on serving for a drain time, in which whoever routes to it takes it
out. Only then is the server told, which closes its listener and lets what is under way end. What a
process has accepted it serves whole: a payment is never refused half way.

Invariants: the signals are the server's before the application has started and after it has ended.
A second signal ends the process at once, which is safe: another takes over what it had claimed in
Redis. A worker leaves that to its supervisor, because a terminal or a service manager may signal
both of them for one and the same wish.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import structlog

log = structlog.get_logger()

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class GracefulShutdown:
    """Whether this process has been told to stop; it drains for ``drain_seconds``."""

    def __init__(self, drain_seconds: float = 0.0) -> None:
        self._drain_seconds = drain_seconds
        self._servers_own: dict[int, Any] = {}
        self.begun = False

    @property
    def problem(self) -> str | None:
        """What readiness says; ``None`` while nobody wants the process to stop."""
        return "stopping" if self.begun else None

    @contextlib.contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Hear SIGTERM and SIGINT while the context lasts, in place of the server's handlers."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread only
            return
        self._loop = asyncio.get_running_loop()
        self._servers_own = {number: signal.signal(number, self._told) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in self._servers_own.items():
                signal.signal(number, handler)

    def _told(self, number: int, _: FrameType | None) -> None:
        if not self.begun:
            self.begun = True
            self._loop.call_soon_threadsafe(self._drain, number)
        elif multiprocessing.parent_process() is None:
            os._exit(128 + number)

    def _drain(self, number: int) -> None:
        log.info("stopping", signal=number, drain_seconds=self._drain_seconds)
        self._loop.call_later(self._drain_seconds, self._servers_own[number], number, None)
