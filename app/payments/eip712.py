"""EIP-712 over EIP-3009: what a wallet signs to pay, and whose key signed it.

Strategy: the one struct that the ``exact`` scheme signs is laid out by hand, 32 bytes a word, under
a domain separator that is kept for each token; the SDK's general encoder costs five times as much
and imports an Ethereum client. ``coincurve`` (libsecp256k1) recovers the key. The tests hold both
beside the SDK's.
"""

from functools import lru_cache

from coincurve import PublicKey
from Crypto.Hash import keccak as keccaks


def keccak(data: bytes) -> bytes:
    """Ethereum's hash of ``data``, 32 bytes."""
    return keccaks.new(data=data, digest_bits=256).digest()


DOMAIN = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
AUTHORIZATION = keccak(
    b"TransferWithAuthorization(address from,address to,uint256 value,"
    b"uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)

HALF_CURVE_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Above it, ``s`` is the malleable twin of a signature, which token contracts refuse (EIP-2)."""


@lru_cache
def domain_separator(name: str, version: str, chain_id: int, contract: str) -> bytes:
    """The 32 bytes that tie a signature to one token contract on one chain (EIP-712)."""
    return keccak(
        DOMAIN
        + keccak(name.encode())
        + keccak(version.encode())
        + _uint(chain_id)
        + _address(contract)
    )


def authorization_digest(
    domain: bytes, payer: str, payee: str, numbers: tuple[int, int, int], nonce: str
) -> bytes:
    """The 32 bytes that ``payer`` signs; ``numbers`` are value, validAfter and validBefore.

    Addresses and ``nonce`` are ``0x`` and hexadecimal digits, of 20 and 32 bytes.
    """
    struct = keccak(
        AUTHORIZATION
        + _address(payer)
        + _address(payee)
        + b"".join(map(_uint, numbers))
        + bytes.fromhex(nonce[2:])
    )
    return keccak(b"\x19\x01" + domain + struct)


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """The address, in lower case, whose key made ``signature``: r, s and v, 65 bytes.

    ``None`` if no key did. ``v`` is 0, 1, 27 or 28.
    """
    recovery = signature[64] - 27 if signature[64] >= 27 else signature[64]
    if recovery not in (0, 1):
        return None
    try:
        key = PublicKey.from_signature_and_message(
            signature[:64] + bytes([recovery]), digest, hasher=None
        )
    except ValueError:
        return None
    return "0x" + keccak(key.format(compressed=False)[1:])[12:].hex()


def is_malleable(signature: bytes) -> bool:
    """Whether ``s`` is in the upper half, which token contracts refuse."""
    return int.from_bytes(signature[32:64], "big") > HALF_CURVE_ORDER


def _address(text: str) -> bytes:
    return bytes(12) + bytes.fromhex(text[2:])


def _uint(number: int) -> bytes:
    return number.to_bytes(32, "big")
