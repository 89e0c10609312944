"""Payments for the requests of ``abuse``: good ones, and ones that are worth nothing.

Strategy: the terms of a route are asked for once, and a wallet signs for them as often as need be.
A forged payment names another payer than the one who signed.
"""

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING, Any

from bench.abuse_cases import MCP, TOOL, Ask, call, rotation
from bench.payments import Payments
from bench.stub import FORGED_PAYER

if TYPE_CHECKING:
    from bench.abuse import Target

FRESH_SECONDS = 120.0
"""Payments are good for five minutes; new ones are signed before that."""
TOOL_NAME = "sched-oncall-rotation"


class Purse:
    """A wallet for the terms of each route."""

    def __init__(self, target: "Target") -> None:
        self._target = target
        self._signers: dict[str, tuple[float, Payments]] = {}

    def renew(self) -> None:
        """Ask for the terms again."""
        self._signers.clear()

    def header(self, path: str, kind: str) -> str:
        """A payment for ``path`` as its header; a ``kind`` of no name is the header itself."""
        if kind not in ("good", "forged", "expired"):
            return kind
        changes: dict[str, str] = {}
        if kind == "expired":
            changes = {"validBefore": "1"}
        [header] = self._signer(path).headers(1, **changes)
        if kind != "forged":
            return header.decode()
        payload = json.loads(base64.b64decode(header))
        payload["payload"]["authorization"]["from"] = FORGED_PAYER
        return base64.b64encode(json.dumps(payload).encode()).decode()

    def with_payment(self, body: bytes, kind: str) -> bytes:
        """An MCP call with a payment in it."""
        message = json.loads(body)
        payload = json.loads(base64.b64decode(self.header(MCP, kind)))
        message["params"]["_meta"] = {"x402/payment": payload}
        return json.dumps(message).encode()

    def _signer(self, path: str) -> Payments:
        signed_at, signer = self._signers.get(path, (0.0, None))
        if signer is None or time.monotonic() - signed_at > FRESH_SECONDS:
            signer = asyncio.run(Payments.of(self._terms(path)))
            self._signers[path] = (time.monotonic(), signer)
        return signer

    def _terms(self, path: str) -> str:
        """What the route asks for, as ``PAYMENT-REQUIRED`` says it."""
        if path != MCP:
            return self._target.send(Ask(path, b"")).headers["PAYMENT-REQUIRED"]
        answer = self._target.send(Ask(MCP, call(TOOL_NAME, rotation()), headers=TOOL)).json()
        terms: Any = answer["result"]["structuredContent"]
        return base64.b64encode(json.dumps(terms).encode()).decode()
