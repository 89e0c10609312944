"""What is asked of a node about an authorization, and what its answers show, without a purchase."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from eth_utils.crypto import keccak
from x402 import PaymentRequirements

from app.payments.authorization import Authorization
from app.payments.chain import AuthorizationState, Chain, ChainRecord
from app.payments.json_rpc import MAX_ANSWER_BYTES
from tests.support.services import NETWORK, PAY_TO, USDC, serving

pytestmark = pytest.mark.anyio

PAYER, FRIEND = "0x" + "aB" * 20, "0x" + "99" * 20
OTHER_TOKEN = "0x" + "77" * 20
NONCE, OTHER_NONCE = "0x" + "cD" * 32, "0x" + "12" * 32
HASH, BLOCK_HASH, OTHER_HASH = "0x" + "a3" * 32, "0x" + "b4" * 32, "0x" + "c5" * 32
USED = "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex()
CANCELED = "0x" + keccak(text="AuthorizationCanceled(address,bytes32)").hex()
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
VALID_BEFORE = 1_000
SIGNED = Authorization(PAYER, PAY_TO, "20000", "0", str(VALID_BEFORE), NONCE)
TERMS = PaymentRequirements(
    scheme="exact",
    network=NETWORK,
    asset=USDC,
    amount="20000",
    pay_to=PAY_TO,
    max_timeout_seconds=60,
)
PAID_US = ChainRecord(AuthorizationState.PAID_US, HASH)
SPENT = ChainRecord(AuthorizationState.SPENT_ELSEWHERE)
EXPIRED = ChainRecord(AuthorizationState.EXPIRED)
UNKNOWN = ChainRecord(AuthorizationState.UNKNOWN)

Log = dict[str, Any]


def word(value: int | str) -> str:
    digits = f"{value:x}" if isinstance(value, int) else value[2:]
    return "0x" + digits.rjust(64, "0")


def log(*topics: str, data: str = "0x", **members: object) -> Log:
    return {
        "address": USDC,
        "topics": list(topics),
        "data": data,
        "transactionHash": HASH,
        "blockHash": BLOCK_HASH,
        "logIndex": "0x0",
        **members,
    }


def use(kind: str = USED, nonce: str = NONCE, **members: object) -> Log:
    return log(kind, word(PAYER), nonce, **members)


def transfer(payee: str = PAY_TO, amount: int = 20_000, payer: str = PAYER, **members: Any) -> Log:
    return log(TRANSFER, word(payer), word(payee), data=word(amount), **members)


def receipt(*logs: Log, **members: object) -> dict[str, object]:
    numbered = [{**each, "logIndex": hex(9 + index)} for index, each in enumerate(logs)]
    return {
        "transactionHash": HASH,
        "blockHash": BLOCK_HASH,
        "status": "0x1",
        "logs": numbered,
        **members,
    }


class Node:
    """A node with one answer for each method."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "eth_getBlockByNumber": {"number": "0x4e20", "timestamp": hex(VALID_BEFORE)},
            "eth_getLogs": [use()],
            "eth_getTransactionReceipt": receipt(use(), transfer()),
            "eth_call": word(0),
        }
        self.asked: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.raw: bytes | None = None
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        assert request.method == "POST"
        asked = json.loads(await request.read())
        self.asked.append(asked)
        self.headers = dict(request.headers)
        if self.raw is not None:
            return web.Response(body=self.raw)
        return web.json_response({"id": 1, "result": self.answers[asked["method"]]})

    async def record(self, **changes: object) -> ChainRecord:
        """The record of ``SIGNED`` when the node answers with ``changes``."""
        self.answers.update(changes)
        return await Chain(self.url, NETWORK).record_of(SIGNED, TERMS)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    async with serving(made.serve) as made.url:
        yield made


# --- what is asked --------------------------------------------------------------------------


async def test_what_is_asked_about_a_used_nonce(node: Node) -> None:
    assert await node.record() == PAID_US
    assert [(each["jsonrpc"], each["id"]) for each in node.asked] == [("2.0", 1)] * 3
    assert [(each["method"], each["params"]) for each in node.asked] == [
        ("eth_getBlockByNumber", ["latest", False]),
        (
            "eth_getLogs",
            [
                {
                    "address": USDC,
                    "topics": [[USED, CANCELED], word(PAYER), NONCE],
                    "fromBlock": hex(20_000 - 9_000),
                    "toBlock": "latest",
                }
            ],
        ),
        ("eth_getTransactionReceipt", [HASH]),
    ]
    assert node.headers["Content-Type"] == "application/json"
    assert node.headers["Accept-Encoding"] == "identity"


async def test_what_is_asked_about_a_nonce_without_a_log(node: Node) -> None:
    assert await node.record(eth_getLogs=[]) == EXPIRED
    assert [each["method"] for each in node.asked][2:] == ["eth_call"]
    selector = "0x" + keccak(text="authorizationState(address,bytes32)")[:4].hex()
    data = selector + word(PAYER)[2:] + NONCE[2:]
    assert node.asked[2]["params"] == [{"to": USDC, "data": data}, "0x4e20"]


async def test_a_young_chain_is_searched_from_its_beginning(node: Node) -> None:
    await node.record(eth_getBlockByNumber={"number": "0x10", "timestamp": "0x0"})
    assert node.asked[1]["params"][0]["fromBlock"] == "0x0"


# --- what is shown --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timestamp", "state", "record"),
    [
        (VALID_BEFORE - 1, word(0), UNKNOWN),
        (VALID_BEFORE, word(0), EXPIRED),
        (VALID_BEFORE + 1, word(0), EXPIRED),
        (VALID_BEFORE, word(1), UNKNOWN),
        (VALID_BEFORE, "0x", UNKNOWN),
    ],
)
async def test_an_unused_nonce_is_expired_by_the_time_of_the_block(
    node: Node, timestamp: int, state: str, record: ChainRecord
) -> None:
    block = {"number": "0x4e20", "timestamp": hex(timestamp)}
    assert await node.record(eth_getLogs=[], eth_getBlockByNumber=block, eth_call=state) == record


@pytest.mark.parametrize(
    ("logs", "record"),
    [
        pytest.param([use(), transfer()], PAID_US, id="paid us"),
        pytest.param([use(), transfer(FRIEND)], SPENT, id="paid somebody else"),
        pytest.param([use(), transfer(amount=19_999)], SPENT, id="paid less"),
        pytest.param([use(), transfer(amount=20_001)], SPENT, id="paid more"),
        pytest.param([use(), transfer(payer=FRIEND)], UNKNOWN, id="somebody else paid"),
        pytest.param([use()], UNKNOWN, id="paid nobody"),
        pytest.param([transfer()], UNKNOWN, id="without its use"),
        pytest.param([transfer(), use()], UNKNOWN, id="the transfer before the use"),
        pytest.param([use(), use(), transfer()], UNKNOWN, id="used twice"),
        pytest.param(
            [use(), transfer(FRIEND, address=OTHER_TOKEN), transfer()], PAID_US, id="another token"
        ),
        pytest.param(
            [use(address=OTHER_TOKEN), transfer()], UNKNOWN, id="the use of another token"
        ),
        pytest.param(
            [use(), use(nonce=OTHER_NONCE), transfer()], UNKNOWN, id="another nonce between"
        ),
        pytest.param([use(), transfer(FRIEND), transfer()], SPENT, id="only the next event counts"),
        pytest.param([use(), transfer(removed=True)], UNKNOWN, id="a removed transfer"),
        pytest.param(
            [use(), log(TRANSFER, word(PAYER), word(PAY_TO), word(1), data=word(20_000))],
            SPENT,
            id="a transfer of another shape",
        ),
        pytest.param(
            [use(), {**transfer(), "data": word(20_000) + "00"}], SPENT, id="data of another size"
        ),
    ],
)
async def test_what_the_transaction_with_its_use_did(
    node: Node, logs: list[Log], record: ChainRecord
) -> None:
    assert await node.record(eth_getTransactionReceipt=receipt(*logs)) == record


async def test_events_count_in_the_order_of_their_numbers(node: Node) -> None:
    """Not as texts: 0x9 comes before 0x10."""
    logs = [{**transfer(), "logIndex": "0x10"}, {**use(), "logIndex": "0x9"}]
    assert await node.record(eth_getTransactionReceipt=receipt(logs=logs)) == PAID_US


async def test_any_spelling_of_addresses_and_hashes_is_read(node: Node) -> None:
    def spelt(value: Any, how: Any) -> Any:
        if isinstance(value, str):
            return "0x" + how(value[2:])
        if isinstance(value, list):
            return [spelt(each, how) for each in value]
        if isinstance(value, dict):
            return {name: spelt(each, how) for name, each in value.items()}
        return value

    for how, back in ((str.upper, str.lower), (str.lower, str.upper)):
        record = await node.record(
            eth_getLogs=spelt([use()], how),
            eth_getTransactionReceipt=spelt(receipt(use(), transfer()), back),
        )
        assert record == ChainRecord(AuthorizationState.PAID_US, spelt(HASH, how))


async def test_a_canceled_nonce_is_spent(node: Node) -> None:
    canceled = use(CANCELED)
    record = await node.record(eth_getLogs=[canceled], eth_getTransactionReceipt=receipt(canceled))
    assert record == SPENT


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "0x0"},
        {"status": "0x2"},
        {"transactionHash": OTHER_HASH},
        {"blockHash": OTHER_HASH},
        {"logs": None},
    ],
)
async def test_a_receipt_that_is_not_of_this_use_shows_nothing(
    node: Node, changes: dict[str, object]
) -> None:
    shown = receipt(use(), transfer(), **changes)
    assert await node.record(eth_getTransactionReceipt=shown) == UNKNOWN


@pytest.mark.parametrize(
    "foreign",
    [
        use(address=OTHER_TOKEN),
        use(removed=True),
        use(nonce=OTHER_NONCE),
        log(USED, word(FRIEND), NONCE),
        log(TRANSFER, word(PAYER), NONCE),
        log(USED, word(PAYER)),
    ],
)
async def test_logs_of_something_else_are_passed_over(node: Node, foreign: Log) -> None:
    elsewhere = {**foreign, "transactionHash": OTHER_HASH}
    assert await node.record(eth_getLogs=[elsewhere, use()]) == PAID_US
    assert await node.record(eth_getLogs=[elsewhere]) == EXPIRED


async def test_a_node_of_another_chain_is_not_asked_of_a_payment(node: Node) -> None:
    """There a nonce that paid us is unused, and would soon be taken for expired."""
    node.answers["eth_chainId"] = "0x1"
    chain = Chain(node.url, NETWORK)
    await chain.refresh()
    assert await chain.record_of(SIGNED, TERMS) == UNKNOWN
    assert [each["method"] for each in node.asked] == ["eth_chainId"]
    node.answers["eth_chainId"] = "0x14a34"
    await chain.refresh()
    assert await chain.record_of(SIGNED, TERMS) == PAID_US


# --- a node that does not answer as it should -----------------------------------------------


@pytest.mark.parametrize("size", [MAX_ANSWER_BYTES, MAX_ANSWER_BYTES + 1])
async def test_an_answer_is_read_up_to_its_bound(node: Node, size: int) -> None:
    node.raw = json.dumps({"result": word(0)}).encode().ljust(size)
    chain = Chain(node.url, NETWORK)
    if size == MAX_ANSWER_BYTES:
        assert await chain._node.call(str, "eth_call") == word(0)
    else:
        assert await chain.record_of(SIGNED, TERMS) == UNKNOWN


async def test_a_node_that_says_nothing_is_not_waited_for() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(never) as url:
        assert await Chain(url, NETWORK, timeout_seconds=0.1).record_of(SIGNED, TERMS) == UNKNOWN


async def test_a_node_is_not_followed_elsewhere(node: Node) -> None:
    async def elsewhere(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": node.url})

    async with serving(elsewhere) as url:
        assert await Chain(url, NETWORK).record_of(SIGNED, TERMS) == UNKNOWN
    assert node.asked == []


async def test_an_answer_is_never_unpacked(node: Node) -> None:
    """It would be measured packed, and may be a thousand times as large."""

    async def packed(request: web.Request) -> web.StreamResponse:
        answer = node.answers[(await request.json())["method"]]
        body = gzip.compress(json.dumps({"result": answer}).encode())
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with serving(packed) as url:
        assert await Chain(url, NETWORK).record_of(SIGNED, TERMS) == UNKNOWN


def test_a_node_has_five_seconds() -> None:
    assert Chain("http://127.0.0.1:9", NETWORK)._node._timeout.total == 5


async def test_what_needs_no_asking_on_an_evm_chain_is_not_asked() -> None:
    """Any address can be paid there, and its facilitators look at a transaction's result."""
    away = Chain("http://127.0.0.1:9", NETWORK)
    assert await away.payee_problem(TERMS.pay_to) is None
    assert await away.shows_failure(PAID_US.transaction) is False
