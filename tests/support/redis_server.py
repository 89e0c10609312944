"""A real Redis, started on a free port and ended by its own pid."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import free_port, running


@contextlib.contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """Its URL. Nothing is written to disk; skipped, with the reason, where it is not installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    port = port or free_port()
    command = [binary, "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    with running(command, log=folder / "redis.log", ready=lambda: accepts(port)):
        yield f"redis://127.0.0.1:{port}/0"


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
