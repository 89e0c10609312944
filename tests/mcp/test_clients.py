"""The official MCP clients, versions 1 and 2 for Python and TypeScript, each as a process."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from app.mcp.tools import OUTPUT_SCHEMA
from app.teams.keys.store import SCOPES
from tests.cli.test_commands import run
from tests.support.mcp_agents import ROTATION
from tests.support.mcp_clients import FOLDER, TYPESCRIPT, typescript
from tests.support.processes import answers_ok, environment, free_port, printed, running
from tests.support.seed import EXAMPLE_RESPONSE
from tests.support.services import EXAMPLE


@pytest.fixture(scope="module")
def second_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python with version 2 of the library, which cannot be installed beside version 1."""
    folder = tmp_path_factory.mktemp("mcp2")
    python = str(folder / "bin" / "python")
    requirements = ("--python", python, "-r", str(FOLDER / "requirements.txt"))
    for arguments in (("venv", str(folder)), ("pip", "install", *requirements)):
        command = [sys.executable, "-m", "uv", "--quiet", *arguments]
        subprocess.run(command, check=True, timeout=300)
    return python


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of such a service, and a key with every scope."""
    folder = tmp_path_factory.mktemp("keyed")
    variables = {"ONCALL_DATABASE_URL": f"sqlite:///{folder}/oncall.db"}
    port = free_port()
    serve = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    with running(
        serve,
        log=folder / "service.log",
        ready=partial(answers_ok, f"http://127.0.0.1:{port}/readyz"),
        environ=environment(**variables),
    ):
        scopes = [option for scope in SCOPES for option in ("--scope", scope)]
        made = run("keys", "create", "--org", "Acme", *scopes, **variables)
        yield f"http://127.0.0.1:{port}", made.stdout.strip()


@pytest.mark.process
@pytest.mark.parametrize("library", TYPESCRIPT)
def test_typescript(library: str, address: str) -> None:
    understood(typescript("client.mjs", library), address)


def test_python(address: str) -> None:
    understood([sys.executable, str(FOLDER / "client.py")], address)


@pytest.mark.image
@pytest.mark.timeout(400)
def test_second_python(second_python: str, address: str) -> None:
    understood([second_python, str(FOLDER / "client.py")], address)


class TestWithAKey:
    """The tools of the kept schedules, against a service process with a database."""

    @pytest.mark.process
    @pytest.mark.parametrize("library", TYPESCRIPT)
    def test_typescript(self, library: str, keyed: tuple[str, str]) -> None:
        managed(typescript("keyed.mjs", library), *keyed)

    def test_python(self, keyed: tuple[str, str]) -> None:
        managed([sys.executable, str(FOLDER / "keyed.py")], *keyed)

    @pytest.mark.image
    @pytest.mark.timeout(400)
    def test_second_python(self, second_python: str, keyed: tuple[str, str]) -> None:
        managed([second_python, str(FOLDER / "keyed.py")], *keyed)


def managed(client: Sequence[str], address: str, key: str) -> None:
    """Check that ``client`` lists the tools of a key, writes, reads and is refused by them.

    Clients come one after another, and each finds its own people and schedule.
    """
    names = [f"{name}-{uuid4().hex}" for name in ("ana", "ben")]
    people = [{"id": name, "name": name, "email": "someone@example.com"} for name in names]
    schedule = f"nights-{uuid4().hex}"
    layer = {"name": "Nights", "rotation_type": "daily", "participants": names[:1]}
    document = {"id": schedule, "name": "Nights", "timezone": "UTC", "layers": [layer]}
    stretch = {"start": "2090-01-01T00:00:00Z", "end": "2090-01-02T00:00:00Z"}
    window = {"from": stretch["start"], "to": stretch["end"]}
    calls: list[tuple[str, Any]] = [
        *(("add-person", {"person": person}) for person in people),
        ("create-schedule", {"schedule": document}),
        ("list-shifts", {"person_id": names[0], **window}),
        ("list-cover-candidates", {"schedule_id": schedule, **window}),
        (
            "ask-for-cover",
            {
                "schedule_id": schedule,
                "cover": {
                    "id": f"cover-of-{schedule}",
                    "user_id": names[0],
                    "offered_to": names[1:],
                    **stretch,
                },
            },
        ),
        (
            "accept-cover",
            {"cover_id": f"cover-of-{schedule}", "acceptance": {"user_id": names[1]}},
        ),
        ("list-covers", {"state": "accepted", "limit": 100}),
        ("list-people", {"limit": 1}),
        ("edit-schedule", {"schedule_id": "none", "changes": {"name": "Nights"}}),
    ]
    answered = printed([*client, f"{address}/mcp", key], calls)
    assert {ROTATION, "list-schedules", "edit-schedule"} <= set(answered["tools"])
    results = answered["results"]
    failed = [bool(result.get("isError")) for result in results]
    assert failed == [*[False] * (len(calls) - 1), True], results
    _, _, _, shifts, _, _, accepted, covers, listed, refused = (
        result["structuredContent"] for result in results
    )
    assert [shift["schedule_id"] for shift in shifts["data"]["shifts"]] == [schedule]
    [taken] = accepted["data"]["accepted"]
    assert taken["user_id"] == names[1]
    assert accepted["data"] in covers["data"]
    assert (len(listed["data"]), bool(listed["next_cursor"])) == (1, True)
    assert (refused["error"], refused["status"]) == ("not_found", 404)


def understood(client: Sequence[str], address: str) -> None:
    """Check the list, an unpaid, a faulty and a paid call as ``client`` hands them on."""
    answered = printed([*client, f"{address}/mcp", ROTATION], EXAMPLE)
    [tool] = [tool for tool in answered["tools"] if tool["name"] == ROTATION]
    assert "outputSchema" not in tool
    assert tool["_meta"][OUTPUT_SCHEMA]["type"] == "object"
    results = [answered[name] for name in ("unpaid", "invalid", "paid")]
    for result in results:
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    assert [bool(result.get("isError")) for result in results] == [True, True, False]
    unpaid, invalid, paid = (result["structuredContent"] for result in results)
    assert unpaid["accepts"][0]["amount"] == "20000"
    assert {error["pointer"] for error in invalid["errors"]} >= {"/start", "/people"}
    assert paid == json.loads(EXAMPLE_RESPONSE)
    assert results[2]["_meta"]["x402/payment-response"]["success"]
