"""Kept schedules planned anew after an absence (rule 42 of ``schedules.md``)."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.teams.covers.candidates import obstacles_of
from app.teams.replans import handlers, planning
from tests.support.scenes import DAILY, EMPTY, june, scene, who
from tests.support.stored import V1, V2, Caller, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

PATH = f"{V2}/schedules/empty/replan"
BULK = f"{V2}/schedules/empty/entries/bulk"
WEEK = {"from": june(8), "to": june(14)}


def away(user_id: str, first: int, last: int) -> dict[str, str]:
    return {"user_id": user_id, "start": june(first), "end": june(last)}


async def by_hand(me: Caller, *people: str, first: int = 8) -> None:
    """Give a day to each of ``people``, from the 8th of June on."""
    days = [
        {"user_id": user_id, "start": june(first + n), "end": june(first + n + 1)}
        for n, user_id in enumerate(people)
    ]
    await me.create(BULK, {"entries": days})


def lines(plan: Any) -> list[str]:
    return [
        f"{each['start'][8:10]} {each['previous_user_id']} {each['user_id']}"
        for each in plan["stretches"]
    ]


async def test_only_what_somebody_cannot_have_changes_hands(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    await by_hand(me, "ann", "bob", "cat", "ann", "bob", "cat")
    body = {**WEEK, "unavailable": [away("ann", 11, 12)], "rules": {"minRestHours": 24}}
    told = await me.create(f"{PATH}?preview=true", body)
    assert [each["previous_user_id"] for each in told["stretches"]].count("ann") == 1
    assert len(told["stretches"]) == told["objectives"][1]["value"]
    assert told["version"] == 2
    assert all(each["override_id"] is None for each in told["stretches"])
    assert await who(me, june(11, 5), "empty") == "ann"
    response = await me.post(PATH, body)
    made = response.json()["data"]
    assert response.headers["ETag"] == '"3"'
    assert lines(made) == lines(told)
    assert made["changes"] == told["changes"]
    assert made["uncovered"] == []
    for each in made["stretches"]:
        assert await who(me, each["start"], "empty") == each["user_id"]
    [*_, record] = await me.read(f"{V2}/schedules/empty/audit")
    assert record["action"] == "schedule.replanned"
    assert [each["id"] for each in record["changes"]["overrides"]["to"]] == [
        each["override_id"] for each in made["stretches"]
    ]


async def test_a_plan_is_told_by_person(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    await by_hand(me, "ann", "bob", "ann", "bob")
    body = {**WEEK, "unavailable": [away("ann", 10, 11)], "people": ["bob"]}
    told = await me.create(f"{PATH}?preview=true", body)
    stretch = {"start": "2026-06-10T00:00:00Z", "end": "2026-06-11T00:00:00Z"}
    assert lines(told) == ["10 ann bob"]
    assert told["changes"] == [
        {"user_id": "ann", "gains": [], "loses": [{**stretch, "user_id": "bob"}]},
        {"user_id": "bob", "gains": [{**stretch, "user_id": "ann"}], "loses": []},
    ]
    assert [turn["user_id"] for turn in told["before"]["next"]] == ["bob", "ann", "bob"]
    assert [turn["user_id"] for turn in told["after"]["next"]] == ["bob", "bob", "bob"]
    assert (told["before"]["user_id"], told["after"]["user_id"]) == ("ann", "ann")
    assert [(each["objective"], each["optimal"]) for each in told["objectives"]] == [
        ("coverage", True),
        ("stability", True),
        ("load", True),
        ("kinds", True),
    ]
    assert told["objectives"][1]["value"] == 1


async def test_absences_that_are_kept_count_and_load_decides(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    await by_hand(me, "ann", "bob", "bob", "cat")
    stretch = {"start": june(8), "end": june(9)}
    await me.create(f"{V2}/users/ann/absences", stretch)
    stored.at(june(7))
    told = await me.create(PATH, {"to": june(14)})
    assert lines(told) == ["08 ann cat"]
    assert told["start"] == "2026-06-07T00:00:00Z"


async def test_of_what_has_begun_only_the_rest_changes_hands(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    await by_hand(me, "ann", "bob")
    stored.at(june(8, 6))
    told = await me.create(PATH, {"to": june(9), "unavailable": [away("ann", 8, 9)]})
    assert [(each["start"], each["user_id"]) for each in told["stretches"]] == [
        ("2026-06-08T06:00:00Z", "bob")
    ]
    assert await who(me, june(8, 5), "empty") == "ann"
    assert await who(me, june(8, 7), "empty") == "bob"


async def test_what_nobody_can_take_stays_and_is_told(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    await by_hand(me, "ann", "bob", "ann")
    body = {
        **WEEK,
        "unavailable": [away("ann", 8, 9)],
        "rules": {"minRestHours": 24, "soft": [{"rule": {"maxConsecutive": 1}}]},
        "keep": "must",
    }
    told = await me.create(PATH, body)
    assert (told["stretches"], told["version"]) == ([], 2)
    [kept] = told["uncovered"]
    assert (kept["user_id"], kept["start"]) == ("ann", "2026-06-08T00:00:00Z")
    assert sorted(kept["why"]) == ["ann is away", "the rule minRestHours 24"]
    assert await who(me, june(8, 5), "empty") == "ann"
    assert [each["objective"] for each in told["objectives"]] == [
        "coverage",
        "rules",
        "stability",
        "load",
        "kinds",
    ]


async def test_turns_of_layers_and_of_several(stored: Stored) -> None:
    several = {**DAILY, "participants": ["ann", ["bob", "cat"]]}
    me = await scene(stored, several)
    path = f"{V2}/schedules/daily/replan"
    body = {"from": june(3), "to": june(5), "unavailable": [away("bob", 4, 5), away("ann", 3, 4)]}
    told = await me.create(path, body)
    assert [each["previous_user_id"] for each in told["stretches"]] == ["ann"]
    assert told["stretches"][0]["start"] == "2026-06-03T00:00:00Z"
    assert told["uncovered"] == []


async def test_somebody_on_call_elsewhere_takes_nothing_over_and_keeps_what_they_have(
    stored: Stored,
) -> None:
    me = await scene(stored, EMPTY, {**EMPTY, "id": "other", "participants": ["bob"]})
    await by_hand(me, "ann", "bob", "cat")
    told = await me.create(PATH, {**WEEK, "unavailable": [away("ann", 8, 9)]})
    assert lines(told) == ["08 ann cat"]


async def test_whoever_takes_part_no_more_takes_nothing_over(stored: Stored) -> None:
    me = await scene(stored, {**DAILY, "participants": ["ann", "bob", "cat"]})
    stored.at(june(4))
    await me.update(f"{V2}/schedules/daily", {"participants": ["ann", "cat"]})
    body = {"from": june(5), "to": june(6), "unavailable": [away("ann", 5, 6), away("cat", 5, 6)]}
    told = await me.create(f"{V2}/schedules/daily/replan", body)
    assert told["stretches"] == []
    assert len(told["uncovered"]) == 1
    again = await me.create(f"{V2}/schedules/daily/replan", {**body, "people": ["bob"]})
    assert [each["user_id"] for each in again["stretches"]] == ["bob"]


async def test_a_turn_without_an_end_is_planned_to_the_end_of_the_window(stored: Stored) -> None:
    me = await scene(stored, {**DAILY, "participants": ["ann"]})
    one = {**DAILY, "id": "one", "rotation_type": "custom"}
    one = {**one, "interval": {"count": 24, "unit": "months"}, "participants": ["ann", "bob"]}
    await me.create(f"{V2}/schedules", one)
    body = {"to": june(20), "unavailable": [away("ann", 10, 11)], "people": ["cat", "bob"]}
    told = await me.create(f"{V2}/schedules/one/replan", body)
    assert [(each["start"][:10], each["end"][:10]) for each in told["stretches"]] == [
        ("2026-06-01", "2026-06-20")
    ]


@pytest.mark.parametrize("day", [8, 20], ids=["in the window", "after the window"])
async def test_a_schedule_with_roles_is_refused(stored: Stored, day: int) -> None:
    me = await scene(stored, DAILY)
    layers = [
        {
            "name": role,
            "role": role,
            "rotation_type": "daily",
            "participants": ["ann", "bob"],
            "start_at": june(1),
        }
        for role in ("primary", "secondary")
    ]
    await me.update(f"{V1}/schedules/daily?effective_from={june(day)}", {"layers": layers})
    body = {**WEEK, "unavailable": [away("ann", 9, 10)]}
    told = faults_in(await me.post(f"{V2}/schedules/daily/replan", body))
    assert told == {"body": planning.HAS_ROLES}
    assert "have roles" in planning.HAS_ROLES


async def test_nothing_to_plan(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    told = await me.create(PATH, WEEK)
    assert told["stretches"] == told["uncovered"] == told["changes"] == told["objectives"] == []
    assert told["version"] == 1


async def test_the_same_key_plans_once(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    await by_hand(me, "ann", "bob")
    stored.at(june(7, 12))
    body = {**WEEK, "unavailable": [away("ann", 8, 9)]}
    first = await me.post(PATH, body, **{"Idempotency-Key": "one"})
    stored.at(june(8, 6))
    again = await me.post(PATH, body, **{"Idempotency-Key": "one"})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()


async def test_another_version_is_refused(stored: Stored) -> None:
    me = await scene(stored, EMPTY)
    await by_hand(me, "ann", "bob")
    body = {**WEEK, "unavailable": [away("ann", 8, 9)]}
    assert code_of(await me.post(PATH, body, **{"If-Match": '"1"'})) == (412, "precondition_failed")
    assert (await me.post(PATH, body, **{"If-Match": '"2"'})).status_code == 200


async def test_a_schedule_that_changes_meanwhile_is_a_conflict(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await scene(stored, EMPTY)
    await by_hand(me, "ann", "bob")
    body = {**WEEK, "unavailable": [away("ann", 8, 9)]}

    async def meanwhile(*asked: Any) -> Any:
        await me.update(f"{V2}/schedules/empty", {"name": "Another"})
        return await obstacles_of(*asked)

    monkeypatch.setattr(handlers, "obstacles_of", meanwhile)
    assert code_of(await me.post(PATH, body)) == (409, "conflict")
    assert await who(me, june(8, 5), "empty") == "ann"


async def test_more_than_can_be_planned_at_once(stored: Stored) -> None:
    me = await scene(stored, {**DAILY, "participants": ["ann", "bob", "cat", "dan"]})
    people = [f"p{number}" for number in range(16)]
    await me.add_users(*people)
    body = {"to": "2027-05-01T00:00:00Z", "people": people}
    [fault] = faults_in(await me.post(f"{V2}/schedules/daily/replan", body)).items()
    assert fault[0] == "/to"
    assert f"at most {planning.MOST_PAIRS:,} are planned at once" in fault[1]


@pytest.mark.parametrize(
    ("more", "faults"),
    [
        ({"from": june(1)}, {"/from": "is over: it is 2026-06-02"}),
        ({"to": june(8)}, {"/to": ""}),
        ({"from": None, "to": june(1)}, {"/to": "must be after from"}),
        ({"to": "2027-06-20T00:00:00Z"}, {"/to": "at most 366 days"}),
        ({"people": ["eve"]}, {"/people/0": "there is no user eve"}),
        ({"unavailable": [away("eve", 8, 9)]}, {"/unavailable/0/user_id": "there is no user eve"}),
        ({"unavailable": [away("ann", 9, 8)]}, {"/unavailable/0/end": ""}),
        ({"keep": "all"}, {"/keep": "prefer"}),
        ({"rules": {"minRestHours": 0.001}}, {"/rules/minRestHours": "whole number of minutes"}),
        (
            {"rules": {"restAfter": [{"kind": "x", "hours": 1}]}},
            {"/rules/restAfter/0/kind": "kind"},
        ),
        ({"rules": {"apart": [["ann", "bob"]]}}, {"/rules/apart": "is about pairs"}),
        (
            {"rules": {"soft": [{"rule": {"together": [["ann", "bob"]]}}]}},
            {"/rules/soft/0/rule/together": "is about pairs"},
        ),
        ({"window": 7}, {"/window": ""}),
    ],
    ids=str,
)
async def test_faults(stored: Stored, more: Any, faults: Mapping[str, str]) -> None:
    me = await scene(stored, EMPTY)
    stored.at(june(2))
    told = faults_in(await me.post(PATH, {**WEEK, **more}))
    assert told.keys() == faults.keys()
    assert all(words in told[name] for name, words in faults.items())


async def test_a_schedule_that_is_not_there(stored: Stored) -> None:
    me = await scene(stored)
    assert code_of(await me.post(PATH, WEEK)) == (404, "not_found")
