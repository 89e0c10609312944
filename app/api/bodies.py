"""Reading what a caller sends, within caps: header bytes, body bytes, seconds."""

import asyncio

from starlette.requests import Request

from app.errors import BodyTooLarge, BodyTooSlow, HeadersTooLarge

MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_BODY_SECONDS = 10.0


def require_sizes(request: Request, *, payment_header: bytes) -> None:
    """Raise ``BodyTooLarge`` or ``HeadersTooLarge`` for what the headers alone give away.

    The payment header has a cap of its own, which the gate holds.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"at most {MAX_BODY_BYTES} bytes")
    size = sum(
        len(name) + len(value) for name, value in request.headers.raw if name != payment_header
    )
    if size > MAX_HEADER_BYTES:
        raise HeadersTooLarge(f"at most {MAX_HEADER_BYTES} bytes beside the payment")


async def body_of(request: Request, *, max_seconds: float = MAX_BODY_SECONDS) -> bytes:
    """The whole body. Raises ``BodyTooLarge``, ``BodyTooSlow`` or ``ClientDisconnect``."""
    body = bytearray()
    try:
        async with asyncio.timeout(max_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise BodyTooLarge(f"at most {MAX_BODY_BYTES} bytes")
    except TimeoutError:
        raise BodyTooSlow(f"the body must arrive within {max_seconds:g} s") from None
    return bytes(body)
