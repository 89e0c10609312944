"""Install what ``tests/chain`` needs: anvil and the TypeScript example (npm), vyper (pip).

Run it with the Python that runs the tests. Does nothing when the lock file has not changed since
the last time; when it fails it says what to do.
"""

import importlib.util
import sys
from pathlib import Path

from node_packages import install_node_packages, run

ROOT = Path(__file__).resolve().parent.parent
NODE = (ROOT / "tests" / "support" / "chain", ROOT / "examples" / "typescript")
PINS = ROOT / "constraints.txt"


def main() -> None:
    if importlib.util.find_spec("vyper") is None:
        install_vyper()
    for folder in NODE:
        install_node_packages(folder)


def install_vyper() -> None:
    pins = ["--constraint", str(PINS)] if PINS.exists() else []
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(
        "the vyper compiler",
        [*pip, *pins, "--editable", f"{ROOT}[chain]"],
        "Check that this machine reaches its Python package index",
        ROOT,
    )


if __name__ == "__main__":
    main()
