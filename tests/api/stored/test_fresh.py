"""Answers are fresh after every write, by whatever process; what is kept in memory is forgotten."""

import asyncio
from typing import Any

import pytest

from app.api.stored.kept import OVERHEAD, Kept
from app.storage.database import Database
from app.storage.keys import revoked
from app.storage.steps import Steps
from tests.support.scenes import DAILY, entry, june, override, scene, shifts
from tests.support.stored import V1, V2, Caller, Stored, code_of, opened

pytestmark = pytest.mark.anyio

ORG, OTHERS = "org_a", "org_b"
AT = june(5, 1)
ON_CALL = f"{V1}/schedules/daily/on-call?at={AT}"
CURRENT = f"{V2}/current/team?at={AT}"
POLICY = {
    "id": "policy",
    "name": "All",
    "steps": [{"targets": [{"type": "schedule", "id": "daily"}]}],
}


async def answers(me: Caller) -> list[Any]:
    """Who is on call by every way to ask, each asked twice, so that the second is of memory."""
    resolve = f"{V1}/escalation-policies/policy/resolve?at={AT}"
    found: list[Any] = []
    for path in (ON_CALL, CURRENT, resolve):
        first, again = await me.get(path), await me.get(path)
        assert first.content == again.content
        found.append(again.json())
    return found


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
        await me.made(f"{V1}/escalation-policies", POLICY)
        told = []

        async def tell() -> None:
            [user_id] = set(people_in(await answers(me)))
            told.append(user_id)

        await tell()
        cover = await override(me, "cat", june(5), june(6))
        await tell()
        await me.gone(f"{V1}/schedules/daily/overrides/{cover}")
        await tell()
        shift = await entry(me, "dan", june(5), june(6))
        await tell()
        swap = await me.made(f"{V2}/entries/{shift}/swap", {"swap_with_user_id": "bob"})
        await tell()
        await me.gone(f"{V2}/swaps/{swap['id']}")
        await tell()
        await me.gone(f"{V2}/entries/{shift}")
        await tell()
        await me.changed(f"{V2}/schedules/daily", {"participants": ["cat"]})
        await tell()
        await me.changed(f"{V1}/schedules/daily", {"layers": []})
        await tell()
        assert told == ["ann", "cat", "ann", "dan", "bob", "dan", "ann", "cat", None]

    async def test_what_they_are_called(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.made(f"{V1}/escalation-policies", POLICY)
        await answers(me)
        await me.changed(f"{V2}/users/ann", {"name": "Anna", "email": "anna@example.com"})
        on_call, current, resolved = await answers(me)
        assert on_call["data"]["user_email"] == "anna@example.com"
        assert current["on_call"]["name"] == "Anna"
        assert resolved["data"]["users"][0]["user_name"] == "Anna"

    async def test_which_schedules_a_team_has(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        for _ in range(2):
            assert len((await me.get(CURRENT)).json()["schedules"]) == 1
        await me.made(f"{V2}/schedules", {**DAILY, "id": "second"})
        assert len((await me.get(CURRENT)).json()["schedules"]) == 2
        await me.changed(f"{V2}/schedules/daily", {"team_id": "others"})
        [row] = (await me.get(CURRENT)).json()["schedules"]
        assert row["schedule_id"] == "second"

    async def test_that_it_is_gone(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        for _ in range(2):
            assert (await me.get(ON_CALL)).status_code == 200
            assert (await me.get(CURRENT)).status_code == 200
        await me.gone(f"{V1}/schedules/daily")
        assert code_of(await me.get(ON_CALL)) == (404, "not_found")
        assert code_of(await me.get(CURRENT)) == (404, "not_found")


class TestAsTimeGoesBy:
    async def test_memory_answers_for_each_instant(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        found = []
        for day in (3, 4, 2, 5, 30, 4):
            for path in (f"{V1}/schedules/daily/on-call", f"{V2}/current/team"):
                answer = (await me.get(f"{path}?at={june(day, 1)}")).json()
                found.append((answer.get("data") or answer["on_call"])["user_id"])
        assert found == [
            *("ann", "ann", "bob", "bob", "bob", "bob"),
            *("ann", "ann", "bob", "bob", "bob", "bob"),
        ]

    async def test_now_moves_on(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        found = []
        for day in (3, 4, 5):
            stored.at(june(day, 1))
            found.append((await me.read(f"{V1}/schedules/daily/on-call"))["user_id"])
        assert found == ["ann", "bob", "ann"]


class TestAnotherProcess:
    """Another service on the same database, which shares no memory with the first."""

    async def test_what_it_writes_is_seen(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.made(f"{V1}/escalation-policies", POLICY)
        assert people_in(await answers(me)) == ["ann"] * 3
        async with opened(Stored(stored.url, stored.clock)) as other:
            theirs = other.caller(me.key)
            cover = await override(theirs, "cat", june(5), june(6))
            assert people_in(await answers(me)) == ["cat"] * 3
            assert people_in(await answers(theirs)) == ["cat"] * 3
            await me.gone(f"{V1}/schedules/daily/overrides/{cover}")
            assert people_in(await answers(theirs)) == ["ann"] * 3
        assert people_in(await answers(me)) == ["ann"] * 3

    async def test_what_it_revokes_is_refused(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        key, presented = await stored.key()
        caller = stored.caller(presented)
        assert (await caller.get(ON_CALL)).status_code == 200
        other = Database(stored.url)
        await other.open()
        await other.written(lambda tx: revoked(tx, key.id, stored.now))
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

    async def test_a_write_there_after_one_here_that_changed_nothing(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        body = {"name": "Eve", "email": "eve@example.com"}
        for _ in range(2):
            await me.post(f"{V2}/users", body, Idempotency_Key="a")
        other = Database(stored.url)
        await other.open()
        key, presented = await stored.key()
        assert (await stored.caller(presented).get(ON_CALL)).status_code == 200
        await me.post(f"{V2}/users", body, Idempotency_Key="a")
        await other.written(lambda tx: revoked(tx, key.id, stored.now))
        await other.aclose()
        assert code_of(await stored.caller(presented).get(ON_CALL)) == (401, "unauthorized")

    async def test_entries_have_the_same_ids(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        before = await shifts(me, 1, 9)
        async with opened(Stored(stored.url, stored.clock)) as other:
            assert await shifts(other.caller(me.key), 1, 9) == before


class Stamps:
    """A database of which only the stamp is asked."""

    def __init__(self) -> None:
        self.now: int | None = 1
        self.steps = Steps()

    def stamp(self) -> int | None:
        return self.now


@pytest.fixture
def stamps() -> Stamps:
    return Stamps()


def kept_of(stamps: Stamps, room: int = 1_000) -> Kept:
    """A memory with room for so many of the smallest things, which has looked."""
    kept = Kept(stamps, most=room * (OVERHEAD + 1))  # type: ignore[arg-type]
    kept.look()
    return kept


class TestKept:
    async def test_nothing_outlives_a_commit(self, stamps: Stamps) -> None:
        kept = kept_of(stamps)
        kept.put(ORG, "a", 1, kept.stamp)
        kept.look()
        assert kept.get("a") == 1
        stamps.now = 2
        kept.look()
        assert kept.get("a") is None

    async def test_the_requests_of_one_turn_look_once(self, stamps: Stamps) -> None:
        kept = kept_of(stamps)
        kept.look_in_turn()
        kept.put(ORG, "a", 1, kept.stamp)
        stamps.now = 2  # while the turn lasts: later than every request in it
        kept.look_in_turn()
        assert kept.get("a") == 1
        await asyncio.sleep(0)
        kept.look_in_turn()
        assert kept.get("a") is None

    async def test_what_was_read_before_a_commit_is_not_kept(self, stamps: Stamps) -> None:
        kept = kept_of(stamps)
        before = kept.stamp
        stamps.now = 2
        kept.put(ORG, "a", 1, before)  # committed since, and nobody has looked
        kept.look()
        kept.put(ORG, "b", 2, before)  # somebody has looked
        assert (kept.get("a"), kept.get("b")) == (None, None)

    async def test_nothing_is_kept_where_nothing_tells(self, stamps: Stamps) -> None:
        stamps.now = None
        kept = kept_of(stamps)
        kept.put(ORG, "a", 1, kept.stamp)
        assert kept.get("a") is None

    async def test_the_oldest_goes_first(self, stamps: Stamps) -> None:
        kept = kept_of(stamps, room=2)
        for name in "abc":
            kept.put(ORG, name, name, kept.stamp)
        assert [kept.get(name) for name in "abc"] == [None, "b", "c"]

    async def test_a_large_thing_takes_the_room_of_many(self, stamps: Stamps) -> None:
        kept = kept_of(stamps, room=10)
        for name in "abc":
            kept.put(ORG, name, name, kept.stamp)
        large = 8 * (OVERHEAD + 1) - OVERHEAD
        kept.put(ORG, "d", "d", kept.stamp, large)
        assert [kept.get(name) for name in "abcd"] == [None, "b", "c", "d"]
        kept.put(ORG, "d", "D", kept.stamp, large)  # in its own place
        assert [kept.get(name) for name in "abcd"] == [None, "b", "c", "D"]

    async def test_what_is_stale_gives_its_room_back(self, stamps: Stamps) -> None:
        kept = kept_of(stamps, room=2)
        kept.put(OTHERS, "b", "b", kept.stamp)
        kept.put(ORG, "a", "a", kept.stamp)
        stamps.steps.add(1, 2, (ORG,))
        stamps.now = 2
        kept.look()
        assert kept.get("a") is None
        kept.put(OTHERS, "c", "c", kept.stamp)
        assert [kept.get(name) for name in "abc"] == [None, "b", "c"]

    @pytest.mark.parametrize(
        ("touching", "left"),
        [
            pytest.param((), ["a", "b"], id="nobody's"),
            pytest.param((OTHERS,), ["a", None], id="one organisation's"),
            pytest.param((ORG, OTHERS), [None, None], id="both's"),
            pytest.param(None, [None, None], id="not told whose"),
        ],
    )
    async def test_a_commit_of_our_own_is_known(
        self, stamps: Stamps, touching: tuple[str, ...] | None, left: list[str | None]
    ) -> None:
        kept = kept_of(stamps)
        for org_id, name in ((ORG, "a"), (OTHERS, "b")):
            kept.put(org_id, name, name, kept.stamp)
        stamps.steps.add(1, 2, ())
        stamps.steps.add(2, 3, touching)
        stamps.now = 3
        kept.look()
        assert [kept.get("a"), kept.get("b")] == left
        kept.put(OTHERS, "b", "new", kept.stamp)
        assert kept.get("b") == "new"

    async def test_a_commit_after_our_own_is_not(self, stamps: Stamps) -> None:
        kept = kept_of(stamps)
        kept.put(ORG, "a", 1, kept.stamp)
        stamps.steps.add(1, 2, ())
        stamps.now = 3
        kept.look()
        assert kept.get("a") is None

    async def test_nothing_is_used_until_it_is_known_who_committed(self, stamps: Stamps) -> None:
        kept = kept_of(stamps)
        kept.put(ORG, "a", 1, kept.stamp)
        stamps.steps.unsettled = True
        kept.look()
        assert kept.get("a") == 1
        stamps.now = 2
        kept.look()
        assert kept.get("a") is None
        assert kept.stamp is None
        kept.put(ORG, "b", 2, kept.stamp)
        stamps.steps.add(1, 2, ())
        stamps.steps.unsettled = False
        kept.look()
        assert (kept.get("a"), kept.get("b")) == (1, None)
