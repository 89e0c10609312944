"""Large bodies are few in memory at once, whoever sends them."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from app.errors import WorkersBusy
from app.http import large_bodies
from app.http.large_bodies import BYTES, LARGE_BYTES, OWN_BYTES, BodyShare, LargeBodies
from app.http.request_head import request_head
from tests.support.services import EXAMPLE, PATH, Sandbox
from tests.support.stored import Stored

MIB = 1024 * 1024


def share(bodies: LargeBodies, client: str = "me", size: int = 0) -> BodyShare:
    made = BodyShare(bodies, client)
    made.hold(size)
    return made


def test_one_client_has_few_megabytes() -> None:
    bodies = LargeBodies()
    first, *_ = [share(bodies, size=MIB) for _ in range(OWN_BYTES // MIB)]
    with pytest.raises(WorkersBusy) as refused:
        share(bodies, size=LARGE_BYTES + 1)
    assert refused.value.retry_after == 2
    assert refused.value.detail == (
        "too many bodies over 16 KiB are being read: at most 4 MiB of one client at a time"
    )
    share(bodies, size=LARGE_BYTES)  # a small one needs no room
    share(bodies, "you", MIB)
    first.give_back()
    first.give_back()  # again is nothing
    share(bodies, size=MIB)
    with pytest.raises(WorkersBusy):
        share(bodies, size=LARGE_BYTES + 1)


def test_all_together_have_a_bound() -> None:
    bodies = LargeBodies()
    first, *_ = [share(bodies, str(number), MIB) for number in range(BYTES // MIB)]
    with pytest.raises(WorkersBusy):
        share(bodies, "one more", MIB)
    first.give_back()
    share(bodies, "one more", MIB)


def test_what_has_arrived_is_counted_once() -> None:
    bodies = LargeBodies()
    growing = share(bodies)
    for size in range(LARGE_BYTES // 2, MIB + 1, LARGE_BYTES // 2):
        growing.hold(size)
    assert bodies._by_client == {"me": MIB}
    for _ in range(2):
        growing.give_back()
        assert (bodies._by_client, bodies._all) == ({}, 0)
    growing.hold(MIB)
    assert bodies._by_client == {"me": MIB}


async def trickle(arrived: asyncio.Event) -> AsyncIterator[bytes]:
    yield json.dumps(EXAMPLE).encode() + b" " * LARGE_BYTES
    await arrived.wait()


@pytest.mark.anyio
async def test_a_place_is_held_until_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "OWN_BYTES", LARGE_BYTES + 1_000)
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


async def stand_still(left: asyncio.Event) -> AsyncIterator[bytes]:
    yield b"{"
    await left.wait()


@pytest.mark.anyio
async def test_uploads_that_stand_still_hold_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "BYTES", LARGE_BYTES + 1_000)
    sandbox, left = Sandbox(), asyncio.Event()
    headers = {"Content-Type": "application/json", "Content-Length": "1000000"}
    idle = [
        asyncio.create_task(sandbox.http.post(PATH, content=stand_still(left), headers=headers))
        for _ in range(20)
    ]
    await asyncio.sleep(0.1)
    large = await sandbox.ask(json.dumps(EXAMPLE).encode() + b" " * LARGE_BYTES)
    assert large.status_code == 402
    left.set()
    assert {each.status_code for each in await asyncio.gather(*idle)} == {400}


@pytest.mark.anyio
async def test_the_stored_apis_hold_them_too(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_bodies, "OWN_BYTES", 0)
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
