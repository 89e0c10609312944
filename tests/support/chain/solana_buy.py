"""Buys on Solana with the official Python clients, over HTTP or over MCP.

``python solana_buy.py http|mcp URL TOOL`` reads ``{url, payer, order}`` from standard input: the
node, the payer's key as 64 bytes, and what to ask for. It prints the answer and its receipt.
"""

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from solders.keypair import Keypair
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_response_header
from x402.mcp import x402MCPSession
from x402.mechanisms.svm import KeypairSigner
from x402.mechanisms.svm.exact import ExactSvmClientScheme


async def main(way: str, url: str, name: str, asked: dict[str, Any]) -> None:
    signer = KeypairSigner(Keypair.from_bytes(bytes(asked["payer"])))
    wallet = x402Client().register("solana:*", ExactSvmClientScheme(signer, asked["url"]))
    buy = over_http if way == "http" else over_mcp
    sys.stdout.write(json.dumps(await buy(wallet, url, name, asked["order"])))


async def over_http(wallet: x402Client, url: str, _: str, order: object) -> dict[str, Any]:
    async with x402HttpxClient(wallet, timeout=60) as http:
        response = await http.post(url, json=order)
    response.raise_for_status()
    receipt = decode_payment_response_header(response.headers["PAYMENT-RESPONSE"])
    return {"answer": response.json(), "receipt": receipt.model_dump(exclude_none=True)}


async def over_mcp(wallet: x402Client, url: str, name: str, order: Any) -> dict[str, Any]:
    async with (
        streamable_http_client(url) as (incoming, outgoing, _),
        ClientSession(incoming, outgoing) as session,
    ):
        agent = x402MCPSession(session, wallet)
        await agent.initialize()
        result = await agent.call_tool(name, order)
    assert result.payment_response is not None, result.content
    receipt = result.payment_response.model_dump(exclude_none=True)
    return {"answer": result.raw_result.structuredContent, "receipt": receipt}


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], json.load(sys.stdin)))
