"""Schemathesis with all its checks: a running service behaves as its OpenAPI document says."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest

from app.database.database import Database, Tx
from app.discovery.openapi import openapi_bytes
from app.products.registry import paid_endpoints
from app.teams.keys.store import SCOPES, create_key
from tests.support.processes import ROOT, answers_ok, environment, free_port, running

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SECONDS = 400
"""Beside other jobs; alone each takes some 20."""
UNMEASURED = {name: text for name, text in environment().items() if "COVERAGE" not in name}
"""Coverage is measured elsewhere: it would double the time."""
KEYS = 200
"""Of 120 requests a minute each."""
EXAMPLES = "--phases=examples,coverage"
FUZZING = ["--phases=fuzzing", "--max-examples=10"]
PATHS = list(msgspec.json.decode(openapi_bytes(paid_endpoints()))["paths"])
V1, V2 = "/api/v1", "/api/v2/oncall"
THINGS = {
    f"{V2}/users": {"id": "user_012", "name": "Marie Laurent", "email": "marie@example.com"},
    f"{V2}/users?": {"id": "user_034", "name": "Tom Peeters", "email": "tom@example.com"},
    f"{V2}/schedules": {
        "id": "sched_abc123",
        "name": "Weekend Support",
        "team_id": "team_789",
        "timezone": "Europe/Brussels",
        "rotation_type": "weekly",
        "participants": ["user_012", "user_034"],
    },
    f"{V2}/schedules/sched_abc123/entries": {
        "id": "entry_456",
        "user_id": "user_012",
        "start": "2027-03-15T18:00:00+01:00",
        "end": "2027-03-16T08:00:00+01:00",
    },
    f"{V1}/escalation-policies": {
        "id": "policy_1",
        "name": "Platform",
        "steps": [{"targets": [{"type": "schedule", "id": "sched_abc123"}]}],
    },
}
"""Stored things to read and change. The policy prevents the deletion of the schedule."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Run a sandbox service with a database that trusts ``X-Forwarded-For`` from the test."""
    url = f"http://127.0.0.1:{free_port()}"
    store = f"sqlite:///{tmp_path / 'oncall.db'}"
    (tmp_path / "keys").write_text("\n".join(asyncio.run(keys_of(store))))
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=tmp_path / "service.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ={
            **UNMEASURED,
            "ONCALL_TRUSTED_PROXIES": "127.0.0.0/8",
            "ONCALL_DATABASE_URL": store,
        },
    ):
        key = (tmp_path / "keys").read_text().split()[0]
        for path, thing in THINGS.items():
            made = httpx.post(url + path, json=thing, headers={"X-API-Key": key})
            assert made.status_code == 201, made.text
        yield url


async def keys_of(store: str) -> list[str]:
    """Keys of one organisation."""

    async def made(tx: Tx) -> list[str]:
        keys = [await create_key(tx, "acme", "", SCOPES, "test", None, 0) for _ in range(KEYS)]
        return [presented for _, presented in keys]

    database = Database(store)
    await database.open()
    keys = await database.write(made)
    await database.aclose()
    return keys


@pytest.mark.parametrize(
    ("which", "options"),
    [
        pytest.param("paid", [EXAMPLES], id="paid-examples-and-every-bound"),
        pytest.param("paid", FUZZING, id="paid-fuzzing"),
        pytest.param("stored", [EXAMPLES], id="stored-examples-and-every-bound"),
        pytest.param("stored", FUZZING, id="stored-fuzzing"),
    ],
)
@pytest.mark.timeout(SECONDS + 60)
def test_no_check_fails(served: str, tmp_path: Path, which: str, options: list[str]) -> None:
    program = Path(sys.executable).parent / "schemathesis"
    stored = which == "stored"
    config, hooks = (
        ("schemathesis_teams.toml", "schemathesis_teams_hooks")
        if stored
        else ("schemathesis.toml", "schemathesis_hooks")
    )
    only = f"--{'include' if stored else 'exclude'}-path-regex=^/api/"
    common = ["--checks=all", "--seed=6", "--no-shrink", only]
    done = subprocess.run(
        [
            *(program, f"--config-file={HERE / config}", "run", f"{served}/openapi.full.json"),
            *(*common, *options),
        ],
        cwd=tmp_path,
        env={
            **UNMEASURED,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": f"tests.support.{hooks}",
            "STORED_KEYS": str(tmp_path / "keys"),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    if not stored:
        tried = sum(not path.startswith("/api/") for path in PATHS) - 1  # what it reads them from
        assert f"Tested: {tried}\n" in done.stdout, done.stdout
