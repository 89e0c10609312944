"""Proofs that whoever is paid also has the service: its origin, signed by the key of a payee.

Strategy: the signed text is the origin alone, as a browser writes it. A key of an EVM network signs
it as a personal message (EIP-191), in hex; one of Solana signs its bytes, in base58. Marketplaces
that read the proofs hold each against the payees of the terms.
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from app.payments.eip712 import keccak, signer_of
from app.payments.solana import networks as solana

DEFAULT_PORTS = {"http": 80, "https": 443}
EVM_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")
EVM_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")


class NotAKey(Exception):
    """A text is not a private key; the message says what one is, and nothing of the text."""


class OwnershipProof(NamedTuple):
    """A signature of an origin, and the address whose key made it."""

    payee: str
    signature: str


def origin_of(url: str) -> str:
    """Return scheme, host and port of ``url`` as browsers write an origin."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower().removesuffix(f":{DEFAULT_PORTS[parts.scheme]}")
    return f"{parts.scheme}://{host}"


def sign_origin(url: str, key: str) -> OwnershipProof:
    """Sign the origin of ``url``. Raises ``NotAKey``.

    ``key`` is 64 hexadecimal digits (EVM), or a key pair of Solana: in base58, or as a list of 64
    numbers.
    """
    return _by_evm_key(url, key) if EVM_KEY.fullmatch(key) else _by_solana_key(url, key)


def _by_evm_key(url: str, key: str) -> OwnershipProof:
    from eth_account import Account  # noqa: PLC0415 - takes long to load
    from eth_account.messages import encode_defunct  # noqa: PLC0415 - as above

    try:
        account = Account.from_key(key)
    except ValueError:
        raise NotAKey("a number that is no key on EVM networks") from None
    signed = account.sign_message(encode_defunct(text=origin_of(url)))
    return OwnershipProof(account.address, signed.signature.to_0x_hex())


def _by_solana_key(url: str, key: str) -> OwnershipProof:
    if not solana.is_installed():
        raise NotAKey(f"not 64 hexadecimal digits, as an EVM key is. {solana.NOT_INSTALLED}")
    from app.payments.solana.signing import sign_text  # noqa: PLC0415 - it loads solders

    try:
        return OwnershipProof(*sign_text(origin_of(url), key))
    except ValueError:
        raise NotAKey(
            "neither 64 hexadecimal digits, as an EVM key is, nor a key pair of Solana: base58, or "
            "a list of 64 numbers"
        ) from None


def proves_ownership(signature: str, url: str, payee: str) -> bool:
    """Whether ``signature`` is one of the origin of ``url`` by the key of ``payee``."""
    origin = origin_of(url)
    if EVM_SIGNATURE.fullmatch(signature):
        text = origin.encode()
        digest = keccak(b"\x19Ethereum Signed Message:\n%d" % len(text) + text)
        return signer_of(digest, bytes.fromhex(signature[2:])) == payee.lower()
    if not solana.is_installed():
        return False
    from app.payments.solana.signing import is_signature_of  # noqa: PLC0415 - it loads solders

    return is_signature_of(origin, signature, payee)
