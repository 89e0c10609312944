"""The import rules are live: all are broken, in a copy of the code, and each breach is caught."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

INWARD = "imports point inward"
NO_ENGINE = "payments and limits know nothing of the engine"
NO_FRAMEWORK = "the engine knows no framework"
MCP_ONLY = "only the MCP tools know the MCP library"
STORAGE_ONLY = "only storage knows the database"

FORBIDDEN = [
    ("app.engine.rotation", "starlette", NO_FRAMEWORK),
    ("app.engine.rotation", "msgspec", NO_FRAMEWORK),
    ("app.engine.rotation", "x402", NO_FRAMEWORK),
    ("app.errors", "httpx", NO_FRAMEWORK),
    ("app.errors", "app.engine.rotation", INWARD),
    ("app.engine.rotation", "app.products.rotation.answer", INWARD),
    ("app.formats.instants", "app.products.rotation.request", INWARD),
    ("app.formats.instants", "app.http.rate_limits", INWARD),
    ("app.http.rate_limits", "app.settings", INWARD),
    ("app.checkout.http_route", "app.main", INWARD),
    ("app.checkout.http_route", "app.discovery.catalog", INWARD),
    ("app.discovery.operator_routes", "app.main", INWARD),
    ("app.main", "app.asgi", INWARD),
    ("app.main", "app.cli.demo", INWARD),
    ("app.http.rate_limits", "app.engine.rotation", NO_ENGINE),
    ("app.settings", "app.engine.rotation", NO_ENGINE),
    ("app.payments.terms", "app.engine.rotation", NO_ENGINE),
    ("app.discovery.templating", "app.mcp.route", INWARD),
    ("app.mcp.route", "mcp", MCP_ONLY),
    ("app.main", "mcp", MCP_ONLY),
    ("app.storage.database", "app.settings", INWARD),
    ("app.storage.tables", "app.server.http_protocol", INWARD),
    ("app.engine.rotation", "sqlalchemy", NO_FRAMEWORK),
    ("app.checkout.http_route", "sqlalchemy", STORAGE_ONLY),
    ("app.main", "alembic", STORAGE_ONLY),
]

CLOCK = "import time\n\nNOW = time.time()\n"

BANNED = [
    ("app.engine.rotation", CLOCK, "time.time"),
    ("app.payments.claims.memory", "from time import time\n\nNOW = time()\n", "time.time"),
    (
        "app.http.rate_limits",
        "import datetime\n\nNOW = datetime.datetime.now()\n",
        "datetime.datetime.now",
    ),
    ("app.formats.instants", "TODAY = date.today()\n", "datetime.date.today"),
    ("app.checkout.http_route", "import os\n\nHOME = os.environ['HOME']\n", "os.environ"),
    ("app.logs", "import os\n\nHOME = os.getenv('HOME')\n", "os.getenv"),
    (
        "app.server.middleware",
        "from starlette.middleware.base import BaseHTTPMiddleware\n",
        "starlette.middleware.base",
    ),
]


def copied(folder: Path, additions: Sequence[tuple[str, str]] = ()) -> Path:
    """A copy of the code and its rules in ``folder``, with text added to some modules."""
    shutil.copytree(ROOT / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for module, text in additions:
        path = folder / f"{module.replace('.', '/')}.py"
        path.write_text(f"{path.read_text()}\n\n{text}")
    return folder


def said(program: str, *arguments: str, folder: Path) -> tuple[int, str]:
    """A checker's exit status and what it printed."""
    done = subprocess.run(
        [BIN / program, *arguments],
        cwd=folder,
        env={name: text for name, text in os.environ.items() if "COVERAGE" not in name},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


# --- who may import whom --------------------------------------------------------------------


def test_the_import_rules_are_kept(tmp_path: Path) -> None:
    status, text = said("lint-imports", "--no-cache", folder=copied(tmp_path))
    assert (status, "5 kept, 0 broken" in text) == (0, True), text


@pytest.fixture(scope="module")
def breaches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What lint-imports says of each contract where every forbidden import is made."""
    additions = [(module, f"import {wanted}\n") for module, wanted, _ in FORBIDDEN]
    folder = copied(tmp_path_factory.mktemp("forbidden"), additions)
    status, text = said("lint-imports", "--no-cache", folder=folder)
    assert status == 1, text
    _, _, report = text.partition("Broken contracts")
    parts = re.split(
        rf"^({INWARD}|{NO_ENGINE}|{NO_FRAMEWORK}|{MCP_ONLY}|{STORAGE_ONLY})$",
        report,
        flags=re.MULTILINE,
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("module", "wanted", "contract"), FORBIDDEN)
def test_a_forbidden_import_is_caught(
    breaches: dict[str, str], module: str, wanted: str, contract: str
) -> None:
    assert f"{module} -> {wanted} (l." in breaches[contract]


# --- who may read the clock and the environment ---------------------------------------------


@pytest.fixture(scope="module")
def uses(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What ruff says where every banned name is used."""
    additions = [(module, text) for module, text, _ in BANNED]
    folder = copied(tmp_path_factory.mktemp("banned"), additions)
    checked = ("check", "--no-cache", "--select=TID251", "--output-format=concise", "app")
    status, text = said("ruff", *checked, folder=folder)
    assert status == 1, text
    return text


@pytest.mark.parametrize(("module", "_text", "name"), BANNED)
def test_a_banned_name_is_caught(uses: str, module: str, _text: str, name: str) -> None:
    path = f"{module.replace('.', '/')}.py"
    assert re.search(rf"^{path}:\d+:\d+: TID251 `{name}` is banned", uses, re.MULTILINE), uses


def test_the_clock_and_the_environment_have_their_places(tmp_path: Path) -> None:
    additions = [
        (module, f"{CLOCK}import os\n\nHOME = os.environ['HOME']\n")
        for module in ("app.main", "app.settings")
    ]
    folder = copied(tmp_path, additions)
    status, text = said("ruff", "check", "--no-cache", "--select=TID251", "app", folder=folder)
    assert status == 0, text


# --- nothing is built at import -------------------------------------------------------------

IMPORT = """
import asyncio.base_events, os, socket, threading

class NoSocket(socket.socket):
    def __init__(self, *_, **__):
        raise AssertionError("a socket was opened at import")

socket.socket = NoSocket
import app.main, app.__main__
assert threading.active_count() == 1, threading.enumerate()
"""


def test_nothing_is_built_at_import() -> None:
    """Settings that could not be read do no harm, nothing is connected, no thread runs."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=ROOT,
        env={"ONCALL_ENV": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
