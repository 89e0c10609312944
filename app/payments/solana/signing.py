"""Texts signed by the key of a Solana account (Ed25519)."""

import json

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature


def sign_text(text: str, key: str) -> tuple[str, str]:
    """Return the address of ``key`` and its signature of ``text``, in base58.

    ``key`` is a key pair in base58, or the list of 64 numbers that Solana's own tools write. Raises
    ``ValueError``.
    """
    pair = _pair_in_list(key) if key.startswith("[") else Keypair.from_base58_string(key)
    return str(pair.pubkey()), str(pair.sign_message(text.encode()))


def _pair_in_list(text: str) -> Keypair:
    try:
        return Keypair.from_bytes(bytes(json.loads(text)))
    except TypeError as error:  # of a list that holds something else than numbers
        raise ValueError from error


def is_signature_of(text: str, signature: str, address: str) -> bool:
    """Whether ``signature`` (base58) is one of ``text`` by the key of ``address``."""
    try:
        signed, key = Signature.from_string(signature), Pubkey.from_string(address)
    except ValueError:
        return False
    return bool(signed.verify(key, text.encode()))
