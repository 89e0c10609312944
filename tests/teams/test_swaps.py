"""Entries and swaps: whose an entry is, what goes back, and which swaps are refused."""

import asyncio
from typing import Any

import pytest

from tests.support.scenes import (
    DAILY,
    EMPTY,
    entry,
    entry_lines,
    june,
    local,
    override,
    scene,
    shifts,
    who,
)
from tests.support.stored import V1, V2, Caller, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio


async def swapped(me: Caller, entry_id: str, other: str) -> Any:
    return await me.create(f"{V2}/entries/{entry_id}/swap", {"swap_with_user_id": other})


async def refused(me: Caller, entry_id: str, other: str) -> tuple[int, str]:
    path = f"{V2}/entries/{entry_id}/swap"
    return code_of(await me.post(path, {"swap_with_user_id": other}))


class TestEntries:
    async def test_generated_ones_have_ids_that_stay(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        before = await shifts(me, 1, 3)
        assert entry_lines(before) == ["ann 01:00 02:00", "bob 02:00 03:00", "ann 03:00 04:00"]
        assert len({each["id"] for each in before}) == 3
        assert all(each["id"].startswith("daily~1.0~") for each in before)
        stored.at(june(20))
        await me.update(f"{V2}/schedules/daily", {"participants": ["cat"]})
        assert await shifts(me, 1, 3) == before
        for each in before:
            assert await me.read(f"{V2}/entries/{each['id']}") == each

    async def test_what_one_looks_like(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await entry(me, "cat", june(5), june(6))
        generated, created = await shifts(me, 4, 5)
        common = {"schedule_id": "daily", "swap_id": None}
        assert generated == {
            **common,
            "id": generated["id"],
            "user_id": "bob",
            "start": local(4),
            "end": local(5),
            "source": "generated",
            "scheduled_user_id": "bob",
            "created_at": None,
        }
        assert created == {
            **common,
            "id": made,
            "user_id": "cat",
            "start": local(5),
            "end": local(6),
            "source": "created",
            "scheduled_user_id": "cat",
            "created_at": june(1),
        }

    async def test_created_ones_cut_generated_ones(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await entry(me, "cat", june(5, 6), june(5, 12))
        found = await shifts(me, 5, 5)
        assert entry_lines(found) == ["ann 05:00 05:06", "cat 05:06 05:12", "ann 05:12 06:00"]
        assert len({each["id"] for each in found}) == 3
        for each in found:
            assert await me.read(f"{V2}/entries/{each['id']}") == each

    async def test_those_that_overlap_the_window_are_whole(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "rotation_type": "weekly"})
        assert entry_lines(await shifts(me, 3, 3)) == ["ann 01:00 08:00"]

    async def test_dates_are_local_and_both_included(self, stored: Stored) -> None:
        brussels = {**DAILY, "timezone": "Europe/Brussels", "start_at": "2026-06-01T00:00:00+02:00"}
        me = await scene(stored, brussels)
        found = await shifts(me, 1, 2)
        assert [(each["start"], each["end"]) for each in found] == [
            ("2026-06-01T00:00:00+02:00", "2026-06-02T00:00:00+02:00"),
            ("2026-06-02T00:00:00+02:00", "2026-06-03T00:00:00+02:00"),
        ]

    async def test_those_of_one_person(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        path = f"{V2}/schedules/daily/entries?start_date=2026-06-01&end_date=2026-06-04&user_id=bob"
        answer = (await me.get(path)).json()
        assert entry_lines(answer["data"]) == ["bob 02:00 03:00", "bob 04:00 05:00"]
        assert answer["total"] == 2

    async def test_nobody_has_two_at_once(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "cat", june(5), june(6), "empty")
        path = f"{V2}/schedules/empty/entries"
        again = {"user_id": "cat", "start": june(5, 23), "end": june(7)}
        assert code_of(await me.post(path, again)) == (409, "conflict")
        await entry(me, "cat", june(6), june(7), "empty")  # touching is not overlapping
        await entry(me, "dan", june(5), june(6), "empty")

    async def test_nobody_has_two_at_once_by_a_swap(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        made = await entry(me, "cat", june(5), june(6), "empty")
        await swapped(me, made, "dan")
        path = f"{V2}/schedules/empty/entries"
        body = {"start": june(5, 6), "end": june(5, 12)}
        for user_id in ("dan", "cat"):  # the swap may be undone
            assert code_of(await me.post(path, {"user_id": user_id, **body})) == (409, "conflict")

    async def test_nobody_gets_another_by_a_swap_made_before(self, stored: Stored) -> None:
        """dan has all of the stretch, though others are given parts of it."""
        me = await scene(stored, EMPTY)
        made = await entry(me, "cat", june(5), june(6), "empty")
        await swapped(me, made, "dan")
        body = {"user_id": "bob", "start": june(5, 6), "end": june(5, 12)}
        response = await me.post(f"{V2}/schedules/empty/entries", body)
        assert code_of(response) == (409, "conflict")

    async def test_an_override_may_lie_over_one(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await override(me, "dan", june(5), june(6))
        made = await entry(me, "cat", june(5, 6), june(5, 12))
        assert (await me.read(f"{V2}/entries/{made}"))["user_id"] == "dan"

    async def test_nobody_gets_two_by_asking_twice_at_once(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        body = {"user_id": "cat", "start": june(5), "end": june(6)}
        asked = [me.post(f"{V2}/schedules/empty/entries", body) for _ in range(6)]
        answers = await asyncio.gather(*asked)
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201, 409, 409, 409, 409, 409]

    async def test_a_generated_one_cannot_be_deleted(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        assert code_of(await me.delete(f"{V2}/entries/{shift['id']}")) == (409, "conflict")

    @pytest.mark.parametrize(
        "name",
        [
            *("none", "daily~", "daily~x", "daily~1.0~999999999999999999", "daily~2.0~5"),
            *("daily~1.1~5", "daily~1.0~5~1", "daily~1.0~-999999999999999999", "none~1.0~5"),
            *("daily~1.0~5~999999999999999999", "daily~1.0~5~-999999999999999999", "daily~1.0~05"),
        ],
    )
    async def test_one_that_there_is_not(self, stored: Stored, name: str) -> None:
        me = await scene(stored, DAILY)
        path = f"{V2}/entries/{name}"
        assert code_of(await me.get(path)) == (404, "not_found")
        assert code_of(await me.delete(path)) == (404, "not_found")
        assert await refused(me, name, "cat") == (404, "not_found")

    async def test_one_of_731_days(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        made = await entry(me, "cat", june(5), "2028-06-05T00:00:00Z", "empty")
        assert (await me.read(f"{V2}/entries/{made}"))["end"] == "2028-06-05T00:00:00+00:00"
        await swapped(me, made, "dan")
        assert await who(me, "2028-01-01T00:00:00Z", "empty") == "dan"
        await me.delete_at(f"{V2}/entries/{made}")

    async def test_one_that_is_longer(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        body = {"user_id": "cat", "start": june(5), "end": "2028-06-05T00:00:00.001Z"}
        response = await me.post(f"{V2}/schedules/empty/entries", body)
        assert list(faults_in(response)) == ["/end"]

    async def test_a_generated_one_of_ten_years(self, stored: Stored) -> None:
        interval = {"count": 120, "unit": "months"}
        me = await scene(stored, {**DAILY, "rotation_type": "custom", "interval": interval})
        [shift] = await shifts(me, 5, 5)
        assert shift["end"] == "2036-06-01T00:00:00+00:00"
        assert len((await swapped(me, shift["id"], "bob"))["entry_ids"]) == 2
        assert await who(me, "2035-01-01T00:00:00Z") == "bob"

    async def test_one_of_another_schedule(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, EMPTY)
        made = await entry(me, "cat", june(5), june(6), "empty")
        for name in (made, "daily~1.0~5"):
            belongs = "daily" if name == made else "empty"
            path = f"{V2}/schedules/{belongs}/entries/{name}/swap"
            body = {"swap_with_user_id": "dan"}
            assert code_of(await me.post(path, body)) == (404, "not_found")

    async def test_an_override_is_no_entry(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await override(me, "cat", june(5), june(6))
        assert code_of(await me.get(f"{V2}/entries/{made}")) == (404, "not_found")


class TestSwaps:
    async def test_the_next_entry_goes_back(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [first] = await shifts(me, 5, 5)
        swap = await swapped(me, first["id"], "bob")
        assert entry_lines(swap["entries"]) == ["bob 05:00 06:00", "ann 06:00 07:00"]
        assert entry_lines(await shifts(me, 4, 7)) == [
            "bob 04:00 05:00",
            "bob 05:00 06:00",
            "ann 06:00 07:00",
            "ann 07:00 08:00",
        ]
        assert {name: swap[name] for name in ("user_id", "swap_with_user_id", "undone_at")} == {
            "user_id": "ann",
            "swap_with_user_id": "bob",
            "undone_at": None,
        }
        assert swap["entry_ids"] == [each["id"] for each in swap["entries"]]
        assert [each["scheduled_user_id"] for each in swap["entries"]] == ["ann", "bob"]
        assert {each["swap_id"] for each in swap["entries"]} == {swap["id"]}

    async def test_else_the_nearest_before_that_has_not_started(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "dan", june(3), june(4), "empty", id="early")
        await entry(me, "dan", june(5), june(6), "empty", id="near")
        made = await entry(me, "cat", june(8), june(9), "empty")
        assert (await swapped(me, made, "dan"))["entry_ids"] == [made, "near"]

    async def test_not_one_that_has_started(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "dan", june(5), june(6), "empty")
        made = await entry(me, "cat", june(8), june(9), "empty")
        stored.at(june(5))
        assert (await swapped(me, made, "dan"))["entry_ids"] == [made]

    @pytest.mark.parametrize(
        ("start", "ids"),
        [
            pytest.param("2026-09-01T00:00:00Z", 2, id="after more than 31 days"),
            pytest.param("2027-06-06T23:00:00Z", 2, id="just within 366 days"),
            pytest.param("2027-06-07T00:00:00Z", 1, id="not within 366 days"),
        ],
    )
    async def test_how_far_is_looked(self, stored: Stored, start: str, ids: int) -> None:
        me = await scene(stored, EMPTY)
        made = await entry(me, "cat", june(5), june(6), "empty")
        await entry(me, "dan", start, "2027-06-08T00:00:00Z", "empty")
        assert len((await swapped(me, made, "dan"))["entry_ids"]) == ids

    async def test_it_is_a_hand_over_where_there_is_none(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        swap = await swapped(me, shift["id"], "cat")
        assert entry_lines(swap["entries"]) == ["cat 05:00 06:00"]
        assert [await who(me, june(day)) for day in (4, 5, 6)] == ["bob", "cat", "bob"]

    async def test_a_running_one_changes_hands_from_now_on(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        stored.at(june(5, 6))
        swap = await swapped(me, shift["id"], "cat")
        assert entry_lines(swap["entries"]) == ["cat 05:00 06:00"]
        assert [await who(me, june(5, hour)) for hour in (5, 6)] == ["ann", "cat"]

    async def test_one_that_is_over(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        stored.at(june(6))
        assert await refused(me, shift["id"], "cat") == (409, "conflict")

    async def test_with_who_has_it(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        path = f"{V2}/entries/{shift['id']}/swap"
        response = await me.post(path, {"swap_with_user_id": "ann"})
        assert list(faults_in(response)) == ["/swap_with_user_id"]

    async def test_nobody_gets_two_at_once(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        one = await entry(me, "cat", june(5), june(6), "empty")
        await entry(me, "dan", june(5, 12), june(7), "empty")
        assert await refused(me, one, "dan") == (409, "conflict")
        assert entry_lines(await shifts(me, 5, 6, "empty")) == [
            "cat 05:00 06:00",
            "dan 05:12 07:00",
        ]

    async def test_nobody_gets_two_at_once_back(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        one = await entry(me, "cat", june(5), june(6), "empty")
        await entry(me, "dan", june(8), june(9), "empty")
        await entry(me, "cat", june(8, 12), june(10), "empty")
        assert await refused(me, one, "dan") == (409, "conflict")

    async def test_one_that_was_swapped_can_be_swapped_on(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        made = await entry(me, "ann", june(5), june(6), "empty")
        await swapped(me, made, "bob")
        swap = await swapped(me, made, "cat")
        assert (swap["user_id"], swap["swap_with_user_id"]) == ("bob", "cat")
        [shift] = await shifts(me, 5, 5, "empty")
        assert (shift["user_id"], shift["scheduled_user_id"]) == ("cat", "ann")
        await me.delete_at(f"{V2}/swaps/{swap['id']}")
        assert await who(me, june(5), "empty") == "bob"

    async def test_a_swap_there_and_back(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        before = entry_lines(await shifts(me, 4, 8))
        [shift] = await shifts(me, 5, 5)
        await swapped(me, shift["id"], "bob")
        back = await swapped(me, shift["id"], "ann")
        assert len(back["entries"]) == 2
        assert entry_lines(await shifts(me, 4, 8)) == before

    async def test_either_path(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        made = await entry(me, "ann", june(5), june(6), "empty")
        path = f"{V2}/schedules/empty/entries/{made}/swap"
        await me.create(path, {"swap_with_user_id": "bob"})
        await swapped(me, made, "cat")
        swaps = await me.read(f"{V2}/schedules/empty/swaps")
        assert [each["swap_with_user_id"] for each in swaps] == ["bob", "cat"]


class TestUndoing:
    async def test_before_it_has_begun(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        before = await shifts(me, 4, 8)
        swap = await swapped(me, before[1]["id"], "bob")
        await me.delete_at(f"{V2}/swaps/{swap['id']}")
        assert await shifts(me, 4, 8) == before

    async def test_while_it_runs(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        swap = await swapped(me, shift["id"], "bob")
        stored.at(june(5, 6))
        await me.delete_at(f"{V2}/swaps/{swap['id']}")
        found = [await who(me, at) for at in (june(5, 5), june(5, 7), june(6, 1))]
        assert found == ["bob", "ann", "bob"]

    async def test_when_the_first_half_is_over(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        swap = await swapped(me, shift["id"], "bob")
        stored.at(june(6))
        await me.delete_at(f"{V2}/swaps/{swap['id']}")
        assert [await who(me, june(day, 1)) for day in (5, 6)] == ["bob", "bob"]

    async def test_when_it_is_over(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        swap = await swapped(me, shift["id"], "bob")
        stored.at(june(7))
        assert code_of(await me.delete(f"{V2}/swaps/{swap['id']}")) == (409, "conflict")
        assert [await who(me, june(day, 1)) for day in (5, 6)] == ["bob", "ann"]

    async def test_twice(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        swap = await swapped(me, shift["id"], "bob")
        await me.delete_at(f"{V2}/swaps/{swap['id']}")
        assert code_of(await me.delete(f"{V2}/swaps/{swap['id']}")) == (409, "conflict")

    async def test_one_that_there_is_not(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        assert code_of(await me.delete(f"{V2}/swaps/none")) == (404, "not_found")

    async def test_its_overrides_go_with_it_alone(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [shift] = await shifts(me, 5, 5)
        swap = await swapped(me, shift["id"], "bob")
        rows = await me.read(f"{V1}/schedules/daily/overrides")
        assert {row["swap_id"] for row in rows} == {swap["id"]}
        response = await me.delete(f"{V1}/schedules/daily/overrides/{rows[0]['id']}")
        assert code_of(response) == (409, "conflict")
        assert f"/swaps/{swap['id']}" in response.json()["message"]
