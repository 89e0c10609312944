"""What a process and its children use: processor time, and memory at its most."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
RESET_PEAK = "5"
"""Written to ``clear_refs``: the peak of the resident memory begins anew."""


def tree(root: int) -> list[int]:
    """The process ``root`` and all below it."""
    found = [root]
    for pid in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(root: int) -> float:
    """The processor time of the tree so far, of processes that have ended included.

    It is exact but for those that have ended, which the kernel counts in hundredths of a second.
    """
    ended = _stat(root)[13:15]
    return sum(_own_cpu_seconds(pid) for pid in tree(root)) + sum(map(int, ended)) / TICK


def reset_peaks(root: int) -> float:
    """Let the peaks of the tree begin anew; its resident memory in MB."""
    resident = 0.0
    for pid in tree(root):
        Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)
        resident += memory_mb(pid, "VmRSS")
    return resident


def resident_mb(root: int) -> float:
    """The resident memory of the tree in MB; what its processes share is counted once."""
    return sum(_proportional_mb(pid) for pid in tree(root))


def peak_mb(root: int) -> float:
    """The sum of the tree's peaks in MB."""
    return sum(memory_mb(pid, "VmHWM") for pid in tree(root))


def memory_mb(pid: int, name: str) -> float:
    """A line of ``/proc/PID/status`` in MB; 0 if the process has ended."""
    for line in _lines(f"/proc/{pid}/status"):
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _proportional_mb(pid: int) -> float:
    for line in _lines(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _lines(path: str) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        yield from Path(path).read_text().splitlines()


def _own_cpu_seconds(pid: int) -> float:
    """The processor time of one process; 0 if it has ended."""
    with contextlib.suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)  # its clock, as clock_getcpuclockid names it
    return 0.0


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on, which is the third."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
