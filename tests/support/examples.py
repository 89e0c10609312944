"""The programs in ``examples/``, run as their first lines say."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tests.support.processes import ROOT, environment

FOLDER = ROOT / "examples"
TYPESCRIPT = FOLDER / "typescript"
PYTHON = (sys.executable, str(FOLDER / "pay.py"))
MCP = (sys.executable, str(FOLDER / "mcp_client.py"))
CURL = ("sh", str(FOLDER / "curl.sh"))


def run(command: Sequence[str], url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``command`` with the service at ``url``, when it has ended well."""
    done = subprocess.run(
        [*command, url],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def bought(command: Sequence[str], url: str, **variables: str) -> dict[str, Any]:
    """What ``command`` prints: an answer and its receipt."""
    printed: dict[str, Any] = json.loads(run(command, url, **variables).stdout)
    return printed
