"""Escalation policies: what they keep from being deleted, and whom they would notify."""

import asyncio
from typing import Any

import pytest

from tests.support.scenes import DAILY, EMPTY, entry, june, scene
from tests.support.stored import V1, V2, Stored, code_of

pytestmark = pytest.mark.anyio

POLICIES = f"{V1}/escalation-policies"


def step(*targets: str, delay: int = 5) -> dict[str, Any]:
    """A step; a target is ``user:ID`` or ``schedule:ID``."""
    pairs = [target.split(":") for target in targets]
    return {
        "targets": [{"type": kind, "id": name} for kind, name in pairs],
        "delay_minutes": delay,
    }


def policy(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"id": "policy", "name": "All", "steps": list(steps)}


async def test_what_one_looks_like(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    body = policy(step("schedule:daily", "user:ann", delay=0), step("user:bob", delay=1440))
    made = await me.create(POLICIES, body)
    about = {"version": 1, "created_at": june(1), "updated_at": june(1)}
    assert made == {**body, **about}
    assert await me.read(f"{POLICIES}/policy") == made


class TestResolve:
    async def test_everybody_of_the_first_step_with_anybody(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, EMPTY)
        await me.create(
            POLICIES,
            policy(
                step("schedule:empty", delay=3),
                step("schedule:empty", "schedule:daily", "user:cat"),
                step("user:dan"),
            ),
        )
        answer = await me.read(f"{POLICIES}/policy/resolve?at={june(5)}")
        ann = {
            "user_id": "ann",
            "user_email": "ann@example.com",
            "user_name": "Ann",
            "schedule_id": "daily",
            "layer": "rotation",
            "until": june(6),
        }
        cat, dan = (
            {
                "user_id": name,
                "user_email": f"{name}@example.com",
                "user_name": name.title(),
                "schedule_id": None,
                "layer": None,
                "until": None,
            }
            for name in ("cat", "dan")
        )
        assert answer == {
            "policy_id": "policy",
            "at": june(5),
            "step": 2,
            "users": [ann, cat],
            "steps": [
                {"step": 1, "delay_minutes": 3, "users": []},
                {"step": 2, "delay_minutes": 5, "users": [ann, cat]},
                {"step": 3, "delay_minutes": 5, "users": [dan]},
            ],
        }

    async def test_nobody_at_all(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await me.create(POLICIES, policy(step("schedule:empty"), step("schedule:empty")))
        answer = await me.read(f"{POLICIES}/policy/resolve")
        assert (answer["step"], answer["users"]) == (None, [])

    async def test_it_falls_through_as_time_goes_by(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "cat", june(5), june(6), "empty")
        await me.create(POLICIES, policy(step("schedule:empty"), step("user:dan")))
        found = []
        for day in (4, 5, 6):
            stored.at(june(day))
            found.append((await me.read(f"{POLICIES}/policy/resolve"))["users"][0]["user_id"])
        assert found == ["dan", "cat", "dan"]

    async def test_somebody_for_ever(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "participants": ["ann"]})
        await me.create(POLICIES, policy(step("schedule:daily")))
        [ann] = (await me.read(f"{POLICIES}/policy/resolve"))["users"]
        assert (ann["user_id"], ann["until"]) == ("ann", None)


class TestWhatItNames:
    async def test_stays_while_it_does(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.create(POLICIES, policy(step("schedule:daily"), step("user:dan")))
        for path in (f"{V1}/schedules/daily", f"{V2}/schedules/daily", f"{V2}/users/dan"):
            assert code_of(await me.delete(path)) == (409, "conflict")
        await me.update(f"{POLICIES}/policy", {"steps": [step("user:cat")]})
        await me.delete_at(f"{V1}/schedules/daily")
        await me.delete_at(f"{V2}/users/dan")
        await me.delete_at(f"{POLICIES}/policy")
        await me.delete_at(f"{V2}/users/cat")

    async def test_may_be_named_twice(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.create(POLICIES, policy(step("user:ann", "user:ann"), step("user:ann")))
        assert len((await me.read(f"{POLICIES}/policy/resolve"))["users"]) == 2

    async def test_is_the_organisations_own(self, stored: Stored) -> None:
        await scene(stored, DAILY)
        other = await stored.stranger()
        response = await other.post(POLICIES, policy(step("schedule:daily")))
        assert code_of(response) == (422, "validation_failed")

    async def test_is_never_deleted_at_the_same_time(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made, gone = await asyncio.gather(
            me.post(POLICIES, policy(step("schedule:daily"))),
            me.delete(f"{V1}/schedules/daily"),
        )
        assert (made.status_code, gone.status_code) in ((201, 409), (422, 204))


class TestPeople:
    async def test_what_one_looks_like(self, stored: Stored) -> None:
        stored.at(june(1))
        body = {"id": "ann", "name": " Ann ", "email": "ann@example.com", "team_ids": ["a", "b"]}
        made = await stored.me.create(f"{V2}/users", body)
        about = {"created_at": june(1), "updated_at": june(1), "version": 1}
        assert made == {**body, "name": "Ann", **about}

    async def test_who_takes_turns_stays(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        assert code_of(await me.delete(f"{V2}/users/ann")) == (409, "conflict")
        await me.delete_at(f"{V2}/schedules/daily")
        await me.delete_at(f"{V2}/users/ann")
        assert code_of(await me.get(f"{V2}/users/ann")) == (404, "not_found")

    async def test_who_has_an_entry_to_come_stays(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "ann", june(5), june(6), "empty")
        stored.at(june(5, 23))
        assert code_of(await me.delete(f"{V2}/users/ann")) == (409, "conflict")
        stored.at(june(6))
        await me.delete_at(f"{V2}/users/ann")

    async def test_a_new_name_shows_at_once(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        path = f"{V1}/schedules/daily/on-call?at={june(5)}"
        for name in ("Anna", "Annie"):
            await me.update(f"{V2}/users/ann", {"name": name})
            assert (await me.read(path))["user_name"] == name
