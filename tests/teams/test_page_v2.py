"""The v2 page, line by line (``tests/pages/oncall-api-v2.txt``)."""

# ruff: noqa: ISC004 - a line of the page is longer than one of ours

from typing import Any

import pytest

from tests.support.promises import Check, Promises, cases, unnamed_lines
from tests.support.stored import V2, Caller, Stored, code_of

pytestmark = pytest.mark.anyio

SCHEDULES = f"{V2}/schedules"
NIGHTS = {
    "id": "sched_abc123",
    "name": "After-Hours Network Support",
    "team_id": "team_789",
    "timezone": "Europe/Brussels",
    "rotation_type": "weekly",
}
CREATED = {
    "name": "Weekend Support",
    "team_id": "team_789",
    "timezone": "Europe/Brussels",
    "rotation_type": "weekly",
}
ENTRY = {
    "user_id": "user_012",
    "start": "2026-03-15T18:00:00+01:00",
    "end": "2026-03-16T08:00:00+01:00",
}
ENTRIES = f"{SCHEDULES}/sched_abc123/entries"
MARCH = f"{ENTRIES}?start_date=2026-03-01&end_date=2026-03-31"


async def page(stored: Stored) -> Caller:
    """Create everything that the page presupposes."""
    stored.at("2026-02-01T10:00:00Z")
    marie = {"id": "user_012", "name": "Marie Laurent", "email": "marie@example.com"}
    await stored.me.create(f"{V2}/users", marie)
    await stored.me.add_users("user_034")
    await stored.me.create(SCHEDULES, NIGHTS)
    for name in ("Second", "Third"):
        await stored.me.create(SCHEDULES, {**CREATED, "name": name})
    await stored.me.create(ENTRIES, {**ENTRY, "id": "entry_456"})
    shift = {"start": "2026-03-08T18:00:00+01:00", "end": "2026-03-09T08:00:00+01:00"}
    await stored.me.create(ENTRIES, {**shift, "user_id": "user_012"})
    stored.at("2026-03-08T20:00:00+01:00")
    return stored.me


async def lists_schedules(stored: Stored) -> None:
    answer = (await (await page(stored)).get(SCHEDULES)).json()
    assert {**answer, "data": len(answer["data"])} == {
        "data": 3,
        "total": 3,
        "limit": 25,
        "offset": 0,
    }
    wanted = {**NIGHTS, "created_at": "2026-02-01T10:00:00Z"}
    assert list(answer["data"][0])[:6] == list(wanted)
    assert {name: answer["data"][0][name] for name in wanted} == wanted


async def creates_a_schedule(stored: Stored) -> None:
    me = await page(stored)
    response = await me.post(SCHEDULES, CREATED)
    made = response.json()["data"]
    assert response.status_code == 201
    assert CREATED.items() <= made.items()
    assert await me.read(f"{SCHEDULES}/{made['id']}") == made


async def gets_a_schedule(stored: Stored) -> None:
    found = await (await page(stored)).read(f"{SCHEDULES}/sched_abc123")
    assert NIGHTS.items() <= found.items()


async def updates_a_schedule(stored: Stored) -> None:
    me = await page(stored)
    patch = {"name": "After-Hours Network Support (Updated)", "timezone": "Europe/Paris"}
    response = await me.patch(f"{SCHEDULES}/sched_abc123", patch)
    assert response.status_code == 200
    assert {**NIGHTS, **patch}.items() <= response.json()["data"].items()
    assert await me.read(f"{SCHEDULES}/sched_abc123") == response.json()["data"]


async def deletes_a_schedule(stored: Stored) -> None:
    me = await page(stored)
    response = await me.delete(f"{SCHEDULES}/sched_abc123")
    assert (response.status_code, response.content) == (204, b"")
    assert code_of(await me.get(f"{SCHEDULES}/sched_abc123")) == (404, "not_found")


async def has_entries_within_a_schedule(stored: Stored) -> None:
    entries = await (await page(stored)).read(MARCH)
    assert {entry["schedule_id"] for entry in entries} == {"sched_abc123"}
    assert entries[1]["id"] == "entry_456"


async def lists_entries(stored: Stored) -> None:
    answer = (await (await page(stored)).get(MARCH)).json()
    assert {**answer, "data": [ENTRY.items() <= each.items() for each in answer["data"]]} == {
        "data": [False, True],
        "total": 2,
        "limit": 25,
        "offset": 0,
    }


async def creates_an_entry(stored: Stored) -> None:
    me = await page(stored)
    await me.delete_at(f"{V2}/entries/entry_456")
    response = await me.post(ENTRIES, ENTRY)
    assert response.status_code == 201
    assert ENTRY.items() <= response.json()["data"].items()
    assert response.json()["data"] in await me.read(MARCH)


async def swaps_an_entry(stored: Stored) -> None:
    me = await page(stored)
    response = await me.post(f"{ENTRIES}/entry_456/swap", {"swap_with_user_id": "user_034"})
    assert response.status_code == 200
    [entry] = response.json()["data"]["entries"]
    assert (entry["id"], entry["user_id"]) == ("entry_456", "user_034")
    assert entry in await me.read(MARCH)


async def swaps_between_two_agents(stored: Stored) -> None:
    me = await page(stored)
    later = {"start": "2026-03-20T18:00:00+01:00", "end": "2026-03-21T08:00:00+01:00"}
    back = await me.create(ENTRIES, {**later, "user_id": "user_034"})
    swap = await me.create(f"{ENTRIES}/entry_456/swap", {"swap_with_user_id": "user_034"})
    assert [(each["id"], each["user_id"]) for each in swap["entries"]] == [
        ("entry_456", "user_034"),
        (back["id"], "user_012"),
    ]


async def deletes_an_entry(stored: Stored) -> None:
    me = await page(stored)
    response = await me.delete(f"{V2}/entries/entry_456")
    assert (response.status_code, response.content) == (204, b"")
    assert len(await me.read(MARCH)) == 1


async def tells_who_is_on_call(stored: Stored) -> None:
    response = await (await page(stored)).get(f"{V2}/current/team_789")
    answer = response.json()
    assert response.status_code == 200
    assert list(answer)[:2] == ["team_id", "on_call"]
    assert answer["team_id"] == "team_789"
    assert list(answer["on_call"].items()) == [
        ("user_id", "user_012"),
        ("name", "Marie Laurent"),
        ("email", "marie@example.com"),
        ("shift_start", "2026-03-08T18:00:00+01:00"),
        ("shift_end", "2026-03-09T08:00:00+01:00"),
    ]


async def turns(stored: Stored, **rotation: Any) -> list[str]:
    """Return who is on call on each of fifteen days, under a rotation."""
    me = await page(stored)
    participants = {"participants": ["user_012", "user_034"], "start_at": "2026-04-06T00:00:00Z"}
    made = await me.create(SCHEDULES, {**CREATED, "timezone": "UTC", **participants, **rotation})
    path = f"/api/v1/schedules/{made['id']}/on-call?at=2026-04-"
    found = [(await me.read(f"{path}{day:02}T12:00:00Z"))["user_id"] for day in range(6, 21)]
    return [user_id[-2:] for user_id in found]


async def rotates_every_week(stored: Stored) -> None:
    assert await turns(stored, rotation_type="weekly") == ["12"] * 7 + ["34"] * 7 + ["12"]


async def rotates_every_day(stored: Stored) -> None:
    assert await turns(stored, rotation_type="daily") == (["12", "34"] * 8)[:15]


async def rotates_by_an_interval(stored: Stored) -> None:
    interval = {"count": 3, "unit": "days"}
    found = await turns(stored, rotation_type="custom", interval=interval)
    assert found == (["12"] * 3 + ["34"] * 3) * 2 + ["12"] * 3


async def a_custom_rotation_needs_no_interval_yet(stored: Stored) -> None:
    me = await page(stored)
    made = await me.create(SCHEDULES, {**CREATED, "rotation_type": "custom"})
    assert (made["rotation_type"], made["interval"]) == ("custom", None)
    renamed = await me.update(f"{SCHEDULES}/{made['id']}", {"name": "Other"})
    assert renamed["rotation_type"] == "custom"


def needs(scope: str, method: str, path: str, body: object = None) -> Check:
    """Check that an endpoint serves callers with the scope, and no others."""

    async def check(stored: Stored) -> None:
        await page(stored)
        others = {"schedules", "oncall:read", "oncall:write"} - {scope}
        refused = await (await stored.with_scopes(*others)).ask(method, path, body)
        assert code_of(refused) == (403, "forbidden")
        assert refused.json() == {
            "error": "forbidden",
            "message": f"API key lacks required scope: {scope}",
        }
        granted = await (await stored.with_scopes(scope)).ask(method, path, body)
        assert granted.status_code < 300

    return check


SWAP = {"swap_with_user_id": "user_034"}
READ, WRITE = "oncall:read", "oncall:write"
ONE = f"{SCHEDULES}/sched_abc123"
SCOPES: Promises = {
    needs(READ, "GET", SCHEDULES): ["oncall:read GET /v2/oncall/schedules"],
    needs(READ, "GET", ONE): ["oncall:read GET /v2/oncall/schedules/:id"],
    needs(READ, "GET", MARCH): ["oncall:read GET /v2/oncall/schedules/:id/entries"],
    needs(READ, "GET", f"{V2}/current/team_789"): ["oncall:read GET /v2/oncall/current/:team_id"],
    needs(WRITE, "POST", SCHEDULES, CREATED): ["oncall:write POST /v2/oncall/schedules"],
    needs(WRITE, "PATCH", ONE, {}): ["oncall:write PATCH /v2/oncall/schedules/:id"],
    needs(WRITE, "DELETE", ONE): ["oncall:write DELETE /v2/oncall/schedules/:id"],
    needs(WRITE, "POST", ENTRIES, {**ENTRY, "user_id": "user_034"}): [
        "oncall:write POST /v2/oncall/schedules/:id/entries"
    ],
    needs(WRITE, "DELETE", f"{V2}/entries/entry_456"): [
        "oncall:write DELETE /v2/oncall/entries/:id"
    ],
    needs(WRITE, "POST", f"{V2}/entries/entry_456/swap", SWAP): [
        "oncall:write POST /v2/oncall/entries/:id/swap"
    ],
}
PROMISES: Promises = {
    lists_schedules: [
        "Manage on-call schedules, rotations, and shift swaps via the Aurion API.",
        'curl "https://apps.aurionai.net/api/v2/oncall/schedules" \\',
        '-H "X-API-Key: ak_live_xxxx"',
        '"data": [',
        '"id": "sched_abc123",',
        '"name": "After-Hours Network Support",',
        '"team_id": "team_789",',
        '"timezone": "Europe/Brussels",',
        '"rotation_type": "weekly",',
        '"created_at": "2026-02-01T10:00:00Z"',
        '"total": 3,',
        '"limit": 25,',
        '"offset": 0',
    ],
    creates_a_schedule: [
        'curl -X POST "https://apps.aurionai.net/api/v2/oncall/schedules" \\',
        '-H "X-API-Key: ak_live_xxxx" \\',
        '-H "Content-Type: application/json" \\',
        "-d '{",
        '"name": "Weekend Support",',
        '"rotation_type": "weekly"',
    ],
    gets_a_schedule: ['curl "https://apps.aurionai.net/api/v2/oncall/schedules/sched_abc123" \\'],
    updates_a_schedule: [
        'curl -X PATCH "https://apps.aurionai.net/api/v2/oncall/schedules/sched_abc123" \\',
        '"name": "After-Hours Network Support (Updated)",',
        '"timezone": "Europe/Paris"',
    ],
    deletes_a_schedule: [
        'curl -X DELETE "https://apps.aurionai.net/api/v2/oncall/schedules/sched_abc123" \\',
        "Returns 204 No Content on success.",
    ],
    has_entries_within_a_schedule: ["Entries are individual shifts within a schedule."],
    lists_entries: [
        'curl "https://apps.aurionai.net/api/v2/oncall/schedules/sched_abc123/entries?start_date='
        '2026-03-01&end_date=2026-03-31" \\'
    ],
    creates_an_entry: [
        'curl -X POST "https://apps.aurionai.net/api/v2/oncall/schedules/sched_abc123/entries" \\',
        '"user_id": "user_012",',
        '"start": "2026-03-15T18:00:00+01:00",',
        '"end": "2026-03-16T08:00:00+01:00"',
        "The On-Call API (v2) lets you manage on-call schedules for support teams. Define "
        "rotations, manage shift entries, and query who's currently on call.",
    ],
    swaps_between_two_agents: ["Swap shifts between two agents:"],
    swaps_an_entry: [
        'curl -X POST "https://apps.aurionai.net/api/v2/oncall/schedules/sched_abc123/entries/'
        'entry_456/swap" \\',
        '"swap_with_user_id": "user_034"',
    ],
    deletes_an_entry: [
        'curl -X DELETE "https://apps.aurionai.net/api/v2/oncall/entries/entry_456" \\'
    ],
    tells_who_is_on_call: [
        "Get the current on-call person for a team:",
        'curl "https://apps.aurionai.net/api/v2/oncall/current/team_789" \\',
        '"on_call": {',
        '"name": "Marie Laurent",',
        '"email": "marie@example.com",',
        '"shift_start": "2026-03-08T18:00:00+01:00",',
        '"shift_end": "2026-03-09T08:00:00+01:00"',
    ],
    rotates_every_week: ["weeklyRotates on-call person every week"],
    rotates_every_day: ["dailyRotates every day"],
    rotates_by_an_interval: ["customCustom rotation interval"],
    a_custom_rotation_needs_no_interval_yet: ["customCustom rotation interval (not shown)"],
}
SCOPE_LINES = (
    "oncall:readGET /v2/oncall/schedules, GET /v2/oncall/schedules/:id, GET "
    "/v2/oncall/schedules/:id/entries, GET /v2/oncall/current/:team_id",
    "oncall:writePOST /v2/oncall/schedules, PATCH /v2/oncall/schedules/:id, DELETE "
    "/v2/oncall/schedules/:id, POST /v2/oncall/schedules/:id/entries, DELETE "
    "/v2/oncall/entries/:id, POST /v2/oncall/entries/:id/swap",
)
"""Tested endpoint by endpoint."""

SILENT = (
    *("AurionAI Docs", "On-Call Scheduling", "List Schedules", "cURL", "Response:", "{", "},", "}"),
    *("],", "}'", "Create Schedule", "Get Schedule", "Update Schedule", "Delete Schedule"),
    *("Schedule Entries", "List Entries", "Create Entry", "Swap Entries", "Delete Entry"),
    *("Who's On Call Now?", "Rotation Types", "TypeDescription", "Required Scopes"),
    *("ScopeEndpoints", "On this page"),
)
"""Headings and brackets."""


@pytest.mark.parametrize("check", cases({**PROMISES, **SCOPES}))
async def test_lines(stored: Stored, check: Check) -> None:
    await check(stored)


async def test_every_line_is_named() -> None:
    silent = (*SILENT, *SCOPE_LINES)
    assert unnamed_lines("oncall-api-v2.txt", PROMISES, silent) == []
