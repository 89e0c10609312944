"""A payee's address on Solana: what is refused before anybody pays there."""

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from x402.mechanisms.svm.constants import SOLANA_DEVNET_CAIP2, SOLANA_MAINNET_CAIP2
from x402.mechanisms.svm.utils import derive_ata

from app.payments.solana.addresses import payee_errors, token_account_of
from tests.support.solana_payments import PAYEE, USDC

TOKEN_ACCOUNT = derive_ata(PAYEE, USDC)
SECRET = str(Keypair())


def errors(pay_to: str) -> list[str]:
    return list(payee_errors(pay_to))


def test_a_wallet_is_a_payee() -> None:
    assert errors(PAYEE) == []


@pytest.mark.parametrize(
    ("pay_to", "told"),
    [
        ("", "'' is not a Solana address"),
        (PAYEE[:-1] + "0", "is not a Solana address: 32 bytes in base58, 32 to 44 characters"),
        ("0x000000000000000000000000000000000000dEaD", "'0x0000"),
        (TOKEN_ACCOUNT, "is no wallet's address; if it is that of a token account, write"),
        (str(Pubkey.default()), "is the system program, and no wallet's address"),
    ],
)
def test_what_is_no_wallet_is_named(pay_to: str, told: str) -> None:
    [error] = errors(pay_to)
    assert error.startswith((f"{pay_to!r} ", "is "))
    assert told in error


def test_a_secret_key_in_its_place_is_not_repeated() -> None:
    [error] = errors(SECRET)
    assert error.startswith("is not a Solana address")
    assert SECRET not in error


@pytest.mark.parametrize("network", [SOLANA_DEVNET_CAIP2, SOLANA_MAINNET_CAIP2])
def test_the_token_account_is_the_one_that_clients_pay(network: str) -> None:
    mints = {
        SOLANA_DEVNET_CAIP2: USDC,
        SOLANA_MAINNET_CAIP2: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    }
    assert token_account_of(PAYEE, network) == derive_ata(PAYEE, mints[network])
