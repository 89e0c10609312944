"""The commands ``keys``, run as an operator runs them, on both databases."""

import asyncio
import re
from pathlib import Path

import pytest

from app.cli.keys import MAX_DAYS, expiry_in, option_errors
from app.database.database import Database
from app.teams.keys.store import ApiKey, find_key
from tests.cli.test_commands import run
from tests.support.processes import ROOT

NOW = 1_780_531_200_000
DAY = 86_400_000
PRESENTED = r"ak_live_([0-9a-z]{10})_[0-9A-Za-z_-]{43}\n"


async def found(url: str, presented: str) -> ApiKey | None:
    database = Database(url)
    async with database.reading() as tx:
        key = await find_key(tx, presented)
    await database.aclose()
    return key


def made(url: str, *options: str) -> str:
    """Return the secret text of a new key."""
    done = run("keys", "create", "--org", "Acme", *options, ONCALL_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_life_of_a_key(database_url: str) -> None:
    """One test, as each command starts a process."""
    options = ("--org", "Acme [EU]", "--scope", "oncall:read", "--scope", "oncall:write")
    create = run("keys", "create", *options, "--expires", "90d", ONCALL_DATABASE_URL=database_url)
    matched = re.fullmatch(PRESENTED, create.stdout)
    assert (create.returncode, matched is not None) == (0, True), create.stderr
    assert f"Key {matched[1]} for Acme [EU]: oncall:read oncall:write, until 20" in create.stderr
    assert create.stdout.strip() not in create.stderr

    listed = run("keys", "list", "--org", "Acme [EU]", ONCALL_DATABASE_URL=database_url)
    assert listed.returncode == 0, listed.stderr
    for text in (matched[1], "Acme [EU]", "live", "never", "valid", "1 key"):
        assert text in listed.stdout
    assert create.stdout.strip() not in listed.stdout

    key = asyncio.run(found(database_url, create.stdout.strip()))
    assert key is not None
    assert key.scopes == {"oncall:read", "oncall:write"}
    assert key.expires_at == key.created_at + 90 * DAY

    revoke = run("keys", "revoke", matched[1], ONCALL_DATABASE_URL=database_url)
    assert (revoke.returncode, revoke.stdout) == (0, f"Key {matched[1]} is revoked.\n")
    assert "revoked" in run("keys", "list", ONCALL_DATABASE_URL=database_url).stdout


@pytest.mark.anyio
async def test_a_revocation_is_seen_at_once_by_who_is_connected(
    database: Database, database_url: str
) -> None:
    presented = await asyncio.to_thread(made, database_url, "--scope", "schedules")
    async with database.reading() as tx:
        before = await find_key(tx, presented)
    assert before is not None
    assert before.valid_at(NOW)
    revoke = ("keys", "revoke", before.id)
    await asyncio.to_thread(run, *revoke, ONCALL_DATABASE_URL=database_url)
    async with database.reading() as tx:
        after = await find_key(tx, presented)
    assert after is not None
    assert not after.valid_at(NOW)


def test_the_default_is_a_file_below_the_folder(tmp_path: Path) -> None:
    options = ("--org", "Acme", "--scope", "schedules", "--test", "--name", "laptop")
    unset = {"PYTHONPATH": str(ROOT), "ONCALL_DATABASE_URL": ""}
    create = run("keys", "create", *options, cwd=tmp_path, **unset)
    assert create.returncode == 0, create.stderr
    assert create.stdout.startswith("ak_test_")
    assert (tmp_path / "data" / "oncall.db").exists()
    assert "laptop" in run("keys", "list", cwd=tmp_path, **unset).stdout


class TestMistakes:
    def test_a_key_that_is_not_there(self, tmp_path: Path) -> None:
        told = run("keys", "revoke", "abcdefghij", ONCALL_DATABASE_URL=f"sqlite:///{tmp_path}/a.db")
        assert told.returncode == 1
        assert told.stderr == (
            "There is no key abcdefghij: `python -m app keys list` shows them.\n"
        )

    @pytest.mark.parametrize(
        ("option", "text", "complaint"),
        [
            (
                "--scope",
                "schedule",
                "'schedule' is not one of schedules, oncall:read, oncall:write",
            ),
            ("--expires", "soon", "'soon' is neither days such as 90d nor a date"),
        ],
    )
    def test_a_wrong_option_is_explained(
        self, tmp_path: Path, option: str, text: str, complaint: str
    ) -> None:
        options = {"--org": "Acme", "--scope": "schedules", option: text}
        flat = [part for pair in options.items() for part in pair]
        told = run("keys", "create", *flat, cwd=tmp_path, PYTHONPATH=str(ROOT))
        assert told.returncode == 2
        assert complaint in told.stderr
        assert not (tmp_path / "data").exists()

    @pytest.mark.parametrize(
        ("url", "complaint"),
        [
            ("none", "ONCALL_DATABASE_URL=none: nothing is stored"),
            (
                "mysql://user:s3cret@host/db",
                "ONCALL_DATABASE_URL: is not sqlite:///FILE, postgresql://… or none",
            ),
            ("postgresql://user:s3cret@127.0.0.1:1/db", "The database cannot be reached ("),
        ],
    )
    def test_a_database_that_cannot_be_used(self, url: str, complaint: str) -> None:
        told = run("keys", "list", ONCALL_DATABASE_URL=url)
        assert told.returncode == 1
        assert complaint in told.stderr
        assert "s3cret" not in told.stderr
        assert "Traceback" not in told.stderr


class TestExpiry:
    @pytest.mark.parametrize(
        ("text", "at"),
        [
            ("1d", NOW + DAY),
            ("090d", NOW + 90 * DAY),
            (f"{MAX_DAYS}d", NOW + MAX_DAYS * DAY),
            ("2026-06-05", 1_780_617_600_000),
            ("2026-06-05T00:00:00Z", 1_780_617_600_000),
            ("2026-06-05T02:00:00+02:00", 1_780_617_600_000),
            ("2026-06-05T00:00:00.250Z", 1_780_617_600_250),
        ],
    )
    def test_when(self, text: str, at: int) -> None:
        assert expiry_in(text, NOW) == at

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("0d", "'0d' is over already"),
            ("2026-06-04", "'2026-06-04' is over already"),
            ("999999d", "'999999d' is more than 36500 days away"),
            ("9999-12-31T23:59:59-12:00", "is more than 36500 days away"),
            ("2026-06-05T00:00:00", "needs Z or an offset"),
            ("90", "'90' is neither days such as 90d nor a date"),
            ("٣d", "'٣d' is neither days such as 90d nor a date"),
            ("2026-13-01", "is neither days such as 90d nor a date"),
        ],
    )
    def test_why_not(self, text: str, why: str) -> None:
        with pytest.raises(ValueError, match=re.escape(why)):
            expiry_in(text, NOW)


class TestErrors:
    @pytest.mark.parametrize(
        ("org", "name", "scopes", "errors"),
        [
            ("Acme", "", ["schedules"], {}),
            ("Acme", "CI of the EU", ["oncall:read", "oncall:write"], {}),
            (" ", "", ["schedules"], {"--org": "must not be empty"}),
            ("A\n", "", [], {"--org": "must be printable, 200 characters at most"}),
            ("A", "n" * 201, [], {"--name": "must be printable, 200 characters at most"}),
            ("A", "", ["x"], {"--scope": "'x' is not one of schedules, oncall:read, oncall:write"}),
        ],
    )
    def test_of_the_options(
        self, org: str, name: str, scopes: list[str], errors: dict[str, str]
    ) -> None:
        assert option_errors(org, name, scopes) == errors
