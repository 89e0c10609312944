"""Lists: their order, that a new item moves nothing while somebody pages, and their bytes."""

from typing import Any

import pytest

from app.database import pages
from app.teams.overrides import store as overrides_store
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


@each_list
async def test_what_is_too_large_for_one_page_is_on_the_next(
    stored: Stored, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await fill(stored.me, 3)
    monkeypatch.setattr(pages, "PAGE_BYTES", 1)
    found: list[str] = []
    while True:
        ids, about = await page(stored.me, path, f"limit=100&offset={len(found)}")
        if not ids:
            break
        found += ids
        assert (about["total"], len(ids)) == (3, 1)
        assert about["limit"] == (100 if len(found) == 3 else 1)
    assert found == ["p0", "p1", "p2"]


async def test_a_page_holds_as_much_as_its_bytes_allow(stored: Stored) -> None:
    teams = [f"{number:é<200}" for number in range(100)]
    for number in range(80):
        body = {"id": f"p{number}", "name": "x", "email": "x@example.com", "team_ids": teams}
        await stored.me.create(f"{V2}/users", body)
    first = await stored.me.get(f"{V2}/users?limit=100")
    limit = first.json()["limit"]
    assert limit == len(first.json()["data"]) == pages.PAGE_BYTES // 40_000
    rest, about = await page(stored.me, f"{V2}/users", f"limit=100&offset={limit}")
    assert rest == [f"p{number}" for number in range(limit, 80)]
    assert about == {"total": 80, "limit": 100, "offset": limit}


async def test_overrides_count_as_part_of_their_schedule(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await scene(stored, DAILY, EMPTY)
    await override(me, "cat", june(5), june(6))
    await override(me, "cat", june(7), june(8), "empty")
    monkeypatch.setattr(pages, "PAGE_BYTES", 1_550)
    assert (await page(me, f"{V1}/schedules", ""))[0] == ["daily", "empty"]
    for day in range(10, 13):
        await override(me, "cat", june(day), june(day + 1))
    assert await page(me, f"{V1}/schedules", "") == (
        ["daily"],
        {"total": 2, "limit": 1, "offset": 0},
    )
    assert (await page(me, f"{V2}/schedules", ""))[0] == ["daily", "empty"]


@pytest.mark.parametrize("path", ["", "/daily"], ids=["list", "one"])
async def test_overrides_that_are_too_many_are_counted(
    stored: Stored, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await scene(stored, DAILY)
    ids = [await override(me, "cat", june(day), june(day + 1)) for day in range(5, 9)]
    monkeypatch.setattr(overrides_store, "SHOWN_BYTES", 2 * overrides_store.OTHER_BYTES)
    read = await me.read(f"{V1}/schedules{path}")
    shown = read[0] if isinstance(read, list) else read
    assert [each["id"] for each in shown["overrides"]] == ids[:2]
    assert shown["overrides_left_out"] == 2
    patched = await me.update(f"{V1}/schedules/daily", {"name": "Renamed"})
    assert patched["overrides_left_out"] == 2
    monkeypatch.undo()
    assert "overrides_left_out" not in await me.read(f"{V1}/schedules/daily")
