"""Install what ``tests/chain`` needs: anvil and the TypeScript client (npm), vyper (pip).

Run it with the Python that runs the tests. Does nothing when the lock file has not changed since
the last time; when it fails it says what to do.
"""

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NODE = ROOT / "tests" / "chain"
LOCK = NODE / "package-lock.json"
STAMP = NODE / "node_modules" / "installed"
PINS = ROOT / "constraints.txt"
NEEDED_NODE = 20


def main() -> None:
    if importlib.util.find_spec("vyper") is None:
        install_vyper()
    if not STAMP.exists() or STAMP.read_text() != LOCK.read_text():
        install_node_packages()


def install_vyper() -> None:
    pins = ["--constraint", str(PINS)] if PINS.exists() else []
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(
        "the vyper compiler",
        [*pip, *pins, "--editable", f"{ROOT}[chain]"],
        "Check that this machine reaches its Python package index",
    )


def install_node_packages() -> None:
    npm = shutil.which("npm")
    if npm is None or node_version() < NEEDED_NODE:
        sys.exit(
            f"Node.js {NEEDED_NODE} or later with npm is needed. On Debian and Ubuntu: apt-get "
            "install nodejs npm; then run this again."
        )
    run(
        "anvil and the TypeScript client",
        [npm, "ci", "--prefix", str(NODE), "--no-progress", "--loglevel", "error"],
        "Check that this machine reaches its npm registry",
    )
    STAMP.write_text(LOCK.read_text())


def node_version() -> int:
    """Node's major version; 0 without Node."""
    node = shutil.which("node")
    if node is None:
        return 0
    told = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    return int(told.lstrip("v").partition(".")[0])


def run(what: str, command: list[str], advice: str) -> None:
    """Run ``command`` with its output shown only when it fails."""
    print(f"  installing {what} …", flush=True)
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=NODE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{what} could not be installed (see above). {advice}; run again.")
    print(f"  installed {what} in {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
