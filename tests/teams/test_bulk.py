"""Entries in bulk, all or nothing, and bought rotations as they were answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, pairwise, product
from typing import Any

import msgspec
import pytest

from app.products.registry import paid_endpoints
from app.products.roster.answer import RosterAnswer, RosterPlace, RosterSlot
from app.products.rotation.answer import RotationAnswer, Shift
from app.teams.entries.bought import BoughtPlace, BoughtShift, BoughtSlot
from app.teams.entries.bulk import MOST, EntriesPost
from app.teams.overrides import store as overrides_store
from tests.support.scenes import EMPTY, entry, entry_lines, june, scene, shifts
from tests.support.stored import V1, V2, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

PATH = f"{V2}/schedules/empty/entries/bulk"
ROTATION: Any = paid_endpoints()[0]
ROSTER: Any = next(each for each in paid_endpoints() if each.slug == "sched-oncall-roster")
TIMES = list(islice(product((6, 7, 8), range(1, 31), range(24)), MOST + 1))
USERS = {"alice": "ann", "bob": "bob"}


def item(user_id: str, first: int, last: int, **more: str) -> dict[str, str]:
    return {"user_id": user_id, "start": june(first), "end": june(last), **more}


def bought(**more: Any) -> Any:
    """Return what ``oncall-rotation`` answers, as a buyer gets it."""
    document = {"start": june(2), "people": ["ann", "bob"], "shifts": 3, "shiftLengthHours": 24}
    sold = replace(ROTATION, example={**document, **more})
    return msgspec.json.decode(sold.example_answer)


def roster(**more: Any) -> Any:
    """Return what ``oncall-roster`` answers for two days of two people, one of them senior."""
    needs = {"kind": "day", "skills": ["senior", None], "start": "09:00", "end": "17:00"}
    people = [
        {"name": "ann", "skills": ["senior"]},
        {"name": "bob"},
        {"name": "cat", "skills": ["senior"]},
    ]
    document = {
        "timezone": "UTC",
        "from": "2026-06-02",
        "to": "2026-06-03",
        "pattern": [needs],
        "people": people,
        "rules": {"minRestHours": 20},
    }
    return msgspec.json.decode(ROSTER.answer_to({**document, **more}))


class TestTogether:
    async def test_all_are_created(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        body = {"entries": [item("ann", 2, 3, id="mine"), item("bob", 2, 4), item("ann", 3, 4)]}
        response = await me.post(PATH, body)
        assert response.status_code == 201
        assert response.headers["Location"] == f"{V2}/schedules/empty/entries"
        made = response.json()["data"]
        assert (made["entries"][0]["id"], made["gaps"]) == ("mine", 0)
        assert made["entries"][1]["id"].startswith("entry_")
        assert entry_lines(made["entries"]) == [
            "ann 02:00 03:00",
            "bob 02:00 04:00",
            "ann 03:00 04:00",
        ]
        assert sorted(each["id"] for each in await shifts(me, 1, 30, "empty")) == sorted(
            each["id"] for each in made["entries"]
        )
        assert (await me.read(f"{V2}/schedules/empty"))["version"] == 2
        [_, record] = await me.read(f"{V2}/schedules/empty/audit")
        assert record["action"] == "entries.created"
        assert record["changes"]["entries"]["to"][0] == {
            name: made["entries"][0][name] for name in ("id", "user_id", "start", "end")
        }

    async def test_or_none(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        there = await entry(me, "ann", june(5), june(7), "empty")
        stood = await entry(me, "cat", june(1), june(20), "empty", id="long")
        body = {
            "entries": [
                item("ann", 2, 3),
                item("bob", 2, 6, id="same"),
                item("bob", 5, 7),
                item("ann", 6, 8),
                item("eve", 2, 3),
                item("bob", 10, 11, id="same"),
                item("dan", 10, 11, id="long"),
                item("cat", 9, 10),
            ]
        }
        wanted = {
            "/entries/5/id": "the id same is taken",
            "/entries/6/id": "the id long is taken",
            "/entries/2": "bob has /entries/1 at that time",
            "/entries/3": f"ann has the entry {there} at that time",
            "/entries/7": f"cat has the entry {stood} at that time",
        }
        unknown = faults_in(await me.post(PATH, body))
        assert list(unknown) == ["/entries/4/user_id"]
        body["entries"][4] = item("dan", 2, 3)
        assert faults_in(await me.post(PATH, body)) == wanted
        assert len(await shifts(me, 1, 30, "empty")) == 2
        assert (await me.read(f"{V2}/schedules/empty"))["version"] == 3

    async def test_the_longest_before_counts(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        body = {"entries": [item("ann", 2, 9), item("ann", 3, 4), item("ann", 5, 6)]}
        assert list(faults_in(await me.post(PATH, body))) == ["/entries/1", "/entries/2"]
        await entry(me, "bob", june(4), june(5), "empty")
        body = {"entries": [item("bob", 2, 9), item("bob", 9, 10)]}
        assert list(faults_in(await me.post(PATH, body))) == ["/entries/0"]

    async def test_a_swapped_entry_is_both_peoples(self, stored: Stored) -> None:
        me = await scene(stored, {**EMPTY, "participants": ["ann"], "rotation_type": "daily"})
        await entry(me, "bob", june(2), june(4), "empty", id="b")
        await entry(me, "cat", june(6), june(7), "empty", id="c")
        await me.create(f"{V2}/entries/b/swap", {"swap_with_user_id": "cat"})
        body = {"entries": [item("cat", 3, 4), item("ann", 4, 5), item("bob", 3, 4)]}
        assert faults_in(await me.post(PATH, body)) == {
            "/entries/0": "cat has the entry b at that time",
            "/entries/2": "bob has the entry b at that time",
        }
        made = await me.create(PATH, {"entries": body["entries"][1:2]})
        assert entry_lines(made["entries"]) == ["ann 04:00 05:00"]  # her own turn is none

    async def test_who_took_such_a_stretch_over_has_it_once(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        gone = await entry(me, "ann", june(2), june(4), "empty")
        await me.create(f"{V2}/entries/{gone}/swap", {"swap_with_user_id": "bob"})
        body = {"entries": [item("cat", 2, 3)]}
        refused = await me.post(PATH, body)
        assert code_of(refused) == (409, "conflict")
        assert "bob would have" in refused.json()["message"]

    @pytest.mark.parametrize(
        ("body", "faults"),
        [
            ({}, {"/entries": "send these, or a rotation"}),
            ({"entries": []}, {"/entries": "1 to 1,000 entries"}),
            ({"entries": [item("ann", 2, 3)] * (MOST + 1)}, {"/entries": "1 to 1,000 entries"}),
            ({"entries": [item("ann", 3, 2)]}, {"/entries/0/end": ""}),
            ({"entries": [{"user_id": "ann"}]}, {"/entries/0/start": "", "/entries/0/end": ""}),
            (
                {"entries": [item("ann", 2, 3), {**item("ann", 4, 5), "end": "2029-01-01T00:00Z"}]},
                {"/entries/1/end": ""},
            ),
            (
                {
                    "entries": [
                        item("ann", 2, 3),
                        {
                            "user_id": "ann",
                            "start": "2029-01-01T00:00:00Z",
                            "end": "2029-01-02T00:00:00Z",
                        },
                    ]
                },
                {"/entries": "from the first start to the last end"},
            ),
            ({"entries": [item("ann", 2, 3)], "role": "first"}, {"/role": "a rotation only"}),
            (
                {"entries": [item("ann", 2, 3)], "users": USERS},
                {"/users": "goes with a rotation or roster only"},
            ),
            ({"entries": [item("ann", 2, 3)], "place": 1}, {"/place": "goes with a roster only"}),
            ({"entries": [item("ann", 2, 3)], "kind": "x"}, {"/kind": "goes with a roster only"}),
            ({"rotation": [{}], "skill": "x"}, None),
            ({"entries": [item("ann", 2, 3)], "rotation": [{}]}, None),
            ({"entry": []}, None),
        ],
    )
    async def test_faults(
        self, stored: Stored, body: Any, faults: Mapping[str, str] | None
    ) -> None:
        me = await scene(stored, EMPTY)
        told = faults_in(await me.post(PATH, body))
        for name, words in (faults or told).items():
            assert words in told[name]
        assert faults is None or faults.keys() == told.keys()

    async def test_no_more_than_a_schedule_may_have(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, EMPTY)
        monkeypatch.setattr(overrides_store, "MAX_TO_COME", 2)
        three = {"entries": [item("ann", day, day + 1) for day in (2, 3, 4)]}
        assert code_of(await me.post(PATH, three)) == (409, "conflict")
        assert await shifts(me, 1, 30, "empty") == []
        await me.create(PATH, {"entries": three["entries"][:2]})

    async def test_a_thousand(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        hours = [f"2026-{month:02}-{day:02}T{hour:02}:00:00Z" for month, day, hour in TIMES]
        body = [{"user_id": "ann", "start": a, "end": b} for a, b in pairwise(hours)]
        made = await me.create(PATH, {"entries": body})
        assert len({each["id"] for each in made["entries"]}) == len(body) == MOST

    async def test_of_many_at_once_each_time_has_one(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        body = {"entries": [item("ann", 2, 3), item("ann", 4, 5)]}
        answers = await asyncio.gather(*(me.post(PATH, body) for _ in range(8)))
        assert sorted(each.status_code for each in answers) == [201] + [422] * 7
        assert len(await shifts(me, 1, 30, "empty")) == 2


class TestABoughtRotation:
    async def test_as_it_was_answered(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        made = await me.create(PATH, bought())
        assert entry_lines(made["entries"]) == [
            "ann 02:00 03:00",
            "bob 03:00 04:00",
            "ann 04:00 05:00",
        ]
        assert (await me.read(f"{V1}/schedules/empty/on-call?at={june(3, 5)}"))["user_id"] == "bob"

    async def test_names_are_users(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        answer = bought(people=["alice", "bob"])
        assert list(faults_in(await me.post(PATH, answer))) == [
            "/rotation/0/person",
            "/rotation/2/person",
        ]
        made = await me.create(PATH, {**answer, "users": USERS})
        assert [each["user_id"] for each in made["entries"]] == ["ann", "bob", "ann"]
        strange = faults_in(await me.post(PATH, {**answer, "users": {**USERS, "carol": "cat"}}))
        assert strange == {"/users": "the rotation names nobody carol"}

    async def test_planned_with_roles_and_gaps(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        answer = bought(
            people=["ann", "bob", "cat"],
            timezone="Europe/Berlin",
            roles=["primary", "secondary"],
            unavailable=[
                {"person": "ann", "start": june(3), "end": june(4)},
                {"person": "bob", "start": june(3), "end": june(4)},
            ],
        )
        second = {each["shift"]: each["roles"]["secondary"] for each in answer["rotation"]}
        assert second[2] is None
        made = await me.create(PATH, {**answer, "role": "secondary"})
        assert made["gaps"] == 1
        assert [each["user_id"] for each in made["entries"]] == [second[1], second[3]]
        unknown = faults_in(await me.post(PATH, {**answer, "role": "third"}))
        assert unknown == {"/role": "/rotation/0 has no role third: it has primary, secondary"}
        plain = faults_in(await me.post(PATH, {**bought(), "role": "primary"}))
        assert plain == {"/role": "/rotation/0 has no role primary: it has none"}

    async def test_of_gaps_alone(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        nobody = [{"person": None, "start": june(2), "end": june(3)}]
        fault = faults_in(await me.post(PATH, {"rotation": nobody}))
        assert fault == {"/rotation": "has nobody for what is meant: there would be no entry"}

    async def test_not_beside_entries(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        body = {**bought(), "entries": [item("ann", 2, 3)]}
        assert faults_in(await me.post(PATH, body)) == {
            "/rotation": "goes without entries: send one of them"
        }

    @pytest.mark.parametrize(
        ("answered", "taken"),
        [
            (RotationAnswer, EntriesPost),
            (Shift, BoughtShift),
            (RosterAnswer, EntriesPost),
            (RosterSlot, BoughtSlot),
            (RosterPlace, BoughtPlace),
        ],
    )
    def test_whatever_is_answered_is_taken(self, answered: type, taken: type) -> None:
        """A field that the product's answer gets is a field here, too."""
        known = {field.encode_name for field in msgspec.structs.fields(taken)}
        assert {field.encode_name for field in msgspec.structs.fields(answered)} <= known


class TestABoughtRoster:
    async def test_as_it_was_answered(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        night = {"start": "2026-06-03T17:00:00", "end": "2026-06-04T09:00:00", "kind": "night"}
        day = {"start": "2026-06-02T09:00:00", "end": "2026-06-02T17:00:00"}
        people = [{"name": "ann"}, {"name": "bob"}]
        given = {"pattern": None, "from": None, "to": None, "slots": [night, day], "people": people}
        answer = roster(**given)
        made = await me.create(PATH, answer)
        assert [(each["user_id"], each["start"], each["end"]) for each in made["entries"]] == [
            (slot["people"][0]["person"], *(slot[at][:19] + "+00:00" for at in ("start", "end")))
            for slot in answer["assignments"]
        ]
        assert made["gaps"] == 0
        assert len(await shifts(me, 1, 30, "empty")) == 2

    async def test_of_several_one_has_to_be_chosen(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        answer = roster()
        [one, other] = [
            [held["person"] for held in slot["people"]] for slot in answer["assignments"]
        ]
        told = faults_in(await me.post(PATH, answer))
        assert list(told) == [
            f"/assignments/{n}" for n, held in enumerate((one, other)) if len(held) == 2
        ]
        assert "would be on call at once" in told["/assignments/0"]
        made = await me.create(PATH, {**answer, "skill": "senior"})
        assert [each["user_id"] for each in made["entries"]] == [one[0], other[0]]

    async def test_a_place_that_nobody_has_is_a_gap(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        answer = roster(people=[{"name": "ann", "skills": ["senior"]}, {"name": "bob"}])
        assert [len(slot["people"]) for slot in answer["assignments"]].count(2) == 1
        made = await me.create(PATH, {**answer, "place": 2, "kind": "day"})
        assert ([each["user_id"] for each in made["entries"]], made["gaps"]) == (["bob"], 1)
        nobody = faults_in(await me.post(PATH, {**answer, "place": 3}))
        assert nobody == {"/assignments": "has nobody for what is meant: there would be no entry"}

    async def test_names_are_users(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        people = [{"name": "alice", "skills": ["senior"]}, {"name": "bob"}]
        answer = {**roster(people=people), "skill": "senior"}
        assert list(faults_in(await me.post(PATH, answer))) == [
            f"/assignments/{n}/people/0/person"
            for n, slot in enumerate(answer["assignments"])
            if {"person": "alice", "skill": "senior"} in slot["people"]
        ]
        made = await me.create(PATH, {**answer, "users": USERS})
        assert {each["user_id"] for each in made["entries"]} == {"ann"}

    @pytest.mark.parametrize(
        ("more", "faults"),
        [
            ({"kind": "night"}, {"/kind": "no slot has it: there is day"}),
            ({"skill": "nurse"}, {"/skill": "no slot has it: there is senior"}),
            ({"place": 0}, {"/place": "which of the people of each slot"}),
            ({"role": "first", "place": 1}, {"/role": "goes with a rotation only"}),
            ({"users": {"eve": "ann"}, "place": 1}, {"/users": "the roster names nobody eve"}),
            ({"entries": [item("ann", 2, 3)]}, {"/assignments": "goes without entries"}),
        ],
    )
    async def test_faults(self, stored: Stored, more: Any, faults: Mapping[str, str]) -> None:
        me = await scene(stored, EMPTY)
        told = faults_in(await me.post(PATH, {**roster(), **more}))
        assert faults.keys() == told.keys()
        assert all(words in told[name] for name, words in faults.items())

    async def test_a_roster_without_kinds(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        slots = [{"start": june(2), "end": june(3), "people": [{"person": "ann"}]}]
        told = faults_in(await me.post(PATH, {"assignments": slots, "kind": "day"}))
        assert told == {"/kind": "no slot has it: there is none"}
        longer = {"start": june(2), "end": june(5), "people": [{"person": "bob"}]}
        within = {"start": june(4), "end": june(5), "people": [{"person": "cat"}]}
        told = faults_in(await me.post(PATH, {"assignments": [longer, *slots, within]}))
        assert list(told) == ["/assignments/0", "/assignments/2"]
        backwards = {**longer, "end": june(1)}
        assert list(faults_in(await me.post(PATH, {"assignments": [backwards]}))) == [
            "/assignments/0/end"
        ]
