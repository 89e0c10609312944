"""The limits of a connection on a real socket: bytes and seconds of a head, pipelined requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from ipaddress import ip_network

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.server import buffered_transport, http_protocol
from app.server.http_protocol import (
    MAX_HEAD_BYTES,
    MAX_PIPELINED,
    MAX_RAW_BYTES,
    AddressConnections,
    LimitedHttpProtocol,
)
from tests.support.counting import until
from tests.support.processes import free_port

pytestmark = pytest.mark.anyio

SLOW_SECONDS = 1.0
"""Longer than a head may take here."""
LARGE = bytes(16 * 1024 * 1024)
"""More than a kernel takes for a client that does not read."""
LARGE_HEADERS = [(b"content-length", str(len(LARGE)).encode())]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[uvicorn.Server]:
    """A server whose heads must end within half a second; it never answers ``/wait``."""
    monkeypatch.setattr(http_protocol, "MAX_HEAD_SECONDS", 0.5)
    go = asyncio.Event()

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/wait":
            await go.wait()
        if scope["path"] == "/slow":
            await asyncio.sleep(SLOW_SECONDS)
        if scope["path"] == "/large":
            await send({"type": "http.response.start", "status": 200, "headers": LARGE_HEADERS})
            await send({"type": "http.response.body", "body": LARGE})
            return
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(
        app, port=free_port(), http=LimitedHttpProtocol, ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(NotImplementedError):
        serving = asyncio.create_task(server._serve())
        while not server.started:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
        yield server
        go.set()
        server.should_exit = True
        await serving


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    return server.config.port


async def said(port: int, *pieces: bytes, seconds: float = 5) -> bytes:
    """Return the server's answer until it closes, or until ``seconds`` have passed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(seconds):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_an_ordinary_request_is_answered(port: int) -> None:
    request = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert (await said(port, request)).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"GET / HTTP/1.1\r\n", b"a: b\r\n" * MAX_HEAD_BYTES], id="many headers"),
        pytest.param([b"GET /" + b"x" * 2 * MAX_HEAD_BYTES], id="a long URL"),
        pytest.param(
            [b"GET / HTTP/1.1\r\na: ", *[b"x" * 65_536] * (MAX_RAW_BYTES // 65_536 + 2)],
            id="a header without end",
        ),
        pytest.param(
            [
                b"POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                b"a: b\r\n" * MAX_HEAD_BYTES,
            ],
            id="trailers",
        ),
    ],
)
async def test_what_is_too_much_is_cut_off(port: int, pieces: list[bytes]) -> None:
    answer = await said(port, *pieces)
    assert answer == b"" or b"400 Bad Request" in answer


@pytest.mark.parametrize(
    "piece", [pytest.param(b"", id="nothing"), pytest.param(b"GET / HT", id="half a head")]
)
async def test_a_head_that_does_not_come_is_not_waited_for(port: int, piece: bytes) -> None:
    assert await said(port, piece, seconds=3) == b""


async def test_ten_requests_in_a_pipeline_are_answered(port: int) -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert (await said(port, GET * 9 + last)).count(b"HTTP/1.1 204") == 10


SLOW = GET.replace(b"/", b"/slow", 1)


@pytest.mark.parametrize(
    ("after", "answers"),
    [
        pytest.param(GET[:10], 1, id="a head that never ends"),
        pytest.param(b"\x00 no HTTP\r\n\r\n", 1, id="what cannot be read"),
        pytest.param(GET[:-2] + b"a: b\r\n" * MAX_HEAD_BYTES, 1, id="a head that is too large"),
        pytest.param(GET * 40, 1 + MAX_PIPELINED, id="more than may be in a pipeline"),
    ],
)
async def test_whatever_follows_a_request_is_answered_first(
    port: int, after: bytes, answers: int
) -> None:
    """It may have been paid for; then the connection is closed."""
    assert (await said(port, SLOW + after)).count(b"HTTP/1.1 204") == answers


@pytest.mark.parametrize("request_", [GET, SLOW, SLOW + GET * 3])
async def test_who_sends_no_more_still_gets_all_answers(port: int, request_: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_)
    writer.write_eof()
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert answer.count(b"HTTP/1.1 204") == request_.count(b"GET")
    writer.close()


async def test_half_a_body_is_not_waited_for_once_nothing_more_comes(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
    writer.write_eof()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("first", "strays"),
    [
        pytest.param(GET, b"\r\n", id="an empty line"),
        pytest.param(
            GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 100\r\n\r\n"), b"x", id="of a body"
        ),
    ],
)
async def test_bytes_that_begin_nothing_keep_no_connection(
    server: uvicorn.Server, first: bytes, strays: bytes
) -> None:
    server.config.timeout_keep_alive = 1
    reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
    writer.write(first)
    async with asyncio.timeout(5):
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(3):
            writer.write(strays)
            await asyncio.sleep(0.2)
        with contextlib.suppress(ConnectionResetError):  # it may have been closed already
            assert await reader.read() == b""
    writer.close()


async def test_a_stop_waits_for_an_answer_that_half_a_head_follows(server: uvicorn.Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
    writer.write(GET.replace(b"/", b"/wait", 1) + GET[:10])
    while not server.server_state.tasks:  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.01)
    server.should_exit = True
    await asyncio.sleep(1.5)  # longer than the head is waited for
    assert not reader.at_eof()
    writer.close()


async def test_an_upgrade_is_not_followed(port: int) -> None:
    request = GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await said(port, request, seconds=8)).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"], ids=["keep-alive", "close"])
async def test_a_client_that_does_not_read_is_given_up(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch, closing: bytes
) -> None:
    monkeypatch.setattr(buffered_transport, "MAX_SECONDS", 0.3)
    _, writer = await asyncio.open_connection("127.0.0.1", server.config.port, limit=1024)
    writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n" + closing + b"\r\n")
    await until(lambda: server.server_state.connections)
    await until(lambda: not server.server_state.connections)
    writer.close()


@pytest.mark.parametrize(("pause", "whole"), [(0.05, True), (0.6, False)])
async def test_a_slow_reader_is_served_unless_it_is_too_slow(
    port: int, monkeypatch: pytest.MonkeyPatch, pause: float, *, whole: bool
) -> None:
    monkeypatch.setattr(buffered_transport, "MAX_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=32 * 1024)
    writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    received = 0
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionError):
            for _ in range(8):
                received += len(await reader.read(32 * 1024))
                await asyncio.sleep(pause)
            received += len(await reader.read())
    assert (received > len(LARGE)) == whole
    writer.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(b"HTTP/1.1\r\n", 400, id="none"),
        pytest.param(b"HTTP/1.0\r\n", 204, id="none-as-http-1.0-may"),
        pytest.param(b"HTTP/1.1\r\nHost: x\r\nhost: x\r\n", 400, id="two"),
        pytest.param(b"HTTP/1.0\r\nHost: x\r\nHost: x\r\n", 400, id="two-in-http-1.0"),
        pytest.param(b"HTTP/1.1\r\nHost: x y\r\n", 400, id="two-words"),
        pytest.param(b"HTTP/1.1\r\nHost: x/y\r\n", 400, id="a-path"),
        pytest.param(b"HTTP/1.1\r\nHost: a@x\r\n", 400, id="a-user"),
        pytest.param(b"HTTP/1.1\r\nHost: x:port\r\n", 400, id="no-port"),
        pytest.param(b"HTTP/1.1\r\nHost:\r\n", 204, id="empty"),
        pytest.param(b"HTTP/1.1\r\nHost: oncall.example.com:8402\r\n", 204, id="name-and-port"),
        pytest.param(b"HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n", 204, id="ipv6"),
    ],
)
async def test_a_request_names_one_host(port: int, head: bytes, status: int) -> None:
    answer = await said(port, b"GET / " + head + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d" % status)
    assert (b'"pointer":"Host"' in answer) == (status == 400)


async def test_past_the_most_connections_a_request_is_told_to_come_back(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_CONNECTIONS", 1)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        answer = await said(port, GET)
    finally:
        writer.close()
    assert_too_many(answer)


def assert_too_many(answer: bytes) -> None:
    assert answer.startswith(b"HTTP/1.1 503")
    for header in (b"retry-after: 1", b"connection: close", b"content-type: application/problem"):
        assert header in answer
    assert b'"code":"too_many_connections"' in answer


async def test_a_connection_that_is_one_too_many_is_not_waited_for_long(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_HEAD_SECONDS", 60.0)
    monkeypatch.setattr(http_protocol, "LAST_HEAD_SECONDS", 0.2)
    monkeypatch.setattr(http_protocol, "MAX_CONNECTIONS", 0)
    assert await said(port, b"GET / HT", seconds=5) == b""


async def test_an_address_has_its_share_of_the_connections(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_OF_ADDRESS", 1)
    server.config.http_protocol_class = partial(  # type: ignore[assignment] # as serve does
        LimitedHttpProtocol, addresses=AddressConnections()
    )
    port = server.config.port
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for _ in range(2):  # what was closed does not count
        assert (await said(port, last)).startswith(b"HTTP/1.1 204")
        await until(lambda: not server.server_state.connections)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        assert_too_many(await said(port, GET))
    finally:
        writer.close()


def test_connections_are_counted_by_address_but_not_those_of_our_proxies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_OF_ADDRESS", 2)
    addresses = AddressConnections([ip_network("10.0.0.0/8")])
    opened = ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"]
    assert [addresses.add(peer) for peer in opened] == [False, False, False, True, False, False]
    assert addresses.add("2001:db8::3")
    assert not any(addresses.add("10.0.0.1") for _ in range(9))
    for peer in (*opened, "2001:db8::3", *["10.0.0.1"] * 9):
        addresses.remove(peer)
    assert addresses._counts == {}


@pytest.mark.parametrize(
    "sent", [pytest.param(b"", id="nothing yet"), pytest.param(GET[:10], id="half a head")]
)
async def test_a_request_on_its_way_when_the_server_stops_is_answered(
    server: uvicorn.Server, sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
    writer.write(sent)
    while not server.server_state.connections:  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.01)
    server.should_exit = True
    await asyncio.sleep(0.2)
    assert not server.servers[0].sockets
    writer.write(GET[len(sent) :])
    assert (await reader.readline()).startswith(b"HTTP/1.1 204")
    writer.close()


async def test_an_idle_connection_is_closed_when_the_server_stops(server: uvicorn.Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
    writer.write(GET)
    await reader.readuntil(b"\r\n\r\n")
    server.should_exit = True
    assert await reader.read() == b""
    writer.close()
