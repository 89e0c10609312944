"""Networks, their names and tokens, the payees there, and what is wrong with each."""

import pytest

from app.payments.networks import (
    caip_2_name,
    network_errors,
    payable_networks,
    payee_errors,
    stablecoin,
    supported_kinds,
    version_1_name,
    version_1_network,
)
from tests.support.services import NETWORK, PAY_TO, USDC

NO_ADDRESS = "is not an address: 0x and 40 hexadecimal digits"
NO_CHECKSUM = (
    f"{PAY_TO.lower()!r} does not have its EIP-55 checksum, which guards against typing errors; "
    f"if the address is right, write {PAY_TO}"
)


def test_base_and_its_test_network_are_payable() -> None:
    assert {"eip155:8453", "eip155:84532"} <= set(payable_networks())
    assert stablecoin(NETWORK) == USDC


def test_a_network_whose_token_takes_no_authorizations_is_not() -> None:
    assert "eip155:4326" not in payable_networks()


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("base", "eip155:8453"),
        ("base-sepolia", "eip155:84532"),
        ("polygon", "eip155:137"),
        ("eip155:8453", "eip155:8453"),
        ("megaeth", "megaeth"),
        ("mars", "mars"),
    ],
)
def test_a_short_name_stands_for_a_payable_network(name: str, network: str) -> None:
    assert caip_2_name(name) == network


@pytest.mark.parametrize(
    ("network", "close"),
    [
        ("Bsae", "base, which is eip155:8453"),
        ("Base Sepolia", "base-sepolia, which is eip155:84532"),
        ("xbdaege sepolia", "base-sepolia, which is eip155:84532"),
    ],
)
def test_a_misspelt_network_is_told_the_right_name(network: str, close: str) -> None:
    assert list(network_errors(network)) == [f"{network!r} is not a network; did you mean {close}?"]


@pytest.mark.parametrize("network", ["mars", "base mainnet", "megaeth", "eip155:4326", ""])
def test_another_network_is_told_all_names(network: str) -> None:
    [error] = network_errors(network)
    assert error.startswith(f"{network!r} is not one of base, base-sepolia, ")
    assert error.endswith(", ".join(payable_networks()))


def test_nothing_is_wrong_with_a_payable_network_and_an_address() -> None:
    assert [*network_errors(NETWORK), *payee_errors(PAY_TO)] == []


@pytest.mark.parametrize(
    ("pay_to", "error"),
    [
        ("0x1234", f"'0x1234' {NO_ADDRESS}"),
        ("0x" + "z" * 40, f"'0x{'z' * 40}' {NO_ADDRESS}"),
        ("0x" + "z" * 41, NO_ADDRESS),
        ("0x" + "5e" * 32, NO_ADDRESS),  # a private key is not repeated
        ("0x" + "0" * 40, f"'0x{'0' * 40}' {NO_ADDRESS}"),
        (PAY_TO.lower(), NO_CHECKSUM),
        (
            PAY_TO.swapcase().replace("X", "x"),
            NO_CHECKSUM.replace(PAY_TO.lower(), PAY_TO.swapcase().replace("X", "x")),
        ),
    ],
)
def test_the_error_of_a_payee(pay_to: str, error: str) -> None:
    assert list(payee_errors(pay_to)) == [error]


def test_names_of_version_1() -> None:
    assert version_1_name("eip155:8453") == "base"
    assert version_1_network("base") == "eip155:8453"
    assert version_1_name("eip155:999999") is None
    with pytest.raises(ValueError, match=r"^mars$"):
        version_1_network("mars")
    nameless = next(network for network in payable_networks() if version_1_name(network) is None)
    kinds = [*supported_kinds(NETWORK), *supported_kinds(nameless)]
    assert [(kind.x402_version, kind.scheme, kind.network) for kind in kinds] == [
        (2, "exact", NETWORK),
        (1, "exact", "base-sepolia"),
        (2, "exact", nameless),
    ]
