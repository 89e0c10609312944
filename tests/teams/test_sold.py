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


WEEKLY = {
    "name": "Weekly",
    "id": "weekly",
    "team_id": "team",
    "timezone": "UTC",
    "rotation_type": "weekly",
    "participants": ["ann", "bob", "cyd"],
    "start_at": "2026-06-01T00:00:00Z",
}
EDITED_AT = "2026-06-24T06:00:00Z"
PATHS = (f"{V1}/schedules/weekly", f"{V2}/schedules/weekly")


async def weekly(stored: Stored) -> None:
    """A schedule of weeks, in the middle of one."""
    stored.at("2026-05-31T00:00:00Z")
    await stored.me.add_users("ann", "bob", "cyd", "dan")
    await stored.me.create(f"{V2}/schedules", WEEKLY)
    stored.at(EDITED_AT)


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"participants": ["ann", "bob", "cyd", "dan"]},
        {"participants": ["dan", "bob", "ann", "cyd"]},
        {"participants": ["bob", "cyd"]},
        {"rotation_type": "custom", "interval": {"count": 2, "unit": "weeks"}},
        {"rotation_type": "daily"},
        {"timezone": "Asia/Tokyo"},
        {"handoff_time": "Thu 09:00"},
        {"start_at": None},
    ],
    ids=str,
)
async def test_an_edited_schedule_has_the_same_people(
    stored: Stored, patch: dict[str, Any]
) -> None:
    """Its turns are counted from `first_turns` or `first_turn_at`, which edits move."""
    await weekly(stored)
    await stored.me.update(PATHS[1], patch)
    told = await stored.me.read(f"{V2}/current/team")
    for path in PATHS:
        found = await sold(stored, NOW, {**await stored.me.read(path), "at": EDITED_AT})
        assert found["user_id"] == told["on_call"]["user_id"]
        assert found["next"]["user_id"] == told["next"]["user_id"]


async def refusals(stored: Stored, path: str, body: dict[str, Any]) -> list[str]:
    stored.path = path
    response = await stored.ask(body)
    assert response.status_code == 400, response.text
    return [f"{each['pointer']} {each['detail']}" for each in response.json()["errors"]]


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_pending_is_refused_only_where_it_is_asked_about(
    stored: Stored, path: str
) -> None:
    await weekly(stored)
    query = "?effective_from=2026-06-26T12:00:00Z"
    await stored.me.update(f"{PATHS[1]}{query}", {"participants": ["dan", "bob"]})
    shown = await stored.me.read(path)
    before = {"from": EDITED_AT, "to": "2026-06-26T12:00:00Z"}
    [segment] = (await sold(stored, SCHEDULE, {**shown, **before}))["final_schedule"]
    assert segment["user_id"] == "ann"
    assert (await sold(stored, NOW, {**shown, "at": EDITED_AT}))["user_id"] == "ann"
    wanted = "/pending/0 holds from 2026-06-26T12:00:00.000Z on, which is asked about"
    after = {"from": EDITED_AT, "to": "2026-06-26T12:00:01Z"}
    for product, asked in ((SCHEDULE, after), (NOW, {"at": "2026-06-26T12:00:00Z"})):
        [fault] = await refusals(stored, product, {**shown, **asked})
        assert fault.startswith(wanted)


LAYER = {"name": "x", "rotation_type": "daily", "participants": ["ann", "bob"]}
STARTED = {**LAYER, "start_at": "2026-06-02T00:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"first_turns": [None, None]},
            "/first_turns has 2 items for 1 layers",
        ),
        (
            {"layers": [STARTED], "first_turns": ["2026-06-01T00:00:00Z"]},
            "/first_turns/0 is before start_at of the layer",
        ),
        (
            {"layers": None, "rotation_type": "daily", "first_turns": [None]},
            "/first_turns belongs to layers: write first_turn_at",
        ),
        ({"pending": [{}]}, "/pending/0/effective_from is not an RFC 3339 instant"),
        (
            {"pending": [{"effective_from": 7}]},
            "/pending/0/effective_from is not an RFC 3339 instant",
        ),
    ],
    ids=str,
)
async def test_one_fault(stored: Stored, changes: dict[str, Any], fault: str) -> None:
    body = {"timezone": "UTC", "layers": [LAYER], "at": AT, **changes}
    assert await refusals(stored, NOW, body) == [fault]


async def test_a_first_turn_beside_the_layers_goes_before_the_layers_own(stored: Stored) -> None:
    layer = {**LAYER, "first_turn_at": AT}
    body = {"timezone": "UTC", "layers": [layer], "at": AT}
    assert (await sold(stored, NOW, body))["user_id"] == "ann"
    for turn, user_id in (("2026-04-24T12:00:00Z", "bob"), (None, "ann")):
        found = await sold(stored, NOW, {**body, "first_turns": [turn]})
        assert found["user_id"] == user_id


async def test_an_instant_that_is_none_is_told_and_what_is_pending_is_not(stored: Stored) -> None:
    pending = [{"effective_from": AT}]
    body = {"timezone": "UTC", "layers": [LAYER], "at": "soon", "pending": pending}
    [fault] = await refusals(stored, NOW, body)
    assert fault.startswith("/at 'soon' is not an RFC 3339 instant")
