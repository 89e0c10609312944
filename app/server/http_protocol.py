"""uvicorn's HTTP protocol with limits for a public port, which apply while a request is being read.

Strategy: httptools hands over URL, headers and trailers in pieces and keeps an unfinished header to
itself, so both the pieces and the raw bytes are counted while a head is being read. A timer closes
connections whose head does not end, and few requests may be pipelined. Raising in a callback makes
uvicorn answer 400 and close. Past ``MAX_CONNECTIONS``, or ``MAX_OF_ADDRESS`` of one address, a
request is answered 503 unread, because uvicorn's own answer has no ``Retry-After``.
``http/request_body.py`` checks the requests that pass more finely and answers in words.

Invariant: except for a reset, requests that arrived completely are answered before their connection
ends. One of them may have been paid for.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import FieldError, InvalidRequest, TooManyConnections
from app.http.problems import problem_response
from app.http.rate_limits import Proxy, client_of, is_proxy
from app.http.request_head import ARRIVED
from app.server.buffered_transport import BufferedTransport

MAX_CONNECTIONS = 10_000
"""The most connections of one service process."""
MAX_OF_ADDRESS = 500
"""The most connections of one address to one of them, unless it is a trusted proxy."""
MAX_HEAD_BYTES = 64 * 1024
MAX_RAW_BYTES = MAX_HEAD_BYTES + 256 * 1024
"""One read of up to 256 KiB may hold a whole head and the beginning of a body."""
MAX_HEAD_SECONDS = 10.0
LAST_HEAD_SECONDS = 1.0
"""The time left to a head that is arriving when the server stops, or that comes on a connection
which is one too many."""
MAX_PIPELINED = 16

HOST = re.compile(rb"([\w.~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.v]+\])?(:\d*)?")
"""A host and perhaps a port (RFC 9110, 7.2)."""

too_many_connections = problem_response(TooManyConnections())
too_many_connections.headers["Connection"] = "close"
no_host = problem_response(
    InvalidRequest([FieldError("Host", "write one Host header: a name and perhaps a port")])
)
no_host.headers["Connection"] = "close"


class AddressConnections:
    """The number of open connections of each address, but for those of ``trusted`` proxies."""

    def __init__(self, trusted: Sequence[Proxy] = ()) -> None:
        self._trusted = trusted
        self._counts: dict[str, int] = {}

    def add(self, peer: str) -> bool:
        """Count a connection that was opened. Return whether its address has too many now."""
        if is_proxy(peer, self._trusted):
            return False
        client = client_of(peer, (), ())
        count = self._counts[client] = self._counts.get(client, 0) + 1
        return count > MAX_OF_ADDRESS

    def remove(self, peer: str) -> None:
        """Count a connection that was closed."""
        client = client_of(peer, (), ())
        count = self._counts.pop(client, 0) - 1
        if count > 0:
            self._counts[client] = count


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection, with limits on the bytes and seconds of a head and on pipelined requests.

    ``addresses`` counts the connections of each address; without it nobody has too many.
    """

    _head_bytes = 0
    _raw_bytes = 0
    _in_head = False
    _timer: asyncio.TimerHandle | None = None
    _is_one_too_many = False

    def __init__(
        self, *arguments: Any, addresses: AddressConnections | None = None, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self._addresses = addresses or AddressConnections()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = BufferedTransport(transport, self.loop)  # type: ignore[assignment] # as it is used
        crowded = self._addresses.add(self._peer)
        self._is_one_too_many = crowded or len(self.connections) > MAX_CONNECTIONS
        self._start_head()
        self._start_timer(LAST_HEAD_SECONDS if self._is_one_too_many else MAX_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._addresses.remove(self._peer)
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._raw_bytes += len(data)
            if self._raw_bytes > MAX_RAW_BYTES:
                self._close()
                return
        idle = self.timeout_keep_alive_task  # uvicorn cancels it on any data
        super().data_received(data)
        if self._in_head:
            if self._timer is None:  # most heads come whole and need no timer
                self._start_timer(MAX_HEAD_SECONDS)
        elif (
            idle is not None and self.timeout_keep_alive_task is None and not self._has_unanswered()
        ):
            self.timeout_keep_alive_task = self.loop.call_at(
                idle.when(), self.timeout_keep_alive_handler
            )

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's never says yes
        """Return whether the connection stays open: a client may close its side and still read."""
        self.transport.flush()  # type: ignore[attr-defined] # BufferedTransport's
        return self._close_when_answered()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 to an unreadable request, unless earlier requests still need an answer.

        Those are answered, and then the connection is closed.
        """
        if not self._close_when_answered():
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many pipelined requests")
        self._start_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_head()
        if self._is_one_too_many:
            self.app = too_many_connections
        elif self._has_host():
            self.app = self.config.loaded_app
        else:
            self.app = no_host
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.scope[ARRIVED] = True  # type: ignore[literal-required] # for the application

    def shutdown(self) -> None:
        """Close when idle. A head that has begun to arrive still gets its answer."""
        if self._timer is None:
            super().shutdown()
        else:
            self._start_timer(LAST_HEAD_SECONDS)

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else ""

    def _has_host(self) -> bool:
        """Whether the head names one host, as HTTP/1.1 wants (RFC 9112, 3.2)."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if not hosts:
            return bool(self.parser.get_http_version() == "1.0")
        return len(hosts) == 1 and HOST.fullmatch(hosts[0]) is not None

    def _start_head(self) -> None:
        self._head_bytes = 0
        if not self._in_head:
            self._raw_bytes = 0
            self._in_head = True

    def _start_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._close)

    def _close(self) -> None:
        if not self._close_when_answered():
            self.transport.close()

    def _has_unanswered(self) -> bool:
        """Whether a request lacks its answer; ``cycle`` is the newest request."""
        return self.cycle is not None and not self.cycle.response_complete

    def _close_when_answered(self) -> bool:
        """Close once every complete request is answered; return ``False`` if all are."""
        if not self._has_unanswered() or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def _end_head(self) -> None:
        self._in_head = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _count(self, size: int) -> None:
        self._head_bytes += size  # trailers count too: they come without a new head
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("the head is too large")
