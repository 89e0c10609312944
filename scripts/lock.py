"""Write the lock files: every package that an install resolves to, with the hashes of its files.

``requirements.lock`` is the service on every network that it can be paid on, for the image and
``make setup``; ``requirements-dev.lock`` adds every extra, at the same versions. Both hold what
builds the project as well, so that an install needs no other package, and both are resolved once
for every Python and every system that the project admits: pip reads the markers. Only names,
versions and hashes are written: no index, no host, no path.

Versions stay as they are unless ``pyproject.toml`` has come to rule them out; ``--upgrade``
(``make lock``) takes the newest that it admits.
"""

import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sysconfig.get_path("scripts")) / "uv"
HEADER = "# Written by scripts/lock.py. Install with: pip install --require-hashes -r {name}\n"


def main() -> None:
    upgrade = sys.argv[1:]
    write_lock("requirements-dev.lock", "--all-extras", *upgrade)
    write_lock(
        "requirements.lock", "--extra", "solana", "--constraint", "requirements-dev.lock", *upgrade
    )


def write_lock(name: str, *options: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    oldest = project["project"]["requires-python"].removeprefix(">=")
    command = [str(UV), "pip", "compile", "--quiet", "--universal", "--python-version", oldest]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--output-file", name]
    subprocess.run(
        [*command, *options, "pyproject.toml", "-"],
        input="\n".join(project["build-system"]["requires"]),
        cwd=ROOT,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    lock = ROOT / name
    written = lock.read_text()
    lock.write_text(HEADER.format(name=name) + written)
    print(f"{name}: {sum(line[:1].isalnum() for line in written.splitlines())} packages")


if __name__ == "__main__":
    main()
