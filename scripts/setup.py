"""Make ``.venv``, or what ``VENV`` names, and install the project into it, exactly as locked.

With the argument ``dev`` every extra is installed as well. Needs nothing but Python. Does nothing
when the lock has not changed since the last time; shows progress while it installs; when it fails
it says what to do.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / os.environ.get("VENV", ".venv")
WITH_EXTRAS = sys.argv[1:] == ["dev"]
LOCK = ROOT / ("requirements-dev.lock" if WITH_EXTRAS else "requirements.lock")
STAMP = VENV / ("installed-dev" if WITH_EXTRAS else "installed")


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may run this file
        sys.exit(
            f"Python 3.11 or later is needed; this is {sys.version.split()[0]}. "
            "Name another one: make PYTHON=/path/to/python3.12 …"
        )
    wanted = hashlib.sha256(
        b"".join(path.read_bytes() for path in (LOCK, ROOT / "pyproject.toml"))
    ).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    what = "the service and its tools" if WITH_EXTRAS else "the service"
    print(f"setting up {what} in {VENV.name} with Python {sys.version.split()[0]}", flush=True)
    if not (VENV / "bin" / "python").exists():
        create_venv()
    install()
    STAMP.write_text(wanted)


def create_venv() -> None:
    print("  1/2 making the virtual environment", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        sys.exit(
            f"{made.stdout}{made.stderr}\nThe virtual environment could not be made. On Debian "
            "and Ubuntu: apt-get install python3-venv; then run make again."
        )


def install() -> None:
    """Install what the lock names, file by file as it was hashed, and then the project alone.

    The lock holds what builds the project, so nothing is fetched beside it.
    """
    started = time.monotonic()
    count = sum(line[:1].isalnum() for line in LOCK.read_text().splitlines())
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    locked = [*pip, "--progress-bar", "off", "--require-hashes", "--requirement", str(LOCK)]
    with subprocess.Popen(locked, **told) as packages:
        tail = show_progress(packages.stdout, count, started)
    require_success(packages.returncode, tail)
    alone = ["--no-index", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    project = subprocess.run([*pip, *alone], check=False, **told)
    require_success(project.returncode, project.stdout.splitlines())
    print(f"\r  2/2 installed in {time.monotonic() - started:.0f} s{' ' * 30}")


def require_success(status: int, tail: Sequence[str]) -> None:
    if status:
        print("\n".join(tail[-15:]))
        sys.exit(
            "The packages could not be installed (see above). Check that this machine reaches "
            "its Python package index, then run make again: it goes on where it stopped."
        )


def show_progress(lines: Iterable[str], count: int, started: float) -> list[str]:
    """Print what pip is at, on one line for a terminal, now and then for a log."""
    tail: list[str] = []
    seen, printed = 0, 0.0
    for line in lines:
        tail.append(line.rstrip())
        if line.startswith(("Collecting ", "Installing ")):
            seen += line.startswith("Collecting ")
            elapsed = time.monotonic() - started
            doing = line.partition("(")[0].strip()[:50]
            text = f"  2/2 {min(seen, count)}/{count} {elapsed:3.0f} s  {doing}"
            if sys.stdout.isatty():
                print(f"\r{text:<78}", end="", flush=True)
            elif elapsed - printed > 5:
                printed = elapsed
                print(text, flush=True)
    return tail


if __name__ == "__main__":
    main()
