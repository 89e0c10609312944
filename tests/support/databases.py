"""Both kinds of database, for tests that must hold on either.

A template of each is migrated once; every test gets a copy of its own, empty and at the newest
migration.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from app.database.database import Database
from app.database.migrate import run_migrations
from tests.support.postgres_server import postgres_server, program

TEMPLATE = "template_oncall"
NUMBERS = count()
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Run a server for the whole run; yield its URL, to which ``/`` and a database's name are
    added.
    """
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def templates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Return the migrated template of a kind: a file, or the URL of the server that has it."""

    @cache
    def template(kind: str) -> str:
        if kind == "sqlite":
            file = tmp_path_factory.mktemp("template") / "oncall.db"
            asyncio.run(migrate(f"sqlite:///{file}"))
            return str(file)
        url: str = request.getfixturevalue("postgres_url")
        administer(url, "createdb", TEMPLATE)
        asyncio.run(migrate(f"{url}/{TEMPLATE}"))
        return url

    return template


@pytest.fixture(params=KINDS)
def database_url(
    request: pytest.FixtureRequest, templates: Callable[[str], str], tmp_path: Path
) -> Iterator[str]:
    """Yield the URL of a database of each kind, as ``ONCALL_DATABASE_URL`` would have it."""
    template = templates(request.param)
    if request.param == "sqlite":
        shutil.copy(template, tmp_path / "oncall.db")
        yield f"sqlite:///{tmp_path / 'oncall.db'}"
        return
    name = f"oncall_{next(NUMBERS)}"
    administer(template, "createdb", "--template", TEMPLATE, name)
    yield f"{template}/{name}"
    administer(template, "dropdb", "--force", name)


@pytest.fixture
async def database(
    database_url: str,
    anyio_backend: str,  # noqa: ARG001 - what makes this fixture one of anyio's
) -> AsyncIterator[Database]:
    """Open a database of each kind."""
    opened = Database(database_url)
    await opened.open()
    assert opened.problem is None
    yield opened
    await opened.aclose()


async def migrate(url: str, to: str = "head") -> None:
    """Bring the database at ``url`` to a migration."""
    database = Database(url)
    async with database.migrating() as connection:
        await run_migrations(connection, to)
    await database.aclose()


def administer(server: str, name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs against ``server``."""
    command = [str(program(name)), f"--maintenance-db={server}/postgres", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
