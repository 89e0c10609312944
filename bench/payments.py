"""Payments signed beforehand: thousands of them, each for one request.

Strategy: the official client makes one payment for the seller's terms; the others differ from it in
nonce and signature only. Hashing by hand (two Keccaks of fixed-size words) and signing with
coincurve takes a tenth of a millisecond; the first hash is compared with the SDK's.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any, Self

from coincurve import PrivateKey
from eth_hash.auto import keccak
from x402.http.utils import decode_payment_required_header
from x402.mechanisms.evm.eip712 import hash_eip3009_authorization
from x402.mechanisms.evm.types import ExactEIP3009Authorization
from x402.mechanisms.evm.utils import get_evm_chain_id

from tests.wallets import Wallet

DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
TRANSFER = (
    b"TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    b"uint256 validBefore,bytes32 nonce)"
)


class Payments:
    """Payments by one wallet for one seller's terms, as the official client writes them."""

    def __init__(self, payload: dict[str, Any], key: bytes) -> None:
        self._payload = payload
        self._signed = payload["payload"]
        self._authorization = self._signed["authorization"]
        self._key = PrivateKey(key)
        terms = payload["accepted"]
        self._domain = keccak(
            keccak(DOMAIN)
            + keccak(terms["extra"]["name"].encode())
            + keccak(terms["extra"]["version"].encode())
            + _word(get_evm_chain_id(terms["network"]))
            + _word(int(terms["asset"], 16))
        )
        signed = self._authorization
        numbers = (signed["value"], signed["validAfter"], signed["validBefore"])
        self._fixed = b"".join(
            [
                keccak(TRANSFER),
                *(_word(int(signed[name], 16)) for name in ("from", "to")),
                *(_word(int(number)) for number in numbers),
            ]
        )
        self._require_same_hash_as_sdk(terms)

    @classmethod
    async def of(cls, terms_header: str) -> Self:
        """Payments for a ``PAYMENT-REQUIRED`` header, good for as long as it allows from now on."""
        decode_payment_required_header(terms_header)
        wallet = Wallet()
        payload = json.loads(base64.b64decode(await wallet.payment(terms_header)))
        return cls(payload, wallet.account.key)

    def headers(self, count: int) -> Iterator[bytes]:
        """``count`` values for the ``PAYMENT-SIGNATURE`` header, no two alike."""
        for _ in range(count):
            nonce = secrets.token_bytes(32)
            self._authorization["nonce"] = "0x" + nonce.hex()
            self._signed["signature"] = "0x" + self._signature(nonce).hex()
            yield base64.b64encode(json.dumps(self._payload, separators=(",", ":")).encode())

    def _digest(self, nonce: bytes) -> bytes:
        return keccak(b"\x19\x01" + self._domain + keccak(self._fixed + nonce))

    def _signature(self, nonce: bytes) -> bytes:
        signature = self._key.sign_recoverable(self._digest(nonce), hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    def _require_same_hash_as_sdk(self, terms: dict[str, Any]) -> None:
        signed = self._authorization
        wanted = hash_eip3009_authorization(
            ExactEIP3009Authorization(
                from_address=signed["from"],
                to=signed["to"],
                value=signed["value"],
                valid_after=signed["validAfter"],
                valid_before=signed["validBefore"],
                nonce=signed["nonce"],
            ),
            get_evm_chain_id(terms["network"]),
            terms["asset"],
            terms["extra"]["name"],
            terms["extra"]["version"],
        )
        assert wanted == self._digest(bytes.fromhex(signed["nonce"][2:]))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
