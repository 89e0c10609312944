"""Across schedules: who is on call on each, the teams, and everything that a person has."""

from typing import Any

import pytest

from app.teams.on_call import overview
from tests.support.pools import recorded_jobs
from tests.support.scenes import DAILY, EMPTY, entry, june, local, override, scene
from tests.support.stored import V2, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

SHIFTS = f"{V2}/users/ann/shifts"
BERLIN: dict[str, Any] = {
    **DAILY,
    "id": "berlin",
    "name": "In Berlin",
    "team_id": "other",
    "timezone": "Europe/Berlin",
    "participants": ["cat"],
}


class TestOnCall:
    async def test_each_schedule_in_order(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, EMPTY, BERLIN, at=june(1, 12))
        answer = (await me.get(f"{V2}/on-call")).json()
        assert (answer["total"], answer["limit"], answer["offset"]) == (3, 25, 0)
        first, second, third = answer["data"]
        assert first == {
            "schedule_id": "daily",
            "schedule_name": "Daily",
            "team_id": "team",
            "timezone": "UTC",
            "user_id": "ann",
            "user_name": "Ann",
            "user_email": "ann@example.com",
            "since": local(1),
            "until": local(2),
            "next": {
                "user_id": "bob",
                "name": "Bob",
                "email": "bob@example.com",
                "at": local(2),
                "schedule_id": "daily",
            },
        }
        assert (second["user_id"], second["user_name"], second["next"]) == (None, None, None)
        assert (third["user_id"], third["since"]) == ("cat", "2026-06-01T02:00:00+02:00")
        assert third["until"] is None

    async def test_of_a_team_and_in_parts(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, EMPTY, BERLIN)
        ids = [each["schedule_id"] for each in await me.read(f"{V2}/on-call?team_id=team")]
        assert ids == ["daily", "empty"]
        answer = (await me.get(f"{V2}/on-call?limit=1&offset=1")).json()
        assert [each["schedule_id"] for each in answer["data"]] == ["empty"]
        assert await me.read(f"{V2}/on-call?team_id=none") == []

    async def test_at_an_instant(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        [found] = await me.read(f"{V2}/on-call?at={june(2, 1)}")
        assert found["user_id"] == "bob"

    async def test_of_ones_own_organisation(self, stored: Stored) -> None:
        await scene(stored, DAILY)
        assert await (await stored.stranger()).read(f"{V2}/on-call") == []


async def test_teams_by_their_ids(stored: Stored) -> None:
    me = await scene(stored, DAILY, BERLIN, EMPTY)
    answer = (await me.get(f"{V2}/teams")).json()
    assert answer["data"] == [{"id": "other", "schedules": 1}, {"id": "team", "schedules": 2}]
    assert answer["total"] == 2
    assert await me.read(f"{V2}/teams?limit=1&offset=1") == answer["data"][1:]
    assert await (await stored.stranger()).read(f"{V2}/teams") == []


class TestShifts:
    async def test_on_all_schedules_in_order(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, EMPTY, BERLIN, at=june(1, 12))
        made = await entry(me, "ann", june(2), june(3), "empty")
        over = await override(me, "ann", june(4), june(5), "berlin")
        shown = await me.read(f"{SHIFTS}?from={june(1, 12)}&to={june(5, 6)}")
        assert (shown["user_id"], shown["from"], shown["to"]) == ("ann", june(1, 12), june(5, 6))
        shifts = shown["shifts"]
        assert [(each["schedule_id"], each["start"], each["end"]) for each in shifts] == [
            ("daily", local(1, 12), local(2)),
            ("empty", local(2), local(3)),
            ("daily", local(3), local(4)),
            ("berlin", "2026-06-04T02:00:00+02:00", "2026-06-05T02:00:00+02:00"),
            ("daily", local(5), local(5, 6)),
        ]
        assert [each["starts_before"] for each in shifts] == [True, False, False, False, False]
        assert [each["ends_after"] for each in shifts] == [False, False, False, False, True]
        assert [each["source"] for each in shifts][:4] == ["layer", "entry", "layer", "override"]
        assert (shifts[0]["layer"], shifts[1]["entry_id"]) == ("rotation", made)
        assert (shifts[3]["schedule_name"], shifts[3]["override_id"]) == ("In Berlin", over)

    async def test_without_a_window_four_weeks_from_now_on(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, at=june(1, 12))
        shown = await me.read(SHIFTS)
        assert (shown["from"], shown["to"]) == (june(1, 12), june(29, 12))
        assert len(shown["shifts"]) == 15
        assert (await me.read(f"{SHIFTS}?from={june(2)}"))["to"] == june(30)

    async def test_of_somebody_without_any(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        assert (await me.read(f"{V2}/users/dan/shifts"))["shifts"] == []

    async def test_of_nobody(self, stored: Stored) -> None:
        assert code_of(await stored.me.get(SHIFTS)) == (404, "not_found")

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            (f"to={june(2)}", ["from"]),
            (f"from={june(2)}&to={june(2)}", ["to"]),
            ("from=2026-01-01T00:00:00Z&to=2027-06-01T00:00:00Z", ["to"]),
            ("from=yesterday", ["from"]),
        ],
    )
    async def test_faults(self, stored: Stored, query: str, names: list[str]) -> None:
        me = await scene(stored, DAILY)
        assert list(faults_in(await me.get(f"{SHIFTS}?{query}"))) == names

    async def test_many_are_put_in_order_by_a_worker(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, DAILY, BERLIN)
        here = await me.read(f"{SHIFTS}?from={june(1)}&to={june(9)}")
        jobs = recorded_jobs(monkeypatch)
        monkeypatch.setattr(overview, "LIGHT_BYTES", 0)
        assert await me.read(f"{SHIFTS}?from={june(1)}&to={june(9)}") == here
        assert list(dict(jobs)) == ["_shifts_json"]

    async def test_all_schedules_together_have_one_bound(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, DAILY, {**DAILY, "id": "second"})
        monkeypatch.setattr(overview, "STEPS", 100)
        assert (await me.get(SHIFTS)).status_code == 422
