"""The servers that are measured, each a process of its own on one core.

Strategy: everything is started as its operator would start it, and pinned by ``taskset`` before it
runs, so that every thread it makes stays on its core.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
from redis import Redis

from tests.support.processes import answers_ok, environment, free_port, running
from tests.support.redis_server import accepts, redis_server
from tests.support.services import NETWORK, PATH, PAY_TO
from tests.support.workers import service_environ

TARGETS = Path(__file__).parent / "targets"
PRICE = "$0.02"
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]

OPERATED = {
    "ONCALL_TRUSTED_PROXIES": "127.0.0.0/8",  # the load names its clients in X-Forwarded-For
    "ONCALL_RATE_LIMIT": "999999/minute",  # one wallet pays for all, and has one count
    "ONCALL_LOG_FORMAT": "json",
}


def lacking(*commands: str) -> str | None:
    """What must be installed before anything can be measured; ``None`` if nothing."""
    for command in commands:
        if shutil.which(command) is None:
            return f"{command} is not installed: on Debian and Ubuntu, apt-get install {command}"
    if not (TARGETS / "node_modules" / "installed").exists() or find_spec("fastapi") is None:
        return "the targets are not installed: make setup-bench"
    return None


class Server:
    """A server on a port of its own; it runs until ``stack`` is closed.

    ``paid_per_second`` is the most that it was seen to take, or a guess.
    """

    def __init__(
        self,
        stack: ExitStack,
        command: Sequence[str],
        log: Path,
        environ: Mapping[str, str],
        *,
        ready_path: str = "",
        core: int = SERVER_CORE,
    ) -> None:
        self.name = log.stem
        self.pid = 0
        self.paid_per_second = 1000.0
        self._port = free_port()
        self._stack = stack
        self._running = ExitStack()
        self._command = ["taskset", "-c", str(core), *command, "--port", str(self._port)]
        self._log, self._environ, self._ready_path = log, environ, ready_path
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, or start it anew."""
        self._running.close()
        self._running = self._stack.enter_context(ExitStack())
        process = self._running.enter_context(
            running(self._command, log=self._log, ready=self._is_ready, environ=self._environ)
        )
        self.pid = process.pid
        self._has_ended = process.poll

    @property
    def is_running(self) -> bool:
        return self._has_ended() is None

    def _is_ready(self) -> bool:
        return answers_ok(self.url + self._ready_path) if self._ready_path else accepts(self._port)


@dataclass
class Servers:
    """Everything that runs during a benchmark; closing ``stack`` ends it all."""

    folder: Path
    stack: ExitStack
    facilitator: str = ""
    redis_url: str = ""
    redis_pid: int | None = None
    by_name: dict[str, Server] = field(default_factory=dict)

    def start_facilitator(self, *options: str) -> None:
        """The stub, on the core of the load."""
        command = [sys.executable, "-m", "bench.stub", "--network", NETWORK, *options]
        self.facilitator = self._server("facilitator", command, core=LOAD_CORE).url

    def delay(self, milliseconds: float) -> None:
        """Let the facilitator take so long for each call."""
        httpx.post(f"{self.facilitator}/delay/{milliseconds:g}").raise_for_status()

    def start_redis(self) -> None:
        """A Redis, on the core of the load, for the sellers that are started after it."""
        with on_core(LOAD_CORE):
            self.redis_url = self.stack.enter_context(redis_server(self.folder))
        with Redis.from_url(self.redis_url) as redis:
            self.redis_pid = redis.info("server")["process_id"]

    def empty_redis(self) -> None:
        """Forget all counts and payments; scripts stay."""
        with Redis.from_url(self.redis_url) as redis:
            redis.flushall()

    def start_ours(self, name: str, **settings: str) -> None:
        """The service as its operator starts it."""
        command = [sys.executable, "-m", "app", "serve"]
        self._start_service(name, command, settings)

    def start_module(self, name: str, module: str, **settings: str) -> Server:
        """The service as a module of ours runs it, with whatever that adds."""
        return self._start_service(name, [sys.executable, "-m", module], settings)

    def start_python(self, name: str, module: str, *options: str) -> None:
        command = [sys.executable, "-m", f"bench.targets.{module}", *options]
        self.by_name[name] = self._server(name, command)

    def start_node(self, name: str, *options: str) -> None:
        command = ["node", str(TARGETS / f"{name}.mjs"), *options]
        self.by_name[name] = self._server(name, command)

    def seller_options(self, answer: Path) -> Sequence[str]:
        """What a target that sells the bytes in ``answer`` must be told."""
        told = {
            "facilitator-url": self.facilitator,
            "network": NETWORK,
            "pay-to": PAY_TO,
            "price": PRICE,
            "path": PATH,
            "answer": str(answer),
            **({"redis-url": self.redis_url} if self.redis_url else {}),
        }
        return [text for name, value in told.items() for text in (f"--{name}", value)]

    def _start_service(
        self, name: str, command: Sequence[str], settings: Mapping[str, str]
    ) -> Server:
        environ = service_environ(self.facilitator, PAY_TO, **{**OPERATED, **settings})
        self.by_name[name] = self._server(name, command, environ, ready_path="/readyz")
        return self.by_name[name]

    def _server(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Server:
        usual = environment(NODE_ENV="production")
        return Server(self.stack, command, self.folder / f"{name}.log", environ or usual, **how)


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """This process, and what it starts, on ``core`` for as long as the context lasts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
