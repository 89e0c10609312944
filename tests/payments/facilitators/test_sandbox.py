"""The token behind the sandbox, which reverts as USDC does."""

import pytest
from x402.mechanisms.evm.types import TypedDataDomain, TypedDataField

from app.payments.facilitators import sandbox
from app.payments.facilitators.sandbox import FAUCET_ATOMIC, SandboxFacilitator, SandboxToken
from app.payments.networks import payable_networks, version_1_name
from tests.conftest import Clock
from tests.support.wallets import Wallet

ASSET = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20


@pytest.fixture
def token(clock: Clock) -> SandboxToken:
    return SandboxToken(ASSET, 84532, clock)


def transfer(
    token: SandboxToken, *, value: int = 1, nonce: bytes = b"n", payer: str = ALICE
) -> str:
    return token.write_contract(
        ASSET, [], "transferWithAuthorization", payer, BOB, value, 0, 99999999999, nonce
    )


def test_a_transfer_moves_money_and_leaves_a_receipt(token: SandboxToken) -> None:
    transaction = transfer(token, value=5)
    assert token.get_balance(ALICE, ASSET) == FAUCET_ATOMIC - 5
    assert token.get_balance(BOB, ASSET) == FAUCET_ATOMIC + 5
    assert token.wait_for_transaction_receipt(transaction).status == 1


def test_another_token_has_no_balances(token: SandboxToken) -> None:
    assert token.get_balance(ALICE, BOB) == 0


def test_the_chain_it_plays(token: SandboxToken) -> None:
    assert (token.get_chain_id(), len(token.get_addresses())) == (84532, 1)


def test_a_nonce_is_spent_once_whatever_the_case_of_the_payer(token: SandboxToken) -> None:
    transfer(token)
    with pytest.raises(RuntimeError, match="authorization is used or canceled"):
        transfer(token, payer="0x" + "AA" * 20)


def test_a_balance_never_goes_below_zero(token: SandboxToken) -> None:
    with pytest.raises(RuntimeError, match="transfer amount exceeds balance"):
        transfer(token, value=FAUCET_ATOMIC + 1)


def test_an_authorization_outside_its_window(token: SandboxToken, clock: Clock) -> None:
    clock.now = 100_000_000_000.0
    with pytest.raises(RuntimeError, match="authorization is expired"):
        transfer(token)


def test_a_simulation_moves_nothing(token: SandboxToken) -> None:
    call = (ALICE, BOB, 5, 0, 99999999999, b"n")
    token.read_contract(ASSET, [], "transferWithAuthorization", *call)
    assert (token.transfers, token.balance_of(ALICE)) == (0, FAUCET_ATOMIC)


def test_it_knows_no_other_contract(token: SandboxToken) -> None:
    with pytest.raises(RuntimeError, match="reverted"):
        token.read_contract(ASSET, [], "name")
    with pytest.raises(RuntimeError, match="deploys no wallets"):
        token.send_transaction(BOB, b"")


def test_it_is_bounded(token: SandboxToken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MAX_ADDRESSES", 10)
    monkeypatch.setattr(sandbox, "MAX_NONCES", 10)
    for number in range(30):
        transfer(token, payer=f"0x{number:040x}", nonce=bytes([number]))
    assert (len(token._balances), len(token._used), len(token._receipts)) == (10, 10, 1)


def test_a_signature_is_really_checked(token: SandboxToken) -> None:
    wallet = Wallet()
    domain = TypedDataDomain("USDC", "2", 84532, ASSET)
    types = {"Note": [TypedDataField("text", "string")]}
    call = (wallet.address, domain, types, "Note", {"text": "hello"})
    assert not token.verify_typed_data(*call, b"\1" * 65)


@pytest.mark.anyio
async def test_what_was_never_connected_is_closed_at_once() -> None:
    await SandboxFacilitator("eip155:84532", ASSET, lambda: 0.0).aclose()


def test_a_network_without_a_version_1_name_takes_version_2_alone() -> None:
    network = next(name for name in payable_networks() if version_1_name(name) is None)
    facilitator = SandboxFacilitator(network, ASSET, lambda: 0.0)
    kinds = facilitator._facilitator.get_supported().kinds
    assert [(kind.x402_version, kind.network) for kind in kinds] == [(2, network)]
    assert not facilitator.takes_version_1
