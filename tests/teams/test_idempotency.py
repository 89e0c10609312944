"""``Idempotency-Key``: a request sent twice is done once."""

import asyncio

import pytest
from sqlalchemy import select

from app.database.database import Tx
from app.database.tables import metadata
from app.teams.calendars.schemas import NewFeedToken
from app.teams.operation import Operation
from tests.support.scenes import DAILY, june, scene
from tests.support.stored import V1, V2, Stored, code_of, faults_in
from tests.support.world import OPERATIONS, named, request_of, world

pytestmark = pytest.mark.anyio

USERS = f"{V2}/users"
ANN = {"name": "Ann", "email": "ann@example.com"}


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.method == "POST"], ids=named
)
async def test_every_post_takes_it(stored: Stored, operation: Operation) -> None:
    request = request_of(operation, await world(stored))
    once = {"Idempotency-Key": "once"}
    first = await stored.me.ask(*request, once)
    again = await stored.me.ask(*request, once)
    assert first.status_code == operation.status
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.status_code == first.status_code
    assert again.content == first.content
    for name in ("Location", "ETag", "Content-Type", "Cache-Control"):
        assert again.headers.get(name) == first.headers.get(name)


async def test_a_replay_is_counted_and_traced_as_itself(stored: Stored) -> None:
    first = await stored.me.post(USERS, ANN, Idempotency_Key="a")
    again = await stored.me.post(USERS, ANN, Idempotency_Key="a")
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert len(again.headers.get_list("RateLimit")) == 1
    assert again.headers["RateLimit"] != first.headers["RateLimit"]


async def test_the_effect_is_there_once(stored: Stored) -> None:
    for _ in range(3):
        await stored.me.post(USERS, ANN, Idempotency_Key="a")
    assert len(await stored.me.read(USERS)) == 1


async def test_another_key_is_another_request(stored: Stored) -> None:
    for key in ("a", "b", "A"):
        await stored.me.post(USERS, ANN, Idempotency_Key=key)
    assert len(await stored.me.read(USERS)) == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(USERS, {**ANN, "name": "Anna"}, id="another body"),
        pytest.param(f"{V2}/schedules", ANN | {"rotation_type": "x"}, id="another path"),
        pytest.param(USERS, dict(reversed(ANN.items())), id="other bytes"),
    ],
)
async def test_another_request_with_the_same_key(stored: Stored, path: str, body: object) -> None:
    await stored.me.post(USERS, ANN, Idempotency_Key="a")
    fields = faults_in(await stored.me.post(path, body, Idempotency_Key="a"))
    if path == USERS:
        assert fields == {
            "Idempotency-Key": "has been used for another request: give every request a key of "
            "its own"
        }
    assert len(await stored.me.read(USERS)) == 1


async def test_another_path_with_the_same_body_and_key(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    await me.post(f"{V2}/users/ann/feed-tokens", {}, Idempotency_Key="a")
    response = await me.post(f"{V2}/users/bob/feed-tokens", {}, Idempotency_Key="a")
    assert list(faults_in(response)) == ["Idempotency-Key"]


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ä", "a b", "a\tb", "a\x7f"], ids=repr)
async def test_a_key_of_another_form(stored: Stored, key: str) -> None:
    response = await stored.me.post(USERS, ANN, Idempotency_Key=key)
    assert list(faults_in(response)) == ["Idempotency-Key"]
    assert await stored.me.read(USERS) == []


async def test_a_key_of_255_characters(stored: Stored) -> None:
    response = await stored.me.post(USERS, ANN, Idempotency_Key="x" * 255)
    assert response.status_code == 201


async def test_two_keys(stored: Stored) -> None:
    http = stored.http
    headers = [*stored.me.headers.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    response = await http.post(USERS, json=ANN, headers=headers)
    assert list(faults_in(response)) == ["Idempotency-Key"]


async def test_it_is_kept_for_24_hours(stored: Stored) -> None:
    await stored.me.post(USERS, ANN, Idempotency_Key="a")
    stored.clock.advance(24 * 3600 - 1)
    assert "Idempotent-Replayed" in (await stored.me.post(USERS, ANN, Idempotency_Key="a")).headers
    stored.clock.advance(1)
    response = await stored.me.post(USERS, {**ANN, "name": "Anna"}, Idempotency_Key="a")
    assert response.status_code == 201
    assert len(await stored.me.read(USERS)) == 2


async def test_a_refusal_is_not_kept(stored: Stored) -> None:
    path = f"{V1}/schedules/daily/overrides"
    body = {"user_id": "ann", "start_at": june(1), "end_at": june(2)}
    assert code_of(await stored.me.post(path, body, Idempotency_Key="a")) == (404, "not_found")
    await scene(stored, DAILY)
    response = await stored.me.post(path, body, Idempotency_Key="a")
    assert response.status_code == 201


async def test_an_organisation_has_its_own_keys(stored: Stored) -> None:
    await stored.me.post(USERS, ANN, Idempotency_Key="a")
    response = await (await stored.stranger()).post(USERS, ANN, Idempotency_Key="a")
    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response.headers


async def test_any_key_of_the_organisation_is_answered_again(stored: Stored) -> None:
    first = await stored.me.post(USERS, ANN, Idempotency_Key="a")
    other = await stored.with_scopes("oncall:write")
    assert (await other.post(USERS, ANN, Idempotency_Key="a")).content == first.content


TOKEN_POSTS = [each for each in OPERATIONS if each.answer is NewFeedToken]


@pytest.mark.parametrize("operation", TOKEN_POSTS, ids=named)
async def test_a_secret_is_stored_nowhere(stored: Stored, operation: Operation) -> None:
    """Not in the stored answer either, of which a copy of the database would give it away."""
    request = request_of(operation, await world(stored))
    once = {"Idempotency-Key": "once"}
    first = await stored.me.ask(*request, once)
    secret = first.json()["data"]["token"]

    async def everything(tx: Tx) -> str:
        tables = metadata.sorted_tables
        return repr([list(await tx.execute(select(each))) for each in tables])

    async with stored.database.reading() as tx:
        assert secret not in await everything(tx)
    assert (await stored.me.ask(*request, once)).content == first.content


async def test_a_secret_is_told_again_to_the_same_api_key_only(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    path = f"{V2}/users/ann/feed-tokens"
    first = await me.post(path, {}, Idempotency_Key="a")
    other = await stored.with_scopes("oncall:write", "oncall:read")
    refused = await other.post(path, {}, Idempotency_Key="a")
    assert code_of(refused) == (409, "conflict")
    assert "revoke the one that was made" in refused.json()["message"]
    assert len(await other.read(path)) == 1
    as_bearer = stored.caller(me.key, "Authorization")
    assert (await as_bearer.post(path, {}, Idempotency_Key="a")).content == first.content


async def test_it_is_ignored_where_nothing_is_posted(stored: Stored) -> None:
    await scene(stored, DAILY)
    path = f"{V2}/schedules/daily"
    for name in ("One", "Two"):
        await stored.me.patch(path, {"name": name}, Idempotency_Key="a")
    assert (await stored.me.read(path))["name"] == "Two"


async def test_duplicates_at_once_make_one(stored: Stored) -> None:
    asked = [stored.me.post(USERS, ANN, Idempotency_Key="a") for _ in range(8)]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 7
    assert len(await stored.me.read(USERS)) == 1


async def test_the_same_without_a_key_makes_two(stored: Stored) -> None:
    for _ in range(2):
        await stored.me.create(USERS, ANN)
    assert len(await stored.me.read(USERS)) == 2
