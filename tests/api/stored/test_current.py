"""Who is on call: for a team, and for a schedule at an instant."""

import pytest

from tests.support.scenes import DAILY, EMPTY, entry, june, local, override, scene
from tests.support.stored import V1, V2, Stored, code_of

pytestmark = pytest.mark.anyio

CURRENT = f"{V2}/current/team"


class TestTeams:
    async def test_what_is_told(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        answer = (await me.get(f"{CURRENT}?at={june(5, 6)}")).json()
        assert answer == {
            "team_id": "team",
            "on_call": {
                "user_id": "ann",
                "name": "Ann",
                "email": "ann@example.com",
                "shift_start": local(5),
                "shift_end": local(6),
            },
            "next": {
                "user_id": "bob",
                "name": "Bob",
                "email": "bob@example.com",
                "at": local(6),
                "schedule_id": "daily",
            },
            "schedules": [
                {
                    "schedule_id": "daily",
                    "name": "Daily",
                    "user_id": "ann",
                    "shift_start": local(5),
                    "shift_end": local(6),
                }
            ],
        }

    async def test_the_first_schedule_with_somebody(self, stored: Stored) -> None:
        second = {**DAILY, "id": "second", "participants": ["cat"]}
        me = await scene(stored, EMPTY, second, DAILY)
        answer = (await me.get(f"{CURRENT}?at={june(5)}")).json()
        assert answer["on_call"]["user_id"] == "cat"
        assert [(row["schedule_id"], row["user_id"]) for row in answer["schedules"]] == [
            ("empty", None),
            ("second", "cat"),
            ("daily", "ann"),
        ]
        assert answer["next"] is None  # nobody follows cat on that schedule

    async def test_nobody_and_who_is_next_of_all(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY, {**EMPTY, "id": "other"})
        await entry(me, "cat", june(7), june(8), "empty")
        await entry(me, "dan", june(6), june(8), "other")
        answer = (await me.get(f"{CURRENT}?at={june(5)}")).json()
        assert answer["on_call"] is None
        assert answer["next"] == {
            "user_id": "dan",
            "name": "Dan",
            "email": "dan@example.com",
            "at": local(6),
            "schedule_id": "other",
        }

    async def test_nobody_ever(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        answer = (await me.get(CURRENT)).json()
        assert (answer["on_call"], answer["next"]) == (None, None)
        [row] = answer["schedules"]
        assert (row["user_id"], row["shift_start"], row["shift_end"]) == (None, None, None)

    async def test_somebody_for_ever(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "participants": ["ann"], "start_at": None})
        on_call = (await me.get(CURRENT)).json()["on_call"]
        assert (on_call["shift_start"], on_call["shift_end"]) == (None, None)

    async def test_now_unless_said(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        for day, user_id in ((5, "ann"), (6, "bob")):
            stored.at(june(day, 1))
            assert (await me.get(CURRENT)).json()["on_call"]["user_id"] == user_id

    async def test_then_and_before(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        found = []
        for day in (5, 5, 4, 6):
            answer = (await me.get(f"{CURRENT}?at={june(day, 1)}")).json()
            found.append(answer["on_call"]["user_id"])
        assert found == ["ann", "ann", "bob", "bob"]

    async def test_a_team_that_there_is_not(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        assert code_of(await me.get(f"{V2}/current/others")) == (404, "not_found")

    async def test_a_team_of_any_name(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "team_id": "Équipe d'été 100 %"})
        answer = (await me.get(f"{V2}/current/%C3%89quipe%20d%27%C3%A9t%C3%A9%20100%20%25")).json()
        assert answer["on_call"]["user_id"] == "ann"

    async def test_in_the_schedules_own_zone(self, stored: Stored) -> None:
        tokyo = {**DAILY, "timezone": "Asia/Tokyo", "start_at": "2026-06-01T00:00:00+09:00"}
        me = await scene(stored, tokyo)
        on_call = (await me.get(f"{CURRENT}?at={june(5)}")).json()["on_call"]
        assert on_call["shift_start"] == "2026-06-05T00:00:00+09:00"

    async def test_an_offset_with_seconds_is_told_in_utc(self, stored: Stored) -> None:
        """Before 1883 Paris was 9 minutes and 21 seconds ahead."""
        me = await scene(stored, {**EMPTY, "timezone": "Europe/Paris"})
        await entry(me, "ann", "1880-01-01T00:00:00Z", "1880-01-02T00:00:00Z", "empty")
        on_call = (await me.get(f"{CURRENT}?at=1880-01-01T12:00:00Z")).json()["on_call"]
        assert on_call["shift_start"] == "1880-01-01T00:00:00Z"

    async def test_an_offset_that_is_written_with_a_plus(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        answer = (await me.get(f"{CURRENT}?at=2026-06-05T02:00:00%2B02:00")).json()
        assert answer["on_call"]["shift_start"] == local(5)


class TestSchedules:
    async def test_what_is_told(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        assert await me.read(f"{V1}/schedules/daily/on-call?at={june(5, 6)}") == {
            "schedule_id": "daily",
            "at": june(5, 6),
            "user_id": "ann",
            "user_email": "ann@example.com",
            "layer": "rotation",
            "until": june(6),
            "user_name": "Ann",
            "source": "layer",
            "override_id": None,
            "entry_id": None,
        }

    async def test_nobody_until_somebody_is(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await override(me, "cat", june(9), june(10), "empty")
        found = await me.read(f"{V1}/schedules/empty/on-call?at={june(5)}")
        assert (found["user_id"], found["layer"], found["until"]) == (None, None, june(9))
        assert (found["source"], found["user_email"]) == (None, None)

    async def test_until_far_away(self, stored: Stored) -> None:
        """Further than is read at first."""
        me = await scene(stored, EMPTY)
        await entry(me, "cat", june(5), "2027-06-05T00:00:00Z", "empty")
        await entry(me, "dan", "2028-01-01T00:00:00Z", "2028-01-02T00:00:00Z", "empty")
        found = await me.read(f"{V1}/schedules/empty/on-call?at={june(5)}")
        assert found["until"] == "2027-06-05T00:00:00Z"
        answer = (await me.get(f"{CURRENT}?at={june(5)}")).json()
        assert answer["next"]["at"] == "2028-01-01T00:00:00+00:00"

    @pytest.mark.parametrize("at", ["0002-01-01T00:00:00Z", "9998-12-31T23:59:59.999Z"])
    async def test_at_the_ends_of_time(self, stored: Stored, at: str) -> None:
        me = await scene(stored, {**DAILY, "start_at": None}, EMPTY)
        assert (await me.read(f"{V1}/schedules/daily/on-call?at={at}"))["user_id"] is not None
        assert (await me.read(f"{V1}/schedules/empty/on-call?at={at}"))["user_id"] is None
        assert (await me.get(f"{CURRENT}?at={at}")).json()["on_call"] is not None

    async def test_a_window_of_it(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "start_at": june(2)})
        made = await override(me, "cat", june(2, 6), june(2, 12))
        window = f"from={june(1)}&to={june(3)}"
        segment = {"source": "layer", "layer": "rotation", "override_id": None, "entry_id": None}
        covered = {"source": "override", "layer": None, "override_id": made}
        assert await me.read(f"{V1}/schedules/daily/final-schedule?{window}") == {
            "schedule_id": "daily",
            "from": june(1),
            "to": june(3),
            "segments": [
                {"start": june(2), "end": june(2, 6), "user_id": "ann", **segment},
                {"start": june(2, 6), "end": june(2, 12), "user_id": "cat", **segment, **covered},
                {"start": june(2, 12), "end": june(3), "user_id": "ann", **segment},
            ],
            "gaps": [{"start": june(1), "end": june(2)}],
        }

    async def test_one_that_there_is_not(self, stored: Stored) -> None:
        me = await scene(stored)
        window = f"from={june(1)}&to={june(3)}"
        for path in ("on-call", f"final-schedule?{window}", "overrides", "audit"):
            response = await me.get(f"{V1}/schedules/none/{path}")
            assert code_of(response) == (404, "not_found")
