"""The official clients, unmodified, as processes of their own, pay with their default controls."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3

from tests.chain.books import PAID, PRICE, Books
from tests.chain.chain import HERE, NETWORK, Chain, Transfer
from tests.chain.service import ENDPOINT, EXAMPLE, Service
from tests.seed import EXAMPLE_RESPONSE

ANSWER = json.loads(EXAMPLE_RESPONSE)
"""The listing's example answer."""


@pytest.fixture(params=["python", "typescript"])
def client(request: pytest.FixtureRequest) -> Sequence[str]:
    """The command that starts one of the clients."""
    if request.param == "python":
        return [sys.executable, str(HERE / "python_client.py")]
    return [request.getfixturevalue("node"), str(HERE / "typescript_client.mjs")]


def test_client_buys_the_example(
    client: Sequence[str],
    chain: Chain,
    service: Service,
    payer: LocalAccount,
    open_books: Callable[..., Books],
) -> None:
    books = open_books(payer, service)
    answer = answer_to(client, service, payer)
    assert books.close(answer["status"]) == PAID
    assert (answer["status"], answer["body"]) == (200, ANSWER)
    receipt = answer["receipt"]
    assert (receipt["success"], receipt["network"]) == (True, NETWORK)
    assert receipt["payer"].lower() == payer.address.lower()
    paid = Transfer(payer.address, service.payee, PRICE)
    assert chain.transfers_in(receipt["transaction"]) == [paid]


def answer_to(client: Sequence[str], service: Service, payer: LocalAccount) -> dict[str, Any]:
    environ = {**os.environ, "PAYER_KEY": Web3.to_hex(payer.key)}
    called = subprocess.run(
        [*client, service.url + ENDPOINT],
        input=EXAMPLE.decode(),
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert called.returncode == 0, called.stderr
    answer: dict[str, Any] = json.loads(called.stdout)
    return answer
