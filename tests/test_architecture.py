"""The import rules: each is broken in a copy of the code, and each breach is caught."""

import ast
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
NO_ENGINE = "rate limits and payments know nothing of the engine"
NO_PLANNING = "layered schedules know nothing of planning"
NO_STORE = "conversions know nothing of payments, of the store, or of the network"
SOLVER_ONLY = "only the solver knows OR-Tools"
MCP_ONLY = "only the MCP tools and the MCP wallet know the MCP library"
SQL_ONLY = "only stores and the database know SQL"
CONTRACTS = (INWARD, NO_ENGINE, NO_PLANNING, NO_STORE, SOLVER_ONLY, MCP_ONLY, SQL_ONLY)

FORBIDDEN = [
    ("app.errors", "app.engine.rotation", INWARD),
    ("app.engine.rotation", "app.products.rotation.answer", INWARD),
    ("app.engine.walltime", "app.http.scalars", INWARD),
    ("app.formats.instants", "app.products.rotation.request", INWARD),
    ("app.formats.instants", "app.http.rate_limits", INWARD),
    ("app.http.rate_limits", "app.settings", INWARD),
    ("app.http.request_head", "app.payments.terms", INWARD),
    ("app.payments.terms", "app.http.request_head", INWARD),
    ("app.payments.terms", "app.products.registry", INWARD),
    ("app.database.database", "app.settings", INWARD),
    ("app.database.tables", "app.server.http_protocol", INWARD),
    ("app.metrics", "app.ledger.ledger", INWARD),
    ("app.ledger.ledger", "app.products.registry", INWARD),
    ("app.products.registry", "app.teams.operation", INWARD),
    ("app.products.registry", "app.checkout.purchase", INWARD),
    ("app.teams.operation", "app.discovery.catalog", INWARD),
    ("app.discovery.catalog", "app.checkout.http_route", INWARD),
    ("app.discovery.templating", "app.mcp.route", INWARD),
    ("app.checkout.http_route", "app.mcp.route", INWARD),
    ("app.mcp.route", "app.server.middleware", INWARD),
    ("app.server.middleware", "app.main", INWARD),
    ("app.main", "app.asgi", INWARD),
    ("app.main", "app.cli.demo", INWARD),
    ("app.http.rate_limits", "app.engine.rotation", NO_ENGINE),
    ("app.http.rate_limit_storage", "app.engine.rotation", NO_ENGINE),
    ("app.settings", "app.engine.rotation", NO_ENGINE),
    ("app.payments.terms", "app.engine.rotation", NO_ENGINE),
    ("app.engine.layered.resolve", "app.engine.planning.planner", NO_PLANNING),
    ("app.moving.tools", "app.products.registry", INWARD),
    ("app.ledger.ledger", "app.moving.tools", INWARD),
    ("app.moving.pagerduty", "app.database.database", NO_STORE),
    ("app.moving.icalendar", "app.payments.terms", NO_STORE),
    ("app.engine.roster.greedy", "app.solver.roster", INWARD),
    ("app.products.jobs", "ortools", SOLVER_ONLY),
    ("app.solver.program", "ortools", SOLVER_ONLY),
    ("app.mcp.route", "mcp", MCP_ONLY),
    ("app.main", "mcp", MCP_ONLY),
    ("app.checkout.http_route", "sqlalchemy", SQL_ONLY),
    ("app.teams.schedules.handlers_v1", "sqlalchemy", SQL_ONLY),
    ("app.ledger.ledger", "sqlalchemy", SQL_ONLY),
    ("app.main", "alembic", SQL_ONLY),
    ("app.cli.keys", "asyncpg", SQL_ONLY),
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
    """Run a checker and return its exit status and its output."""
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
    assert (status, f"{len(CONTRACTS)} kept, 0 broken" in text) == (0, True), text


@pytest.fixture(scope="module")
def breaches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return lint-imports' verdict on each contract in a copy with every forbidden import."""
    additions = [(module, f"import {wanted}\n") for module, wanted, _ in FORBIDDEN]
    folder = copied(tmp_path_factory.mktemp("forbidden"), additions)
    status, text = said("lint-imports", "--no-cache", folder=folder)
    assert status == 1, text
    _, _, report = text.partition("Broken contracts")
    parts = re.split(rf"^({'|'.join(CONTRACTS)})$", report, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("module", "wanted", "contract"), FORBIDDEN)
def test_a_forbidden_import_is_caught(
    breaches: dict[str, str], module: str, wanted: str, contract: str
) -> None:
    assert f"{module} -> {wanted} (l." in breaches[contract]


def test_every_package_has_its_layer(tmp_path: Path) -> None:
    """A new folder of ``app`` belongs to a layer, or lint-imports fails."""
    folder = copied(tmp_path)
    (folder / "app" / "newcomer").mkdir()
    (folder / "app" / "newcomer" / "__init__.py").write_text("")
    status, text = said("lint-imports", "--no-cache", folder=folder)
    assert (status, "app.newcomer" in text) == (1, True), text


# --- the engine knows nothing but the standard library --------------------------------------


def foreign_imports(folder: Path) -> set[str]:
    """The packages that modules of the engine and of errors import from elsewhere."""
    return {
        f"{path.relative_to(folder)}: {name}"
        for path in (*(folder / "app/engine").rglob("*.py"), folder / "app/errors.py")
        for name in imported(path)
        if not name.startswith(("app.engine", "app.errors"))
        and name.partition(".")[0] not in sys.stdlib_module_names
    }


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or within."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(f"{'.' * node.level}{node.module or ''}")
    return names


def test_the_engine_knows_nothing_but_the_standard_library(tmp_path: Path) -> None:
    assert foreign_imports(ROOT) == set()
    folder = copied(tmp_path, [("app.engine.rotation", "def late():\n    import msgspec\n")])
    assert foreign_imports(folder) == {"app/engine/rotation.py: msgspec"}


# --- no circle of files ---------------------------------------------------------------------

CIRCLES = """
import graphlib, grimp

graph = grimp.build_graph("app", cache_dir=None)
imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
try:
    graphlib.TopologicalSorter(imports).prepare()
except graphlib.CycleError as error:
    print(*error.args[1])
"""
"""Prints the modules of a circle of imports, those that are made late or for types included."""


def circle_in(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CIRCLES], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_no_files_import_each_other_in_a_circle(tmp_path: Path) -> None:
    assert circle_in(ROOT) == ""
    late = "def late():\n    import app.products.rotation.planning\n"
    folder = copied(tmp_path, [("app.products.rotation.request", late)])
    circle = set(circle_in(folder).split())
    assert circle == {"app.products.rotation.planning", "app.products.rotation.request"}


# --- who may read the clock and the environment ---------------------------------------------


@pytest.fixture(scope="module")
def uses(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return ruff's output for a copy in which every banned name is used."""
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
