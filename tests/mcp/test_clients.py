"""The official MCP clients, versions 1 and 2 for Python and TypeScript, each as a process."""

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from app.mcp.tools import OUTPUT_SCHEMA
from tests.support.mcp_agents import ROTATION
from tests.support.mcp_clients import FOLDER, TYPESCRIPT, typescript
from tests.support.processes import printed
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
