"""A transport that sends what one turn of the event loop writes together, and waits for readers.

Strategy: uvicorn writes the head and the body of an answer separately, and since 0.22 uvloop hands
each write to the kernel at once. One write for both, made when the turn is over, saves a system
call for each request. It also seldom has to wake the client's process, because the answers of a
turn leave together. This saved a third of the cost of an answer. The pieces are not joined, so that
an answer that many are slow to read, such as a document of ours, is in memory once.

Invariant: what a client does not read is held for a bounded time. A client that takes less than
``MIN_BYTES`` in ``MAX_SECONDS`` loses its connection. A paid answer can be asked for again.
"""

import asyncio
import fcntl
import struct
import termios
from typing import Any

MAX_HELD_BYTES = 64 * 1024
"""uvicorn's own mark for a full buffer. More than this is sent at once, so that uvicorn sees when
the buffer below is full."""

MAX_SECONDS = 20.0
MIN_BYTES = 64 * 1024
"""Three kilobytes a second, or what is left of an answer."""


class BufferedTransport:
    """A transport that holds written bytes until the turn of the event loop ends, or it closes."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._sent_bytes = 0
        self._taken_bytes = 0
        self._is_watched = False

    def write(self, data: bytes) -> None:
        if not data:
            return  # asyncio's own transport, from 3.12 on, would never be done with an empty piece
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > MAX_HELD_BYTES:
            self.flush()

    def close(self) -> None:
        """Send everything written before, then close."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def flush(self) -> None:
        """Send the held bytes."""
        if not self._held:
            return
        pieces, size = self._held, self._held_bytes
        self._held, self._held_bytes = [], 0
        if not self._transport.is_closing():  # otherwise the client is gone
            self._transport.writelines(pieces)
            self._sent_bytes += size
            if not self._is_watched and self._transport.get_write_buffer_size():
                self._taken_bytes = self._taken()
                self._watch()

    def _watch(self) -> None:
        self._is_watched = True
        self._loop.call_later(MAX_SECONDS, self._require_progress)

    def _require_progress(self) -> None:
        """Give the connection up unless its client has taken enough of what waits for it."""
        self._is_watched = False
        if not self._transport.get_write_buffer_size():
            return
        taken = self._taken()
        if taken - self._taken_bytes < MIN_BYTES:
            self._transport.abort()
            return
        self._taken_bytes = taken
        self._watch()

    def _taken(self) -> int:
        """Return how many bytes the client has taken, of all that were ever sent to it."""
        waiting = self._transport.get_write_buffer_size()
        return self._sent_bytes - waiting - _bytes_in_kernel(self._transport)


def _bytes_in_kernel(transport: asyncio.Transport) -> int:
    """Return how many bytes the client's machine has not confirmed; 0 if nobody knows."""
    descriptor = transport.get_extra_info("socket").fileno()
    try:
        [count] = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
    except OSError:
        return 0  # macOS
    return int(count)
