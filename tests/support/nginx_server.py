"""A real nginx with the configuration that is deployed, save for addresses and paths."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.processes import ROOT, free_port, running
from tests.support.redis_server import accepts
from tests.support.requirements import require

DEPLOYED = ROOT / "deploy" / "nginx.conf"
REPLICA = re.compile(r"(?<=server )[0-9.]+:8402")


@contextlib.contextmanager
def nginx_server(
    replica_ports: Sequence[int], folder: Path, connections: int | None = None
) -> Iterator[str]:
    """Its URL, for a test marked ``process``; its access log is ``folder / "nginx.log"``.

    With ``connections`` it has one worker with so many of them.
    """
    binary = require("process", "nginx", "nginx-light")
    port, configuration = free_port(), folder / "nginx.conf"
    text = configured(port, replica_ports, folder)
    if connections is not None:
        text = re.sub(r"worker_connections \d+;", f"worker_connections {connections};", text)
        text = text.replace("worker_processes auto;", "worker_processes 1;")
    configuration.write_text(text)
    user = "user root; " if os.geteuid() == 0 else ""  # the test's folders are its user's own
    command = [binary, "-c", str(configuration), "-g", f"{user}daemon off;"]
    with running(command, log=folder / "nginx.log", ready=lambda: accepts(port)):
        yield f"http://127.0.0.1:{port}"


def configured(port: int, replica_ports: Sequence[int], folder: Path) -> str:
    """The deployed configuration for this machine."""
    text = DEPLOYED.read_text()
    deployed = dict.fromkeys(REPLICA.findall(text))
    ports = dict(zip(deployed, replica_ports, strict=True))
    text = REPLICA.sub(lambda replica: f"127.0.0.1:{ports[replica[0]]}", text)
    assert text.count("listen 8080;") == 1
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    return text.replace("/tmp/", f"{folder}/")  # noqa: S108 - what is replaced, not used
