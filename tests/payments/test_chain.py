"""What a node says became of an authorization whose receipt was lost."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest
from aiohttp import web
from eth_utils.crypto import keccak
from x402 import PaymentRequirements

from app.payments.authorization import Authorization
from app.payments.chain import AuthorizationState, Chain
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.json_rpc import MAX_ANSWER_BYTES
from tests.conftest import Clock
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    PAY_TO,
    TRANSACTION,
    USDC,
    Handler,
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
BLOCK_HASH = "0x" + "44" * 32
OTHER_HASH = "0x" + "55" * 32
FRIEND = "0x" + "99" * 20
OTHER_TOKEN = "0x" + "77" * 20
USED_EVENT = "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex()
CANCELED_EVENT = "0x" + keccak(text="AuthorizationCanceled(address,bytes32)").hex()
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()

Changes = Callable[[dict[str, Any]], object]
"""Changes what a node answers: method by method, in place."""


def word(number: int | str) -> str:
    digits = f"{number:x}" if isinstance(number, int) else number[2:].lower()
    return "0x" + digits.rjust(64, "0")


def event(*topics: str, data: str = "0x", index: int = 0, address: str = USDC) -> dict[str, Any]:
    """A log of the transaction with ``HASH``, with more members than are read."""
    return {
        "address": address,
        "topics": list(topics),
        "data": data,
        "transactionHash": HASH,
        "blockHash": BLOCK_HASH,
        "blockNumber": "0x10",
        "logIndex": hex(index),
        "removed": False,
    }


def receipt(*events: dict[str, Any]) -> dict[str, Any]:
    numbered = [{**each, "logIndex": hex(index)} for index, each in enumerate(events)]
    return {
        "transactionHash": HASH,
        "blockHash": BLOCK_HASH,
        "status": "0x1",
        "logs": numbered,
    }


class Node:
    """A node that knows one authorization: whether it is used, and whom that paid.

    ``kind`` is the event of its use, ``time`` the time of its latest block, ``changes`` whatever
    else is to be different.
    """

    def __init__(
        self,
        *,
        used: bool = True,
        paid: str = PAY_TO,
        kind: str = USED_EVENT,
        time: int = 0,
        changes: Changes = id,
    ) -> None:
        self.used = used
        self.paid = paid
        self.kind = kind
        self.time = time
        self.changes = changes
        self.payer = self.nonce = ""
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        call = await request.json()
        self.asked.append(call)
        answer = self._answers()[call["method"]]
        if isinstance(answer, bytes):
            return web.Response(body=answer)
        if not isinstance(answer, Answer):
            answer = Answer({"jsonrpc": "2.0", "id": 1, "result": answer})
        return web.json_response(answer.body, status=answer.status)

    def _answers(self) -> dict[str, Any]:
        use, transfer = self.use(), self.transfer(self.paid)
        answers = {
            "eth_call": word(int(self.used)),
            "eth_blockNumber": "0x10",
            "eth_getBlockByNumber": {"number": "0x10", "timestamp": hex(self.time), "hash": HASH},
            "eth_getLogs": [use] if self.used else [],
            "eth_getTransactionReceipt": receipt(use, transfer),
        }
        self.changes(answers)
        return answers

    def use(self, nonce: str = "") -> dict[str, Any]:
        return event(self.kind, word(self.payer), nonce or self.nonce)

    def transfer(self, payee: str, amount: int = 20_000, **more: Any) -> dict[str, Any]:
        return event(TRANSFER, word(self.payer), word(payee), data=word(amount), **more)


class Answer(NamedTuple):
    """A whole answer of a node, and its status."""

    body: object
    status: int = 200


async def bought(
    node: Node,
    clock: Clock,
    *,
    first: Handler = hangs_up,
    then: str = REVERTED,
    valid_before: int = 99999999999,
) -> Any:
    """A purchase whose first settlement is lost and whose later ones fail with ``then``."""
    script = ScriptedFacilitator(settle=[first, refuses(then)], node=node)
    async with script:
        configured = remote_settings(
            script.url, rpc_url=f"{script.url}/node", settle_deadline_seconds=0.8
        )
        facilitator = RemoteFacilitator(script.url, network=NETWORK, headers={}, timeout_seconds=5)
        await facilitator.connect()
        served: Service = service(configured, clock=clock, facilitator=facilitator)
        wallet = Wallet()
        payment = wallet.signed(await served.terms(), validBefore=str(valid_before))
        node.payer, node.nonce = wallet.address, payment["payload"]["authorization"]["nonce"]
        asking = asyncio.create_task(served.ask(EXAMPLE, header_of(payment)))
        await script.called("settle")
        clock.advance(60)
        response = await asking
        await facilitator.aclose()
        assert script.calls.count("verify") <= 1  # for the money, before the node
        return response


async def test_it_paid_us(clock: Clock) -> None:
    node = Node()
    response = await bought(node, clock)
    assert (response.status_code, transaction_in(response)) == (200, HASH)
    assert [call["method"] for call in node.asked] == [
        "eth_getBlockByNumber",
        "eth_getLogs",
        "eth_getTransactionReceipt",
    ]


@pytest.mark.parametrize(
    "first",
    [
        refuses("settle_exact_evm_transaction_confirmation_timed_out", 400, TRANSACTION),
        refuses("settle_exact_node_failure", 400),
        refuses("invalid_transaction_state", 200, TRANSACTION),
        refuses("insufficient_funds", 200, TRANSACTION),
        refuses("no code"),
    ],
    ids=["timed out", "node failure", "failed with a hash", "final with a hash", "free text"],
)
async def test_a_failure_that_is_not_final_is_asked_about_at_once(
    clock: Clock, first: Handler
) -> None:
    node = Node()
    response = await bought(node, clock, first=first)
    assert (response.status_code, transaction_in(response)) == (200, HASH)
    assert [call["method"] for call in node.asked].count("eth_getLogs") == 1


async def test_its_nonce_was_spent_on_somebody_else(clock: Clock) -> None:
    assert refusal_in(await bought(Node(paid=FRIEND), clock)) == USED


async def test_its_nonce_was_spent_on_another_amount(clock: Clock) -> None:
    def other_amount(answers: dict[str, Any]) -> None:
        answers["eth_getTransactionReceipt"] = receipt(node.use(), node.transfer(PAY_TO, 30_000))

    node = Node(changes=other_amount)
    assert refusal_in(await bought(node, clock)) == USED


async def test_it_was_canceled(clock: Clock) -> None:
    def no_transfer(answers: dict[str, Any]) -> None:
        answers["eth_getTransactionReceipt"]["logs"].pop()

    assert refusal_in(await bought(Node(kind=CANCELED_EVENT, changes=no_transfer), clock)) == USED


async def test_it_is_unused_and_may_still_be_settled(clock: Clock) -> None:
    assert is_unknown(await bought(Node(used=False), clock))


EXPIRED = "invalid_exact_evm_payload_authorization_valid_before"


async def test_it_is_unused_and_has_expired(clock: Clock) -> None:
    soon = int(clock()) + 30
    node = Node(used=False, time=soon)
    assert refusal_in(await bought(node, clock, then=EXPIRED, valid_before=soon)) == EXPIRED
    [state] = [call for call in node.asked if call["method"] == "eth_call"]
    assert state["params"][1] == "0x10", "in the block whose time it is"


async def test_it_is_unused_as_far_as_a_node_knows_that_is_behind(clock: Clock) -> None:
    """By our clock it has expired; in the node's latest block it could still be used."""
    soon = int(clock()) + 30
    node = Node(used=False, time=soon - 1)
    assert is_unknown(await bought(node, clock, then=EXPIRED, valid_before=soon))


class TestSeveralNonces:
    """A transaction of a batch contract, which uses several authorizations of one payer."""

    async def test_each_has_its_own_transfer(self, clock: Clock) -> None:
        def both_paid(answers: dict[str, Any]) -> None:
            answers["eth_getTransactionReceipt"] = receipt(
                node.use(OTHER_HASH), node.transfer(PAY_TO), node.use(), node.transfer(PAY_TO)
            )

        node = Node(changes=both_paid)
        assert transaction_in(await bought(node, clock)) == HASH

    @pytest.mark.parametrize("first", [True, False])
    async def test_the_transfer_of_another_nonce_pays_for_none_but_that(
        self, clock: Clock, first: bool
    ) -> None:
        def one_paid(answers: dict[str, Any]) -> None:
            other = [node.use(OTHER_HASH), node.transfer(PAY_TO)]
            ours = [node.use(), node.transfer(FRIEND)]
            events = [*ours, *other] if first else [*other, *ours]
            answers["eth_getTransactionReceipt"] = receipt(*events)

        node = Node(changes=one_paid)
        assert refusal_in(await bought(node, clock)) == USED

    async def test_one_transfer_for_two_decides_nothing(self, clock: Clock) -> None:
        """No token that we know does this, so nothing is known of such a one."""

        def one_for_two(answers: dict[str, Any]) -> None:
            answers["eth_getTransactionReceipt"] = receipt(
                node.use(), node.use(OTHER_HASH), node.transfer(PAY_TO)
            )

        node = Node(changes=one_for_two)
        assert is_unknown(await bought(node, clock))

    async def test_events_of_other_contracts_lie_between(self, clock: Clock) -> None:
        def noisy(answers: dict[str, Any]) -> None:
            noise = node.transfer(FRIEND, address=OTHER_TOKEN)
            logs = receipt(noise, node.use(), noise, node.transfer(PAY_TO))["logs"]
            answers["eth_getTransactionReceipt"]["logs"] = [*reversed(logs)]

        node = Node(changes=noisy)
        assert transaction_in(await bought(node, clock)) == HASH


def says(method: str, answer: object) -> Changes:
    return lambda answers: answers.update({method: answer})


def receipt_says(**members: object) -> Changes:
    return lambda answers: answers["eth_getTransactionReceipt"].update(members)


def log_says(**members: object) -> Changes:
    return lambda answers: answers["eth_getLogs"][0].update(members)


LOGS, RECEIPT, BLOCK = "eth_getLogs", "eth_getTransactionReceipt", "eth_getBlockByNumber"
ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "missing trie node"}}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(says(LOGS, []), id="it lags: used, but no log yet"),
        pytest.param(says(RECEIPT, None), id="a null receipt"),
        pytest.param(receipt_says(logs=[]), id="a receipt without logs"),
        pytest.param(receipt_says(logs=None), id="a receipt with null logs"),
        pytest.param(receipt_says(status="0x0"), id="a receipt of a reverted transaction"),
        pytest.param(receipt_says(transactionHash=OTHER_HASH), id="another receipt"),
        pytest.param(receipt_says(blockHash=OTHER_HASH), id="a receipt in another block"),
        pytest.param(
            lambda answers: answers[RECEIPT]["logs"].pop(), id="a receipt without the transfer"
        ),
        pytest.param(
            lambda answers: answers[RECEIPT]["logs"].append(answers[RECEIPT]["logs"][0]),
            id="a receipt with the use twice",
        ),
        pytest.param(log_says(removed=True), id="a log that was removed"),
        pytest.param(log_says(address=OTHER_TOKEN), id="a log of another token"),
        pytest.param(log_says(topics=[USED_EVENT, word(1), HASH]), id="a log of another payer"),
        pytest.param(log_says(topics=[TRANSFER]), id="a log of another event"),
        pytest.param(log_says(blockHash=None), id="a log that is not in a block"),
        pytest.param(log_says(blockHash=OTHER_HASH), id="a log at another block"),
        pytest.param(log_says(transactionHash=7), id="a log of another shape"),
        pytest.param(says(LOGS, {}), id="logs of another shape"),
        pytest.param(says(LOGS, ["0x"]), id="logs that are strings"),
        pytest.param(says(RECEIPT, ["0x1"]), id="a receipt of another shape"),
        pytest.param(says(BLOCK, None), id="no block"),
        pytest.param(says(BLOCK, {"number": 16, "timestamp": 1}), id="numbers, not strings"),
        pytest.param(says(BLOCK, {"number": "0xzz", "timestamp": "0x1"}), id="not hexadecimal"),
        pytest.param(says(BLOCK, Answer(ERROR)), id="an error"),
        pytest.param(says(LOGS, Answer(ERROR, 500)), id="an error of the server"),
        pytest.param(says(RECEIPT, Answer([1, 2])), id="an answer of another shape"),
        pytest.param(says(RECEIPT, Answer({"result": 7})), id="a result of another type"),
        pytest.param(says(BLOCK, b"<html>"), id="no JSON"),
        pytest.param(says(BLOCK, b'{"a":' * 100_000), id="JSON without an end to its depth"),
        pytest.param(says(BLOCK, b"\xff\xfe"), id="no text"),
        pytest.param(says(LOGS, b" " * (MAX_ANSWER_BYTES + 1)), id="an answer too large to read"),
    ],
)
async def test_what_a_node_says_wrongly_decides_nothing(clock: Clock, changes: Changes) -> None:
    """Neither that it paid us, nor that it was spent elsewhere; and it is never a 500."""
    assert is_unknown(await bought(Node(changes=changes), clock))


@pytest.mark.parametrize(
    "state",
    [
        pytest.param("0x", id="no such contract there"),
        pytest.param("0x1", id="not a word"),
        pytest.param(word(2), id="neither true nor false"),
        pytest.param(word(1), id="used, but no log of it"),
        pytest.param(None, id="null"),
        pytest.param(Answer(ERROR), id="an error"),
    ],
)
async def test_a_state_that_cannot_be_read_decides_nothing(clock: Clock, state: object) -> None:
    """Without a log the state counts; only "unused", and expired, decides."""
    soon = int(clock()) + 30
    node = Node(used=False, time=soon, changes=says("eth_call", state))
    assert is_unknown(await bought(node, clock, then=EXPIRED, valid_before=soon))


async def test_a_node_that_is_away_decides_nothing() -> None:
    terms = payment_terms()
    signed = Authorization(FRIEND, PAY_TO, "20000", "0", "1", HASH)
    record = await Chain("http://127.0.0.1:9", NETWORK).record_of(signed, terms)
    assert record.state is AuthorizationState.UNKNOWN


def payment_terms() -> PaymentRequirements:
    return PaymentRequirements(
        scheme="exact",
        network=NETWORK,
        asset=USDC,
        amount="20000",
        pay_to=PAY_TO,
        max_timeout_seconds=60,
    )


def refusal_in(response: httpx.Response) -> str:
    assert response.status_code == 402, response.text
    return str(response.json()["error"])


def is_unknown(response: httpx.Response) -> bool:
    told = response.status_code, response.json()["code"], response.json()["retry"]
    return told == (503, "settlement_unknown", "same-payment")


def test_its_address_may_hold_a_key_and_is_not_shown() -> None:
    assert "secret" not in repr(Chain("http://127.0.0.1/secret", NETWORK))
