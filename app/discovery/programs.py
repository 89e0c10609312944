"""The commands and programs on pages, which buy an example as they stand.

Strategy: texts with two or three holes, so that a reader of this file sees what a reader of the
page sees. The tests run them.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.discovery.template_filters import json_text

HTTP_WIDTH = 110
"""The columns of an exchange over HTTP, which has the width of the home page."""


@dataclass(frozen=True)
class Program:
    """One program. ``label`` names its block on a page, ``note`` says what it needs."""

    language: str
    label: str
    note: str
    text: str
    lexer: str


@dataclass(frozen=True)
class Programs:
    """The programs for one service. In a ``sandbox`` wallets are made on the spot."""

    public_url: str
    is_paid: bool
    sandbox: bool

    def of(self, url: str, example: Mapping[str, Any]) -> Sequence[Program]:
        """Return the programs that buy ``example`` at ``url``."""
        key = "" if self.sandbox else " Your wallet's key is in X402_PRIVATE_KEY."
        return [
            Program("curl", "curl commands", self._curl_note, self.curl(url, example), "bash"),
            Program(
                "Python",
                "Python program",
                f"The official client: `pip install 'x402[evm,httpx]'`.{key}",
                self.python(url, example),
                "python",
            ),
            Program(
                "TypeScript",
                "TypeScript program",
                f"The official client: `npm install @x402/fetch @x402/evm viem`.{key}",
                self.typescript(url, example),
                "typescript",
            ),
            Program("MCP", "Configuration of an MCP host", self._mcp_note, self.mcp(), "json"),
        ]

    @property
    def _curl_note(self) -> str:
        if self.sandbox:
            return "Terms, a payment from the sandbox's throw-away wallet, the answer."
        return "The terms, free of charge." if self.is_paid else "The answer."

    @property
    def _mcp_note(self) -> str:
        if not self.is_paid:
            return "Each product is a tool, free of charge at the moment."
        return (
            "Each product is a tool. A host holds no wallet: `oncall mcp-wallet`, which comes with "
            "this service's package, pays for it, at most `--max` dollars a call."
        )

    def curl(self, url: str, example: Mapping[str, Any]) -> str:
        order = shlex.quote(json_text(example))
        lines = ['curl -s $URL -H "$JSON" -d "$ORDER"']
        if self.sandbox:
            pay = f'curl -s {self.public_url}/sandbox/pay -H "$JSON"'
            lines += [
                f"  {pay} -H 'Accept: text/plain' -d @-",
                '  curl -s $URL -H "$JSON" -H @- -d "$ORDER"',
            ]
        head = f"URL={url}\nJSON='Content-Type: application/json'\nORDER={order}\n\n"
        return head + " |\n".join(lines)

    def python(self, url: str, example: Mapping[str, Any]) -> str:
        account = "create()" if self.sandbox else 'from_key(os.environ["X402_PRIVATE_KEY"])'
        return f"""import asyncio
{"" if self.sandbox else "import os"}
from eth_account import Account
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.mechanisms.evm.exact import register_exact_evm_client

URL = "{url}"
ORDER = {json_text(example, write=repr)}


async def main():
    client = register_exact_evm_client(x402Client(), Account.{account})
    async with x402HttpxClient(client) as http:
        response = await http.post(URL, json=ORDER)
        print(response.text)


asyncio.run(main())"""

    def typescript(self, url: str, example: Mapping[str, Any]) -> str:
        make = "generatePrivateKey, " if self.sandbox else ""
        key = "generatePrivateKey()" if self.sandbox else "process.env.X402_PRIVATE_KEY"
        return f"""import {{ ExactEvmScheme }} from "@x402/evm";
import {{ wrapFetchWithPaymentFromConfig }} from "@x402/fetch";
import {{ {make}privateKeyToAccount }} from "viem/accounts";

const order = {json_text(example)};

const account = privateKeyToAccount({key});
const fetchAndPay = wrapFetchWithPaymentFromConfig(fetch, {{
  schemes: [{{ network: "eip155:*", client: new ExactEvmScheme(account) }}],
}});
const response = await fetchAndPay("{url}", {{
  method: "POST",
  headers: {{ "Content-Type": "application/json" }},
  body: JSON.stringify(order),
}});
console.log(await response.text());"""

    def mcp(self) -> str:
        """Return the configuration of an MCP host, which shows every product as a tool."""
        server: dict[str, Any] = {"type": "http", "url": f"{self.public_url}/mcp"}
        if self.is_paid:
            command = ["mcp-wallet", f"{self.public_url}/mcp", "--max", "0.10"]
            server = {"command": "oncall", "args": command}
            if not self.sandbox:
                server["env"] = {"PRIVATE_KEY": "0x…"}
        return json_text({"mcpServers": {"oncall": server}})

    @staticmethod
    def http(path: str, example: Mapping[str, Any], price: str) -> str:
        """Return the exchange over HTTP, as text."""
        ask = f"POST {path} HTTP/1.1\nContent-Type: application/json\n"
        return (
            f"{ask}\n{json_text(example, width=HTTP_WIDTH)}\n\n"
            f"HTTP/1.1 402 Payment Required\nPAYMENT-REQUIRED: …  # ${price}: network, address\n\n"
            f"{ask}PAYMENT-SIGNATURE: …  # signed by your wallet\n\n{{…}}  # the same document\n\n"
            "HTTP/1.1 200 OK\nPAYMENT-RESPONSE: …  # the receipt"
        )
