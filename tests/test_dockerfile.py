"""The image, without a Docker engine: its RUN lines in a clean virtual environment, its CMD, its
HEALTHCHECK."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from app.settings import DEFAULT_STORE
from tests.support.processes import ROOT, free_port, running
from tests.support.services import PAY_TO
from tests.support.solana_payments import PAYEE as SOLANA_PAYEE

DOCKERFILE = (ROOT / "Dockerfile").read_text()
RUN_LINES = re.findall(r"^RUN (.*)$", DOCKERFILE, re.MULTILINE)
COPIED = [
    name
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
    for name in line.split()[:-1]
]
PRODUCTION = {
    "ONCALL_ENV": "production",
    "ONCALL_FACILITATOR_URL": "http://127.0.0.1:9",
    "ONCALL_ACCEPTS": json.dumps(
        [{"network": "base", "payTo": PAY_TO}, {"network": "solana", "payTo": SOLANA_PAYEE}]
    ),
    "ONCALL_PUBLIC_URL": "https://oncall.test",
    "ONCALL_REDIS_URL": "redis://127.0.0.1:9/0",
}


def clean(**variables: str) -> dict[str, str]:
    """An environment without the test's own Python in it."""
    dropped = ("ONCALL_", "PYTHON", "VIRTUAL_ENV", "COVERAGE")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(dropped)}
    return {**kept, **variables}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of COPY, and beside it the ``/venv`` that the RUN lines make."""
    folder = tmp_path_factory.mktemp("image")
    source = folder / "src"
    source.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    for line in RUN_LINES:
        subprocess.run(
            ["sh", "-c", line.replace("/venv", str(folder / "venv"))],
            cwd=source,
            env=clean(),
            check=True,
            capture_output=True,
            timeout=900,
        )
    shutil.rmtree(source)
    return folder


@pytest.mark.timeout(1000)
def test_the_run_lines_install_a_service_without_build_tools(image: Path) -> None:
    installed = {path.name for path in (image / "venv").glob("lib/python*/site-packages/*")}
    assert "app" in installed
    assert not installed & {"pip", "setuptools", "pytest", "mypy"}


def test_it_serves_in_production_on_either_kind_of_chain_and_is_healthy(image: Path) -> None:
    port = str(free_port())
    command = [part.replace("/venv", str(image / "venv")) for part in instruction(r"^CMD (.*)$")]
    command[command.index("8402")] = port
    check = instruction(r"^HEALTHCHECK .*? CMD (.*)$")
    check = [part.replace("/venv", str(image / "venv")).replace("8402", port) for part in check]

    def healthy() -> bool:
        return subprocess.run(check, capture_output=True, env=clean(), check=False).returncode == 0

    environ = clean(**PRODUCTION)
    with running(command, log=image / "service.log", ready=healthy, environ=environ, cwd=image):
        page = httpx.get(f"http://127.0.0.1:{port}/catalog", headers={"Accept": "text/html"})
        assert (page.status_code, "style.css?v=" in page.text) == (200, True)


def test_it_refuses_to_start_unconfigured(image: Path) -> None:
    command = [part.replace("/venv", str(image / "venv")) for part in instruction(r"^CMD (.*)$")]
    stopped = subprocess.run(
        command,
        env=clean(ONCALL_ENV="production"),
        cwd=image,
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode == 1
    assert "ONCALL_PAY_TO is not set" in stopped.stderr


def test_the_last_stage_runs_nothing_and_is_not_root() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nRUN " not in last
    assert "ONCALL_ENV=production" in last
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)


def test_the_default_database_is_in_a_volume_that_its_user_may_write() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    [user] = re.findall(r"^USER (.*)$", last, re.MULTILINE)
    [folder] = re.findall(r"^WORKDIR (.*)$", last, re.MULTILINE)
    [volume] = re.findall(r"^VOLUME (.*)$", last, re.MULTILINE)
    file = Path(folder) / DEFAULT_STORE.removeprefix("sqlite:///")
    assert file.parent == Path(volume)
    assert f"RUN mkdir -p volumes{volume}\n" in DOCKERFILE
    assert f"\nCOPY --from=build --chown={user} /src/volumes /\n" in last


def instruction(expression: str) -> list[str]:
    """The arguments of an instruction in its JSON form."""
    [text] = re.findall(expression, DOCKERFILE, re.MULTILINE)
    arguments: list[str] = json.loads(text)
    return arguments
