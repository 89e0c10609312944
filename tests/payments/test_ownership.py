"""The origin signed by a payee's key, as marketplaces that read the proofs check it."""

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

from app.payments.ownership import NotAKey, origin_of, proves_ownership, sign_origin
from app.payments.solana import networks

URL = "https://oncall.example.com"
EVM_KEY = "0x" + "11" * 32
PAIR = Keypair.from_seed(bytes(range(32)))
NUMBERS = str(list(bytes(PAIR)))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://oncall.example.com", "https://oncall.example.com"),
        ("HTTPS://OnCall.Example.com/", "https://oncall.example.com"),
        ("https://oncall.example.com:443", "https://oncall.example.com"),
        ("http://oncall.example.com:80/a?b", "http://oncall.example.com"),
        ("https://oncall.example.com:8443", "https://oncall.example.com:8443"),
        ("http://[::1]:8402", "http://[::1]:8402"),
        ("https://[2001:DB8::80]", "https://[2001:db8::80]"),
        ("https://proxy@oncall.example.com", "https://oncall.example.com"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("key", [EVM_KEY, EVM_KEY[2:]])
def test_a_key_of_an_evm_network_signs_a_personal_message(key: str) -> None:
    """By the official library; the marketplace's recovers the signer the same way."""
    payee, signature = sign_origin(f"{URL}:443/", key)
    assert payee == Account.from_key(EVM_KEY).address
    assert Account.recover_message(encode_defunct(text=URL), signature=signature) == payee
    assert proves_ownership(signature, URL, payee)
    assert proves_ownership(signature.upper().replace("0X", "0x"), URL, payee.lower())


@pytest.mark.parametrize("key", [str(PAIR), NUMBERS])
def test_a_key_of_solana_signs_the_bytes(key: str) -> None:
    payee, signature = sign_origin(URL, key)
    assert payee == str(PAIR.pubkey())
    assert Signature.from_string(signature).verify(Pubkey.from_string(payee), URL.encode())
    assert proves_ownership(signature, URL, payee)


@pytest.mark.parametrize("key", [EVM_KEY, str(PAIR)])
def test_a_proof_is_for_one_origin_and_one_payee(key: str) -> None:
    payee, signature = sign_origin(URL, key)
    assert not proves_ownership(signature, "https://other.example.com", payee)
    assert not proves_ownership(signature, "http://oncall.example.com", payee)
    assert not proves_ownership(signature, URL, "0x" + "ab" * 20)
    assert not proves_ownership(signature, URL, str(Keypair().pubkey()))


@pytest.mark.parametrize(
    "signature",
    ["", "0x", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "ab" * 64 + "05", "1" * 64, "0OIl"],
)
def test_what_is_no_signature_proves_nothing(signature: str) -> None:
    for payee in (Account.from_key(EVM_KEY).address, str(PAIR.pubkey())):
        assert not proves_ownership(signature, URL, payee)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "0x" + "11" * 31,
        "0x" + "00" * 32,
        "0x" + "ff" * 32,
        "s3cret",
        str(PAIR)[:-1],
        str(PAIR)[::-1],
        "[1, 2]",
        "[",
        '["a"]',
        "[300]",
        str(list(range(64))),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(NotAKey) as refused:
        sign_origin(URL, key)
    assert not key or key not in str(refused.value)
    assert refused.value.__cause__ is None


NO_KEY = (
    "neither 64 hexadecimal digits, as an EVM key is, nor a key pair of Solana: base58, or a list "
    "of 64 numbers"
)


@pytest.mark.parametrize(
    ("key", "told"),
    [("0x" + "00" * 32, "a number that is no key on EVM networks"), ("s3cret", NO_KEY)],
)
def test_what_is_no_key_is_told_what_one_is(key: str, told: str) -> None:
    with pytest.raises(NotAKey) as refused:
        sign_origin(URL, key)
    assert str(refused.value) == told


def test_without_the_extra_there_are_keys_of_evm_networks_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payee, signature = sign_origin(URL, str(PAIR))
    monkeypatch.setattr(networks, "is_installed", lambda: False)
    with pytest.raises(NotAKey, match="extra"):
        sign_origin(URL, str(PAIR))
    assert not proves_ownership(signature, URL, payee)
    payee, signature = sign_origin(URL, EVM_KEY)
    assert proves_ownership(signature, URL, payee)
