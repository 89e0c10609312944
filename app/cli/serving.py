"""``serve``: uvicorn with the settings this service needs."""

import socket
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import uvicorn

from app.api.wire import GuardedHttp
from app.errors import ConfigurationError
from app.main import faults_in
from app.settings import Settings

MAX_CONNECTIONS = 10_000
"""Of one worker; more are answered 503 at once."""

SERVER: Mapping[str, Any] = {
    "loop": "uvloop",
    "http": GuardedHttp,
    "ws": "none",
    "limit_concurrency": MAX_CONNECTIONS,
    "proxy_headers": False,  # ONCALL_TRUSTED_PROXIES says whom to believe
    "server_header": False,
    "access_log": False,
    "log_config": None,
}
"""How uvicorn serves, whatever the application; the benchmarks' servers are given the same."""


def serve_forever(host: str, port: int, workers: int, environ: MutableMapping[str, str]) -> None:
    """Serve until told to stop. Raises ``ConfigurationError`` before anything is started.

    In development the public address defaults to the one listened on, and the log to text where a
    person watches it. ``environ`` carries both to the workers.
    """
    if environ.get("ONCALL_ENV", "development") == "development":
        environ.setdefault("ONCALL_PUBLIC_URL", f"http://{host}:{port}")
    if sys.stderr.isatty():
        environ.setdefault("ONCALL_LOG_FORMAT", "text")
    settings = Settings.from_env(environ, faults_in)
    if workers > 1 and settings.payments != "facilitator":
        raise ConfigurationError(
            [f"--workers {workers}: ONCALL_PAYMENTS={settings.payments} is for one process"]
        )
    if workers > 1 and not settings.redis_url:
        raise ConfigurationError(
            [f"--workers {workers}: set ONCALL_REDIS_URL, so that they share claims and limits"]
        )
    _require_free(host, port)
    uvicorn.run(
        "app.asgi:app",
        host=host,
        port=port,
        workers=workers,
        **SERVER,
        timeout_graceful_shutdown=int(settings.settle_deadline_seconds) + 5,
    )


def _require_free(host: str, port: int) -> None:
    """Say in words, and before anything is started, that the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            taken = f"{host}:{port} cannot be listened on ({error.strerror}): try another --port"
            raise ConfigurationError([taken]) from None
