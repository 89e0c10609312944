"""Disposable wallets that pay by the official client, and payments tampered with on purpose."""

import base64
import json
import secrets
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from x402 import PaymentRequired, PaymentRequirements, x402Client
from x402.http.utils import decode_payment_required_header, encode_payment_signature_header
from x402.mechanisms.evm.exact import register_exact_evm_client

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Wallet:
    """A key. ``payment`` signs as the official ``client`` does, ``signed`` by hand."""

    def __init__(self) -> None:
        self.account = Account.create()
        self.client = register_exact_evm_client(x402Client(), self.account)

    @property
    def address(self) -> str:
        return self.account.address

    async def payment(self, terms: str) -> str:
        """The PAYMENT-SIGNATURE value that the official client makes for a PAYMENT-REQUIRED."""
        payload = await self.client.create_payment_payload(decode_payment_required_header(terms))
        return encode_payment_signature_header(payload)

    def signed(self, terms: str, network: str = "", **changes: Any) -> dict[str, Any]:
        """A payload for ``terms`` whose authorization has ``changes`` before it is signed.

        It pays on ``network``, or on the only one.
        """
        required = decode_payment_required_header(terms)
        assert isinstance(required, PaymentRequired)
        [way] = [each for each in required.accepts if network in ("", each.network)]
        authorization = {
            "from": self.address,
            "to": way.pay_to,
            "value": way.amount,
            "validAfter": "0",
            "validBefore": "99999999999",
            "nonce": "0x" + secrets.token_hex(32),
            **changes,
        }
        return {
            "x402Version": 2,
            "payload": {
                "signature": self._signature(authorization, way),
                "authorization": authorization,
            },
            "accepted": way.model_dump(by_alias=True),
            "resource": {"url": required.resource.url} if required.resource else None,
        }

    def _signature(self, authorization: dict[str, str], way: PaymentRequirements) -> str:
        message = encode_typed_data(
            domain_data={
                "name": way.extra["name"],
                "version": way.extra["version"],
                "chainId": int(way.network.split(":")[1]),
                "verifyingContract": way.asset,
            },
            message_types={
                "TransferWithAuthorization": [
                    {"name": "from", "type": "address"},
                    {"name": "to", "type": "address"},
                    {"name": "value", "type": "uint256"},
                    {"name": "validAfter", "type": "uint256"},
                    {"name": "validBefore", "type": "uint256"},
                    {"name": "nonce", "type": "bytes32"},
                ]
            },
            message_data={
                "from": authorization["from"],
                "to": authorization["to"],
                "value": int(authorization["value"]),
                "validAfter": int(authorization["validAfter"]),
                "validBefore": int(authorization["validBefore"]),
                "nonce": bytes.fromhex(authorization["nonce"][2:]),
            },
        )
        return "0x" + self.account.sign_message(message).signature.hex()


def header_of(payload: object) -> str:
    """Any JSON as a PAYMENT-SIGNATURE value, written as the official clients write it."""
    return base64.b64encode(json.dumps(payload, separators=(",", ":")).encode()).decode()


def malleated(signature: str) -> str:
    """The other signature that recovers to the same key: s becomes n - s, v flips."""
    r, s, v = signature[2:66], int(signature[66:130], 16), int(signature[130:], 16)
    return f"0x{r}{CURVE_ORDER - s:064x}{55 - v:02x}"
