"""Lists: their order, and that a new item moves nothing while somebody pages."""

from typing import Any

import pytest

from tests.support.scenes import DAILY, EMPTY, entry, june, override, scene
from tests.support.stored import V1, V2, Caller, Stored

pytestmark = pytest.mark.anyio


async def fill_users(me: Caller, count: int) -> str:
    await me.add_users(*(f"p{number}" for number in range(count)))
    return f"{V2}/users"


async def fill_schedules(me: Caller, count: int) -> str:
    for number in range(count):
        await me.create(f"{V2}/schedules", {**EMPTY, "id": f"p{number}"})
    return f"{V2}/schedules"


async def fill_v1_schedules(me: Caller, count: int) -> str:
    await fill_schedules(me, count)
    return f"{V1}/schedules"


async def fill_policies(me: Caller, count: int) -> str:
    await me.add_users("ann")
    steps = [{"targets": [{"type": "user", "id": "ann"}]}]
    for number in range(count):
        body = {"id": f"p{number}", "name": "x", "steps": steps}
        await me.create(f"{V1}/escalation-policies", body)
    return f"{V1}/escalation-policies"


async def fill_overrides(me: Caller, count: int) -> str:
    await me.add_users("ann")
    await me.create(f"{V2}/schedules", EMPTY)
    for number in range(count):
        window = {"start_at": june(9 - number), "end_at": june(20)}
        body = {"id": f"p{number}", "user_id": "ann", **window}
        await me.create(f"{V1}/schedules/empty/overrides", body)
    return f"{V1}/schedules/empty/overrides"


FILLS = [fill_users, fill_schedules, fill_v1_schedules, fill_policies, fill_overrides]
each_list = pytest.mark.parametrize("fill", FILLS, ids=lambda fill: fill.__name__[5:])


async def page(me: Caller, path: str, query: str) -> tuple[list[str], Any]:
    answer = (await me.get(f"{path}?{query}")).json()
    return [row["id"] for row in answer.pop("data")], answer


@each_list
async def test_oldest_first_a_part_at_a_time(stored: Stored, fill: Any) -> None:
    path = await fill(stored.me, 5)
    first = await page(stored.me, path, "limit=2")
    assert first == (["p0", "p1"], {"total": 5, "limit": 2, "offset": 0})
    second = await page(stored.me, path, "limit=2&offset=2")
    assert second == (["p2", "p3"], {"total": 5, "limit": 2, "offset": 2})
    last = await page(stored.me, path, "limit=2&offset=4")
    assert last == (["p4"], {"total": 5, "limit": 2, "offset": 4})
    beyond = await page(stored.me, path, "offset=999999999")
    assert beyond == ([], {"total": 5, "limit": 25, "offset": 999_999_999})


async def test_what_is_added_meanwhile_comes_last(stored: Stored) -> None:
    path = await fill_users(stored.me, 3)
    first, _ = await page(stored.me, path, "limit=2")
    stored.clock.advance(-3600)  # the order is that of creation, whatever the clock says
    await stored.me.add_users("a-new-one")
    second, about = await page(stored.me, path, "limit=2&offset=2")
    assert [*first, *second] == ["p0", "p1", "p2", "a-new-one"]
    assert about["total"] == 4


async def test_a_change_moves_nothing(stored: Stored) -> None:
    path = await fill_users(stored.me, 3)
    await stored.me.update(f"{path}/p0", {"name": "Changed"})
    assert (await page(stored.me, path, ""))[0] == ["p0", "p1", "p2"]


async def test_25_unless_said(stored: Stored) -> None:
    path = await fill_users(stored.me, 26)
    ids, about = await page(stored.me, path, "")
    assert (len(ids), about) == (25, {"total": 26, "limit": 25, "offset": 0})
    assert len((await page(stored.me, path, "limit=100"))[0]) == 26


@pytest.mark.parametrize("api", [V1, V2])
async def test_the_schedules_of_a_team(stored: Stored, api: str) -> None:
    others = [{**EMPTY, "id": "other", "team_id": "others"}, {**EMPTY, "id": "second"}]
    me = await scene(stored, DAILY, *others)
    wanted = (["daily", "second"], {"total": 2, "limit": 25, "offset": 0})
    assert await page(me, f"{api}/schedules", "team_id=team") == wanted
    assert (await page(me, f"{api}/schedules", "team_id=nobodys"))[1]["total"] == 0


async def test_entries_in_order_of_their_start(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    for day in (9, 3, 6):
        await entry(me, "ann", june(day), june(day + 1), "empty", id=f"e{day}")
    path = f"{V2}/schedules/empty/entries"
    days = "start_date=2026-06-01&end_date=2026-06-30"
    wanted = (["e6", "e9"], {"total": 3, "limit": 2, "offset": 1})
    assert await page(me, path, f"{days}&limit=2&offset=1") == wanted


async def test_tokens_of_one_feed(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    path = f"{V2}/schedules/daily/feed-tokens"
    ids = [(await me.create(path, {"name": f"t{number}"}))["id"] for number in range(3)]
    await me.create(f"{V2}/users/ann/feed-tokens", {})
    wanted = (sorted(ids)[1:2], {"total": 3, "limit": 1, "offset": 1})
    assert await page(me, path, "limit=1&offset=1") == wanted


async def test_overrides_with_the_cancelled_ones(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    gone = await override(me, "cat", june(5), june(6))
    kept = await override(me, "cat", june(7), june(8))
    await me.delete_at(f"{V1}/schedules/daily/overrides/{gone}")
    rows = await me.read(f"{V1}/schedules/daily/overrides")
    assert [(row["id"], row["cancelled_at"]) for row in rows] == [(gone, june(1)), (kept, None)]
    [shown] = (await me.read(f"{V1}/schedules/daily"))["overrides"]
    assert shown["id"] == kept
