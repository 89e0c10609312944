"""A real Redis, started on a free port and ended by its own pid."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import free_port, running
from tests.support.requirements import require


@contextlib.contextmanager
def redis_server(folder: Path, port: int | None = None, *flags: str) -> Iterator[str]:
    """Its URL, for a test that is marked ``redis``.

    Nothing is written to disk, unless ``flags`` say so.
    """
    binary = require("redis", "redis-server", "redis-server")
    port = port or free_port()
    command = [binary, "--port", str(port), "--save", "", "--bind", "127.0.0.1", *flags]
    with running(command, log=folder / "redis.log", ready=lambda: accepts(port)):
        yield f"redis://127.0.0.1:{port}/0"


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
