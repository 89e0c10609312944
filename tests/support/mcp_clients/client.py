"""Lists the tools of an MCP server and calls one: unpaid, with faults, and with a payment.

``python client.py URL TOOL`` with the arguments on standard input; prints what was answered.
PRIVATE_KEY is the key that pays; without it, a throw-away one. This runs with versions 1 and 2 of
the ``mcp`` library, so it imports nothing of the project.
"""

import asyncio
import json
import os
import sys
from typing import Any

from eth_account import Account
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from x402 import PaymentRequired, x402Client
from x402.mechanisms.evm.exact import register_exact_evm_client


async def main(url: str, name: str, order: dict[str, Any]) -> None:
    key = os.environ.get("PRIVATE_KEY")
    wallet = register_exact_evm_client(
        x402Client(), Account.from_key(key) if key else Account.create()
    )
    async with (
        streamable_http_client(url) as (incoming, outgoing, *_),
        ClientSession(incoming, outgoing) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        unpaid = on_wire(await session.call_tool(name, order))
        invalid = on_wire(await session.call_tool(name, {"people": []}))
        terms = PaymentRequired.model_validate(unpaid["structuredContent"])
        payload = await wallet.create_payment_payload(terms)
        payment = payload.model_dump(by_alias=True, exclude_none=True)
        paid = on_wire(await session.call_tool(name, order, meta={"x402/payment": payment}))
    listed = [on_wire(tool) for tool in tools]
    answered = {"tools": listed, "unpaid": unpaid, "invalid": invalid, "paid": paid}
    sys.stdout.write(json.dumps(answered))


def on_wire(model: Any) -> dict[str, Any]:
    """What was sent for ``model``."""
    document: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3], json.load(sys.stdin)))
