"""The programs on pages say what they are given; ``test_pages.py`` runs them."""

import ast
import json
import shlex
from typing import Any

import pytest

from app.discovery.programs import Programs

URL = "https://oncall.test"
AWKWARD: dict[str, Any] = {"reason": 'Alice\'s PTO; $HOME `x` "y" \\', "flag": True, "no": None}
SANDBOX, PAID, FREE = (
    Programs(URL, is_paid=True, sandbox=True),
    Programs(URL, is_paid=True, sandbox=False),
    Programs(URL, is_paid=False, sandbox=False),
)


def test_a_shell_reads_back_the_document() -> None:
    words = shlex.split(SANDBOX.curl(f"{URL}/v1", AWKWARD))
    [order] = [word for word in words if word.startswith("ORDER=")]
    assert json.loads(order.removeprefix("ORDER=")) == AWKWARD


@pytest.mark.parametrize("programs", [SANDBOX, PAID])
def test_python_reads_back_the_document(programs: Programs) -> None:
    tree = ast.parse(programs.python(f"{URL}/v1", AWKWARD))
    [order] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ORDER"
    ]
    assert ast.literal_eval(order) == AWKWARD


def test_only_a_sandbox_makes_wallets_and_pays_by_curl() -> None:
    by_name = {
        name: {program.language: program for program in programs.of(URL, {})}
        for name, programs in (("sandbox", SANDBOX), ("paid", PAID), ("free", FREE))
    }
    assert "/sandbox/pay" in by_name["sandbox"]["curl"].text
    for name in ("paid", "free"):
        assert "/sandbox/pay" not in by_name[name]["curl"].text
        assert "generatePrivateKey" not in by_name[name]["TypeScript"].text
        assert "X402_PRIVATE_KEY" in by_name[name]["Python"].text
    assert [by_name[name]["curl"].note for name in by_name] == [
        "Terms, a payment from the sandbox's throw-away wallet, the answer.",
        "The terms, free of charge.",
        "The answer.",
    ]
    assert "free of charge" in by_name["free"]["MCP"].note


def test_the_exchange_over_http() -> None:
    text = Programs.http("/v1/x", {"shifts": 3}, "0.02")
    assert text.startswith('POST /v1/x HTTP/1.1\nContent-Type: application/json\n\n{"shifts": 3}\n')
    assert [line for line in text.splitlines() if line.startswith("HTTP/1.1")] == [
        "HTTP/1.1 402 Payment Required",
        "HTTP/1.1 200 OK",
    ]
    assert "$0.02" in text
