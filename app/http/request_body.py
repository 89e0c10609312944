"""Reading what a caller sends, within caps: header bytes, body bytes, seconds."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.errors import BodyTooLarge, BodyTooSlow, HeadersTooLarge
from app.http.request_head import RequestHead

MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_BODY_SECONDS = 10.0


def require_sizes(head: RequestHead) -> None:
    """Raise ``BodyTooLarge`` or ``HeadersTooLarge`` for what the head alone gives away.

    The payment header has a cap of its own, which payment verification checks.
    """
    length = head.value("content-length")
    if length.isdecimal() and int(length[:20]) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"at most {MAX_BODY_BYTES} bytes")
    if head.size > MAX_HEADER_BYTES:
        raise HeadersTooLarge(f"at most {MAX_HEADER_BYTES} bytes beside the payment")


async def read_body(
    receive: Receive, *, arrived: bool = False, max_seconds: float = MAX_BODY_SECONDS
) -> bytes:
    """The whole body. Raises ``BodyTooLarge``, ``BodyTooSlow`` or ``ClientDisconnect``.

    What has ``arrived`` needs no timer, which costs as much as all the rest of reading it.
    """
    if arrived:
        return await _received(receive)
    try:
        async with asyncio.timeout(max_seconds):
            return await _received(receive)
    except TimeoutError:
        raise BodyTooSlow(f"the body must arrive within {max_seconds:g} s") from None


async def _received(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"at most {MAX_BODY_BYTES} bytes")
        if not message.get("more_body", False):
            return bytes(body)
