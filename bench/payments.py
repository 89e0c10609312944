"""Payments signed beforehand: thousands of them, each for one request.

Strategy: the official client makes one payment for the seller's terms; the others differ from it in
nonce and signature only, a tenth of a millisecond each.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any, Self

from coincurve import PrivateKey
from x402.mechanisms.evm.utils import get_evm_chain_id

from app.payments.eip712 import authorization_digest, domain_separator
from tests.support.wallets import Wallet


class Payments:
    """Payments by one wallet for one seller's terms, as the official client writes them."""

    def __init__(self, payload: dict[str, Any], key: bytes) -> None:
        self._payload = payload
        self._key = PrivateKey(key)
        terms = payload["accepted"]
        token = terms["extra"]["name"], terms["extra"]["version"]
        self._domain = domain_separator(*token, get_evm_chain_id(terms["network"]), terms["asset"])

    @classmethod
    async def of(cls, terms_header: str) -> Self:
        """Payments for a ``PAYMENT-REQUIRED`` header, good for as long as it allows from now on."""
        wallet = Wallet()
        payload = json.loads(base64.b64decode(await wallet.payment(terms_header)))
        return cls(payload, wallet.account.key)

    def headers(self, count: int, **changes: str) -> Iterator[bytes]:
        """``count`` values for the ``PAYMENT-SIGNATURE`` header, no two alike.

        ``changes`` are made to what is signed.
        """
        payload = {**self._payload["payload"]}
        signed = {**payload, "authorization": {**payload["authorization"], **changes}}
        whole = {**self._payload, "payload": signed}
        for _ in range(count):
            signed["authorization"]["nonce"] = "0x" + secrets.token_hex(32)
            signed["signature"] = "0x" + self._signature(signed["authorization"]).hex()
            yield base64.b64encode(json.dumps(whole, separators=(",", ":")).encode())

    def _signature(self, signed: dict[str, str]) -> bytes:
        numbers = int(signed["value"]), int(signed["validAfter"]), int(signed["validBefore"])
        digest = authorization_digest(
            self._domain, signed["from"], signed["to"], numbers, signed["nonce"]
        )
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])
