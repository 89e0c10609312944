"""The past, answered from the rules that held then, whatever is changed later."""

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
from tests.support.stored import V1, V2, Caller, Stored, code_of

pytestmark = pytest.mark.anyio

SWAPPED = {"participants": ["cat", "dan"]}


async def final(me: Caller, first: int, last: int) -> list[str]:
    """``who start end`` of each segment of days of June, and its gaps."""
    window = f"from={june(first)}&to={june(last)}"
    found = await me.read(f"{V1}/schedules/daily/final-schedule?{window}")
    rows = [
        *((each["start"], each["end"], each["user_id"]) for each in found["segments"]),
        *((each["start"], each["end"], "-") for each in found["gaps"]),
    ]
    return [
        f"{user} {start[8:13]} {end[8:13]}".replace("T", ":") for start, end, user in sorted(rows)
    ]


class TestRules:
    async def test_other_people_take_over_from_the_write_on(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        before = await final(me, 1, 3)
        stored.at(june(3, 12))
        await me.update(f"{V2}/schedules/daily", SWAPPED)
        assert await final(me, 1, 3) == before == ["ann 01:00 02:00", "bob 02:00 03:00"]
        assert await final(me, 3, 5) == ["ann 03:00 03:12", "cat 03:12 04:00", "dan 04:00 05:00"]

    async def test_each_version_holds_in_its_time(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        for day, name in ((3, "cat"), (5, "dan"), (7, "ann")):
            stored.at(june(day))
            await me.update(f"{V2}/schedules/daily", {"participants": [name]})
        found = [await who(me, june(day, 1)) for day in (1, 2, 3, 4, 5, 6, 7, 8)]
        assert found == ["ann", "bob", "cat", "cat", "dan", "dan", "ann", "ann"]

    async def test_the_first_rules_hold_for_all_time_before(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "start_at": None}, at=june(10))
        await me.update(f"{V2}/schedules/daily", {"participants": ["cat"]})
        assert await who(me, "1999-01-01T00:00:00Z") in ("ann", "bob")

    async def test_another_zone_moves_no_past_handoff(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        stored.at(june(3, 12))
        await me.update(f"{V1}/schedules/daily", {"timezone": "Asia/Tokyo"})
        assert await final(me, 1, 4) == ["ann 01:00 02:00", "bob 02:00 03:00", "ann 03:00 04:00"]

    async def test_a_new_name_makes_no_new_rules(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        before = await shifts(me, 1, 9)
        stored.at(june(3))
        await me.update(f"{V2}/schedules/daily", {"name": "Renamed", "team_id": "others"})
        assert await shifts(me, 1, 9) == before

    async def test_layers_of_no_one_end_it(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        stored.at(june(2, 6))
        await me.update(f"{V1}/schedules/daily", {"layers": []})
        assert await final(me, 1, 4) == ["ann 01:00 02:00", "bob 02:00 02:06", "- 02:06 04:00"]

    async def test_two_changes_in_one_millisecond(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        stored.at(june(3))
        for name in ("cat", "dan"):
            await me.update(f"{V2}/schedules/daily", {"participants": [name]})
        assert await final(me, 2, 4) == ["bob 02:00 03:00", "dan 03:00 04:00"]

    async def test_a_clock_that_is_behind_changes_no_order(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        for day, name in ((3, "cat"), (2, "dan")):
            stored.at(june(day))
            await me.update(f"{V2}/schedules/daily", {"participants": [name]})
        assert await final(me, 1, 5) == ["ann 01:00 02:00", "bob 02:00 03:00", "dan 03:00 05:00"]

    async def test_who_was_on_call_is_told_though_they_are_gone(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        stored.at(june(3))
        await me.update(f"{V2}/schedules/daily", SWAPPED)
        await me.delete_at(f"{V2}/users/ann")
        found = await me.read(f"{V1}/schedules/daily/on-call?at={june(1, 1)}")
        assert (found["user_id"], found["user_email"], found["user_name"]) == ("ann", None, None)


class TestOverrides:
    async def test_one_cancelled_before_it_starts_never_was(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await override(me, "cat", june(5), june(6))
        stored.at(june(4))
        await me.delete_at(f"{V1}/schedules/daily/overrides/{made}")
        assert await final(me, 4, 7) == ["bob 04:00 05:00", "ann 05:00 06:00", "bob 06:00 07:00"]

    async def test_one_cancelled_while_it_runs_stays_until_then(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await override(me, "cat", june(5), june(6))
        stored.at(june(5, 6))
        await me.delete_at(f"{V1}/schedules/daily/overrides/{made}")
        assert await final(me, 5, 6) == ["cat 05:00 05:06", "ann 05:06 06:00"]

    async def test_one_that_is_over_cannot_be_cancelled(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await override(me, "cat", june(5), june(6))
        stored.at(june(6))
        path = f"{V1}/schedules/daily/overrides/{made}"
        assert code_of(await me.delete(path)) == (409, "conflict")
        assert await final(me, 5, 6) == ["cat 05:00 06:00"]

    async def test_one_is_cancelled_once(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        path = f"{V1}/schedules/daily/overrides/{await override(me, 'cat', june(5), june(6))}"
        await me.delete_at(path)
        assert code_of(await me.delete(path)) == (409, "conflict")

    async def test_a_record_of_the_past_counts_as_stated(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, at=june(10))
        await override(me, "cat", june(5), june(6))
        assert await final(me, 5, 6) == ["cat 05:00 06:00"]

    async def test_a_record_of_the_past_can_be_corrected(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, at=june(10))
        made = await override(me, "cat", june(5), june(6))
        await me.delete_at(f"{V1}/schedules/daily/overrides/{made}")
        assert await final(me, 5, 6) == ["ann 05:00 06:00"]

    async def test_one_that_reaches_back_keeps_what_it_covered_itself(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, at=june(5, 6))
        made = await override(me, "cat", june(5), june(6))
        stored.at(june(5, 12))
        await me.delete_at(f"{V1}/schedules/daily/overrides/{made}")
        assert await final(me, 5, 6) == ["ann 05:00 05:06", "cat 05:06 05:12", "ann 05:12 06:00"]

    async def test_the_one_created_last_wins(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await override(me, "cat", june(5), june(6))
        await override(me, "dan", june(5, 6), june(5, 12))
        assert await final(me, 5, 6) == ["cat 05:00 05:06", "dan 05:06 05:12", "cat 05:12 06:00"]

    async def test_one_that_is_over_is_not_shown_with_the_schedule(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await override(me, "cat", june(5), june(6))
        stored.at(june(6))
        assert (await me.read(f"{V1}/schedules/daily"))["overrides"] == []

    async def test_since_when_though_another_one_was_hidden(self, stored: Stored) -> None:
        """dan's ended at 5:06; a later one, which nobody saw, at 5:12."""
        me = await scene(stored, DAILY)
        await override(me, "ann", june(5, 10), june(5, 12))
        await override(me, "cat", june(5), june(6))
        await override(me, "dan", june(5, 3), june(5, 6))
        stored.at(june(5, 18))
        found = await me.read(f"{V2}/current/team")
        assert found["on_call"]["user_id"] == "cat"
        assert found["on_call"]["shift_start"] == local(5, 6)
        assert found["on_call"]["shift_end"] == local(6)


class TestEntries:
    async def test_one_deleted_before_it_starts_never_was(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await entry(me, "cat", june(5), june(6))
        await me.delete_at(f"{V2}/entries/{made}")
        assert await final(me, 5, 6) == ["ann 05:00 06:00"]
        assert code_of(await me.get(f"{V2}/entries/{made}")) == (404, "not_found")

    async def test_one_deleted_while_it_runs_stays_until_then(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await entry(me, "cat", june(5), june(6))
        stored.at(june(5, 6))
        await me.delete_at(f"{V2}/entries/{made}")
        assert entry_lines(await shifts(me, 5, 5)) == ["cat 05:00 05:06", "ann 05:06 06:00"]
        assert (await me.read(f"{V2}/entries/{made}"))["end"] == local(5, 6)

    async def test_one_that_is_over_cannot_be_deleted(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await entry(me, "cat", june(5), june(6))
        stored.at(june(6))
        assert code_of(await me.delete(f"{V2}/entries/{made}")) == (409, "conflict")

    async def test_one_is_deleted_once(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await entry(me, "cat", june(5), june(6))
        await me.delete_at(f"{V2}/entries/{made}")
        assert (await me.delete(f"{V2}/entries/{made}")).status_code in (404, 409)

    async def test_a_record_of_the_past_can_be_made_and_corrected(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, at=june(10))
        made = await entry(me, "cat", june(5), june(6))
        assert await final(me, 5, 6) == ["cat 05:00 06:00"]
        await me.delete_at(f"{V2}/entries/{made}")
        assert await final(me, 5, 6) == ["ann 05:00 06:00"]

    async def test_overrides_win_over_entries(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await override(me, "dan", june(5), june(5, 12))
        await entry(me, "cat", june(5), june(6))
        assert await final(me, 5, 6) == ["dan 05:00 05:12", "cat 05:12 06:00"]

    async def test_one_deleted_that_was_swapped_takes_its_swap_along(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        made = await entry(me, "cat", june(5), june(6), "empty")
        back = await entry(me, "dan", june(7), june(8), "empty")
        swap = await me.create(f"{V2}/entries/{made}/swap", {"swap_with_user_id": "dan"})
        await me.delete_at(f"{V2}/entries/{made}")
        assert entry_lines(await shifts(me, 1, 9, "empty")) == ["dan 07:00 08:00"]
        assert (await me.read(f"{V2}/entries/{back}"))["swap_id"] is None
        [kept] = await me.read(f"{V2}/schedules/empty/swaps")
        assert (kept["id"], kept["undone_at"]) == (swap["id"], june(1))
        assert await who(me, june(5, 1), "empty") is None

    async def test_one_deleted_while_its_swap_runs(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        made = await entry(me, "cat", june(5), june(6), "empty")
        await me.create(f"{V2}/entries/{made}/swap", {"swap_with_user_id": "dan"})
        stored.at(june(5, 6))
        await me.delete_at(f"{V2}/entries/{made}")
        found = [await who(me, june(5, hour), "empty") for hour in (5, 7)]
        assert found == ["dan", None]
        [left] = await shifts(me, 5, 5, "empty")
        assert (left["user_id"], left["end"]) == ("dan", local(5, 6))


async def test_deletes_do_not_wait_for_what_was_cancelled(stored: Stored) -> None:
    """A cancelled override, though its time is still to come, holds nobody back."""
    me = await scene(stored, EMPTY)
    made = await override(me, "cat", june(20), june(21), "empty")
    shift = await entry(me, "cat", june(22), june(23), "empty")
    assert code_of(await me.delete(f"{V2}/users/cat")) == (409, "conflict")
    await me.delete_at(f"{V1}/schedules/empty/overrides/{made}")
    assert code_of(await me.delete(f"{V2}/users/cat")) == (409, "conflict")
    await me.delete_at(f"{V2}/entries/{shift}")
    await me.delete_at(f"{V2}/users/cat")


WINDOW: dict[str, Any] = {"start_at": june(1), "end_at": june(2)}


class TestBothApis:
    async def test_layers_through_v2_and_back(self, stored: Stored) -> None:
        me = await scene(stored)
        layers = [
            {
                "name": "Days",
                "rotation_type": "weekly",
                "participants": ["ann", "bob"],
                "handoff_time": "Mon 09:00",
                "restrictions": [{"days": ["mon"], "start": "09:00", "end": "17:00"}],
            },
            {"name": "Rest", "rotation_type": "daily", "participants": ["cat"]},
        ]
        body = {"id": "two", "name": "Two", "team_id": "team", "timezone": "UTC", "layers": layers}
        await me.create(f"{V1}/schedules", body)
        v2 = await me.read(f"{V2}/schedules/two")
        assert {name: v2[name] for name in ("rotation_type", "participants", "layered")} == {
            "rotation_type": "weekly",
            "participants": ["ann", "bob"],
            "layered": True,
        }
        assert v2["handoff_time"] == "Mon 09:00"
        await me.update(f"{V2}/schedules/two", {"name": "New"})
        v1 = await me.read(f"{V1}/schedules/two")
        assert {**body, "name": "New"}.items() <= v1.items()

    async def test_a_restriction_makes_it_layered(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [layer] = (await me.read(f"{V1}/schedules/daily"))["layers"]
        assert layer == {
            "name": "rotation",
            "rotation_type": "daily",
            "participants": ["ann", "bob"],
            "start_at": "2026-06-01T00:00:00Z",
        }
        windows = [{"start": "09:00", "end": "17:00"}]
        await me.update(f"{V1}/schedules/daily", {"layers": [{**layer, "restrictions": windows}]})
        assert (await me.read(f"{V2}/schedules/daily"))["layered"] is True

    async def test_entries_and_overrides_of_one_are_the_others(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await entry(me, "cat", june(5), june(6))
        found = await me.read(f"{V1}/schedules/daily/on-call?at={june(5)}")
        assert (found["source"], found["entry_id"], found["layer"]) == ("entry", made, None)
        override_id = await override(me, "dan", june(5), june(6))
        found = await me.read(f"{V1}/schedules/daily/on-call?at={june(5)}")
        assert (found["source"], found["override_id"]) == ("override", override_id)
        [shift] = await shifts(me, 5, 5)
        assert (shift["user_id"], shift["scheduled_user_id"]) == ("dan", "cat")

    async def test_decimals_are_shown_where_there_are_any(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        body = {"user_id": "cat", "start_at": "2026-06-05T02:00:00.25+02:00", "end_at": june(6)}
        made = await me.create(f"{V1}/schedules/daily/overrides", body)
        assert (made["start_at"], made["end_at"]) == ("2026-06-05T00:00:00.250Z", june(6))
