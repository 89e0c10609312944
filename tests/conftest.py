"""Fixtures and hooks that more than one folder needs. Nobody sleeps: tests move the time.

``make test`` runs the tests without a marker of ``tests.support.requirements``; the last lines of a
run say how many were left out, and why.
"""

import os
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import coverage
import pytest

from tests.support import requirements
from tests.support.clock import Clock
from tests.support.databases import database, database_url, postgres_url, templates
from tests.support.processes import NO_FILES, answers_ok, environment, free_port, running
from tests.support.stored import stored, stored_service, stored_url, stored_urls
from tests.support.traced_threads import let_traced_threads_end

__all__ = [
    "Clock",
    "database",
    "database_url",
    "postgres_url",
    "stored",
    "stored_service",
    "stored_url",
    "stored_urls",
    "templates",
]
"""Fixtures of other modules: named here once, so that every folder shares one server."""

FIXTURES = {
    "postgres_url": "postgres",
    "redis_url": "redis",
    "browser": "browser",
    "prometheus": "process",
    "image": "image",
}
"""What starts a program, by name: a test that uses it has the marker of that program."""

LONG = {
    "test_model.py",
    "test_dockerfile.py",
    "test_solved.py",
    "test_near_changes.py",
    "test_explanations.py",
    "test_import.py",
    "test_api_reference.py",
}
"""Files that take minutes for few tests: a worker that got one last would leave the others idle."""

LEFT_OUT = pytest.StashKey[Counter[str]]()
"""How many tests were left out, by the first marker of each."""

for variable in [name for name in os.environ if name.startswith("ONCALL_")]:
    del os.environ[variable]  # they are of the person who runs the tests
os.environ |= NO_FILES
let_traced_threads_end()


@pytest.fixture
def clock() -> Clock:
    return Clock(1_780_531_200.0)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox service as its operator starts it; each module has its own count of requests."""
    url = f"http://127.0.0.1:{free_port()}"
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=tmp_path_factory.mktemp("logs") / "service.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ=environment(),
    ):
        yield url


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true a skipped test is a failed one: CI must have what a test needs."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped with CI=true: {report.longrepr}"
    return report


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what ``-m`` does not name
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests whose fixtures start a program; begin with what takes long, in workers."""
    if hasattr(config, "workerinput"):
        count = Counter(item.path for item in items)
        items.sort(key=lambda item: (item.path.name not in LONG, -count[item.path]))
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        for marker in {FIXTURES[name] for name in names if name in FIXTURES}:
            item.add_marker(marker)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    requirements.note_markers(item)


# --- what was left out, told in the last lines ----------------------------------------------


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count the tests that are left out because of what they need."""
    if not items:
        return
    left_out = items[0].config.stash.setdefault(LEFT_OUT, Counter())
    for item in items:
        needs = [marker for marker in requirements.MARKERS if item.get_closest_marker(marker)]
        left_out.update(needs[:1])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's count to the process that writes the last lines, and write its coverage.

    A worker that has not ended ten seconds later is killed, with all that it has measured.
    """
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash.get(LEFT_OUT, {}))
        measured = coverage.Coverage.current()
        if measured is not None:
            measured.save()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the count of a worker; every worker collects all tests and counts the same."""
    left_out = getattr(node, "workeroutput", {}).get("left_out", {})
    node.config.stash[LEFT_OUT] = Counter(left_out)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    left_out = config.stash.get(LEFT_OUT, Counter[str]())
    if left_out:
        needs = ", ".join(
            f"{count} need {requirements.MARKERS[marker]}"
            for marker, count in left_out.most_common()
        )
        terminalreporter.write_line(
            f"left out: {left_out.total()} tests ({needs}); make test-all and test-slow run them"
        )
