"""A service as its operator starts it: migrated, with a key, listening on a free port."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.support.processes import ROOT, answers_ok, environment, free_port, running

SCOPES = ("schedules", "oncall:read", "oncall:write")


@contextlib.contextmanager
def operated(database_url: str, log: Path) -> Iterator[tuple[str, str]]:
    """The URL of a service with this database, and a key with every scope."""
    environ = environment(ONCALL_DATABASE_URL=database_url)
    scopes = [part for scope in SCOPES for part in ("--scope", scope)]
    _run(environ, "migrate")
    key = _run(environ, "keys", "create", "--org", "Aurion", *scopes)
    url = f"http://127.0.0.1:{free_port()}"
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=log,
        ready=partial(answers_ok, f"{url}/readyz"),
        environ=environ,
    ):
        yield url, key


def _run(environ: dict[str, str], *command: str) -> str:
    """What ``python -m app COMMAND`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *command],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
