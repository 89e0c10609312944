"""The service as its operator starts it, in processes that end the ways processes end."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support.processes import ROOT, answers_ok, environment, free_port, wait_until
from tests.support.services import NETWORK

STOP_SECONDS = 30.0


def service_environ(facilitator_url: str, payee: str, **settings: str) -> dict[str, str]:
    """The environment of a service that settles through ``facilitator_url`` to ``payee``."""
    remote = {
        "ONCALL_PAYMENTS": "facilitator",
        "ONCALL_FACILITATOR_URL": facilitator_url,
        "ONCALL_NETWORK": NETWORK,
        "ONCALL_PAY_TO": payee,
    }
    return environment(**{**remote, **settings})


def service_command(port: int, *flags: str) -> Sequence[str]:
    return [sys.executable, "-m", "app", "serve", "--port", str(port), *flags]


class Worker:
    """One ``serve``, which may be stopped or killed and started again on the same port."""

    def __init__(self, environ: Mapping[str, str], logs: Path, *flags: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_ready = partial(answers_ok, f"{self.url}/readyz")
        self.log = logs / f"worker-{self.port}.log"
        self._command = service_command(self.port, *flags)
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it serves once it ``is_ready``."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environ,
                cwd=ROOT,
                process_group=0,
            )

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def interrupt(self) -> None:
        """Control-C: a terminal signals the whole group, workers included."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGINT)

    def ended(self) -> int:
        """Wait for the process to end; its exit status."""
        assert self._process is not None
        return self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL, to its own workers as well: nothing is finished and nothing is said."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def workers(
    count: int,
    facilitator_url: str,
    payee: str,
    redis_url: str,
    logs: Path,
    *flags: str,
    **settings: str,
) -> Iterator[Sequence[Worker]]:
    """Processes that share one public address, payee and Redis, each on a port of its own."""
    shared = {"ONCALL_PUBLIC_URL": "https://oncall.test", "ONCALL_REDIS_URL": redis_url}
    environ = service_environ(facilitator_url, payee, **{**shared, **settings})
    all_workers = [Worker(environ, logs, *flags) for _ in range(count)]
    try:
        for worker in all_workers:
            worker.start()
        for worker in all_workers:
            wait_until(worker.is_ready)
        yield all_workers
    finally:
        for worker in all_workers:
            worker.kill()
