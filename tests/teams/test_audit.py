"""The audit: who changed what of a schedule, and when."""

from typing import Any

import pytest

from tests.support.scenes import DAILY, entry, june, local, override, scene
from tests.support.stored import V1, V2, Caller, Stored, code_of

pytestmark = pytest.mark.anyio


async def last(me: Caller, schedule: str = "daily") -> dict[str, Any]:
    rows = await me.read(f"{V1}/schedules/{schedule}/audit?limit=100")
    found: dict[str, Any] = rows[-1]
    return found


async def test_what_one_looks_like(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    key, presented = await stored.key(name="laptop")
    stored.at(june(2))
    other = stored.caller(presented)
    await other.update(f"{V2}/schedules/daily", {"name": "New", "start_at": None})
    rows = (await me.get(f"{V2}/schedules/daily/audit")).json()
    assert rows["total"] == 2
    assert {**rows["data"][1], "id": ""} == {
        "id": "",
        "at": june(2),
        "actor": {"key_id": key.id, "key_name": "laptop"},
        "action": "schedule.updated",
        "version": 2,
        "changes": {
            "name": {"from": "Daily", "to": "New"},
            "start_at": {"from": DAILY["start_at"], "to": None},
            "first_turn_at": {"from": None, "to": DAILY["start_at"]},
        },
    }


async def test_every_kind_of_write(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    daily = f"{V2}/schedules/daily"
    await me.update(daily, {"name": "New"})
    override_id = await override(me, "cat", june(5), june(6))
    await me.delete_at(f"{V1}/schedules/daily/overrides/{override_id}")
    shift = await entry(me, "cat", june(7), june(8))
    swap = await me.create(f"{V2}/entries/{shift}/swap", {"swap_with_user_id": "dan"})
    await me.delete_at(f"{V2}/swaps/{swap['id']}")
    await me.delete_at(f"{V2}/entries/{shift}")
    token = await me.create(f"{daily}/feed-tokens", {"name": "phone"})
    await me.delete_at(f"{V2}/feed-tokens/{token['id']}")
    rows = await me.read(f"{daily}/audit")
    assert [row["action"] for row in rows] == [
        "schedule.created",
        "schedule.updated",
        "override.created",
        "override.cancelled",
        "entry.created",
        "swap.created",
        "swap.deleted",
        "entry.deleted",
        "feed_token.created",
        "feed_token.revoked",
    ]
    assert [row["version"] for row in rows] == list(range(1, 11))
    assert len({row["id"] for row in rows}) == 10
    assert token["token"] not in str(rows)


async def test_what_was_created(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    changes = (await last(me))["changes"]
    assert changes["participants"] == {"from": None, "to": ["ann", "bob"]}
    assert not {"version", "updated_at"} & changes.keys()


async def test_an_override_and_what_is_left_of_it(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    override_id = await override(me, "cat", june(5), june(6))
    changes = (await last(me))["changes"]
    assert changes["id"] == {"from": None, "to": override_id}
    assert changes["user_id"] == {"from": None, "to": "cat"}
    stored.at(june(5, 6))
    await me.delete_at(f"{V1}/schedules/daily/overrides/{override_id}")
    changes = (await last(me))["changes"]
    assert changes["cancelled_at"] == {"from": None, "to": june(5, 6)}


async def test_which_override_was_cancelled(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    override_id = await override(me, "cat", june(5), june(6))
    await me.delete_at(f"{V1}/schedules/daily/overrides/{override_id}")
    assert override_id in str((await last(me))["changes"])


async def test_an_entry_and_what_is_left_of_it(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    shift = await entry(me, "cat", june(5), june(6))
    stored.at(june(5, 6))
    await me.delete_at(f"{V2}/entries/{shift}")
    changes = (await last(me))["changes"]
    assert changes["id"] == {"from": shift, "to": None}
    assert changes["end"] == {"from": local(6), "to": local(5, 6)}


async def test_what_is_refused_is_not_there(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    await me.post(f"{V1}/schedules/daily/overrides", {"user_id": "cat"})
    await me.patch(f"{V2}/schedules/daily", {"name": "New"}, If_Match='"9"')
    assert len(await me.read(f"{V1}/schedules/daily/audit")) == 1


async def test_who_deleted_it_is_told_afterwards(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    await me.delete_at(f"{V1}/schedules/daily")
    row = await last(me)
    assert row["action"] == "schedule.deleted"
    assert row["changes"]["name"] == {"from": "Daily", "to": None}


async def test_one_that_never_was(stored: Stored) -> None:
    for api in (V1, V2):
        response = await stored.me.get(f"{api}/schedules/none/audit")
        assert code_of(response) == (404, "not_found")


async def test_it_is_the_organisations_own(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    await me.delete_at(f"{V1}/schedules/daily")
    response = await (await stored.stranger()).get(f"{V1}/schedules/daily/audit")
    assert code_of(response) == (404, "not_found")


async def test_a_replay_is_not_noted_again(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    body = {"user_id": "cat", "start_at": june(5), "end_at": june(6)}
    for _ in range(2):
        await me.post(f"{V1}/schedules/daily/overrides", body, Idempotency_Key="a")
    assert len(await me.read(f"{V1}/schedules/daily/audit")) == 2
