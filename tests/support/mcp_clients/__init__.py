"""The official MCP clients as programs: what they need is pinned in this folder."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.processes import environment
from tests.support.requirements import absent, require

FOLDER = Path(__file__).parent
TYPESCRIPT = ("@modelcontextprotocol/sdk", "@modelcontextprotocol/client")
"""Versions 1 and 2 of the library."""


def typescript(program: str, library: str, marker: str = "process") -> Sequence[str]:
    """The command that runs ``program`` with ``library``."""
    node = require(marker, "node", "nodejs")
    if not (FOLDER / "node_modules" / library).exists():
        absent(library, "nodejs npm; then run scripts/node_packages.py tests/support/mcp_clients")
    return (node, str(FOLDER / program), library)


def printed(command: Sequence[str], arguments: object, **variables: str) -> dict[str, Any]:
    """What a client prints that calls a tool with ``arguments``."""
    done = subprocess.run(
        command,
        env=environment(**variables),
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answered: dict[str, Any] = json.loads(done.stdout)
    return answered
