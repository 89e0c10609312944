"""What tests need beside Python: each marker, the programs behind it, and who may start them.

A test that starts another program carries the marker of that program. ``make test`` leaves such
tests out before they are collected into a run; ``make test-all`` installs the programs and runs
them all. ``require`` is called by whatever starts a program, and fails a test that lacks the
marker, so that no test of ``make test`` can come to need more than Python.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

MARKERS = {
    "chain": "a local EVM node and Node",
    "image": "a package index, to install the image or another client from",
    "browser": "Chromium",
    "postgres": "PostgreSQL",
    "redis": "Redis",
    "process": "nginx, Prometheus, curl, wrk or Node",
    "slow": "more than twenty seconds",
}
"""Tests without any of these are the fast ones."""

running: frozenset[str] | None = None
"""The markers of the test that is run at the moment; ``None`` in a benchmark, which has none."""


def note_markers(item: pytest.Item) -> None:
    """Remember the markers of the test that is about to run."""
    global running  # noqa: PLW0603 - pytest runs one test at a time in a process
    running = frozenset(marker.name for marker in item.iter_markers()) & MARKERS.keys()


def require(marker: str, program: str, package: str) -> str:
    """Return the path of ``program``; skip the test where it is not installed.

    Fails a test without ``marker``. ``package`` is the program's name for ``apt-get install``.
    """
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return _permitted(marker, found or absent(program, package))


def require_any(marker: str, folders: list[Path], program: str, package: str) -> Path:
    """As ``require``, for a program that is in the last of ``folders``, not on the path."""
    if not folders:
        absent(program, package)
    return Path(_permitted(marker, str(folders[-1] / program)))


def absent(program: str, package: str) -> NoReturn:
    """Skip the test, with the reason; ``make test-all`` makes that a failure."""
    pytest.skip(f"{program} is not installed: apt-get install {package}")


def _permitted(marker: str, path: str) -> str:
    permitted = running is None or marker in running
    assert permitted, f"a test that starts {path} needs @pytest.mark.{marker}"
    return path
