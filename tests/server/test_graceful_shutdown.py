"""The signal to stop: readiness at once, and the server's own handler after the drain."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.errors import Interrupted
from app.main import create_app
from app.server.graceful_shutdown import SIGNALS, GracefulShutdown
from app.server.http_protocol import LimitedHttpProtocol
from app.server.middleware import OuterMiddleware
from app.workers.pool import WorkerPool
from tests.support.processes import free_port
from tests.support.services import Service, living, settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def handed_on() -> Iterator[list[int]]:
    """The signals that reach the server's own handlers."""
    received: list[int] = []

    def handler(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, handler) for number in SIGNALS}
    yield received
    for number, original in before.items():
        signal.signal(number, original)


@pytest.mark.parametrize("number", SIGNALS)
async def test_it_is_said_at_once_and_handed_on_later(
    handed_on: list[int], number: signal.Signals
) -> None:
    shutdown, began = GracefulShutdown(drain_seconds=0.2), time.monotonic()
    with shutdown.handling_signals():
        assert (shutdown.begun, shutdown.problem) == (False, None)
        os.kill(os.getpid(), number)
        assert (shutdown.begun, shutdown.problem, handed_on) == (True, "stopping", [])
        async with asyncio.timeout(10):
            while not handed_on:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
    assert handed_on == [number]
    assert time.monotonic() - began >= 0.2


@pytest.mark.usefixtures("handed_on")
async def test_free_work_under_way_is_ended_at_the_first_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = WorkerPool()
    monkeypatch.setattr("app.main.WorkerPool", lambda *_: pool)
    app = create_app(settings(drain_seconds=60))
    async with living(app):
        free = asyncio.create_task(
            pool.run(time.sleep, 60, caller="me", cpu_seconds=60, unpaid=True)
        )
        await asyncio.sleep(0.5)
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted):
            await free
    assert time.monotonic() - began < 30


async def test_the_signals_are_the_servers_again_afterwards(handed_on: list[int]) -> None:
    shutdown = GracefulShutdown(drain_seconds=60)
    with shutdown.handling_signals():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    assert (shutdown.begun, handed_on) == (False, [signal.SIGTERM])


STOPPED_UNDER_NO_SERVER = """
import asyncio, os, signal
from app.server.graceful_shutdown import GracefulShutdown

async def main():
    with GracefulShutdown(drain_seconds=0.1).handling_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(30)

asyncio.run(main())
"""


async def test_without_a_server_the_signal_does_what_it_usually_does() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", STOPPED_UNDER_NO_SERVER)
    assert await process.wait() == -signal.SIGTERM


async def test_a_signal_without_a_handler_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *given: sent.append(given))
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    shutdown = GracefulShutdown()
    shutdown._servers_own[signal.SIGUSR1] = signal.SIG_DFL
    shutdown._hand_on(signal.SIGUSR1)
    assert signal.signal(signal.SIGUSR1, before) == signal.SIG_DFL
    assert sent == [(os.getpid(), signal.SIGUSR1)]


async def test_beside_the_main_thread_nothing_is_heard(handed_on: list[int]) -> None:
    def elsewhere() -> None:
        with shutdown.handling_signals():
            os.kill(os.getpid(), signal.SIGTERM)

    shutdown = GracefulShutdown()
    await asyncio.to_thread(elsewhere)
    assert (shutdown.begun, handed_on) == (False, [signal.SIGTERM])


async def answers(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_every_answer_closes_its_connection_once_it_has_begun() -> None:
    shutdown = GracefulShutdown()
    service = Service(OuterMiddleware(answers, shutdown))
    assert "connection" not in (await service.http.get("/")).headers
    shutdown.begun = True
    for method in ("GET", "OPTIONS"):
        assert (await service.http.request(method, "/")).headers["connection"] == "close"


@pytest.mark.parametrize("begun", [False, True], ids=["unanswered", "half answered"])
async def test_what_outlasts_the_grace_period_is_told_to_come_back(begun: bool) -> None:
    """The server cancels the request. A 500 would not tell the payer what to do next."""

    async def lasting(_scope: Scope, _receive: Receive, send: Send) -> None:
        if begun:
            headers = [(b"content-length", b"5")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        arrived.set()
        await asyncio.Event().wait()

    arrived = asyncio.Event()
    config = uvicorn.Config(
        OuterMiddleware(lasting, GracefulShutdown()),
        port=free_port(),
        http=LimitedHttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", config.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await arrived.wait()
    server.should_exit = True
    answer = await reader.read()
    writer.close()
    await serving
    if begun:
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"\r\n\r\n")
    else:
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1\r\n" in answer
        assert b'"retry":"same-payment"' in answer
