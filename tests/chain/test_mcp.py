"""A tool's payment moves money once: called again, and over HTTP as well."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3
from x402.schemas import PaymentPayload

from tests.support.chain.books import PAID, PRICE, UNMOVED, Books
from tests.support.chain.chain import Chain, Transfer
from tests.support.chain.payments import payment
from tests.support.chain.service import EXAMPLE, Service, reason_in
from tests.support.mcp_agents import ROTATION, agent, content_of, receipt_in
from tests.support.mcp_clients import FOLDER, TYPESCRIPT, typescript
from tests.support.processes import printed
from tests.support.seed import EXAMPLE_RESPONSE

pytestmark = pytest.mark.anyio

OpenBooks = Callable[[LocalAccount, Service], Books]
ARGUMENTS = json.loads(EXAMPLE)


async def test_tool_called_twice_then_http(
    service: Service, payer: LocalAccount, open_books: OpenBooks
) -> None:
    books, paid = open_books(payer, service), of_either(payment(payer, service.terms()))
    async with agent(service.url) as caller:
        first, again = [await caller.ask(ARGUMENTS, on_wire(paid)) for _ in range(2)]
    refused = service.pay(paid)
    assert books.close(200, 200, refused.status_code) == PAID
    assert content_of(first) == content_of(again) == json.loads(EXAMPLE_RESPONSE)
    assert receipt_in(first) == receipt_in(again)
    assert reason_in(refused) == "payment_already_used"


async def test_http_then_tool(service: Service, payer: LocalAccount, open_books: OpenBooks) -> None:
    books, paid = open_books(payer, service), of_either(payment(payer, service.terms()))
    bought = service.pay(paid)
    async with agent(service.url) as caller:
        problem = content_of(await caller.ask(ARGUMENTS, on_wire(paid)))
    assert books.close(bought.status_code, problem["status"]) == PAID
    assert (bought.status_code, problem["code"]) == (200, "payment_already_used")


async def test_tool_called_in_vain(
    service: Service, payer: LocalAccount, open_books: OpenBooks
) -> None:
    books, paid = open_books(payer, service), of_either(payment(payer, service.terms()))
    async with agent(service.url) as caller:
        terms = content_of(await caller.ask(ARGUMENTS))
        problem = content_of(await caller.ask({"shifts": 0}, on_wire(paid)))
    assert books.close(402, problem["status"]) == UNMOVED
    assert terms["accepts"][0]["amount"] == "20000"
    assert problem["code"] == "invalid_request"


@pytest.mark.parametrize("client", ["python", *TYPESCRIPT, "wallet"])
def test_client_buys(
    client: str,
    chain: Chain,
    service: Service,
    payer: LocalAccount,
    open_books: OpenBooks,
    tmp_path: Path,
) -> None:
    """The official clients sign by themselves; a host that cannot has the wallet before it."""
    books, url = open_books(payer, service), f"{service.url}/mcp"
    variables = {"PRIVATE_KEY": Web3.to_hex(payer.key), "XDG_STATE_HOME": str(tmp_path)}
    if client == "wallet":
        host = typescript("host.mjs", TYPESCRIPT[0], "chain")
        command = [*host, ROTATION, sys.executable, "-m", "app", "mcp-wallet", url]
    elif client == "python":
        command = [sys.executable, str(FOLDER / "client.py"), url, ROTATION]
    else:
        command = [*typescript("client.mjs", client, "chain"), url, ROTATION]
    paid = printed(command, ARGUMENTS, **variables)["paid"]
    assert books.close(200) == PAID
    assert paid["structuredContent"] == json.loads(EXAMPLE_RESPONSE)
    receipt = paid["_meta"]["x402/payment-response"]
    transfer = Transfer(payer.address, service.payee, PRICE)
    assert chain.transfers_in(receipt["transaction"]) == [transfer]


def of_either(made: PaymentPayload) -> PaymentPayload:
    """``made`` without the resource, which nothing signs: it fits the terms of both."""
    return made.model_copy(update={"resource": None})


def on_wire(made: PaymentPayload) -> dict[str, object]:
    return made.model_dump(by_alias=True, exclude_none=True)
