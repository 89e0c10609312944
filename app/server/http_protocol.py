"""uvicorn's HTTP protocol with what a public port needs: caps on a request before it is one.

Strategy: httptools hands over URL, headers and trailers piece by piece and keeps an unfinished
header to itself, so both the pieces and the raw bytes are counted while a head is being read; a
timer ends heads that never end; pipelined requests are few. Raising in a callback makes uvicorn
answer 400 and close. Past ``MAX_CONNECTIONS`` a request is answered 503 without being looked at;
uvicorn's own answer would not say when to come back. What passes is checked more finely, and
answered in words, by ``bodies``.

Invariant: whatever ends a connection but a reset, requests that came whole are answered before: one
may have been paid for.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import TooManyConnections
from app.http.problems import problem_response
from app.http.request_head import ARRIVED
from app.server.buffered_transport import BufferedTransport

MAX_CONNECTIONS = 10_000
"""Of one worker."""
MAX_HEAD_BYTES = 64 * 1024
MAX_RAW_BYTES = MAX_HEAD_BYTES + 256 * 1024
"""A read of up to 256 KiB may bring a whole head and the beginning of a body."""
MAX_HEAD_SECONDS = 10.0
LAST_HEAD_SECONDS = 1.0
"""For a head that is on its way when the server stops."""
MAX_PIPELINED = 16

too_many_connections = problem_response(TooManyConnections())
too_many_connections.headers["Connection"] = "close"


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. Its heads are bounded in bytes and seconds, its pipeline in requests."""

    _head_bytes = 0
    _raw_bytes = 0
    _in_head = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = BufferedTransport(transport, self.loop)  # type: ignore[assignment] # as it is used
        self._begin_head()
        self._time_head(MAX_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._raw_bytes += len(data)
            if self._raw_bytes > MAX_RAW_BYTES:
                self._end()
                return
        idle = self.timeout_keep_alive_task  # which uvicorn ends, whatever it is that comes
        super().data_received(data)
        if self._in_head:
            if self._timer is None:  # most heads come whole and need no timer
                self._time_head(MAX_HEAD_SECONDS)
        elif idle is not None and self.timeout_keep_alive_task is None and not self._is_owing():
            self.timeout_keep_alive_task = self.loop.call_at(
                idle.when(), self.timeout_keep_alive_handler
            )

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's never says yes
        """Whether the connection stays open: who sends no more may still wait for an answer."""
        self.transport.flush()  # type: ignore[attr-defined] # BufferedTransport's
        return self._closes_when_answered()

    def send_400_response(self, msg: str) -> None:
        """To what cannot be read; requests before it are answered first, and then it is not."""
        if not self._closes_when_answered():
            super().send_400_response(msg)

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
            self._time_head(LAST_HEAD_SECONDS)

    def _begin_head(self) -> None:
        self._head_bytes = 0
        if not self._in_head:
            self._raw_bytes = 0
            self._in_head = True

    def _time_head(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._end)

    def _end(self) -> None:
        if not self._closes_when_answered():
            self.transport.close()

    def _is_owing(self) -> bool:
        """Whether there is a request without an answer; ``cycle`` is the last that was begun."""
        return self.cycle is not None and not self.cycle.response_complete

    def _closes_when_answered(self) -> bool:
        """Close as soon as all that came whole is answered; ``False``: it is already."""
        if not self._is_owing() or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def _end_head(self) -> None:
        self._in_head = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _count(self, size: int) -> None:
        self._head_bytes += size  # trailers count as well: they come without a new head
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("the head is too large")
