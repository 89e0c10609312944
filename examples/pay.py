"""Buys a rotation over HTTP with the official x402 client for Python.

pip install 'x402[evm,httpx]'
make run                          # serves a sandbox on 127.0.0.1:8402
python examples/pay.py [URL]      # in another terminal; prints the answer and the receipt

A sandbox credits every new wallet, so a throw-away one will do. Where money moves, PRIVATE_KEY=0x…
is the key of a wallet that has some; the client pays at most a dollar unless it is told otherwise.
"""

import asyncio
import json
import os
import sys

from eth_account import Account
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_response_header
from x402.mechanisms.evm.exact import register_exact_evm_client

ORDER = {"start": "2026-06-04T00:00:00Z", "people": ["alice", "bob"], "shifts": 3}


async def main(url: str, key: str | None) -> None:
    wallet = Account.from_key(key) if key else Account.create()
    client = register_exact_evm_client(x402Client(), wallet)
    async with x402HttpxClient(client, base_url=url, timeout=60) as http:
        response = await http.post("/v1/scheduling/oncall-rotation", json=ORDER)
    response.raise_for_status()
    receipt = decode_payment_response_header(response.headers["PAYMENT-RESPONSE"])
    bought = {"answer": response.json(), "receipt": receipt.model_dump(exclude_none=True)}
    print(json.dumps(bought, indent=2))


if __name__ == "__main__":
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8402"
    asyncio.run(main(url, os.environ.get("PRIVATE_KEY")))
