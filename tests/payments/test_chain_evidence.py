"""What a node says became of an authorization whose receipt was lost."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from eth_utils.crypto import keccak

from app.payments.chain import Chain
from app.payments.facilitators.remote import RemoteFacilitator
from tests.conftest import Clock
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    PAY_TO,
    ScriptedFacilitator,
    Service,
    hangs_up,
    refuses,
    remote_settings,
    service,
    transaction_in,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

USED = "invalid_exact_evm_nonce_already_used"
REVERTED = "transaction_failed"
HASH = "0x" + "33" * 32
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()


def word(number: int | str) -> str:
    digits = f"{number:x}" if isinstance(number, int) else number[2:].lower()
    return "0x" + digits.rjust(64, "0")


class Node:
    """A node that knows one authorization: whether it is used, and whom that paid."""

    def __init__(self, *, used: bool, paid: str = PAY_TO, payer: str = "0x" + "00" * 20) -> None:
        self.used = used
        self.paid = paid
        self.payer = payer
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        call = await request.json()
        self.asked.append(call)
        return web.json_response({"jsonrpc": "2.0", "id": 1, "result": self._result(call)})

    def _result(self, call: dict[str, Any]) -> Any:
        asset = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
        topics = [TRANSFER, word(self.payer), word(self.paid)]
        transfer = {"address": asset, "topics": topics, "data": word(20_000)}
        return {
            "eth_call": word(int(self.used)),
            "eth_blockNumber": "0x10",
            "eth_getLogs": [{"transactionHash": HASH}],
            "eth_getTransactionReceipt": {"logs": [transfer]},
        }[call["method"]]


async def bought(
    node: Node, clock: Clock, *, then: str = REVERTED, valid_before: int = 99999999999
) -> Any:
    """A purchase whose first settlement is lost and whose later ones fail with ``then``."""
    script = ScriptedFacilitator(settle=[hangs_up, refuses(then)], node=node)
    async with script:
        configured = remote_settings(
            script.url, rpc_url=f"{script.url}/node", settle_deadline_seconds=0.8
        )
        facilitator = RemoteFacilitator(script.url, network=NETWORK, headers={}, timeout_seconds=5)
        await facilitator.connect()
        shop: Service = service(configured, clock=clock, facilitator=facilitator)
        wallet = Wallet()
        node.payer = wallet.address
        payment = wallet.signed(await shop.terms(), validBefore=str(valid_before))
        asking = asyncio.create_task(shop.ask(EXAMPLE, header_of(payment)))
        await script.called("settle")
        clock.advance(60)
        response = await asking
        await facilitator.aclose()
        assert "verify" not in script.calls
        return response


async def test_it_paid_us(clock: Clock) -> None:
    node = Node(used=True)
    response = await bought(node, clock)
    assert (response.status_code, transaction_in(response)) == (200, HASH)
    assert [call["method"] for call in node.asked] == [
        "eth_call",
        "eth_blockNumber",
        "eth_getLogs",
        "eth_getTransactionReceipt",
    ]


async def test_its_nonce_was_spent_on_somebody_else(clock: Clock) -> None:
    response = await bought(Node(used=True, paid="0x" + "99" * 20), clock)
    assert (response.status_code, response.json()["error"]) == (402, USED)


async def test_it_is_unused_and_may_still_be_settled(clock: Clock) -> None:
    response = await bought(Node(used=False), clock)
    assert (response.status_code, response.json()["code"]) == (503, "settlement_unknown")


async def test_it_is_unused_and_has_expired(clock: Clock) -> None:
    expired = "invalid_exact_evm_payload_authorization_valid_before"
    response = await bought(Node(used=False), clock, then=expired, valid_before=int(clock()) + 30)
    assert (response.status_code, response.json()["error"]) == (402, expired)


async def test_a_node_that_does_not_answer_leaves_it_unknown(clock: Clock) -> None:
    class Broken(Node):
        def _result(self, call: dict[str, Any]) -> Any:
            raise web.HTTPBadGateway(text=json.dumps({"error": call["method"]}))

    response = await bought(Broken(used=True), clock)
    assert (response.status_code, response.json()["code"]) == (503, "settlement_unknown")


def test_its_address_may_hold_a_key_and_is_not_shown() -> None:
    assert "secret" not in repr(Chain("http://127.0.0.1/secret"))
