"""The kept schedules as tools: what a key is shown and may call, and what it is told."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from mcp.shared.exceptions import McpError

from app.mcp.stored_tools import StoredTool, stored_tools
from app.products.registry import paid_endpoints
from app.teams.keys.store import SCOPES, revoke_key
from app.teams.routes import stored_operations
from tests.support.mcp_agents import Agent, agent, content_of, message, posted
from tests.support.processes import ROOT
from tests.support.services import PUBLIC_URL, living, service, settings
from tests.support.stored import V1, V2, Stored, opened

pytestmark = pytest.mark.anyio

PRODUCTS = [row.slug for row in paid_endpoints()]
OF_SCOPE = {
    "schedules": {
        "list-schedules",
        "who-is-on-call",
        "create-schedule",
        "create-override",
        "preview-edit",
        "edit-schedule",
    },
    "oncall:read": {
        "list-schedules",
        "who-is-on-call-for-team",
        "list-shifts",
        "list-people",
        "list-cover-candidates",
        "list-covers",
    },
    "oncall:write": {
        "add-person",
        "create-schedule",
        "ask-for-cover",
        "accept-cover",
        "preview-edit",
        "edit-schedule",
        "preview-replan",
        "replan-schedule",
    },
}
EMAIL = {"/person/email", "/person/mail"}
UNKNOWN_KEY = "ak_live_" + "0" * 10 + "_" + "A" * 43
LAYERS = {
    "name": "Primary",
    "timezone": "UTC",
    "layers": [
        {
            "name": "All day",
            "rotation_type": "daily",
            "handoff_time": "09:00",
            "participants": ["ana", "ben"],
        }
    ],
}


@contextlib.asynccontextmanager
async def with_key(stored: Stored, presented: str, header: str = "Authorization") -> Any:
    """An agent whose every request has a key."""
    value = f"Bearer {presented}" if header == "Authorization" else presented
    transport = httpx.ASGITransport(stored.app, client=("203.0.113.7", 40000))
    async with (
        httpx.AsyncClient(transport=transport, headers={header: value}) as http,
        agent(PUBLIC_URL, http) as one,
    ):
        yield one


@pytest.fixture
async def ours(stored: Stored) -> AsyncIterator[Agent]:
    """An agent with a key of every scope, in an organisation with two people."""
    await stored.me.add_users("ana", "ben")
    async with with_key(stored, stored.me.key or "") as one:
        yield one


async def names(one: Agent) -> Sequence[str]:
    return [tool.name for tool in (await one.session.list_tools()).tools]


async def told(one: Agent, tool: str, arguments: Any) -> Any:
    """What a call answers; it must not fail."""
    result = await one.ask(arguments, tool=tool)
    assert not result.isError, result.content
    return content_of(result)


async def refused(one: Agent, tool: str, arguments: Any) -> Any:
    result = await one.ask(arguments, tool=tool)
    assert result.isError
    return content_of(result)


async def primary(one: Agent) -> str:
    created = await told(one, "create-schedule", {"schedule": LAYERS})
    return str(created["data"]["id"])


class TestListed:
    async def test_without_a_key_there_are_the_products_alone(self, stored: Stored) -> None:
        async with agent(PUBLIC_URL, stored.http) as anonymous:
            assert await names(anonymous) == PRODUCTS
            with pytest.raises(McpError, match=r"Unknown tool: list-schedules\.") as unknown:
                await anonymous.ask({}, tool="list-schedules")
        assert "edit-schedule" not in unknown.value.error.message

    async def test_another_kind_of_authorization_is_no_key(self, stored: Stored) -> None:
        listing = message("tools/list")
        response = await posted(stored.http, listing, Authorization="Basic YTpi")
        assert [tool["name"] for tool in response.json()["result"]["tools"]] == PRODUCTS

    @pytest.mark.parametrize("scopes", [(each,) for each in SCOPES] + [SCOPES], ids=" ".join)
    async def test_a_key_is_shown_what_its_scopes_permit(
        self, stored: Stored, scopes: Sequence[str]
    ) -> None:
        _, presented = await stored.key(scopes)
        async with with_key(stored, presented) as one:
            listed = await names(one)
        assert listed[: len(PRODUCTS)] == PRODUCTS
        assert set(listed[len(PRODUCTS) :]) == set().union(*(OF_SCOPE[each] for each in scopes))

    async def test_the_other_header_does_as_well(self, stored: Stored) -> None:
        async with with_key(stored, stored.me.key or "", "X-API-Key") as one:
            assert "edit-schedule" in await names(one)

    async def test_only_the_edit_replaces_anything(self, ours: Agent) -> None:
        tools = {tool.name: tool for tool in (await ours.session.list_tools()).tools}
        hints = {
            name: (
                tool.annotations.readOnlyHint,
                tool.annotations.destructiveHint,
                tool.annotations.idempotentHint,
            )
            for name, tool in tools.items()
            if tool.annotations and name not in PRODUCTS
        }
        assert hints["edit-schedule"] == (False, True, False)
        assert {name for name, (_, destroys, _) in hints.items() if destroys} == {"edit-schedule"}
        assert {name for name, (reads, _, _) in hints.items() if reads} == {
            "list-schedules",
            "who-is-on-call",
            "who-is-on-call-for-team",
            "list-shifts",
            "list-people",
            "list-cover-candidates",
            "list-covers",
            "preview-edit",
            "preview-replan",
        }
        assert all(idempotent == reads for reads, _, idempotent in hints.values())

    def test_schemas_are_whole_and_take_the_examples_of_the_operations(self) -> None:
        for tool in stored_tools():
            for operation in tool.operations:
                schema = tool.schema_of(operation)
                Draft202012Validator.check_schema(schema)
                arguments: dict[str, Any] = dict.fromkeys(tool.path.values(), "an-id")
                if tool.document:
                    arguments[tool.document] = operation.example
                if "from" in schema["required"]:
                    arguments |= {"from": "2026-06-01T00:00:00Z", "to": "2026-06-02T00:00:00Z"}
                Draft202012Validator(schema).validate(arguments)
                assert "preview" not in schema["properties"]


class TestCalled:
    async def test_from_nothing_to_who_is_on_call(self, stored: Stored) -> None:
        async with with_key(stored, stored.me.key or "") as one:
            for name in ("ana", "ben"):
                person = {"id": name, "name": name, "email": f"{name}@example.com"}
                await told(one, "add-person", {"person": person})
            schedule_id = await primary(one)
            people = await told(one, "list-people", {"limit": 1, "offset": 1})
            now = await told(one, "who-is-on-call", {"schedule_id": schedule_id})
            stretch = {
                "user_id": "ben",
                "start_at": now["data"]["at"],
                "end_at": "2027-01-01T00:00Z",
            }
            await told(one, "create-override", {"schedule_id": schedule_id, "override": stretch})
            then = await told(
                one, "who-is-on-call", {"schedule_id": schedule_id, "at": "2026-12-01T00:00:00Z"}
            )
        assert [person["id"] for person in people["data"]] == ["ben"]
        assert (now["data"]["user_id"], then["data"]["user_id"]) == ("ana", "ben")
        [_, override] = await stored.me.read(f"{V1}/schedules/{schedule_id}/audit")
        assert override["action"] == "override.created"
        assert override["actor"]["key_name"] == "tests"

    async def test_an_edit_is_looked_at_and_made(self, stored: Stored, ours: Agent) -> None:
        schedule_id = await primary(ours)
        layers = [{**LAYERS["layers"][0], "participants": ["ben"]}]  # type: ignore[index]
        edit = {"schedule_id": schedule_id, "changes": {"layers": layers}}
        preview = await told(ours, "preview-edit", edit)
        waiting = await told(
            ours, "edit-schedule", {**edit, "version": 1, "effective_from": "next_handoff"}
        )
        assert (preview["data"]["before"]["user_id"], preview["data"]["version"]) == ("ana", 1)
        assert preview["data"]["after"]["user_id"] == "ben"
        assert (waiting["data"]["version"], len(waiting["data"]["pending"])) == (2, 1)
        late = await refused(ours, "edit-schedule", {**edit, "version": 1})
        assert (late["error"], late["status"]) == ("precondition_failed", 412)
        assert len(await stored.me.read(f"{V1}/schedules/{schedule_id}/audit")) == 2

    async def test_a_key_of_v2_edits_the_rotation(self, stored: Stored) -> None:
        await stored.me.add_users("ana", "ben")
        _, presented = await stored.key(("oncall:read", "oncall:write"))
        rotation = {"name": "Nights", "timezone": "UTC", "rotation_type": "daily", "team_id": "t"}
        async with with_key(stored, presented) as one:
            created = await told(
                one, "create-schedule", {"schedule": {**rotation, "participants": ["ana"]}}
            )
            schedule_id = created["data"]["id"]
            changes = {"participants": ["ben", "ana"]}
            await told(one, "edit-schedule", {"schedule_id": schedule_id, "changes": changes})
            listed = await told(one, "list-schedules", {"team_id": "t"})
            current = await told(one, "who-is-on-call-for-team", {"team_id": "t"})
        assert listed["data"][0]["participants"] == ["ben", "ana"]
        assert current["on_call"]["user_id"] == "ana"

    async def test_a_cover_is_asked_for_and_accepted(self, ours: Agent) -> None:
        schedule_id = await primary(ours)
        night = {"start": "2026-12-02T20:00:00Z", "end": "2026-12-03T06:00:00Z"}
        window = {"from": night["start"], "to": night["end"]}
        [held] = (await told(ours, "list-shifts", {"person_id": "ana", **window}))["data"]["shifts"]
        ranked = await told(
            ours, "list-cover-candidates", {"schedule_id": schedule_id, "user_id": "ana", **window}
        )
        asked = await told(
            ours,
            "ask-for-cover",
            {"schedule_id": schedule_id, "version": 1, "cover": {"user_id": "ana", **night}},
        )
        cover_id = asked["data"]["id"]
        [listed] = (await told(ours, "list-covers", {"state": "open"}))["data"]
        late = {"cover_id": cover_id, "version": 2, "acceptance": {"user_id": "ben"}}
        refusal = await refused(ours, "accept-cover", late)
        accepted = await told(
            ours, "accept-cover", {**late, "version": 1, "idempotency_key": "once"}
        )
        [taken, *_] = (await told(ours, "list-shifts", {"person_id": "ben", **window}))["data"][
            "shifts"
        ]
        assert held["schedule_id"] == schedule_id
        assert [each["user_id"] for each in ranked["data"]["candidates"]] == ["ben"]
        assert listed == asked["data"]
        assert (refusal["error"], refusal["status"]) == ("precondition_failed", 412)
        assert (accepted["data"]["state"], taken["source"]) == ("accepted", "override")

    async def test_a_schedule_is_planned_anew_after_an_absence(
        self, stored: Stored, ours: Agent
    ) -> None:
        schedule_id = await primary(ours)
        window = {"from": "2026-12-02T00:00:00Z", "to": "2026-12-03T00:00:00Z"}
        shifts = (await told(ours, "list-shifts", {"person_id": "ana", **window}))["data"]["shifts"]
        stretch = {key: shifts[0][key] for key in ("start", "end")}
        plan = {
            "from": stretch["start"],
            "to": stretch["end"],
            "unavailable": [{"user_id": "ana", **stretch}],
        }
        call = {"schedule_id": schedule_id, "plan": plan}
        preview = (await told(ours, "preview-replan", call))["data"]
        made = (await told(ours, "replan-schedule", {**call, "version": 1}))["data"]
        assert made["changes"] == preview["changes"]
        for told_of, changed in ((preview, False), (made, True)):
            [moved] = told_of["stretches"]
            assert (moved["previous_user_id"], moved["user_id"]) == ("ana", "ben")
            assert (moved["override_id"] is not None) == changed
        who = {"schedule_id": schedule_id, "at": stretch["start"]}
        assert (await told(ours, "who-is-on-call", who))["data"]["user_id"] == "ben"
        assert len(await stored.me.read(f"{V1}/schedules/{schedule_id}/audit")) == 2
        unknown = await refused(ours, "preview-replan", {**call, "plan": {**plan, "till": 1}})
        assert "/plan/till" in unknown["fields"]

    async def test_faults_of_an_acceptance_are_named_in_it(self, ours: Agent) -> None:
        call = {"cover_id": "c", "acceptance": {"start": "2026-12-01T20:00:00Z", "user": "ben"}}
        answer = await refused(ours, "accept-cover", call)
        assert set(answer["fields"]) == {"/acceptance/user_id", "/acceptance/user"}

    async def test_lists_are_read_to_their_end_by_cursors(self, ours: Agent) -> None:
        await primary(ours)
        await primary(ours)
        for name, whole in (("list-schedules", 2), ("list-people", 2)):
            first = await told(ours, name, {"limit": 1})
            rest = await told(ours, name, {"limit": 5, "cursor": first["next_cursor"]})
            assert len({each["id"] for each in first["data"] + rest["data"]}) == whole

    async def test_the_same_call_with_a_key_of_its_own_is_done_once(self, ours: Agent) -> None:
        call = {"person": {"name": "Cy", "email": "cy@example.com"}, "idempotency_key": "once"}
        first = await ours.ask(call, tool="add-person")
        again = await ours.ask(call, tool="add-person")
        assert content_of(first) == content_of(again)
        assert (first.meta, again.meta) == (None, {"Idempotent-Replayed": "true"})
        people = await told(ours, "list-people", {})
        assert people["total"] == 3

    async def test_it_is_done_once_over_mcp_and_http_together(
        self, stored: Stored, ours: Agent
    ) -> None:
        person = {"name": "Cy", "email": "cy@example.com"}
        body = json.dumps(person, separators=(",", ":")).encode()
        over_http = await stored.me.post(f"{V2}/users", body, Idempotency_Key="both")
        call = {"person": person, "idempotency_key": "both"}
        assert await told(ours, "add-person", call) == over_http.json()

    async def test_a_null_argument_is_an_absent_one(self, ours: Agent) -> None:
        listed = await told(ours, "list-schedules", {"team_id": None, "limit": None})
        assert (listed["total"], listed["limit"]) == (0, 25)

    async def test_a_product_is_sold_whatever_key_comes_with_the_call(self, stored: Stored) -> None:
        call = message(
            "tools/call", {"name": PRODUCTS[0], "arguments": paid_endpoints()[0].example}
        )
        bought = await posted(stored.http, call, Authorization=f"Bearer {UNKNOWN_KEY}")
        assert not bought.json()["result"]["isError"]


class TestRefused:
    async def test_a_tool_beyond_the_scopes(self, stored: Stored) -> None:
        _, presented = await stored.key(("oncall:read",))
        async with with_key(stored, presented) as one:
            answer = await refused(one, "create-schedule", {"schedule": LAYERS})
        assert answer == {
            "error": "forbidden",
            "message": "API key lacks required scope: schedules",
            "status": 403,
        }

    async def test_what_belongs_to_another_organisation(self, stored: Stored, ours: Agent) -> None:
        schedule_id = await primary(ours)
        stranger = await stored.stranger()
        async with with_key(stored, stranger.key or "") as other:
            listed = await told(other, "list-schedules", {})
            answer = await refused(other, "who-is-on-call", {"schedule_id": schedule_id})
        assert listed["data"] == []
        assert (answer["error"], answer["status"]) == ("not_found", 404)

    @pytest.mark.parametrize("kind", ["unknown", "of no form", "expired", "revoked", "two"])
    async def test_a_key_that_is_not_valid(self, stored: Stored, kind: str) -> None:
        key, presented = await stored.key(expires_at=stored.now + 1_000)
        headers = {"Authorization": f"Bearer {presented}"}
        if kind == "unknown":
            headers["Authorization"] = f"Bearer {UNKNOWN_KEY}"
        elif kind == "of no form":
            headers["Authorization"] = "Bearer secret"
        elif kind == "expired":
            stored.clock.advance(2)
        elif kind == "two":
            headers["X-API-Key"] = UNKNOWN_KEY
        else:
            await stored.database.write(lambda tx: revoke_key(tx, key.id, stored.now))
        calls = [
            message("tools/list"),
            message("tools/call", {"name": "list-schedules", "arguments": {}}),
            message("tools/call", {"name": "edit-schedule", "arguments": {"nonsense": 1}}),
        ]
        answers = [(await posted(stored.http, call, **headers)).json() for call in calls]
        assert [answer["error"]["code"] for answer in answers] == [-32010] * 3
        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["error"]["data"] == {"error": "unauthorized", "status": 401}
        assert presented not in json.dumps(answers)
        assert stored.org not in json.dumps(answers)

    async def test_unknown_keys_are_counted_by_address(self, stored: Stored) -> None:
        headers = {"Authorization": f"Bearer {UNKNOWN_KEY}"}
        listing = message("tools/list")
        for _ in range(120):
            await posted(stored.http, listing, **headers)
        error = (await posted(stored.http, listing, **headers)).json()["error"]
        assert error["data"] == {"error": "rate_limited", "status": 429, "retryAfter": 60}
        assert (await stored.caller(UNKNOWN_KEY).get(f"{V2}/users")).status_code == 429

    async def test_a_key_has_so_many_requests_over_mcp_and_http_together(
        self, stored: Stored, ours: Agent
    ) -> None:
        await names(ours)
        for _ in range(59):
            await told(ours, "list-people", {})
            await refused(ours, "list-people", {"limit": 0})
        assert (await stored.me.get(f"{V2}/users")).status_code == 200
        answer = await refused(ours, "list-people", {})
        assert (answer["error"], answer["status"], answer["retryAfter"]) == (
            "rate_limited",
            429,
            60,
        )
        with pytest.raises(McpError, match="at most 120 requests a minute"):
            await names(ours)
        assert (await stored.me.get(f"{V2}/users")).status_code == 429

    @pytest.mark.parametrize(
        ("tool", "arguments", "fields"),
        [
            ("who-is-on-call", {}, {"/schedule_id"}),
            ("who-is-on-call", {"schedule_id": "a/../b"}, {"/schedule_id"}),
            ("who-is-on-call", {"schedule_id": "s", "att": "now"}, {"/att"}),
            ("who-is-on-call", {"schedule_id": "s", "at": 7}, {"/at"}),
            ("list-people", {"limit": 101, "offset": -1}, {"/limit", "/offset"}),
            ("add-person", {"person": 7}, {"/person"}),
            (
                "add-person",
                {"person": {"name": "Cy", "mail": "x"}},
                {"/person/email", "/person/mail"},
            ),
            ("add-person", {"person": {}, "idempotency_key": "two words"}, {"/idempotency_key"}),
            ("edit-schedule", {"schedule_id": "s", "changes": {}, "version": "1"}, {"/version"}),
            ("edit-schedule", {"schedule_id": "s", "changes": {}, "preview": "true"}, {"/preview"}),
        ],
    )
    async def test_faults_are_named_by_argument(
        self, ours: Agent, tool: str, arguments: Any, fields: set[str]
    ) -> None:
        answer = await refused(ours, tool, arguments)
        assert (answer["error"], answer["status"]) == ("validation_failed", 422)
        assert set(answer["fields"]) == fields

    async def test_an_edit_that_begins_in_the_past(self, ours: Agent) -> None:
        edit = {"schedule_id": await primary(ours), "changes": {"timezone": "Europe/Paris"}}
        answer = await refused(
            ours, "edit-schedule", {**edit, "effective_from": "2020-01-01T00:00:00Z"}
        )
        assert answer["fields"] == {"/effective_from": "is over: write an instant to come"}

    async def test_much_beside_the_document(self, ours: Agent) -> None:
        answer = await refused(ours, "list-schedules", {"team_id": "x" * 17_000})
        assert (answer["error"], answer["status"]) == ("body_too_large", 413)

    async def test_a_number_that_is_none(self, stored: Stored) -> None:
        call = b'{"name":"list-schedules","arguments":{"limit":1e999}}'
        body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%s}' % call
        response = await posted(stored.http, body, Authorization=f"Bearer {stored.me.key}")
        content = response.json()["result"]["structuredContent"]
        assert (content["error"], content["status"]) == ("bad_request", 400)

    async def test_a_quota(self, stored_url: str, clock: Any) -> None:
        call = {"person": {"name": "A", "email": "a@example.com"}}
        async with (
            opened(Stored(stored_url, clock, quota="people=1")) as small,
            with_key(small, small.me.key or "") as one,
        ):
            await told(one, "add-person", call)
            answer = await refused(one, "add-person", call)
        assert (answer["error"], answer["status"]) == ("quota_exceeded", 409)


async def test_with_a_key_an_unknown_tool_is_told_what_there_is(ours: Agent) -> None:
    with pytest.raises(McpError, match=r"Unknown tool: edit\. .*sched-.*, edit-schedule"):
        await ours.ask({}, tool="edit")


async def test_a_service_that_keeps_nothing_says_so() -> None:
    served = service(settings())
    async with living(served.app):
        response = await posted(
            served.http, message("tools/list"), Authorization=f"Bearer {UNKNOWN_KEY}"
        )
    error = response.json()["error"]
    assert "ONCALL_DATABASE_URL=none" in error["message"]
    assert error["data"] == {"error": "not_found", "status": 404}


async def test_a_database_that_is_away_is_told(tmp_path: Path) -> None:
    served = service(settings(database_url=f"sqlite:///{tmp_path}/missing/{'x' * 300}/oncall.db"))
    async with living(served.app):
        headers = {"Authorization": f"Bearer {UNKNOWN_KEY}"}
        error = (await posted(served.http, message("tools/list"), **headers)).json()["error"]
        bought = await posted(
            served.http, message("tools/call", {"name": PRODUCTS[0], "arguments": {}}), **headers
        )
    assert error["data"]["error"] == "unavailable"
    assert error["data"]["retryAfter"] >= 1
    assert bought.json()["result"]["structuredContent"]["accepts"]


def test_the_arguments_of_a_window_have_the_names_of_its_query() -> None:
    path = f"{V1}/schedules/{{id}}/final-schedule"
    [operation] = [each for each in stored_operations() if each.path == path]
    tool = StoredTool("window", "", "", [operation], path={"id": "schedule_id"}, reads=True)
    assert set(tool.schema_of(operation)["required"]) == {"schedule_id", "from", "to"}


def test_the_document_lists_every_tool_with_its_arguments_and_scopes() -> None:
    text = (ROOT / "docs" / "schedules.md").read_text()
    rows = [
        line.split(" | ") for line in text.splitlines() if re.match(r"\| `[a-z]+-[a-z-]+` \|", line)
    ]
    told_rows = {
        name.strip("| `"): (set(re.findall(r"`(\w+)`", given)), scopes)
        for name, given, _, scopes in rows
    }
    assert list(told_rows) == [tool.name for tool in stored_tools()]
    for tool in stored_tools():
        given, scopes = told_rows[tool.name]
        for operation in tool.operations:
            schema = tool.schema_of(operation)
            assert set(schema["required"]) <= given <= set(schema["properties"])
            assert f"`{operation.scope}`" in scopes
