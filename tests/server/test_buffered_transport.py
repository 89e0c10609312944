"""The pieces in which a connection sends its bytes."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from app.server import buffered_transport
from app.server.buffered_transport import MAX_HELD_BYTES, BufferedTransport
from tests.support.counting import until

pytestmark = pytest.mark.anyio


class Pieces(asyncio.Transport):
    """A transport that shows each piece it was given: a kernel would join them."""

    def __init__(self, no_socket: IO[str]) -> None:
        super().__init__({"peername": ("192.0.2.1", 443), "socket": no_socket})
        self.sent: list[bytes] = []
        self.closed = False
        self.waiting = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed, self.waiting = True, 0

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
def pieces() -> Iterator[Pieces]:
    with Path(os.devnull).open() as no_socket:  # of which no system says how much waits in it
        yield Pieces(no_socket)


@pytest.fixture
async def transport(pieces: Pieces) -> BufferedTransport:
    return BufferedTransport(pieces, asyncio.get_running_loop())


async def next_turn() -> None:
    await asyncio.sleep(0)


async def test_what_a_turn_writes_is_one_piece(
    pieces: Pieces, transport: BufferedTransport
) -> None:
    transport.write(b"head")
    transport.write(b"body")
    assert pieces.sent == []
    await next_turn()
    assert pieces.sent == [b"headbody"]


async def test_what_is_empty_is_not_sent(
    pieces: Pieces, transport: BufferedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[list[bytes]] = []
    monkeypatch.setattr(pieces, "writelines", lambda data: given.append(list(data)))
    for data in (b"head", b"", b"body", b""):
        transport.write(data)
    await next_turn()
    transport.write(b"")
    await next_turn()
    assert given == [[b"head", b"body"]]


async def test_what_the_next_turn_writes_is_another(
    pieces: Pieces, transport: BufferedTransport
) -> None:
    for data in (b"first", b"second"):
        transport.write(data)
        await next_turn()
    assert pieces.sent == [b"first", b"second"]


async def test_closing_sends_what_was_written(pieces: Pieces, transport: BufferedTransport) -> None:
    transport.write(b"last")
    transport.close()
    assert pieces.sent == [b"last"]
    assert transport.is_closing()
    await next_turn()
    assert pieces.sent == [b"last"]


async def test_much_is_handed_on_at_once(pieces: Pieces, transport: BufferedTransport) -> None:
    """So that the transport can say that it has enough."""
    much = b"x" * MAX_HELD_BYTES
    transport.write(much)
    assert pieces.sent == []
    transport.write(b"y")
    assert pieces.sent == [much + b"y"]
    transport.write(b"z")
    await next_turn()
    assert pieces.sent[1:] == [b"z"]


async def test_nothing_is_sent_to_whoever_hung_up(
    pieces: Pieces, transport: BufferedTransport
) -> None:
    transport.write(b"too late")
    pieces.close()
    await next_turn()
    assert pieces.sent == []


async def test_the_rest_is_the_transports(transport: BufferedTransport) -> None:
    assert transport.get_extra_info("peername") == ("192.0.2.1", 443)


@pytest.mark.parametrize(
    ("taken", "closed"),
    [
        pytest.param([60, 60, 60, 60], False, id="fast-enough"),
        pytest.param([60, 60, 10], True, id="too-slow-in-the-end"),
        pytest.param([0], True, id="not-at-all"),
        pytest.param([240], False, id="all-at-once"),
    ],
)
async def test_whoever_takes_too_little_loses_the_connection(
    pieces: Pieces,
    transport: BufferedTransport,
    monkeypatch: pytest.MonkeyPatch,
    taken: list[int],
    *,
    closed: bool,
) -> None:
    monkeypatch.setattr(buffered_transport, "MIN_BYTES", 50)
    pieces.waiting = 240
    transport.write(b"x" * 240)
    transport.flush()
    for count in taken:
        pieces.waiting -= count
        transport._require_progress()  # as after 20 seconds
    assert pieces.closed == closed
    assert transport._is_watched == (pieces.waiting > 0)


async def test_what_is_written_meanwhile_counts_as_waiting(
    pieces: Pieces, transport: BufferedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffered_transport, "MIN_BYTES", 50)
    for waiting in (100, 100 + 100 - 40):
        pieces.waiting = waiting
        transport.write(b"x" * 100)
        transport.flush()
    transport._require_progress()
    assert pieces.closed


async def test_it_is_looked_at_in_time(
    pieces: Pieces, transport: BufferedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffered_transport, "MAX_SECONDS", 0.0)
    pieces.waiting = 1
    transport.write(b"x")
    transport.close()
    await until(lambda: pieces.waiting == 0)
