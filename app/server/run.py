"""``serve``: uvicorn with the settings that this service needs.

``graceful_shutdown`` describes how a process stops. The server adds a grace period in which every
accepted request can end, exit status 0, and a supervisor that leaves no connection waiting on its
listener.
"""

import math
import signal
import socket
import sys
import time
from collections.abc import Mapping, MutableMapping
from functools import partial
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from app.checkout.setup import setting_errors
from app.errors import ConfigurationError
from app.http.request_body import MAX_BODY_SECONDS
from app.products.registry import paid_endpoints
from app.server.graceful_shutdown import SIGNALS
from app.server.http_protocol import (
    MAX_HEAD_SECONDS,
    AddressConnections,
    LimitedHttpProtocol,
)
from app.settings import Settings
from app.workers.pool import WAIT_SECONDS, most_seconds

KEEP_ALIVE_SECONDS = 65
"""Longer than the 60 seconds for which load balancers keep an idle connection, so that they close
it first: a request sent while we close would be lost."""
WORKER_SECONDS = 30
"""The time after which a worker that does not answer its supervisor is replaced. A worker may need
more than uvicorn's 5 seconds to start on a busy machine, and would be replaced again and again."""
STORE_SECONDS = 5.0
"""The time to claim a payment before its settlement and to store the receipt after it."""
POLL_SECONDS = 0.1

SERVER: Mapping[str, Any] = {
    "loop": "uvloop",
    "http": LimitedHttpProtocol,
    "ws": "none",
    "proxy_headers": False,  # ONCALL_TRUSTED_PROXIES says which proxies to believe
    "server_header": False,
    "access_log": False,
    "log_config": None,
    "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    "timeout_worker_healthcheck": WORKER_SECONDS,
}
"""uvicorn's settings for any application. The servers of the benchmarks use them as well."""


def serve_forever(host: str, port: int, workers: int, environ: MutableMapping[str, str]) -> None:
    """Serve until told to stop. Raises ``ConfigurationError`` before anything is started.

    Without a public address in ``environ`` it is the address listened on, and without a log format
    a terminal gets text. ``environ`` carries both to the workers.
    """
    settings = Settings.from_env(environ, setting_errors)
    if "public_url" not in settings.model_fields_set:
        environ["ONCALL_PUBLIC_URL"] = (
            f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        )
    if "log_format" not in settings.model_fields_set and sys.stderr.isatty():
        environ["ONCALL_LOG_FORMAT"] = "text"
    if workers > 1:
        _require_shareable(settings, workers)
    _require_free(host, port)
    config = _config(host, port, workers, settings)
    if workers > 1:
        Supervisor(config, sockets=[config.bind_socket()]).run()
    else:
        _serve_alone(config)


def _config(host: str, port: int, workers: int, settings: Settings) -> uvicorn.Config:
    addresses = AddressConnections(settings.trusted_proxies)
    return uvicorn.Config(
        "app.asgi:app",
        host=host,
        port=port,
        workers=workers,
        timeout_graceful_shutdown=grace_seconds(settings),
        **{**SERVER, "http": partial(LimitedHttpProtocol, addresses=addresses)},
    )


def grace_seconds(settings: Settings) -> int:
    """Return how long the slowest request may still take once the listener is closed.

    That is a paid one: it is read and verified, waits for a worker, is computed, and is settled.
    """
    reading = MAX_HEAD_SECONDS + MAX_BODY_SECONDS
    verifying = settings.facilitator_timeout_seconds
    computing = WAIT_SECONDS + most_seconds(max(each.cpu_seconds for each in paid_endpoints()))
    settling = settings.settle_deadline_seconds + STORE_SECONDS
    return math.ceil(reading + verifying + computing + settling)


class Supervisor(Multiprocess):
    """uvicorn's supervisor of several workers, which also stops at once at a second signal."""

    def join_all(self) -> None:
        """Close the supervisor's listener and wait for the workers, which listen until drained.

        While the supervisor held the listener open, the kernel would accept connections that no
        worker answers.
        """
        for listener in self.sockets:
            listener.close()
        while any(worker.process.is_alive() for worker in self.processes):
            if not set(SIGNALS).isdisjoint(self.signal_queue):
                for worker in self.processes:
                    worker.kill()
            time.sleep(POLL_SECONDS)


def _serve_alone(config: uvicorn.Config) -> None:
    """Run uvicorn's server in this process. It raises the signal again when it has ended well."""
    for number in SIGNALS:
        signal.signal(number, lambda *_: sys.exit())
    uvicorn.Server(config).run()


def _require_shareable(settings: Settings, workers: int) -> None:
    """Raise ``ConfigurationError`` unless several processes can share payments and limits."""
    if settings.payments != "facilitator":
        alone = f"ONCALL_PAYMENTS={settings.payments} is for one process"
    elif not settings.redis_url:
        alone = "set ONCALL_REDIS_URL, so that they share claims and limits"
    else:
        return
    raise ConfigurationError([f"--workers {workers}: {alone}"])


def _require_free(host: str, port: int) -> None:
    """Raise ``ConfigurationError`` if the address is taken, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            taken = f"{host}:{port} cannot be listened on ({error.strerror}): try another --port"
            raise ConfigurationError([taken]) from None
