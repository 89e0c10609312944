"""The servers that are measured, each a process of its own on one core.

Strategy: everything is started as its operator would start it, and pinned by ``taskset`` before it
runs, so that every thread it makes stays on its core.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from tests.processes import answers_ok, environment, free_port, running
from tests.redis_server import accepts
from tests.services import NETWORK, PATH, PAY_TO

TARGETS = Path(__file__).parent / "targets"
PRICE = "$0.02"
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


@dataclass
class Server:
    """A running server. ``paid_per_second`` is what it was last seen to take, or a guess."""

    name: str
    url: str
    pid: int
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
        self.facilitator = self._start("facilitator", command, core=LOAD_CORE).url

    def delay(self, milliseconds: float) -> None:
        """Let the facilitator take so long for each call."""
        httpx.post(f"{self.facilitator}/delay/{milliseconds:g}").raise_for_status()

    def start_ours(self, name: str, **settings: str) -> None:
        """The service as its operator starts it; ``settings`` are added to its environment."""
        usual = {"ONCALL_TRUSTED_PROXIES": "127.0.0.0/8", "ONCALL_LOG_FORMAT": "json"}
        command = [sys.executable, "-m", "app", "serve"]
        self.by_name[name] = self._start(name, command, ready_path="/readyz", **usual, **settings)

    def start_ours_paid(self, name: str) -> None:
        self.start_ours(
            name,
            ONCALL_PAYMENTS="facilitator",
            ONCALL_FACILITATOR_URL=self.facilitator,
            ONCALL_NETWORK=NETWORK,
            ONCALL_PAY_TO=PAY_TO,
        )

    def start_python(self, name: str, module: str, *options: str) -> None:
        command = [sys.executable, "-m", f"bench.targets.{module}", *options]
        self.by_name[name] = self._start(name, command)

    def start_node(self, name: str, *options: str) -> None:
        command = ["node", str(TARGETS / f"{name}.mjs"), *options]
        self.by_name[name] = self._start(name, command, NODE_ENV="production")

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

    def _start(
        self,
        name: str,
        command: Sequence[str],
        *,
        core: int = SERVER_CORE,
        ready_path: str = "",
        **variables: str,
    ) -> Server:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        ready = partial(answers_ok, url + ready_path) if ready_path else partial(accepts, port)
        process = self.stack.enter_context(
            running(
                ["taskset", "-c", str(core), *command, "--port", str(port)],
                log=self.folder / f"{name}.log",
                ready=ready,
                environ=environment(**variables),
            )
        )
        return Server(name, url, process.pid)
