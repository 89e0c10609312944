"""A real PostgreSQL, started on a free port and ended by its own pid."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.processes import free_port, running
from tests.support.redis_server import accepts
from tests.support.requirements import require_any

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""For data that nobody will miss."""

ACCESS = """
host all guarded 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""
"""Only ``guarded`` needs a password."""


@contextlib.contextmanager
def postgres_server(
    folder: Path | None = None,
    port: int | None = None,
    options: Sequence[str] = HASTY,
    stop: signal.Signals = signal.SIGINT,
) -> Iterator[str]:
    """The URL of its server, to which ``/`` and a database's name are added.

    ``folder`` is one that ``cluster`` made; without it, a new one is made and removed. ``stop``
    ends it: SIGINT in good order, SIGQUIT like a crash.
    """
    with contextlib.ExitStack() as closing:
        folder = folder or closing.enter_context(cluster())
        port = port or free_port()
        settings = (
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            *options,
        )
        command = [str(program("postgres")), "-D", str(folder / "data"), "-p", str(port)]
        command += [part for setting in settings for part in ("-c", setting)]
        with running(
            unprivileged(command),
            log=folder / "postgres.log",
            ready=lambda: accepts(port) and _is_up(port),
            cwd=folder,
        ) as process:
            yield f"postgresql://postgres@127.0.0.1:{port}"
            process.send_signal(stop)  # SIGTERM would wait for its clients


@contextlib.contextmanager
def cluster() -> Iterator[Path]:
    """A folder with an empty cluster in it, owned by the user who may run the server."""
    initdb = program("initdb")
    with tempfile.TemporaryDirectory(prefix="oncall-postgres-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"
        command = [str(initdb), "-D", str(data), "-U", "postgres", "-E", "UTF8", "--no-sync"]
        done = subprocess.run(
            unprivileged([*command, "--auth=trust", "--locale=C.UTF-8"]),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (data / "pg_hba.conf").write_text(ACCESS)
        yield folder


def program(name: str) -> Path:
    """An installed program of the newest PostgreSQL there is, for a test marked ``postgres``."""
    return require_any("postgres", INSTALLED, name, "postgresql")


def unprivileged(command: Sequence[str]) -> list[str]:
    """``command``, run by ``postgres`` where we are root, who may not run the server."""
    if os.geteuid() != 0:
        return list(command)
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    return [setpriv, "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def _is_up(port: int) -> bool:
    asked = [str(program("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(asked, check=False).returncode == 0
