"""The sandbox's token to its edges: windows, balances, receipts, and what it forgets first."""

import asyncio
import json
import threading
from functools import cached_property
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from x402.mechanisms.evm.types import TypedDataDomain, TypedDataField
from x402.schemas import ResourceInfo

from app.payments.facilitators import sandbox
from app.payments.facilitators.sandbox import FAUCET_ATOMIC, SandboxFacilitator, SandboxToken
from app.payments.terms import payment_terms_of, resource_server
from app.payments.verification import HeaderPayment, payment_in
from app.products.registry import paid_endpoints
from tests.conftest import Clock
from tests.support.services import NETWORK, PAY_TO, USDC
from tests.support.wallets import Wallet, header_of

ALICE, BOB = "0x" + "aA" * 20, "0x" + "bB" * 20
USED = "execution reverted: FiatTokenV2: authorization is used or canceled"
OUTSIDE = "execution reverted: FiatTokenV2: authorization is expired"
POOR = "execution reverted: ERC20: transfer amount exceeds balance"


@pytest.fixture
def token(clock: Clock) -> SandboxToken:
    return SandboxToken(USDC, 84532, clock)


def call(value: int = 1, nonce: bytes = b"n", payer: str = ALICE, **window: int) -> tuple[Any, ...]:
    after, before = window.get("after", 0), window.get("before", 99_999_999_999)
    return (payer, BOB, value, after, before, nonce, b"signature")


def reverted(token: SandboxToken, *arguments: Any) -> str:
    """Return why a transfer is reverted, which its simulation says alike."""
    told = []
    for attempt in (
        lambda: token.transfer_with_authorization(*arguments),
        lambda: token.read_contract(USDC, [], "transferWithAuthorization", *arguments),
    ):
        with pytest.raises(RuntimeError) as failure:
            attempt()
        told.append(str(failure.value))
    assert told[0] == told[1]
    return told[0]


def test_a_receipt_shows_the_transfer(token: SandboxToken) -> None:
    for number in (1, 2):
        transaction = token.transfer_with_authorization(*call(value=255, nonce=bytes([number])))
        receipt = token.wait_for_transaction_receipt(transaction)
        assert (receipt.status, receipt.block_number) == (1, number)
        assert receipt.tx_hash == transaction
        assert len(transaction) == 66
        assert receipt.logs == [
            {
                "address": USDC.lower(),
                "topics": [
                    "0x" + keccak(text="Transfer(address,address,uint256)").hex(),
                    "0x" + "0" * 24 + "aa" * 20,
                    "0x" + "0" * 24 + "bb" * 20,
                ],
                "data": f"0x{255:064x}",
            }
        ]


def test_it_holds_within_its_window_alone(token: SandboxToken, clock: Clock) -> None:
    start = int(clock())
    assert reverted(token, *call(after=start + 1)) == OUTSIDE
    assert reverted(token, *call(before=start)) == OUTSIDE
    assert token.transfer_with_authorization(*call(after=start, before=start + 1))


def test_all_of_a_balance_may_be_spent_and_no_more(token: SandboxToken) -> None:
    assert reverted(token, *call(value=FAUCET_ATOMIC + 1)) == POOR
    token.transfer_with_authorization(*call(value=FAUCET_ATOMIC))
    assert (token.balance_of(ALICE), token.balance_of(BOB)) == (0, 2 * FAUCET_ATOMIC)
    assert reverted(token, *call(nonce=b"m")) == POOR
    assert reverted(token, *call()) == USED
    assert token.transfers == 1


def test_a_nonce_is_its_payers_alone(token: SandboxToken) -> None:
    token.transfer_with_authorization(*call())
    token.transfer_with_authorization(*call(payer="0x" + "cc" * 20))
    assert reverted(token, *call(payer=ALICE.lower().replace("aa", "AA"))) == USED


def test_addresses_are_the_same_in_any_spelling(token: SandboxToken) -> None:
    token.transfer_with_authorization(*call(value=5))
    for address in (ALICE, ALICE.lower(), "0x" + "AA" * 20):
        assert token.get_balance(address, USDC.lower()) == FAUCET_ATOMIC - 5
        assert token.get_balance(address, "0x" + USDC[2:].upper()) == FAUCET_ATOMIC - 5
    assert token.get_balance(ALICE, BOB) == 0


def test_only_the_token_has_code(token: SandboxToken) -> None:
    assert (token.get_code(USDC), token.get_code(ALICE)) == (b"\x01", b"")
    assert token.get_addresses() == ["0x0000000000000000000000000000000000000402"]
    assert token.get_chain_id() == 84532


def test_no_other_call_is_known(token: SandboxToken) -> None:
    with pytest.raises(RuntimeError, match=r"^execution reverted$"):
        token.read_contract(USDC, [], "balanceOf", ALICE)
    with pytest.raises(RuntimeError, match=r"^execution reverted: the sandbox deploys no wallets$"):
        token.send_transaction(BOB, b"")


def test_what_was_used_longest_ago_is_forgotten_first(
    token: SandboxToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "MAX_ADDRESSES", 3)
    monkeypatch.setattr(sandbox, "MAX_NONCES", 2)
    payers = ["0x" + f"{number}" * 40 for number in (1, 2, 1, 3)]
    made = [
        token.transfer_with_authorization(*call(value=7, payer=payer, nonce=bytes([number])))
        for number, payer in enumerate(payers)
    ]
    assert list(token._balances) == [payers[0], payers[3], BOB.lower()]
    assert list(token._used) == [(payers[2], b"\x02"), (payers[3], b"\x03")]
    assert list(token._receipts) == made[-1:]
    assert token.balance_of(payers[0]) == FAUCET_ATOMIC - 14
    assert token.balance_of(payers[1]) == FAUCET_ATOMIC


def test_a_signature_is_checked_against_its_whole_message(token: SandboxToken) -> None:
    wallet = Wallet()
    domain = TypedDataDomain("USDC", "2", 84532, USDC)
    fields = {"Note": [TypedDataField("text", "string")]}
    message = encode_typed_data(
        domain_data={
            "name": "USDC",
            "version": "2",
            "chainId": 84532,
            "verifyingContract": USDC,
        },
        message_types={"Note": [{"name": "text", "type": "string"}]},
        message_data={"text": "hello"},
    )
    signature = wallet.account.sign_message(message).signature
    signed = (domain, fields, "Note", {"text": "hello"}, bytes(signature))
    assert token.verify_typed_data(wallet.address, *signed)
    assert not token.verify_typed_data(ALICE, *signed)
    other = (domain, fields, "Note", {"text": "hullo"}, bytes(signature))
    assert not token.verify_typed_data(wallet.address, *other)


@pytest.mark.anyio
async def test_the_facilitator_verifies_and_settles_once(clock: Clock) -> None:
    facilitator = SandboxFacilitator(NETWORK, USDC, clock)
    assert (facilitator.label, facilitator.problem) == ("sandbox", None)
    assert facilitator.takes_version_1
    assert facilitator.token.get_chain_id() == 84532
    assert [kind.network for kind in facilitator.get_supported().kinds] == [NETWORK, "base-sepolia"]
    await facilitator.connect()
    await facilitator.refresh()
    server = resource_server({NETWORK: facilitator})
    terms = payment_terms_of(
        server,
        price_usd=paid_endpoints()[0].price_usd,
        payees={NETWORK: PAY_TO},
        resource=ResourceInfo(url="https://oncall.test/x"),
    )
    payload = Wallet().signed(terms.unpaid_body.header)
    for carried in (
        HeaderPayment([header_of(payload)]),
        HeaderPayment(
            (),
            [
                header_of(
                    {
                        "x402Version": 1,
                        "scheme": "exact",
                        "network": "base-sepolia",
                        "payload": json.loads(json.dumps(payload["payload"])),
                    }
                )
            ],
        ),
    ):
        payment = payment_in(terms, carried, server, version_1=[NETWORK])
        paid = facilitator.token.transfers
        verified = await facilitator.verify(payment.payload, payment.requirements)
        assert verified.is_valid == (paid == 0)
        settled = await facilitator.settle(payment.payload, payment.requirements)
        assert settled.success == (paid == 0)
        assert facilitator.token.transfers == 1
    assert facilitator.token.balance_of(PAY_TO) == FAUCET_ATOMIC + 20_000
    await facilitator.aclose()


@pytest.mark.anyio
async def test_closing_waits_until_it_is_loaded(clock: Clock) -> None:
    facilitator = SandboxFacilitator(NETWORK, USDC, clock)
    await facilitator.connect()
    await asyncio.sleep(0)
    await facilitator.aclose()
    assert "_facilitator" in vars(facilitator)


@pytest.mark.anyio
async def test_it_is_loaded_beside_the_event_loop(clock: Clock) -> None:
    class Facilitator(SandboxFacilitator):
        _facilitator = cached_property(lambda _: threading.current_thread())  # type: ignore[assignment]

    facilitator = Facilitator(NETWORK, USDC, clock)
    loaded: object = await facilitator._loaded()
    assert loaded is not threading.current_thread()
    assert await facilitator._loaded() is loaded
