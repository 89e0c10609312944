"""The purchase of one answer from any x402 URL with the official client.

Strategy: request without a payment, show the terms, sign them once. If the server does not know the
outcome, send the same payment again and not a new one.
"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount
from x402 import x402Client
from x402.http import x402HTTPClient
from x402.http.utils import decode_payment_response_header
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.schemas import SettleResponse

from app.payments.terms_text import AnyPaymentRequired

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 10.0


def paying_client(account: LocalAccount, most: Decimal, networks: str | None = None) -> x402Client:
    """Return the official client that signs for ``account``, up to ``most`` dollars a payment.

    It pays on any EVM network, or only on those that match ``networks``.
    """
    client = x402Client()
    client.set_spend_controls({"max_amount_per_payment": f"${most}"})
    return register_exact_evm_client(client, EthAccountSigner(account), networks)


@dataclass(frozen=True)
class BuyerRequest:
    """A request to buy an answer: a POST of ``content``, or a GET if there is none."""

    url: str
    content: bytes | None
    accept: str = "application/json"

    async def send(self, http: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
        """Send the request with ``headers`` beside its own."""
        content_type = {} if self.content is None else {"Content-Type": "application/json"}
        return await http.request(
            "GET" if self.content is None else "POST",
            self.url,
            content=self.content,
            headers={"Accept": self.accept, **content_type, **headers},
        )


class Buyer:
    """A wallet and the official client that signs with it, up to ``most`` dollars a payment."""

    def __init__(self, most: Decimal, key: str | None = None) -> None:
        self.account: LocalAccount = Account.from_key(key) if key else Account.create()
        self.most = most
        self._client = x402HTTPClient(paying_client(self.account, most))

    def payment_required_in(self, response: httpx.Response) -> AnyPaymentRequired:
        """Return the terms of a 402. Raises ``ValueError`` if it has none."""
        try:
            body = response.json()
        except ValueError:
            body = None
        return self._client.get_payment_required_response(response.headers.get, body)

    async def buy(
        self, http: httpx.AsyncClient, request: BuyerRequest, required: AnyPaymentRequired
    ) -> httpx.Response:
        """Send ``request`` with a payment that meets ``required``.

        Raises the client's ``PaymentError`` or ``ValueError`` if it refuses to pay.
        """
        payload = await self._client.create_payment_payload(required)
        headers = self._client.encode_payment_signature_header(payload)
        response = await request.send(http, headers)
        for _ in range(ATTEMPTS - 1):
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(_wait(response))
            response = await request.send(http, headers)
        return response


def settlement_in(response: httpx.Response) -> SettleResponse | None:
    """Return the receipt that came with an answer."""
    receipt = response.headers.get("PAYMENT-RESPONSE") or response.headers.get("X-PAYMENT-RESPONSE")
    return decode_payment_response_header(receipt) if receipt else None


def _wait(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text) if text.isdecimal() else 1.0, LONGEST_WAIT_SECONDS)
