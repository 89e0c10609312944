"""Public validators of what marketplaces read, as programs: what they need is pinned here."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.requirements import absent, require

FOLDER = Path(__file__).parent
PACKAGES = ("@agentcash/discovery", "@x402/extensions")


def node_program(name: str) -> Sequence[str]:
    """The command that runs a program of this folder, or one that a package brings."""
    node = require("process", "node", "nodejs")
    for package in PACKAGES:
        if not (FOLDER / "node_modules" / package).exists():
            absent(
                package, "nodejs npm; then run scripts/node_packages.py tests/support/validators"
            )
    return (node, str(FOLDER / name))


def installed_x402lint(folder: Path) -> Sequence[str]:
    """The command that runs x402lint, installed into ``folder``.

    It says that it wants a later Python than 3.11, and runs on that as well.
    """
    source = ("--no-deps", "--ignore-requires-python", "-r", str(FOLDER / "requirements.txt"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", *source, "--target", str(folder)]
    subprocess.run(command, check=True, timeout=300)
    run = f"import sys; sys.path.insert(0, {str(folder)!r}); from x402lint.cli import main; "
    return (sys.executable, "-c", f"{run}sys.exit(main())")
