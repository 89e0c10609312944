"""Other programs, started on free ports of the loopback interface and ended by their own pid.

What a program writes goes to a file in one folder, which ``conftest`` shows when a test fails.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
NO_FILES = {"ONCALL_ENV_FILE": "none", "ONCALL_SECRETS_DIR": "none"}
"""The ``.env`` and the secrets of whoever runs the tests are no part of them."""


def environment(**variables: str) -> dict[str, str]:
    """The test's environment without the settings of a service, and with ``variables``.

    A service started with it keeps nothing, unless ``variables`` name a database.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ONCALL_")}
    return {**kept, **NO_FILES, "ONCALL_DATABASE_URL": "none", **variables}


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    environ: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """``command`` for as long as the context lasts, entered once ``ready`` says so."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environ, cwd=cwd
        ) as process,
    ):
        try:
            _await(process, ready, log)
            yield process
        finally:
            _end(process)


def wait_until(ready: Callable[[], bool]) -> None:
    """Poll until ``ready`` says so; for processes that the caller started."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        assert time.monotonic() < deadline, f"not ready after {START_SECONDS} s"
        time.sleep(POLL_SECONDS)


def answers_ok(url: str) -> bool:
    """Whether a GET of ``url`` is answered with 200."""
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"{log.stem} ended with {process.returncode}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{log.stem} is not ready after {START_SECONDS} s:\n{tail(log)}")
        time.sleep(POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def printed(command: Sequence[str], arguments: object, **variables: str) -> dict[str, Any]:
    """The JSON that a program prints which reads ``arguments`` as JSON."""
    done = subprocess.run(
        command,
        env=environment(**variables),
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answered: dict[str, Any] = json.loads(done.stdout)
    return answered
