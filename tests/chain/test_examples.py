"""The examples, with the official clients as they come, pay with their default controls."""

import json
from collections.abc import Callable, Sequence

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3

from tests.support import examples
from tests.support.chain.books import PAID, PRICE, Books
from tests.support.chain.chain import NETWORK, Chain, Transfer
from tests.support.chain.service import Service
from tests.support.seed import EXAMPLE_RESPONSE


@pytest.fixture(params=["python", "typescript", "mcp"])
def command(request: pytest.FixtureRequest) -> Sequence[str]:
    """The command that runs one of the examples."""
    if request.param == "typescript":
        npm = request.getfixturevalue("npm")
        return [npm, "run", "--silent", "--prefix", str(examples.TYPESCRIPT), "pay"]
    return examples.PYTHON if request.param == "python" else examples.MCP


def test_example_buys_a_rotation(
    command: Sequence[str],
    chain: Chain,
    service: Service,
    payer: LocalAccount,
    open_books: Callable[..., Books],
) -> None:
    books = open_books(payer, service)
    bought = examples.bought(command, service.url, PRIVATE_KEY=Web3.to_hex(payer.key))
    assert books.close(200) == PAID
    assert bought["answer"] == json.loads(EXAMPLE_RESPONSE)
    receipt = bought["receipt"]
    assert (receipt["success"], receipt["network"]) == (True, NETWORK)
    assert receipt["payer"].lower() == payer.address.lower()
    paid = Transfer(payer.address, service.payee, PRICE)
    assert chain.transfers_in(receipt["transaction"]) == [paid]
