"""The node of a chain, and calls to it over JSON-RPC, whose answers are read by type.

Invariant: whatever a node answers, or does not answer, is a result of the type that was asked for
or a ``NodeError``.
"""

from abc import ABC, abstractmethod
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


class Node(ABC):
    """The node at ``url``, which is to be of one chain; ``chain`` is what it is called in texts.

    ``problem`` says why it cannot be asked, as ``refresh`` last found it. A node of another chain,
    which ``is_another``, is not asked what became of a payment: there nothing of it is known.
    """

    def __init__(self, url: str, chain: str, *, timeout_seconds: float = 5.0) -> None:
        self._node = JsonRpc(url, timeout_seconds=timeout_seconds)
        self._chain = chain
        self.problem: str | None = "the node has not been asked yet"
        self.is_another = False

    @abstractmethod
    async def _chain_found(self) -> str:
        """What the node's own chain is called. Raises ``NodeError``."""

    async def refresh(self) -> None:
        """Ask the node for its chain, and update ``problem``."""
        try:
            found = await self._chain_found()
        except NodeError:
            self.problem = "the node cannot be reached or does not answer properly"
            return
        self.is_another = found != self._chain
        self.problem = (
            f"the node is of {found}, and payments are on {self._chain}"
            if self.is_another
            else None
        )

    async def shows_failure(self, transaction: str) -> bool:  # noqa: ARG002 - for other chains
        """Whether the node shows that ``transaction``, which a facilitator calls settled, failed.

        A chain whose facilitators look at the result themselves need not be asked.
        """
        return False

    async def payee_problem(self, pay_to: str) -> str | None:  # noqa: ARG002 - for other chains
        """Why a transfer to ``pay_to`` would fail; ``None`` if it would not.

        Raises ``NodeError`` if the node does not say.
        """
        return None
