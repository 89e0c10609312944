"""The pieces in which a connection sends its bytes."""

import asyncio

import pytest

from app.server.buffered_transport import MAX_HELD_BYTES, BufferedTransport

pytestmark = pytest.mark.anyio


class Pieces(asyncio.Transport):
    """A transport that shows each piece it was given: a kernel would join them."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 443)})
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
def pieces() -> Pieces:
    return Pieces()


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
