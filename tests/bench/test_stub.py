"""The stub answers what the protocol asks of a facilitator, and as late as it is told to."""

import json
import sys
import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from x402.schemas import SettleResponse, SupportedResponse, VerifyResponse

from bench.stub import FORGED_PAYER, WRONG_SIGNATURE, Stub
from tests.support.processes import answers_ok, free_port, running
from tests.support.services import NETWORK

PAYER, NONCE = "0x" + "12" * 20, "0x" + "34" * 32
CALL = {
    "x402Version": 2,
    "paymentPayload": {"payload": {"authorization": {"from": PAYER, "nonce": NONCE}}},
    "paymentRequirements": {"network": NETWORK},
}


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bench.stub", "--port", str(port), "--network", NETWORK]
    log = tmp_path_factory.mktemp("logs") / "stub.log"
    with (
        running(command, log=log, ready=partial(answers_ok, f"{url}/supported")),
        httpx.Client(base_url=url) as http,
    ):
        yield http


def test_it_supports_exact_on_its_network(stub: httpx.Client) -> None:
    [kind] = SupportedResponse.model_validate_json(stub.get("/supported").content).kinds
    assert (kind.x402_version, kind.scheme, kind.network) == (2, "exact", NETWORK)


def test_it_finds_every_payment_valid(stub: httpx.Client) -> None:
    told = VerifyResponse.model_validate_json(stub.post("/verify", json=CALL).content)
    assert (told.is_valid, told.payer) == (True, PAYER)


def test_it_settles_every_payment_by_a_transaction_of_its_own(stub: httpx.Client) -> None:
    told = SettleResponse.model_validate_json(stub.post("/settle", json=CALL).content)
    assert (told.success, told.payer, told.transaction, told.network) == (
        True,
        PAYER,
        NONCE,
        NETWORK,
    )


def test_it_counts_the_calls(stub: httpx.Client) -> None:
    before = stub.get("/calls").json().get("/settle", 0)
    stub.post("/settle", json=CALL)
    assert stub.get("/calls").json()["/settle"] == before + 1


def test_it_takes_the_time_that_it_was_told_to(stub: httpx.Client) -> None:
    stub.post("/delay/60")
    started = time.monotonic()
    stub.post("/settle", json=CALL)
    assert time.monotonic() - started >= 0.06
    stub.post("/delay/0")


def test_it_refuses_a_forged_payment(stub: httpx.Client) -> None:
    authorization = {"from": FORGED_PAYER, "nonce": NONCE}
    forged = {**CALL, "paymentPayload": {"payload": {"authorization": authorization}}}
    checked = VerifyResponse.model_validate_json(stub.post("/verify", json=forged).content)
    settled = SettleResponse.model_validate_json(stub.post("/settle", json=forged).content)
    assert (checked.is_valid, settled.success) == (False, False)
    assert checked.invalid_reason == settled.error_reason == WRONG_SIGNATURE


def test_its_ledger_says_how_often_each_payment_was_settled() -> None:
    stub = Stub(NETWORK, 0.0, ledger=True)
    for _ in range(2):
        stub.answer("/settle", json.dumps(CALL).encode())
    assert json.loads(stub.answer("/ledger", b"")) == {NONCE: 2}
