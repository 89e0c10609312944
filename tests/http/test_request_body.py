"""The limits of a request's size and time. No test sleeps: a deadline of 0 passes at once."""

import asyncio

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from app.errors import BodyTooLarge, BodyTooSlow, HeadersTooLarge
from app.http.large_bodies import BodyShare, LargeBodies
from app.http.request_body import MAX_BODY_BYTES, MAX_HEADER_BYTES, read_body, require_sizes
from app.http.request_head import RequestHead, request_head

pytestmark = pytest.mark.anyio

PAYMENT = b"payment-signature"


def sent(*messages: Message) -> Receive:
    """Messages as they arrive; after the last, nothing ever does."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def chunk(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def head(*fields: tuple[bytes, bytes]) -> RequestHead:
    return request_head({"method": "POST", "headers": fields})


def share() -> BodyShare:
    return BodyShare(LargeBodies(), "me")


# --- body -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([chunk(b"", more=False)], b"", id="empty"),
        pytest.param([chunk(b"{}", more=False)], b"{}", id="whole"),
        pytest.param([chunk(b"{"), chunk(b""), chunk(b"}", more=False)], b"{}", id="in-pieces"),
        pytest.param(
            [chunk(b"x" * MAX_BODY_BYTES, more=False)],
            b"x" * MAX_BODY_BYTES,
            id="as-large-as-may-be",
        ),
    ],
)
async def test_body(messages: list[Message], expected: bytes) -> None:
    assert await read_body(sent(*messages), share()) == expected


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([chunk(b"x" * (MAX_BODY_BYTES + 1), more=False)], id="whole"),
        pytest.param([chunk(b"x" * MAX_BODY_BYTES), chunk(b"x")], id="in-pieces-and-more-to-come"),
    ],
)
async def test_a_body_over_the_cap_is_not_read_to_its_end(messages: list[Message]) -> None:
    with pytest.raises(BodyTooLarge, match="at most 1048576 bytes"):
        await read_body(sent(*messages), share())


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([], id="nothing-arrives"),
        pytest.param([chunk(b"{")], id="the-end-never-arrives"),
    ],
)
async def test_a_body_that_does_not_arrive(messages: list[Message]) -> None:
    with pytest.raises(BodyTooSlow, match="the body must arrive within 0 s"):
        await read_body(sent(*messages), share(), max_seconds=0)


async def test_the_deadline_is_for_the_whole_body_not_for_a_piece() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0)
        return chunk(b"")

    with pytest.raises(BodyTooSlow, match=r"the body must arrive within 0\.001 s"):
        await read_body(drip, share(), max_seconds=0.001)


async def test_a_caller_who_leaves() -> None:
    with pytest.raises(ClientDisconnect):
        await read_body(sent(chunk(b"{"), {"type": "http.disconnect"}), share())


# --- headers --------------------------------------------------------------------------------

NAME = b"x-large"
ROOM = MAX_HEADER_BYTES - len(NAME)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="none"),
        pytest.param([(b"content-length", b"1048576")], id="body-as-large-as-may-be"),
        pytest.param([(b"content-length", b"many")], id="length-in-words"),
        pytest.param([(b"content-length", b"-1")], id="negative-length"),
        pytest.param([(b"content-length", b"\xb2")], id="length-in-superscript"),
        pytest.param([(b"content-length", b"")], id="empty-length"),
        pytest.param([(NAME, b"x" * ROOM)], id="headers-as-large-as-may-be"),
        pytest.param([(PAYMENT, b"x" * 60_000)], id="the-payment-has-its-own-cap"),
    ],
)
def test_sizes_that_fit(headers: list[tuple[bytes, bytes]]) -> None:
    require_sizes(head(*headers))


@pytest.mark.parametrize(
    "length",
    [
        pytest.param(b"1048577", id="one-over"),
        pytest.param(b"9" * 5_000, id="thousands-of-digits"),
    ],
)
def test_an_announced_body_over_the_cap(length: bytes) -> None:
    with pytest.raises(BodyTooLarge):
        require_sizes(head((b"content-length", length)))


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(NAME, b"x" * (ROOM + 1))], id="one-over"),
        pytest.param([(b"x", b"")] * (MAX_HEADER_BYTES + 1), id="in-names-alone"),
        pytest.param([(b"a", b"x" * 9_000), (b"b", b"x" * 9_000)], id="together"),
        pytest.param([(b"x-payment", b"x" * 17_000)], id="no-other-header-is-excepted"),
    ],
)
def test_headers_over_the_cap(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(HeadersTooLarge):
        require_sizes(head(*headers))
