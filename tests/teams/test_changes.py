"""What has changed, followed by a cursor: nothing is left out, and what is repeated has its id."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from app.teams.changes import handlers
from app.teams.changes.cursor import Cursor, cursor_in
from tests.support.scenes import DAILY, EMPTY, entry, june, override, scene, who
from tests.support.stored import V1, V2, Caller, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

CHANGES = f"{V2}/changes"


class Bot:
    """A follower that keeps its cursor, and everything that it was told."""

    def __init__(self, me: Caller, since: str | None = None, query: str = "") -> None:
        self.me = me
        self.since = since
        self.query = query
        self.told: list[dict[str, Any]] = []

    async def once(self) -> Any:
        """Ask once, and return the whole answer."""
        since = "" if self.since is None else f"since={self.since}&"
        answer = (await self.me.get(f"{CHANGES}?{since}{self.query}")).json()
        self.since = answer["next"]
        self.told += answer["data"]
        return answer

    async def news(self) -> list[dict[str, Any]]:
        """Ask until there is no more, and return what was told."""
        before = len(self.told)
        while (await self.once())["more"]:
            pass
        return self.told[before:]

    async def lines(self) -> list[str]:
        """Return the news, each in a line."""
        return [line(each) for each in await self.news()]


def line(change: dict[str, Any]) -> str:
    """Return a change as ``what at who``, in days and hours of June."""
    at = change["at"][5:13].removeprefix("06-").replace("T", ":")
    action = change.get("action")
    what = {"write": action, "cover": action, "handoff": change.get("user_id"), "gap": "nobody"}
    return f"{at} {what[change['type']]}"


def by_id(changes: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {change["id"]: change for change in changes}


async def bot(stored: Stored, *schedules: dict[str, Any], query: str = "") -> Bot:
    """Create schedules, and a bot that follows them from then on."""
    follower = Bot(await scene(stored, *schedules), query=query)
    assert await follower.news() == []
    return follower


class TestTurns:
    async def test_a_handoff_is_told_once_it_has_happened(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY)
        stored.at("2026-06-01T23:59:59Z")
        assert await follower.news() == []
        stored.at(june(2))
        [told] = await follower.news()
        assert {**told, "id": ""} == {
            "type": "handoff",
            "id": "",
            "at": june(2),
            "schedule_id": "daily",
            "schedule_name": "Daily",
            "team_id": "team",
            "user_id": "bob",
            "user_name": "Bob",
            "user_email": "bob@example.com",
            "until": june(3),
            "previous_user_id": "ann",
            "source": "layer",
            "layer": "rotation",
            "override_id": None,
            "entry_id": None,
        }
        assert await follower.news() == []

    async def test_all_that_happened_meanwhile_in_order(self, stored: Stored) -> None:
        other = {**DAILY, "id": "other", "participants": ["cat", "dan"]}
        follower = await bot(stored, DAILY, other)
        stored.at(june(3, 12))
        told = await follower.lines()
        assert told == ["02:00 bob", "02:00 dan", "03:00 ann", "03:00 cat"]

    async def test_a_gap_with_its_end(self, stored: Stored) -> None:
        follower = await bot(stored, EMPTY)
        await entry(follower.me, "cat", june(2), june(3), "empty")
        await entry(follower.me, "cat", june(5), june(6), "empty")
        await follower.news()
        stored.at(june(3))
        handoff, gap = await follower.news()
        assert (handoff["user_id"], handoff["previous_user_id"]) == ("cat", None)
        assert (handoff["source"], handoff["layer"]) == ("entry", None)
        assert {**gap, "id": ""} == {
            "type": "gap",
            "id": "",
            "at": june(3),
            "schedule_id": "empty",
            "schedule_name": "By hand",
            "team_id": "team",
            "until": june(5),
            "previous_user_id": "cat",
        }
        stored.at(june(7))
        assert (await follower.news())[-1]["until"] is None

    async def test_ahead_they_are_told_before_they_begin(self, stored: Stored) -> None:
        follower = Bot(await scene(stored, DAILY), query="ahead=36")
        assert await follower.lines() == ["02:00 bob"]
        stored.at(june(1, 12))
        assert await follower.lines() == ["03:00 ann"]
        follower.query = "ahead=0"
        assert await follower.news() == []
        stored.at(june(4))
        assert await follower.lines() == ["04:00 bob"]

    @pytest.mark.parametrize("limit", [1, 2, 3])
    async def test_in_small_answers_as_in_one(self, stored: Stored, limit: int) -> None:
        more = [{**DAILY, "id": f"daily{number}"} for number in range(3)]
        follower = await bot(stored, DAILY, *more)
        small = Bot(follower.me, follower.since, f"limit={limit}")
        stored.at(june(3))
        await override(follower.me, "cat", june(3), june(4))
        await entry(follower.me, "dan", june(2), june(5))
        told, whole = await small.news(), await follower.news()
        assert by_id(told) == by_id(whole)
        assert small.since == follower.since

    async def test_from_an_instant_on(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        stored.at(june(4, 12))
        assert await Bot(me, june(2, 12)).lines() == ["03:00 ann", "04:00 bob"]
        told = await Bot(me, "2025-01-01T00:00:00Z").lines()
        assert told == [
            *("01:00 schedule.created", "01:00 ann", "02:00 bob", "03:00 ann", "04:00 bob"),
        ]

    async def test_what_is_told_again_has_its_id(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        stored.at(june(4, 12))
        first, second = [await Bot(me, june(number)).news() for number in (1, 2)]
        assert [each["id"] for each in first[-2:]] == [each["id"] for each in second[-2:]]
        assert len({each["id"] for each in first}) == len(first)

    async def test_after_months(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY, query="limit=80")
        stored.at("2027-12-01T00:00:00Z")
        answer = await follower.once()
        assert (len(answer["data"]), answer["more"]) == (80, True)
        assert len(await follower.news()) == 548 - 80

    async def test_one_answer_lays_out_only_so_much(self, stored: Stored) -> None:
        follower = await bot(stored, {**EMPTY, "id": "first"})
        stored.at("2027-12-01T00:00:00Z")
        answer = await follower.once()
        assert (answer["data"], answer["more"]) == ([], True)
        assert await follower.news() == []

    async def test_of_nothing_there_is_nothing(self, stored: Stored) -> None:
        follower = Bot(stored.me)
        assert await follower.news() == []
        stored.clock.advance(1000)
        assert await follower.news() == []
        assert await Bot(stored.me, "2025-01-01T00:00:00Z").news() == []


class TestWrites:
    async def test_what_one_looks_like(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY)
        key, presented = await stored.key(name="laptop")
        stored.at(june(1, 6))
        await stored.caller(presented).update(f"{V2}/schedules/daily", {"name": "New"})
        write, present = await follower.news()
        audit = (await follower.me.read(f"{V2}/schedules/daily/audit"))[-1]
        assert write == {
            "type": "write",
            "id": f"write_{audit['id']}",
            "at": june(1, 6),
            "schedule_id": "daily",
            "schedule_name": "New",
            "team_id": "team",
            "action": "schedule.updated",
            "version": 2,
            "audit_id": audit["id"],
            "actor": {"key_id": key.id, "key_name": "laptop"},
        }
        assert line(present) == "01:00 ann"

    async def test_a_new_schedule_and_who_has_it(self, stored: Stored) -> None:
        follower = await bot(stored)
        stored.at(june(1, 12))
        await follower.me.create(f"{V2}/schedules", DAILY)
        assert await follower.lines() == ["01:12 schedule.created", "01:12 ann"]

    async def test_one_that_moves_nobody_tells_the_present_turn_again(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY)
        stored.at(june(2, 6))
        [before] = await follower.news()
        await follower.me.update(f"{V2}/schedules/daily", {"name": "New"})
        _, after = await follower.news()
        assert after == {**before, "schedule_name": "New"}

    async def test_one_that_moves_the_present_turn(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY)
        stored.at(june(1, 12))
        assert await follower.news() == []
        await override(follower.me, "cat", june(1, 6), june(1, 18))
        told = await follower.news()
        assert [line(each) for each in told] == ["01:12 override.created", "01:06 cat"]
        assert told[1]["previous_user_id"] == "ann"
        stored.at(june(1, 18))
        assert await follower.lines() == ["01:18 ann"]

    async def test_one_that_leaves_nobody_tells_the_gaps_to_come(self, stored: Stored) -> None:
        follower = await bot(stored, EMPTY)
        await entry(follower.me, "cat", june(1), june(2), "empty")
        await entry(follower.me, "ann", june(4), june(5), "empty")
        told = await follower.news()
        assert [line(each) for each in told][-3:] == ["01:00 cat", "02:00 nobody", "05:00 nobody"]
        again = await follower.news()
        assert again == []
        stored.at(june(2))
        [gap] = await follower.news()
        assert gap == told[-2]
        await entry(follower.me, "dan", june(3), june(4), "empty")
        shorter = (await follower.news())[1]
        assert line(shorter) == "02:00 nobody"
        assert shorter["id"] != gap["id"]

    async def test_only_so_many_gaps_to_come(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handlers, "GAPS_AHEAD", 1)
        follower = await bot(stored, EMPTY)
        await entry(follower.me, "cat", june(1), june(2), "empty")
        await entry(follower.me, "ann", june(4), june(5), "empty")
        assert (await follower.lines())[-1] == "02:00 nobody"

    async def test_one_by_a_clock_that_is_behind(self, stored: Stored) -> None:
        """The turns were told to noon when somebody else writes, for whom it is 11:59."""
        follower = await bot(stored, DAILY)
        stored.at(june(1, 12))
        assert await follower.news() == []
        stored.at("2026-06-01T11:59:00Z")
        edit = {"participants": ["cat", "dan"]}
        await follower.me.update(f"{V2}/schedules/daily", edit)
        told = await follower.news()
        assert [each.get("user_id") for each in told] == [None, "cat"]
        assert told[1]["at"] == "2026-06-01T11:59:00Z"

    async def test_turns_to_come_are_told_again(self, stored: Stored) -> None:
        follower = Bot(await scene(stored, DAILY), query="ahead=60")
        assert await follower.lines() == ["02:00 bob", "03:00 ann"]
        await override(follower.me, "cat", june(2, 6), june(2, 18))
        told = await follower.lines()
        assert told == [
            *("01:00 override.created", "01:00 ann"),
            *("02:00 bob", "02:06 cat", "02:18 bob", "03:00 ann"),
        ]

    async def test_one_that_was_deleted(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY)
        await follower.me.delete_at(f"{V2}/schedules/daily")
        [write] = await follower.news()
        assert (write["action"], write["schedule_name"]) == ("schedule.deleted", None)
        stored.at(june(3))
        assert await follower.news() == []

    async def test_while_a_batch_is_told_others_are_written(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY, query="limit=1")
        await override(follower.me, "cat", june(1), june(2))
        assert [line(each) for each in (await follower.once())["data"]] == [
            "01:00 override.created"
        ]
        await override(follower.me, "dan", june(1), june(2))
        assert await follower.lines() == [
            *("01:00 dan", "01:00 override.created", "01:00 dan"),
        ]

    async def test_one_answer_tells_only_so_many(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handlers, "NOTES", 1)
        monkeypatch.setattr(handlers, "BATCHES", 2)
        follower = await bot(stored, DAILY)
        for day in (2, 3, 4):
            await override(follower.me, "cat", june(day), june(day + 1))
        stored.at(june(2))
        first = await follower.once()
        assert (len(first["data"]), first["more"]) == (4, True)
        assert (await follower.lines())[-1] == "02:00 cat"
        assert sum(each["type"] == "write" for each in follower.told) == 3

    async def test_a_person_who_is_gone(self, stored: Stored) -> None:
        follower = await bot(stored, EMPTY)
        await entry(follower.me, "cat", june(1), june(2), "empty")
        stored.at(june(3))
        await follower.me.delete_at(f"{V2}/users/cat")
        told = await follower.news()
        assert [each.get("user_name", "") for each in told] == ["", None, ""]


class TestCovers:
    """bob asks cat and dan to take 2 June."""

    async def asked(self, stored: Stored) -> Bot:
        follower = await bot(stored, DAILY)
        day = {"start": june(2), "end": june(3), "reason": "Concert"}
        body = {"id": "c", "user_id": "bob", "offered_to": ["cat", "dan"], **day}
        await follower.me.create(f"{V2}/schedules/daily/covers", body)
        return follower

    async def test_what_a_request_looks_like(self, stored: Stored) -> None:
        follower = await self.asked(stored)
        asked, present = await follower.news()
        [*_, audit] = await follower.me.read(f"{V2}/schedules/daily/audit")
        assert asked == {
            "type": "cover",
            "id": f"cover_{audit['id']}",
            "at": june(1),
            "schedule_id": "daily",
            "schedule_name": "Daily",
            "team_id": "team",
            "action": "cover.requested",
            "version": 2,
            "audit_id": audit["id"],
            "actor": audit["actor"],
            "cover_id": "c",
            "state": "open",
            "user_id": "bob",
            "start": june(2),
            "end": june(3),
            "reason": "Concert",
            "offered_to": ["cat", "dan"],
            "answered_by": None,
            "accepted": [],
        }
        assert line(present) == "01:00 ann"

    async def test_what_becomes_of_it(self, stored: Stored) -> None:
        follower = await self.asked(stored)
        await follower.news()
        refusal = {"user_id": "cat", "reason": "Away"}
        for answer, body in (
            ("accept", {"user_id": "dan", "end": june(2, 6)}),
            ("refuse", refusal),
            ("accept", {"user_id": "dan", "start": june(2, 6), "end": june(2, 12)}),
        ):
            await follower.me.create(f"{V2}/covers/c/{answer}", body)
        await follower.me.delete_at(f"{V2}/covers/c")
        told = [each for each in await follower.news() if each["type"] == "cover"]
        assert [(each["action"], each["state"], each["answered_by"]) for each in told] == [
            ("cover.accepted", "open", "dan"),
            ("cover.refused", "open", "cat"),
            ("cover.accepted", "open", "dan"),
            ("cover.withdrawn", "withdrawn", None),
        ]
        parts = [[(one["start"], one["end"]) for one in each["accepted"]] for each in told]
        assert parts == [[(june(2), june(2, 6))], [], [(june(2, 6), june(2, 12))], []]
        assert {each["cover_id"] for each in told} == {"c"}

    async def test_the_last_answer_closes_it(self, stored: Stored) -> None:
        follower = await self.asked(stored)
        await follower.me.create(f"{V2}/covers/c/accept", {"user_id": "cat"})
        told = (await follower.news())[1]
        assert (told["state"], told["answered_by"]) == ("accepted", "cat")
        [made] = await follower.me.read(f"{V1}/schedules/daily/overrides")
        [part] = told["accepted"]
        assert part["override_id"] == made["id"]

    async def test_one_that_is_told_again_is_the_same(self, stored: Stored) -> None:
        follower = await self.asked(stored)
        since = follower.since
        first = await follower.news()
        await follower.me.create(f"{V2}/covers/c/accept", {"user_id": "cat"})
        again = await Bot(follower.me, since, "limit=1").news()
        assert again[0] == first[0]
        from_the_start = await Bot(follower.me, june(1)).news()
        assert first[0] in from_the_start

    async def test_of_a_schedule_that_was_deleted(self, stored: Stored) -> None:
        follower = await self.asked(stored)
        await follower.me.delete_at(f"{V2}/schedules/daily")
        asked, deleted = await follower.news()
        assert (asked["cover_id"], asked["state"]) == ("c", "open")
        gone = ("schedule_name", "user_id", "start", "end", "reason", "offered_to")
        assert {asked[name] for name in gone} == {None}
        assert line(deleted) == "01:00 schedule.deleted"


class TestCursors:
    async def test_one_is_good_on_any_process(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY)
        assert follower.since is not None
        found = cursor_in(follower.since)
        assert found is not None
        assert found.text() == follower.since

    @pytest.mark.parametrize(
        "text",
        ["", "x", "yesterday", "2026-06-01", "é", "AAAA", "2026-06-01T00:00:00", "W10", "a" * 400],
    )
    async def test_what_is_none(self, stored: Stored, text: str) -> None:
        faults = faults_in(await stored.me.get(f"{CHANGES}?since={text}"))
        assert list(faults) == ["since"]

    @pytest.mark.parametrize(
        "cursor",
        [
            Cursor(-1, (0, ""), 0),
            Cursor(2, (0, ""), 1),
            Cursor(0, (10**17, ""), 0),
            Cursor(0, (0, "x" * 65), 0),
            Cursor(0, (0, ""), 2**63),
            Cursor(0, (0, ""), 1, (-(10**17), "")),
        ],
    )
    async def test_what_the_service_never_made(self, stored: Stored, cursor: Cursor) -> None:
        assert faults_in(await stored.me.get(f"{CHANGES}?since={cursor.text()}"))

    async def test_an_instant_to_come_is_none(self, stored: Stored) -> None:
        await scene(stored, DAILY)
        assert faults_in(await stored.me.get(f"{CHANGES}?since={june(1, 1)}")) == {
            "since": "is to come: write an instant that has been"
        }

    @pytest.mark.parametrize("query", ["ahead=745", "ahead=-1", "ahead=x", "limit=0", "limit=1001"])
    async def test_bounds(self, stored: Stored, query: str) -> None:
        assert faults_in(await stored.me.get(f"{CHANGES}?{query}"))

    async def test_another_organisation_is_not_told(self, stored: Stored) -> None:
        follower = await bot(stored, DAILY)
        stranger = Bot(await stored.stranger(), june(1))
        stored.at(june(3))
        await override(follower.me, "cat", june(3), june(4))
        assert await stranger.news() == []

    async def test_it_needs_the_scope(self, stored: Stored) -> None:
        caller = await stored.with_scopes("oncall:write")
        assert code_of(await caller.get(CHANGES)) == (403, "forbidden")


async def present_turns(me: Caller, ids: Sequence[str], at: str) -> dict[str, str | None]:
    return {each: await who(me, at, each) for each in ids}


@pytest.mark.parametrize("seed", range(6))
async def test_whoever_is_on_call_has_been_told(stored: Stored, seed: int) -> None:
    """Writers whose clocks differ by minutes, and a bot that asks now and then."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    ids = ["one", "two"]
    follower = await bot(stored, *({**DAILY, "id": each} for each in ids))
    follower.query = chance.choice(["limit=1", "limit=3", ""])
    known: dict[str, str | None] = dict.fromkeys(ids, "ann")
    hour = 0.0
    for _ in range(40):
        hour += chance.choice([0, 0, 0.1, 3, 15])
        schedule = chance.choice(ids)
        stored.at(instant(hour - chance.choice([0, 0, 0.05])))
        if chance.random() < 0.3:
            people = chance.sample(["ann", "bob", "cat", "dan"], chance.choice([0, 1, 2, 3]))
            await follower.me.patch(f"{V2}/schedules/{schedule}", {"participants": people})
        elif chance.random() < 0.6:
            start = hour + chance.uniform(-5, 5)
            body = {"start_at": instant(start), "end_at": instant(start + chance.uniform(1, 20))}
            person = chance.choice(["ann", "bob", "cat", "dan"])
            await follower.me.post(
                f"{V1}/schedules/{schedule}/overrides", {"user_id": person, **body}
            )
        if chance.random() < 0.6:
            stored.at(instant(hour))
            for each in await follower.news():
                if each["type"] != "write" and each["at"] <= instant(hour):
                    known[each["schedule_id"]] = each.get("user_id")
            assert known == await present_turns(follower.me, ids, instant(hour))


def instant(hour: float) -> str:
    seconds = round(hour * 3600)
    days, rest = divmod(seconds, 86_400)
    day = 1 + days
    text = f"2026-06-{day:02}" if 1 <= day <= 30 else f"2026-07-{day - 30:02}"
    if day < 1:
        text = "2026-05-31"
    return f"{text}T{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}Z"


async def test_concurrent_writers_leave_nothing_out(stored: Stored) -> None:
    """Records become visible in the order of their ids, so a cursor passes over none."""
    ids = [f"many{number}" for number in range(4)]
    follower = await bot(stored, *({**DAILY, "id": each} for each in ids))
    callers = [await stored.with_scopes() for _ in range(16)]
    done = asyncio.Event()

    async def write(number: int, caller: Caller) -> None:
        for turn in range(2):
            path = f"{V2}/schedules/{ids[(number + turn) % len(ids)]}"
            response = await caller.post(
                f"{path}/entries",
                {
                    "user_id": "cat",
                    "start": june(2 + turn, number),
                    "end": f"2026-06-{2 + turn:02}T{number:02}:30:00Z",
                },
            )
            assert response.status_code in (201, 503), response.text

    async def follow() -> None:
        while not done.is_set():
            await follower.once()
            stored.clock.advance(2)

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(number, caller) for number, caller in enumerate(callers)))
    done.set()
    await following
    await follower.news()
    told = [each["audit_id"] for each in follower.told if each["type"] == "write"]
    written = [
        each["id"]
        for schedule in ids
        for each in (await follower.me.read(f"{V2}/schedules/{schedule}/audit?limit=100"))[1:]
    ]
    assert sorted(told) == sorted(written)
    assert told == sorted(told, key=int)
