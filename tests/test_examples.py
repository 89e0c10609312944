"""The examples buy a rotation from a sandbox; ``tests/chain`` runs the TypeScript one as well."""

import json
from collections.abc import Sequence

import pytest
from x402.http.utils import decode_payment_response_header

from app.products.registry import paid_endpoints
from tests.support import examples
from tests.support.requirements import require
from tests.support.seed import EXAMPLE_RESPONSE

ANSWER = json.loads(EXAMPLE_RESPONSE)


@pytest.mark.parametrize("command", [examples.PYTHON, examples.MCP], ids=["python", "mcp"])
def test_an_example_prints_the_answer_and_the_receipt(command: Sequence[str], address: str) -> None:
    bought = examples.bought(command, address)
    assert bought["answer"] == ANSWER
    assert bought["receipt"]["success"]
    assert bought["receipt"]["amount"] == "20000"


@pytest.mark.process
def test_curl_buys_from_a_sandbox(address: str) -> None:
    require("process", "curl", "curl")
    done = examples.run(examples.CURL, address)
    assert json.loads(done.stdout) == ANSWER
    headers = dict(line.split(": ", 1) for line in done.stderr.splitlines() if ": " in line)
    receipt = decode_payment_response_header(headers["payment-response"])
    assert receipt.success


def test_the_tools_are_told_before_one_is_called(address: str) -> None:
    told = examples.run(examples.MCP, address).stderr.splitlines()
    assert told[0] == "sched-oncall-rotation: On-call rotation API"
    assert len(told) == len(paid_endpoints())
