"""The servers that are measured, each a process of its own on one core.

Strategy: everything is started as its operator would start it, and pinned by ``taskset`` before it
runs, so that every thread it makes stays on its core.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from tests.processes import answers_ok, environment, free_port, running
from tests.redis_server import accepts
from tests.services import NETWORK, PATH, PAY_TO
from tests.workers import service_command, service_environ

TARGETS = Path(__file__).parent / "targets"
PRICE = "$0.02"
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]

OPERATED = {
    "ONCALL_TRUSTED_PROXIES": "127.0.0.0/8",  # the load names its clients in X-Forwarded-For
    "ONCALL_LOG_FORMAT": "json",
}


@dataclass
class Server:
    """A running server. ``paid_per_second`` is what it was last seen to take, or a guess."""

    name: str
    url: str
    pid: int
    stop: Callable[[], None]
    paid_per_second: float = 1000.0


@dataclass
class Servers:
    """Everything that runs during a benchmark; closing ``stack`` ends it all."""

    folder: Path
    stack: ExitStack
    facilitator: str = ""
    by_name: dict[str, Server] = field(default_factory=dict)

    def start_facilitator(self) -> None:
        """The stub, on the core of the load."""
        command = [sys.executable, "-m", "bench.stub", "--network", NETWORK]
        self.facilitator = self._started("facilitator", command, LOAD_CORE).url

    def delay(self, milliseconds: float) -> None:
        """Let the facilitator take so long for each call."""
        httpx.post(f"{self.facilitator}/delay/{milliseconds:g}").raise_for_status()

    def start_ours(self, name: str, **settings: str) -> None:
        """Start the service as its operator does, or start it anew."""
        before = self.by_name.pop(name, None)
        if before is not None:
            before.stop()
        environ = service_environ(self.facilitator, PAY_TO, **OPERATED, **settings)
        port = free_port()
        ready = partial(answers_ok, f"http://127.0.0.1:{port}/readyz")
        started = self._run(name, service_command(port), port, ready, environ)
        started.paid_per_second = before.paid_per_second if before else started.paid_per_second
        self.by_name[name] = started

    def start_python(self, name: str, module: str, *options: str) -> None:
        command = [sys.executable, "-m", f"bench.targets.{module}", *options]
        self.by_name[name] = self._started(name, command)

    def start_node(self, name: str, *options: str) -> None:
        command = ["node", str(TARGETS / f"{name}.mjs"), *options]
        self.by_name[name] = self._started(name, command)

    def seller_options(self, answer: Path) -> Sequence[str]:
        """What a target that sells the bytes in ``answer`` must be told."""
        told = {
            "facilitator-url": self.facilitator,
            "network": NETWORK,
            "pay-to": PAY_TO,
            "price": PRICE,
            "path": PATH,
            "answer": str(answer),
        }
        return [text for name, value in told.items() for text in (f"--{name}", value)]

    def _started(self, name: str, command: Sequence[str], core: int = SERVER_CORE) -> Server:
        port = free_port()
        full = [*command, "--port", str(port)]
        environ = environment(NODE_ENV="production")
        return self._run(name, full, port, partial(accepts, port), environ, core)

    def _run(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        ready: Callable[[], bool],
        environ: Mapping[str, str],
        core: int = SERVER_CORE,
    ) -> Server:
        log = self.folder / f"{name}.log"
        pinned = ["taskset", "-c", str(core), *command]
        own = self.stack.enter_context(ExitStack())
        process = own.enter_context(running(pinned, log=log, ready=ready, environ=environ))
        return Server(name, f"http://127.0.0.1:{port}", process.pid, own.close)
