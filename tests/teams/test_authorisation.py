"""Authorisation: every operation of the table × every kind of key, in both headers."""

import httpx
import pytest

from app.teams.keys.store import SCOPES, revoke_key
from app.teams.operation import Operation
from tests.support.stored import Caller, Stored
from tests.support.world import OPERATIONS, Request, named, request_of, world

pytestmark = pytest.mark.anyio
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=named)

NOWHERE = {"swap": "swap_none", "token": "feed_none"}
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = (
    (401, "unauthorized"),
    (403, "forbidden"),
    (404, "not_found"),
)
EMPTY = {"data": [], "total": 0, "limit": 25, "offset": 0}


async def answer(caller: Caller, request: Request, **headers: str) -> httpx.Response:
    return await caller.ask(*request, headers)


def outcome(response: httpx.Response) -> tuple[int, str]:
    refused = response.status_code >= 400
    return response.status_code, response.json()["error"] if refused else ""


@each_operation
async def test_no_valid_key(stored: Stored, operation: Operation) -> None:
    request = request_of(operation, NOWHERE)
    _, other = await stored.key()
    expired = (await stored.key(expires_at=stored.now))[1]
    key, gone = await stored.key()
    await stored.database.write(lambda tx: revoke_key(tx, key.id, stored.now))
    keys = {
        "no key": None,
        "malformed": "ak_live_short",
        "empty": "",
        "not ASCII": "ak_live_ü",
        "unknown": f"ak_live_0123456789_{'a' * 43}",
        "wrong secret": other[:-1] + ("A" if other[-1] != "A" else "B"),
        "label changed": other.replace("ak_live_", "ak_test_"),
        "expired": expired,
        "revoked": gone,
    }
    found = {}
    for case, presented in keys.items():
        for style in ("X-API-Key", "Authorization"):
            response = await answer(stored.caller(presented, style), request)  # type: ignore[arg-type]
            assert response.headers["WWW-Authenticate"] == "Bearer"
            found[f"{case}, {style}"] = outcome(response)
    assert found == dict.fromkeys(found, UNAUTHORIZED)


@each_operation
async def test_one_scope_alone(stored: Stored, operation: Operation) -> None:
    request = request_of(operation, await world(stored))
    found = {}
    for scope in sorted(SCOPES, key=lambda scope: scope == operation.scope):  # its own last
        caller = await stored.with_scopes(scope)
        response = await answer(caller, request)
        found[scope] = outcome(response)
        if scope != operation.scope:
            wanted = f"API key lacks required scope: {operation.scope}"
            assert response.json()["message"] == wanted
    assert found == {**dict.fromkeys(SCOPES, FORBIDDEN), operation.scope: (operation.status, "")}


@each_operation
async def test_another_organisation(stored: Stored, operation: Operation) -> None:
    """Ids are not there, and lists are empty; making something is the other's own."""
    request = request_of(operation, await world(stored))
    before = await everything(stored.me)
    response = await answer(await stored.stranger(), request)
    if "{" in operation.path:
        assert outcome(response) == NOT_FOUND
    elif operation.method == "GET":
        shown = response.json()
        assert shown["data"] == []
        assert shown == EMPTY or shown["next"]
    else:
        assert response.status_code in (201, 422)  # 422: it names people of the first
    assert await everything(stored.me) == before


async def everything(caller: Caller) -> list[object]:
    paths = ("/api/v1/schedules", "/api/v2/oncall/users", "/api/v1/escalation-policies")
    return [await caller.read(path) for path in paths]


class TestBothHeaders:
    async def test_the_same_key_twice_is_one(self, stored: Stored) -> None:
        _, presented = await stored.key()
        caller = stored.caller(presented)
        response = await caller.get("/api/v1/schedules", Authorization=f"Bearer {presented}")
        assert response.status_code == 200

    async def test_two_keys_are_refused(self, stored: Stored) -> None:
        _, one = await stored.key()
        _, other = await stored.key()
        response = await stored.caller(one).get(
            "/api/v1/schedules", Authorization=f"Bearer {other}"
        )
        assert outcome(response) == UNAUTHORIZED
        assert response.json()["message"] == "send one key only"

    @pytest.mark.parametrize("word", ["bearer", "BEARER", "Bearer"])
    async def test_the_scheme_is_a_word_in_any_case(self, stored: Stored, word: str) -> None:
        _, presented = await stored.key()
        response = await stored.caller(None).get(
            "/api/v1/schedules", Authorization=f"{word} {presented}"
        )
        assert response.status_code == 200

    async def test_another_scheme_is_no_key(self, stored: Stored) -> None:
        response = await stored.caller(None).get("/api/v1/schedules", Authorization="Basic YTpi")
        assert outcome(response) == UNAUTHORIZED


class TestAtOnce:
    async def test_a_key_is_refused_as_soon_as_it_is_revoked(self, stored: Stored) -> None:
        key, presented = await stored.key()
        caller = stored.caller(presented)
        assert (await caller.get("/api/v1/schedules")).status_code == 200
        await stored.database.write(lambda tx: revoke_key(tx, key.id, stored.now))
        assert outcome(await caller.get("/api/v1/schedules")) == UNAUTHORIZED

    async def test_a_key_is_refused_as_soon_as_it_expires(self, stored: Stored) -> None:
        caller = stored.caller((await stored.key(expires_at=stored.now + 1000))[1])
        stored.clock.advance(0.999)
        assert (await caller.get("/api/v1/schedules")).status_code == 200
        stored.clock.advance(0.001)
        assert outcome(await caller.get("/api/v1/schedules")) == UNAUTHORIZED


def test_the_scopes_are_those_of_the_pages() -> None:
    """Every row of both pages' tables, whose paths the v2 page writes without ``/api``."""
    scopes = {named(operation): operation.scope for operation in OPERATIONS}
    read, write = "oncall:read", "oncall:write"
    v2 = "/api/v2/oncall"
    assert {
        f"GET {v2}/schedules": read,
        f"GET {v2}/schedules/{{id}}": read,
        f"GET {v2}/schedules/{{id}}/entries": read,
        f"GET {v2}/current/{{team_id}}": read,
        f"POST {v2}/schedules": write,
        f"PATCH {v2}/schedules/{{id}}": write,
        f"DELETE {v2}/schedules/{{id}}": write,
        f"POST {v2}/schedules/{{id}}/entries": write,
        f"DELETE {v2}/entries/{{entry_id}}": write,
        f"POST {v2}/entries/{{entry_id}}/swap": write,
        "GET /api/v1/schedules": "schedules",
        "POST /api/v1/schedules": "schedules",
        "GET /api/v1/schedules/{id}": "schedules",
        "PATCH /api/v1/schedules/{id}": "schedules",
        "DELETE /api/v1/schedules/{id}": "schedules",
        "GET /api/v1/schedules/{id}/on-call": "schedules",
        "POST /api/v1/schedules/{id}/overrides": "schedules",
        "DELETE /api/v1/schedules/{id}/overrides/{override_id}": "schedules",
    }.items() <= scopes.items()


@pytest.mark.parametrize(
    ("prefix", "method", "scope"),
    [
        pytest.param("/api/v1/", "", "schedules", id="v1 everything"),
        pytest.param("/api/v2/oncall/", "GET", "oncall:read", id="v2 reads"),
        pytest.param("/api/v2/oncall/", "-", "oncall:write", id="v2 writes"),
    ],
)
def test_every_operation_has_the_scope_of_its_kind(prefix: str, method: str, scope: str) -> None:
    def kind(operation: Operation) -> str:
        return "GET" if operation.method == "GET" else "-"

    found = {
        operation.scope
        for operation in OPERATIONS
        if operation.path.startswith(prefix) and method in ("", kind(operation))
    }
    assert found == {scope}
