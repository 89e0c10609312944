"""uvicorn's HTTP protocol with what a public port needs: caps on a request before it is one.

Strategy: httptools hands over URL, headers and trailers piece by piece and keeps an unfinished
header to itself, so both the pieces and the raw bytes are counted while a head is being read; a
timer ends heads that never end; pipelined requests are few. Raising in a callback makes uvicorn
answer 400 and close. What passes is checked more finely, and answered in words, by ``bodies``. Past
``MAX_CONNECTIONS`` a request is answered 503 without being looked at; uvicorn's own answer would
not say when to come back.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.head import ARRIVED
from app.api.outgoing import Outgoing
from app.api.problems import problem_of
from app.errors import TooManyConnections

MAX_CONNECTIONS = 10_000
"""Of one worker."""
MAX_HEAD_BYTES = 64 * 1024
MAX_RAW_BYTES = MAX_HEAD_BYTES + 256 * 1024
"""A read of up to 256 KiB may bring a whole head and the beginning of a body."""
MAX_HEAD_SECONDS = 10.0
LAST_HEAD_SECONDS = 1.0
"""For a head that is on its way when the server stops."""
MAX_PIPELINED = 16

too_many_connections = problem_of(TooManyConnections())
too_many_connections.headers["Connection"] = "close"


class GuardedHttp(HttpToolsProtocol):
    """One connection. Its heads are bounded in bytes and seconds, its pipeline in requests."""

    _head_bytes = 0
    _raw_bytes = 0
    _in_head = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Outgoing(transport, self.loop)  # type: ignore[assignment] # as it is used
        self._begin_head()
        self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._raw_bytes += len(data)
            if self._raw_bytes > MAX_RAW_BYTES:
                self.transport.close()
                return
        super().data_received(data)
        if self._in_head and self._timer is None:  # most heads come whole and need no timer
            self._time_head()

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many pipelined requests")
        self._begin_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_head()
        crowded = len(self.connections) > MAX_CONNECTIONS
        self.app = too_many_connections if crowded else self.config.loaded_app
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.scope[ARRIVED] = True  # type: ignore[literal-required] # for the application

    def shutdown(self) -> None:
        """Close when idle. A head that was begun, or is about to be, still gets its answer."""
        if self._timer is None:
            super().shutdown()
        else:
            self._timer.cancel()
            self._timer = self.loop.call_later(LAST_HEAD_SECONDS, self.transport.close)

    def _begin_head(self) -> None:
        self._head_bytes = 0
        if not self._in_head:
            self._raw_bytes = 0
            self._in_head = True

    def _time_head(self) -> None:
        self._timer = self.loop.call_later(MAX_HEAD_SECONDS, self.transport.close)

    def _end_head(self) -> None:
        self._in_head = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _count(self, size: int) -> None:
        self._head_bytes += size  # trailers count as well: they come without a new head
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("the head is too large")
