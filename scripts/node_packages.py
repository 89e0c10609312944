"""Install the npm packages of a folder exactly as its lock file pins them.

``python scripts/node_packages.py FOLDER …``. Does nothing when a lock file has not changed since
the last time; when it fails it says what to do.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

NEEDED_NODE = 20


def main() -> None:
    for folder in sys.argv[1:]:
        install_node_packages(Path(folder).resolve())


def install_node_packages(folder: Path) -> None:
    """Install what ``folder``'s lock file names into its ``node_modules``."""
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / "installed"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return
    npm = shutil.which("npm")
    if npm is None or node_version() < NEEDED_NODE:
        sys.exit(
            f"Node.js {NEEDED_NODE} or later with npm is needed. On Debian and Ubuntu: apt-get "
            "install nodejs npm; then run this again."
        )
    run(
        f"the Node.js packages of {folder.parent.name}/{folder.name}",
        [npm, "ci", "--prefix", str(folder), "--no-progress", "--loglevel", "error"],
        "Check that this machine reaches its npm registry",
        folder,
    )
    stamp.write_text(lock.read_text())


def node_version() -> int:
    """Node's major version; 0 without Node."""
    node = shutil.which("node")
    if node is None:
        return 0
    told = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    return int(told.lstrip("v").partition(".")[0])


def run(what: str, command: list[str], advice: str, folder: Path) -> None:
    """Run ``command`` with its output shown only when it fails."""
    print(f"  installing {what} …", flush=True)
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{what} could not be installed (see above). {advice}; run again.")
    print(f"  installed {what} in {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
