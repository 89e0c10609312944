"""Schemathesis with all its checks against a running service: what it says of itself is true."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from app.api.endpoints import paid_endpoints
from app.listing.openapi import openapi_bytes
from tests.processes import ROOT, answers_ok, environment, free_port, running

HERE = Path(__file__).parent
SECONDS = 400
"""Beside other jobs; alone each takes some 20."""
UNMEASURED = {name: text for name, text in environment().items() if "COVERAGE" not in name}
"""Coverage is measured elsewhere: it would double the time."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A sandbox service that believes what its caller says of client addresses."""
    url = f"http://127.0.0.1:{free_port()}"
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=tmp_path / "service.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ={**UNMEASURED, "ONCALL_TRUSTED_PROXIES": "127.0.0.0/8"},
    ):
        yield url


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--phases=examples,coverage"], id="examples-and-every-bound"),
        pytest.param(["--phases=fuzzing", "--max-examples=10"], id="fuzzing"),
    ],
)
@pytest.mark.timeout(SECONDS + 60)
def test_no_check_fails(address: str, tmp_path: Path, options: list[str]) -> None:
    program = Path(sys.executable).parent / "schemathesis"
    common = ["--checks=all", "--seed=6", "--no-shrink"]
    config = f"--config-file={HERE}/schemathesis.toml"
    done = subprocess.run(
        [program, config, "run", f"{address}/openapi.json", *common, *options],
        cwd=tmp_path,
        env={
            **UNMEASURED,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.listing.schemathesis_hooks",
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    described = msgspec.json.decode(openapi_bytes(paid_endpoints()))["paths"]
    tried = len(described) - 1  # all but the document that it reads them from
    assert f"Tested: {tried}\n" in done.stdout, done.stdout
