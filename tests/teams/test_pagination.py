"""Lists: their order, that a new item moves nothing while somebody pages, and their bytes."""

import base64
import json
from typing import Any

import pytest

from app.database import pages
from app.teams.overrides import store as overrides_store
from tests.support.scenes import DAILY, EMPTY, entry, june, override, scene
from tests.support.stored import V1, V2, Caller, Stored, faults_in

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


async def fill_entries(me: Caller, count: int) -> str:
    await me.add_users("ann")
    await me.create(f"{V2}/schedules", EMPTY)
    for number in range(count):
        # two at a time begin at once, and are in the order of their ids
        window = (june(2 + number // 2), june(20))
        await me.add_users(f"u{number}")
        await entry(me, f"u{number}", *window, "empty", id=f"p{number}")
    return f"{V2}/schedules/empty/entries"


async def fill_swaps(me: Caller, count: int) -> str:
    await me.add_users("ann", "bob")
    rotation = {"rotation_type": "daily", "participants": ["ann"]}
    await me.create(f"{V2}/schedules", {**EMPTY, **rotation})
    days = await me.read(f"{V2}/schedules/empty/entries?{JUNE.replace('01', '10')}")
    for day in days[:count]:
        await me.create(f"{V2}/entries/{day['id']}/swap", {"swap_with_user_id": "bob"})
    return f"{V2}/schedules/empty/swaps"


async def fill_audit(me: Caller, count: int) -> str:
    await me.create(f"{V2}/schedules", EMPTY)
    for number in range(count - 1):
        await me.update(f"{V2}/schedules/empty", {"name": f"{number}"})
    return f"{V2}/schedules/empty/audit"


async def fill_tokens(me: Caller, count: int) -> str:
    await me.create(f"{V2}/schedules", EMPTY)
    for number in range(count):
        await me.create(f"{V2}/schedules/empty/feed-tokens", {"name": f"{number}"})
    return f"{V2}/schedules/empty/feed-tokens"


async def fill_covers(me: Caller, count: int) -> str:
    await me.add_users("ann")
    rotation = {"rotation_type": "daily", "participants": ["ann"]}
    await me.create(f"{V2}/schedules", {**EMPTY, **rotation})
    for number in range(count):
        window = {"start": june(12 + number), "end": june(13 + number)}
        body = {"id": f"p{number}", "user_id": "ann", **window}
        await me.create(f"{V2}/schedules/empty/covers", body)
    return f"{V2}/covers"


JUNE = "start_date=2026-06-01&end_date=2026-06-30"
FILLS = [fill_users, fill_schedules, fill_v1_schedules, fill_policies, fill_overrides]
each_list = pytest.mark.parametrize("fill", FILLS, ids=lambda fill: fill.__name__[5:])


CURSORS = [*FILLS, fill_entries, fill_swaps, fill_audit, fill_tokens, fill_covers]
each_cursor = pytest.mark.parametrize("fill", CURSORS, ids=lambda fill: fill.__name__[5:])


async def page(me: Caller, path: str, query: str) -> tuple[list[str], Any]:
    answer = (await me.get(f"{path}?{query}")).json()
    follows = answer["offset"] + len(answer["data"]) < answer["total"]
    assert (answer.pop("next_cursor", None) is not None) == (follows and answer["data"] != [])
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


async def at_cursor(me: Caller, path: str, cursor: str | None, limit: int = 2) -> Any:
    """Return a page that begins at a cursor; ``None``: the first page."""
    query = f"{JUNE}&" if path.endswith("/entries") else ""
    more = "" if cursor is None else f"&cursor={cursor}"
    answer = await me.get(f"{path}?{query}limit={limit}{more}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@each_cursor
async def test_page_by_page_with_cursors(stored: Stored, fill: Any) -> None:
    path = await fill(stored.me, 5)
    whole = await at_cursor(stored.me, path, None, limit=100)
    assert "next_cursor" not in whole
    assert whole["total"] == 5
    pages, cursor = [], None
    for offset in (0, 2, 4):
        found = await at_cursor(stored.me, path, cursor)
        assert (found["total"], found["limit"], found["offset"]) == (5, 2, offset)
        pages += found["data"]
        cursor = found.get("next_cursor")
    assert cursor is None
    assert pages == whole["data"]


@pytest.mark.parametrize("removed", [["p0"], ["p1"], ["p0", "p1"], ["p2"]])
@pytest.mark.parametrize(
    "fill", [fill_users, fill_schedules, fill_v1_schedules, fill_policies, fill_entries]
)
async def test_what_is_deleted_meanwhile_hides_nothing(
    stored: Stored, fill: Any, removed: list[str]
) -> None:
    path = await fill(stored.me, 5)
    first = await at_cursor(stored.me, path, None)
    for name in removed:
        things = f"{V2}/entries" if path.endswith("/entries") else path
        await stored.me.delete_at(f"{things}/{name}")
    second = await at_cursor(stored.me, path, first["next_cursor"])
    wanted = [name for name in ("p2", "p3", "p4") if name not in removed][:2]
    assert [row["id"] for row in second["data"]] == wanted
    assert second["total"] == 5 - len(removed)
    assert second["offset"] == 2 - len({"p0", "p1"}.intersection(removed))


async def test_what_is_added_before_the_place_moves_nothing(stored: Stored) -> None:
    path = await fill_entries(stored.me, 4)
    first = await at_cursor(stored.me, path, None)
    await stored.me.add_users("new")
    await entry(stored.me, "new", june(1), june(2), "empty", id="new")
    second = await at_cursor(stored.me, path, first["next_cursor"])
    assert [row["id"] for row in second["data"]] == ["p2", "p3"]
    assert (second["offset"], second["total"]) == (3, 5)


async def test_the_cursor_of_a_page_that_its_bytes_cut(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await fill_users(stored.me, 3)
    monkeypatch.setattr(pages, "PAGE_BYTES", 1)
    cursor, found = None, []
    for _ in range(3):
        answer = await at_cursor(stored.me, path, cursor, limit=100)
        found += [row["id"] for row in answer["data"]]
        cursor = answer.get("next_cursor")
    assert (found, cursor) == (["p0", "p1", "p2"], None)


async def test_a_cursor_of_an_empty_list(stored: Stored) -> None:
    path = await fill_entries(stored.me, 3)
    cursor = (await at_cursor(stored.me, path, None))["next_cursor"]
    for name in ("p0", "p1", "p2"):
        await stored.me.delete_at(f"{V2}/entries/{name}")
    empty = await at_cursor(stored.me, path, cursor)
    assert empty == {"data": [], "total": 0, "limit": 2, "offset": 0}


def forged(*values: Any) -> str:
    text = json.dumps(values).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


NONE = "is none: send next_cursor as it was given"
OTHER = "is of another list: send one that this list gave"


@pytest.mark.parametrize(
    ("cursor", "fault"),
    [
        ("x", NONE),
        ("é", NONE),
        ("%00", "null"),
        ("a" * 501, "500"),
        (base64.urlsafe_b64encode(b"[1").decode(), NONE),
        (base64.urlsafe_b64encode(b"\xff\xff").decode(), NONE),
        (forged(), NONE),
        (forged("people"), NONE),
        (base64.urlsafe_b64encode(b'{"people":1}').decode(), NONE),
        (forged("people", 1.5), NONE),
        (base64.urlsafe_b64encode(b'["people",true]').decode(), NONE),
        (forged("people", 2**63), NONE),
        (forged("people", "\0"), NONE),
        (forged("people", ["x"]), NONE),
        (forged("people", "x"), OTHER),
        (forged("people", 1, 2), OTHER),
        (forged("schedules", 1), OTHER),
        (forged(1, 1), OTHER),
    ],
)
async def test_what_is_no_cursor(stored: Stored, cursor: str, fault: str) -> None:
    faults = faults_in(await stored.me.get(f"{V2}/users?cursor={cursor}"))
    assert list(faults) == ["cursor"]
    assert fault in faults["cursor"]


@pytest.mark.parametrize("values", [("people", 1), ("entries", 1), ("entries", 1, 2)])
async def test_what_is_no_cursor_of_entries(stored: Stored, values: Any) -> None:
    path = await fill_entries(stored.me, 1)
    fault = faults_in(await stored.me.get(f"{path}?{JUNE}&cursor={forged(*values)}"))
    assert fault == {"cursor": OTHER}


async def test_a_cursor_goes_without_offset(stored: Stored) -> None:
    path = await fill_users(stored.me, 3)
    cursor = (await at_cursor(stored.me, path, None))["next_cursor"]
    faults = faults_in(await stored.me.get(f"{path}?cursor={cursor}&offset=1"))
    assert faults == {"cursor": "goes without offset: it says where the page begins"}
    numbers = (-(2**63), 2**63 - 1)
    found = [await at_cursor(stored.me, path, forged("people", each)) for each in numbers]
    assert [len(each["data"]) for each in found] == [2, 0]
    assert [each["offset"] for each in found] == [0, 3]
