"""The v1 page, line by line (``tests/pages/schedules-api-v1.txt``).

Its sample answer for Friday noon contradicts its rules; the rules are followed
(``schedules.md``).
"""

# ruff: noqa: ISC004 - a line of the page is longer than one of ours

from typing import Any

import pytest

from tests.support.promises import Check, Promises, cases, unnamed_lines
from tests.support.stored import V1, Caller, Stored, code_of

pytestmark = pytest.mark.anyio

SCHEDULES = f"{V1}/schedules"
DOCUMENT: dict[str, Any] = {
    "id": "01HXSCHED",
    "name": "Platform primary",
    "timezone": "America/Los_Angeles",
    "layers": [
        {
            "name": "Weekday business hours",
            "rotation_type": "weekly",
            "start_at": "2026-01-06T09:00:00-08:00",
            "handoff_time": "Mon 09:00",
            "participants": ["usr_alice", "usr_bob", "usr_carol"],
            "restrictions": [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
            ],
        },
        {
            "name": "After-hours",
            "rotation_type": "daily",
            "participants": ["usr_dave", "usr_eve"],
        },
    ],
}
ONE = f"{SCHEDULES}/01HXSCHED"
OVERRIDE = {
    "user_id": "usr_frank",
    "start_at": "2026-04-25T00:00:00Z",
    "end_at": "2026-04-25T08:00:00Z",
    "reason": "Alice PTO; covering.",
}
FRIDAY_NOON, FRIDAY_NIGHT = "2026-04-24T19:00:00Z", "2026-04-25T01:00:00Z"


async def page(stored: Stored) -> Caller:
    """Create everything that the page presupposes."""
    stored.at("2026-04-20T00:00:00Z")
    names = ("alice", "bob", "carol", "dave", "eve", "frank")
    await stored.me.add_users(*(f"usr_{name}" for name in names))
    await stored.me.create(SCHEDULES, DOCUMENT)
    return stored.me


async def on_call(me: Caller, at: str) -> dict[str, Any]:
    found: dict[str, Any] = await me.read(f"{ONE}/on-call?at={at}")
    return found


async def lists(stored: Stored) -> None:
    answer = (await (await page(stored)).get(SCHEDULES)).json()
    assert {name: answer[name] for name in ("total", "limit", "offset")} == {
        "total": 1,
        "limit": 25,
        "offset": 0,
    }
    assert DOCUMENT.items() <= answer["data"][0].items()


async def creates(stored: Stored) -> None:
    await page(stored)
    response = await stored.me.post(SCHEDULES, {**DOCUMENT, "id": "01HXOTHER"})
    assert response.status_code == 201
    assert response.headers["Location"] == f"{SCHEDULES}/01HXOTHER"


async def reads(stored: Stored) -> None:
    found = await (await page(stored)).read(ONE)
    assert list(found)[:2] == ["id", "name"]
    assert {name: found[name] for name in DOCUMENT} == DOCUMENT


async def updates_metadata(stored: Stored) -> None:
    changed = await (await page(stored)).update(ONE, {"name": "Platform primary (EU)"})
    assert {**DOCUMENT, "name": "Platform primary (EU)"}.items() <= changed.items()


async def updates_layers(stored: Stored) -> None:
    layers = DOCUMENT["layers"][1:]
    changed = await (await page(stored)).update(ONE, {"layers": layers})
    assert {**DOCUMENT, "layers": layers}.items() <= changed.items()


async def deletes(stored: Stored) -> None:
    me = await page(stored)
    response = await me.delete(ONE)
    assert (response.status_code, response.content) == (204, b"")
    assert code_of(await me.get(ONE)) == (404, "not_found")


async def does_not_delete_what_a_policy_references(stored: Stored) -> None:
    me = await page(stored)
    target = {"type": "schedule", "id": "01HXSCHED"}
    policy = await me.create(
        f"{V1}/escalation-policies", {"name": "All", "steps": [{"targets": [target]}]}
    )
    assert code_of(await me.delete(ONE)) == (409, "conflict")
    await me.delete_at(f"{V1}/escalation-policies/{policy['id']}")
    await me.delete_at(ONE)


async def tells_who_is_on_call_at(stored: Stored) -> None:
    found = await on_call(await page(stored), FRIDAY_NOON)
    assert list(found.items())[:6] == [
        ("schedule_id", "01HXSCHED"),
        ("at", "2026-04-24T19:00:00Z"),
        ("user_id", "usr_alice"),
        ("user_email", "usr_alice@example.com"),
        ("layer", "Weekday business hours"),
        ("until", "2026-04-25T00:00:00Z"),
    ]


async def tells_who_is_on_call_now(stored: Stored) -> None:
    me = await page(stored)
    stored.at(FRIDAY_NOON)
    found = await me.read(f"{ONE}/on-call")
    assert (found["at"], found["user_id"]) == (FRIDAY_NOON, "usr_alice")


async def creates_an_override(stored: Stored) -> None:
    me = await page(stored)
    response = await me.post(f"{ONE}/overrides", OVERRIDE)
    assert response.status_code == 201
    assert OVERRIDE.items() <= response.json()["data"].items()


async def cancels_an_override(stored: Stored) -> None:
    me = await page(stored)
    made = await me.create(f"{ONE}/overrides", OVERRIDE)
    response = await me.delete(f"{ONE}/overrides/{made['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert (await on_call(me, FRIDAY_NIGHT))["user_id"] != "usr_frank"


async def cancels_before_the_override_ends(stored: Stored) -> None:
    me = await page(stored)
    made = await me.create(f"{ONE}/overrides", OVERRIDE)
    stored.at("2026-04-25T02:00:00Z")
    await me.delete_at(f"{ONE}/overrides/{made['id']}")
    found = [await on_call(me, at) for at in (FRIDAY_NIGHT, "2026-04-25T03:00:00Z")]
    assert [each["source"] for each in found] == ["override", "layer"]


async def puts_overrides_first(stored: Stored) -> None:
    me = await page(stored)
    made = await me.create(f"{ONE}/overrides", OVERRIDE)
    instants = ("2026-04-24T23:59:59Z", "2026-04-25T00:00:00Z", "2026-04-25T07:59:59Z")
    found = [await on_call(me, at) for at in (*instants, "2026-04-25T08:00:00Z")]
    wanted = [None, made["id"], made["id"], None]
    assert [each["override_id"] for each in found] == wanted


async def reads_layers_from_the_top(stored: Stored) -> None:
    me = await page(stored)
    everybody = {"name": "All", "rotation_type": "daily", "participants": ["usr_frank"]}
    await me.update(ONE, {"layers": [everybody, *DOCUMENT["layers"]]})
    assert (await on_call(me, FRIDAY_NOON))["layer"] == "All"


async def falls_back_on_a_layer_without_restrictions(stored: Stored) -> None:
    found = await on_call(await page(stored), FRIDAY_NIGHT)
    assert (found["layer"], found["user_id"]) == ("After-hours", "usr_eve")


async def has_a_rotating_set_of_users(stored: Stored) -> None:
    me = await page(stored)
    days = ("2026-04-24", "2026-04-27", "2026-05-04", "2026-05-11")
    found = [(await on_call(me, f"{day}T19:00:00Z"))["user_id"] for day in days]
    assert found == ["usr_alice", "usr_bob", "usr_carol", "usr_alice"]


async def escalates_to_whoever_is_on_call(stored: Stored) -> None:
    me = await page(stored)
    target = {"type": "schedule", "id": "01HXSCHED"}
    policy = {"name": "All", "steps": [{"targets": [target]}]}
    made = await me.create(f"{V1}/escalation-policies", policy)
    path = f"{V1}/escalation-policies/{made['id']}/resolve?at={FRIDAY_NOON}"
    assert [user["user_id"] for user in (await me.read(path))["users"]] == ["usr_alice"]


async def says_null_for_nobody_and_falls_through(stored: Stored) -> None:
    me = await page(stored)
    await me.create(SCHEDULES, {**DOCUMENT, "id": "empty", "layers": []})
    found = await me.read(f"{SCHEDULES}/empty/on-call?at={FRIDAY_NOON}")
    assert (found["user_id"], found["layer"], found["until"]) == (None, None, None)
    targets = [{"type": "schedule", "id": "empty"}], [{"type": "user", "id": "usr_carol"}]
    steps = [{"targets": each} for each in targets]
    policy = await me.create(f"{V1}/escalation-policies", {"name": "All", "steps": steps})
    answer = await me.read(f"{V1}/escalation-policies/{policy['id']}/resolve?at={FRIDAY_NOON}")
    assert (answer["step"], answer["users"][0]["user_id"]) == (2, "usr_carol")


PROMISES: Promises = {
    has_a_rotating_set_of_users: [
        "An on-call schedule maps a time-series onto a rotating set of users. Escalation-policy "
        "steps reference schedules; at dispatch time, the schedule resolves to whoever is on-call "
        "right now.",
    ],
    escalates_to_whoever_is_on_call: ["Escalation-policy steps reference schedules"],
    lists: ["GET/api/v1/schedulesList schedules.schedules"],
    creates: ["POST/api/v1/schedulesCreate.schedules"],
    reads: [
        "GET/api/v1/schedules/{id}Read.schedules",
        '"id": "01HXSCHED...",',
        '"name": "Platform primary",',
        '"timezone": "America/Los_Angeles",',
        '"layers": [',
        '"name": "Weekday business hours",',
        '"rotation_type": "weekly",',
        '"start_at": "2026-01-06T09:00:00-08:00",',
        '"handoff_time": "Mon 09:00",',
        '"participants": ["usr_alice", "usr_bob", "usr_carol"],',
        '"restrictions": [',
        '{"days": ["mon","tue","wed","thu","fri"], "start": "09:00", "end": "17:00"}',
        '"name": "After-hours",',
        '"rotation_type": "daily",',
        '"participants": ["usr_dave", "usr_eve"]',
    ],
    updates_metadata: ["PATCH/api/v1/schedules/{id}Update (metadata + layers).schedules"],
    updates_layers: ["Update (layers)"],
    deletes: ["DELETE/api/v1/schedules/{id}"],
    does_not_delete_what_a_policy_references: [
        "DELETE/api/v1/schedules/{id}Delete. Fails if referenced by a policy.schedules"
    ],
    tells_who_is_on_call_at: [
        "GET/api/v1/schedules/{id}/on-callWho is on-call at at=<timestamp> (default now).schedules",
        "GET /api/v1/schedules/{id}/on-call?at=2026-04-24T19:00:00Z",
        '"data": {',
        '"schedule_id": "01HXSCHED...",',
        '"at": "2026-04-24T19:00:00Z",',
        '"user_id": "usr_dave",',
        '"user_email": "[email\xa0protected]",',
        '"layer": "After-hours",',
        '"until": "2026-04-25T19:00:00Z"',
    ],
    tells_who_is_on_call_now: ["(default now)"],
    creates_an_override: [
        "POST/api/v1/schedules/{id}/overridesCreate a temporary override.schedules",
        "POST /api/v1/schedules/{id}/overrides",
        '"user_id": "usr_frank",',
        '"start_at": "2026-04-25T00:00:00Z",',
        '"end_at": "2026-04-25T08:00:00Z",',
        '"reason": "Alice PTO; covering."',
    ],
    cancels_an_override: [
        "DELETE/api/v1/schedules/{id}/overrides/{overrideID}Cancel an override.schedules"
    ],
    cancels_before_the_override_ends: ["Call DELETE to cancel before the override ends."],
    puts_overrides_first: [
        "Overrides take precedence over the layer rotation for the overlap window. Call DELETE to "
        "cancel before the override ends."
    ],
    reads_layers_from_the_top: [
        "Layers are evaluated top-to-bottom at the at timestamp; the first matching layer wins. A "
        "restriction-less layer is the catch-all fallback."
    ],
    falls_back_on_a_layer_without_restrictions: [
        "A restriction-less layer is the catch-all fallback."
    ],
    says_null_for_nobody_and_falls_through: [
        "If the schedule has no one on-call at that time (all layers empty), the field user_id is "
        "null and callers relying on the schedule’s target-resolution fall through to the next "
        "escalation step."
    ],
}
SILENT = (
    *("Skip to content", "Schedules & On-Call", "MethodPathDescriptionScope"),
    *("{", "},", "}", "],", "]"),
)


@pytest.mark.parametrize("check", cases(PROMISES))
async def test_lines(stored: Stored, check: Check) -> None:
    await check(stored)


async def test_every_line_is_named() -> None:
    assert unnamed_lines("schedules-api-v1.txt", PROMISES, SILENT) == []
