"""A served service held against the public validators: none has an error or a warning.

The service is paid on Base and on Solana, has an address that marketplaces would list, and carries
proofs of ownership, as docs/launch.md tells an operator.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from eth_account import Account
from solders.keypair import Keypair

from app.payments.ownership import sign_origin
from app.products.registry import paid_endpoints
from tests.support.processes import answers_ok, environment, free_port, running
from tests.support.validators import installed_x402lint, node_program

URL = "https://oncall.example.com"
PATHS = [endpoint.path for endpoint in paid_endpoints()]
BASE, SOLANA = "eip155:8453", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
EVM_KEY, PAIR = "0x" + "11" * 32, Keypair.from_seed(bytes(range(32)))
PAYEES = {BASE: str(Account.from_key(EVM_KEY).address), SOLANA: str(PAIR.pubkey())}
PROOFS = [sign_origin(URL, key).signature for key in (EVM_KEY, str(PAIR))]
KINDS = [
    {"x402Version": 2, "scheme": "exact", "network": BASE},
    {
        "x402Version": 2,
        "scheme": "exact",
        "network": SOLANA,
        "extra": {"feePayer": str(PAIR.pubkey())},
    },
]
NOTICES = ["LEGACY_WELL_KNOWN_FOUND"]
"""What is told for information: ``/.well-known/x402`` is kept for those that still read it."""


class Supported(BaseHTTPRequestHandler):
    """A facilitator that says what it supports."""

    def do_GET(self) -> None:
        body = json.dumps({"kinds": KINDS}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def facilitator() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Supported)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def listed(facilitator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service as it is served to be listed."""
    url = f"http://127.0.0.1:{free_port()}"
    ways = [{"network": network, "payTo": payee} for network, payee in PAYEES.items()]
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=tmp_path_factory.mktemp("logs") / "service.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ=environment(
            ONCALL_PUBLIC_URL=URL,
            ONCALL_PAYMENTS="facilitator",
            ONCALL_FACILITATOR_URL=facilitator,
            ONCALL_ACCEPTS=json.dumps(ways),
            ONCALL_CONTACT_EMAIL="ops@oncall.example.com",
            ONCALL_OWNERSHIP_PROOFS=",".join(PROOFS),
        ),
    ):
        yield url


def printed(command: list[str]) -> str:
    """What ``command`` prints when it ends well."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def serious(issues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [issue for issue in issues if issue["severity"] != "info"]


@pytest.mark.process
def test_discovery_and_the_bazaar_extension(listed: str) -> None:
    """``@agentcash/discovery``, which x402scan uses, and the TypeScript SDK's validators."""
    found = json.loads(printed([*node_program("validate.mjs"), listed, *PATHS]))
    assert serious(found["issues"]) == []
    assert [issue["code"] for issue in found["issues"]] == NOTICES
    assert list(found["products"]) == PATHS
    for path, product in found["products"].items():
        assert product["issues"] == []
        assert product["terms"]["issues"] == []
        assert product["terms"]["valid"]
        shown = product["terms"]["normalized"]
        assert (shown["hasInputSchema"], shown["hasOutputSchema"]) == (True, True)
        assert [way["networkRaw"] for way in shown["accepts"]] == [BASE, SOLANA]
        assert [result["valid"] for result in product["bazaar"]] == [True, True, True]
        assert product["extracted"]["resourceUrl"] == URL + path
        assert product["extracted"]["method"] == "POST"
        metadata = product["metadata"]
        assert metadata["serviceName"] == "On-call rotations"
        assert metadata["iconUrl"] == f"{URL}/icon.png"
        assert len(metadata["tags"]) == 5


@pytest.mark.process
def test_discovery_finds_the_products_the_contact_and_the_owner(listed: str) -> None:
    found = json.loads(printed([*node_program("validate.mjs"), listed, *PATHS]))["found"]
    assert [(each["method"], each["path"]) for each in found["endpoints"]] == [
        ("POST", path) for path in PATHS
    ]
    assert all(each["authMode"] == "paid" and each["price"] for each in found["endpoints"])
    assert found["info"]["contactEmail"] == "ops@oncall.example.com"
    assert (found["trustTier"], found["ownershipProofs"]) == ("ownership_verified", PROOFS)
    assert found["guidance"]


@pytest.mark.process
def test_the_command_of_the_launch_document(listed: str) -> None:
    program = node_program("node_modules/@agentcash/discovery/bin/discovery.js")
    shown = printed([*program, "discover", listed])
    assert f"Spec:     {listed}/openapi.json" in shown
    assert all(path in shown for path in PATHS)


@pytest.mark.image
@pytest.mark.timeout(400)
def test_x402lint(listed: str, tmp_path: Path) -> None:
    program = installed_x402lint(tmp_path)
    for path in PATHS:
        command = [*program, "check", f"{listed}{path}", "--method", "POST", "--json"]
        report = json.loads(printed(command))
        assert (report["ok"], report["counts"]["FAIL"], report["counts"]["WARN"]) == (True, 0, 0)
        assert report["counts"]["PASS"] > 14
