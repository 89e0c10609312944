"""Freshness: an answer shows the last write before its question, in every process."""

from typing import Any

import pytest

from app.database.database import Database
from app.teams.keys.store import revoke_key
from tests.support.scenes import DAILY, entry, june, override, scene, shifts
from tests.support.stored import V1, V2, Caller, Stored, code_of, opened

pytestmark = pytest.mark.anyio

AT = june(5, 1)
ON_CALL = f"{V1}/schedules/daily/on-call?at={AT}"
CURRENT = f"{V2}/current/team?at={AT}"
POLICY = {
    "id": "policy",
    "name": "All",
    "steps": [{"targets": [{"type": "schedule", "id": "daily"}]}],
}


async def answers(me: Caller) -> list[Any]:
    """Return who is on call, asked in every way."""
    resolve = f"{V1}/escalation-policies/policy/resolve?at={AT}"
    return [(await me.get(path)).json() for path in (ON_CALL, CURRENT, resolve)]


def people_in(found: list[Any]) -> list[Any]:
    on_call, current, resolved = found
    users = resolved["data"]["users"]
    return [
        on_call["data"]["user_id"],
        (current["on_call"] or {}).get("user_id"),
        users[0]["user_id"] if users else None,
    ]


class TestAfterEachWrite:
    async def test_who_it_is(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.create(f"{V1}/escalation-policies", POLICY)
        seen = []

        async def tell() -> None:
            [user_id] = set(people_in(await answers(me)))
            seen.append(user_id)

        await tell()
        override_id = await override(me, "cat", june(5), june(6))
        await tell()
        await me.delete_at(f"{V1}/schedules/daily/overrides/{override_id}")
        await tell()
        shift = await entry(me, "dan", june(5), june(6))
        await tell()
        swap = await me.create(f"{V2}/entries/{shift}/swap", {"swap_with_user_id": "bob"})
        await tell()
        await me.delete_at(f"{V2}/swaps/{swap['id']}")
        await tell()
        await me.delete_at(f"{V2}/entries/{shift}")
        await tell()
        await me.update(f"{V2}/schedules/daily", {"participants": ["cat"]})
        await tell()
        await me.update(f"{V1}/schedules/daily", {"layers": []})
        await tell()
        assert seen == ["ann", "cat", "ann", "dan", "bob", "dan", "ann", "cat", None]

    async def test_what_they_are_called(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.create(f"{V1}/escalation-policies", POLICY)
        await answers(me)
        await me.update(f"{V2}/users/ann", {"name": "Anna", "email": "anna@example.com"})
        on_call, current, resolved = await answers(me)
        assert on_call["data"]["user_email"] == "anna@example.com"
        assert current["on_call"]["name"] == "Anna"
        assert resolved["data"]["users"][0]["user_name"] == "Anna"

    async def test_which_schedules_a_team_has(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        assert len((await me.get(CURRENT)).json()["schedules"]) == 1
        await me.create(f"{V2}/schedules", {**DAILY, "id": "second"})
        assert len((await me.get(CURRENT)).json()["schedules"]) == 2
        await me.update(f"{V2}/schedules/daily", {"team_id": "others"})
        [row] = (await me.get(CURRENT)).json()["schedules"]
        assert row["schedule_id"] == "second"

    async def test_that_it_is_gone(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        assert (await me.get(ON_CALL)).status_code == 200
        assert (await me.get(CURRENT)).status_code == 200
        await me.delete_at(f"{V1}/schedules/daily")
        assert code_of(await me.get(ON_CALL)) == (404, "not_found")
        assert code_of(await me.get(CURRENT)) == (404, "not_found")


class TestAsTimeGoesBy:
    async def test_now_moves_on(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        found = []
        for day in (3, 4, 5):
            stored.at(june(day, 1))
            found.append((await me.read(f"{V1}/schedules/daily/on-call"))["user_id"])
        assert found == ["ann", "bob", "ann"]


class TestAnotherProcess:
    """Another service on the same database, with connections of its own."""

    async def test_what_it_writes_is_seen(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.create(f"{V1}/escalation-policies", POLICY)
        assert people_in(await answers(me)) == ["ann"] * 3
        async with opened(Stored(stored.url, stored.clock)) as other:
            theirs = other.caller(me.key)
            override_id = await override(theirs, "cat", june(5), june(6))
            assert people_in(await answers(me)) == ["cat"] * 3
            assert people_in(await answers(theirs)) == ["cat"] * 3
            await me.delete_at(f"{V1}/schedules/daily/overrides/{override_id}")
            assert people_in(await answers(theirs)) == ["ann"] * 3
        assert people_in(await answers(me)) == ["ann"] * 3

    async def test_what_it_revokes_is_refused(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        key, presented = await stored.key()
        caller = stored.caller(presented)
        assert (await caller.get(ON_CALL)).status_code == 200
        other = Database(stored.url)
        await other.open()
        await other.write(lambda tx: revoke_key(tx, key.id, stored.now))
        await other.aclose()
        assert code_of(await caller.get(ON_CALL)) == (401, "unauthorized")
        assert (await me.get(ON_CALL)).status_code == 200

    async def test_an_idempotency_key_used_there_is_known_here(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        body = {"name": "Eve", "email": "eve@example.com"}
        first = await me.post(f"{V2}/users", body, Idempotency_Key="a")
        async with opened(Stored(stored.url, stored.clock)) as other:
            again = await other.caller(me.key).post(f"{V2}/users", body, Idempotency_Key="a")
        assert again.content == first.content

    async def test_entries_have_the_same_ids(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        before = await shifts(me, 1, 9)
        async with opened(Stored(stored.url, stored.clock)) as other:
            assert await shifts(other.caller(me.key), 1, 9) == before
