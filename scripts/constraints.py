"""Write ``constraints.txt``: every package that an install resolves to, pinned.

Resolves the project with its extras in a fresh virtual environment, without the old pins, and
writes names and versions only: no index, no host, no path.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Written by scripts/constraints.py. Install with: pip install -c constraints.txt …\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [str(Path(folder) / "bin" / "python"), "-m", "pip"]
        print("resolving; this takes a minute", flush=True)
        subprocess.run([*pip, "install", "--quiet", f"{ROOT}[dev,chain,bench]"], check=True)
        frozen = subprocess.run(
            [*pip, "freeze", "--all"], check=True, capture_output=True, text=True
        ).stdout
    pins = sorted(line for line in frozen.splitlines() if is_pin(line))
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(pins) + "\n")
    print(f"constraints.txt: {len(pins)} packages")


def is_pin(line: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9._-]+==[^\s@]+", line)) and not line.startswith("pip==")


if __name__ == "__main__":
    sys.exit(main())
