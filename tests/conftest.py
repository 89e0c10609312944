"""Fixtures that more than one folder needs. Nobody sleeps: time is a value that tests move."""

import os
import sys
from collections.abc import Generator, Iterator
from functools import partial

import pytest

from tests.support.clock import Clock
from tests.support.databases import database, database_url, postgres_url, templates
from tests.support.processes import NO_FILES, answers_ok, environment, free_port, running
from tests.support.stored import stored, stored_url

__all__ = ["Clock", "database", "database_url", "postgres_url", "stored", "stored_url", "templates"]
"""Fixtures of other modules: named here once, so that every folder shares one server."""

for variable in [name for name in os.environ if name.startswith("ONCALL_")]:
    del os.environ[variable]  # they are of whoever runs the tests
os.environ |= NO_FILES


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
