"""The service as ``python -m app serve`` runs it, with a watch over its event loop.

Strategy: a task of the loop looks at the clock every millisecond. What passed beyond that is a
stall of the loop, less the time that its thread waited for a processor, which the kernel counts:
other processes of the machine are not the service's doing. ``GET /-/stall`` tells the longest stall
in milliseconds since it was last asked. Workers import this module, so it imports little itself.
"""

import argparse
import asyncio
import os
import time
from typing import Any

STALL = "/-/stall"
BEAT_SECONDS = 0.001


class LoopWatch:
    """An ASGI application around another, whose event loop it watches."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._longest = 0.0
        self._beating: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            self._beating = asyncio.create_task(self._beat())
        if scope.get("path") != STALL:
            await self._app(scope, receive, send)
            return
        body = f"{self._longest * 1000:.3f}".encode()
        self._longest = 0.0
        length = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": body})

    async def _beat(self) -> None:
        waits = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        at, waited = time.perf_counter(), _waited_seconds(waits)
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            at_before, waited_before = at, waited
            at, waited = time.perf_counter(), _waited_seconds(waits)
            stall = at - at_before - BEAT_SECONDS - (waited - waited_before)
            self._longest = max(self._longest, stall)


def _waited_seconds(schedstat: int) -> float:
    """How long a thread was ready to run and did not run, since it began."""
    return int(os.pread(schedstat, 64, 0).split()[1]) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()

    import app.asgi  # noqa: PLC0415 - see above
    from app.server.run import serve_forever  # noqa: PLC0415

    app.asgi.app = LoopWatch(app.asgi.app)
    serve_forever("127.0.0.1", options.port, 1, os.environ)


if __name__ == "__main__":
    main()
