"""The body of a request, read within limits on header bytes, body bytes and seconds."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.errors import BodyTooLarge, BodyTooSlow, HeadersTooLarge
from app.http.large_bodies import BodyShare
from app.http.request_head import RequestHead

MAX_BODY_BYTES = 1024 * 1024
"""Of every route, unless it names another limit."""
MAX_HEADER_BYTES = 16 * 1024
MAX_BODY_SECONDS = 10.0


def require_sizes(head: RequestHead, most_bytes: int = MAX_BODY_BYTES) -> None:
    """Raise ``BodyTooLarge`` or ``HeadersTooLarge`` if the head shows that a limit is exceeded.

    ``most_bytes`` is the limit of the body. The payment header has its own limit, which payment
    verification checks.
    """
    size = head.body_bytes
    if size is not None and size > most_bytes:
        raise BodyTooLarge(f"at most {most_bytes} bytes, and it has {size}")
    if head.size > MAX_HEADER_BYTES:
        raise HeadersTooLarge(f"at most {MAX_HEADER_BYTES} bytes beside the payment")


async def read_body(
    receive: Receive,
    share: BodyShare,
    *,
    most_bytes: int = MAX_BODY_BYTES,
    arrived: bool = False,
    max_seconds: float = MAX_BODY_SECONDS,
) -> bytes:
    """Read the whole body, which ``share`` holds the memory for.

    Raises ``BodyTooLarge``, ``BodyTooSlow``, ``WorkersBusy`` or ``ClientDisconnect``. A body that
    has ``arrived`` is read without a timer, which would double the cost of reading it.
    """
    if arrived:
        return await _received(receive, share, most_bytes)
    try:
        async with asyncio.timeout(max_seconds):
            return await _received(receive, share, most_bytes)
    except TimeoutError:
        raise BodyTooSlow(f"the body must arrive within {max_seconds:g} s") from None


async def _received(receive: Receive, share: BodyShare, most_bytes: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > most_bytes:
            raise BodyTooLarge(f"at most {most_bytes} bytes")
        share.hold(len(body))
        if not message.get("more_body", False):
            return bytes(body)
