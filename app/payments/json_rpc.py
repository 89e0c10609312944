"""Calls to the node of a chain over JSON-RPC, whose answers are read by type.

Invariant: whatever a node answers, or does not answer, is a result of the type that was asked for
or a ``NodeError``.
"""

from typing import TypeVar

import aiohttp
import msgspec
from pydantic_core import from_json

MAX_ANSWER_BYTES = 2 * 1024 * 1024

T = TypeVar("T")


class NodeError(Exception):
    """The node did not answer as it should."""


class JsonRpc:
    """A node's JSON-RPC at ``url``."""

    def __init__(self, url: str, *, timeout_seconds: float = 5.0) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)

    async def call(self, kind: type[T], method: str, *parameters: object) -> T:
        """The result of ``method``. Raises ``NodeError`` unless it is a well-formed ``kind``."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False) as session,
                session.post(
                    self._url,
                    data=msgspec.json.encode(request),
                    headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                    allow_redirects=False,
                ) as response,
            ):
                text = bytearray()
                async for chunk in response.content.iter_any():
                    text += chunk
                    if len(text) > MAX_ANSWER_BYTES:
                        raise NodeError
            # its bound on depth is its own: msgspec's is Python's, which libraries raise
            return msgspec.convert(from_json(text)["result"], kind)
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as error:
            raise NodeError from error
