"""Edits of kept schedules keep turns, and may wait (rules 32 to 35 of ``schedules.md``)."""

from typing import Any

import pytest

from tests.support.scenes import DAILY, june, scene, who
from tests.support.stored import V1, V2, Caller, Stored

pytestmark = pytest.mark.anyio

WEEKLY: dict[str, Any] = {
    **DAILY,
    "id": "weekly",
    "rotation_type": "weekly",
    "start_at": "2026-06-01T00:00:00Z",
    "participants": ["ann", "bob", "cat"],
}
PATH = f"{V2}/schedules/weekly"


async def current(me: Caller, team: str = "team") -> tuple[str, str]:
    """Who is on call for the team, and who is next."""
    found = (await me.get(f"{V2}/current/{team}")).json()
    return found["on_call"]["user_id"], found["next"]["user_id"]


@pytest.mark.parametrize(
    ("patch", "now", "then"),
    [
        ({"participants": ["ann", "bob", "cat", "dan"]}, "ann", "bob"),
        ({"participants": ["dan", "bob", "ann", "cat"]}, "ann", "cat"),
        ({"participants": ["bob", "cat"]}, "bob", "cat"),
        ({"rotation_type": "custom", "interval": {"count": 2, "unit": "weeks"}}, "ann", "bob"),
        ({"rotation_type": "daily"}, "ann", "bob"),
        ({"timezone": "Asia/Tokyo"}, "ann", "bob"),
        ({"handoff_time": "Thu 09:00"}, "ann", "bob"),
        ({"start_at": "2026-06-20T00:00:00Z"}, "ann", "bob"),
        ({"start_at": None}, "ann", "bob"),
        ({"participants": ["cat", "ann"], "start_at": "2026-06-23T00:00:00Z"}, "cat", "ann"),
    ],
    ids=str,
)
async def test_an_edit_in_the_middle_of_a_turn(
    stored: Stored, patch: dict[str, Any], now: str, then: str
) -> None:
    me = await scene(stored, WEEKLY)
    stored.at(june(24, 6))
    assert await current(me) == ("ann", "bob")
    told = await me.update(PATH, patch)
    assert await current(me) == (now, then)
    assert await me.read(PATH) == told
    assert await who(me, june(24, 5), "weekly") == "ann"


async def test_layers_keep_their_turns_through_v1(stored: Stored) -> None:
    me = await scene(stored, WEEKLY)
    stored.at(june(24, 6))
    path = f"{V1}/schedules/weekly"
    shown = await me.read(path)
    [layer] = shown["layers"]
    assert shown["first_turns"] == [None]
    more = {**layer, "participants": ["dan", "ann", "bob", "cat"]}
    night = {"name": "night", "rotation_type": "daily", "participants": ["cat", "dan"]}
    told = await me.update(path, {"layers": [night, more]})
    assert told["layers"] == [night, more]
    assert told["first_turns"] == [june(24), "2026-06-15T00:00:00Z"]
    await me.update(path, {"layers": [more], "first_turns": told["first_turns"]})
    assert await current(me) == ("ann", "bob")


async def test_a_new_schedule_begins_with_its_first_participant(stored: Stored) -> None:
    me = await scene(stored, at=june(24, 6))
    for names in (["ann", "bob", "cat"], ["cat", "bob", "ann"]):
        body = {**WEEKLY, "id": f"of-{names[0]}", "team_id": names[0], "participants": names}
        made = await me.create(f"{V2}/schedules", {**body, "start_at": None})
        assert made["start_at"] is None
        assert made["first_turn_at"] == june(22)
        assert await current(me, names[0]) == (names[0], names[1])
        assert await who(me, june(21), f"of-{names[0]}") == names[2]


async def test_a_first_turn_that_is_sent_back_changes_nothing(stored: Stored) -> None:
    me = await scene(stored, {**WEEKLY, "start_at": None}, at=june(24, 6))
    shown = await me.read(PATH)
    stored.at(june(30))
    assert await current(me) == ("bob", "cat")
    again = await me.update(PATH, shown)
    assert {**again, "version": 0, "updated_at": ""} == {**shown, "version": 0, "updated_at": ""}
    more = await me.update(PATH, {**shown, "version": again["version"], **_changed(again)})
    assert await current(me) == ("bob", "cat")
    await me.update(PATH, {"first_turn_at": june(30)})
    assert await current(me) == ("dan", "ann")
    assert more["participants"] == ["dan", "ann", "bob", "cat"]


def _changed(shown: dict[str, Any]) -> dict[str, Any]:
    return {
        "updated_at": shown["updated_at"],
        "participants": ["dan", "ann", "bob", "cat"],
    }


async def test_a_first_turn_is_not_before_the_start(stored: Stored) -> None:
    me = await scene(stored, WEEKLY)
    refused = await me.ask("PATCH", PATH, {"first_turn_at": "2026-05-01T00:00:00Z"})
    assert refused.status_code == 422
    assert refused.json()["fields"] == {
        "/first_turn_at": "is before start_at: leave it out, or write it or later"
    }


async def test_a_clock_that_is_behind(stored: Stored) -> None:
    """What the last writer wrote holds, and so does what is written after it."""
    me = await scene(stored, WEEKLY)
    stored.at(june(24, 6))
    await me.update(PATH, {"participants": ["ann", "bob"]})
    stored.at(june(24, 5))
    shown = await me.read(PATH)
    assert (shown["participants"], "pending" in shown) == (["ann", "bob"], False)
    told = await me.update(PATH, {"participants": ["ann", "dan"]})
    assert (told["participants"], told["updated_at"]) == (["ann", "dan"], june(24, 6))
    assert "pending" not in told
    assert await me.read(PATH) == told


class TestEffectiveFrom:
    async def test_the_old_rules_hold_until_then(self, stored: Stored) -> None:
        me = await scene(stored, WEEKLY)
        stored.at(june(24, 6))
        query = "?effective_from=2026-06-26T12:00:00Z"
        told = await me.update(f"{PATH}{query}", {"participants": ["dan", "bob"], "name": "New"})
        assert (told["name"], told["participants"]) == ("New", ["ann", "bob", "cat"])
        assert told["pending"] == [
            {
                "effective_from": "2026-06-26T12:00:00Z",
                "timezone": "UTC",
                "rotation_type": "weekly",
                "participants": ["dan", "bob"],
                "start_at": WEEKLY["start_at"],
                "handoff_time": None,
                "interval": None,
                "first_turn_at": "2026-06-15T00:00:00Z",
            }
        ]
        assert (await me.read(PATH))["pending"] == told["pending"]
        listed = (await me.get(f"{V2}/schedules")).json()["data"]
        assert listed[0]["pending"] == told["pending"]
        assert await who(me, june(26, 11), "weekly") == "ann"
        assert await who(me, june(26, 12), "weekly") == "bob"
        stored.at(june(26, 12))
        now = await me.read(PATH)
        assert now["participants"] == ["dan", "bob"]
        assert "pending" not in now

    async def test_the_next_handoff(self, stored: Stored) -> None:
        me = await scene(stored, WEEKLY)
        stored.at(june(24, 6))
        await me.update(f"{PATH}?effective_from=next_handoff", {"participants": ["cat", "bob"]})
        assert await current(me) == ("ann", "bob")
        stored.at(june(29))
        assert await current(me) == ("bob", "cat")

    async def test_a_start_to_come_leaves_no_hole(self, stored: Stored) -> None:
        me = await scene(stored, WEEKLY)
        stored.at(june(24, 6))
        await me.update(PATH, {"start_at": june(26), "participants": ["cat", "dan"]})
        assert await who(me, june(25), "weekly") == "ann"
        assert await who(me, june(26), "weekly") == "cat"

    async def test_one_edit_at_a_time_and_it_can_be_withdrawn(self, stored: Stored) -> None:
        me = await scene(stored, WEEKLY)
        stored.at(june(24, 6))
        before = await me.read(f"{V1}/schedules/weekly")
        query = "?effective_from=next_handoff"
        told = await me.update(f"{V1}/schedules/weekly{query}", {"timezone": "Asia/Tokyo"})
        assert [each["timezone"] for each in told["pending"]] == ["Asia/Tokyo"]
        refused = await me.ask("PATCH", PATH, {"participants": ["dan"]})
        assert refused.status_code == 409
        assert "pending" in refused.json()["message"]
        await me.update(PATH, {"name": "Renamed"})
        assert (await me.delete(f"{PATH}/pending")).status_code == 204
        assert (await me.delete(f"{PATH}/pending")).status_code == 404
        after = await me.read(f"{V1}/schedules/weekly")
        assert after["layers"] == before["layers"]
        assert after["version"] == before["version"] + 3
        rows = (await me.get(f"{V2}/schedules/weekly/audit")).json()["data"]
        assert [row["action"] for row in rows][-1] == "schedule.edit_withdrawn"
        assert list(rows[-1]["changes"]) == ["pending"]

    @pytest.mark.parametrize(
        ("when", "wanted"),
        [
            ("2026-06-24T05:00:00Z", "is over"),
            ("tomorrow", "next_handoff"),
            ("2026-06-26", "next_handoff"),
        ],
    )
    async def test_when_it_cannot_take_effect(self, stored: Stored, when: str, wanted: str) -> None:
        me = await scene(stored, WEEKLY)
        stored.at(june(24, 6))
        refused = await me.ask("PATCH", f"{PATH}?effective_from={when}", {"participants": []})
        assert refused.status_code == 422
        assert wanted in refused.json()["fields"]["effective_from"]


class TestPreview:
    async def test_what_changes_hands(self, stored: Stored) -> None:
        me = await scene(stored, WEEKLY)
        stored.at(june(24, 6))
        before = await me.read(PATH)
        told = await me.update(f"{PATH}?preview=true", {"participants": ["bob", "cat", "dan"]})
        assert told["effective_from"] == june(24, 6)
        assert told["until"] == "2026-07-22T06:00:00Z"
        assert told["before"]["user_id"] == "ann"
        assert [turn["user_id"] for turn in told["before"]["next"]] == ["bob", "cat", "ann", "bob"]
        assert told["before"]["next"][0]["at"] == june(29)
        assert told["after"]["user_id"] == "bob"
        assert [turn["user_id"] for turn in told["after"]["next"]] == ["cat", "dan", "bob", "cat"]
        [ann, *_] = told["changes"]
        assert ann == {
            "user_id": "ann",
            "gains": [],
            "loses": [
                {"start": june(24, 6), "end": june(29), "user_id": "bob"},
                {"start": "2026-07-13T00:00:00Z", "end": "2026-07-20T00:00:00Z", "user_id": "bob"},
            ],
        }
        assert [each["user_id"] for each in told["changes"]] == ["ann", "bob", "cat", "dan"]
        assert await me.read(PATH) == before

    async def test_of_nothing_and_of_an_end(self, stored: Stored) -> None:
        me = await scene(stored, WEEKLY)
        stored.at(june(24, 6))
        told = await me.update(f"{PATH}?preview=true", {"name": "New"})
        assert (told["before"], told["changes"]) == (told["after"], [])
        told = await me.update(
            f"{V1}/schedules/weekly?preview=true&effective_from=next_handoff", {"layers": []}
        )
        assert told["effective_from"] == june(29)
        assert told["after"] == {"user_id": None, "next": []}
        [ann, bob, cat] = told["changes"]
        assert bob["loses"][0] == {
            "start": june(29),
            "end": "2026-07-06T00:00:00Z",
            "user_id": None,
        }
        assert (len(ann["loses"]), len(cat["loses"])) == (1, 1)

    async def test_what_nobody_had(self, stored: Stored) -> None:
        me = await scene(stored, {**WEEKLY, "participants": []})
        stored.at(june(24, 6))
        told = await me.update(f"{PATH}?preview=true", {"participants": ["ann", "bob"]})
        assert told["before"] == {"user_id": None, "next": []}
        assert [each["user_id"] for each in told["changes"]] == ["ann", "bob"]
        gains = [given["user_id"] for each in told["changes"] for given in each["gains"]]
        assert set(gains) == {None}


async def test_an_edit_after_which_the_first_participant_has_no_turn(stored: Stored) -> None:
    """A round of such turns takes longer than the years from then on to 9998."""
    names = [f"person{number}" for number in range(40)]
    me = await scene(stored, DAILY)
    for name in names:
        await me.create(f"{V2}/users", {"id": name, "name": name, "email": f"{name}@x"})
    turns = {"rotation_type": "custom", "interval": {"count": 120, "unit": "months"}}
    begins = {"start_at": "9700-01-01T00:00:00Z", "participants": names}
    await me.create(f"{V2}/schedules", {**WEEKLY, **turns, **begins})
    moved = {"participants": [names[-1], *names[:-1]]}
    refused = await me.ask("PATCH", f"{PATH}?effective_from=next_handoff", moved)
    assert refused.status_code == 422
    assert "next turn begins after the year 9998" in refused.json()["fields"]["body"]
    assert (await me.read(PATH))["participants"] == names
