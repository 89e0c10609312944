"""The command ``migrate``, run as an operator runs it, on both databases."""

from pathlib import Path

from app.database.migrate import revisions
from app.database.revision import REVISION
from tests.cli.test_commands import run


def test_there_and_back(database_url: str) -> None:
    """One test, as each command starts a process."""

    def told(*options: str) -> tuple[int, str]:
        done = run("migrate", *options, ONCALL_DATABASE_URL=database_url)
        return done.returncode, done.stdout + done.stderr

    known = ", ".join(["base", *revisions(), "head"])
    due = "The database is not migrated: run `python -m app migrate`.\n"
    assert told("--check") == (0, "The database is up to date.\n")
    assert told() == (0, f"The database is at {REVISION}: nothing to do.\n")
    assert told("--to", "base") == (0, f"The database was at {REVISION} and is now at base.\n")
    assert told("--check") == (1, due)
    assert told("--to", "0001") == (0, "The database was at base and is now at 0001.\n")
    assert told("--to", "9999") == (1, f"9999 is none of {known}.\n")


def test_a_file_that_is_missing_is_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/oncall.db"
    check = run("migrate", "--check", ONCALL_DATABASE_URL=url)
    assert check.returncode == 1
    assert "its file is missing" in check.stderr
    made = run("migrate", ONCALL_DATABASE_URL=url)
    assert (made.returncode, made.stdout) == (
        0,
        f"The database was at base and is now at {REVISION}.\n",
    )


def test_where_nothing_is_stored_there_is_nothing_to_migrate() -> None:
    told = run("migrate", ONCALL_DATABASE_URL="none")
    assert told.returncode == 1
    assert "ONCALL_DATABASE_URL=none: nothing is stored" in told.stderr
