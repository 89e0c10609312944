"""Write what a reader sees who has never heard of us: ``python -m tests.first_try.texts DIR``.

One file for each of the three texts: the 402 of every product as it comes (headers and body, with
``PAYMENT-REQUIRED`` decoded), what is served for language models, and the tools as MCP lists them;
and the sixteen asks in words, with the form of the answer sheet that ``send.py`` takes.
"""

import asyncio
import json
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

from app.products.registry import paid_endpoints
from tests.first_try.briefs import BRIEFS, TODAY
from tests.support.mcp_agents import message, posted
from tests.support.services import Service, living, service, settings

SHEET = """
Write one JSON object with a member for each ask, "1" to "16". Each is the request that you would
send first: `{"path": "/v1/…", "body": {…}, "headers": {…}}`, or for an MCP tool
`{"tool": "…", "body": {…}}` with its arguments as the body. Do not ask anything, and read nothing
but the text that you were given.
"""


async def texts() -> dict[str, str]:
    """The texts by the names of their files."""
    served = service(settings())
    async with living(served.app):
        listed = (await posted(served.http, message("tools/list"))).json()["result"]["tools"]
        return {
            "asks.md": _asks(),
            "402.json": _indented([await _terms(served, each.path) for each in paid_endpoints()]),
            "llms.txt": (await served.http.get("/llms.txt")).text,
            "tools.json": _indented(listed),
        }


async def _terms(served: Service, path: str) -> dict[str, Any]:
    response = await served.http.post(path)
    headers: dict[str, Any] = dict(response.headers)
    headers["payment-required"] = json.loads(b64decode(headers["payment-required"]))
    return {
        "request": f"POST {path}",
        "status": response.status_code,
        "headers": headers,
        "body": response.json(),
    }


def _asks() -> str:
    lines = [f"{number}. {brief.words}" for number, brief in enumerate(BRIEFS, start=1)]
    return "\n".join([TODAY, SHEET, *lines, ""])


def _indented(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main(folder: str) -> None:
    """Write the files, and print how large each is."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, text in asyncio.run(texts()).items():
        path = Path(folder, name)
        path.write_text(text)
        print(f"{path}: {path.stat().st_size:,} bytes")  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(*sys.argv[1:])
