"""The hand-laid EIP-712 struct and the recovered key, beside the SDK's."""

import secrets

import pytest
from coincurve import PrivateKey
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from x402.mechanisms.evm.eip712 import hash_eip3009_authorization
from x402.mechanisms.evm.types import ExactEIP3009Authorization
from x402.mechanisms.evm.verify import verify_eoa_signature

from app.payments.eip712 import (
    HALF_CURVE_ORDER,
    authorization_digest,
    domain_separator,
    is_malleable,
    signer_of,
)

ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
NONCE = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
UINT = st.integers(0, 2**256 - 1)


@given(
    name=st.text(max_size=30),
    version=st.text(max_size=5),
    chain_id=st.integers(1, 2**64),
    contract=ADDRESS,
    payer=ADDRESS,
    payee=ADDRESS,
    numbers=st.tuples(UINT, UINT, UINT),
    nonce=NONCE,
)
def test_a_digest_is_the_sdks(
    name: str,
    version: str,
    chain_id: int,
    contract: str,
    payer: str,
    payee: str,
    numbers: tuple[int, int, int],
    nonce: str,
) -> None:
    value, valid_after, valid_before = map(str, numbers)
    authorization = ExactEIP3009Authorization(
        from_address=payer,
        to=payee,
        value=value,
        valid_after=valid_after,
        valid_before=valid_before,
        nonce=nonce,
    )
    wanted = hash_eip3009_authorization(authorization, chain_id, contract, name, version)
    domain = domain_separator(name, version, chain_id, contract)
    assert authorization_digest(domain, payer, payee, numbers, nonce) == wanted


@given(key=st.integers(1, 2**255), digest=st.binary(min_size=32, max_size=32))
def test_the_signer_is_found_in_either_spelling_of_v(key: int, digest: bytes) -> None:
    signature = PrivateKey.from_int(key).sign_recoverable(digest, hasher=None)
    address = Account.from_key(key.to_bytes(32, "big")).address
    ethereum = signature[:64] + bytes([signature[64] + 27])
    assert signer_of(digest, signature) == signer_of(digest, ethereum) == address.lower()


@given(digest=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=65, max_size=65))
def test_whatever_the_bytes_the_sdk_agrees(digest: bytes, signature: bytes) -> None:
    signature = signature[:64] + bytes([signature[64] % 2 + 27])
    signer = signer_of(digest, signature)
    assert verify_eoa_signature(digest, signature, signer or "0x" + "00" * 20) == bool(signer)


@pytest.mark.parametrize("v", [2, 26, 29, 255])
def test_no_key_signs_with_another_v(v: int) -> None:
    digest = secrets.token_bytes(32)
    signature = PrivateKey().sign_recoverable(digest, hasher=None)
    assert signer_of(digest, signature[:64] + bytes([v])) is None


@pytest.mark.parametrize(
    ("s", "malleable"), [(HALF_CURVE_ORDER, False), (HALF_CURVE_ORDER + 1, True)]
)
def test_the_upper_half_is_malleable(s: int, malleable: bool) -> None:
    assert is_malleable(bytes(32) + s.to_bytes(32, "big") + b"\x1b") is malleable
