"""Whom money can be asked for, and where."""

import pytest

from app.payments.terms import payable_networks, payee_errors
from tests.support.services import PAY_TO


def test_base_and_its_test_network_are_payable() -> None:
    assert {"eip155:8453", "eip155:84532"} <= set(payable_networks())


def test_a_network_whose_token_takes_no_authorizations_is_not() -> None:
    assert "eip155:4326" not in payable_networks()


@pytest.mark.parametrize(
    ("network", "pay_to", "complaints"),
    [
        pytest.param("eip155:8453", PAY_TO, [], id="right"),
        pytest.param("solana", PAY_TO, ["'solana' is not one of eip155:8453, "], id="network"),
        pytest.param("base", PAY_TO, ["for base write eip155:8453"], id="in words"),
        pytest.param("Bsae", PAY_TO, ["for base write eip155:8453"], id="misspelt"),
        pytest.param("Base Sepolia", PAY_TO, ["for base-sepolia write eip155:84532"], id="spaced"),
        pytest.param("base mainnet", PAY_TO, ["is not one of"], id="resembles a test network"),
        pytest.param("megaeth", PAY_TO, ["is not one of"], id="in words, but not payable"),
        pytest.param("eip155:8453", PAY_TO.lower(), [f"write {PAY_TO}"], id="no checksum"),
        pytest.param(
            "eip155:8453", PAY_TO.swapcase().replace("X", "x"), ["EIP-55"], id="wrong checksum"
        ),
        pytest.param("eip155:8453", "0x1234", ["is not an address"], id="too short"),
        pytest.param("eip155:8453", "0x" + "0" * 40, ["is not an address"], id="zero"),
        pytest.param("x", "y", ["ONCALL_NETWORK", "ONCALL_PAY_TO"], id="both at once"),
    ],
)
def test_errors_are_named(network: str, pay_to: str, complaints: list[str]) -> None:
    errors = list(payee_errors(network, pay_to))
    assert len(errors) == len(complaints)
    assert all(text in error for text, error in zip(complaints, errors, strict=True))


def test_a_private_key_in_place_of_the_payee_is_not_repeated() -> None:
    [problem] = payee_errors("eip155:84532", "0x" + "5e" * 32)
    assert problem == "ONCALL_PAY_TO: is not an address: 0x and 40 hexadecimal digits"
