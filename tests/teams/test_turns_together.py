"""Turns of several people and of nobody, layers that end, and overrides that say nobody."""

from typing import Any, ClassVar

import pytest

from tests.support.clock import Clock
from tests.support.stored import V1, V2, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

PATH = f"{V2}/schedules/daily"
V1_PATH = f"{V1}/schedules/daily"
DAILY = {
    "id": "daily",
    "name": "Daily",
    "team_id": "team",
    "timezone": "UTC",
    "rotation_type": "daily",
    "start_at": "2026-06-01T09:00:00Z",
    "participants": ["ana", ["ben", "cy"], None],
}


@pytest.fixture(autouse=True)
def monday(clock: Clock) -> None:
    """The tests begin on Monday, 2026-06-01, an hour after the first handoff."""
    clock.set("2026-06-01T10:00:00Z")


async def scene(stored: Stored, **more: Any) -> Any:
    await stored.me.add_users("ana", "ben", "cy", "dee")
    return await stored.me.create(f"{V2}/schedules", {**DAILY, **more})


async def final(stored: Stored, days: int = 4) -> Any:
    query = f"from=2026-06-01T09:00:00Z&to=2026-06-{1 + days:02}T09:00:00Z"
    return await stored.me.read(f"{V1_PATH}/final-schedule?{query}")


def people(answer: Any) -> list[tuple[str, list[str]]]:
    return [
        (part["start"][8:13], part.get("user_ids", [part["user_id"]]))
        for part in answer["segments"]
    ]


class TestGroups:
    async def test_all_of_them_are_on_call(self, stored: Stored) -> None:
        shown = await scene(stored)
        assert shown["participants"] == DAILY["participants"]
        answer = await final(stored)
        assert people(answer) == [("01T09", ["ana"]), ("02T09", ["ben", "cy"]), ("04T09", ["ana"])]
        assert answer["segments"][1]["user_id"] == "ben"
        assert answer["gaps"] == [{"start": "2026-06-03T09:00:00Z", "end": "2026-06-04T09:00:00Z"}]
        stored.at("2026-06-02T12:00:00Z")
        current = await stored.me.read(f"{V2}/current/team")
        assert current["on_call"]["user_ids"] == ["ben", "cy"]
        assert current["on_call"]["users"] == [
            {"user_id": name, "name": name.title(), "email": f"{name}@example.com"}
            for name in ("ben", "cy")
        ]
        assert current["schedules"][0]["user_ids"] == ["ben", "cy"]
        assert (await stored.me.read(f"{V1_PATH}/on-call"))["user_ids"] == ["ben", "cy"]
        before = await stored.me.read(f"{V2}/current/team?at=2026-06-01T12:00:00Z")
        assert before["next"]["user_ids"] == ["ben", "cy"]
        assert "user_ids" not in before["on_call"]

    async def test_policies_tell_all_of_them(self, stored: Stored) -> None:
        await scene(stored)
        target = {"type": "schedule", "id": "daily"}
        steps = [{"targets": [target], "delay_minutes": 5}]
        await stored.me.create(
            f"{V1}/escalation-policies", {"id": "p", "name": "p", "steps": steps}
        )
        path = f"{V1}/escalation-policies/p/resolve?at=2026-06-02T12:00:00Z"
        found = await stored.me.read(path)
        assert [user["user_id"] for user in found["users"]] == ["ben", "cy"]

    async def test_calendars_show_all_of_them(self, stored: Stored) -> None:
        await scene(stored)
        whole = (await stored.me.get(f"{PATH}/calendar.ics")).text
        assert "SUMMARY:On call: Ben\\, Cy\r\n" in whole
        own = (await stored.me.get(f"{V2}/users/cy/calendar.ics")).text
        assert "SUMMARY:On call: Daily\r\n" in own
        assert "DTSTART:20260602T090000Z" in own
        assert "DTSTART:20260601T090000Z" not in own

    async def test_entries_and_swaps(self, stored: Stored) -> None:
        await scene(stored)
        path = f"{PATH}/entries?start_date=2026-06-02&end_date=2026-06-06"
        rows = (await stored.me.get(path)).json()["data"]
        assert [row.get("user_ids", [row["user_id"]]) for row in rows] == [
            ["ana"], ["ben", "cy"], ["ana"], ["ben", "cy"],
        ]  # fmt: skip
        assert len((await stored.me.get(f"{path}&user_id=cy")).json()["data"]) == 2
        group = f"{V2}/entries/{rows[1]['id']}/swap"
        mine = await stored.me.post(group, {"swap_with_user_id": "cy"})
        assert set(faults_in(mine)) == {"/swap_with_user_id"}
        swap = await stored.me.create(group, {"swap_with_user_id": "ana"})
        assert [entry["user_id"] for entry in swap["entries"]] == ["ana", "ben"]
        assert people(await final(stored))[:2] == [("01T09", ["ana"]), ("02T09", ["ana"])]
        own = f"{V2}/entries/{rows[0]['id']}/swap"
        plain = await stored.me.create(own, {"swap_with_user_id": "cy"})
        assert len(plain["entries"]) == 1  # what a group has never goes back

    async def test_one_who_leaves_leaves_the_others(self, stored: Stored) -> None:
        await scene(stored)
        stored.at("2026-06-02T12:00:00Z")
        preview = await stored.me.patch(
            f"{PATH}?preview=true", {"participants": ["ana", "cy", None]}
        )
        told = preview.json()["data"]
        assert told["before"]["user_ids"] == ["ben", "cy"]
        assert (told["after"]["user_id"], "user_ids" in told["after"]) == ("cy", False)
        assert [(each["user_id"], bool(each["loses"])) for each in told["changes"]] == [
            ("ben", True)
        ]
        assert told["changes"][0]["loses"][0]["user_id"] is None
        await stored.me.update(PATH, {"participants": ["dee", "ana", ["cy", "dee"], None]})
        current = await stored.me.read(f"{V2}/current/team")
        assert current["on_call"]["user_ids"] == ["cy", "dee"]
        assert current["next"]["user_id"] == "dee"

    async def test_a_user_of_a_group_exists_and_stays(self, stored: Stored) -> None:
        await scene(stored)
        faults = faults_in(await stored.me.patch(PATH, {"participants": [["ana", "zoe"], None]}))
        assert set(faults) == {"/participants/0"}
        layer = {"name": "x", "rotation_type": "daily", "participants": [None, ["zoe", "ana"]]}
        faults = faults_in(await stored.me.patch(V1_PATH, {"layers": [layer]}))
        assert set(faults) == {"/layers/0/participants/1"}
        assert code_of(await stored.me.delete(f"{V2}/users/cy")) == (409, "conflict")


class TestEnds:
    async def test_a_layer_that_ends(self, stored: Stored) -> None:
        shown = await scene(stored, end_at="2026-06-02T12:00:00Z")
        assert shown["end_at"] == "2026-06-02T12:00:00Z"
        assert people(await final(stored)) == [("01T09", ["ana"]), ("02T09", ["ben", "cy"])]
        await stored.me.update(PATH, {"end_at": None})
        assert "end_at" not in await stored.me.read(PATH)
        assert len((await final(stored))["segments"]) == 3
        faults = faults_in(await stored.me.patch(PATH, {"end_at": "2026-06-01T09:00:00Z"}))
        assert set(faults) == {"/end_at"}

    async def test_the_next_handoff_is_the_end(self, stored: Stored) -> None:
        await scene(stored, end_at="2026-06-01T12:00:00Z")
        query = "?effective_from=next_handoff"
        shown = await stored.me.update(f"{PATH}{query}", {"participants": ["dee"]})
        assert shown["pending"][0]["effective_from"] == "2026-06-01T12:00:00Z"
        assert shown["pending"][0]["end_at"] == "2026-06-01T12:00:00Z"
        await stored.me.delete_at(f"{PATH}/pending")
        stored.at("2026-06-01T13:00:00Z")
        after = await stored.me.patch(f"{PATH}{query}", {"participants": ["dee"]})
        assert set(faults_in(after)) == {"effective_from"}


class TestNobody:
    OVERRIDE: ClassVar[dict[str, Any]] = {
        "id": "closed",
        "user_id": None,
        "start_at": "2026-06-02T00:00:00Z",
        "end_at": "2026-06-02T12:00:00Z",
        "reason": "closed for the holiday",
    }

    async def test_it_is_above_all_layers_and_told(self, stored: Stored) -> None:
        await scene(stored)
        made = await stored.me.create(f"{V1_PATH}/overrides", self.OVERRIDE)
        assert made["user_id"] is None
        answer = await final(stored)
        assert answer["gaps"][0] == {
            "start": "2026-06-02T00:00:00Z",
            "end": "2026-06-02T12:00:00Z",
            "override_id": "closed",
            "reason": "closed for the holiday",
        }
        assert people(answer)[:2] == [("01T09", ["ana"]), ("02T12", ["ben", "cy"])]
        on_call = await stored.me.read(f"{V1_PATH}/on-call?at=2026-06-02T01:00:00Z")
        assert (on_call["user_id"], on_call["source"], on_call["override_id"]) == (
            None, "override", "closed",
        )  # fmt: skip
        assert on_call["reason"] == "closed for the holiday"
        current = await stored.me.read(f"{V2}/current/team?at=2026-06-02T01:00:00Z")
        assert current["on_call"] is None
        assert current["schedules"][0]["reason"] == "closed for the holiday"
        assert current["next"]["at"] == "2026-06-02T12:00:00+00:00"
        calendar = (await stored.me.get(f"{PATH}/calendar.ics")).text
        assert "closed for the holiday" in calendar.replace("\r\n ", "")

    async def test_it_can_be_taken_back(self, stored: Stored) -> None:
        await scene(stored)
        await stored.me.create(f"{V1_PATH}/overrides", self.OVERRIDE)
        assert (await stored.me.read(V1_PATH))["overrides"][0]["user_id"] is None
        await stored.me.delete_at(f"{V1_PATH}/overrides/closed")
        assert len((await final(stored))["gaps"]) == 1

    async def test_an_entry_that_nobody_has_is_not_swapped(self, stored: Stored) -> None:
        await scene(stored)
        whole = {"start_at": "2026-06-02T09:00:00Z", "end_at": "2026-06-03T09:00:00Z"}
        await stored.me.create(f"{V1_PATH}/overrides", {**self.OVERRIDE, **whole})
        path = f"{PATH}/entries?start_date=2026-06-02&end_date=2026-06-02"
        entry = (await stored.me.get(path)).json()["data"][-1]
        assert (entry["user_id"], entry["scheduled_user_id"]) == (None, "ben")
        swap = await stored.me.post(
            f"{V2}/entries/{entry['id']}/swap", {"swap_with_user_id": "dee"}
        )
        assert code_of(swap) == (409, "conflict")

    async def test_it_needs_a_reason_and_a_null(self, stored: Stored) -> None:
        await scene(stored)
        path = f"{V1_PATH}/overrides"
        without = {**self.OVERRIDE, "reason": None}
        assert set(faults_in(await stored.me.post(path, without))) == {"/reason"}
        unnamed = {name: item for name, item in self.OVERRIDE.items() if name != "user_id"}
        assert set(faults_in(await stored.me.post(path, unnamed))) == {"/user_id"}
        assert set(faults_in(await stored.me.post(path, {**self.OVERRIDE, "user_id": 1}))) == {
            "/user_id"
        }


class TestWhenAway:
    async def test_it_belongs_to_the_rules_of_either_api(self, stored: Stored) -> None:
        shown = await scene(stored, when_away="gap")
        assert shown["when_away"] == "gap"
        assert (await stored.me.read(V1_PATH))["when_away"] == "gap"
        await stored.me.update(V1_PATH, {"name": "Renamed"})
        assert (await stored.me.read(PATH))["when_away"] == "gap"
        later = "?effective_from=next_handoff"
        shown = await stored.me.update(f"{V1_PATH}{later}", {"when_away": "next"})
        assert (shown["when_away"], "when_away" in shown["pending"][0]) == ("gap", False)
        v2 = await stored.me.read(PATH)
        assert (v2["when_away"], "when_away" in v2["pending"][0]) == ("gap", False)
        made = await stored.me.create(
            f"{V1}/schedules", {"name": "x", "timezone": "UTC", "layers": [], "when_away": "gap"}
        )
        assert made["when_away"] == "gap"
