"""The official MCP clients as programs: what they need is pinned in this folder."""

from collections.abc import Sequence
from pathlib import Path

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
