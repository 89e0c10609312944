"""Install the programs that ``make test-all`` needs: Debian's packages, through ``apt-get``.

Installs only what is missing. Elsewhere than on Debian and its relatives, or without the right to
install, it names what is missing and how to get it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"  # nginx is there
PROGRAMS = {
    "redis-server": ["redis-server"],
    "npm": ["npm"],
    "curl": ["curl"],
    "chromium": ["chromium"],
    "prometheus": ["prometheus", "--no-install-recommends"],  # else some thirty packages more
    "wrk": ["wrk"],
    "nginx": ["nginx-light"],
    "postgres": ["postgresql"],
}
"""What ``apt-get install`` is given for each program."""


def main() -> None:
    """Install those that the arguments name, or all."""
    missing = [name for name in sys.argv[1:] or PROGRAMS if not is_installed(name)]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        packages = " ".join(PROGRAMS[name][0] for name in missing)
        sys.exit(f"The tests need {', '.join(missing)}. As root: apt-get install {packages}")
    apt("update")
    for name in missing:
        print(f"installing {PROGRAMS[name][0]}", flush=True)
        apt("install", "-y", *PROGRAMS[name])


def is_installed(name: str) -> bool:
    if name == "postgres":  # not on the path
        return any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return shutil.which(name, path=PATH) is not None


def apt(*arguments: str) -> None:
    """Run ``apt-get`` without questions; what it says is shown only when it fails."""
    done = subprocess.run(
        ["apt-get", "-qq", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}apt-get {' '.join(arguments)} failed (see above).")


if __name__ == "__main__":
    main()
