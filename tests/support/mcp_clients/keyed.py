"""Calls the tools of kept schedules with an API key.

``python keyed.py URL KEY`` with the calls on standard input, a list of ``[TOOL, ARGUMENTS]``;
prints the names of all tools and each result. This runs with versions 1 and 2 of the ``mcp``
library, so it imports nothing of the project.
"""

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client  # each version has its own HTTP client


async def main(url: str, key: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
    async with (
        create_mcp_http_client({"Authorization": f"Bearer {key}"}) as http,
        streamable_http_client(url, http_client=http) as (incoming, outgoing, *_),
        ClientSession(incoming, outgoing) as session,
    ):
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        results = [await session.call_tool(name, arguments) for name, arguments in calls]
    sent = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in results]
    sys.stdout.write(json.dumps({"tools": tools, "results": sent}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3], json.load(sys.stdin)))
