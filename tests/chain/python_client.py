"""A caller who pays with the official Python client, as its documentation shows it.

Usage: ``PAYER_KEY=0x… python_client.py URL < body``; prints the answer as one JSON document.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from eth_account import Account
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_response_header
from x402.mechanisms.evm.exact import register_exact_evm_client


async def main(url: str, body: str) -> None:
    client = x402Client()
    register_exact_evm_client(client, Account.from_key(os.environ["PAYER_KEY"]))
    async with x402HttpxClient(client, timeout=30) as http:
        answer = await http.post(url, content=body, headers={"Content-Type": "application/json"})
    document = {
        "status": answer.status_code,
        "body": answer.json(),
        "receipt": receipt_in(answer.headers.get("PAYMENT-RESPONSE")),
    }
    sys.stdout.write(json.dumps(document))


def receipt_in(header: str | None) -> Mapping[str, Any] | None:
    if header is None:
        return None
    return decode_payment_response_header(header).model_dump(by_alias=True, exclude_none=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.stdin.read()))
