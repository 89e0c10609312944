"""Large bodies are few in memory at once, whoever sends them."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from app.errors import WorkersBusy
from app.http import large_bodies
from app.http.large_bodies import AT_ONCE, LARGE_BYTES, OWN_AT_ONCE, LargeBodies
from app.http.request_head import RequestHead, request_head
from tests.support.services import EXAMPLE, PATH, Sandbox
from tests.support.stored import Stored


def head(**fields: str) -> RequestHead:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    return request_head({"method": "POST", "headers": headers, "client": None})


@pytest.mark.parametrize(
    ("fields", "large"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"content_length": str(LARGE_BYTES)}, False, id="small"),
        pytest.param({"content_length": str(LARGE_BYTES + 1)}, True, id="large"),
        pytest.param({"transfer_encoding": "chunked"}, True, id="of-unknown-size"),
        pytest.param({"content_length": "many"}, True, id="of-no-size"),
    ],
)
def test_what_counts_as_large(fields: dict[str, str], *, large: bool) -> None:
    assert LargeBodies().take(head(**fields), "me") is large


LARGE = head(content_length="1000000")


def test_one_client_has_few() -> None:
    bodies = LargeBodies()
    for _ in range(OWN_AT_ONCE):
        bodies.take(LARGE, "me")
    with pytest.raises(WorkersBusy) as refused:
        bodies.take(LARGE, "me")
    assert refused.value.retry_after > 0
    assert bodies.take(LARGE, "you")
    assert not bodies.take(head(content_length="5"), "me")
    bodies.give_back("me")
    assert bodies.take(LARGE, "me")


def test_all_together_have_a_bound() -> None:
    bodies = LargeBodies()
    for number in range(AT_ONCE):
        bodies.take(LARGE, str(number))
    with pytest.raises(WorkersBusy):
        bodies.take(LARGE, "one more")
    bodies.give_back("0")
    assert bodies.take(LARGE, "one more")


async def trickle(arrived: asyncio.Event) -> AsyncIterator[bytes]:
    yield json.dumps(EXAMPLE).encode() + b" " * LARGE_BYTES
    await arrived.wait()


@pytest.mark.anyio
async def test_a_place_is_held_until_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "OWN_AT_ONCE", 1)
    sandbox, arrived = Sandbox(), asyncio.Event()
    headers = {"Content-Type": "application/json"}
    slow = asyncio.create_task(sandbox.http.post(PATH, content=trickle(arrived), headers=headers))
    await asyncio.sleep(0.1)
    refused = await sandbox.ask(json.dumps(EXAMPLE).encode() + b" " * LARGE_BYTES)
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert refused.headers["Retry-After"]
    assert (await sandbox.ask()).status_code == 402  # a small one needs none
    arrived.set()
    assert (await slow).status_code == 402
    again = await sandbox.ask(json.dumps(EXAMPLE).encode() + b" " * LARGE_BYTES)
    assert again.status_code == 402


@pytest.mark.anyio
async def test_the_stored_apis_hold_them_too(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_bodies, "OWN_AT_ONCE", 0)
    body = {"id": "u", "name": "U", "padding": "x" * LARGE_BYTES}
    refused: httpx.Response = await stored.me.post("/api/v2/oncall/users", body)
    assert (refused.status_code, refused.json()["error"]) == (503, "busy")
    monkeypatch.undo()
    assert (await stored.me.post("/api/v2/oncall/users", body)).status_code == 422


@pytest.mark.parametrize(
    ("length", "size"),
    [
        (b"0", 0),
        (b"000", 0),
        (b"16384", 16_384),
        (b"0" * 30 + b"16385", 16_385),
        (b"9" * 30, int("9" * 20)),
        (b"1" + b"0" * 9_000, 10**19),
        (b"1e9", None),
        (b"", None),
    ],
)
def test_the_size_of_a_body_is_read_whatever_zeros_it_begins_with(
    length: bytes, size: int | None
) -> None:
    """A large body was taken for a small one if twenty zeros stood before its length."""
    scope = {"method": "POST", "headers": [(b"content-length", length)]}
    assert request_head(scope).body_bytes == size
