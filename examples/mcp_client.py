"""Calls a tool over MCP and pays for it: the official MCP client under the x402 SDK's.

pip install 'x402[evm]' 'mcp<2'
make run                              # serves a sandbox on 127.0.0.1:8402
python examples/mcp_client.py [URL]   # in another terminal; prints the answer and the receipt

A sandbox credits every new wallet, so a throw-away one will do. Where money moves, PRIVATE_KEY=0x…
is the key of a wallet that has some; the client pays at most a dollar unless it is told otherwise.
"""

import asyncio
import json
import os
import sys

from eth_account import Account
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from x402 import x402Client
from x402.mcp import x402MCPSession
from x402.mechanisms.evm.exact import register_exact_evm_client

ORDER = {"start": "2026-06-04T00:00:00Z", "people": ["alice", "bob"], "shifts": 3}


async def main(url: str, key: str | None) -> None:
    wallet = Account.from_key(key) if key else Account.create()
    client = register_exact_evm_client(x402Client(), wallet)
    async with (
        streamable_http_client(f"{url}/mcp") as (incoming, outgoing, _),
        ClientSession(incoming, outgoing) as session,
    ):
        agent = x402MCPSession(session, client)
        await agent.initialize()
        for tool in (await agent.list_tools()).tools:
            print(f"{tool.name}: {tool.title}", file=sys.stderr)
        result = await agent.call_tool("sched-oncall-rotation", ORDER)
    if result.is_error:
        sys.exit(result.content[0].text)
    answer = result.raw_result.structuredContent
    receipt = result.payment_response.model_dump(exclude_none=True)
    print(json.dumps({"answer": answer, "receipt": receipt}, indent=2))


if __name__ == "__main__":
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8402"
    asyncio.run(main(url, os.environ.get("PRIVATE_KEY")))
