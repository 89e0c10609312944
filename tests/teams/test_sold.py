"""What the stored APIs answer about a schedule, sent to the paid products as it is."""

from typing import Any

import pytest

from tests.support.stored import V1, V2, Stored

pytestmark = pytest.mark.anyio

NOW, SCHEDULE = "/v1/scheduling/oncall-now", "/v1/scheduling/oncall-schedule"
WEEK = {"from": "2026-04-20T00:00:00Z", "to": "2026-04-27T00:00:00Z"}
AT = "2026-04-25T12:00:00Z"

ROTATION = {
    "name": "Support",
    "team_id": "team_789",
    "timezone": "Europe/Brussels",
    "rotation_type": "custom",
    "interval": {"count": 2, "unit": "days"},
    "start_at": "2026-04-01T09:00:00+02:00",
    "participants": ["ann", "bob", "cyd"],
}
LAYERS = {
    "name": "Support",
    "timezone": "Europe/Brussels",
    "layers": [
        {
            "name": "Nights",
            "rotation_type": "daily",
            "participants": ["ann", "bob"],
            "restrictions": [{"start": "20:00", "end": "08:00"}],
        },
        {"name": "Days", "rotation_type": "weekly", "participants": ["cyd"]},
    ],
}


async def sold(stored: Stored, path: str, body: dict[str, Any]) -> Any:
    stored.path = path
    response = await stored.ask(body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_schedule_as_v2_shows_it(stored: Stored) -> None:
    stored.at("2026-04-19T12:00:00Z")
    await stored.me.add_users("ann", "bob", "cyd")
    made = await stored.me.create(f"{V2}/schedules", ROTATION)
    shown = await stored.me.read(f"{V2}/schedules/{made['id']}")
    layered = await stored.me.read(f"{V1}/schedules/{made['id']}")
    stored.at(AT)
    current = await stored.me.read(f"{V2}/current/team_789")
    for document in (shown, layered):
        found = await sold(stored, NOW, {**document, "at": AT})
        assert found["user_id"] == current["on_call"]["user_id"]
    in_layers, in_one = [
        await sold(stored, SCHEDULE, {**each, **WEEK}) for each in (layered, shown)
    ]
    assert in_layers == in_one
    assert {segment["user_id"] for segment in in_one["final_schedule"]} == {"ann", "bob", "cyd"}


async def test_a_schedule_as_v1_shows_it_with_an_override_that_was_cancelled(
    stored: Stored,
) -> None:
    stored.at("2026-04-19T12:00:00Z")
    await stored.me.add_users("ann", "bob", "cyd", "dan")
    made = await stored.me.create(f"{V1}/schedules", LAYERS)
    path = f"{V1}/schedules/{made['id']}"
    override = {"user_id": "dan", "start_at": "2026-04-25T00:00:00Z"}
    first = await stored.me.create(
        f"{path}/overrides", {**override, "end_at": "2026-04-26T00:00:00Z"}
    )
    stored.at("2026-04-25T06:00:00Z")
    shown = await stored.me.read(path)
    assert shown["overrides"][0]["id"] == first["id"]
    segments = (await sold(stored, SCHEDULE, {**shown, **WEEK}))["final_schedule"]
    assert [each["user_id"] for each in segments if each["source"] == "override"] == ["dan"]
    assert (await sold(stored, NOW, {**shown, "at": AT}))["user_id"] == "dan"
    await stored.me.delete_at(f"{path}/overrides/{first['id']}")
    listed = await stored.me.read(f"{path}/overrides")
    shown = {**shown, "overrides": listed}
    assert listed[0]["cancelled_at"]
    assert (await sold(stored, NOW, {**shown, "at": AT}))["user_id"] == "cyd"
    assert (await sold(stored, NOW, {**shown, "at": "2026-04-25T05:00:00Z"}))["user_id"] == "dan"


async def test_entries_as_v2_shows_them(stored: Stored) -> None:
    stored.at("2026-04-19T12:00:00Z")
    await stored.me.add_users("ann", "bob", "cyd", "dan")
    made = await stored.me.create(f"{V2}/schedules", ROTATION)
    path = f"{V2}/schedules/{made['id']}"
    entry = {"user_id": "dan", "start": "2026-04-25T09:00:00Z", "end": "2026-04-25T15:00:00Z"}
    await stored.me.create(f"{path}/entries", entry)
    entries = await stored.me.read(f"{path}/entries?start_date=2026-04-24&end_date=2026-04-26")
    shown = await stored.me.read(path)
    body = {**shown, "entries": entries, "at": AT}
    assert (await sold(stored, NOW, body))["user_id"] == "dan"
