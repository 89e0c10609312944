"""What is asked of a Solana node about a payment, and what its answers show, without a purchase."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount, TokenAccountState
from x402.mechanisms.svm.constants import TOKEN_2022_PROGRAM_ADDRESS, TOKEN_PROGRAM_ADDRESS
from x402.mechanisms.svm.utils import derive_ata

from app.payments.chain import AuthorizationState, ChainRecord
from app.payments.json_rpc import NodeError
from app.payments.solana.chain import MOST_LISTED, SolanaChain
from app.payments.solana.transaction import transfer_in
from tests.support.services import serving
from tests.support.solana_payments import (
    NETWORK,
    OTHER,
    PAYEE,
    PAYER,
    USDC,
    name_on_chain,
    payload,
)

pytestmark = pytest.mark.anyio

PAYMENT = payload()
TRANSFER = transfer_in(PAYMENT)
NAME, OTHER_NAME = name_on_chain(PAYMENT), name_on_chain(payload())
SLOT = 291_470_237
VALID_BEFORE = 1_700_000_000
LONG_AGO = VALID_BEFORE - 361
"""Older than anything that may be the payment."""

PAID_US = ChainRecord(AuthorizationState.PAID_US, NAME)
FAILED = ChainRecord(AuthorizationState.FAILED)
EXPIRED = ChainRecord(AuthorizationState.EXPIRED)
UNKNOWN = ChainRecord(AuthorizationState.UNKNOWN)

NO_MONEY = {"InstructionError": [2, {"Custom": 1}]}


def listed(signature: str = NAME, **members: Any) -> dict[str, Any]:
    return {
        "signature": signature,
        "slot": SLOT - 40,
        "err": None,
        "memo": "[3] abc",
        "blockTime": VALID_BEFORE - 100,
        "confirmationStatus": "finalized",
        **members,
    }


def validity(*, valid: bool) -> dict[str, Any]:
    return {"context": {"slot": SLOT, "apiVersion": "2.3.1"}, "value": valid}


def token_account(**members: Any) -> dict[str, Any]:
    fields = {
        "mint": Pubkey.from_string(USDC),
        "owner": Pubkey.from_string(PAYEE),
        "amount": 0,
        "delegate": None,
        "state": TokenAccountState.Initialized,
        "is_native": None,
        "delegated_amount": 0,
        "close_authority": None,
    }
    data = bytes(TokenAccount(**{**fields, **members}))
    return account([b64encode(data).decode(), "base64"])


def account(data: object, owner: str = TOKEN_PROGRAM_ADDRESS) -> dict[str, Any]:
    return {"context": {"slot": SLOT}, "value": {"owner": owner, "lamports": 1, "data": data}}


class Node:
    """A node with one answer for each method."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "isBlockhashValid": validity(valid=False),
            "getSignaturesForAddress": [listed(OTHER_NAME), listed()],
            "getBlockTime": VALID_BEFORE,
            "getAccountInfo": token_account(),
            "getGenesisHash": "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
        }
        self.asked: list[tuple[str, Any]] = []
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        self.asked.append((asked["method"], asked["params"]))
        return web.json_response({"id": 1, "result": self.answers[asked["method"]]})

    async def record(self, **changes: object) -> ChainRecord:
        """The record of the payment when the node answers with ``changes``."""
        self.answers.update(changes)
        return await SolanaChain(self.url, NETWORK).record_of(TRANSFER, valid_before=VALID_BEFORE)

    async def problem(self, **changes: object) -> str | None:
        """What is wrong with the payee when the node answers with ``changes``."""
        self.answers.update(changes)
        return await SolanaChain(self.url, NETWORK).payee_problem(PAYEE)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    async with serving(made.serve) as made.url:
        yield made


# --- what became of a payment ---------------------------------------------------------------


async def test_what_is_asked_about_a_payment(node: Node) -> None:
    assert await node.record() == PAID_US
    account = derive_ata(str(PAYER.pubkey()), USDC)
    options = {"commitment": "confirmed", "limit": 1000, "minContextSlot": SLOT}
    assert node.asked == [
        ("isBlockhashValid", [TRANSFER.blockhash, {"commitment": "finalized"}]),
        ("getSignaturesForAddress", [account, options]),
    ]


async def test_what_is_asked_about_one_that_is_not_there(node: Node) -> None:
    assert await node.record(getSignaturesForAddress=[]) == EXPIRED
    assert node.asked[2:] == [("getBlockTime", [SLOT])]


@pytest.mark.parametrize(
    ("entry", "record"),
    [
        (listed(confirmationStatus="confirmed"), PAID_US),
        (listed(blockTime=None), PAID_US),
        (listed(blockTime=LONG_AGO + 1), PAID_US),
        (listed(confirmationStatus="processed"), UNKNOWN),
        (listed(confirmationStatus=None), UNKNOWN),
        (listed(err=NO_MONEY), FAILED),
        (listed(err=NO_MONEY, confirmationStatus="confirmed"), UNKNOWN),
        (listed(err=NO_MONEY, confirmationStatus="processed"), UNKNOWN),
    ],
)
async def test_an_entry_of_ours_decides_once_it_is_certain(
    node: Node, entry: dict[str, Any], record: ChainRecord
) -> None:
    assert await node.record(getSignaturesForAddress=[listed(OTHER_NAME), entry]) == record


async def test_what_another_signed_is_not_ours(node: Node) -> None:
    entries = [listed(OTHER_NAME), listed(name_on_chain(PAYMENT, PAYER)), listed("free text")]
    assert await node.record(getSignaturesForAddress=entries) == EXPIRED


async def test_what_is_too_old_to_be_ours_is_not_verified(node: Node) -> None:
    assert await node.record(getSignaturesForAddress=[listed(blockTime=LONG_AGO)]) == EXPIRED


@pytest.mark.parametrize(
    "answers",
    [
        {"isBlockhashValid": validity(valid=True)},
        {"getBlockTime": VALID_BEFORE - 1},
        {"getBlockTime": None},
        {"getSignaturesForAddress": [listed(OTHER_NAME)] * MOST_LISTED},
    ],
    ids=["it may still come", "the node is behind", "no time of the block", "more than is listed"],
)
async def test_absence_alone_decides_nothing(node: Node, answers: dict[str, Any]) -> None:
    assert await node.record(**{"getSignaturesForAddress": [], **answers}) == UNKNOWN


async def test_a_full_list_that_goes_back_far_enough_is_whole(node: Node) -> None:
    entries = [listed(OTHER_NAME)] * (MOST_LISTED - 1) + [listed(OTHER_NAME, blockTime=LONG_AGO)]
    assert await node.record(getSignaturesForAddress=entries) == EXPIRED


@pytest.mark.parametrize("method", ["isBlockhashValid", "getSignaturesForAddress", "getBlockTime"])
@pytest.mark.parametrize("shape", [7.5, -1, "text", [1], {"value": 1}, [{"signature": NAME}]])
async def test_answers_of_another_shape_decide_nothing(
    node: Node, method: str, shape: object
) -> None:
    answers = {"getSignaturesForAddress": [], method: shape}
    assert await node.record(**answers) == UNKNOWN


async def test_a_node_that_says_nothing_is_not_waited_for() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(never) as url:
        chain = SolanaChain(url, NETWORK, timeout_seconds=0.1)
        assert await chain.record_of(TRANSFER, valid_before=VALID_BEFORE) == UNKNOWN


def test_a_node_has_five_seconds() -> None:
    assert SolanaChain("http://127.0.0.1:9", NETWORK)._node._timeout.total == 5


# --- which network the node is of ------------------------------------------------------------


async def test_a_node_of_the_network_has_no_problem(node: Node) -> None:
    chain = SolanaChain(node.url, NETWORK)
    assert chain.problem == "the node has not been asked yet"
    await chain.refresh()
    assert chain.problem is None
    assert node.asked == [("getGenesisHash", [])]
    assert not chain.is_another


async def test_a_node_of_another_network_is_not_asked_for_payments(node: Node) -> None:
    """There no payment of ours is, which would look as if it had ended."""
    node.answers["getGenesisHash"] = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
    chain = SolanaChain(node.url, NETWORK)
    await chain.refresh()
    found = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
    assert chain.problem == f"the node is of {found}, and payments are on {NETWORK}"
    assert chain.is_another
    assert await chain.record_of(TRANSFER, valid_before=VALID_BEFORE) == UNKNOWN
    assert not await chain.shows_failure(NAME)
    assert [method for method, _ in node.asked] == ["getGenesisHash"]


@pytest.mark.parametrize("answer", [None, 1, "", "0" * 44])
async def test_a_node_that_does_not_name_its_network_has_a_problem(
    node: Node, answer: object
) -> None:
    node.answers["getGenesisHash"] = answer
    chain = SolanaChain(node.url, NETWORK)
    await chain.refresh()
    assert chain.problem == "the node cannot be reached or does not answer properly"
    assert not chain.is_another


# --- whether what is called settled failed ---------------------------------------------------


def status(**members: Any) -> dict[str, Any]:
    shown = {"slot": SLOT, "err": None, "confirmations": 3, "confirmationStatus": "confirmed"}
    return {"context": {"slot": SLOT}, "value": [{**shown, **members}]}


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (status(err=NO_MONEY), True),
        (status(err=NO_MONEY, confirmationStatus="finalized"), True),
        (status(err=NO_MONEY, confirmationStatus="processed"), False),
        (status(), False),
        ({"value": [None]}, False),
        ({"value": []}, False),
        (None, False),
    ],
)
async def test_only_a_failure_that_is_shown_is_one(
    node: Node, answer: object, failed: bool
) -> None:
    node.answers["getSignatureStatuses"] = answer
    assert await SolanaChain(node.url, NETWORK).shows_failure(NAME) is failed
    assert node.asked == [("getSignatureStatuses", [[NAME]])]


# --- whether the payee can be paid ----------------------------------------------------------


async def test_a_payee_with_a_token_account_can_be_paid(node: Node) -> None:
    assert await node.problem() is None
    options = {"encoding": "base64", "commitment": "confirmed"}
    assert node.asked == [("getAccountInfo", [derive_ata(PAYEE, USDC), options])]


async def test_a_payee_without_a_token_account_cannot(node: Node) -> None:
    problem = await node.problem(getAccountInfo={"context": {"slot": 1}, "value": None})
    assert problem is not None
    assert problem.startswith(f"the wallet {PAYEE} has no account for the token {USDC} yet")
    assert derive_ata(PAYEE, USDC) in problem


async def test_a_payee_whose_account_is_frozen_cannot(node: Node) -> None:
    frozen = token_account(state=TokenAccountState.Frozen)
    problem = await node.problem(getAccountInfo=frozen)
    assert problem == f"the token account of {PAYEE} cannot receive anything: it is frozen"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        token_account(mint=Pubkey.from_string(OTHER)),
        account(token_account()["value"]["data"], owner=TOKEN_2022_PROGRAM_ADDRESS),
        account(["AAAA", "base64"]),
        account(["not base64", "base64"]),
        account("AAAA"),
    ],
    ids=["nothing", "another token", "another program", "short", "not base64", "another shape"],
)
async def test_an_account_that_cannot_be_is_the_nodes_fault(node: Node, answer: object) -> None:
    with pytest.raises(NodeError):
        await node.problem(getAccountInfo=answer)
