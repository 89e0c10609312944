"""Rare cases: callers who hang up, limits, and errors that other modules raise."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import update
from starlette.types import Message
from structlog.testing import capture_logs

from app import errors
from app.database.database import Tx
from app.database.tables import schedule_versions
from app.engine.layered import limits
from app.teams.overrides import store as override_store
from app.teams.problems import error_response, status_of
from app.teams.schedules import store as schedule_store
from tests.support.scenes import DAILY, EMPTY, entry, june, override, scene, who
from tests.support.stored import V1, V2, Stored, code_of

pytestmark = pytest.mark.anyio


def half_sent(stored: Stored) -> dict[str, Any]:
    """Return the scope of a write whose body does not arrive whole."""
    headers = [
        (b"x-api-key", str(stored.me.key).encode()),
        (b"content-type", b"application/json"),
        (b"content-length", b"999"),
    ]
    return {
        "type": "http",
        "method": "POST",
        "path": f"{V2}/users",
        "query_string": b"",
        "headers": headers,
        "client": ("203.0.113.9", 1),
    }


async def test_who_hangs_up_has_done_nothing(stored: Stored) -> None:
    body = json.dumps({"name": "Ann", "email": "ann@example.com"}).encode()
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await stored.app(half_sent(stored), receive, send)
    assert sent == []
    assert await stored.me.read(f"{V2}/users") == []


async def test_what_outlasts_a_restart_is_told_to_come_back(stored: Stored) -> None:
    """A server cancels it."""
    waits = asyncio.Event()
    sent: list[Message] = []

    async def receive() -> Message:
        waits.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    asking = asyncio.create_task(stored.app(half_sent(stored), receive, send))
    await waits.wait()
    asking.cancel()
    await asking
    head, body = sent
    assert head["status"] == 503
    assert (b"retry-after", b"1") in head["headers"]
    answer = json.loads(body["body"])
    assert (list(answer), answer["error"]) == (["error", "message"], "interrupted")
    assert "payment" not in answer["message"]


async def test_a_defect_is_told_in_the_same_shape_and_logged(stored: Stored) -> None:
    """Its cause, here a row that nothing of ours writes, is for the log alone."""
    me = await scene(stored, {**DAILY, "id": "spoilt"})

    async def spoil(tx: Tx) -> None:
        row = update(schedule_versions).where(schedule_versions.c.schedule_id == "spoilt")
        await tx.execute(row.values(document="a secret"))

    await stored.database.write(spoil)
    with capture_logs() as logs:
        response = await me.get(f"{V1}/schedules/spoilt")
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert (list(answer), answer["error"]) == (["error", "message"], "internal_error")
    assert "secret" not in response.text
    [unhandled] = [entry for entry in logs if entry["event"] == "unhandled"]
    assert (unhandled["log_level"], unhandled["exc_info"]) == ("error", True)
    counted = 'oncall_requests_total{route="/api/v1/schedules/{id}",status="500"} 1.0'
    assert counted in (await stored.http.get("/metrics")).text.splitlines()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.MalformedBody(), 400, "bad_request"),
        (errors.Unauthorized(), 401, "unauthorized"),
        (errors.Forbidden(), 403, "forbidden"),
        (errors.NotFound(), 404, "not_found"),
        (errors.BodyTooSlow(), 408, "body_too_slow"),
        (errors.Conflict(), 409, "conflict"),
        (errors.PreconditionFailed(), 412, "precondition_failed"),
        (errors.BodyTooLarge(), 413, "body_too_large"),
        (errors.UnsupportedMediaType(), 415, "unsupported_media_type"),
        (errors.TooManySegments(), 422, "validation_failed"),
        (errors.RateLimited(retry_after=7), 429, "rate_limited"),
        (errors.HeadersTooLarge(), 431, "headers_too_large"),
        (errors.StoreUnavailable.because("is busy"), 503, "unavailable"),
    ],
)
async def test_how_each_failure_is_told(error: Any, status: int, code: str) -> None:
    response = error_response(error)
    answer = json.loads(bytes(response.body))
    assert (response.status_code, answer["error"]) == (status, code)
    assert answer["message"] == error.detail
    assert ("Retry-After" in response.headers) == (status in (429, 503))
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


async def test_two_errors_of_one_field_are_both_told() -> None:
    found = [errors.FieldError("/a", "is odd."), errors.FieldError("/a", "is long.")]
    answer = json.loads(bytes(error_response(errors.InvalidRequest(found)).body))
    assert answer["fields"] == {"/a": "is odd. is long."}


async def test_a_failure_of_the_other_apis_has_their_status() -> None:
    assert status_of(errors.NotAcceptable) == 406


async def test_a_schedule_has_so_many_covers_to_come(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(override_store, "MAX_TO_COME", 2)
    me = await scene(stored, EMPTY)
    await override(me, "ann", june(5), june(6), "empty")
    shift = await entry(me, "ann", june(5), june(6), "empty")
    body = {"user_id": "bob", "start_at": june(5), "end_at": june(6)}
    path = f"{V1}/schedules/empty/overrides"
    assert code_of(await me.post(path, body)) == (409, "conflict")
    await me.delete_at(f"{V2}/entries/{shift}")
    assert (await me.post(path, body)).status_code == 201


@pytest.mark.parametrize("bound", ["MOST_RULES", "MOST_RULES_BYTES"])
async def test_a_schedule_has_so_many_rules(
    stored: Stored, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    me = await scene(stored, EMPTY)
    path = f"{V2}/schedules/empty"
    await me.update(path, {"participants": ["ann"]})
    monkeypatch.setattr(schedule_store, bound, 2)
    refused = await me.patch(path, {"participants": ["bob"]})
    assert code_of(refused) == (409, "conflict")
    assert "make a new schedule" in refused.json()["message"]
    assert (await me.update(path, {"name": "Renamed"}))["participants"] == ["ann"]


async def test_large_layers_are_read_as_small_ones(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_store, "MAX_CACHED_BYTES", 0)
    me = await scene(stored, DAILY)
    assert [await who(me, june(day)) for day in (1, 2, 2)] == ["ann", "bob", "bob"]


async def test_rules_of_another_time_do_not_make_a_window_too_much_work(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly = {"rotation_type": "custom", "interval": {"unit": "hours", "count": 1}}
    me = await scene(stored, {**DAILY, **hourly})
    stored.at(june(10))
    await me.update(f"{V2}/schedules/daily", {"rotation_type": "daily", "interval": None})
    monkeypatch.setattr(limits, "STEPS", 50)
    path = f"{V1}/schedules/daily/final-schedule"
    asked = [await me.get(f"{path}?from={june(day)}&to={june(day + 3)}") for day in (8, 11)]
    assert [answer.status_code for answer in asked] == [422, 200]


async def test_writers_at_once_lose_nothing(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    path = f"{V2}/schedules/empty"
    asked = [me.patch(path, {"name": f"Name {number}"}) for number in range(6)]
    asked += [
        me.post(f"{V1}/schedules/empty/overrides", {"user_id": "ann", **window(day)})
        for day in range(2, 8)
    ]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {200, 201}
    assert (await me.read(path))["version"] == 13
    assert len(await me.read(f"{V1}/schedules/empty/overrides")) == 6


async def test_one_of_many_with_the_same_version_wins(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    path = f"{V2}/schedules/empty"
    asked = [me.patch(path, {"name": f"Name {number}"}, If_Match='"1"') for number in range(6)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]


def window(day: int) -> dict[str, str]:
    return {"start_at": june(day), "end_at": june(day + 1)}
