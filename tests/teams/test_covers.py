"""Cover requests: asked, accepted in part or whole, refused, withdrawn, expired."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

import httpx
import pytest

from app.teams.covers import candidates, handlers, store
from tests.support.clock import Clock
from tests.support.pools import recorded_jobs
from tests.support.replica_callers import Caller as Client
from tests.support.replica_callers import replicas
from tests.support.scenes import DAILY, EMPTY, entry, june, override, scene, who
from tests.support.stored import V1, V2, Caller, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

PATH = f"{V2}/schedules/daily/covers"
TRIO = {**DAILY, "participants": ["ann", "bob", "cat"]}
"""ann has the first of June, bob the second, cat the third, and so on."""
ASKED: dict[str, Any] = {"id": "c", "user_id": "ann", "start": june(4), "end": june(5)}


async def asked(stored: Stored, *schedules: dict[str, Any], **more: Any) -> Caller:
    """Let ann ask for the fourth of June."""
    me = await scene(stored, TRIO, *schedules)
    await me.create(PATH, {**ASKED, **more})
    return me


async def accept(me: Caller, user_id: str, **part: str) -> httpx.Response:
    return await me.post(f"{V2}/covers/c/accept", {"user_id": user_id, **part})


async def refuse(me: Caller, user_id: str, **more: str) -> httpx.Response:
    return await me.post(f"{V2}/covers/c/refuse", {"user_id": user_id, **more})


async def shown(me: Caller) -> Any:
    return await me.read(f"{V2}/covers/c")


def part(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end}


class TestAsking:
    async def test_what_is_asked_is_shown(self, stored: Stored) -> None:
        me = await scene(stored, TRIO)
        body = {**ASKED, "reason": "A concert", "offered_to": ["bob", "dan", "bob"]}
        response = await me.post(PATH, body)
        assert response.status_code == 201
        assert response.headers["Location"] == f"{V2}/covers/c"
        assert response.headers["ETag"] == '"1"'
        assert response.json()["data"] == {
            "id": "c",
            "schedule_id": "daily",
            "user_id": "ann",
            **part(june(4), june(5)),
            "reason": "A concert",
            "offered_to": ["bob", "dan"],
            "state": "open",
            "open": [part(june(4), june(5))],
            "accepted": [],
            "refused": [],
            "expires_at": june(5),
            "created_at": june(1),
            "updated_at": june(1),
            "version": 1,
        }
        assert await shown(me) == response.json()["data"]
        assert (await me.read(f"{V2}/schedules/daily"))["version"] == 2

    async def test_an_id_is_made(self, stored: Stored) -> None:
        me = await scene(stored, TRIO)
        made = await me.create(PATH, {**ASKED, "id": None})
        assert made["id"].startswith("cover_")

    @pytest.mark.parametrize(
        ("body", "faults"),
        [
            ({"end": june(4)}, {"end": "empty"}),
            ({"end": "2027-06-10T00:00:00Z"}, {"end": "must be at most 366 days"}),
            ({"expires_at": june(6)}, {"expires_at": "must not be after end"}),
            ({"expires_at": june(1)}, {"expires_at": f"must be after now, {june(1)}"}),
            ({"offered_to": ["bob", "ann"]}, {"offered_to/1": "ann is who asks"}),
            ({"offered_to": []}, {"offered_to": "1 to 100 people"}),
            ({"offered_to": ["bob", "eve"]}, {"offered_to/1": "there is no user eve"}),
            ({"user_id": "eve"}, {"user_id": "there is no user eve"}),
            ({"user_id": "bob"}, {"user_id": f"ann is, by layer rotation, from {june(4)}"}),
            ({"start": june(3)}, {"user_id": f"cat is, by layer rotation, from {june(3)}"}),
            ({"start": "2026-05-01T00:00:00Z"}, {"user_id": "nobody is from 2026-05-01"}),
        ],
    )
    async def test_faults(
        self, stored: Stored, body: dict[str, Any], faults: dict[str, str]
    ) -> None:
        me = await scene(stored, TRIO)
        told = faults_in(await me.post(PATH, {**ASKED, **body}))
        assert {f"/{name}" for name in faults} == told.keys()
        for name, words in faults.items():
            assert words in told[f"/{name}"] or words == "empty"

    async def test_only_what_is_to_come_can_be_given_away(self, stored: Stored) -> None:
        me = await scene(stored, TRIO)
        stored.at(june(5))
        assert "must be after now" in faults_in(await me.post(PATH, ASKED))["/end"]

    async def test_of_many_changes_a_few_are_named(self, stored: Stored) -> None:
        me = await scene(stored, TRIO)
        fault = faults_in(await me.post(PATH, {**ASKED, "end": june(11)}))["/user_id"]
        assert fault.count(" from ") == 3
        assert fault.endswith("; and 1 more")

    async def test_a_turn_that_is_shared_stays_so(self, stored: Stored) -> None:
        me = await scene(stored, {**TRIO, "participants": [["ann", "dan"], "bob", "cat"]})
        fault = faults_in(await me.post(PATH, ASKED))["/user_id"]
        assert fault.startswith(
            "ann does not have all of it alone: ann, dan are together, by layer"
        )
        path = f"{V2}/schedules/daily/cover-candidates?from={june(4)}&to={june(5)}"
        assert (await me.read(path))["given_by"] == ["ann", "dan"]
        assert "not on call" in faults_in(await me.get(f"{path}&user_id=ann"))["user_id"]

    async def test_nobody_asks_for_one_stretch_twice(self, stored: Stored) -> None:
        me = await asked(stored)
        again = {**ASKED, "id": "d"}
        first = await me.post(PATH, {**ASKED, "start": june(4, 12)})
        assert code_of(first) == (409, "conflict")
        assert "the id c is taken" in first.json()["message"]
        second = await me.post(PATH, again)
        assert "ann asks for a part of this already, in c" in second.json()["message"]
        assert (await accept(me, "bob", end=june(4, 6))).status_code == 200
        await me.create(PATH, {"user_id": "bob", **part(june(4), june(4, 6))})
        assert (await me.post(PATH, again)).status_code == 422  # bob has a part of it now
        await me.create(PATH, {**again, **part(june(7), june(8))})

    async def test_a_schedule_has_so_many_open_ones(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "MAX_OPEN", 1)
        me = await asked(stored)
        more = {**ASKED, "id": "d", "user_id": "bob", **part(june(5), june(6))}
        refused = await me.post(PATH, more)
        assert "has 1 open cover requests" in refused.json()["message"]
        await me.delete_at(f"{V2}/covers/c")
        await me.create(PATH, more)

    async def test_if_match_is_the_schedules(self, stored: Stored) -> None:
        me = await scene(stored, TRIO)
        assert (await me.post(PATH, ASKED, If_Match='"2"')).status_code == 412
        assert (await me.post(PATH, ASKED, If_Match='"1"')).status_code == 201

    async def test_sent_twice_it_is_asked_once(self, stored: Stored) -> None:
        me = await scene(stored, TRIO)
        body = {**ASKED, "id": None}
        first = await me.post(PATH, body, Idempotency_Key="k")
        again = await me.post(PATH, body, Idempotency_Key="k")
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()
        assert len(await me.read(PATH)) == 1


class TestAccepting:
    async def test_as_a_whole(self, stored: Stored) -> None:
        me = await asked(stored, reason="A concert")
        response = await accept(me, "bob")
        assert response.headers["ETag"] == '"2"'
        found = response.json()["data"]
        [made] = await me.read(f"{V1}/schedules/daily/overrides")
        assert (made["user_id"], made["reason"]) == ("bob", "A concert")
        assert (made["start_at"], made["end_at"]) == (june(4), june(5))
        assert (found["state"], found["open"], found["refused"]) == ("accepted", [], [])
        taken = {"user_id": "bob", **part(june(4), june(5)), "override_id": made["id"]}
        assert found["accepted"] == [{**taken, "at": june(1)}]
        assert await who(me, june(4, 12)) == "bob"

    async def test_in_parts(self, stored: Stored) -> None:
        me = await asked(stored)
        first = (await accept(me, "bob", **part(june(4, 6), june(4, 12)))).json()["data"]
        assert first["state"] == "open"
        assert first["open"] == [part(june(4), june(4, 6)), part(june(4, 12), june(5))]
        taken = await accept(me, "cat", start=june(4, 5))
        assert code_of(taken) == (409, "conflict")
        assert taken.json()["message"] == (
            f"others have accepted already from {june(4, 6)} to {june(4, 12)}"
        )
        assert (await accept(me, "cat", end=june(4, 6))).status_code == 200
        last = (await accept(me, "bob")).json()["data"]
        assert last["state"] == "accepted"
        assert [each["user_id"] for each in last["accepted"]] == ["bob", "cat", "bob"]
        hours = {hour: await who(me, june(4, hour)) for hour in (0, 5, 6, 11, 12, 23)}
        assert hours == {0: "cat", 5: "cat", 6: "bob", 11: "bob", 12: "bob", 23: "bob"}
        assert {each["reason"] for each in await me.read(f"{V1}/schedules/daily/overrides")} == {
            "cover"
        }

    async def test_both_ends_that_are_left_at_once(self, stored: Stored) -> None:
        me = await asked(stored)
        await accept(me, "cat", **part(june(4, 6), june(4, 12)))
        found = (await accept(me, "bob")).json()["data"]
        assert [each["start"] for each in found["accepted"]] == [june(4, 6), june(4), june(4, 12)]
        assert found["state"] == "accepted"

    async def test_from_now_on_if_it_has_begun(self, stored: Stored) -> None:
        me = await asked(stored)
        stored.at(june(4, 6))
        over = await accept(me, "bob", end=june(4, 6))
        assert over.json()["message"] == f"the part is over: it is {june(4, 6)}"
        found = (await accept(me, "bob")).json()["data"]
        assert (found["state"], found["accepted"][0]["start"]) == ("accepted", june(4, 6))
        assert await who(me, june(4, 5)) == "ann"

    async def test_what_is_left_expires_when_it_is_past(self, stored: Stored) -> None:
        me = await asked(stored)
        found = (await accept(me, "bob", start=june(4, 6))).json()["data"]
        assert (found["expires_at"], found["state"]) == (june(4, 6), "open")
        stored.at(june(4, 6))
        late = await accept(me, "cat")
        assert late.json()["message"] == "the cover request c is not open any more: it is expired"
        assert [row["id"] for row in await me.read(f"{PATH}?state=expired")] == ["c"]

    @pytest.mark.parametrize(
        ("wanted", "pointer"),
        [
            (part(june(3), june(4, 6)), "/start"),
            (part(june(4, 6), june(6)), "/end"),
            ({"start": june(5)}, "/start"),
            ({"end": june(4)}, "/end"),
            (part(june(4, 6), june(4, 6)), "/end"),
        ],
    )
    async def test_only_a_part_of_it(
        self, stored: Stored, wanted: dict[str, str], pointer: str
    ) -> None:
        me = await asked(stored)
        assert list(faults_in(await accept(me, "bob", **wanted))) == [pointer]

    async def test_by_whom_it_is_offered_to(self, stored: Stored) -> None:
        me = await asked(stored, offered_to=["dan"])
        for user_id, words in (
            ("bob", "the request c is not offered to bob"),
            ("ann", "ann is who asks"),
            ("eve", "there is no user eve"),
        ):
            assert words in faults_in(await accept(me, user_id))["/user_id"]
        assert (await accept(me, "dan")).status_code == 200

    async def test_offered_to_all_it_is_for_those_who_take_part(self, stored: Stored) -> None:
        me = await asked(stored)
        assert "not offered to dan" in faults_in(await accept(me, "dan"))["/user_id"]
        later = f"{V2}/schedules/daily?effective_from=2026-06-05T00:00:00Z"
        await me.update(later, {"participants": ["ann", "bob", "cat", "dan"]})
        assert (await accept(me, "dan")).status_code == 200

    async def test_nobody_who_is_on_call_elsewhere(self, stored: Stored) -> None:
        me = await asked(stored, EMPTY, {**EMPTY, "id": "other"})
        await entry(me, "bob", june(4, 6), june(4, 8), "empty")
        await entry(me, "dan", june(4, 8), june(4, 9), "empty")
        await override(me, "bob", june(3), june(4), "other")
        refused = await accept(me, "bob")
        assert code_of(refused) == (409, "conflict")
        assert refused.json()["message"] == (
            f"bob is on call by schedule empty from {june(4, 6)} to {june(4, 8)}"
        )
        assert (await accept(me, "cat", **part(june(4, 6), june(4, 8)))).status_code == 200
        assert (await accept(me, "bob")).status_code == 200

    async def test_nobody_who_is_away(self, stored: Stored) -> None:
        me = await asked(stored)
        away = {"start": june(4, 6), "end": june(4, 8)}
        await me.create(f"{V2}/users/bob/absences", away)
        refused = await accept(me, "bob")
        assert code_of(refused) == (409, "conflict")
        assert refused.json()["message"] == f"bob is away from {june(4, 6)} to {june(4, 8)}"
        path = f"{V2}/schedules/daily/cover-candidates?from={june(4)}&to={june(5)}"
        cat, bob = (await me.read(path))["candidates"]
        assert (cat["user_id"], cat["able"], bob["able"]) == ("cat", True, False)
        assert bob["obstacles"] == [{"what": "away", "schedule_id": None, **away}]
        assert (await accept(me, "bob", end=june(4, 6))).status_code == 200

    async def test_absences_of_too_many(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await asked(stored)
        for name in ("bob", "cat"):
            away = {"start": june(4, 6), "end": june(4, 8)}
            await me.create(f"{V2}/users/{name}/absences", away)
        path = f"{V2}/schedules/daily/cover-candidates?from={june(4)}&to={june(5)}"
        monkeypatch.setattr(store, "ABSENCES", 2)
        assert (await me.get(path)).status_code == 200
        monkeypatch.setattr(store, "ABSENCES", 1)
        assert "over 1 absences of these people" in faults_in(await me.get(path))["body"]

    async def test_twice_the_second_finds_nothing(self, stored: Stored) -> None:
        me = await asked(stored)
        await accept(me, "bob")
        again = await accept(me, "bob")
        assert again.json()["message"] == "the cover request c is not open any more: it is accepted"
        assert len(await me.read(f"{V1}/schedules/daily/overrides")) == 1

    async def test_so_many_answers(self, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handlers, "MAX_ANSWERS", 1)
        me = await asked(stored)
        assert (await accept(me, "bob", end=june(4, 6))).status_code == 200
        assert "has 1 answers" in (await accept(me, "bob")).json()["message"]

    async def test_if_match_is_the_requests(self, stored: Stored) -> None:
        me = await asked(stored)
        path, body = f"{V2}/covers/c/accept", {"user_id": "bob"}
        assert (await me.post(path, body, If_Match='"2"')).status_code == 412
        assert (await me.post(path, body, If_Match='"1"')).status_code == 200


class TestAChangeMeanwhile:
    async def test_by_an_override(self, stored: Stored) -> None:
        me = await asked(stored)
        made = await override(me, "cat", june(4, 6), june(4, 8))
        refused = await accept(me, "bob")
        assert code_of(refused) == (409, "conflict")
        assert refused.json()["message"] == (
            "the schedule has changed: ann does not have all of it alone any more: cat is, by "
            f"override {made}, from {june(4, 6)} to {june(4, 8)}"
        )
        assert (await accept(me, "bob", start=june(4, 8))).status_code == 200

    async def test_by_an_entry(self, stored: Stored) -> None:
        me = await asked(stored)
        made = await entry(me, "dan", june(4), june(4, 2))
        assert f"dan is, by entry {made}" in (await accept(me, "bob")).json()["message"]

    async def test_by_an_edit(self, stored: Stored) -> None:
        me = await asked(stored)
        await me.update(f"{V2}/schedules/daily", {"participants": ["bob", "cat"]})
        told = (await accept(me, "bob")).json()["message"]
        assert f"cat is, by layer rotation, from {june(4)} to {june(5)}" in told
        assert (await shown(me))["state"] == "open"

    async def test_by_nobody_at_all(self, stored: Stored) -> None:
        me = await asked(stored)
        await me.update(f"{V2}/schedules/daily", {"participants": []})
        await me.delete_at(f"{V2}/covers/c")
        await me.update(f"{V2}/schedules/daily", {"participants": ["ann", "bob"]})
        await me.create(PATH, {**ASKED, "id": "d", "offered_to": ["bob"], **part(june(1), june(2))})
        await me.update(f"{V2}/schedules/daily", {"participants": []})
        told = await me.post(f"{V2}/covers/d/accept", {"user_id": "bob"})
        assert f"nobody is from {june(1)} to {june(2)}" in told.json()["message"]

    async def test_with_the_schedule_it_goes(self, stored: Stored) -> None:
        me = await asked(stored)
        await me.delete_at(f"{V2}/schedules/daily")
        assert code_of(await me.get(f"{V2}/covers/c")) == (404, "not_found")


class TestTheOtherEnds:
    async def test_refused_by_all_to_whom_it_was_offered(self, stored: Stored) -> None:
        me = await asked(stored, offered_to=["bob", "dan"])
        first = (await refuse(me, "bob", reason="I am away")).json()["data"]
        assert first["state"] == "open"
        assert first["refused"] == [{"user_id": "bob", "reason": "I am away", "at": june(1)}]
        again = await refuse(me, "bob")
        assert again.json()["message"] == "bob has refused already"
        last = (await refuse(me, "dan")).json()["data"]
        assert (last["state"], last["open"]) == ("refused", [])
        assert (await accept(me, "bob")).status_code == 409

    async def test_who_has_refused_may_think_better_of_it(self, stored: Stored) -> None:
        me = await asked(stored, offered_to=["bob", "dan"])
        await refuse(me, "bob")
        assert (await accept(me, "bob")).json()["data"]["state"] == "accepted"

    async def test_offered_to_all_it_stays_open(self, stored: Stored) -> None:
        me = await asked(stored)
        for user_id in ("bob", "cat"):
            found = (await refuse(me, user_id)).json()["data"]
        assert found["state"] == "open"

    async def test_withdrawn(self, stored: Stored) -> None:
        me = await asked(stored)
        await accept(me, "bob", end=june(4, 6))
        await me.delete_at(f"{V2}/covers/c")
        found = await shown(me)
        assert (found["state"], found["open"]) == ("withdrawn", [])
        assert await who(me, june(4, 5)) == "bob"  # what was accepted stays
        assert code_of(await me.delete(f"{V2}/covers/c")) == (409, "conflict")
        assert code_of(await refuse(me, "cat")) == (409, "conflict")

    async def test_expired(self, stored: Stored) -> None:
        me = await asked(stored, expires_at=june(3))
        before = await me.get(f"{V2}/covers/c")
        assert (await me.get(f"{V2}/covers/c", If_None_Match='"1"')).status_code == 304
        stored.at(june(3))
        after = await me.get(f"{V2}/covers/c", If_None_Match=before.headers["ETag"])
        assert after.headers["ETag"] == '"2"'
        found = after.json()["data"]
        assert (found["state"], found["open"]) == ("expired", [])
        assert found["updated_at"] == june(3)
        assert (await accept(me, "bob")).status_code == 409

    async def test_the_audit_tells_it(self, stored: Stored) -> None:
        me = await asked(stored, offered_to=["bob", "cat"])
        await accept(me, "bob", end=june(4, 6))
        await refuse(me, "cat")
        await me.delete_at(f"{V2}/covers/c")
        _, *records = await me.read(f"{V2}/schedules/daily/audit")
        assert [each["action"] for each in records] == [
            "cover.requested",
            "cover.accepted",
            "cover.refused",
            "cover.withdrawn",
        ]
        assert [each["changes"]["id"]["to"] for each in records] == ["c"] * 4
        [taken] = records[1]["changes"]["accepted"]["to"]
        [made] = await me.read(f"{V1}/schedules/daily/overrides")
        assert taken["override_id"] == made["id"]
        assert records[3]["changes"]["state"] == {"from": "open", "to": "withdrawn"}


class TestLists:
    async def test_by_schedule_and_state(self, stored: Stored) -> None:
        me = await asked(stored, {**TRIO, "id": "other"})
        other = f"{V2}/schedules/other/covers"
        await me.create(other, {**ASKED, "id": "d", "expires_at": june(2)})
        await me.create(other, {**ASKED, "id": "e", "user_id": "bob", **part(june(5), june(6))})
        await me.delete_at(f"{V2}/covers/e")
        stored.at(june(3))
        found = {
            path: [row["id"] for row in await me.read(path)]
            for path in (
                PATH,
                other,
                f"{V2}/covers",
                f"{V2}/covers?state=open",
                f"{V2}/covers?state=expired",
                f"{other}?state=withdrawn",
                f"{PATH}?state=accepted",
            )
        }
        assert list(found.values()) == [["c"], ["d", "e"], ["c", "d", "e"], ["c"], ["d"], ["e"], []]
        assert list(faults_in(await me.get(f"{V2}/covers?state=done"))) == ["state"]

    async def test_of_no_schedule(self, stored: Stored) -> None:
        assert code_of(await stored.me.get(f"{V2}/schedules/none/covers")) == (404, "not_found")

    async def test_who_asks_stays_while_it_is_open(self, stored: Stored) -> None:
        me = await asked(stored)
        await me.update(f"{V2}/schedules/daily", {"participants": ["bob", "cat"]})
        held = await me.delete(f"{V2}/users/ann")
        assert "an open cover request is theirs" in held.json()["message"]
        await me.delete_at(f"{V2}/covers/c")
        await me.delete_at(f"{V2}/users/ann")


class TestCandidates:
    async def test_whoever_has_least_after_it_comes_first(self, stored: Stored) -> None:
        me = await scene(stored, TRIO, EMPTY)
        await entry(me, "bob", june(4, 6), june(4, 8), "empty")
        await override(me, "cat", june(2), june(2, 12))
        query = f"from={june(4)}&to={june(5)}"
        found = await me.read(f"{V2}/schedules/daily/cover-candidates?{query}")
        assert (found["stretches"], found["given_by"]) == ([part(june(4), june(5))], ["ann"])
        assert (found["counted_from"], found["counted_to"]) == (
            "2026-05-07T00:00:00Z",
            "2026-07-03T00:00:00Z",
        )
        first, second = found["candidates"]
        assert (first["user_id"], first["name"], first["able"]) == ("cat", "Cat", True)
        # cat has ten days of 32, four of them on weekends, and half of the second of June
        assert first["before"] == {"hours": 252, "night_hours": 86, "weekend_hours": 72}
        assert first["after"] == {"hours": 276, "night_hours": 94, "weekend_hours": 72}
        assert first["reason"] == (
            "cat is free and would have 276 h from 2026-05-07T00:00:00Z to 2026-07-03T00:00:00Z, "
            "94 h at night and 72 h on weekends"
        )
        assert (second["user_id"], second["able"]) == ("bob", False)
        assert second["obstacles"] == [
            {"what": "on_call", "schedule_id": "empty", **part(june(4, 6), june(4, 8))}
        ]
        assert second["reason"] == (
            f"bob is on call by schedule empty from {june(4, 6)} to {june(4, 8)}"
        )
        assert found["total"] == 2

    async def test_many_obstacles_are_ranked_by_a_worker(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, TRIO, EMPTY)
        await entry(me, "bob", june(4, 6), june(4, 8), "empty")
        path = f"{V2}/schedules/daily/cover-candidates?from={june(4)}&to={june(5)}"
        here = await me.read(path)
        jobs = recorded_jobs(monkeypatch)
        monkeypatch.setattr(handlers, "MANY_OBSTACLES", 1)
        assert await me.read(path) == here
        assert jobs == []
        monkeypatch.setattr(handlers, "MANY_OBSTACLES", 0)
        assert await me.read(path) == here
        assert list(dict(jobs)) == ["_candidates_in"]

    async def test_of_what_one_person_has(self, stored: Stored) -> None:
        me = await scene(stored, TRIO, EMPTY)
        await entry(me, "cat", june(3), june(4), "empty")
        path = f"{V2}/schedules/daily/cover-candidates?from={june(1)}&to={june(6)}&user_id="
        found = await me.read(f"{path}ann&limit=1")
        assert found["stretches"] == [part(june(1), june(2)), part(june(4), june(5))]
        assert found["given_by"] == ["ann"]
        assert [each["user_id"] for each in found["candidates"]] == ["bob"]
        assert (found["total"], found["candidates"][0]["able"]) == (2, True)
        everybody = await me.read(f"{path}ann")
        assert [each["able"] for each in everybody["candidates"]] == [True, True]
        none = await me.get(f"{path}dan")
        assert (
            "dan is not on call by this schedule in that time, or not alone"
            in faults_in(none)["user_id"]
        )

    async def test_a_shift_of_several_counts_for_each(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise few turns of many people would be more than can be ranked."""
        together = {**TRIO, "id": "other", "participants": [["ann", "bob", "cat"]]}
        me = await scene(stored, TRIO, together)
        path = f"{V2}/schedules/daily/cover-candidates?from={june(4)}&to={june(5)}"
        monkeypatch.setattr(candidates, "OTHER_STEPS", 6)
        assert (await me.get(path)).status_code == 200
        monkeypatch.setattr(candidates, "OTHER_STEPS", 5)
        assert (await me.get(path)).status_code == 422

    async def test_other_schedules_are_too_large_together(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, TRIO, EMPTY, {**TRIO, "id": "other"})
        path = f"{V2}/schedules/daily/cover-candidates?from={june(4)}&to={june(5)}"
        monkeypatch.setattr(candidates, "OTHER_STEPS", 10)
        assert (await me.get(path)).status_code == 200
        monkeypatch.setattr(candidates, "OTHER_STEPS", 1)
        refused = await me.get(path)
        assert code_of(refused) == (422, "validation_failed")
        assert "too large to lay out" in refused.text

    async def test_of_a_gap(self, stored: Stored) -> None:
        me = await scene(stored, {**EMPTY, "participants": ["ann"], "start_at": june(10)})
        path = f"{V2}/schedules/empty/cover-candidates?from={june(5)}&to={june(6)}"
        found = await me.read(path)
        assert (found["given_by"], found["stretches"]) == ([], [part(june(5), june(6))])
        assert [each["user_id"] for each in found["candidates"]] == ["ann"]

    async def test_with_those_who_are_to_take_part_later(self, stored: Stored) -> None:
        me = await scene(stored, TRIO)
        edit = f"{V2}/schedules/daily?effective_from=2026-09-10T00:00:00Z"
        await me.update(edit, {"participants": ["ann", "bob", "dan"]})
        path = f"{V2}/schedules/daily/cover-candidates"
        soon = await me.read(f"{path}?from={june(4)}&to={june(5)}")
        dan, *others = soon["candidates"]
        assert (dan["user_id"], dan["before"]["hours"]) == ("dan", 0)
        assert {each["user_id"] for each in others} == {"bob", "cat"}
        later = await me.read(f"{path}?from=2026-09-20T00:00:00Z&to=2026-09-21T00:00:00Z")
        assert later["candidates"][0]["user_id"] == "cat"  # she has the least


CLIENTS = 32


@pytest.fixture
async def pair(
    database_url: str,
    clock: Clock,
    anyio_backend: str,  # noqa: ARG001 - what makes this fixture one of anyio's
) -> AsyncIterator[Sequence[Client]]:
    """Run two replicas with ann, who asks for a day in 2027, and others to whom it is offered."""
    async with replicas(database_url, clock) as callers:
        names = ["ann", *(f"p{number}" for number in range(CLIENTS))]
        for name in names:
            await callers[0].add_user(name)
        await callers[0].schedule("s", "ann")
        body = {"id": "c", "user_id": "ann", "offered_to": names[1:]}
        day = {"start": "2027-01-01T00:00:00Z", "end": "2027-01-02T08:00:00Z"}
        await callers[0].done("POST", f"{V2}/schedules/s/covers", {**body, **day})
        yield callers


async def all_accept(
    pair: Sequence[Client], parts: Sequence[dict[str, str]]
) -> list[httpx.Response]:
    return await asyncio.gather(
        *(
            pair[number % 2].ask(
                "POST", f"{V2}/covers/c/accept", {"user_id": f"p{number}", **parts[number]}
            )
            for number in range(CLIENTS)
        )
    )


def statuses(answers: Sequence[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


class TestAtOnce:
    async def test_of_many_who_accept_one_has_it(self, pair: Sequence[Client]) -> None:
        answers = await all_accept(pair, [{}] * CLIENTS)
        assert statuses(answers) == {200: 1, 409: CLIENTS - 1}
        [won] = [answer.json()["data"] for answer in answers if answer.status_code == 200]
        [made] = await pair[1].every(f"{V1}/schedules/s/overrides")
        [taken] = won["accepted"]
        assert (taken["user_id"], taken["override_id"]) == (made["user_id"], made["id"])
        assert await pair[0].done("GET", f"{V2}/covers/c") == won

    async def test_parts_that_do_not_overlap_all_land(self, pair: Sequence[Client]) -> None:
        starts = [f"2027-01-{1 + hour // 24:02}T{hour % 24:02}:00:00Z" for hour in range(33)]
        hours = [{"start": one, "end": two} for one, two in pairwise(starts)]
        assert statuses(await all_accept(pair, hours)) == {200: CLIENTS}
        found = await pair[1].done("GET", f"{V2}/covers/c")
        assert found["state"] == "accepted"
        assert {each["user_id"] for each in found["accepted"]} == {
            f"p{number}" for number in range(CLIENTS)
        }
        made = await pair[0].every(f"{V1}/schedules/s/overrides")
        assert sorted((each["start_at"], each["user_id"]) for each in made) == sorted(
            (each["start"], each["user_id"]) for each in found["accepted"]
        )

    async def test_one_who_withdraws_comes_before_or_after(self, pair: Sequence[Client]) -> None:
        withdrawing = pair[1].ask("DELETE", f"{V2}/covers/c")
        withdrawn, *answers = await asyncio.gather(withdrawing, all_accept(pair, [{}] * CLIENTS))
        accepted = statuses(answers[0])[200]
        assert (withdrawn.status_code, accepted) in {(204, 0), (409, 1)}
        assert len(await pair[0].every(f"{V1}/schedules/s/overrides")) == accepted
