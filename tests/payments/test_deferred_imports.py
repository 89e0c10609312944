"""Packages that run only when they are asked for something."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.payments.deferred_imports import defer
from tests.support.processes import ROOT


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that leaves a mark when its body runs."""
    folder = tmp_path / "marked_package"
    folder.mkdir()
    mark = tmp_path / "ran"
    (folder / "__init__.py").write_text(
        f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nANSWER = 42\n"
    )
    (folder / "light.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "marked_package"
    for name in [name for name in sys.modules if name.startswith("marked_package")]:
        del sys.modules[name]


def test_a_module_within_is_imported_without_the_packages_body(
    package: str, tmp_path: Path
) -> None:
    defer(package)
    from marked_package.light import VALUE  # noqa: PLC0415

    assert VALUE == 1
    assert not (tmp_path / "ran").exists()


def test_the_body_runs_when_something_of_it_is_asked_for(package: str, tmp_path: Path) -> None:
    defer(package)
    from marked_package import ANSWER  # noqa: PLC0415

    assert ANSWER == 42
    assert (tmp_path / "ran").exists()


def test_special_names_do_not_run_it(package: str, tmp_path: Path) -> None:
    defer(package)
    with pytest.raises(AttributeError, match="__wrapped__"):
        sys.modules[package].__wrapped__  # noqa: B018
    assert not (tmp_path / "ran").exists()


def test_a_package_that_is_imported_stays_as_it_is(package: str) -> None:
    module = __import__(package)
    defer(package)
    assert sys.modules[package] is module


def test_the_service_loads_no_ethereum_client() -> None:
    program = "import app.main, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"web3", "eth_account", "py_ecc", "eth_abi"} & set(done.stdout.split())


def test_the_sandbox_loads_no_http_client() -> None:
    program = "import app.asgi, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "aiohttp.client" not in done.stdout.split()


def test_what_is_asked_for_is_there_at_once(package: str) -> None:
    defer(package)
    assert sys.modules[package].ANSWER == 42
