"""Where a server's time goes under load, as py-spy sees it: a look a few hundred times a second.

py-spy was chosen because it reads a process from outside: the server runs the code it always runs.
"""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

LOOKS_PER_SECOND = 250
SECONDS = 5
SHOWN = 15
WAITS = "_worker (concurrent/futures/thread.py"
EVERY = 0.99


class Share(msgspec.Struct):
    """A function, and its part of all looks: alone, and with everything it called."""

    function: str
    alone: float
    with_calls: float


def profile_of(pid: int, load: Callable[[], object], folder: Path) -> list[Share]:
    """The functions in which process ``pid`` spends its time while ``load`` runs.

    Raises ``OSError`` where py-spy is missing or may not look.
    """
    stacks = folder / "stacks"
    stacks.unlink(missing_ok=True)
    looks = ["--rate", str(LOOKS_PER_SECOND), "--duration", str(SECONDS), "--function"]
    command = [_py_spy(), "record", "--pid", str(pid), "--format", "raw", "--output", str(stacks)]
    with subprocess.Popen(
        [*command, *looks], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as spy:
        load()
        told, _ = spy.communicate()
    if not stacks.exists():
        raise OSError(f"py-spy: {told}")
    return shares_in(stacks.read_text())


def shares_in(stacks: str) -> list[Share]:
    """The largest shares in collapsed stacks (``outer;inner count`` a line).

    Those that are busy themselves, and those of ours whatever they call; without what is on every
    stack, and without the threads of a pool that wait for work, which py-spy takes for busy.
    """
    alone: Counter[str] = Counter()
    with_calls: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        functions = stack.split(";")
        if functions[-1].startswith(WAITS):
            continue
        alone[functions[-1]] += int(count)
        with_calls.update(dict.fromkeys(functions, int(count)))
    total = max(alone.total(), 1)
    shares = [
        Share(name, round(alone[name] / total, 3), round(looks / total, 3))
        for name, looks in with_calls.most_common()
        if looks < EVERY * total
    ]
    busy = sorted(shares, key=lambda share: -share.alone)[:SHOWN]
    ours = [share for share in shares if "(app/" in share.function][:SHOWN]
    return [share for share in shares if share in busy or share in ours]


def _py_spy() -> str:
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise FileNotFoundError("py-spy is not installed: make setup-bench")
    return found
